from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import matplotlib as mpl
import numpy as np
import pytest

from malca.plots import style
from malca.plots.lightcurve import plot_lightcurve
from malca.search.points import usable_points

FIRST_JD = 2458000.5


def artists(ax, gid):
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def spans(ax):
    return [patch for patch in ax.patches if str(patch.get_gid()).startswith("event-")]


def channel_points(ax, label):
    container = next(c for c in ax.containers if c.get_label() == label)
    return container.lines[0].get_xydata()


def test_points_are_drawn_by_channel_on_an_inverted_axis(batch):
    figure = plot_lightcurve(batch, 0)
    main, below = figure.axes
    assert main.yaxis_inverted()
    assert below.yaxis_inverted()
    assert main.get_ylabel() == "V and g (mag)"
    assert below.get_ylabel() == "Δ median (mag)"
    assert below.get_xlabel() == "JD − 2450000"
    star = batch.star(0)
    usable = style.point_kinds(star).usable
    assert [c.get_label() for c in main.containers] == ["ba V", "bF g", "bi g"]
    for camera, label in enumerate(["ba V", "bi g", "bF g"]):
        own = usable & (star.camera == camera)
        drawn = channel_points(main, label)
        np.testing.assert_allclose(drawn[:, 0], star.jd[own] - 2450000, atol=1e-9)
        np.testing.assert_allclose(drawn[:, 1], star.mag[own])
    assert main.containers[0].lines[0].get_markerfacecolor() == "white"
    assert main.containers[1].lines[0].get_markerfacecolor() != "white"


def test_faint_points_are_drawn_apart(batch):
    main, below, *_ = plot_lightcurve(batch, 0).axes
    counts = {kind: sum(len(a.get_xdata()) for a in artists(main, f"faint-{kind}"))
              for kind in ("bad", "saturated", "limit")}  # fmt: skip
    assert counts == {"bad": 3, "saturated": 2, "limit": 4}
    assert artists(below, "faint-bad")
    assert not artists(below, "faint-limit")


def test_the_years_are_on_top(batch):
    figure = plot_lightcurve(batch, 0)
    figure.draw_without_rendering()
    calendar = next(ax for ax in figure.axes[0].child_axes if ax.get_gid() == "calendar")
    assert [text.get_text() for text in calendar.get_xticklabels()] == ["2018", "2019", "2020"]
    np.testing.assert_allclose(calendar.get_xticks(), [8119.5, 8484.5, 8849.5])


def test_events_are_shaded_marked_and_zoomed_best_first(batch, events):
    figure = plot_lightcurve(batch, 0, events=events, max_zooms=2)
    main, below, *zooms = figure.axes
    for ax in (main, below):
        kinds = sorted(patch.get_gid() for patch in spans(ax))
        assert kinds == ["event-dip", "event-dip", "event-jump"]
    looks = {patch.get_gid(): (patch.get_facecolor(), patch.get_hatch()) for patch in spans(main)}
    assert looks["event-dip"][0] != looks["event-jump"][0]
    assert looks["event-dip"][1] is None
    assert looks["event-jump"][1] is not None
    assert len(zooms) == 2
    titles = [ax.get_title("left") for ax in zooms]
    assert titles[0].startswith("1  dip, 2018 Jul 21")
    assert titles[1].startswith("2  jump")
    start = FIRST_JD + 300 - 2450000
    extent = spans(zooms[0])[0].get_extents().transformed(zooms[0].transData.inverted())
    assert (extent.x0, extent.x1) == pytest.approx((start, start + 40))
    low, high = zooms[0].get_xlim()
    assert low < start < start + 40 < high
    assert all(ax.yaxis_inverted() for ax in zooms)


def test_a_zoom_shows_the_fitted_profile(batch, events):
    figure = plot_lightcurve(batch, 0, events=events)
    profiles = [artists(ax, "profile")[0].get_ydata() for ax in figure.axes[2:]]
    assert profiles[0].max() == pytest.approx(0.5, abs=1e-3)
    assert profiles[1].min() == pytest.approx(-0.3, abs=1e-3)
    bare = events.drop(columns=["morphology", "amp_mag", "t0_jd", "width_days", "skewness"])
    assert not artists(plot_lightcurve(batch, 0, events=bare).axes[2], "profile")


def test_an_event_of_hours_stays_visible(batch, events):
    short = events.iloc[[1]].assign(jd_end=lambda table: table["jd_start"] + 0.05)
    main = plot_lightcurve(batch, 0, events=short).axes[0]
    extent = spans(main)[0].get_extents().transformed(main.transData.inverted())
    assert extent.width >= 0.0024 * np.ptp(main.get_xlim())


def test_the_baseline_is_broken_at_gaps_and_gives_the_residuals(make_batch):
    jd = FIRST_JD + np.concatenate([np.arange(0, 50.0), np.arange(300, 350.0)])
    batch = make_batch([{"jd": jd, "mag": 13.0 + 0.001 * (jd - FIRST_JD)}], ["bi"])
    points = usable_points(batch)
    baseline = style.baseline_arrays(points, 12.9 + 0.001 * (jd - FIRST_JD), batch, 0)
    main, below = plot_lightcurve(batch, 0, baseline=baseline).axes
    (line,) = artists(main, "baseline-bi g")
    assert np.isnan(line.get_ydata()).sum() == 1
    assert below.get_ylabel() == "residual (mag)"
    np.testing.assert_allclose(channel_points(below, "bi g")[:, 1], 0.1, atol=1e-6)
    with pytest.raises(ValueError, match="differ in length"):
        plot_lightcurve(batch, 0, baseline=(jd, baseline[1][:-1], baseline[2]))


def test_the_fold_has_the_best_event_at_phase_0_twice(batch, events):
    period = 123.4
    figure = plot_lightcurve(batch, 0, events=events, period_days=period)
    fold = figure.axes[-1]
    assert fold.get_xlabel() == "phase"
    assert "123.4 d" in fold.get_title("left")
    star = batch.star(0)
    own = style.point_kinds(star).usable & (star.camera == 1)
    expected = (star.jd[own] - (FIRST_JD + 320)) / period
    first, second = (c.lines[0].get_xdata() for c in fold.containers if c.get_label() == "bi g")
    np.testing.assert_allclose((first - expected) - np.round(first - expected), 0.0, atol=1e-9)
    assert first.min() >= -0.5
    assert first.max() < 0.5
    np.testing.assert_allclose(second, first + 1)
    with pytest.raises(ValueError, match="positive"):
        plot_lightcurve(batch, 0, period_days=-1.0)


def test_stray_points_are_marked_at_the_edge(make_batch):
    jd = FIRST_JD + np.arange(200.0)
    mag = 13.0 + 0.01 * np.sin(jd)
    mag[[50, 60]] = [16.0, 10.0]
    main = plot_lightcurve(make_batch([{"jd": jd, "mag": mag}], ["bi"]), 0).axes[0]
    marked = sorted(artist.get_xdata()[0] for artist in artists(main, "outside"))
    np.testing.assert_allclose(marked, jd[[50, 60]] - 2450000)


def test_title_and_summary(batch, events):
    figure = plot_lightcurve(batch, 0, events=events)
    assert figure.get_suptitle() == "ASAS-SN 377957522430"
    assert "300 points · 3 cameras · 2 dips · 1 jump" in [text.get_text() for text in figure.texts]
    assert plot_lightcurve(batch, 0, title="TYC 1").get_suptitle() == "TYC 1"


@pytest.mark.parametrize("n", [0, 1, 5])
def test_draws_stars_with_hardly_anything_to_draw(n, make_batch):
    star = {
        "jd": FIRST_JD + np.arange(n, dtype=float),
        "mag": np.full(n, np.nan),
        "mag_err": np.full(n, np.nan),
    }
    figure = plot_lightcurve(make_batch([star], ["bi"]), 0, period_days=1.0)
    figure.savefig(io.BytesIO(), format="png", dpi=30)


@pytest.mark.parametrize(("kind", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_saves_without_pyplot(batch, events, kind, magic):
    before = dict(mpl.rcParams)
    target = io.BytesIO()
    plot_lightcurve(batch, 0, events=events).savefig(target, format=kind, dpi=40)
    assert target.getvalue().startswith(magic)
    assert dict(mpl.rcParams) == before
    assert not mpl._pylab_helpers.Gcf.figs


def test_threads_draw_what_one_thread_draws(batch, events):
    def draw(i):
        target = io.BytesIO()
        plot_lightcurve(batch, i, events=events).savefig(target, format="png", dpi=30)
        return target.getvalue()

    alone = [draw(0), draw(1)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, [0, 1, 0, 1])) == alone * 2


@pytest.mark.real_data
def test_draws_a_real_dipper(real_data):
    from malca.datasets.readers import read_lightcurve

    batch = read_lightcurve(real_data / "skypatrol2" / "377957522430-light-curves.csv")
    figure = plot_lightcurve(batch, 0, period_days=20.0)
    labels = [container.get_label() for container in figure.axes[0].containers]
    assert labels == ["bd V", "bh V", "bD g", "bH g", "bl g", "bp g", "bt g"]
    figure.savefig(io.BytesIO(), format="png", dpi=40)
