"""How stars vary: scatter, correlation in time and trend of whole batches of stars.

Points are flat arrays holding star after star; points of star ``i`` are
``offsets[i]:offsets[i + 1]``, sorted by time. Kernels work on stars ``first:last`` and write
into rows of a table whose columns the module names.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.ordering import median_of

#: Stetson's K of a Gaussian, sqrt(2 / pi).
STETSON_K_GAUSSIAN = 0.7978845608028654
#: Weight, in Stetson's J, of a point without a partner (Kaluzny et al. 1998, AcA 48, 439).
SINGLE_WEIGHT = 0.25

#: Columns that ``variability_statistics`` writes.
VARIABILITY_COLUMNS = (
    "variability_reduced_chi2_vs_constant",
    "excess_variance_mag2",
    "skewness",
    "excess_kurtosis",
    "von_neumann_ratio",
    "lag1_autocorr",
    "roms",
    "stetson_I",
    "stetson_J",
    "stetson_K",
    "stetson_L",
    "stetson_pair_weight",
    "trend_slope_mag_per_day",
    "trend_slope_mag_per_year",
    "trend_slope_sem_mag_per_year",
    "trend_intercept_mag",
    "trend_epoch_jd",
    "trend_r2",
)


@njit(cache=True, nogil=True)
def _group_weight(jd, band, pair_window_days):
    """Total weight, in Stetson's J, of observations at ``jd``: sum over groups of n - 1."""
    total = 0.0
    for b in range(2):
        size, start = 0, 0.0
        for i in range(len(jd)):
            if band[i] != b:
                continue
            if size > 0 and jd[i] - start <= pair_window_days:
                size += 1
            else:
                if size > 0:
                    total += SINGLE_WEIGHT if size == 1 else size - 1
                size, start = 1, jd[i]
        if size > 0:
            total += SINGLE_WEIGHT if size == 1 else size - 1
    return total


@njit(cache=True, nogil=True)
def _stetson(jd, residual, mag_err, band, pair_window_days, full_weight, row):
    sum_j = sum_i = weight_j = weight_i = 0.0
    sum_abs = sum_square = 0.0
    n_scaled = 0
    for b in range(2):
        n = 0
        weighted = weights = 0.0
        for i in range(len(jd)):
            if band[i] == b:
                weight = 1.0 / mag_err[i] ** 2
                n += 1
                weighted += weight * residual[i]
                weights += weight
        if n < 2:
            continue
        mean = weighted / weights
        scale = np.sqrt(n / (n - 1.0))
        size = 0
        start = total = squares = roots = magnitudes = 0.0
        for i in range(len(jd) + 1):
            closing = i == len(jd)
            if not closing and band[i] != b:
                continue
            if size > 0 and (closing or jd[i] - start > pair_window_days):
                if size == 1:
                    product = squares - 1.0
                    sum_j += SINGLE_WEIGHT * np.sign(product) * np.sqrt(abs(product))
                    weight_j += SINGLE_WEIGHT
                else:
                    # Sums over all pairs of a group follow from the sums over its members.
                    weight = 2.0 / size
                    sum_j += weight * 0.5 * (roots * roots - magnitudes)
                    sum_i += weight * 0.5 * (total * total - squares)
                    weight_j += size - 1
                    weight_i += size - 1
                size = 0
            if closing:
                break
            delta = scale * (residual[i] - mean) / mag_err[i]
            if size == 0:
                start = jd[i]
                total = squares = roots = magnitudes = 0.0
            size += 1
            total += delta
            squares += delta * delta
            roots += np.sign(delta) * np.sqrt(abs(delta))
            magnitudes += abs(delta)
            sum_abs += abs(delta)
            sum_square += delta * delta
            n_scaled += 1
    row[4] = weight_i
    if weight_i > 1.0:
        row[0] = sum_i / np.sqrt(weight_i * (weight_i - 1.0))
    if weight_j > 0.0:
        row[1] = sum_j / weight_j
    if sum_square > 0.0:
        row[2] = sum_abs / n_scaled / np.sqrt(sum_square / n_scaled)
        row[3] = row[1] * row[2] / STETSON_K_GAUSSIAN * weight_j / full_weight


@njit(cache=True, nogil=True)
def _trend(jd, mag, channel, n_channels, band, reference_band, row):
    epoch = jd.mean()
    count = np.zeros(n_channels)
    mean_t = np.zeros(n_channels)
    mean_m = np.zeros(n_channels)
    for i in range(len(jd)):
        count[channel[i]] += 1
        mean_t[channel[i]] += jd[i] - epoch
        mean_m[channel[i]] += mag[i]
    mean_t /= count
    mean_m /= count
    tt = tm = mm = reference_t = reference_m = 0.0
    n_reference = 0
    for i in range(len(jd)):
        dt = jd[i] - epoch - mean_t[channel[i]]
        dm = mag[i] - mean_m[channel[i]]
        tt += dt * dt
        tm += dt * dm
        mm += dm * dm
        if band[i] == reference_band:
            n_reference += 1
            reference_t += jd[i] - epoch
            reference_m += mag[i]
    freedom = len(jd) - n_channels - 1
    if tt <= 0.0 or freedom < 1:
        return
    slope = tm / tt
    row[0], row[1] = slope, 365.25 * slope
    row[2] = 365.25 * np.sqrt(max(mm - slope * tm, 0.0) / freedom / tt)
    row[3] = (reference_m - slope * reference_t) / n_reference
    row[4] = epoch
    if mm > 0.0:
        row[5] = slope * tm / mm


@njit(cache=True, nogil=True)
def variability_statistics(
    first,
    last,
    offsets,
    jd,
    mag,
    residual,
    mag_err,
    channel,
    band,
    n_channels,
    alignment,
    file_offsets,
    file_jd,
    file_band,
    pair_window_days,
    out,
):
    r"""Measure how each star varies.

    All but the trend work on the residuals of ``align_channels``, in order of time.

    - Reduced chi-square: :math:`\sum ((r - \bar r_w)/\sigma)^2 / (n - n_\mathrm{channels})`, because
      every channel has had its zero point taken.
    - Excess variance: variance (n - 1) less mean squared error; negative where errors are too large.
    - Skewness, excess kurtosis: from central moments, uncorrected for n.
    - Von Neumann ratio (von Neumann 1941, Ann. Math. Stat. 12, 367): mean squared difference of
      consecutive points over the variance (n - 1); 2 for white noise.
    - Lag-1 autocorrelation: Pearson's coefficient of consecutive points.
    - RoMS (Enoch, Brown & Burgasser 2003, AJ 126, 1006): sum of \|r - median\| / error over n - 1.
    - Stetson I (Welch & Stetson 1993, AJ 105, 1813), J, K, L (Stetson 1996, PASP 108, 851) with
      :math:`\delta = \sqrt{n/(n-1)}\,(r - \bar r_w)/\sigma`, mean and n those of the point's band.
      Points of one band at most ``pair_window_days`` after the first of their group form a group; all
      :math:`n_g(n_g - 1)/2` pairs of a group count, with weight :math:`2/n_g` each (1 for a pair, 2/3
      for the pairs of a triple, as in Stetson 1996). A lone point enters J with
      :math:`P = \delta^2 - 1` and weight 0.25, and does not enter I.
      :math:`J = \sum w\,\mathrm{sgn}P\sqrt{|P|}/\sum w`,
      :math:`I = \sum w P/\sqrt{W(W - 1)}` with W the weight of the pairs,
      :math:`K = \langle|\delta|\rangle/\sqrt{\langle\delta^2\rangle}` (0.798 for a Gaussian),
      :math:`L = (J K/0.798)\,(\sum w/w_\mathrm{all})`, where :math:`w_\mathrm{all}` is the weight the
      observations in the file would have if all were usable.
    - Trend: least squares of one slope and a free zero point a channel on the magnitudes as
      reported, so a change of cameras is no trend. The intercept is the reference band's mean at the
      epoch (the mean time); R² is that within channels; the slope's error is from the scatter.

    Parameters
    ----------
    first, last : int
    offsets : (n_stars + 1,) int64 array
    jd : (n_points,) float64 array, days
    mag, residual, mag_err : (n_points,) float64 arrays, mag
    channel : (n_points,) int32 array
    band : (n_points,) int8 array
    n_channels : (n_stars,) int32 array
    alignment : (n_stars, len(ALIGNMENT_COLUMNS)) float64 array
        As ``align_channels`` writes it.
    file_offsets, file_jd, file_band : arrays
        The same for all observations in the files.
    pair_window_days : float
    out : (n_stars, len(VARIABILITY_COLUMNS)) float64 array
        Written; NaN where a quantity is undefined.
    """
    for star in range(first, last):
        begin, end = offsets[star], offsets[star + 1]
        n = end - begin
        row = out[star]
        row[:] = np.nan
        if n < 2:
            continue
        r = residual[begin:end]
        e = mag_err[begin:end]
        mean = r.mean()
        weighted_mean = weights = 0.0
        for i in range(n):
            weighted_mean += r[i] / e[i] ** 2
            weights += 1.0 / e[i] ** 2
        weighted_mean /= weights
        median = median_of(r)
        m2 = m3 = m4 = chi2 = deviations = squared_errors = 0.0
        for i in range(n):
            d = r[i] - mean
            m2 += d * d
            m3 += d * d * d
            m4 += d * d * d * d
            chi2 += ((r[i] - weighted_mean) / e[i]) ** 2
            deviations += abs(r[i] - median) / e[i]
            squared_errors += e[i] * e[i]
        freedom = n - n_channels[star]
        if freedom > 0:
            row[0] = chi2 / freedom
        row[1] = m2 / (n - 1) - squared_errors / n
        row[6] = deviations / (n - 1)
        if m2 > 0.0:
            row[2] = m3 / n / (m2 / n) ** 1.5
            row[3] = m4 / n / (m2 / n) ** 2 - 3.0
            mean_before = (mean * n - r[n - 1]) / (n - 1)
            mean_after = (mean * n - r[0]) / (n - 1)
            steps = together = before = after = 0.0
            for i in range(n - 1):
                steps += (r[i + 1] - r[i]) ** 2
                together += (r[i] - mean_before) * (r[i + 1] - mean_after)
                before += (r[i] - mean_before) ** 2
                after += (r[i + 1] - mean_after) ** 2
            row[4] = steps / m2
            if before > 0.0 and after > 0.0:
                row[5] = together / np.sqrt(before * after)
        file_part = slice(file_offsets[star], file_offsets[star + 1])
        full_weight = _group_weight(file_jd[file_part], file_band[file_part], pair_window_days)
        b = band[begin:end]
        _stetson(jd[begin:end], r, e, b, pair_window_days, full_weight, row[7:12])
        reference_band = 1 if alignment[star, 1] > alignment[star, 0] else 0
        _trend(
            jd[begin:end],
            mag[begin:end],
            channel[begin:end],
            n_channels[star],
            b,
            reference_band,
            row[12:18],
        )
