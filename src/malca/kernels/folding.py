"""What strengthens a period that one frequency alone shows weakly: harmonics and neighbours.

A narrow eclipse spreads its power over many harmonics of the orbital frequency, a spot that comes
and goes over the frequencies next to the rotation's. Both kernels add up a normalised periodogram
accordingly; ``part_amplitudes`` then follows the phase through parts of the data.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def strongest_harmonic_sum(power, n_harmonics, first, last, stride):
    r"""Find the fundamental frequency whose harmonics have the largest power together.

    The fundamental moves in steps of 1 / ``n_harmonics`` of the periodogram's, so that its highest
    harmonic misses no peak.

    Parameters
    ----------
    power : (n_frequencies,) float64 array
        At 0, 1, 2 … steps of frequency.
    n_harmonics : int
    first, last : int
        Range of fundamentals, in 1 / ``n_harmonics`` steps; ``last`` is below ``n_frequencies``.
    stride : int
        Steps of a first, coarse pass; neighbours of its best are then tried one by one.

    Returns
    -------
    best : int
        In 1 / ``n_harmonics`` steps of frequency; -1 for an empty range.
    total : float
    """
    best, total = -1, -np.inf
    share = 1.0 / n_harmonics  # multiplying is several times faster than dividing integers
    for j in range(first, last, stride):
        s = 0.0
        at = j * share
        for k in range(1, n_harmonics + 1):
            s += power[int(k * at + 0.5)]
        if s > total:
            best, total = j, s
    if best < 0:
        return best, total
    for j in range(max(first, best - stride + 1), min(last, best + stride)):
        s = 0.0
        at = j * share
        for k in range(1, n_harmonics + 1):
            s += power[int(k * at + 0.5)]
        if s > total:
            best, total = j, s
    return best, total


@njit(cache=True, nogil=True)
def running_mean(values, half_width, result):
    """Mean of each value with ``half_width`` neighbours on either side (fewer at the ends).

    Both arrays (n,) float64; ``result`` is written.
    """
    n = len(values)
    total = 0.0
    low, high = 0, 0  # the sum is of values[low:high]
    for i in range(n):
        stop = min(i + half_width + 1, n)
        while high < stop:
            total += values[high]
            high += 1
        while low < i - half_width:
            total -= values[low]
            low += 1
        result[i] = total / (high - low)


@njit(cache=True, nogil=True)
def part_amplitudes(t, weighted, part, frequency, real, imaginary):
    r"""Fourier sums of each part of the data at a frequency and its harmonics.

    :math:`F_{pk} = \sum_{i \in p} x_i e^{2 \pi i k f t_i}`.

    Parameters
    ----------
    t, weighted : (n_points,) float64 arrays
    part : (n_points,) int64 array
        Part of the point; points of a negative part are left out.
    frequency : float
        Cycles per day.
    real, imaginary : (n_parts, n_harmonics) float64 arrays
        Written.
    """
    real[:] = 0.0
    imaginary[:] = 0.0
    for i in range(len(t)):
        p = part[i]
        if p < 0:
            continue
        cycles = frequency * t[i]
        phase = 2.0 * np.pi * (cycles - np.floor(cycles))
        c, s = np.cos(phase), np.sin(phase)
        a, b = c, s
        for k in range(real.shape[1]):
            real[p, k] += weighted[i] * a
            imaginary[p, k] += weighted[i] * b
            a, b = a * c - b * s, a * s + b * c


@njit(cache=True, nogil=True)
def folded_curve(t, y, weight, frequency, n_harmonics, damping, curve):
    """Weighted least-squares fit of a constant and harmonics of a frequency, at the points.

    Parameters
    ----------
    t, y, weight : (n_points,) float64 arrays
        Weights are inverse variances.
    frequency : float
        Cycles per day.
    n_harmonics : int
    damping : float
        The diagonal of the normal equations is larger by this share, for phases no point covers.
    curve : (n_points,) float64 array
        Written.
    """
    m = 2 * n_harmonics + 1
    row = np.empty(m)
    normal, target = np.zeros((m, m)), np.zeros(m)
    for sweep in range(2):
        for i in range(len(t)):
            cycles = frequency * t[i]
            phase = 2.0 * np.pi * (cycles - np.floor(cycles))
            c, s = np.cos(phase), np.sin(phase)
            a, b = c, s
            row[0] = 1.0
            for k in range(n_harmonics):
                row[2 * k + 1], row[2 * k + 2] = a, b
                a, b = a * c - b * s, a * s + b * c
            if sweep == 0:
                for p in range(m):
                    scaled = weight[i] * row[p]
                    target[p] += scaled * y[i]
                    for q in range(p + 1):
                        normal[p, q] += scaled * row[q]
            else:
                value = 0.0
                for p in range(m):
                    value += target[p] * row[p]
                curve[i] = value
        if sweep == 0:
            for p in range(m):
                for q in range(p):
                    normal[q, p] = normal[p, q]
                normal[p, p] *= 1.0 + damping
            target = np.linalg.solve(normal, target)
