"""Phase-folding periodograms and the spectral window, at chosen frequencies of one star.

The cost is the number of points times the number of frequencies, so these score narrow ranges
around candidate periods that a faster method has found.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def phase_dispersion(t, mag, frequency, n_bins, n_covers, theta):
    r"""Phase dispersion minimisation (Stellingwerf 1978, ApJ 224, 953).

    :math:`\Theta = [\sum_j (n_j - 1) s_j^2 / (\sum_j n_j - M)] / \sigma^2` over the M phase bins
    that hold at least two points. Bins are 1 / ``n_bins`` wide; ``n_covers`` sets of them are shifted
    against each other by 1 / (``n_bins`` ``n_covers``). About 1 without periodicity, 0 for a
    perfectly repeating curve.

    Parameters
    ----------
    t : (n_points,) float64 array, days
    mag : (n_points,) float64 array, mag
    frequency : (n_frequencies,) float64 array, cycles per day
    n_bins, n_covers : int
    theta : (n_frequencies,) float64 array
        Written. NaN where no bin holds two points or the magnitudes are constant.
    """
    n = len(t)
    mean = mag.mean()
    variance = ((mag - mean) ** 2).sum() / (n - 1) if n > 1 else 0.0
    n_fine = n_bins * n_covers
    count = np.empty(n_fine, np.int64)
    total = np.empty(n_fine)
    squares = np.empty(n_fine)
    for k in range(len(frequency)):
        count[:] = 0
        total[:] = 0.0
        squares[:] = 0.0
        for i in range(n):
            cycles = t[i] * frequency[k]
            j = int((cycles - np.floor(cycles)) * n_fine)
            if j == n_fine:
                j = 0
            x = mag[i] - mean
            count[j] += 1
            total[j] += x
            squares[j] += x * x
        within, freedom = 0.0, 0
        for j in range(n_fine):
            c, s, q = 0, 0.0, 0.0
            for cover in range(n_covers):
                fine = (j + cover) % n_fine
                c += count[fine]
                s += total[fine]
                q += squares[fine]
            if c > 1:
                within += q - s * s / c
                freedom += c - 1
        theta[k] = within / freedom / variance if freedom > 0 and variance > 0.0 else np.nan


@njit(cache=True, nogil=True)
def conditional_entropy(t, mag_bin, frequency, n_phase_bins, n_mag_bins, entropy):
    r"""Conditional entropy of magnitude given phase (Graham et al. 2013, MNRAS 434, 2629).

    :math:`H(m|\phi) = \sum p(m_i, \phi_j) \ln[p(\phi_j) / p(m_i, \phi_j)]` in nats; lowest at the
    period that orders the points best.

    Parameters
    ----------
    t : (n_points,) float64 array, days
    mag_bin : (n_points,) int64 array
        Magnitude bin of each point, 0 to ``n_mag_bins`` - 1.
    frequency : (n_frequencies,) float64 array, cycles per day
    n_phase_bins, n_mag_bins : int
    entropy : (n_frequencies,) float64 array
        Written; NaN without points.
    """
    n = len(t)
    # H is a sum of n ln n over counts: a table of it spares all logarithms.
    count_log_count = np.zeros(n + 1)
    for c in range(2, n + 1):
        count_log_count[c] = c * np.log(c)
    cells = np.empty((n_phase_bins, n_mag_bins), np.int64)
    for k in range(len(frequency)):
        cells[:] = 0
        for i in range(n):
            cycles = t[i] * frequency[k]
            j = int((cycles - np.floor(cycles)) * n_phase_bins)
            if j == n_phase_bins:
                j = 0
            cells[j, mag_bin[i]] += 1
        h = 0.0
        for j in range(n_phase_bins):
            in_phase = 0
            for m in range(n_mag_bins):
                in_phase += cells[j, m]
                h -= count_log_count[cells[j, m]]
            h += count_log_count[in_phase]
        entropy[k] = h / n if n > 0 else np.nan


@njit(cache=True, nogil=True)
def spectral_window(t, frequency, power):
    r"""Power of the sampling itself, :math:`|\sum_i e^{2 \pi i f t_i}|^2 / n^2`.

    1 at zero frequency, about 1 / n at frequencies the sampling does not know (Deeming 1975, Ap&SS
    36, 137). A signal at f0 appears at f0 + f with about this fraction of its power.

    Parameters
    ----------
    t : (n_points,) float64 array, days
    frequency : (n_frequencies,) float64 array, cycles per day
    power : (n_frequencies,) float64 array
        Written; NaN without points.
    """
    n = len(t)
    for k in range(len(frequency)):
        real = imaginary = 0.0
        for i in range(n):
            phase = 2.0 * np.pi * frequency[k] * t[i]
            real += np.cos(phase)
            imaginary += np.sin(phase)
        power[k] = (real * real + imaginary * imaginary) / (n * n) if n > 0 else np.nan
