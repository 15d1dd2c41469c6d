from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from malca.plots.overview import detection_overview, match_events, recovery_figure, wilson_interval


@pytest.fixture
def truth():
    return pd.DataFrame(
        {
            "asas_sn_id": [1, 1, 2, 3, 4],
            "kind": ["dip", "dip", "dip", "jump", "dip"],
            "jd_start": [100.0, 500.0, 100.0, 100.0, 100.0],
            "jd_end": [110.0, 520.0, 130.0, 105.0, 120.0],
            "depth_mag": [0.3, 0.5, 0.2, 0.4, 0.6],
            "population": ["dipper", "dipper", "eclipsing_binary", "microlensing", "dipper"],
        }
    )


@pytest.fixture
def found():
    """Star 1: two for the first dip, none for the second; 2 beside it; 3 as a dip, not a jump."""
    return pd.DataFrame(
        {
            "asas_sn_id": [1, 1, 2, 3, 9],
            "kind": ["dip", "dip", "dip", "dip", "jump"],
            "jd_start": [95.0, 111.5, 132.1, 100.0, 10.0],
            "jd_end": [101.0, 115.0, 140.0, 105.0, 12.0],
            "depth_mag": [0.25, 0.31, 0.2, 0.4, -0.7],
        }
    )


@pytest.fixture
def sources():
    return pd.DataFrame(
        {"asas_sn_id": [1, 2, 3, 8, 9], "baseline_mag": [13.0, 13.5, 14.0, np.nan, 14.5],
         "ra_deg": [10.0, 350.0, 180.0, 270.0, 90.0], "dec_deg": [-60.0, 0.0, 45.0, 89.0, 10.0]}
    )  # fmt: skip


def drawn(ax, gid):
    (points,) = [artist for artist in [*ax.lines, *ax.collections] if artist.get_gid() == gid]
    return points.get_xydata() if points in ax.lines else points.get_offsets()


def test_an_event_is_found_if_one_of_its_kind_overlaps(truth, found):
    matched = match_events(truth, found)
    assert matched["found"].tolist() == [True, False, False, False, False]
    assert matched["recovered_depth_mag"].iloc[0] == 0.31
    assert matched["recovered_depth_mag"].isna().tolist() == [False, True, True, True, True]
    assert match_events(truth, found, tolerance_days=2.2)["found"].tolist()[2]
    assert not match_events(truth, found.iloc[:0])["found"].any()


def test_recovery_shows_found_and_missed_by_population(truth, found, sources):
    figure = recovery_figure(truth, found, sources)
    plane, shares, depths = figure.axes
    np.testing.assert_allclose(drawn(plane, "found-dipper"), [[10.0, 0.3]])
    np.testing.assert_allclose(drawn(plane, "missed-dipper"), [[20.0, 0.5]])
    assert len(drawn(plane, "missed-microlensing")) == 1
    assert {bar.get_gid(): bar.get_width() for bar in shares.patches} == {
        "share-dipper": 0.5,
        "share-eclipsing_binary": 0.0,
        "share-microlensing": 0.0,
    }
    assert [text.get_text() for text in shares.texts] == ["1 / 2", "0 / 1", "0 / 1"]
    np.testing.assert_allclose(depths.lines[0].get_xydata(), [[0.3, 0.31]])
    assert "1 of 4 events found · 1 of stars not searched, left out" in [
        t.get_text() for t in figure.texts
    ]


def test_recovery_takes_the_stated_duration(truth, found, sources):
    stated = truth.assign(duration_days=3.0).drop(columns="population")
    plane = recovery_figure(stated, found, sources).axes[0]
    assert set(drawn(plane, "missed-all")[:, 0]) == {3.0}


def test_overview_counts_what_was_found(found, sources):
    figure = detection_overview(sources, found)
    plane, mags, counts, sky = figure.axes
    np.testing.assert_allclose(drawn(plane, "events-dip")[:, 1], [0.25, 0.31, 0.2, 0.4])
    np.testing.assert_allclose(drawn(plane, "events-jump"), [[2.0, 0.7]])
    assert plane.get_xscale() == plane.get_yscale() == "log"
    names = [label.get_text() for label in counts.get_yticklabels()]
    values = [bar.get_width() for bar in counts.patches]
    assert dict(zip(names, values, strict=True)) == {
        "stars searched": 5, "stars with dips": 3, "dips": 4, "stars with jumps": 1, "jumps": 1,
    }  # fmt: skip
    assert sum(patch.get_height() for patch in mags.patches if patch.get_gid() == "mags-all") == 4
    np.testing.assert_allclose(np.rad2deg(drawn(sky, "sky-jump")), [[-90.0, 10.0]])
    np.testing.assert_allclose(np.rad2deg(drawn(sky, "sky-all"))[1], [10.0, 0.0])


def test_figures_of_nothing_can_be_drawn(truth, found, sources):
    bare = sources[["asas_sn_id"]]
    for figure in (
        detection_overview(bare.iloc[:0], found.iloc[:0]),
        detection_overview(bare, found),
        recovery_figure(truth.iloc[:0], found.iloc[:0], sources),
    ):
        figure.savefig(io.BytesIO(), format="png", dpi=30)


def test_says_which_column_is_missing(truth, found, sources):
    with pytest.raises(ValueError, match="events table lacks depth_mag"):
        detection_overview(sources, found.drop(columns="depth_mag"))
    with pytest.raises(ValueError, match="truth_events table lacks jd_end"):
        recovery_figure(truth.drop(columns="jd_end"), found, sources)


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (3, 40), (1, 1)])
def test_wilson_interval_matches_scipy(k, n):
    expected = binomtest(k, n).proportion_ci(0.6826894921370859, method="wilson")
    assert wilson_interval(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert wilson_interval(0, 0) == (0.0, 1.0)
