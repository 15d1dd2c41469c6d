"""The smoother against celerite2 and against dense linear algebra."""

from __future__ import annotations

import celerite2
import numpy as np
import pytest
from celerite2 import terms
from hypothesis import given, settings
from hypothesis import strategies as st

from malca.kernels.gp import (
    Coefficients,
    add_coefficients,
    ou_coefficients,
    sho_coefficients,
    sho_coefficients_from_sigma,
    smooth,
    two_state_model,
)

REGIMES = [0.05, 0.2, 0.45, 0.5 - 1e-7, 0.5, 0.5 + 1e-7, 0.52, 0.7, 1 / np.sqrt(2), 10.0, 100.0]


def sampled_times(rng, n=300):
    """Nights of three points minutes apart, in four seasons with gaps of years."""
    nights = np.sort(rng.uniform(0, 200, n // 3)) + rng.integers(0, 4, n // 3) * 700.0
    t = 2458000.0 + (nights[:, None] + np.array([0.0, 0.0012, 0.0024])).ravel()
    return np.sort(t)


def series(rng, n=300):
    t = sampled_times(rng, n)
    y = 13.5 + 0.1 * np.sin(t / 80.0) + 0.03 * rng.standard_normal(len(t))
    y[40:46] += 1.5
    return t, y, rng.uniform(0.02, 0.2, len(t)) ** 2


def celerite_answer(term, mean, t, y, noise_var):
    gp = celerite2.GaussianProcess(term, mean=mean)
    # celerite2 takes cosines of absolute times: Julian dates alone would cost it six digits
    gp.compute(t - t[0], diag=noise_var)
    mu, variance = gp.predict(y, return_var=True)
    return mu, variance, gp.log_likelihood(y)


def kernel_matrix(coefficients, t):
    tau = np.abs(t[:, None] - t[None, :])
    k = np.zeros_like(tau)
    for a, c in zip(coefficients.a_real, coefficients.c_real, strict=True):
        k += a * np.exp(-c * tau)
    for a, b, c, d in zip(*coefficients[2:], strict=True):
        k += np.exp(-c * tau) * (a * np.cos(d * tau) + b * np.sin(d * tau))
    return k


def dense_answer(coefficients, mean, t, y, noise_var, used):
    """Mean and variance by Cholesky decomposition of the whole covariance, extended precision."""
    k = kernel_matrix(coefficients, t.astype(np.longdouble))
    cov = k[np.ix_(used, used)] + np.diag(noise_var[used])
    right = np.column_stack([y[used] - mean, k[used]])
    lower = np.zeros_like(cov)
    for i in range(len(cov)):
        lower[i, i] = np.sqrt(cov[i, i] - lower[i, :i] @ lower[i, :i])
        lower[i + 1 :, i] = (cov[i + 1 :, i] - lower[i + 1 :, :i] @ lower[i, :i]) / lower[i, i]
        right[i] = (right[i] - lower[i, :i] @ right[:i]) / lower[i, i]
    return mean + right[:, 1:].T @ right[:, 0], np.diag(k) - (right[:, 1:] ** 2).sum(axis=0)


def assert_same(ours, reference, tolerance=1e-9):
    np.testing.assert_allclose(ours.mean, reference[0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(ours.variance, reference[1], rtol=0, atol=tolerance)


@pytest.mark.parametrize("q", REGIMES)
def test_coefficients_are_those_of_celerite2(q):
    for ours, theirs in (
        (sho_coefficients(5e-4, np.pi / 1000, q), terms.SHOTerm(S0=5e-4, w0=np.pi / 1000, Q=q)),
        (sho_coefficients_from_sigma(0.3, 150.0, q), terms.SHOTerm(sigma=0.3, rho=150.0, Q=q)),
    ):
        for a, b in zip(ours, theirs.get_coefficients(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_ou_coefficients_are_those_of_a_real_term():
    reference = terms.RealTerm(a=0.04, c=1 / 30.0) + terms.RealTerm(a=0.01, c=1 / 900.0)
    ours = add_coefficients(ou_coefficients(0.2, 30.0), ou_coefficients(0.1, 900.0))
    for a, b in zip(ours, reference.get_coefficients(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize("q", REGIMES)
@pytest.mark.parametrize(("sigma", "rho"), [(0.03, 2000.0), (0.5, 30.0), (1.0, 3.0)])
def test_oscillator_equals_celerite2(rng, q, sigma, rho):
    t, y, noise_var = series(rng)
    term = terms.SHOTerm(sigma=sigma, rho=rho, Q=q)
    ours = smooth(t, y, noise_var, sho_coefficients_from_sigma(sigma, rho, q), mean=13.4)
    reference = celerite_answer(term, 13.4, t, y, noise_var)
    assert_same(ours, reference)
    assert ours.ln_likelihood == pytest.approx(reference[2], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    "term",
    [
        terms.RealTerm(a=0.05, c=0.02),
        terms.RealTerm(a=0.05, c=0.02) + terms.RealTerm(a=0.01, c=3.0),
        terms.ComplexTerm(a=0.05, b=0.01, c=0.1, d=0.2),
        terms.ComplexTerm(a=0.05, b=0.0, c=0.1, d=0.0),
        terms.RealTerm(a=0.02, c=0.5) + terms.SHOTerm(sigma=0.1, rho=100.0, Q=0.3),
        terms.RealTerm(a=0.02, c=0.5) + terms.SHOTerm(sigma=0.1, rho=100.0, Q=2.0),
        terms.RotationTerm(sigma=0.1, period=12.0, Q0=1.0, dQ=0.5, f=0.3),
        terms.SHOTerm(sigma=0.1, rho=800.0, Q=0.7) + terms.SHOTerm(sigma=0.1, rho=9.0, Q=0.5),
    ],
    ids=lambda term: type(term).__name__,
)
@pytest.mark.parametrize("noise_mag", [0.02, 5.0])
def test_any_sum_of_terms_equals_celerite2(rng, term, noise_mag):
    t, y, _ = series(rng, 240)
    noise_var = np.full(len(t), noise_mag**2)
    ours = smooth(t, y, noise_var, term.get_coefficients(), mean=13.5)
    reference = celerite_answer(term, 13.5, t, y, noise_var)
    assert_same(ours, reference)
    assert ours.ln_likelihood == pytest.approx(reference[2], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    "coefficients",
    [
        sho_coefficients_from_sigma(0.1, 300.0, 0.7),
        sho_coefficients_from_sigma(0.1, 300.0, 0.3),
        add_coefficients(ou_coefficients(0.2, 30.0), ou_coefficients(0.1, 900.0)),
        add_coefficients(ou_coefficients(0.2, 30.0), sho_coefficients_from_sigma(0.1, 90.0, 5.0)),
    ],
)
def test_masked_points_are_predicted_not_used(rng, coefficients):
    t, y, noise_var = series(rng, 150)
    used = np.ones(len(t), bool)
    used[[0, 1, 40, 41, 42, 43, 44, 45, -1]] = False
    ours = smooth(t, y, noise_var, coefficients, mean=13.5, conditioned=used)
    assert_same(ours, dense_answer(coefficients, 13.5, t, y, noise_var, used))
    changed = np.where(used, y, y + 100.0)
    again = smooth(t, changed, noise_var, coefficients, mean=13.5, conditioned=used)
    np.testing.assert_allclose(again.mean, ours.mean, atol=1e-10)
    assert ours.ln_likelihood == pytest.approx(
        smooth(t[used], y[used], noise_var[used], coefficients, mean=13.5).ln_likelihood, rel=1e-12
    )


@pytest.mark.parametrize("q", REGIMES)
@pytest.mark.parametrize("noise_mag", [1e-3, 0.01, 1e3])
def test_keeps_its_precision_where_celerite2_loses_digits(rng, q, noise_mag):
    t, y, _ = series(rng, 120)
    noise_var = np.full(len(t), noise_mag**2)
    coefficients = sho_coefficients_from_sigma(3.0, 0.4, q)
    used = np.ones(len(t), bool)
    ours = smooth(t, y, noise_var, coefficients, mean=13.5)
    assert_same(ours, dense_answer(coefficients, 13.5, t, y, noise_var, used))


def test_both_smoothers_agree(rng):
    t, y, noise_var = series(rng, 150)
    two = sho_coefficients_from_sigma(0.2, 40.0, 0.6)
    padded = add_coefficients(ou_coefficients(1e-9, 1.0), two)
    assert two_state_model(two) is not None
    assert two_state_model(padded) is None
    assert_same(smooth(t, y, noise_var, two), smooth(t, y, noise_var, padded), 1e-11)


def test_noiseless_points_are_reproduced(rng):
    t = np.sort(rng.uniform(0, 1000, 40))
    y = rng.standard_normal(40)
    ours = smooth(t, y, np.zeros(40), sho_coefficients_from_sigma(1.0, 20.0, 0.6))
    np.testing.assert_allclose(ours.mean, y, atol=1e-10)
    np.testing.assert_allclose(ours.variance, 0.0, atol=1e-10)


def test_default_mean_is_the_median_and_gaps_return_to_it(rng):
    t = np.append(np.arange(50.0), 1e7)
    y = np.append(rng.normal(14.0, 0.1, 50), 14.0)
    coefficients = ou_coefficients(0.1, 5.0)
    used = np.arange(51) < 50
    ours = smooth(t, y, np.full(51, 0.01), coefficients, conditioned=used)
    assert ours.mean[-1] == pytest.approx(np.median(y[:50]), abs=1e-12)
    assert ours.variance[-1] == pytest.approx(0.01, abs=1e-15)
    weighted = smooth(t, y, np.linspace(0.01, 1, 51), coefficients, mean="weighted", conditioned=used)
    expected = np.average(y[:50], weights=1 / np.linspace(0.01, 1, 51)[:50])
    assert weighted.mean[-1] == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
    q=st.floats(0.02, 200.0),
    rho=st.floats(0.01, 1e4),
    ln_noise=st.floats(-8, 3),
)
def test_equals_dense_linear_algebra(seed, n, q, rho, ln_noise):
    rng = np.random.default_rng(seed)
    t = np.sort(np.round(rng.uniform(0, 500, n), rng.integers(0, 3)))  # coincident times occur
    y = rng.standard_normal(n)
    noise_var = np.exp(ln_noise) ** 2 * rng.uniform(0.5, 2.0, n)
    used = rng.random(n) < 0.8
    coefficients = sho_coefficients_from_sigma(0.3, rho, q)
    ours = smooth(t, y, noise_var, coefficients, mean=0.1, conditioned=used)
    assert_same(ours, dense_answer(coefficients, 0.1, t, y, noise_var, used), 1e-7)
    assert (ours.variance >= 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": [1.0, 0.0]}, "ascend"),
        ({"y": [1.0, np.nan]}, "finite"),
        ({"noise_var": [0.1, -0.1]}, "noise"),
        ({"noise_var": [0.1, np.nan]}, "noise"),
        ({"mean": "mode"}, "mode"),
        ({"mean": np.nan}, "finite"),
        ({"conditioned": np.array([False, False])}, "no point"),
        ({"mean": "weighted", "noise_var": [0.0, 0.1]}, "positive"),
    ],
)
def test_bad_input_is_refused(change, message):
    arguments = {"t": [0.0, 1.0], "y": [0.0, 1.0], "noise_var": [0.1, 0.1]} | change
    with pytest.raises(ValueError, match=message):
        smooth(coefficients=ou_coefficients(1.0, 1.0), **arguments)


def test_bad_hyperparameters_are_refused():
    for call in (
        lambda: sho_coefficients(0.0, 1.0, 1.0),
        lambda: sho_coefficients_from_sigma(1.0, -1.0, 1.0),
        lambda: ou_coefficients(1.0, np.inf),
    ):
        with pytest.raises(ValueError, match="positive"):
            call()


def test_kernel_that_is_no_covariance_is_refused():
    none = np.empty(0)
    negative = Coefficients(np.array([-1.0]), np.array([1.0]), none, none, none, none)
    with pytest.raises(np.linalg.LinAlgError):
        smooth([0.0, 1.0], [0.0, 1.0], [0.1, 0.1], negative)
