"""A batch of the survey is searched in parts; where it is cut makes no difference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from malca.lightcurves import no_failures
from malca.pipelines.simulation.nodes import simulate_lightcurves
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.search import survey
from malca.search.parameters import DetectionParameters
from malca.search.survey import VSX_COLUMNS, search_batch

MAG_BIN = "13_13.5"


@pytest.fixture(scope="module")
def batch():
    return simulate_lightcurves(
        SimulationParameters(
            n_stars=9,
            seed=5,
            populations={"quiet": 0.4, "dipper_single": 0.6},
            mag_bins={MAG_BIN: 1.0},
        )
    )[0]


def search(batch, **parameters):
    ids = batch.stars["asas_sn_id"].to_numpy(np.int64)
    manifest = pd.DataFrame({"asas_sn_id": ids, "mag_bin": MAG_BIN, "ra_deg": 10.0, "dec_deg": -10.0})
    vsx = pd.DataFrame({"asas_sn_id": ids} | dict.fromkeys(VSX_COLUMNS[1:], "")).assign(
        vsx_period_days=np.nan, vsx_sep_arcsec=np.nan, vsx_outcome="not_matched"
    )
    # A camera of the third star lies outside the bin, and has points.
    camera = batch.cameras[batch.star(2).camera[-1]].number
    cameras = pd.DataFrame({"asas_sn_id": ids[[2]], "camera": [camera], "median_mag": [9.0]})
    return search_batch(
        batch, manifest, vsx, cameras, DetectionParameters.model_validate(parameters), 1
    )


SETTINGS = {
    "all are searched": ({}, 9, 1),
    "some are kept out": ({"tags": {"mag_range": "filter", "brightest_mag": 13.25}}, 3, 0),
    "some have too few points": ({"search": {"min_points": 1_800}}, 5, 5),
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_parts_are_as_good_as_the_whole(monkeypatch, batch, settings):
    parameters, n_searched, n_failures = SETTINGS[settings]
    unread = no_failures()
    unread.loc[0, ["name", "stage"]] = "x", "packing"
    batch = replace(batch, failures=unread)
    whole = search(batch, **parameters)
    assert (len(whole.sources), len(whole.failures)) == (n_searched, n_failures)
    assert whole.tags["excluded_cameras"].ne("").tolist() == [k == 2 for k in range(9)]
    assert len(whole.events)
    for points_at_once in (1, 7_000):
        monkeypatch.setattr(survey, "_POINTS_AT_ONCE", points_at_once)
        for name, table in search(batch, **parameters)._asdict().items():
            pd.testing.assert_frame_equal(table, getattr(whole, name), check_exact=True)


def test_stars_are_cut_into_parts_of_as_many_points(monkeypatch):
    monkeypatch.setattr(survey, "_POINTS_AT_ONCE", 10)
    n_points = np.array([4, 50, 3, 3, 3, 3, 0, 2])
    for wanted in (np.arange(8), np.array([0, 2, 3, 4, 5]), np.array([6]), np.arange(0)):
        parts = survey._parts(n_points, wanted)
        np.testing.assert_array_equal(np.concatenate(parts), wanted)
        assert all(len(part) for part in parts) or len(wanted) == 0
    assert [part.tolist() for part in survey._parts(n_points, np.arange(2, 8))] == [
        [2, 3],
        [4, 5, 6, 7],
    ]
