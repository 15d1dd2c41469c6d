"""Reductions of per-point quantities over spans of time within stars."""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.ordering import first_above, first_not_below, median_of


@njit(cache=True, nogil=True)
def spans_to_ranges(offsets, t, star, start, end, first, last):
    """Points of each span, as positions in the batch.

    Parameters
    ----------
    offsets : (n_stars + 1,) int64;  t : (n_points,) float64, sorted within a star
    star : (n_spans,) int64;  start, end : (n_spans,) float64, both inclusive
    first, last : (n_spans,) int64, written, half-open range
    """
    for k in range(len(star)):
        a, b = offsets[star[k]], offsets[star[k] + 1]
        first[k] = a + first_not_below(t[a:b], start[k])
        last[k] = a + first_above(t[a:b], end[k])


@njit(cache=True, nogil=True)
def maxima(first, last, values, result):
    """Largest of ``values`` in each half-open range; NaN for an empty one."""
    for k in range(len(first)):
        result[k] = np.nan
        for i in range(first[k], last[k]):
            if not values[i] <= result[k]:
                result[k] = values[i]


@njit(cache=True, nogil=True)
def star_medians(offsets, values, result):
    """Median of each star's ``values``; NaN for a star without points."""
    for star in range(len(offsets) - 1):
        part = values[offsets[star] : offsets[star + 1]]
        result[star] = median_of(part) if len(part) else np.nan


@njit(cache=True, nogil=True)
def channel_points(offsets, channel, n_channels, fewest, most, enough, n_enough):
    """Fewest and most points a channel of each star has, and channels with ``enough`` points."""
    for star in range(len(offsets) - 1):
        count = np.zeros(n_channels[star], np.int64)
        for i in range(offsets[star], offsets[star + 1]):
            count[channel[i]] += 1
        fewest[star] = count.min() if len(count) else 0
        most[star] = count.max() if len(count) else 0
        n_enough[star] = np.sum(count >= enough)
