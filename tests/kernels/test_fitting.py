"""Fits against scipy's least squares, finite differences and exact cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from malca.kernels import families as f
from malca.kernels import fitting
from malca.kernels import profiles as p

SIGMA, OFFSET_ERR = 0.03, 0.02
EXAMPLES = {
    f.GAUSSIAN: [0.01, 0.4, 1.0, np.log(5.0), 0.0],
    f.SKEW_NORMAL: [-0.01, 0.3, 1.0, np.log(6.0), 0.6],
    f.PACZYNSKI: [0.0, 0.8, -1.0, np.log(9.0), 0.0],
    f.FRED: [0.01, 0.5, -3.0, np.log(8.0), 1.5],
}
FAMILIES = sorted(EXAMPLES)


def model(family, theta, t):
    out = np.empty(len(t))
    f.profile_values(family, theta, t, out)
    return theta[0] + out


def fit_all(t, y, sigma=SIGMA, *, start=-12.0, end=12.0, jump=True):
    theta, chi2, err = np.empty((5, 5)), np.empty(5), np.empty(5)
    tried = np.empty(5, np.bool_)
    weight = np.full(len(t), sigma**-2.0)
    fitting.fit_families(t, y, weight, OFFSET_ERR**-2.0, start, end, jump, theta, chi2, err, tried)
    return theta, chi2, err, tried


def scipy_chi2(family, t, y, starts, end=12.0):
    """Lowest χ² that scipy's bounded least squares reaches from any of the starts."""
    n_par = f.N_PARAMETERS[family]
    normal = family in (f.GAUSSIAN, f.SKEW_NORMAL)
    widths = np.log([0.05, t[-1] - t[0]]) - (np.log(p.GAUSSIAN_FWHM) if normal else 0.0)
    reach = end + 0.5 * (2 * end) + 0.5
    shape = (-f.MAX_SKEWNESS, f.MAX_SKEWNESS) if family == f.SKEW_NORMAL else (0.0, np.log(50.0))
    lower = np.array([-1.0, 1e-4, -reach, widths[0], shape[0]])[:n_par]
    upper = np.array([1.0, 2 * y.max(), reach, widths[1], shape[1]])[:n_par]

    def residuals(x):
        full = np.zeros(5)
        full[:n_par] = x
        return np.append((y - model(family, full, t)) / SIGMA, x[0] / OFFSET_ERR)

    scale = [0.02, 0.1, 3.0, 0.2, 0.3][:n_par]
    fits = [
        least_squares(
            residuals,
            np.clip(s[:n_par], lower + 1e-6, upper - 1e-6),
            bounds=(lower, upper),
            x_scale=scale,
            xtol=1e-12,
            ftol=1e-12,
        )
        for s in starts
    ]
    return 2 * min(fit.cost for fit in fits)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [None, 0.002, 0.9])
def test_jacobian_matches_central_differences(family, shape):
    theta = np.array(EXAMPLES[family])
    if shape is not None:
        theta[4] = shape
    t = np.linspace(-30.0, 30.0, 37)
    c, d = np.empty(8), np.zeros(5)
    d[0] = 1.0
    f.prepare(family, theta, c)
    analytic = []
    for x in t:
        f.evaluate(family, theta, c, x, d)
        analytic.append(d.copy())
    for j in range(f.N_PARAMETERS[family]):
        step = 1e-6 * np.eye(5)[j]
        numeric = (model(family, theta + step, t) - model(family, theta - step, t)) / 2e-6
        np.testing.assert_allclose(np.array(analytic)[:, j], numeric, atol=2e-9)


def test_families_are_the_profiles_of_the_profile_module():
    t = np.linspace(-40.0, 40.0, 161)
    for family, example in EXAMPLES.items():
        theta = np.array(example)
        peak, width = f.profile_peak_time(family, theta), f.profile_width(family, theta)
        if family == f.GAUSSIAN:
            expected = theta[1] * p.gaussian_profile(t, peak, width)
        elif family == f.SKEW_NORMAL:
            alpha, _ = f.skew_normal_alpha_and_mean(theta[4])
            location = peak - width * p.skew_normal_mode(alpha)
            expected = theta[1] * p.skew_normal_profile(t, location, width, alpha)
            assert p.skew_normal_skewness(alpha) == pytest.approx(theta[4], rel=1e-12)
        elif family == f.PACZYNSKI:
            expected = p.paczynski_profile(t, peak, width, p.paczynski_u0(theta[1]))
        else:
            expected = theta[1] * p.fred_profile(t, peak, width / np.exp(theta[4]), width)
        np.testing.assert_allclose(model(family, theta, t) - theta[0], expected, atol=1e-13)
        before, after = f.profile_half_widths(family, theta)
        half = model(family, theta, np.array([peak - before, peak + after])) - theta[0]
        np.testing.assert_allclose(half, 0.5 * theta[1], rtol=1e-9)


@pytest.mark.parametrize("truth", FAMILIES)
def test_optimum_is_at_least_as_good_as_scipys(truth, rng):
    theta = np.array(EXAMPLES[truth])
    for _ in range(3):
        t = np.sort(rng.uniform(-36.0, 36.0, 100))
        y = model(truth, theta, t) + rng.normal(0.0, SIGMA, len(t))
        fitted, chi2, _, tried = fit_all(t, y)
        assert tried.all()
        # The cusp of a FRED makes other families' data many-peaked: judged on its own data only.
        for family in {f.GAUSSIAN, f.SKEW_NORMAL, f.PACZYNSKI, truth}:
            starts = [fitted[family], np.array(EXAMPLES[family])]
            starts += [fitted[family] * rng.normal(1.0, 0.2, 5) + rng.normal(0, 0.2, 5)]
            assert chi2[family] < scipy_chi2(family, t, y, starts) + 0.5


@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_and_their_error(family, rng):
    theta = np.array(EXAMPLES[family])
    pulls, chi2s = [], []
    for _ in range(60):
        t = np.sort(rng.uniform(-36.0, 36.0, 90))
        y = model(family, theta, t) + rng.normal(0.0, SIGMA, len(t))
        fitted, chi2, err, _ = fit_all(t, y)
        pulls.append((fitted[family, 1] - theta[1]) / err[family])
        chi2s.append(chi2[family])
    assert abs(np.median(pulls)) < 0.6
    assert 0.6 < np.std(pulls) < 1.6
    assert np.mean(chi2s) == pytest.approx(91 - f.N_PARAMETERS[family], abs=10)


@pytest.mark.parametrize("family", FAMILIES)
def test_noise_free_curve_is_recovered(family):
    theta = np.array(EXAMPLES[family])
    theta[0] = 0.0
    t = np.linspace(-36.0, 36.0, 145)
    fitted, chi2, _, _ = fit_all(t, model(family, theta, t))
    assert chi2[family] < 1e-3
    n_par = f.N_PARAMETERS[family]
    np.testing.assert_allclose(fitted[family, :n_par], theta[:n_par], atol=5e-3)


def test_too_few_points_are_not_tried():
    for n in range(7):
        *_, tried = fit_all(np.arange(float(n)), np.ones(n))
        assert list(tried) == [n > k for k in f.N_PARAMETERS]


def test_dips_get_no_paczynski_curve(rng):
    t = np.sort(rng.uniform(-30, 30, 40))
    *_, tried = fit_all(t, rng.normal(0, SIGMA, 40), jump=False)
    assert not tried[f.PACZYNSKI]
    assert tried.sum() == 4


def test_flat_offset_is_shrunk_by_its_prior():
    y = np.full(9, 0.06)
    theta, chi2, _, _ = fit_all(np.arange(9.0), y)
    w, w0 = 9 / SIGMA**2, 1 / OFFSET_ERR**2
    assert theta[f.FLAT, 0] == pytest.approx(0.06 * w / (w + w0))
    assert chi2[f.FLAT] == pytest.approx(0.06**2 * w * w0 / (w + w0))


@pytest.mark.parametrize("values", [0.0, 1e6, -5.0])
def test_degenerate_curves_end_quietly(values):
    _, chi2, _, tried = fit_all(np.linspace(-30, 30, 50), np.full(50, values))
    assert np.isfinite(chi2[tried]).all()
    *_, tried = fit_all(np.zeros(50), np.full(50, values))
    assert tried.all()
