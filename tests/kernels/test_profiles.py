"""Profiles against scipy's distributions, root finders and textbook values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_ndtr
from scipy.stats import norm, skewnorm

from malca.kernels import profiles as p

ALPHAS = [-10.0, -3.0, -0.3, 0.0, 0.01, 0.5, 2.0, 10.0, 200.0]


def measured_fwhm(f, peak, reach):
    half = 0.5 * f(peak)
    left = brentq(lambda t: f(t) - half, peak - reach, peak, xtol=1e-13)
    right = brentq(lambda t: f(t) - half, peak, peak + reach, xtol=1e-13)
    return right - left


def test_normal_functions_match_scipy_down_the_tail():
    x = np.array([-300.0, -40.0, -25.1, -24.9, -8.0, -1.0, 0.0, 3.0, 12.0])
    ln_cdf = np.array([p.ln_normal_cdf(v) for v in x])
    np.testing.assert_allclose(ln_cdf, log_ndtr(x), rtol=1e-12, atol=1e-15)
    hazard = np.array([p.normal_hazard(v) for v in x])
    np.testing.assert_allclose(hazard, np.exp(norm.logpdf(x) - log_ndtr(x)), rtol=1e-10)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_skew_normal_mode_maximises_scipys_density(alpha):
    found = minimize_scalar(
        lambda z: -skewnorm.logpdf(z, alpha), bounds=(-1, 1), options={"xatol": 1e-12}
    ).x
    assert p.skew_normal_mode(alpha) == pytest.approx(found, abs=1e-7)
    assert p.skew_normal_mode(-alpha) == -p.skew_normal_mode(alpha)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_skew_normal_is_scipys_density_over_its_peak(alpha):
    t = np.linspace(-30.0, 30.0, 241)
    peak_time = p.skew_normal_peak_time(2.0, 5.0, alpha)
    scale = skewnorm.pdf(peak_time, alpha, loc=2.0, scale=5.0)
    expected = skewnorm.pdf(t, alpha, loc=2.0, scale=5.0) / scale
    np.testing.assert_allclose(p.skew_normal_profile(t, 2.0, 5.0, alpha), expected, atol=1e-10)
    assert p.skew_normal_profile(np.array([peak_time]), 2.0, 5.0, alpha)[0] == pytest.approx(
        1, abs=1e-14
    )


@pytest.mark.parametrize("alpha", ALPHAS)
def test_skew_normal_fwhm_and_skewness(alpha):
    peak = p.skew_normal_peak_time(0.0, 3.0, alpha)

    def f(t):
        return p.skew_normal_profile(np.array([t]), 0.0, 3.0, alpha)[0]

    assert p.skew_normal_fwhm(3.0, alpha) == pytest.approx(measured_fwhm(f, peak, 12.0), rel=1e-9)
    assert p.skew_normal_skewness(alpha) == pytest.approx(float(skewnorm.stats(alpha, moments="s")))


@given(st.floats(-20, 20), st.floats(0.05, 0.95))
def test_skew_normal_half_widths_reach_the_level(alpha, level):
    before, after = p.skew_normal_half_widths(alpha, level)
    mode = p.skew_normal_mode(alpha)
    ends = p.skew_normal_profile(np.array([mode - before, mode + after]), 0.0, 1.0, alpha)
    np.testing.assert_allclose(ends, level, rtol=1e-9)


def test_zero_alpha_is_the_gaussian():
    t = np.linspace(-20, 20, 101)
    np.testing.assert_allclose(
        p.skew_normal_profile(t, 1.0, 4.0, 0.0), p.gaussian_profile(t, 1.0, 4.0), atol=1e-15
    )
    assert p.gaussian_fwhm(4.0) == pytest.approx(p.skew_normal_fwhm(4.0, 0.0), rel=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 4.0])
def test_an_event_inside_a_gap_stays_shallow(alpha):
    """A 1 d dip 12 d from the nearest point must not reach it, let alone at full depth."""
    t = np.array([-40.0, -12.0, 12.0, 40.0])
    assert p.skew_normal_profile(t, 0.0, 1 / 2.355, alpha).max() < 1e-100
    assert p.gaussian_profile(t, 0.0, 1 / 2.355).max() < 1e-100


@pytest.mark.parametrize("magnification", [1.0 + 1e-9, 1.02, 1.05, 1.34, 20.0, 1e6])
def test_paczynski_amplitude_and_its_inverse(magnification):
    amplitude = 2.5 * np.log10(magnification)
    u0 = p.paczynski_u0(amplitude)
    assert p.paczynski_amplitude_mag(u0) == pytest.approx(amplitude, rel=1e-9)
    if 1.01 < magnification < 1e4:
        closed = 2 * magnification / np.sqrt(magnification**2 - 1) - 2
        assert u0**2 == pytest.approx(closed, rel=1e-6)
        assert (u0**2 + 2) / (u0 * np.sqrt(u0**2 + 4)) == pytest.approx(magnification, rel=1e-9)


def test_paczynski_at_one_einstein_radius_is_a_third_of_a_magnitude():
    assert p.paczynski_amplitude_mag(1.0) == pytest.approx(2.5 * np.log10(3 / np.sqrt(5)), rel=1e-14)


@pytest.mark.parametrize(("magnification", "width"), [(1.02, 4.1), (20.0, 0.44)])
def test_paczynski_fwhm(magnification, width):
    u0 = p.paczynski_u0(2.5 * np.log10(magnification))

    def f(t):
        return p.paczynski_profile(np.array([t]), 0.0, 10.0, u0)[0]

    fwhm = p.paczynski_fwhm(10.0, u0)
    assert fwhm == pytest.approx(measured_fwhm(f, 0.0, 100.0), rel=1e-9)
    assert fwhm / 10.0 == pytest.approx(width, rel=0.02)


@pytest.mark.parametrize(("rise", "decay"), [(1.0, 20.0), (5.0, 5.0)])
def test_fred_peak_width_and_skewness(rise, decay):
    def f(t):
        return p.fred_profile(np.array([t]), 3.0, rise, decay)[0]

    assert f(3.0) == 1.0
    assert p.fred_fwhm(rise, decay) == pytest.approx(measured_fwhm(f, 3.0, 100.0), rel=1e-9)

    def moment(k, about):
        pieces = ((3.0 - 60 * rise, 3.0), (3.0, 3.0 + 60 * decay))
        return sum(quad(lambda t: (t - about) ** k * f(t), *piece)[0] for piece in pieces)

    area = moment(0, 0.0)
    mean = moment(1, 0.0) / area
    skewness = moment(3, mean) / area / (moment(2, mean) / area) ** 1.5
    assert p.fred_skewness(rise, decay) == pytest.approx(skewness, rel=1e-6, abs=1e-8)
