"""Local noise level of a power spectrum, from medians that its peaks hardly move."""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.ordering import median_in_place

_LN_2 = np.log(2.0)  # median of a unit exponential
_MOST_SAMPLES = 1500  # of which a median is taken


@njit(cache=True, nogil=True)
def slow_level(power, first, half_dex, centers_per_dex, level):
    """Median of the power about each frequency over ln 2: the mean of exponentially distributed powers.

    Medians are taken at equal steps of log frequency and connected by straight lines.

    Parameters
    ----------
    power : (n_frequencies,) float64 array
        At 0, 1, 2 … steps of frequency, positive.
    first : int
        Lowest frequency used, at least 1; lower ones get the level 1.
    half_dex : float
        Half width of the range of a median in log10 frequency.
    centers_per_dex : float
    level : (n_frequencies,) float64 array
        Written.
    """
    n = len(power)
    level[:first] = 1.0
    low, high = np.log10(float(first)), np.log10(n - 1.0)
    n_centers = max(int((high - low) * centers_per_dex), 2)
    work = np.empty(2 * _MOST_SAMPLES)
    before, value_before = float(first), 0.0
    for k in range(n_centers):
        at = low + (high - low) * k / (n_centers - 1)
        begin = max(int(10.0 ** (at - half_dex)), first)
        end = min(int(10.0 ** (at + half_dex)) + 2, n)
        stride = max((end - begin) // _MOST_SAMPLES, 1)
        m = 0
        for i in range(begin, end, stride):
            work[m] = power[i]
            m += 1
        value = median_in_place(work[:m]) / _LN_2
        here = 10.0**at
        if k > 0:
            slope = (value - value_before) / (here - before)
            for i in range(max(int(before), first), min(int(here) + 2, n)):
                level[i] = value_before + slope * (i - before)
        before, value_before = here, value


@njit(cache=True, nogil=True)
def raise_daily_level(power, level, first, per_cycle, edges):
    """Raise the level about whole cycles per day, where slow noise reappears by the daily sampling.

    By the median of power over level, at both sides together, in rings about each whole number, and
    linearly between the middles of the rings. It is never lowered.

    Parameters
    ----------
    power : (n_frequencies,) float64 array
        At 0, 1, 2 … steps of frequency.
    level : (n_frequencies,) float64 array
        Changed.
    first : int
        Lowest frequency changed.
    per_cycle : float
        Steps within one cycle per day.
    edges : (n_rings + 1,) float64 array
        Ascending distances from a whole number, steps.
    """
    n, n_rings = len(power), len(edges) - 1
    work = np.empty(2 * _MOST_SAMPLES + 8)
    middle, excess = np.empty(n_rings), np.empty(n_rings)
    for day in range(1, int((n - 1) / per_cycle) + 1):
        center = day * per_cycle
        for r in range(n_rings):
            middle[r] = 0.5 * (edges[r] + edges[r + 1])
            stride = max(int(2.0 * (edges[r + 1] - edges[r])) // _MOST_SAMPLES, 1)
            m = 0
            for i in range(int(np.ceil(center - edges[r + 1])), n, stride):
                distance = abs(i - center)
                if i > center and distance >= edges[r + 1]:
                    break
                if i >= first and edges[r] <= distance < edges[r + 1]:
                    work[m] = power[i] / level[i]
                    m += 1
            excess[r] = max(median_in_place(work[:m]) / _LN_2, 1.0) if m > 0 else 1.0
        reach = edges[n_rings]
        for i in range(max(int(np.ceil(center - reach)), first), min(int(center + reach) + 1, n)):
            distance = abs(i - center)
            r = 0
            while r < n_rings - 1 and distance > middle[r + 1]:
                r += 1
            if distance <= middle[0]:
                level[i] *= excess[0]
            elif r == n_rings - 1:
                level[i] *= excess[r]
            else:
                share = (distance - middle[r]) / (middle[r + 1] - middle[r])
                level[i] *= excess[r] + share * (excess[r + 1] - excess[r])
