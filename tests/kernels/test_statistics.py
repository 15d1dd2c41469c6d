import numpy as np
import pytest
from astropy.stats import mad_std
from scipy import stats

from malca.kernels import statistics


@pytest.fixture
def curve(rng):
    """Points of one star in three channels, one of them V, with unequal errors."""
    n = 400
    channel = rng.integers(0, 3, n).astype(np.int32)
    mag_err = rng.uniform(0.01, 0.05, n)
    mag = 13.0 + np.array([0.0, 0.08, -0.9])[channel] + rng.standard_t(4, n) * mag_err
    return mag, mag_err, channel, (channel == 2).astype(np.int8)


def align(mag, channel, band, min_channel_points=10):
    residual = np.empty(len(mag))
    out = np.empty((1, len(statistics.ALIGNMENT_COLUMNS)))
    n_channels = np.array([channel.max() + 1], np.int32)
    statistics.align_channels(
        0, 1, np.array([0, len(mag)]), mag, channel, band, n_channels, min_channel_points, residual, out
    )
    return residual, dict(zip(statistics.ALIGNMENT_COLUMNS, out[0], strict=True))


def test_alignment_takes_the_median_of_each_channel(curve):
    mag, _, channel, band = curve
    residual, info = align(mag, channel, band)
    for c in range(3):
        np.testing.assert_allclose(
            residual[channel == c], mag[channel == c] - np.median(mag[channel == c])
        )
    assert (info["n_points_g"], info["n_points_V"]) == ((band == 0).sum(), (band == 1).sum())
    assert info["median_V_mag"] == np.median(mag[band == 1])
    assert info["reference_mag"] == info["median_g_mag"] == np.median(mag[band == 0])


def test_small_channels_take_the_zero_point_of_their_band(curve):
    mag, _, channel, band = curve
    few = np.flatnonzero(channel == 1)[5:]
    keep = np.setdiff1d(np.arange(len(mag)), few)
    mag, channel, band = mag[keep], channel[keep], band[keep]
    residual, _ = align(mag, channel, band)
    np.testing.assert_allclose(residual[channel == 1], mag[channel == 1] - np.median(mag[band == 0]))


def test_magnitude_statistics_match_numpy(curve):
    mag, mag_err, _, _ = curve
    offsets = np.array([0, 0, len(mag), len(mag) + 1])
    level = 13.0
    residual = np.append(mag, 13.1) - level
    errors = np.append(mag_err, 0.02)
    out = np.empty((3, len(statistics.MAGNITUDE_COLUMNS)))
    statistics.magnitude_statistics(0, 3, offsets, residual, errors, np.full(3, level), out)
    row = dict(zip(statistics.MAGNITUDE_COLUMNS, out[1], strict=True))

    sigma, median = mad_std(mag), np.median(mag)
    inside = mag[np.abs(mag - median) <= 3 * sigma]
    snr = 2.5 / np.log(10) / mag_err
    expected = {
        "aligned_mean_mag": mag.mean(),
        "aligned_median_mag": median,
        "aligned_weighted_mean_mag": np.average(mag, weights=mag_err**-2),
        "aligned_weighted_mean_sem_mag": (mag_err**-2).sum() ** -0.5,
        "aligned_std_mag": mag.std(ddof=1),
        "aligned_robust_sigma_mag": sigma,
        "aligned_iqr_mag": stats.iqr(mag),
        "aligned_p05_mag": np.percentile(mag, 5),
        "aligned_p16_mag": np.percentile(mag, 16),
        "aligned_p84_mag": np.percentile(mag, 84),
        "aligned_p95_mag": np.percentile(mag, 95),
        "aligned_clipped_mean_mag": inside.mean(),
        "aligned_clipped_std_mag": inside.std(ddof=1),
        "n_outliers_removed_robust_3sigma": len(mag) - len(inside),
        "beyond_1_sigma_fraction": (np.abs(mag - median) > sigma).mean(),
        "beyond_2_sigma_fraction": (np.abs(mag - median) > 2 * sigma).mean(),
        "beyond_3_sigma_fraction": (np.abs(mag - median) > 3 * sigma).mean(),
        "fainter_3_sigma_fraction": (mag - median > 3 * sigma).mean(),
        "mag_err_mean": mag_err.mean(),
        "mag_err_median": np.median(mag_err),
        "mag_err_p05": np.percentile(mag_err, 5),
        "mag_err_p95": np.percentile(mag_err, 95),
        "snr_median": np.median(snr),
        "snr_p05": np.percentile(snr, 5),
        "snr_p95": np.percentile(snr, 95),
    }
    assert set(expected) == set(row)
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, rel=1e-9), name
    assert row["n_outliers_removed_robust_3sigma"] > 0

    assert np.isnan(out[0]).all()
    single = dict(zip(statistics.MAGNITUDE_COLUMNS, out[2], strict=True))
    assert single["aligned_mean_mag"] == pytest.approx(13.1)
    assert single["aligned_robust_sigma_mag"] == 0
    assert np.isnan(single["aligned_std_mag"])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 50, 51])
def test_deviation_needs_no_second_sort(rng, n):
    values = np.sort(rng.normal(size=n).round(1))
    median = np.median(values)
    expected = np.median(np.abs(values - median))
    assert statistics._mad_of_sorted(values, median) == pytest.approx(expected)


def test_group_statistics(rng):
    jd = np.sort(rng.uniform(0, 100, 30))
    mag, mag_err = rng.normal(13, 0.1, 30), rng.uniform(0.01, 0.02, 30)
    out = np.empty((3, len(statistics.GROUP_COLUMNS)))
    statistics.group_statistics(0, 3, np.array([0, 20, 20, 30]), jd, mag, mag_err, out)
    rows = [dict(zip(statistics.GROUP_COLUMNS, row, strict=True)) for row in out]
    assert [row["n_points"] for row in rows] == [20, 0, 10]
    assert np.isnan(rows[1]["median_mag"])
    assert (rows[2]["jd_start"], rows[2]["jd_end"]) == (jd[20], jd[29])
    assert rows[2]["time_span_days"] == pytest.approx(jd[29] - jd[20])
    assert rows[2]["median_mag"] == pytest.approx(np.median(mag[20:]))
    assert rows[2]["robust_sigma_mag"] == pytest.approx(mad_std(mag[20:]))
    assert rows[2]["mean_mag_err"] == pytest.approx(mag_err[20:].mean())
    assert rows[2]["median_mag_err"] == pytest.approx(np.median(mag_err[20:]))
    assert rows[2]["cadence_median_days"] == pytest.approx(np.median(np.diff(jd[20:])))
