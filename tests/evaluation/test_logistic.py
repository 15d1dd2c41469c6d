from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit

from malca.evaluation import logistic
from malca.evaluation.logistic import Problem, fit_problem


@pytest.fixture
def data(rng):
    n = 4000
    design = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    gaps = np.column_stack([np.ones(n), rng.normal(size=n)])
    p = expit(gaps @ [1.5, 0.8]) * expit(design @ [0.3, 2.0, -1.0])
    return design, gaps, (rng.random(n) < p).astype(float)


def penalised(theta, design, gaps, y, ridge):
    """The same objective, written down anew."""
    eta = theta[:3] @ design.T
    p = 1 / (1 + np.exp(-eta))
    prior = np.zeros(len(theta))
    if gaps is not None:
        p = p / (1 + np.exp(-(theta[3:] @ gaps.T)))
        prior[3] = np.log(0.95 / 0.05)
    ln_l = np.log(np.where(y == 1, p, 1 - p)).sum()
    return -(ln_l - 0.5 * ridge * ((theta - prior)[1:] ** 2).sum())


@pytest.mark.parametrize("with_ceiling", [False, True])
def test_it_finds_the_maximum_of_a_general_optimiser(data, with_ceiling, monkeypatch):
    monkeypatch.setattr(logistic, "_CHUNK", 700)
    design, gaps, y = data
    gaps = gaps if with_ceiling else None
    fit = fit_problem(Problem(design, gaps), y, ridge=2.0)
    start = np.zeros(5 if with_ceiling else 3)
    other = minimize(penalised, start, (design, gaps, y, 2.0), method="BFGS", options={"gtol": 1e-3})
    np.testing.assert_allclose(fit.coefficients, other.x, atol=2e-3)
    assert penalised(fit.coefficients, design, gaps, y, 2.0) <= other.fun + 1e-6
    assert fit.bic == pytest.approx(len(start) * np.log(len(y)) - 2 * fit.ln_likelihood)


@pytest.mark.parametrize("scale", [30.0, 200.0])
def test_so_they_are_where_events_were_next_to_impossible(data, scale):
    """Of 100,000 events some are found that a model on its way gives a chance of 1e-30."""
    problem = Problem(*data[:2])
    theta = np.array([0.2, scale, -0.5, 1.0, 0.3])
    p = problem.at(theta)[0]
    assert ((p < 1e-12) & (data[2] == 1)).any()
    score = problem.derivatives(theta, data[2])[0]
    numeric = approx_fprime(theta, lambda at: problem.ln_likelihood(at, data[2]), 1e-7)
    np.testing.assert_allclose(score, numeric, rtol=2e-2, atol=1.0)


def test_derivatives_are_those_of_the_likelihood(data):
    problem = Problem(*data[:2])
    theta = np.array([0.2, 1.0, -0.5, 1.0, 0.3])
    score, expected, observed = problem.derivatives(theta, data[2])
    numeric = approx_fprime(theta, lambda at: problem.ln_likelihood(at, data[2]), 1e-6)
    np.testing.assert_allclose(score, numeric, rtol=1e-3, atol=0.05)
    curvature = [(problem.derivatives(theta + h, data[2])[0] - score) / 1e-6 for h in 1e-6 * np.eye(5)]
    np.testing.assert_allclose(observed, -np.array(curvature), rtol=1e-3, atol=0.05)
    # The expected curvature is the mean of the observed one over what could have happened.
    p = problem.at(theta)[0]
    rng = np.random.default_rng(3)
    drawn = [problem.derivatives(theta, (rng.random(len(p)) < p) * 1.0)[2] for _ in range(100)]
    spread = np.std(drawn, axis=0) / np.sqrt(100) + 1e-9
    assert (np.abs(np.mean(drawn, axis=0) - expected) < 5 * spread).all()
    assert not np.allclose(drawn[0], expected)


def test_errors_grow_when_trials_repeat(data):
    design, _, y = data
    star = np.arange(len(y))
    problem = Problem(design, None)
    fit = fit_problem(problem, y, ridge=1e-6)
    alone, clustered = problem.covariance(fit, y, star)
    assert clustered
    np.testing.assert_allclose(np.diag(alone), np.diag(fit.inverse_information), rtol=0.15)
    again = Problem(np.repeat(design, 4, axis=0), None)
    repeated = fit_problem(again, np.repeat(y, 4), ridge=1e-6)
    honest, _ = again.covariance(repeated, np.repeat(y, 4), np.repeat(star, 4))
    np.testing.assert_allclose(np.diag(honest), np.diag(alone), rtol=1e-3)
    quarter = np.diag(fit.inverse_information) / 4
    np.testing.assert_allclose(np.diag(repeated.inverse_information), quarter, rtol=1e-3)
    few, clustered = problem.covariance(fit, y, star % 5)
    assert not clustered
    np.testing.assert_array_equal(few, fit.inverse_information)


def test_separated_data_converge_with_a_ridge(data):
    design = data[0]
    fit = fit_problem(Problem(design, None), (design[:, 1] > 0).astype(float), ridge=0.1)
    assert fit.coefficients[1] > 5
    with pytest.raises(ValueError, match="ridge must be positive"):
        fit_problem(Problem(design, None), data[2], ridge=0.0)
