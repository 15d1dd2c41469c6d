from __future__ import annotations

import io

import numpy as np
import pandas as pd

from malca.lightcurves import Camera
from malca.plots.candidates import (
    Fact,
    comparison,
    facts_of,
    filter_names,
    fit_baselines,
    narrowed,
    plot_candidate,
    rank_candidates,
    shown_verdicts,
    verdicts_of,
)
from malca.plots.lightcurve import plot_lightcurve
from malca.plots.style import baseline_arrays
from malca.search.detect import detect_events
from malca.search.parameters import SearchParameters

FILTERS = ["evidence", "score", "gaia_ruwe"]


def rejection(filter, branch, outcome="failed", reason="too little", value=3.0, threshold=10.0):
    return {
        "filter": filter, "branch": branch, "outcome": outcome, "reason": reason, "value": value,
        "threshold": threshold,
    }  # fmt: skip


REJECTIONS = pd.DataFrame(
    [
        rejection("evidence", "jump"),
        rejection("gaia_ruwe", "dip", "unknown", "no RUWE from Gaia", np.nan, 1.4),
        rejection("gaia_ruwe", "jump", "unknown", "no RUWE from Gaia", np.nan, 1.4),
    ]
)


def told(verdicts):
    return [(row.filter, row.branch, row.outcome) for row in verdicts.itertuples()]


def test_only_the_branches_that_passed_speak():
    assert told(verdicts_of("dip", REJECTIONS, FILTERS)) == [
        ("evidence", "", "passed"),
        ("score", "", "passed"),
        ("gaia_ruwe", "", "unknown"),
    ]
    assert told(verdicts_of("both", REJECTIONS, FILTERS)) == [
        ("evidence", "dip", "passed"),
        ("evidence", "jump", "failed"),
        ("score", "", "passed"),
        ("gaia_ruwe", "dip", "unknown"),
        ("gaia_ruwe", "jump", "unknown"),
    ]
    assert told(verdicts_of("dip", REJECTIONS.iloc[:0], [])) == []


def test_verdicts_are_shown_with_reasons_and_numbers():
    shown = shown_verdicts(verdicts_of("jump", REJECTIONS, FILTERS))
    assert [row["sign"] for row in shown] == ["✗", "✓", "?"]
    assert shown[0]["compared"] == "3 | 10"
    assert shown[0]["reason"] == "too little"
    assert shown[1]["reason"] == ""
    assert shown[2]["compared"] == ""
    assert comparison(2.0, None) == "2"


def test_filters_are_named_in_their_order():
    attrition = pd.DataFrame(
        {
            "stage": ["search", "filter", "filter", "candidates", "filter", "filter"],
            "filter": ["", "score", "evidence", "", "score", "evidence"],
        }
    )
    assert filter_names(attrition) == ["score", "evidence"]


def test_candidates_are_ranked_by_the_branch_that_passed():
    table = pd.DataFrame(
        {
            "asas_sn_id": [1, 2, 3, 4, 5],
            "passed_branch": ["dip", "jump", "both", "dip", "dip"],
            "dipper_score": [2.0, 9.0, 1.0, np.nan, 2.0],
            "jumper_score": [9.0, 1.0, 3.0, 9.0, 9.0],
        }
    )
    ranked = rank_candidates(table.sample(frac=1, random_state=1))
    assert ranked["asas_sn_id"].tolist() == [3, 1, 5, 2, 4]
    assert ranked["score"].tolist()[:4] == [3.0, 2.0, 2.0, 1.0]
    assert rank_candidates(table.iloc[:0]).empty


def test_facts_are_those_that_are_known():
    candidate = pd.Series(
        {
            "ra_deg": 30.0, "dec_deg": -20.5, "baseline_mag": 13.21, "dip_count": 2, "jump_count": 0,
            "vsx_class": None, "ruwe": np.nan, "period_consensus_days": pd.NA, "pm_total_masyr": 12.0,
        },
        dtype=object,
    )  # fmt: skip
    assert facts_of(candidate) == [
        Fact("position", "30.00000° -20.50000°"),
        Fact("brightness", "13.21 mag"),
        Fact("dips", "2"),
        Fact("proper motion", "12 mas/yr"),
    ]


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_a_figure_tells_what_each_filter_said(batch, events):
    verdicts = verdicts_of("jump", REJECTIONS, FILTERS)
    figure = plot_candidate(batch, 0, verdicts, [Fact("RUWE", "1.04")], events=events)
    figure.savefig(io.BytesIO(), dpi=30)
    assert {"What each filter said", "evidence", "gaia ruwe", "no RUWE from Gaia", "3 | 10"} <= set(
        texts(figure)
    )
    assert {"What is known", "RUWE", "1.04"} <= set(texts(figure))
    panels = [ax.get_position().x1 for ax in figure.axes]
    verdict = [text for text in figure.texts if text.get_gid() == "verdict-evidence"]
    assert max(panels) < verdict[0].get_position()[0]


def test_many_and_no_verdicts_stay_on_the_figure(batch, events):
    many = pd.concat([verdicts_of("jump", REJECTIONS, FILTERS)] * 6, ignore_index=True)
    figure = plot_candidate(batch, 0, many, events=events.iloc[:0])
    assert all(0 < text.get_position()[1] < 1 for text in figure.texts)
    assert "no filter judged this star" in texts(plot_candidate(batch, 0, many.iloc[:0]))


def test_a_narrow_figure_has_its_legend_inside(batch, events):
    figure = narrowed(plot_lightcurve(batch, 0, events=events), (8.0, 5.5))
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


def test_the_baseline_is_that_of_the_search(make_batch, rng):
    jd = np.sort(2458000.0 + rng.uniform(0, 1000, 400))
    star = {"jd": jd, "mag": 13.0 + rng.normal(0, 0.01, 400), "camera": np.arange(400) % 2}
    batch = make_batch([star], ["ba", "bb"])
    parameters = SearchParameters()
    (jd, mag, labels) = fit_baselines(batch, parameters)[0]
    found = detect_events(batch, parameters)
    for got, wanted in zip(
        (jd, mag, labels), baseline_arrays(found.points, found.baseline.mean, batch, 0), strict=True
    ):
        assert (got == wanted).all()


def test_cameras_the_search_left_out_have_no_baseline(make_batch, rng):
    jd = np.sort(2458000.0 + rng.uniform(0, 1000, 400))
    star = {"jd": jd, "mag": 13.0 + rng.normal(0, 0.01, 400), "camera": np.arange(400) % 2}
    batch = make_batch([star], [])
    numbered = batch.__class__(
        **{name: getattr(batch, name) for name in batch.__dataclass_fields__ if name != "cameras"},
        cameras=(Camera("ba", 3), Camera("bb", 11)),
    )
    excluded = pd.Series({int(batch.stars["asas_sn_id"][0]): "11"})
    (_, _, labels) = fit_baselines(numbered, SearchParameters(), excluded)[0]
    assert set(labels) == {"ba g"}
    (_, _, labels) = fit_baselines(numbered, SearchParameters(), excluded.map(lambda _: ""))[0]
    assert set(labels) == {"ba g", "bb g"}
