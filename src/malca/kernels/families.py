"""The families of event shapes: amplitude × profile + a small constant offset, and derivatives.

Every family is described by one vector of five numbers, of which the simpler ones use fewer:

====  ==============  ===================================================================
item  name            meaning
====  ==============  ===================================================================
0     offset          constant, mag; Gaussian prior of mean 0 (the baseline's own error)
1     amplitude       height of the peak above the offset, mag
2     peak time        days
3     ln width        Gaussian: σ; skew-normal: scale; Paczyński and FRED: FWHM (days)
4     shape           skew-normal: α; FRED: ln(decay / rise)
====  ==============  ===================================================================

The peak time and, for Paczyński and FRED, the FWHM are used in place of the textbook parameters
because they are what the data fix; (location, α) or (u0, t_E) run along curved valleys.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from malca.kernels.profiles import (
    GAUSSIAN_FWHM,
    LN_2,
    LN_FLUX_PER_MAG,
    SQRT_2,
    ln_skew_normal_shape,
    normal_hazard,
    paczynski_u0,
    skew_normal_half_widths,
    skew_normal_mode,
    skew_normal_skewness,
)

FLAT, GAUSSIAN, SKEW_NORMAL, PACZYNSKI, FRED = range(5)
FAMILY_NAMES = ("flat", "gaussian", "skew_normal", "paczynski", "fred")
#: Free parameters of each family, the offset included.
N_PARAMETERS = (1, 4, 5, 4, 5)
N_FAMILIES = len(FAMILY_NAMES)
MAX_PARAMETERS = 5

LN_GAUSSIAN_FWHM = math.log(GAUSSIAN_FWHM)
#: Bounds of the skewness of a skew-normal (|α| ≤ 10) and of the decay / rise of a FRED.
MAX_ALPHA = 10.0
MAX_SKEWNESS = float(skew_normal_skewness.py_func(MAX_ALPHA))
MAX_LN_DECAY_OVER_RISE = math.log(50.0)

N_CONSTANTS = 8
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


@njit(cache=True, nogil=True, error_model="numpy")
def skew_normal_alpha_and_mean(skewness):
    """Shape α of a skew-normal of the given skewness, |γ1| < 0.995, and its standard mean.

    Inverse of γ1 = (4 − π)/2 (m/√(1 − m²))³ with m = √(2/π) α/√(1 + α²) (Azzalini 1985).
    """
    ratio = math.copysign((2.0 * abs(skewness) / (4.0 - math.pi)) ** (1.0 / 3.0), skewness)
    mean = ratio / math.sqrt(1.0 + ratio * ratio)
    delta = mean * math.sqrt(0.5 * math.pi)
    return delta / math.sqrt(1.0 - delta * delta), mean


@njit(cache=True, nogil=True, error_model="numpy")
def prepare(family, theta, c):
    """Compute what all points of one evaluation share (see the uses below)."""
    amplitude, width, shape = theta[1], math.exp(theta[3]), theta[4]
    if family == SKEW_NORMAL:
        # γ1 = 0 is a removable singularity of the map to α: step beside it.
        skewness = shape if abs(shape) > 1e-5 else 1e-5
        alpha, mean = skew_normal_alpha_and_mean(skewness)
        ratio = mean / math.sqrt(1.0 - mean * mean)
        d_mean = ratio / (3.0 * skewness) * (1.0 + ratio * ratio) ** -1.5
        d_alpha = d_mean * math.sqrt(0.5 * math.pi) * (1.0 + alpha * alpha) ** 1.5
        mode = skew_normal_mode(alpha)
        c[0] = width / math.sqrt(1.0 - mean * mean)
        c[1] = mean
        c[2] = math.exp(-ln_skew_normal_shape(mode, alpha))
        c[3] = alpha
        c[4] = mean * d_mean / (1.0 - mean * mean)
        c[5] = d_mean
        c[6] = d_alpha
        c[7] = mode * normal_hazard(alpha * mode)
    elif family == PACZYNSKI:
        w_peak = paczynski_u0(amplitude) ** 2
        w_half = paczynski_u0(0.5 * amplitude) ** 2
        d_peak = -0.25 * LN_FLUX_PER_MAG * w_peak * (w_peak + 2.0) * (w_peak + 4.0)
        d_half = -0.125 * LN_FLUX_PER_MAG * w_half * (w_half + 2.0) * (w_half + 4.0)
        c[0] = 0.5 * width / math.sqrt(w_half - w_peak)
        c[1] = w_peak
        c[2] = d_peak
        c[3] = -0.5 * (d_half - d_peak) / (w_half - w_peak)
    elif family == FRED:
        ratio = math.exp(shape)
        c[0] = width / LN_2 / (1.0 + ratio)
        c[1] = c[0] * ratio
        c[2] = -ratio / (1.0 + ratio)
        c[3] = 1.0 / (1.0 + ratio)
    else:
        c[0] = width


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate(family, theta, c, t, d):
    """Value of the shape (no offset) at one time; its derivatives go into ``d[1:]``."""
    amplitude = theta[1]
    if family == FLAT:
        return 0.0
    x = t - theta[2]
    if family == GAUSSIAN:
        z = x / c[0]
        p = math.exp(-0.5 * z * z)
        d[1] = p
        d[2] = amplitude * p * z / c[0]
        d[3] = amplitude * p * z * z
        return amplitude * p
    if family == SKEW_NORMAL:
        u = x / c[0]
        z = u + c[1]
        az = c[3] * z
        core = math.exp(-0.5 * z * z) * c[2]
        p = core * 0.5 * math.erfc(-az / SQRT_2)
        density = core * math.exp(-0.5 * az * az) * _INV_SQRT_2PI
        slope = c[3] * density - z * p
        d[1] = p
        d[2] = -amplitude * slope / c[0]
        d[3] = -amplitude * slope * u
        d[4] = amplitude * (slope * (c[5] - u * c[4]) + c[6] * (z * density - p * c[7]))
        return amplitude * p
    if family == PACZYNSKI:
        tau = x / c[0]
        w = c[1] + tau * tau
        slope = -4.0 / (LN_FLUX_PER_MAG * w * (w + 2.0) * (w + 4.0))
        d[1] = slope * (c[2] - 2.0 * tau * tau * c[3])
        d[2] = -2.0 * slope * tau / c[0]
        d[3] = -2.0 * slope * tau * tau
        return 0.5 / LN_FLUX_PER_MAG * math.log1p(4.0 / (w * (w + 4.0)))
    before = x < 0.0
    u = x / c[0] if before else -x / c[1]
    p = math.exp(u)
    d[1] = p
    d[2] = -amplitude * p / c[0] if before else amplitude * p / c[1]
    d[3] = -amplitude * p * u
    d[4] = -amplitude * p * u * (c[2] if before else c[3])
    return amplitude * p


@njit(cache=True, nogil=True, error_model="numpy")
def profile_values(family, theta, t, out):
    """Shape without its offset at times ``t``, mag, written into ``out``."""
    c = np.empty(N_CONSTANTS)
    d = np.zeros(MAX_PARAMETERS)
    prepare(family, theta, c)
    for i in range(len(t)):
        out[i] = evaluate(family, theta, c, t[i], d)


@njit(cache=True, nogil=True, error_model="numpy")
def profile_half_widths(family, theta):
    """Return the times from half height to the peak, and back to half height, days."""
    width = math.exp(theta[3])
    if family == GAUSSIAN:
        return 0.5 * GAUSSIAN_FWHM * width, 0.5 * GAUSSIAN_FWHM * width
    if family == SKEW_NORMAL:
        scale = profile_width(family, theta)
        before, after = skew_normal_half_widths(skew_normal_alpha_and_mean(theta[4])[0], 0.5)
        return before * scale, after * scale
    if family == FRED:
        ratio = math.exp(theta[4])
        return width / (1.0 + ratio), width * ratio / (1.0 + ratio)
    return 0.5 * width, 0.5 * width


@njit(cache=True, nogil=True, error_model="numpy")
def profile_peak_time(family, theta):
    """Time of the peak, on the time scale of the fit, days."""
    if family != SKEW_NORMAL:
        return theta[2]
    alpha, mean = skew_normal_alpha_and_mean(theta[4])
    scale = math.exp(theta[3]) / math.sqrt(1.0 - mean * mean)
    return theta[2] + scale * (skew_normal_mode(alpha) - mean)


@njit(cache=True, nogil=True, error_model="numpy")
def profile_width(family, theta):
    """Return the textbook width, days: Gaussian σ, skew-normal scale, t_E, FRED decay."""
    width = math.exp(theta[3])
    if family == SKEW_NORMAL:
        return width / math.sqrt(1.0 - skew_normal_alpha_and_mean(theta[4])[1] ** 2)
    if family == PACZYNSKI:
        peak, half = paczynski_u0(theta[1]), paczynski_u0(0.5 * theta[1])
        return 0.5 * width / math.sqrt(half * half - peak * peak)
    if family == FRED:
        ratio = math.exp(theta[4])
        return width / LN_2 * ratio / (1.0 + ratio)
    return width
