"""The star's slow curve and zero points against dense linear algebra and known truth."""

from __future__ import annotations

import numpy as np
import pytest

from malca.kernels import star_gp


def dense(diag, off1, off2):
    n = len(diag)
    matrix = np.diag(diag)
    for i in range(1, n):
        matrix[i, i - 1] = matrix[i - 1, i] = off1[i]
    for i in range(2, n):
        matrix[i, i - 2] = matrix[i - 2, i] = off2[i]
    return matrix


def precision(n, node_days=20.0, sigma=0.03, days=400.0):
    diag, off1, off2 = np.zeros(n), np.zeros(n), np.zeros(n)
    star_gp.slow_precision(n, node_days, sigma, days, diag, off1, off2)
    return diag, off1, off2


def fit(t, y, err, channel, *, slow_sigma=0.02, slow_days=1000.0, nu=1.0, iterations=10):
    n_channels = int(channel.max()) + 1
    mean, variance = np.empty(len(t)), np.empty(len(t))
    zero_point, zero_point_var = np.empty(n_channels), np.empty(n_channels)
    scales = star_gp.fit_star(
        t, y, err, channel, n_channels, 20.0, slow_sigma, slow_days, 0.004, 0.003, nu, iterations,
        mean, variance, zero_point, zero_point_var,
    )  # fmt: skip
    return mean, variance, zero_point, scales


def survey(rng, n=1200, zero_points=(13.0, 13.3, 12.6), noise=0.01, span=3000.0):
    t = np.sort(rng.uniform(0, span, n))
    channel = rng.integers(0, len(zero_points), n).astype(np.int32)
    y = np.array(zero_points)[channel] + noise * rng.standard_normal(n)
    return t, y, np.full(n, noise), channel


@pytest.mark.parametrize("n", [1, 2, 3, 7, 60])
def test_median_in_place_is_the_median(rng, n):
    for _ in range(50):
        values = rng.integers(0, 10, n).astype(float)
        expected = np.median(values)
        assert star_gp.median_in_place(values) == expected


def test_slow_precision_is_the_inverse_of_the_ar2_covariance():
    """Autocovariance of a stationary AR(2) process with double root φ (Box & Jenkins)."""
    n, node_days, sigma, days = 40, 20.0, 0.03, 400.0
    phi = np.exp(-node_days / days)
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    covariance = sigma**2 * (1 + lag * (1 - phi**2) / (1 + phi**2)) * phi**lag
    matrix = dense(*precision(n, node_days, sigma, days))
    np.testing.assert_allclose(matrix @ covariance, np.eye(n), atol=1e-6)


def test_banded_solver_agrees_with_dense(rng):
    diag, off1, off2 = precision(30)
    diag += rng.uniform(1e3, 1e5, 30)
    matrix = dense(diag, off1, off2)
    rhs = rng.standard_normal((30, 3))
    expected = np.linalg.solve(matrix, rhs)
    star_gp._solve_banded_spd(diag, off1, off2, rhs)
    np.testing.assert_allclose(rhs, expected, rtol=1e-9)


def test_dense_solver_agrees_with_numpy(rng):
    a = rng.standard_normal((6, 6))
    a = a @ a.T + 6 * np.eye(6)
    b = rng.standard_normal(6)
    expected, expected_var = np.linalg.solve(a, b), np.diag(np.linalg.inv(a))
    variance = star_gp._solve_dense_spd(a.copy(), b)
    np.testing.assert_allclose(b, expected, rtol=1e-10)
    np.testing.assert_allclose(variance, expected_var, rtol=1e-10)


def test_gaussian_limit_equals_generalised_least_squares(rng):
    """With Gaussian tails the fit is generalised least squares; here written densely."""
    t, y, err, channel = survey(rng, n=400, span=1500.0)
    y = y + 0.03 * np.sin(t / 300)
    mean, _, zero_point, (star_sigma, camera_sigma) = fit(t, y, err, channel, nu=1e12, iterations=80)
    node_days, t0 = 20.0, t[0] - 10.0
    node = ((t - t0) / node_days).astype(int)
    cells = sorted({(k, c) for k, c in zip(node, channel, strict=True)})
    scatter = np.array([
        1.4826 * np.median(np.concatenate([
            np.abs(y[(node == k) & (channel == c)] - np.median(y[(node == k) & (channel == c)]))
            for k in range(node.max() + 1) if np.any((node == k) & (channel == c))
        ]))
        for c in range(3)
    ])  # fmt: skip
    values = np.array([np.median(y[(node == k) & (channel == c)]) for k, c in cells])
    count = np.array([np.sum((node == k) & (channel == c)) for k, c in cells])
    floor = np.array([err[(node == k) & (channel == c)].min() for k, c in cells])
    cell_channel = np.array([c for _, c in cells])
    cell_node = np.array([k for k, _ in cells])
    noise = 1.5708 * np.maximum(scatter[cell_channel], floor) ** 2 / count + camera_sigma**2
    n_nodes = node.max() + 1
    covariance = np.linalg.inv(dense(*precision(n_nodes, node_days, 0.02, 1000.0)))
    covariance += star_sigma**2 * np.eye(n_nodes)
    full = covariance[np.ix_(cell_node, cell_node)] + np.diag(noise)
    design = np.eye(3)[cell_channel]
    inverse = np.linalg.inv(full)
    expected = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ values)
    np.testing.assert_allclose(zero_point, expected, atol=2e-6)
    slow = np.linalg.inv(dense(*precision(n_nodes, node_days, 0.02, 1000.0)))[:, cell_node] @ (
        inverse @ (values - design @ expected)
    )
    centre = (np.arange(n_nodes) + 0.5) * node_days + t0
    np.testing.assert_allclose(mean, expected[channel] + np.interp(t, centre, slow), atol=5e-6)


def test_variance_is_the_diagonal_of_the_inverse(rng):
    """With one channel and Gaussian tails the slow curve's variance has a dense counterpart."""
    t, y, err, channel = survey(rng, n=300, zero_points=(13.0,), span=1000.0)
    _, variance, _, (star_sigma, camera_sigma) = fit(t, y, err, channel, nu=1e12, iterations=80)
    t0 = t[0] - 10.0
    node = ((t - t0) / 20.0).astype(int)
    n_nodes = node.max() + 1
    diag, off1, off2 = precision(n_nodes, 20.0, 0.02, 1000.0)
    deviation = np.concatenate(
        [np.abs(y[node == k] - np.median(y[node == k])) for k in np.unique(node)]
    )
    spread = max(1.4826 * np.median(deviation), err.min())
    for k in np.unique(node):
        cell = 1.5708 * spread**2 / np.sum(node == k) + camera_sigma**2
        diag[k] += 1.0 / (cell + star_sigma**2)
    expected = np.diag(np.linalg.inv(dense(diag, off1, off2)))
    at_centres = np.interp(t, (np.arange(n_nodes) + 0.5) * 20.0 + t0, expected)
    np.testing.assert_allclose(variance, at_centres, rtol=2e-3)


def test_a_dip_does_not_pull_the_baseline(rng):
    t, y, err, channel = survey(rng)
    inside = (t > 1500) & (t < 1900)
    y[inside] += 0.5
    mean, *_ = fit(t, y, err, channel)
    truth = np.array([13.0, 13.3, 12.6])[channel]
    assert np.abs(mean - truth).max() < 0.03


def test_camera_that_mostly_saw_the_dip_keeps_its_zero_point(rng):
    """Two thirds of the camera's points lie in the dip, so its median is off by the dip's depth."""
    t, y, err, channel = survey(rng, n=2400)
    inside = (t > 1500) & (t < 1700)
    y[inside] += 0.4
    late = (t > 1500) & (t < 1800) & (rng.uniform(size=len(t)) < 0.5)
    y[late] += 0.7 - (np.array([13.0, 13.3, 12.6])[channel[late]] - 13.0)
    channel[late] = 3
    assert np.median(y[late]) - 13.0 == pytest.approx(1.1, abs=0.05)
    _, _, zero_point, _ = fit(t, y, err, channel)
    assert zero_point[3] - zero_point[0] == pytest.approx(0.7, abs=0.02)


def test_one_bad_camera_does_not_move_the_others(rng):
    t, y, err, channel = survey(rng)
    bad = (channel == 1) & (t > 1000) & (t < 1400)
    y[bad] += 1.0
    mean, *_ = fit(t, y, err, channel)
    truth = np.array([13.0, 13.3, 12.6])[channel]
    assert np.abs(mean - truth).max() < 0.02


@pytest.mark.parametrize("n", [1, 2, 3, 12])
def test_few_points_give_finite_results(rng, n):
    t, y, err, channel = survey(rng, n=n, zero_points=(13.0,), span=50.0)
    mean, variance, _, _ = fit(t, y, err, channel)
    assert np.isfinite(mean).all()
    assert (variance > 0).all()
