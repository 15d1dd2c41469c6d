"""Lines with errors in both coordinates: published data, other estimators, invariances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from malca.astrophysics.line_fit import fit_lines

# Pearson's data with York's weights, and the published solution (York+ 2004, Am. J. Phys. 72, 367)
PEARSON_X = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
PEARSON_Y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
YORK_WX = np.array([1000.0, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1.0])
YORK_WY = np.array([1.0, 1.8, 4, 8, 20, 20, 70, 70, 100, 500])


def _one(x, sx, y, sy, **more):
    return fit_lines(x, sx, y, sy, np.zeros(len(x), int), 1, **more)


def test_pearson_data_with_york_weights():
    fit = _one(PEARSON_X, YORK_WX**-0.5, PEARSON_Y, YORK_WY**-0.5)
    assert fit.slope[0] == pytest.approx(-0.480533407, abs=1e-9)
    assert fit.intercept[0] == pytest.approx(5.479910224, abs=1e-8)
    assert fit.slope_error[0] == pytest.approx(0.0580, abs=5e-5)
    assert fit.intercept_error[0] == pytest.approx(0.2950, abs=5e-4)
    assert fit.reduced_chi2[0] == pytest.approx(1.4833, abs=1e-4)
    assert fit.scaled_errors[0] == pytest.approx(fit.slope_error[0] * np.sqrt(1.4833), rel=1e-4)


def test_without_errors_in_x_it_is_weighted_least_squares(rng):
    x = rng.uniform(0, 5, 30)
    sy = rng.uniform(0.1, 0.5, 30)
    y = 2 - 0.7 * x + rng.normal(0, sy)
    fit = _one(x, np.full(30, 1e-7), y, sy)
    (slope, intercept), covariance = np.polyfit(x, y, 1, w=1 / sy, cov="unscaled")
    assert fit.slope[0] == pytest.approx(slope, rel=1e-8)
    assert fit.intercept[0] == pytest.approx(intercept, rel=1e-8)
    assert fit.slope_error[0] == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-6)
    assert fit.intercept_error[0] == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-6)


@pytest.mark.parametrize("through_origin", [False, True])
def test_it_is_the_minimum_of_chi2_over_points_on_the_line(rng, through_origin):
    n, correlation = 25, -0.6
    truth = rng.uniform(-1, 1, n)
    sx, sy = rng.uniform(0.05, 0.2, n), rng.uniform(0.05, 0.2, n)
    covariance = np.array([[sx**2, correlation * sx * sy], [correlation * sx * sy, sy**2]])
    noise = np.array([rng.multivariate_normal([0, 0], covariance[..., i]) for i in range(n)])
    x, y = truth + noise[:, 0], 3 * truth + noise[:, 1]

    def chi2(p):
        intercept = 0.0 if through_origin else p[1]
        return np.sum(
            (y - p[0] * x - intercept) ** 2
            / (sy**2 + p[0] ** 2 * sx**2 - 2 * p[0] * correlation * sx * sy)
        )

    best = minimize(chi2, [3.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12})
    fit = _one(x, sx, y, sy, correlation=correlation, through_origin=through_origin)
    assert fit.slope[0] == pytest.approx(best.x[0], rel=1e-6)
    assert fit.chi2[0] == pytest.approx(best.fun, rel=1e-9)
    assert fit.degrees_of_freedom[0] == n - (1 if through_origin else 2)


def test_errors_of_the_slope_are_what_repetition_gives(rng):
    n, n_groups = 20, 2000
    truth = np.tile(np.linspace(0, 1, n), n_groups)
    group = np.repeat(np.arange(n_groups), n)
    for through_origin in (False, True):
        x = truth + rng.normal(0, 0.05, truth.size)
        y = 0.8 * truth + rng.normal(0, 0.04, truth.size)
        fit = fit_lines(
            x, np.full(x.shape, 0.05), y, np.full(x.shape, 0.04), group, n_groups,
            through_origin=through_origin,
        )  # fmt: skip
        pull = (fit.slope - 0.8) / fit.slope_error
        assert abs(pull.mean()) < 0.1
        assert pull.std() == pytest.approx(1.0, abs=0.06)


def test_scale_of_the_axes_does_not_matter_and_groups_are_independent():
    sx, sy = YORK_WX**-0.5, YORK_WY**-0.5
    alone = _one(PEARSON_X, sx, PEARSON_Y, sy)
    x = np.concatenate([PEARSON_X, 100 * PEARSON_X, [1.0]])
    fit = fit_lines(
        x,
        np.concatenate([sx, 100 * sx, [1.0]]),
        np.concatenate([PEARSON_Y, PEARSON_Y / 10, [1.0]]),
        np.concatenate([sy, sy / 10, [1.0]]),
        np.repeat([2, 0, 3], [10, 10, 1]),
        4,
    )
    np.testing.assert_allclose(fit.slope[[2, 0]], alone.slope[0] * np.array([1, 1e-3]), rtol=1e-9)
    assert np.isnan(fit.slope[[1, 3]]).all()  # no points, one point
    assert fit.n_points.tolist() == [10, 0, 10, 1]
