"""Alignment of cameras, and photometric statistics of stars and of groups of points.

Points are flat arrays holding star after star; points of star ``i`` are
``offsets[i]:offsets[i + 1]``, sorted by time. Kernels work on stars ``first:last`` and write
into rows of a table whose columns the module names.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.ordering import first_above, first_not_below, median_in_place, median_of, sorted_copy
from malca.kernels.sampling import quantile_of_sorted

#: Standard deviation of a Gaussian over its median absolute deviation.
MAD_TO_SIGMA = 1.4826022185056018
#: Signal to noise times magnitude error: 2.5 / ln 10.
MAGNITUDE_PER_RELATIVE_FLUX = 1.0857362047581296

#: Columns that the kernels below write.
ALIGNMENT_COLUMNS = ("n_points_g", "n_points_V", "median_g_mag", "median_V_mag", "reference_mag")
MAGNITUDE_COLUMNS = (
    "aligned_mean_mag",
    "aligned_median_mag",
    "aligned_weighted_mean_mag",
    "aligned_weighted_mean_sem_mag",
    "aligned_std_mag",
    "aligned_robust_sigma_mag",
    "aligned_iqr_mag",
    "aligned_p05_mag",
    "aligned_p16_mag",
    "aligned_p84_mag",
    "aligned_p95_mag",
    "aligned_clipped_mean_mag",
    "aligned_clipped_std_mag",
    "n_outliers_removed_robust_3sigma",
    "beyond_1_sigma_fraction",
    "beyond_2_sigma_fraction",
    "beyond_3_sigma_fraction",
    "fainter_3_sigma_fraction",
    "mag_err_mean",
    "mag_err_median",
    "mag_err_p05",
    "mag_err_p95",
    "snr_median",
    "snr_p05",
    "snr_p95",
)
GROUP_COLUMNS = (
    "n_points",
    "jd_start",
    "jd_end",
    "time_span_days",
    "median_mag",
    "robust_sigma_mag",
    "mean_mag_err",
    "median_mag_err",
    "cadence_median_days",
)


@njit(cache=True, nogil=True)
def _mad_of_sorted(values, center):
    """Median absolute deviation of a sorted array from ``center``, without a second sort."""
    n = len(values)
    right = first_not_below(values, center)
    left = right - 1
    deviation = previous = 0.0
    for _ in range(n // 2 + 1):
        previous = deviation
        if left < 0 or (right < n and values[right] - center < center - values[left]):
            deviation = values[right] - center
            right += 1
        else:
            deviation = center - values[left]
            left -= 1
    return deviation if n % 2 else 0.5 * (previous + deviation)


@njit(cache=True, nogil=True)
def align_channels(
    first, last, offsets, mag, channel, band, n_channels, min_channel_points, residual, out
):
    """Take the zero point of its channel from every magnitude.

    The zero point of a channel is the median of its magnitudes, or that of its band where the
    channel holds fewer than ``min_channel_points`` (the median of a few points would hide their
    scatter). The reference magnitude of a star is the median in the band with more points, g if
    there are as many.

    Parameters
    ----------
    first, last : int
    offsets : (n_stars + 1,) int64 array
    mag : (n_points,) float64 array, mag
    channel : (n_points,) int32 array
    band : (n_points,) int8 array
        0 g, 1 V.
    n_channels : (n_stars,) int32 array
    min_channel_points : int
    residual : (n_points,) float64 array, mag
        Written: magnitude less zero point.
    out : (n_stars, len(ALIGNMENT_COLUMNS)) float64 array
        Written; NaN for the median of a band without points.
    """
    for star in range(first, last):
        begin, end = offsets[star], offsets[star + 1]
        n = n_channels[star]
        row = out[star]
        grouped = np.empty(end - begin)
        for b in range(2):
            size = 0
            for i in range(begin, end):
                if band[i] == b:
                    grouped[size] = mag[i]
                    size += 1
            row[b] = size
            row[2 + b] = median_of(grouped[:size]) if size else np.nan
        row[4] = row[3] if row[1] > row[0] else row[2]

        count = np.zeros(n + 1, np.int64)
        for i in range(begin, end):
            count[channel[i] + 1] += 1
        for c in range(n):
            count[c + 1] += count[c]
        fill = count.copy()
        band_of = np.empty(n, np.int64)
        for i in range(begin, end):
            grouped[fill[channel[i]]] = mag[i]
            fill[channel[i]] += 1
            band_of[channel[i]] = band[i]
        zero_point = np.empty(n)
        for c in range(n):
            if count[c + 1] - count[c] >= min_channel_points:
                zero_point[c] = median_of(grouped[count[c] : count[c + 1]])
            else:
                zero_point[c] = row[2 + band_of[c]]
        for i in range(begin, end):
            residual[i] = mag[i] - zero_point[channel[i]]


@njit(cache=True, nogil=True)
def magnitude_statistics(first, last, offsets, residual, mag_err, reference_mag, out):
    """Describe the distribution of each star's aligned magnitudes and of their errors.

    Aligned magnitudes are the residuals of ``align_channels`` plus the star's reference magnitude.
    Standard deviations divide by n - 1; robust sigma is 1.4826 times the median absolute deviation;
    quantiles are linear between order statistics; "clipped" leaves out what lies more than 3 robust
    sigma from the median, once; "beyond" counts points more than so many robust sigma from the
    median, on both sides, "fainter" on the faint side only.

    Parameters
    ----------
    first, last : int
    offsets : (n_stars + 1,) int64 array
    residual, mag_err : (n_points,) float64 arrays, mag
    reference_mag : (n_stars,) float64 array, mag
    out : (n_stars, len(MAGNITUDE_COLUMNS)) float64 array
        Written; NaN where a star has too few points for a quantity.
    """
    for star in range(first, last):
        begin, end = offsets[star], offsets[star + 1]
        n = end - begin
        row = out[star]
        row[:] = np.nan
        if n == 0:
            continue
        level = reference_mag[star]
        values = sorted_copy(residual[begin:end])
        errors = sorted_copy(mag_err[begin:end])
        mean = weighted = weights = 0.0
        for i in range(begin, end):
            weight = 1.0 / mag_err[i] ** 2
            mean += residual[i]
            weighted += weight * residual[i]
            weights += weight
        mean /= n
        median = quantile_of_sorted(values, 0.5)
        sigma = MAD_TO_SIGMA * _mad_of_sorted(values, median)
        row[0], row[1] = level + mean, level + median
        row[2], row[3] = level + weighted / weights, 1.0 / np.sqrt(weights)
        row[5] = sigma
        row[6] = quantile_of_sorted(values, 0.75) - quantile_of_sorted(values, 0.25)
        row[7] = level + quantile_of_sorted(values, 0.05)
        row[8] = level + quantile_of_sorted(values, 0.16)
        row[9] = level + quantile_of_sorted(values, 0.84)
        row[10] = level + quantile_of_sorted(values, 0.95)

        low = first_not_below(values, median - 3.0 * sigma)
        high = first_above(values, median + 3.0 * sigma)
        clipped_mean = values[low:high].mean()
        row[11] = level + clipped_mean
        row[13] = n - (high - low)
        for k in range(1, 4):
            brighter = first_not_below(values, median - k * sigma)
            fainter = n - first_above(values, median + k * sigma)
            row[13 + k] = (brighter + fainter) / n
        row[17] = fainter / n

        row[18] = errors.mean()
        row[19] = quantile_of_sorted(errors, 0.5)
        row[20] = quantile_of_sorted(errors, 0.05)
        row[21] = quantile_of_sorted(errors, 0.95)
        snr = np.empty(n)
        for i in range(n):
            snr[i] = MAGNITUDE_PER_RELATIVE_FLUX / errors[n - 1 - i]
        row[22] = quantile_of_sorted(snr, 0.5)
        row[23] = quantile_of_sorted(snr, 0.05)
        row[24] = quantile_of_sorted(snr, 0.95)
        squares = clipped_squares = 0.0
        for i in range(n):
            squares += (values[i] - mean) ** 2
            if low <= i < high:
                clipped_squares += (values[i] - clipped_mean) ** 2
        if n > 1:
            row[4] = np.sqrt(squares / (n - 1))
        if high - low > 1:
            row[12] = np.sqrt(clipped_squares / (high - low - 1))


@njit(cache=True, nogil=True)
def group_statistics(first, last, offsets, jd, mag, mag_err, out):
    """Describe groups of points: the points of one camera, season or night of one star.

    Parameters
    ----------
    first, last : int
        Groups to work on.
    offsets : (n_groups + 1,) int64 array
        Points of group ``g`` are ``offsets[g]:offsets[g + 1]``, sorted by time.
    jd : (n_points,) float64 array, days
    mag, mag_err : (n_points,) float64 arrays, mag
    out : (n_groups, len(GROUP_COLUMNS)) float64 array
        Written. The cadence of a single point is NaN.
    """
    for group in range(first, last):
        begin, end = offsets[group], offsets[group + 1]
        n = end - begin
        row = out[group]
        row[:] = np.nan
        row[0] = n
        if n == 0:
            continue
        values = sorted_copy(mag[begin:end])
        median = quantile_of_sorted(values, 0.5)
        row[1], row[2], row[3] = jd[begin], jd[end - 1], jd[end - 1] - jd[begin]
        row[4] = median
        row[5] = MAD_TO_SIGMA * _mad_of_sorted(values, median)
        row[6] = mag_err[begin:end].mean()
        row[7] = median_of(mag_err[begin:end])
        if n > 1:
            row[8] = median_in_place(jd[begin + 1 : end] - jd[begin : end - 1])
