"""Shapes of single events, each scaled by the analytic height of its peak.

A shape is never scaled by its largest *sampled* value: an event that falls into a gap must come
out shallow on the points around the gap, not at full depth. Gaussian, skew-normal and
fast-rise-exponential-decay profiles peak at 1; the Paczyński profile is a magnification expressed
in magnitudes and peaks at ``paczynski_amplitude_mag(u0)``.

Functions ending in ``_profile`` take an array of times; all others take and return scalars.
Everything is compiled and may be called from other kernels. Divisions follow numpy: a width of
0 gives NaN or infinity, not an exception.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

SQRT_2 = math.sqrt(2.0)
LN_2 = math.log(2.0)
#: FWHM of a Gaussian over its standard deviation.
GAUSSIAN_FWHM = 2.0 * math.sqrt(2.0 * LN_2)
#: ln of a flux ratio a magnitude.
LN_FLUX_PER_MAG = 0.4 * math.log(10.0)

_LN_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
# erfc underflows below -37; the asymptotic series is exact to double precision well before.
_SERIES_BELOW = -25.0


@njit(cache=True, nogil=True, error_model="numpy")
def _mills_series(x):
    """Φ(x)·(−x)/φ(x) for very negative x: 1 − 1/x² + 3/x⁴ − 15/x⁶ + 105/x⁸."""
    s = 1.0 / (x * x)
    return 1.0 - s * (1.0 - s * (3.0 - s * (15.0 - 105.0 * s)))


@njit(cache=True, nogil=True, error_model="numpy")
def ln_normal_cdf(x):
    """Logarithm of the standard normal distribution function Φ(x), without underflow."""
    if x < _SERIES_BELOW:
        return -0.5 * x * x - _LN_SQRT_2PI - math.log(-x) + math.log(_mills_series(x))
    return math.log(0.5 * math.erfc(-x / SQRT_2))


@njit(cache=True, nogil=True, error_model="numpy")
def normal_hazard(x):
    """Ratio φ(x)/Φ(x) of the standard normal density and distribution function."""
    if x < _SERIES_BELOW:
        return -x / _mills_series(x)
    return math.exp(-0.5 * x * x - _LN_SQRT_2PI) / (0.5 * math.erfc(-x / SQRT_2))


@njit(cache=True, nogil=True, error_model="numpy")
def skew_normal_mode(alpha):
    """Mode of the standard skew-normal distribution (location 0, scale 1).

    The root of z = α φ(αz)/Φ(αz), by Newton's method kept inside a bracket. The density is
    log-concave (Azzalini 1985, Scand. J. Statist. 12, 171), so the root is unique; it lies in
    [0, 1) for α ≥ 0 and is odd in α.

    Parameters
    ----------
    alpha : float
        Shape; 0 is a Gaussian.

    Returns
    -------
    float
        Mode in units of the scale.
    """
    a = abs(alpha)
    low, high = 0.0, 1.0
    z = 0.5 * a / (1.0 + a)
    for _ in range(60):
        hazard = normal_hazard(a * z)
        f = z - a * hazard
        if f > 0.0:
            high = z
        else:
            low = z
        step = f / (1.0 + a * a * hazard * (a * z + hazard))
        z -= step
        if z < low or z > high:
            z = 0.5 * (low + high)
        if abs(step) < 1e-15:
            break
    return z if alpha >= 0.0 else -z


@njit(cache=True, nogil=True, error_model="numpy")
def ln_skew_normal_shape(z, alpha):
    """Logarithm of exp(−z²/2) Φ(αz): the skew-normal density without its constants."""
    return -0.5 * z * z + ln_normal_cdf(alpha * z)


@njit(cache=True, nogil=True, error_model="numpy")
def skew_normal_half_widths(alpha, level):
    """Distances from the mode at which a skew-normal profile of scale 1 has fallen to ``level``.

    Newton's method from outside: the profile falls at least as fast as a unit Gaussian, whose
    half width bounds both roots, and on a concave logarithm the iteration is monotonic.

    Parameters
    ----------
    alpha : float
        Shape.
    level : float
        Height over the peak, in (0, 1).

    Returns
    -------
    before, after : float
        Half widths before and after the mode, units of the scale.
    """
    mode = skew_normal_mode(alpha)
    target = ln_skew_normal_shape(mode, alpha) + math.log(level)
    reach = math.sqrt(-2.0 * math.log(level))
    before = after = 0.0
    for side in range(2):
        z = mode - reach if side == 0 else mode + reach
        for _ in range(60):
            slope = -z + alpha * normal_hazard(alpha * z)
            step = (ln_skew_normal_shape(z, alpha) - target) / slope
            z -= step
            if abs(step) < 1e-14:
                break
        if side == 0:
            before = mode - z
        else:
            after = z - mode
    return before, after


@njit(cache=True, nogil=True, error_model="numpy")
def gaussian_profile(t, t0, sigma):
    """Gaussian of peak 1.

    Parameters
    ----------
    t : (n,) float64 array
        Times, days.
    t0 : float
        Time of the peak, days.
    sigma : float
        Standard deviation, days, positive.

    Returns
    -------
    (n,) float64 array
    """
    out = np.empty(len(t))
    for i in range(len(t)):
        z = (t[i] - t0) / sigma
        out[i] = math.exp(-0.5 * z * z)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def gaussian_fwhm(sigma):
    """Full width at half maximum of a Gaussian, in the unit of ``sigma``."""
    return GAUSSIAN_FWHM * sigma


@njit(cache=True, nogil=True, error_model="numpy")
def skew_normal_profile(t, location, sigma, alpha):
    """Skew-normal density divided by its value at its mode (Azzalini 1985).

    Parameters
    ----------
    t : (n,) float64 array
        Times, days.
    location : float
        Location parameter, days: *not* the peak unless ``alpha`` is 0, see
        ``skew_normal_peak_time``.
    sigma : float
        Scale, days, positive.
    alpha : float
        Shape; positive: steep rise, long decline.

    Returns
    -------
    (n,) float64 array
    """
    peak = ln_skew_normal_shape(skew_normal_mode(alpha), alpha)
    out = np.empty(len(t))
    for i in range(len(t)):
        out[i] = math.exp(ln_skew_normal_shape((t[i] - location) / sigma, alpha) - peak)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def skew_normal_peak_time(location, sigma, alpha):
    """Time at which ``skew_normal_profile`` peaks, days."""
    return location + sigma * skew_normal_mode(alpha)


@njit(cache=True, nogil=True, error_model="numpy")
def skew_normal_fwhm(sigma, alpha):
    """Full width at half maximum of a skew-normal profile, in the unit of ``sigma``."""
    before, after = skew_normal_half_widths(alpha, 0.5)
    return sigma * (before + after)


@njit(cache=True, nogil=True, error_model="numpy")
def skew_normal_skewness(alpha):
    """Third standardised moment of the skew-normal distribution (Azzalini 1985)."""
    mean = alpha / math.sqrt(1.0 + alpha * alpha) * math.sqrt(2.0 / math.pi)
    return 0.5 * (4.0 - math.pi) * mean**3 / (1.0 - mean * mean) ** 1.5


@njit(cache=True, nogil=True, error_model="numpy")
def paczynski_amplitude_mag(u0):
    """Peak brightening (mag) of a point-lens event of impact parameter ``u0``.

    With A(u) = (u² + 2)/(u √(u² + 4)) (Paczyński 1986, ApJ 304, 1), A² = 1 + 4/(u²(u² + 4)),
    which keeps full precision where A is close to 1.
    """
    w = u0 * u0
    return 0.5 / LN_FLUX_PER_MAG * math.log1p(4.0 / (w * (w + 4.0)))


@njit(cache=True, nogil=True, error_model="numpy")
def paczynski_u0(amplitude_mag):
    """Impact parameter that gives a peak brightening of ``amplitude_mag`` (positive).

    The closed form u0² = 2A/√(A² − 1) − 2, written in 4/(A² − 1) so that neither weak nor
    strong magnification cancels.
    """
    v = 4.0 / math.expm1(2.0 * LN_FLUX_PER_MAG * amplitude_mag)
    return math.sqrt(v / (2.0 + math.sqrt(4.0 + v)))


@njit(cache=True, nogil=True, error_model="numpy")
def paczynski_profile(t, t0, t_e, u0):
    """Brightening of a point-source point-lens event, 2.5 log10 A(u(t)) (Paczyński 1986).

    Parameters
    ----------
    t : (n,) float64 array
        Times, days.
    t0 : float
        Time of closest approach, days.
    t_e : float
        Einstein time, days, positive.
    u0 : float
        Impact parameter in Einstein radii, positive.

    Returns
    -------
    (n,) float64 array
        Brightening in mag, positive; the magnitude falls by it.
    """
    out = np.empty(len(t))
    for i in range(len(t)):
        tau = (t[i] - t0) / t_e
        w = u0 * u0 + tau * tau
        out[i] = 0.5 / LN_FLUX_PER_MAG * math.log1p(4.0 / (w * (w + 4.0)))
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def paczynski_fwhm(t_e, u0):
    """Full width at half of the peak brightening *in magnitudes*, in the unit of ``t_e``.

    Half the peak in magnitudes is the square root of the peak magnification, so the width is
    2 t_E √(u_half² − u0²) with A(u_half) = √A(u0): 4.1 t_E for A = 1.02, 0.44 t_E for A = 20.
    """
    half = paczynski_u0(0.5 * paczynski_amplitude_mag(u0))
    return 2.0 * t_e * math.sqrt(half * half - u0 * u0)


@njit(cache=True, nogil=True, error_model="numpy")
def fred_profile(t, t_peak, rise, decay):
    """Fast rise, exponential decay: two exponentials that meet in a peak of 1.

    The pulse of Norris et al. (1996, ApJ 459, 393, Eq. 1) with peakedness ν = 1.

    Parameters
    ----------
    t : (n,) float64 array
        Times, days.
    t_peak : float
        Time of the peak, days.
    rise, decay : float
        E-folding times before and after the peak, days, positive.

    Returns
    -------
    (n,) float64 array
    """
    out = np.empty(len(t))
    for i in range(len(t)):
        d = t[i] - t_peak
        out[i] = math.exp(d / rise) if d < 0.0 else math.exp(-d / decay)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def fred_fwhm(rise, decay):
    """Full width at half maximum of a FRED profile, in the unit of ``rise``."""
    return LN_2 * (rise + decay)


@njit(cache=True, nogil=True, error_model="numpy")
def fred_skewness(rise, decay):
    """Third standardised moment of a FRED profile read as a density.

    It is an asymmetric Laplace density: the difference of two exponential variables of means
    ``decay`` and ``rise``, whose third cumulants are 2 decay³ and 2 rise³ (Kotz, Kozubowski &
    Podgórski 2001).
    """
    return 2.0 * (decay**3 - rise**3) / (decay**2 + rise**2) ** 1.5
