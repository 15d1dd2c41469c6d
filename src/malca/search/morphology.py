"""The shape of every event: which profile describes it, how deep, how long, how symmetric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numba import njit

from malca.kernels.fitting import (
    FAMILY_NAMES,
    FLAT,
    FRED,
    GAUSSIAN,
    MAX_PARAMETERS,
    N_FAMILIES,
    N_PARAMETERS,
    PACZYNSKI,
    SKEW_NORMAL,
    fit_families,
    profile_half_widths,
    profile_peak_time,
    profile_values,
    profile_width,
    skew_normal_alpha_and_mean,
)
from malca.kernels.ordering import first_above, first_not_below
from malca.kernels.profiles import fred_skewness, paczynski_fwhm, paczynski_u0
from malca.lightcurves import BAND_NAMES
from malca.search.points import UsablePoints
from malca.search.threads import map_star_ranges

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

_FLOATS = (
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
_INTEGERS = (
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
_FLAGS = ("cut_by_gap_start", "cut_by_gap_end", "cut_by_data_start", "cut_by_data_end")
(
    _DURATION, _DEPTH, _DELTA_BIC, _AMP, _AMP_ERR, _T0, _WIDTH, _FWHM, _INGRESS, _EGRESS,
    _ASYMMETRY, _SKEWNESS, _ALPHA, _SYMMETRY, _AREA, _LEVEL_STEP, _OFFSET, _CHI2, _REDUCED,
    _P_AMP, _P_U0, _P_T_E, _P_FWHM, _P_DELTA_BIC, _P_CHI2,
) = range(len(_FLOATS))  # fmt: skip
(
    _N_POINTS, _N_EPOCHS, _N_CHANNELS, _N_CAMERAS, _N_BANDS, _N_CAMERAS_OK, _N_BANDS_OK, _N_FIT,
    _DOF, _P_DOF,
) = range(len(_INTEGERS))  # fmt: skip
_GAP_START, _GAP_END, _DATA_START, _DATA_END = range(len(_FLAGS))
_ABSENT, _SEEN, _CONFIRMED = range(3)


def fit_events(
    points: UsablePoints,
    residual: np.ndarray,
    sigma_eff: np.ndarray,
    star: np.ndarray,
    kind_sign: np.ndarray,
    jd_start: np.ndarray,
    jd_end: np.ndarray,
    workers: int = 1,
    *,
    min_padding_days: float = 10.0,
    min_delta_bic: float = 10.0,
    offset_err_mag: float | np.ndarray = 0.02,
    cameras: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Fit the shape of each event and measure what does not need a fit.

    Each event is fitted in its interval padded on both sides by the larger of its duration and
    ``min_padding_days``; the padding ends where another event of the star begins. The families
    are compared by BIC = χ² + k ln n (Schwarz 1978, known errors). A family is judged only if it
    is tied down: more epochs than parameters, and at least as many epochs as parameters where
    its profile exceeds a tenth of its peak; so an exact fit never wins.

    Parameters
    ----------
    points : UsablePoints
    residual : (n_points,) array
        Magnitude minus baseline, mag, fainter positive.
    sigma_eff : (n_points,) array
        Its error, mag. Points without a finite residual and a positive error are left out.
    star : (n_events,) int array
        Index of the star in ``points``.
    kind_sign : (n_events,) array
        +1 dip, −1 jump (brightening).
    jd_start, jd_end : (n_events,) arrays
        First and last moment of the event, days.
    workers : int
        Threads.
    min_padding_days : float
    min_delta_bic : float
        An event whose best family is not better than a constant by this much is ``flat``; 10 is
        "very strong" evidence (Kass & Raftery 1995, JASA 90, 773).
    offset_err_mag : float or (n_events,) array
        1σ of the baseline's own error, mag: the prior on the constant under each profile.
    cameras : sequence of str, optional
        Names for the indices in ``points.camera``; without them the indices are written.

    Returns
    -------
    DataFrame
        A row an event, in the order given, index 0 … n_events − 1:

        - ``star, kind, jd_start, jd_end, duration_days``
        - ``morphology``: a family's name, ``flat``, or ``undetermined`` with the reason in
          ``fit_note`` (empty otherwise). Fitted quantities are NaN for both.
        - ``delta_bic``: BIC of a constant minus that of the best family; positive favours the
          event. NaN if undetermined.
        - ``amp_mag, amp_err_mag``: height of the profile above the offset, positive for both
          kinds. ``fit_offset_mag`` has the sign of the kind.
        - ``t0_jd``: moment of the extremum. ``fwhm_days``: true full width at half maximum, the
          sum of ``ingress_days`` and ``egress_days``. ``width_days``: the family's own parameter
          (Gaussian σ, skew-normal scale, Paczyński t_E, FRED decay time).
        - ``asymmetry``: (egress − ingress)/(egress + ingress). ``skewness``: third standardised
          moment of the profile (0 for the symmetric families); ``skew_alpha``: skew-normal only.
        - ``symmetry_score``: see ``_symmetry_score``.
        - ``area_mag_days``: integral of the residual over the event, trapezoids between epochs.
        - ``level_step_mag``: mean residual after minus before the event, fainter positive.
        - ``depth_mag``: the larger of the fitted profile at the sampled epochs of the event and
          the weighted 75 % quantile of these epochs, the former never above the deepest epoch; the
          quantile alone without a fit. Never extrapolated into a gap, defined from one
          point on.
        - ``fit_chi2, fit_dof, reduced_chi2, n_fit_points``: of the chosen family (or constant) on
          all points of the window; the prior counts as a datum.
        - ``n_points, n_epochs, n_channels, n_cameras, n_bands``: inside the event;
          ``cameras, bands`` name them. Of these, ``cameras_confirming, bands_confirming`` and
          their numbers are those whose own mean residual is 2 σ from zero in the event's sense.
        - ``cut_by_gap_start, cut_by_gap_end``: a gap longer than 10 d and than the event adjoins
          the edge. ``cut_by_data_start, cut_by_data_end``: the star has no points beyond it.
        - ``paczynski_*``: the microlensing fit of each jump, whichever family won.

    Raises
    ------
    ValueError
        Arrays of unequal length, a star that is not in ``points``, or a sign that is not ±1.
    """
    columns = event_columns(
        points, residual, sigma_eff, star, kind_sign, jd_start, jd_end, workers,
        min_padding_days=min_padding_days, min_delta_bic=min_delta_bic,
        offset_err_mag=offset_err_mag, cameras=cameras,
    )  # fmt: skip
    return as_table(columns)


def as_table(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Make a table of columns, those of words typed ``str``."""
    return pd.DataFrame(
        {
            name: pd.array(values, dtype="str")
            if getattr(values, "dtype", None) == np.dtype(object)
            else values
            for name, values in columns.items()
        }
    )


def event_columns(
    points: UsablePoints,
    residual: np.ndarray,
    sigma_eff: np.ndarray,
    star: np.ndarray,
    kind_sign: np.ndarray,
    jd_start: np.ndarray,
    jd_end: np.ndarray,
    workers: int = 1,
    *,
    min_padding_days: float = 10.0,
    min_delta_bic: float = 10.0,
    offset_err_mag: float | np.ndarray = 0.02,
    cameras: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """Fit as ``fit_events`` does, and return its columns as arrays: cheap for a few events."""
    star = np.asarray(star, np.int64)
    n = len(star)
    kind_sign = np.asarray(kind_sign, np.float64)
    jd_start, jd_end = np.asarray(jd_start, np.float64), np.asarray(jd_end, np.float64)
    residual = np.ascontiguousarray(residual, np.float64)
    sigma_eff = np.ascontiguousarray(sigma_eff, np.float64)
    if not len(kind_sign) == len(jd_start) == len(jd_end) == n:
        raise ValueError("star, kind_sign, jd_start and jd_end must be equally long")
    if not len(residual) == len(sigma_eff) == len(points.jd):
        raise ValueError(f"residual and sigma_eff must hold the {len(points.jd)} points")
    if n and not (star.min() >= 0 and star.max() < len(points)):
        raise ValueError(f"star must be within the {len(points)} stars of points")
    if not np.isin(kind_sign, (1.0, -1.0)).all():
        raise ValueError("kind_sign must be +1 (dip) or -1 (jump)")

    floor, ceiling = _neighbours(star, jd_start, jd_end)
    offset_err = np.broadcast_to(np.asarray(offset_err_mag, np.float64), n).copy()
    n_batch_cameras = int(points.camera.max()) + 1 if len(points.camera) else 1
    floats = np.full((n, len(_FLOATS)), np.nan)
    integers = np.zeros((n, len(_INTEGERS)), np.int64)
    flags = np.zeros((n, len(_FLAGS)), np.bool_)
    labels = np.zeros((n, 2), np.int64)
    camera_state = np.zeros((n, n_batch_cameras), np.int8)
    band_state = np.zeros((n, len(BAND_NAMES)), np.int8)

    def measure(first: int, last: int) -> None:
        _measure_events(
            first, last, points.offsets, points.jd, points.channel, points.camera, points.band,
            residual, sigma_eff, star, kind_sign, jd_start, jd_end, floor, ceiling, offset_err,
            float(min_padding_days), float(min_delta_bic),
            floats, integers, flags, labels, camera_state, band_state,
        )  # fmt: skip

    map_star_ranges(measure, n, workers)

    names = list(cameras) if cameras is not None else [str(i) for i in range(n_batch_cameras)]
    columns: dict[str, np.ndarray] = {
        "star": star,
        "kind": _strings(np.where(kind_sign > 0, "dip", "jump").tolist()),
        "jd_start": jd_start,
        "jd_end": jd_end,
        "morphology": _strings([(*FAMILY_NAMES, "undetermined")[i] for i in labels[:, 0]]),
        "fit_note": _strings([FIT_NOTES[i] for i in labels[:, 1]]),
    }
    columns |= {name: floats[:, i] for i, name in enumerate(_FLOATS)}
    columns |= {name: integers[:, i] for i, name in enumerate(_INTEGERS)}
    columns |= {name: flags[:, i] for i, name in enumerate(_FLAGS)}
    for what, state, words in (("cameras", camera_state, names), ("bands", band_state, BAND_NAMES)):
        columns[what] = _strings(_joined(state >= _SEEN, words))
        columns[f"{what}_confirming"] = _strings(_joined(state == _CONFIRMED, words))
    return columns


def _strings(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=object)


def _joined(chosen: np.ndarray, words: Sequence[str]) -> list[str]:
    return [",".join(words[i] for i in np.flatnonzero(row).tolist()) for row in chosen]


def _neighbours(
    star: np.ndarray, jd_start: np.ndarray, jd_end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Last end before, and first start after, each event among the events of its star, days."""
    floor, ceiling = np.full(len(star), -np.inf), np.full(len(star), np.inf)
    by_star = np.argsort(star, kind="stable")
    edges = np.flatnonzero(np.diff(star[by_star], prepend=-1, append=-1))
    for a, b in pairwise(edges):
        if b - a == 1:
            continue
        events = by_star[a:b]
        ends, starts = np.sort(jd_end[events]), np.sort(jd_start[events])
        before = np.searchsorted(ends, jd_start[events], "left")
        after = np.searchsorted(starts, jd_end[events], "right")
        floor[events] = np.concatenate([[-np.inf], ends])[before]
        ceiling[events] = np.concatenate([starts, [np.inf]])[after]
    return floor, ceiling


@njit(cache=True, nogil=True, error_model="numpy")
def _measure_events(
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
            camera_state[c] = _CONFIRMED if confirms else _SEEN
            k[_N_CAMERAS] += 1
            k[_N_CAMERAS_OK] += confirms
    for c in range(n_bands):
        if b_w[c] > 0.0:
            confirms = b_wy[c] >= CONFIRMING_SIGMA * math.sqrt(b_w[c])
            band_state[c] = _CONFIRMED if confirms else _SEEN
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
