"""The shape of events: which profile describes each, how deep, how long, how symmetric."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from malca.kernels.families import (
    FLAT,
    FRED,
    GAUSSIAN,
    MAX_PARAMETERS,
    N_FAMILIES,
    N_PARAMETERS,
    PACZYNSKI,
    SKEW_NORMAL,
    profile_half_widths,
    profile_peak_time,
    profile_values,
    profile_width,
    skew_normal_alpha_and_mean,
)
from malca.kernels.fitting import fit_families
from malca.kernels.ordering import first_above, first_not_below
from malca.kernels.profiles import fred_skewness, paczynski_fwhm, paczynski_u0

#: Most bins a window is fitted on: bounds the cost of events that last years.
MAX_BINS = 200
#: A gap longer than this (days) and than the event cuts the event off.
MIN_CUTTING_GAP_DAYS = 10.0
#: A camera or band shows an event if its mean residual in it is this many errors from 0.
CONFIRMING_SIGMA = 2.0

_DEPTH_QUANTILE = 0.75
_SUPPORT_LEVEL = 0.1

FIT_NOTES = ("", "invalid interval", "no points", "too few epochs", "undersampled")
_OK, _INVALID, _NO_POINTS, _TOO_FEW, _UNDERSAMPLED = range(len(FIT_NOTES))

FLOAT_COLUMNS = (
    "duration_days",
    "depth_mag",
    "delta_bic",
    "amp_mag",
    "amp_err_mag",
    "t0_jd",
    "width_days",
    "fwhm_days",
    "ingress_days",
    "egress_days",
    "asymmetry",
    "skewness",
    "skew_alpha",
    "symmetry_score",
    "area_mag_days",
    "level_step_mag",
    "fit_offset_mag",
    "fit_chi2",
    "reduced_chi2",
    "paczynski_amp_mag",
    "paczynski_u0",
    "paczynski_t_e_days",
    "paczynski_fwhm_days",
    "paczynski_delta_bic",
    "paczynski_chi2",
)
INTEGER_COLUMNS = (
    "n_points",
    "n_epochs",
    "n_channels",
    "n_cameras",
    "n_bands",
    "n_cameras_confirming",
    "n_bands_confirming",
    "n_fit_points",
    "fit_dof",
    "paczynski_dof",
)
FLAG_COLUMNS = ("cut_by_gap_start", "cut_by_gap_end", "cut_by_data_start", "cut_by_data_end")
(
    _DURATION, _DEPTH, _DELTA_BIC, _AMP, _AMP_ERR, _T0, _WIDTH, _FWHM, _INGRESS, _EGRESS,
    _ASYMMETRY, _SKEWNESS, _ALPHA, _SYMMETRY, _AREA, _LEVEL_STEP, _OFFSET, _CHI2, _REDUCED,
    _P_AMP, _P_U0, _P_T_E, _P_FWHM, _P_DELTA_BIC, _P_CHI2,
) = range(len(FLOAT_COLUMNS))  # fmt: skip
(
    _N_POINTS, _N_EPOCHS, _N_CHANNELS, _N_CAMERAS, _N_BANDS, _N_CAMERAS_OK, _N_BANDS_OK, _N_FIT,
    _DOF, _P_DOF,
) = range(len(INTEGER_COLUMNS))  # fmt: skip
_GAP_START, _GAP_END, _DATA_START, _DATA_END = range(len(FLAG_COLUMNS))
ABSENT, SEEN, CONFIRMED = range(3)


@njit(cache=True, nogil=True, error_model="numpy")
def measure_events(
    first, last, offsets, jd, channel, camera, band, residual, sigma, star, kind_sign, jd_start,
    jd_end, floor, ceiling, offset_err, min_padding_days, min_delta_bic,
    floats, integers, flags, labels, camera_state, band_state,
):  # fmt: skip
    """Measure events ``first:last`` into rows of the output arrays (see ``fit_events``)."""
    theta = np.empty((N_FAMILIES, MAX_PARAMETERS))
    chi2, err, bic = np.empty(N_FAMILIES), np.empty(N_FAMILIES), np.empty(N_FAMILIES)
    fitted = np.empty(N_FAMILIES, np.bool_)
    bin_t, bin_y, bin_w = np.empty(MAX_BINS + 2), np.empty(MAX_BINS + 2), np.empty(MAX_BINS + 2)
    shape = np.empty(MAX_BINS + 2)
    for e in range(first, last):
        f, k = floats[e], integers[e]
        start, end, sign = jd_start[e], jd_end[e], kind_sign[e]
        labels[e, 0] = N_FAMILIES
        if not (math.isfinite(start) and math.isfinite(end) and end >= start):
            labels[e, 1] = _INVALID
            continue
        duration = end - start
        f[_DURATION] = duration
        a, b = offsets[star[e]], offsets[star[e] + 1]
        lo = a + first_not_below(jd[a:b], start)
        hi = a + first_above(jd[a:b], end)
        _edges(jd, a, b, lo, hi, duration, flags[e])
        _support(
            lo, hi, sign, channel, camera, band, residual, sigma, k, camera_state[e], band_state[e]
        )

        padding = max(duration, min_padding_days)
        left = a + first_not_below(jd[a:b], start - padding)
        right = a + first_above(jd[a:b], end + padding)
        left = max(left, min(a + first_above(jd[a:b], floor[e]), lo))
        right = min(right, max(a + first_not_below(jd[a:b], ceiling[e]), hi))
        f[_LEVEL_STEP] = _mean(hi, right, residual, sigma) - _mean(left, lo, residual, sigma)
        n_bins, i0, i1, n_used, within = _bin(
            left, right, lo, hi, start, duration, sign, jd, residual, sigma, bin_t, bin_y, bin_w
        )
        k[_N_FIT] = n_used
        if k[_N_POINTS] == 0:
            labels[e, 1] = _NO_POINTS
            continue
        t, y, w = bin_t[:n_bins], bin_y[:n_bins], bin_w[:n_bins]
        k[_N_EPOCHS] = i1 - i0
        f[_DEPTH] = _weighted_quantile(y[i0:i1].copy(), w[i0:i1].copy(), _DEPTH_QUANTILE)
        f[_AREA] = _area(t[i0:i1], y[i0:i1])

        offset_weight = 1.0 / max(offset_err[e], 1e-6) ** 2
        fit_families(t, y, w, offset_weight, 0.0, duration, sign < 0.0, theta, chi2, err, fitted)
        if not fitted[GAUSSIAN]:
            labels[e, 1] = _TOO_FEW
            continue
        best, loosest = FLAT, FLAT
        for family in range(N_FAMILIES):
            bic[family] = chi2[family] + within + N_PARAMETERS[family] * math.log(n_used)
            if family == FLAT or not fitted[family]:
                continue
            if bic[family] < bic[loosest]:
                loosest = family
            profile_values(family, theta[family], t, shape)
            support = 0
            for i in range(n_bins):
                support += shape[i] > _SUPPORT_LEVEL * theta[family, 1]
            fitted[family] = support >= N_PARAMETERS[family]
            if fitted[family] and (best == FLAT or bic[family] < bic[best]):
                best = family
        if fitted[PACZYNSKI]:
            _describe_paczynski(theta[PACZYNSKI], f)
            f[_P_DELTA_BIC] = bic[FLAT] - bic[PACZYNSKI]
            f[_P_CHI2] = chi2[PACZYNSKI] + within
            k[_P_DOF] = n_used + 1 - N_PARAMETERS[PACZYNSKI]
        f[_DELTA_BIC] = bic[FLAT] - bic[best]
        if best == FLAT or f[_DELTA_BIC] < min_delta_bic:
            if bic[FLAT] - bic[loosest] >= min_delta_bic:
                labels[e, 1] = _UNDERSAMPLED
                f[_DELTA_BIC] = np.nan
                continue
            best = FLAT
        labels[e, 0] = best
        f[_CHI2] = chi2[best] + within
        k[_DOF] = n_used + 1 - N_PARAMETERS[best]
        f[_REDUCED] = f[_CHI2] / k[_DOF]
        if best == FLAT:
            continue
        _describe(best, theta[best], start, f)
        f[_AMP_ERR] = err[best]
        f[_SYMMETRY] = _symmetry_score(
            t, y, w, theta[best, 0], f[_T0] - start, theta[best, 1], err[best], duration
        )
        profile_values(best, theta[best], t, shape)
        # A peaked profile overshoots a flat bottom: nothing is deeper than its deepest epoch.
        deepest = np.max(y[i0:i1])
        for i in range(i0, i1):
            f[_DEPTH] = max(f[_DEPTH], min(shape[i], deepest))


@njit(cache=True, nogil=True, error_model="numpy")
def _usable(residual, sigma):
    return math.isfinite(residual) and sigma > 0.0 and sigma < np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _edges(jd, a, b, lo, hi, duration, flags):
    """Say whether a gap or an end of the data adjoins the event's points ``lo:hi`` of ``a:b``."""
    flags[_DATA_START] = lo == a
    flags[_DATA_END] = hi == b
    if hi == lo:
        return
    limit = max(MIN_CUTTING_GAP_DAYS, duration)
    flags[_GAP_START] = lo > a and jd[lo] - jd[lo - 1] > limit
    flags[_GAP_END] = hi < b and jd[hi] - jd[hi - 1] > limit


@njit(cache=True, nogil=True, error_model="numpy")
def _support(lo, hi, sign, channel, camera, band, residual, sigma, k, camera_state, band_state):
    """Count points, channels, cameras and bands, and which of them show the event by themselves."""
    n_cameras, n_bands = len(camera_state), len(band_state)
    s_w, s_wy = np.zeros(n_cameras), np.zeros(n_cameras)
    b_w, b_wy = np.zeros(n_bands), np.zeros(n_bands)
    n_channels = 0
    for i in range(lo, hi):
        if not _usable(residual[i], sigma[i]):
            continue
        k[_N_POINTS] += 1
        w = 1.0 / (sigma[i] * sigma[i])
        s_w[camera[i]] += w
        s_wy[camera[i]] += w * sign * residual[i]
        b_w[band[i]] += w
        b_wy[band[i]] += w * sign * residual[i]
        new = True
        for j in range(i - 1, lo - 1, -1):
            if channel[j] == channel[i] and _usable(residual[j], sigma[j]):
                new = False
                break
        n_channels += new
    k[_N_CHANNELS] = n_channels
    for c in range(n_cameras):
        if s_w[c] > 0.0:
            confirms = s_wy[c] >= CONFIRMING_SIGMA * math.sqrt(s_w[c])
            camera_state[c] = CONFIRMED if confirms else SEEN
            k[_N_CAMERAS] += 1
            k[_N_CAMERAS_OK] += confirms
    for c in range(n_bands):
        if b_w[c] > 0.0:
            confirms = b_wy[c] >= CONFIRMING_SIGMA * math.sqrt(b_w[c])
            band_state[c] = CONFIRMED if confirms else SEEN
            k[_N_BANDS] += 1
            k[_N_BANDS_OK] += confirms


@njit(cache=True, nogil=True, error_model="numpy")
def _mean(lo, hi, residual, sigma):
    """Inverse-variance weighted mean residual of points ``lo:hi``; NaN without any."""
    s_w = s_wy = 0.0
    for i in range(lo, hi):
        if _usable(residual[i], sigma[i]):
            w = 1.0 / (sigma[i] * sigma[i])
            s_w += w
            s_wy += w * residual[i]
    return s_wy / s_w if s_w > 0.0 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _bin(left, right, lo, hi, zero, duration, sign, jd, residual, sigma, bin_t, bin_y, bin_w):
    """Inverse-variance means of points closer together than the shape can change.

    A bin never straddles the edges of the event. χ² of any shape that is constant within the
    bins is exactly that of the bins plus ``within``, so comparing shapes on bins loses nothing.

    Returns the number of bins, the range of those inside the event, the number of points, and
    ``within``.
    """
    width = (jd[right - 1] - jd[left]) / (MAX_BINS - 4) if right > left else 0.0
    if right - left <= MAX_BINS:
        width = min(width, max(0.05 * duration, 0.01))
    n_bins, n_used, i0, i1 = 0, 0, 0, 0
    opened, part = 0.0, 0
    sum_yy = 0.0
    for i in range(left, right):
        if not _usable(residual[i], sigma[i]):
            continue
        here = 0 if i < lo else (1 if i < hi else 2)
        if n_bins == 0 or here != part or jd[i] - opened > width:
            opened, part = jd[i], here
            bin_t[n_bins] = bin_y[n_bins] = bin_w[n_bins] = 0.0
            i0 += here == 0
            n_bins += 1
            i1 += here < 2
        w = 1.0 / (sigma[i] * sigma[i])
        bin_w[n_bins - 1] += w
        bin_t[n_bins - 1] += w * (jd[i] - zero)
        bin_y[n_bins - 1] += w * sign * residual[i]
        sum_yy += w * residual[i] * residual[i]
        n_used += 1
    for j in range(n_bins):
        bin_t[j] /= bin_w[j]
        bin_y[j] /= bin_w[j]
        sum_yy -= bin_w[j] * bin_y[j] * bin_y[j]
    return n_bins, i0, i1, n_used, max(sum_yy, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _weighted_quantile(values, weights, level):
    """Quantile of weighted values, linear between the midpoints of the sorted weights.

    Sorts both arrays in place, by insertion: there are at most a few dozen.
    """
    for i in range(1, len(values)):
        value, weight = values[i], weights[i]
        j = i - 1
        while j >= 0 and values[j] > value:
            values[j + 1], weights[j + 1] = values[j], weights[j]
            j -= 1
        values[j + 1], weights[j + 1] = value, weight
    target = level * np.sum(weights)
    done = 0.0
    before, below = 0.0, values[0]
    for i in range(len(values)):
        here = done + 0.5 * weights[i]
        if here >= target:
            part = (target - before) / (here - before) if done > 0.0 else 1.0
            return below + part * (values[i] - below)
        done += weights[i]
        before, below = here, values[i]
    return below


@njit(cache=True, nogil=True, error_model="numpy")
def _area(t, y):
    area = 0.0
    for i in range(1, len(t)):
        area += 0.5 * (y[i] + y[i - 1]) * (t[i] - t[i - 1])
    return area


@njit(cache=True, nogil=True, error_model="numpy")
def _symmetry_score(t, y, w, offset, t0, peak, peak_err, duration):
    """Area before minus area after the extremum, in units of its error; 0 is symmetric.

    (I_before − I_after)/√(σ_before² + σ_after²), the quantity computed in the public code of
    Tzanidakis et al. (2025, "A Systematic Search for Main-Sequence Dipper Stars Using the Zwicky
    Transient Facility"); the wording of their Eq. 5 was not available for comparison. They
    integrate a Gaussian process up to its crossings of the mean magnitude; here the areas are
    trapezoids over the epochs, joined to the fitted extremum, on an equal reach of time on both
    sides that covers the event. NaN with fewer than two epochs on a side.
    """
    reach = max(t0, duration - t0)
    area = np.zeros(2)
    variance = np.zeros(2)
    for side in range(2):
        count = 0
        direction = -1.0 if side == 0 else 1.0
        far_t, far_y, far_var, near_t = 0.0, peak, peak_err * peak_err, 0.0
        for step in range(len(t)):
            i = len(t) - 1 - step if side == 0 else step
            x = direction * (t[i] - t0)
            if x <= 0.0 or x > reach:
                continue
            # Each node carries half of the two intervals beside it.
            variance[side] += far_var * (0.5 * (x - near_t)) ** 2
            area[side] += 0.5 * (y[i] - offset + far_y) * (x - far_t)
            near_t, far_t, far_y, far_var = far_t, x, y[i] - offset, 1.0 / w[i]
            count += 1
        variance[side] += far_var * (0.5 * (far_t - near_t)) ** 2
        if count < 2:
            return np.nan
    return (area[0] - area[1]) / math.sqrt(variance[0] + variance[1])


@njit(cache=True, nogil=True, error_model="numpy")
def _describe(family, theta, start, f):
    """Write the chosen family's parameters."""
    ingress, egress = profile_half_widths(family, theta)
    f[_OFFSET] = theta[0]
    f[_AMP] = theta[1]
    f[_T0] = start + profile_peak_time(family, theta)
    f[_WIDTH] = profile_width(family, theta)
    f[_INGRESS] = ingress
    f[_EGRESS] = egress
    f[_FWHM] = ingress + egress
    f[_ASYMMETRY] = (egress - ingress) / (egress + ingress)
    f[_SKEWNESS] = 0.0
    if family == SKEW_NORMAL:
        f[_SKEWNESS] = theta[4]
        f[_ALPHA] = skew_normal_alpha_and_mean(theta[4])[0]
    elif family == FRED:
        f[_SKEWNESS] = fred_skewness(1.0, math.exp(theta[4]))


@njit(cache=True, nogil=True, error_model="numpy")
def _describe_paczynski(theta, f):
    u0 = paczynski_u0(theta[1])
    f[_P_AMP] = theta[1]
    f[_P_U0] = u0
    f[_P_T_E] = profile_width(PACZYNSKI, theta)
    f[_P_FWHM] = paczynski_fwhm(f[_P_T_E], u0)
