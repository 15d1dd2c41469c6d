"""When a star was observed: nights, gaps and what shares a camera.

Points are flat arrays holding star after star; points of star ``i`` are
``offsets[i]:offsets[i + 1]``, sorted by time. Kernels work on stars ``first:last``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.ordering import sorted_copy

#: Columns that ``sampling_statistics`` writes.
SAMPLING_COLUMNS = (
    "jd_start",
    "jd_end",
    "time_span_days",
    "n_unique_nights",
    "duty_cycle_fraction",
    "cadence_mean_days",
    "cadence_median_days",
    "cadence_p05_days",
    "cadence_p95_days",
    "largest_gap_days",
    "largest_gap_start_jd",
    "n_seasons",
)

_BINS_PER_DAY = 96
# Local noon is searched from this fraction of a Julian day on. ASAS-SN's sites have their noons at
# fractions 0.20 (Chile), 0.29 (Texas), 0.43 (Hawaii), 0.67 (China) and 0.94 (South Africa): none
# lies near the place where the night number jumps.
_FIRST_NOON = 0.07


@njit(cache=True, nogil=True)
def quantile_of_sorted(values, q):
    """Quantile ``q`` of a sorted array, linear between order statistics; NaN if it is empty."""
    n = len(values)
    if n == 0:
        return np.nan
    position = q * (n - 1)
    low = int(position)
    if low >= n - 1:
        return values[n - 1]
    return values[low] + (position - low) * (values[low + 1] - values[low])


@njit(cache=True, nogil=True)
def _quiet_hour(occupied):
    """Middle of the longest empty run of a circular histogram, as a fraction of it; 0 if none."""
    n = len(occupied)
    best_length, best_end, length = 0, 0, 0
    for step in range(2 * n):
        if occupied[step % n]:
            length = 0
        else:
            length += 1
            if length > best_length and length <= n:
                best_length, best_end = length, step
    return ((best_end + 1 - 0.5 * best_length) / n) % 1.0


@njit(cache=True, nogil=True)
def night_numbers(first, last, offsets, jd, channel, n_channels, night):
    """Find the night of every point without cutting any site's night in two.

    A Julian day begins at 12 h UT, the middle of the night in Hawaii. Here the day of each channel
    begins at the middle of the hours in which the channel never observed the star, which contain
    its local noon. Channels whose nights begin within one Julian day share a number.

    Parameters
    ----------
    first, last : int
        Stars to work on.
    offsets : (n_stars + 1,) int64 array
    jd : (n_points,) float64 array, days
    channel : (n_points,) int32 array
    n_channels : (n_stars,) int32 array
    night : (n_points,) int64 array
        Written: the night's number, about the Julian day in which it begins.
    """
    for star in range(first, last):
        begin, end = offsets[star], offsets[star + 1]
        occupied = np.zeros((n_channels[star], _BINS_PER_DAY), np.bool_)
        for i in range(begin, end):
            fraction = jd[i] - np.floor(jd[i])
            occupied[channel[i], int(fraction * _BINS_PER_DAY)] = True
        noon = np.empty(n_channels[star])
        for c in range(n_channels[star]):
            noon[c] = _FIRST_NOON + (_quiet_hour(occupied[c]) - _FIRST_NOON) % 1.0
        for i in range(begin, end):
            night[i] = int(np.floor(jd[i] - noon[channel[i]]))


@njit(cache=True, nogil=True)
def count_distinct(first, last, offsets, label, n_labels, out):
    """Count the distinct values of ``label`` (0 to ``n_labels`` - 1) a star, into ``out``."""
    seen = np.full(n_labels, -1, np.int64)
    for star in range(first, last):
        count = 0
        for i in range(offsets[star], offsets[star + 1]):
            if seen[label[i]] != star:
                seen[label[i]] = star
                count += 1
        out[star] = count


@njit(cache=True, nogil=True)
def sampling_statistics(first, last, offsets, jd, night, season_gap_days, out):
    """Describe the sampling of each star.

    Quantiles of the cadence are those of all gaps between consecutive points. The duty cycle is
    the number of nights observed over the number of nights from the first to the last.

    Parameters
    ----------
    first, last : int
    offsets : (n_stars + 1,) int64 array
    jd : (n_points,) float64 array, days
    night : (n_points,) int64 array
        As ``night_numbers`` writes it.
    season_gap_days : float
        A longer gap ends a season.
    out : (n_stars, len(SAMPLING_COLUMNS)) float64 array
        Written; NaN where a star has too few points for a quantity.
    """
    for star in range(first, last):
        begin, end = offsets[star], offsets[star + 1]
        n = end - begin
        row = out[star]
        row[:] = np.nan
        row[3] = 0.0
        row[11] = 0.0
        if n == 0:
            continue
        # Floats hold these numbers exactly, and one sort to compile is enough.
        nights = np.empty(n)
        for i in range(n):
            nights[i] = night[begin + i]
        nights = sorted_copy(nights)
        n_nights = 1
        for i in range(1, n):
            n_nights += nights[i] != nights[i - 1]
        row[0], row[1], row[2] = jd[begin], jd[end - 1], jd[end - 1] - jd[begin]
        row[3] = n_nights
        row[4] = n_nights / (nights[n - 1] - nights[0] + 1)
        row[11] = 1
        if n == 1:
            continue
        gaps = np.empty(n - 1)
        largest = 0
        for i in range(n - 1):
            gaps[i] = jd[begin + i + 1] - jd[begin + i]
            if gaps[i] > gaps[largest]:
                largest = i
            row[11] += gaps[i] > season_gap_days
        row[9], row[10] = gaps[largest], jd[begin + largest]
        row[5] = row[2] / (n - 1)
        gaps = sorted_copy(gaps)
        row[6] = quantile_of_sorted(gaps, 0.5)
        row[7] = quantile_of_sorted(gaps, 0.05)
        row[8] = quantile_of_sorted(gaps, 0.95)
