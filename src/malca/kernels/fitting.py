"""Least-squares fits of event shapes: amplitude × profile + a small constant offset.

The families and their parameters are those of ``malca.kernels.families``.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from malca.kernels.families import (
    FLAT,
    FRED,
    GAUSSIAN,
    LN_GAUSSIAN_FWHM,
    MAX_LN_DECAY_OVER_RISE,
    MAX_PARAMETERS,
    MAX_SKEWNESS,
    N_CONSTANTS,
    N_FAMILIES,
    N_PARAMETERS,
    PACZYNSKI,
    SKEW_NORMAL,
    evaluate,
    prepare,
)
from malca.kernels.ordering import first_not_below

_MAX_ITERATIONS = 60
# Δχ² = 1 is one standard error; a promised gain of a thousandth moves nothing by 0.05 of it.
_CHI2_TOLERANCE = 1e-3
_MIN_AMPLITUDE_MAG, _MAX_AMPLITUDE_MAG = 1e-4, 25.0
_MIN_FWHM_DAYS = 0.05
_MAX_HOPS = 4
_HOP_POINTS = 3
_HOP_CHI2 = 20.0


@njit(cache=True, nogil=True, error_model="numpy")
def _accumulate(family, n_par, theta, t, y, weight, offset_weight, normal, gradient, c, d):
    """χ² with the offset's prior, its half gradient and the Gauss–Newton normal matrix."""
    normal[:] = 0.0
    gradient[:] = 0.0
    prepare(family, theta, c)
    d[0] = 1.0
    chi2 = offset_weight * theta[0] * theta[0]
    for i in range(len(t)):
        r = y[i] - theta[0] - evaluate(family, theta, c, t[i], d)
        wr = weight[i] * r
        chi2 += wr * r
        for j in range(n_par):
            gradient[j] += wr * d[j]
            wd = weight[i] * d[j]
            for k in range(j + 1):
                normal[j, k] += wd * d[k]
    gradient[0] -= offset_weight * theta[0]
    normal[0, 0] += offset_weight
    return chi2


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(matrix, x, n):
    """Solve the symmetric positive system (lower triangle given) in place; False if singular."""
    for j in range(n):
        s = matrix[j, j]
        for k in range(j):
            s -= matrix[j, k] ** 2
        if not s > 1e-13 * abs(matrix[j, j]):
            return False
        root = math.sqrt(s)
        matrix[j, j] = root
        for i in range(j + 1, n):
            s = matrix[i, j]
            for k in range(j):
                s -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = s / root
    for i in range(n):
        for k in range(i):
            x[i] -= matrix[i, k] * x[k]
        x[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            x[i] -= matrix[k, i] * x[k]
        x[i] /= matrix[i, i]
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _bounded_step(n, normal, gradient, damping, theta, lower, upper, held, damped, step):
    """Damped Gauss–Newton step, and how much of it stays inside the bounds.

    The whole step is shortened to the first bound it meets: clipping one parameter alone would
    leave the others with a step meant for another point. A parameter that sits on the bound it
    would cross is held, and the step found again.

    Returns whether the system could be solved, the parameter that limits the step (or -1) and
    the fraction of the step to take.
    """
    for _ in range(n + 1):
        for j in range(n):
            step[j] = 0.0 if held[j] else gradient[j]
            for k in range(j):
                damped[j, k] = 0.0 if held[j] or held[k] else normal[j, k]
            damped[j, j] = 1.0 if held[j] else normal[j, j] * (1.0 + damping) + 1e-12
        if not _solve(damped, step, n):
            return False, -1, 0.0
        length, limited = 1.0, -1
        for j in range(n):
            room = upper[j] - theta[j] if step[j] > 0.0 else theta[j] - lower[j]
            if abs(step[j]) * length > room:
                length = room / abs(step[j])
                limited = j
        if limited < 0 or length > 0.0:
            return True, limited, length
        held[limited] = True
    return False, -1, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def fit_profile(family, t, y, weight, offset_weight, lower, upper, theta):
    """Bounded Levenberg–Marquardt fit of one family, from the start given in ``theta``.

    Analytic Jacobian, diagonal damping (Marquardt 1963) steered by the ratio of gained to
    promised χ² (Nielsen 1999, IMM-REP-1999-05); a parameter at a bound that would leave it is
    held for the step.

    Parameters
    ----------
    family : int
        ``FLAT``, ``GAUSSIAN``, ``SKEW_NORMAL``, ``PACZYNSKI`` or ``FRED``.
    t, y, weight : (n,) float64 arrays
        Time (days, from a nearby zero point), signal (mag, an event is positive), 1/σ² (mag⁻²).
    offset_weight : float
        1/σ² of the prior on the offset, mag⁻².
    lower, upper, theta : (5,) float64 arrays
        Bounds and parameters as in the module's table; ``theta`` is replaced by the optimum.

    Returns
    -------
    chi2 : float
        At the optimum, the prior's term included.
    amplitude_err : float
        1σ of the amplitude from the normal matrix, mag; NaN where it is singular.
    n_iterations : int
    """
    n_par = N_PARAMETERS[family]
    normal = np.empty((MAX_PARAMETERS, MAX_PARAMETERS))
    gradient = np.empty(MAX_PARAMETERS)
    trial_normal = np.empty_like(normal)
    trial_gradient = np.empty_like(gradient)
    damped = np.empty_like(normal)
    step = np.empty(MAX_PARAMETERS)
    trial = theta.copy()
    held = np.zeros(MAX_PARAMETERS, np.bool_)
    c = np.empty(N_CONSTANTS)
    d = np.zeros(MAX_PARAMETERS)
    for j in range(n_par):
        theta[j] = min(max(theta[j], lower[j]), upper[j])
    chi2 = _accumulate(family, n_par, theta, t, y, weight, offset_weight, normal, gradient, c, d)
    damping, growth = 1e-3, 2.0
    n_iterations = 0
    while n_iterations < _MAX_ITERATIONS and damping < 1e9:
        n_iterations += 1
        for j in range(n_par):
            held[j] = (theta[j] <= lower[j] and gradient[j] < 0.0) or (
                theta[j] >= upper[j] and gradient[j] > 0.0
            )
        solved, limited, length = _bounded_step(
            n_par, normal, gradient, damping, theta, lower, upper, held, damped, step
        )
        if not solved:
            damping *= 10.0
            continue
        for j in range(n_par):
            trial[j] = theta[j] + length * step[j]
        if limited >= 0:
            trial[limited] = upper[limited] if step[limited] > 0.0 else lower[limited]
        trial_chi2 = _accumulate(
            family, n_par, trial, t, y, weight, offset_weight, trial_normal, trial_gradient, c, d
        )
        gain = chi2 - trial_chi2
        promised = 0.0
        for j in range(n_par):
            promised += step[j] * (gradient[j] + damping * normal[j, j] * step[j])
        if gain >= 0.0:
            chi2 = trial_chi2
            theta[:] = trial
            normal, trial_normal = trial_normal, normal
            gradient, trial_gradient = trial_gradient, gradient
        # A small gain of a heavily damped or shortened step says nothing about convergence.
        if promised < _CHI2_TOLERANCE and damping < 0.1 and limited < 0:
            break
        if limited >= 0 and gain >= 0.0:
            continue
        if gain > 0.0:
            quality = gain / promised
            damping = max(damping * max(0.1, 1.0 - (2.0 * quality - 1.0) ** 3), 1e-7)
            growth = 2.0
        else:
            damping *= growth
            growth *= 2.0
    amplitude_err = np.nan
    if n_par > 1:
        step[:] = 0.0
        step[1] = 1.0
        if _solve(normal, step, n_par):
            amplitude_err = math.sqrt(max(step[1], 0.0))
    return chi2, amplitude_err, n_iterations


@njit(cache=True, nogil=True, error_model="numpy")
def _linear_start(family, t, y, weight, offset_weight, start, c, d):
    """Best offset and amplitude for the peak time, width and shape in ``start`` (set in place)."""
    start[0] = 0.0
    start[1] = 1.0
    prepare(family, start, c)
    s_w, s_p, s_pp, s_y, s_py, s_yy = offset_weight, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(t)):
        p = evaluate(family, start, c, t[i], d)
        w = weight[i]
        s_w += w
        s_p += w * p
        s_pp += w * p * p
        s_y += w * y[i]
        s_py += w * p * y[i]
        s_yy += w * y[i] * y[i]
    det = s_w * s_pp - s_p * s_p
    amplitude = (s_w * s_py - s_p * s_y) / det if det > 1e-12 * s_w * s_pp else 0.0
    amplitude = max(amplitude, 0.0)
    offset = (s_y - amplitude * s_p) / s_w
    start[0] = offset
    start[1] = amplitude
    return s_yy - offset * s_y - amplitude * s_py if amplitude > 0.0 else s_yy - offset * s_y


@njit(cache=True, nogil=True, error_model="numpy")
def _best_start(family, t, y, weight, offset_weight, times, ln_widths, shapes, theta):
    """Put the best of a small grid of starts into ``theta``."""
    c = np.empty(N_CONSTANTS)
    d = np.zeros(MAX_PARAMETERS)
    trial = np.zeros(MAX_PARAMETERS)
    best = np.inf
    for peak_time in times:
        for ln_width in ln_widths:
            for shape in shapes:
                trial[2], trial[3], trial[4] = peak_time, ln_width, shape
                chi2 = _linear_start(family, t, y, weight, offset_weight, trial, c, d)
                if chi2 < best:
                    best = chi2
                    theta[:] = trial


@njit(cache=True, nogil=True, error_model="numpy")
def fit_families(t, y, weight, offset_weight, event_start, event_end, is_jump, theta, chi2, err, tried):
    """Fit every family that may describe an event.

    Gaussian, skew-normal and FRED for all events (a FRED dip fades fast and recovers slowly),
    Paczyński for brightenings only.

    Parameters
    ----------
    t, y, weight : (n,) float64 arrays
        Points (or bins) of the event and its surroundings, sorted by time; see ``fit_profile``.
    offset_weight : float
        1/σ² of the prior on the offset, mag⁻².
    event_start, event_end : float
        Interval of the event on the scale of ``t``, days.
    is_jump : bool
    theta : (5, 5) float64 array, out
        Optimum a family.
    chi2, err : (5,) float64 arrays, out
        χ² with the prior's term, and the 1σ error of the amplitude, a family.
    tried : (5,) bool array, out
        Whether the family was fitted: it needs more points than parameters.
    """
    n = len(t)
    theta[:] = 0.0
    chi2[:] = np.inf
    err[:] = np.nan
    tried[:] = False
    if n <= N_PARAMETERS[FLAT]:
        return
    duration = max(event_end - event_start, 0.2)
    margin = 0.5 * duration + 0.5
    peak_time, centroid, highest = _peak_and_centroid(t, y, weight, event_start, event_end)
    lower = np.full(MAX_PARAMETERS, -np.inf)
    upper = np.full(MAX_PARAMETERS, np.inf)
    lower[1], upper[1] = _MIN_AMPLITUDE_MAG, min(max(2.0 * highest, 0.05), _MAX_AMPLITUDE_MAG)
    lower[2], upper[2] = event_start - margin, event_end + margin
    ln_fwhm_limits = math.log(_MIN_FWHM_DAYS), math.log(max(t[-1] - t[0], 1.0))
    gaussian = theta[GAUSSIAN]
    # A variable family, not its constant: numba compiles a copy of the callees for each constant.
    for family in range(N_FAMILIES):
        if n <= N_PARAMETERS[family] or (family == PACZYNSKI and not is_jump):
            continue
        tried[family] = True
        own = theta[family]
        is_normal = family in (GAUSSIAN, SKEW_NORMAL)
        lower[3] = ln_fwhm_limits[0] - (LN_GAUSSIAN_FWHM if is_normal else 0.0)
        upper[3] = ln_fwhm_limits[1] - (LN_GAUSSIAN_FWHM if is_normal else 0.0)
        if family == GAUSSIAN:
            times = (peak_time, centroid)
            ln_dur = math.log(duration)
            ln_widths = (ln_dur - 0.7, ln_dur - 1.4, ln_dur - 2.3)
            _best_start(family, t, y, weight, offset_weight, times, ln_widths, (0.0,), own)
        elif family == SKEW_NORMAL:
            own[:] = gaussian
            lower[4], upper[4] = -MAX_SKEWNESS, MAX_SKEWNESS
        elif family == PACZYNSKI:
            own[:] = gaussian
            own[3] += LN_GAUSSIAN_FWHM
        elif family == FRED:
            sigma = math.exp(gaussian[3])
            times = (peak_time, gaussian[2], gaussian[2] - 0.7 * sigma)
            ln_fwhm = gaussian[3] + LN_GAUSSIAN_FWHM
            ln_widths = (ln_fwhm, ln_fwhm - 0.5)
            lower[4], upper[4] = 0.0, MAX_LN_DECAY_OVER_RISE
            shapes = (0.7, 2.5)
            _best_start(family, t, y, weight, offset_weight, times, ln_widths, shapes, own)
        rival = np.min(chi2)
        chi2[family], err[family], _ = fit_profile(
            family, t, y, weight, offset_weight, lower, upper, own
        )
        if family == FRED:
            chi2[family], err[family] = _hop_cusp(
                family, t, y, weight, offset_weight, lower, upper, rival, own, chi2[family], err[family]
            )


@njit(cache=True, nogil=True, error_model="numpy")
def _hop_cusp(family, t, y, weight, offset_weight, lower, upper, rival, theta, chi2, err):
    """Improve a fitted FRED by moving its cusp over the neighbouring points.

    χ² has a kink wherever the cusp passes a point, and may have a minimum between any two; a
    minimum is left if the cusp on a neighbouring point, all else equal, does about as well and
    leads to a better one. A FRED far worse than the best other family, ``rival``, is not pursued.
    """
    c = np.empty(N_CONSTANTS)
    d = np.zeros(MAX_PARAMETERS)
    start = np.empty(MAX_PARAMETERS)
    trial = np.empty(MAX_PARAMETERS)
    for _ in range(_MAX_HOPS):
        if chi2 > 1.5 * rival + _HOP_CHI2:
            break
        here = first_not_below(t, theta[2])
        best = np.inf
        for i in range(max(here - _HOP_POINTS - 1, 0), min(here + _HOP_POINTS + 1, len(t))):
            if i in (here - 1, here) or not lower[2] <= t[i] <= upper[2]:
                continue
            trial[:] = theta
            trial[2] = t[i]
            trial_chi2 = _linear_start(family, t, y, weight, offset_weight, trial, c, d)
            if trial_chi2 < best:
                best = trial_chi2
                start[:] = trial
        if best > 1.1 * chi2 + _HOP_CHI2:
            break
        best, best_err, _ = fit_profile(family, t, y, weight, offset_weight, lower, upper, start)
        if best > chi2 - 0.01:
            break
        chi2, err = best, best_err
        theta[:] = start
    return chi2, err


@njit(cache=True, nogil=True, error_model="numpy")
def _peak_and_centroid(t, y, weight, event_start, event_end):
    """Time of the highest three-point mean in the event, centroid of its excess, highest mean."""
    peak_time = centroid = 0.5 * (event_start + event_end)
    highest = best = area = moment = 0.0
    for i in range(len(t)):
        if event_start <= t[i] <= event_end:
            highest = max(highest, y[i])
            s_w = s_y = 0.0
            for j in range(max(i - 1, 0), min(i + 2, len(t))):
                if event_start <= t[j] <= event_end:
                    s_w += weight[j]
                    s_y += weight[j] * y[j]
            mean = s_y / s_w
            if mean > 0.0:
                area += mean
                moment += mean * t[i]
            if mean > best:
                best = mean
                peak_time = t[i]
    if area > 0.0:
        centroid = moment / area
    return peak_time, centroid, highest
