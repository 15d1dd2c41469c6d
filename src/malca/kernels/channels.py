"""Baselines of every channel of a range of stars, and the scatter they leave.

A channel is one camera in one band. ``group_channels`` puts the points of each channel next to
each other: channel ``s`` of the batch has the points ``order[segments[s]:segments[s + 1]]``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.gp import TWO_STATE_WORK, smooth_two_state
from malca.kernels.ordering import median_in_place
from malca.kernels.rolling import trailing_median

_MAD_TO_SIGMA = 1.4826022185056018  # of a Gaussian: 1 / Φ⁻¹(3/4)


@njit(cache=True, nogil=True)
def group_channels(offsets, channel, first_segment, start, stop, order, segments):
    """Order points by channel within each star; ``segments`` marks where each channel begins."""
    for star in range(start, stop):
        a, b = offsets[star], offsets[star + 1]
        base = first_segment[star]
        n_channels = first_segment[star + 1] - base
        fill = np.zeros(n_channels + 1, np.int64)
        for i in range(a, b):
            fill[channel[i] + 1] += 1
        fill[0] = a
        for c in range(n_channels):
            fill[c + 1] += fill[c]
            segments[base + c] = fill[c]
        for i in range(a, b):
            order[fill[channel[i]]] = i
            fill[channel[i]] += 1


@njit(cache=True, nogil=True)
def median_and_scatter(y, scratch):
    """Median and scaled median absolute deviation; ``scratch`` is overwritten."""
    scratch[:] = y
    median = median_in_place(scratch)
    for i in range(len(y)):
        scratch[i] = abs(y[i] - median)
    return median, _MAD_TO_SIGMA * median_in_place(scratch)


@njit(cache=True, nogil=True)
def _mask_faint(t, y, limit, padding_days, masked):
    """Mask points fainter than ``limit`` and those within ``padding_days`` of one."""
    n = len(t)
    previous = -np.inf
    for i in range(n):
        if y[i] > limit:
            previous = t[i]
        masked[i] = t[i] - previous <= padding_days
    following = np.inf
    for i in range(n - 1, -1, -1):
        if y[i] > limit:
            following = t[i]
        masked[i] = masked[i] or following - t[i] <= padding_days


@njit(cache=True, nogil=True)
def _gp_level(y, noise_var, weighted, scratch):
    """Mean or median of the points of finite noise; NaN if there is none."""
    n_used, total, total_weight = 0, 0.0, 0.0
    for i in range(len(y)):
        if np.isfinite(noise_var[i]):
            scratch[n_used] = y[i]
            n_used += 1
            total += y[i] / noise_var[i]
            total_weight += 1.0 / noise_var[i]
    if n_used == 0:
        return np.nan
    return total / total_weight if weighted else median_in_place(scratch[:n_used])


@njit(cache=True, nogil=True)
def _longest(segments, first, last):
    longest = 0
    for s in range(first, last):
        longest = max(longest, segments[s + 1] - segments[s])
    return longest


@njit(cache=True, nogil=True)
def fit_channel_gps(
    first, last, segments, order, jd, mag, mag_err, model, jitter, weighted, mask_sigma,
    padding_days, min_points, sparse_variance, mean, variance,
):  # fmt: skip
    """Fit channels ``first:last``; an infinite ``mask_sigma`` masks nothing."""
    longest = _longest(segments, first, last)
    columns, masked = np.empty((6, longest)), np.empty(longest, np.bool_)
    work = np.empty((longest, TWO_STATE_WORK))
    for s in range(first, last):
        part = order[segments[s] : segments[s + 1]]
        n = len(part)
        t, y, noise_var = columns[0, :n], columns[1, :n], columns[2, :n]
        fit, fit_variance, scratch = columns[3, :n], columns[4, :n], columns[5, :n]
        for i in range(n):
            t[i], y[i] = jd[part[i]], mag[part[i]]
            noise_var[i] = mag_err[part[i]] ** 2 + jitter**2
        ok = n >= min_points
        if ok and np.isfinite(mask_sigma):
            median, scatter = median_and_scatter(y, scratch)
            for i in range(n):
                scratch[i] = mag_err[part[i]]
            scatter = max(scatter, median_in_place(scratch))
            _mask_faint(t, y, median + mask_sigma * scatter, padding_days, masked[:n])
            for i in range(n):
                if masked[i]:
                    noise_var[i] = np.inf
        if ok:
            level = _gp_level(y, noise_var, weighted, scratch)
            ok = np.isfinite(level) and not np.isnan(
                smooth_two_state(t, y, level, noise_var, model, fit, fit_variance, work)
            )
        if not ok:
            scratch[:] = y
            fit[:] = median_in_place(scratch)
            fit_variance[:] = sparse_variance
        for i in range(n):
            mean[part[i]], variance[part[i]] = fit[i], fit_variance[i]


@njit(cache=True, nogil=True)
def fit_channel_medians(
    first, last, segments, order, jd, mag, long_days, short_days, exclude_days, min_window_points,
    min_points, sparse_variance, mean, variance,
):  # fmt: skip
    """Fit channels ``first:last``; an infinite ``long_days`` gives a constant."""
    columns = np.empty((6, _longest(segments, first, last)))
    for s in range(first, last):
        part = order[segments[s] : segments[s + 1]]
        n = len(part)
        t, y, trend = columns[0, :n], columns[1, :n], columns[2, :n]
        counts, fast, scratch = columns[3, :n], columns[4, :n], columns[5, :n]
        for i in range(n):
            t[i], y[i] = jd[part[i]], mag[part[i]]
        median, scatter = median_and_scatter(y, scratch)
        if n < min_points or np.isinf(long_days):
            # variance of the median of n Gaussian values: π/2 of that of their mean
            spread = 0.5 * np.pi * scatter**2 / n if n >= min_points else sparse_variance
            for i in range(n):
                mean[part[i]], variance[part[i]] = median, spread
            continue
        trailing_median(
            t, y, long_days, exclude_days, min_window_points, median, trend, counts, scratch
        )
        for i in range(n):
            y[i] -= trend[i]
            variance[part[i]] = 1.0 / (counts[i] if counts[i] > 0 else n)
        trailing_median(t, y, short_days, exclude_days, min_window_points, 0.0, fast, counts, scratch)
        _, scatter = median_and_scatter(y, scratch)
        for i in range(n):
            mean[part[i]] = trend[i] + fast[i]
            inverse = variance[part[i]] + (1.0 / counts[i] if counts[i] > 0 else 0.0)
            variance[part[i]] = 0.5 * np.pi * scatter**2 * inverse


@njit(cache=True, nogil=True)
def measure_floors(offsets, mag, mag_err, mean, variance, largest_variance, start, stop, floor):
    longest = 0
    for star in range(start, stop):
        longest = max(longest, offsets[star + 1] - offsets[star])
    residual, scratch = np.empty(longest), np.empty(longest)
    for star in range(start, stop):
        n = 0
        for i in range(offsets[star], offsets[star + 1]):
            if variance[i] < largest_variance:
                residual[n], scratch[n] = mag[i] - mean[i], mag_err[i]
                n += 1
        if n == 0:
            floor[star] = 0.0
            continue
        error = median_in_place(scratch[:n])
        _, scatter = median_and_scatter(residual[:n], scratch[:n])
        floor[star] = np.sqrt(max(scatter**2 - error**2, 0.0))
