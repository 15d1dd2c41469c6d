import celerite2
import numpy as np
import pytest
from celerite2 import terms

from malca.kernels import red_noise

VARIANCE, TAU = 0.03**2, 12.0


@pytest.fixture
def curve(rng):
    t = np.sort(rng.uniform(0, 300, 120))
    t[50] = t[49]  # two cameras at once
    noise = rng.uniform(0.01, 0.03, 120) ** 2
    return t, rng.normal(0, 0.04, 120), noise


def dense(t, noise, variance=VARIANCE, tau=TAU):
    return variance * np.exp(-np.abs(t[:, None] - t) / tau) + np.diag(noise)


def damped_random_walk(rng, t, sigma, tau):
    memory = np.exp(-np.diff(t) / tau)
    walk = [rng.standard_normal()]
    for m in memory:
        walk.append(m * walk[-1] + np.sqrt(1 - m * m) * rng.standard_normal())
    return sigma * np.array(walk)


def test_likelihood_is_that_of_the_dense_covariance(curve):
    t, y, noise = curve
    covariance = dense(t, noise)
    expected = -0.5 * (y @ np.linalg.solve(covariance, y) + np.linalg.slogdet(covariance)[1])
    assert red_noise.ln_likelihood(t, y, noise, VARIANCE, TAU) == pytest.approx(expected, rel=1e-10)


def test_likelihood_is_celerites(curve):
    t, y, noise = curve
    # celerite2 demands strictly ascending times.
    t = t + 1e-9 * np.arange(len(t))
    process = celerite2.GaussianProcess(terms.RealTerm(a=VARIANCE, c=1 / TAU))
    process.compute(t, diag=noise)
    expected = process.log_likelihood(y) + 0.5 * len(t) * np.log(2 * np.pi)
    assert red_noise.ln_likelihood(t, y, noise, VARIANCE, TAU) == pytest.approx(expected, rel=1e-8)


def test_solution_inverts_the_covariance(curve):
    t, y, noise = curve
    d, w, x = np.empty(120), np.empty(120), np.empty(120)
    red_noise.factorise(t, noise, VARIANCE, TAU, d, w)
    red_noise.solve(t, VARIANCE, TAU, d, w, y, x)
    np.testing.assert_allclose(dense(t, noise) @ x, y, atol=1e-12)


def test_zero_points_are_generalised_least_squares(curve, rng):
    t, y, noise = curve
    channel = rng.integers(0, 3, 120)
    level, weighted = np.empty(3), np.empty(120)
    red_noise.zero_points(t, y, channel, 3, VARIANCE, TAU, noise, level, weighted)
    inverse = np.linalg.inv(dense(t, noise))
    design = (channel[:, None] == np.arange(3)).astype(float)
    expected = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ y)
    np.testing.assert_allclose(level, expected, rtol=1e-8)
    np.testing.assert_allclose(weighted, inverse @ (y - design @ expected), atol=1e-7)


def test_offsets_of_channels_leave_no_trace(curve, rng):
    t, y, noise = curve
    channel = rng.integers(0, 3, 120)
    level, before, after = np.empty(3), np.empty(120), np.empty(120)
    red_noise.zero_points(t, y, channel, 3, VARIANCE, TAU, noise, level, before)
    shifted = y + np.array([0.3, -1.0, 5.0])[channel]
    red_noise.zero_points(t, shifted, channel, 3, VARIANCE, TAU, noise, level, after)
    np.testing.assert_allclose(after, before, atol=1e-9)


@pytest.mark.parametrize(("sigma", "tau"), [(0.05, 5.0), (0.05, 60.0)])
def test_fit_recovers_a_damped_random_walk(rng, sigma, tau):
    t = np.sort(rng.uniform(0, 4000, 2500))
    err = np.full(2500, 0.01)
    y = damped_random_walk(rng, t, sigma, tau) + rng.normal(0, np.hypot(0.01, 0.015), 2500)
    noise = np.empty(2500)
    variance, found_tau, white = red_noise.fit(t, y, err, np.ones(2500), noise)
    assert np.sqrt(variance) == pytest.approx(sigma, rel=0.2)
    assert found_tau == pytest.approx(tau, rel=0.4)
    assert np.sqrt(white) == pytest.approx(0.015, rel=0.1)
    np.testing.assert_allclose(noise, 0.01**2 + white)


def test_fit_is_near_the_best_of_a_grid(rng):
    t = np.sort(rng.uniform(0, 1000, 400))
    err, ones, noise = np.full(400, 0.01), np.ones(400), np.empty(400)
    y = damped_random_walk(rng, t, 0.03, 20.0) + rng.normal(0, 0.02, 400)
    variance, tau, _ = red_noise.fit(t, y, err, ones, noise)
    reached = red_noise.ln_likelihood(t, y, noise, variance, tau)
    best = max(
        red_noise.ln_likelihood(t, y, 1e-4 + np.full(400, w**2), s**2, d)
        for s in np.geomspace(0.015, 0.06, 12)
        for d in np.geomspace(4, 100, 12)
        for w in np.linspace(0.01, 0.025, 7)
    )
    assert reached > best - 0.05
