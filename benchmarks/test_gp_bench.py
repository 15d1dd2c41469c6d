"""Smoothing one star of 1,900 points: mean and variance at the data, ours and celerite2's.

Run with ``pytest benchmarks/test_gp_bench.py --benchmark-only``.
"""

from __future__ import annotations

import celerite2
import numpy as np
import pytest
from celerite2 import terms

from malca.kernels.gp import (
    TWO_STATE_WORK,
    sho_coefficients,
    smooth,
    smooth_two_state,
    two_state_model,
)
from malca.kernels.mixture import POSTERIOR_WEIGHTED, score_stars

N_POINTS = 1900
S0, W0, Q = 5e-4, np.pi / 1000, 0.7


@pytest.fixture(scope="module")
def star():
    """Nights of three exposures over ten years, with seasons."""
    rng = np.random.default_rng(1)
    nights = np.sort(rng.uniform(0, 3650, 2 * N_POINTS))
    nights = nights[nights % 365 < 240][: N_POINTS // 3 + 1]
    t = np.sort((nights[:, None] + np.array([0, 0.0012, 0.0024])).ravel())[:N_POINTS]
    err = rng.uniform(0.01, 0.05, N_POINTS)
    return t, 13.5 + 0.02 * np.sin(t / 90) + err * rng.standard_normal(N_POINTS), err**2


@pytest.mark.benchmark(group="gp mean and variance")
def test_celerite2(benchmark, star):
    t, y, noise_var = star
    gp = celerite2.GaussianProcess(terms.SHOTerm(S0=S0, w0=W0, Q=Q), mean=np.median(y))

    def predict():
        gp.compute(t, diag=noise_var)
        return gp.predict(y, return_var=True)

    benchmark(predict)


@pytest.mark.benchmark(group="gp mean and variance")
def test_smooth(benchmark, star):
    """The checked function, with its copies and the median."""
    t, y, noise_var = star
    ours = benchmark(smooth, t, y, noise_var, sho_coefficients(S0, W0, Q))
    gp = celerite2.GaussianProcess(terms.SHOTerm(S0=S0, w0=W0, Q=Q), mean=np.median(y))
    gp.compute(t, diag=noise_var)
    mean, variance = gp.predict(y, return_var=True)
    np.testing.assert_allclose(ours.mean, mean, atol=1e-9)
    np.testing.assert_allclose(ours.variance, variance, atol=1e-9)


@pytest.mark.benchmark(group="gp mean and variance")
def test_smoothing_kernel(benchmark, star):
    """What the batch baseline calls."""
    t, y, noise_var = star
    model = two_state_model(sho_coefficients(S0, W0, Q))
    mean, variance, work = np.empty_like(t), np.empty_like(t), np.empty((len(t), TWO_STATE_WORK))
    level = np.median(y)
    benchmark(smooth_two_state, t, y, level, noise_var, model, mean, variance, work)


@pytest.mark.benchmark(group="mixture of 12 x 12 cells")
@pytest.mark.parametrize("sign", [1, -1], ids=["dip", "jump"])
def test_mixture(benchmark, star, sign):
    _, y, noise_var = star
    residual, sigma = y - np.median(y), np.sqrt(noise_var)
    residual[500:510] += 1.0
    grid = sign * np.geomspace(0.02, (sign * residual).max(), 12)[None]
    offsets = np.array([0, N_POINTS], np.int64)
    out = [*(np.empty(1) for _ in range(3)), *(np.empty(N_POINTS) for _ in range(2))]
    p_grid = np.linspace(0.5, 1 - 1e-4, 12)
    benchmark(
        score_stars, offsets, residual, sigma, p_grid, grid.copy(), POSTERIOR_WEIGHTED, 0, 1, *out
    )
