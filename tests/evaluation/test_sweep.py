from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.sweep import (
    SweepParameters,
    compare_cells,
    completeness_at,
    equal_rate_point,
    sweep_curves,
)
from malca.search.parameters import DetectionParameters

SETTINGS = {
    "a": {"vary": "event.threshold_sigma", "values": (5.0, 9.0)},
    "b": {
        "parameters": {"baseline.family": "gp", "trigger_mode": "posterior_prob"},
        "vary": "points.posterior_threshold_percent",
        "values": (99.0, 99.99997),
    },
}
PARAMETERS = SweepParameters(settings=SETTINGS, max_false_per_1000=10.0)
# Share found and false alarms in 1,000 of each point.
TRUTH = {("a", 5.0): (0.9, 40), ("a", 9.0): (0.7, 5), ("b", 99.0): (0.5, 50), ("b", 99.99997): (0.3, 5)}


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(4)
    n = 4000
    depth, duration = 10 ** rng.uniform(-2, 0.5, n), 10 ** rng.uniform(-0.3, 2.7, n)
    luck = rng.random(n)
    trials, cases = [], []
    for (setting, value), (share, false) in TRUTH.items():
        point = {"setting": setting, "value": value}
        trials.append(
            pd.DataFrame(
                {"trial_id": np.arange(n), "depth_mag": depth, "duration_days": duration,
                 "searched": True, "already": False, "event": luck < share} | point
            )
        )  # fmt: skip
        cases.append(
            pd.DataFrame({"searched": True, "n_dips": (np.arange(1000) < false).astype(int)} | point)
        )
    return pd.concat(trials, ignore_index=True), pd.concat(cases, ignore_index=True)


@pytest.fixture(scope="module")
def curves(tables):
    return sweep_curves(*tables, PARAMETERS)


def test_each_point_has_what_was_counted(curves):
    for row in curves.itertuples():
        share, false = TRUTH[row.setting, row.value]
        assert row.all_completeness == pytest.approx(share, abs=0.03)
        assert row.completeness_lower < share < row.completeness_upper
        assert row.n_false == false
        assert row.false_per_1000 == pytest.approx(false)
    assert curves["n_trials"].max() < 4000
    numbers = curves.drop(columns=["setting", "varied", "wins"]).dtypes
    assert {dtype.kind for dtype in numbers} <= {"i", "f"}


def test_the_most_complete_with_few_false_alarms_wins(curves):
    winner = curves[curves["wins"]]
    assert winner[["setting", "value"]].to_numpy().tolist() == [["a", 9.0]]


def test_nobody_wins_where_all_are_wrong_too_often(tables):
    strict = PARAMETERS.model_copy(update={"max_false_per_1000": 1.0})
    assert not sweep_curves(*tables, strict)["wins"].any()


def test_completeness_between_points_is_interpolated(curves):
    low, high = (
        curves[(curves["setting"] == "a") & (curves["value"] == v)].iloc[0] for v in (9.0, 5.0)
    )
    middle = 0.5 * (low["false_per_1000"] + high["false_per_1000"])
    expected = 0.5 * (low["completeness"] + high["completeness"])
    assert completeness_at(curves, "a", middle) == pytest.approx(expected)
    assert np.isnan(completeness_at(curves, "a", 1.0))


def test_settings_are_compared_at_the_second_ones_default(curves):
    pair = equal_rate_point(curves, "a", "b")
    assert pair == (("a", 9.0), ("b", 99.99997))


def test_cells_count_what_only_one_of_them_found(tables):
    trials, _ = tables
    edges = {"depth_mag": np.array([0.01, 0.1, 4.0]), "duration_days": np.array([0.5, 30.0, 600.0])}
    cells = compare_cells(trials, ("a", 9.0), ("b", 99.99997), edges)
    assert cells["n_trials"].sum() == 4000
    assert (cells["second_only"] == 0).all()
    np.testing.assert_allclose(cells["difference"], 0.4, atol=0.06)
    assert (cells["p_value"] < 1e-6).all()
    same = compare_cells(trials, ("a", 9.0), ("a", 9.0), edges)
    assert (same["difference"] == 0).all()
    assert (same["p_value"] == 1.0).all()


def test_a_point_is_the_search_it_names():
    base = DetectionParameters()
    point = PARAMETERS.detection(("b", 99.0), base)
    assert point.search.baseline.family == "gp"
    assert point.search.points.posterior_threshold_percent == 99.0
    assert point.tags == base.tags
    assert PARAMETERS.points == list(TRUTH)


def test_the_default_settings_can_all_be_made():
    parameters = SweepParameters()
    for point in parameters.points:
        parameters.detection(point, DetectionParameters())
    original = parameters.settings["gp, posterior (original default)"]
    assert 99.99997 in original.values


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"vary": "event.threshold", "values": (1.0,)}, "setting 'x': there is no parameter"),
        ({"vary": "event.threshold_sigma", "values": (-1.0,)}, "setting 'x': parameter"),
    ],
)
def test_settings_that_cannot_be_made_are_refused_before_any_work(setting, message):
    with pytest.raises(ValueError, match=message):
        SweepParameters(settings={"x": setting})
