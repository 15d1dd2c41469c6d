from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from malca.evaluation import completeness_model
from malca.evaluation.completeness_model import CompletenessModel, fit_completeness

from .conftest import make_trials, true_efficiency

GRID = np.meshgrid(
    np.geomspace(0.015, 1.8, 12), np.geomspace(1.2, 220, 8), [12.3, 13.5, 14.7], [0.25, 0.6, 1.6],
    indexing="ij",
)  # fmt: skip


@pytest.fixture(scope="module")
def model(trials):
    return fit_completeness(trials, fingerprint="abc")


def test_it_finds_the_true_efficiency_and_its_own_error(model):
    truth = true_efficiency(*GRID)
    predicted = model.predict(*GRID)
    assert model.has_ceiling
    assert model.is_clustered
    assert np.sqrt(np.mean((predicted.efficiency - truth) ** 2)) < 0.015
    assert ((predicted.lower <= truth) & (truth <= predicted.upper)).mean() > 0.9
    assert (
        0.6 < np.sqrt(np.mean(((predicted.efficiency - truth) / predicted.standard_error) ** 2)) < 1.5
    )


def test_a_ceiling_is_fitted_only_where_there_is_one():
    model = fit_completeness(make_trials(15_000, ceiling=False))
    assert not model.has_ceiling
    truth = true_efficiency(*GRID, ceiling=False)
    assert np.sqrt(np.mean((model.predict(*GRID).efficiency - truth) ** 2)) < 0.02


def test_it_tends_to_nothing_at_depth_zero(model):
    depth = np.array([0.0, 1e-9, 1e-6, 1e-4, 1e-3, 1e-2])
    for duration in (1.0, 200.0):
        found = model.predict(depth, duration, 13.0, 0.5).efficiency
        assert found[0] == 0.0
        assert (np.diff(found) > 0).all()
        assert found[1] < 1e-6


def test_it_falls_towards_depth_zero_even_where_trials_do_not(rng):
    trials = make_trials(4000)
    trials["event"] = rng.random(len(trials)) < np.where(trials["depth_mag"] < 0.1, 0.6, 0.3)
    model = fit_completeness(trials, ceiling=False)
    shallow = model.predict(0.01 * 10.0 ** -np.arange(0, 6), 10.0, 13.5, 0.5)
    log_odds = np.log(shallow.efficiency / (1 - shallow.efficiency))
    assert (np.diff(log_odds)[1:] <= -np.log(10) + 1e-6).all()
    assert np.isfinite(shallow.standard_error).all()


def test_splines_are_natural(trials):
    """Straight beyond the outer knots, twice differentiable within."""
    x, _, _ = completeness_model.completeness_data(trials, "event")
    knots = completeness_model._knots(x)
    at = np.repeat(np.median(x, axis=0)[None], 3001, axis=0)
    at[:, 0] = np.linspace(-3.5, 1.5, 3001)
    features = completeness_model._features(at, knots)
    second = np.diff(features, 2, axis=0) / (at[1, 0] - at[0, 0]) ** 2
    middle = at[1:-1, 0]
    own = knots[0]
    assert np.abs(second[(middle < own[0] - 0.01) | (middle > own[-1] + 0.01)]).max() < 1e-6
    jumps = np.abs(np.diff(second, axis=0)).max()
    assert 0 < jumps < 0.02 * np.abs(second).max()


def test_it_comes_back_from_its_arrays(model):
    arrays = model.to_arrays()
    assert all(array.dtype != object for array in arrays.values())
    back = CompletenessModel.from_arrays(arrays)
    np.testing.assert_array_equal(back.predict(*GRID), model.predict(*GRID))
    assert (back.stage, back.fingerprint, back.has_ceiling) == ("event", "abc", True)
    with pytest.raises(ValueError, match="lack knots"):
        CompletenessModel.from_arrays({k: v for k, v in arrays.items() if k != "knots"})


def test_a_predictor_that_does_not_vary_is_no_obstacle():
    trials = make_trials(4000).assign(median_mag=13.0, points_per_day=0.5)
    trials["event"] = np.random.default_rng(1).random(len(trials)) < expit(
        6 * np.log10(trials["depth_mag"] / 0.1)
    )
    found = fit_completeness(trials).predict(0.1, 10.0, 13.0, 0.5)
    assert abs(found.efficiency - 0.5) < 0.06
    assert np.isfinite(found.standard_error)


def test_bad_trials_are_refused(trials, model):
    few = trials.head(1000)
    with pytest.raises(ValueError, match="lacks candidates"):
        fit_completeness(few, "candidates")
    with pytest.raises(ValueError, match="points_per_day must be finite and positive"):
        fit_completeness(few.assign(points_per_day=0.0))
    with pytest.raises(ValueError, match=r"of \d+ trials 0 reached event: a model needs 20"):
        fit_completeness(few.assign(event=False))
    with pytest.raises(ValueError, match="event is unknown"):
        fit_completeness(few.assign(event=few["event"].astype("boolean").where(few.index > 3)))
    with pytest.raises(ValueError, match="depth_mag must be finite and positive"):
        model.predict(-0.1, 10.0, 13.0, 0.5)
