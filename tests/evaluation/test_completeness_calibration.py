from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation import completeness_calibration as calibration
from malca.evaluation.completeness_calibration import (
    completeness_calibration,
    cross_validated_efficiency,
)
from malca.evaluation.completeness_model import fit_completeness

from .conftest import make_trials


def drawn(p, rng, star=None):
    star = np.arange(len(p)) if star is None else star
    return pd.DataFrame({"asas_sn_id": star, "event": rng.random(len(p)) < p})


def test_right_predictions_pass_as_often_as_they_should(rng):
    passed = []
    for _ in range(200):
        p = rng.beta(0.4, 0.4, 2000)
        passed.append(completeness_calibration(drawn(p, rng), p).p_value)
    assert 0.02 <= (np.array(passed) < 0.1).mean() <= 0.18
    assert 0.4 < np.mean(passed) < 0.6


def test_wrong_predictions_do_not(rng):
    p = rng.uniform(0.02, 0.98, 5000)
    wrong = completeness_calibration(drawn(p, rng), p**1.5)
    right = completeness_calibration(drawn(p, rng), p)
    assert wrong.p_value < 1e-6
    assert wrong.calibration_error > 0.05 > 3 * right.calibration_error
    assert wrong.log_score > right.log_score


def test_scores_are_those_of_their_definitions(rng):
    p = rng.uniform(0.05, 0.95, 400)
    trials = drawn(p, rng)
    y = trials["event"].to_numpy()
    found = completeness_calibration(trials, p, n_bins=4)
    assert found.brier_score == pytest.approx(
        sum((a - b) ** 2 for a, b in zip(p, y, strict=True)) / 400
    )
    assert found.log_score == pytest.approx(-np.log(np.where(y, p, 1 - p)).mean())
    assert found.brier_skill == pytest.approx(1 - found.brier_score / y.var())
    table = found.table
    assert found.dof == len(table) == 4
    assert table["n_trials"].sum() == 400
    assert table["n_recovered"].sum() == y.sum()
    low = p <= table["predicted_max"].iloc[0]
    assert table["observed"].iloc[0] == pytest.approx(y[low].mean())
    gaps = (table["observed"] - table["predicted_mean"]).abs() * table["n_trials"]
    assert found.calibration_error == pytest.approx(gaps.sum() / 400)
    assert ((table["lower"] < table["observed"]) & (table["observed"] < table["upper"])).all()


def test_trials_of_one_star_are_not_taken_for_many(rng):
    """Each star's trials share their luck: without the design effect all of it were significant."""
    p_values, effects = [], []
    for _ in range(60):
        star = np.repeat(np.arange(300), 20)
        p = rng.uniform(0.3, 0.7, 300)[star]
        own = drawn(p[::20], rng)["event"].to_numpy()
        trials = pd.DataFrame({"asas_sn_id": star, "event": own[star]})
        found = completeness_calibration(trials, p, n_bins=5)
        p_values.append(found.p_value)
        effects.append(found.design_effect)
    assert 15 < np.mean(effects) < 25
    assert (np.array(p_values) < 0.05).mean() < 0.2


def test_no_star_is_predicted_by_a_model_that_saw_it(monkeypatch):
    trials = make_trials(3000, n_stars=150)
    model = fit_completeness(trials, ceiling=False)
    seen = []

    def watched(table, *args, **kwargs):
        seen.append(set(table["asas_sn_id"]))
        return fit_completeness(table, *args, **kwargs)

    monkeypatch.setattr(calibration, "fit_completeness", watched)
    predicted = cross_validated_efficiency(trials, model, n_folds=3, seed=1)
    used = (trials["outcome"] == "done") & ~trials["already"]
    np.testing.assert_array_equal(np.isfinite(predicted), used)
    stars = set(trials.loc[used, "asas_sn_id"])
    left_out = [stars - fold for fold in seen]
    assert [len(fold) for fold in left_out] == [50, 50, 50]
    assert set.union(*left_out) == stars
    again = cross_validated_efficiency(trials, model, n_folds=3, seed=1)
    np.testing.assert_array_equal(predicted, again)


def test_a_good_model_is_calibrated(trials):
    few = trials.head(12_000)
    model = fit_completeness(few)
    found = completeness_calibration(few, cross_validated_efficiency(few, model, n_folds=3))
    assert found.p_value > 0.001
    assert found.calibration_error < 0.02
    assert found.brier_skill > 0.5


def test_impossible_demands_are_refused(trials):
    few = trials.head(3000)
    model = fit_completeness(few, ceiling=False)
    with pytest.raises(ValueError, match="into 1 folds"):
        cross_validated_efficiency(few, model, n_folds=1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        completeness_calibration(few, np.full(3000, np.nan))
