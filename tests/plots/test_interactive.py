from __future__ import annotations

import json

import numpy as np
import pytest

from malca.plots import style
from malca.plots.interactive import interactive_lightcurve
from malca.plots.lightcurve import plot_lightcurve
from malca.search.points import usable_points

FIRST_JD = 2458000.5


def named(figure, name, axis="x"):
    return [trace for trace in figure.data if trace.name == name and trace.xaxis == axis]


def spans(figure, axis):
    return [s for s in figure.layout.shapes if s.xref == axis and str(s.name).startswith("event-")]


def test_points_carry_camera_band_date_magnitude_error_quality_and_field(batch):
    figure = interactive_lightcurve(batch, 0)
    star = batch.star(0)
    own = style.point_kinds(star).usable & (star.camera == 1)
    (trace,) = named(figure, "bi g")
    np.testing.assert_allclose(trace.x, star.jd[own] - 2450000, atol=1e-5)
    np.testing.assert_allclose(trace.y, star.mag[own], atol=1e-5)
    np.testing.assert_allclose(
        trace.customdata, np.stack([star.jd[own], star.mag[own], star.mag_err[own]], axis=1), atol=1e-5
    )
    np.testing.assert_allclose(trace.error_y.array, star.mag_err[own], atol=1e-5)
    assert trace.text == "camera bi, g band · quality good · field F1130-21"
    for part in ("%{text}", "customdata[0]", "customdata[1]", "customdata[2]"):
        assert part in trace.hovertemplate
    (bad,) = named(figure, "flagged bad, or error > 1 mag")
    assert list(bad.text) == [f"camera {c}, {b} band · quality bad · field F1130-21"
                              for c, b in (("ba", "V"), ("bi", "g"), ("bF", "g"))]  # fmt: skip


def test_magnitudes_grow_downwards_in_every_panel(batch, events):
    layout = interactive_lightcurve(batch, 0, events=events, period_days=30.0).layout
    axes = [layout[name] for name in layout if name.startswith("yaxis")]
    assert len(axes) == 2 + 3 + 1
    assert all(axis.range[0] > axis.range[1] for axis in axes)
    assert layout.xaxis2.matches == "x"


def test_hiding_a_channel_hides_it_in_every_panel(batch, events):
    figure = interactive_lightcurve(batch, 0, events=events, period_days=30.0)
    own = [trace for trace in figure.data if trace.name == "bi g"]
    assert len(own) == 2 + 3 + 2
    assert {trace.legendgroup for trace in own} == {"bi g"}
    assert [trace.showlegend for trace in own].count(True) == 1


def test_looks_are_those_of_the_static_figure(batch):
    still = plot_lightcurve(batch, 0).axes[0].containers
    moving = interactive_lightcurve(batch, 0)
    for container in still:
        (trace,) = named(moving, container.get_label())
        assert trace.marker.color == container.lines[0].get_markeredgecolor()
        assert trace.marker.symbol.endswith("-open") == (container.get_label() == "ba V")


def test_events_are_shaded_in_both_upper_panels_and_zoomed_best_first(batch, events):
    figure = interactive_lightcurve(batch, 0, events=events, max_zooms=2)
    for axis in ("x", "x2"):
        assert sorted(s.name for s in spans(figure, axis)) == ["event-dip", "event-dip", "event-jump"]
    (zoomed,) = spans(figure, "x3")
    assert (zoomed.x0, zoomed.x1) == (FIRST_JD + 300 - 2450000, FIRST_JD + 340 - 2450000)
    assert not spans(figure, "x5")
    texts = [note.text for note in figure.layout.annotations]
    assert any(text.startswith("<b>1  dip, 2018 Jul 21</b>") for text in texts)
    assert [text for text in texts if text[0] in "▼▲"] == ["▼1", "▲2", "▼"]
    (profile,) = named(figure, "fitted profile", "x3")
    assert np.max(profile.y) == pytest.approx(0.5, abs=1e-3)
    jump = next(s for s in spans(figure, "x") if s.name == "event-jump")
    dip = next(s for s in spans(figure, "x") if s.name == "event-dip")
    assert (jump.fillcolor, jump.line.dash) != (dip.fillcolor, dip.line.dash)


def test_the_years_are_on_top(batch):
    notes = interactive_lightcurve(batch, 0).layout.annotations
    assert {note.text: note.x for note in notes} == {"2018": 8119.5, "2019": 8484.5, "2020": 8849.5}


def test_baseline_and_limits_are_drawn_once_in_the_legend(batch):
    points = usable_points(batch)
    baseline = style.baseline_arrays(points, points.mag, batch, 0)
    figure = interactive_lightcurve(batch, 0, baseline=baseline)
    lines = named(figure, "baseline")
    assert len(lines) == 3
    assert [trace.showlegend for trace in lines] == [True, False, False]
    (limits,) = named(figure, "upper limit")
    assert len(limits.x) == 4
    np.testing.assert_allclose(limits.y, figure.layout.yaxis.range[0], atol=1e-5)
    assert "upper limit" in limits.hovertemplate


def test_page_stands_alone_and_holds_the_data(batch, events):
    figure = interactive_lightcurve(batch, 0, events=events, title="a title")
    page = figure.to_html(include_plotlyjs=True)
    assert "a title" in page
    assert "camera bi, g band" in page
    assert 'src="http' not in page
    assert len(page) > 1_000_000
    content = json.loads(figure.to_json())
    assert len(content["data"]) == len(figure.data)


@pytest.mark.parametrize("n", [0, 3])
def test_draws_stars_with_hardly_anything_to_draw(n, make_batch):
    star = {
        "jd": FIRST_JD + np.arange(float(n)),
        "mag": np.full(n, np.nan),
        "mag_err": np.full(n, np.nan),
    }
    figure = interactive_lightcurve(make_batch([star], ["bi"]), 0, period_days=2.0)
    assert json.loads(figure.to_json())
    with pytest.raises(ValueError, match="positive"):
        interactive_lightcurve(make_batch([star], ["bi"]), 0, period_days=0.0)
