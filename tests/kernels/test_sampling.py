import numpy as np
import pytest

from malca.kernels import sampling

HAWAII, CHILE, SOUTH_AFRICA = 10.4, 4.7, 22.6  # local midnight, hours UT


def night_of(jd, channel):
    jd = np.asarray(jd, float)
    order = np.argsort(jd)
    channel = np.asarray(channel, np.int32)[order]
    night = np.empty(len(jd), np.int64)
    offsets = np.array([0, len(jd)])
    n_channels = np.array([channel.max() + 1], np.int32)
    sampling.night_numbers(0, 1, offsets, jd[order], channel, n_channels, night)
    back = np.empty(len(jd), np.int64)
    back[order] = night
    return back


@pytest.mark.parametrize("midnight", [HAWAII, CHILE, SOUTH_AFRICA])
def test_nights_of_any_site_stay_whole(rng, midnight):
    true_night = np.repeat(np.arange(80), 6)
    hours = midnight + rng.uniform(-5.5, 5.5, len(true_night))
    jd = 2458000.0 + true_night + (hours - 12.0) / 24.0
    night = night_of(jd, np.zeros(len(jd)))
    np.testing.assert_array_equal(night - night[0], true_night)


def test_julian_days_would_split_hawaiian_nights(rng):
    true_night = np.repeat(np.arange(80), 6)
    jd = 2458000.0 + true_night + (HAWAII + rng.uniform(-5.5, 5.5, len(true_night)) - 12.0) / 24.0
    assert len(np.unique(np.floor(jd))) > 80 == len(np.unique(night_of(jd, np.zeros(len(jd)))))


def test_each_channel_has_its_own_noon(rng):
    true_night = np.repeat(np.arange(60), 8)
    channel = rng.integers(0, 2, len(true_night))
    midnight = np.array([HAWAII, SOUTH_AFRICA - 24.0])[channel]
    jd = 2458000.0 + true_night + (midnight + rng.uniform(-5, 5, len(true_night)) - 12.0) / 24.0
    night = night_of(jd, channel)
    for c in range(2):
        mine = night[channel == c]
        np.testing.assert_array_equal(
            mine - mine[0], (true_night - true_night[channel == c][0])[channel == c]
        )


def test_sampling_of_a_known_sequence():
    jd = np.array([0.0, 0.01, 1.0, 3.0, 43.0, 44.0]) + 2458000.5
    night = np.floor(jd).astype(np.int64)
    out = np.empty((1, len(sampling.SAMPLING_COLUMNS)))
    sampling.sampling_statistics(0, 1, np.array([0, 6]), jd, night, 30.0, out)
    row = dict(zip(sampling.SAMPLING_COLUMNS, out[0], strict=True))
    gaps = np.diff(jd)
    assert row["time_span_days"] == jd[-1] - jd[0]
    assert row["n_unique_nights"] == 5
    assert row["duty_cycle_fraction"] == pytest.approx(5 / 45)
    assert row["cadence_mean_days"] == pytest.approx(gaps.mean())
    assert row["cadence_median_days"] == pytest.approx(np.median(gaps))
    assert row["cadence_p05_days"] == pytest.approx(np.quantile(gaps, 0.05))
    assert row["cadence_p95_days"] == pytest.approx(np.quantile(gaps, 0.95))
    assert (row["largest_gap_days"], row["largest_gap_start_jd"]) == (40.0, jd[3])
    assert row["n_seasons"] == 2


def test_no_points_and_one_point():
    jd = np.array([2458000.25])
    out = np.empty((2, len(sampling.SAMPLING_COLUMNS)))
    sampling.sampling_statistics(0, 2, np.array([0, 0, 1]), jd, np.array([2458000]), 30.0, out)
    empty, single = (dict(zip(sampling.SAMPLING_COLUMNS, row, strict=True)) for row in out)
    assert (empty["n_unique_nights"], empty["n_seasons"]) == (0, 0)
    assert np.isnan(empty["jd_start"])
    assert (single["n_unique_nights"], single["duty_cycle_fraction"]) == (1, 1)
    assert np.isnan(single["cadence_median_days"])


def test_distinct_labels_are_counted_by_star():
    label = np.array([0, 2, 2, 1, 1, 1, 0], np.int16)
    out = np.empty(3, np.int64)
    sampling.count_distinct(0, 3, np.array([0, 3, 3, 7]), label, 3, out)
    assert out.tolist() == [2, 0, 2]


def test_quantiles_are_those_of_numpy(rng):
    values = np.sort(rng.normal(size=37))
    for q in (0.0, 0.05, 0.31, 0.5, 0.95, 1.0):
        assert sampling.quantile_of_sorted(values, q) == pytest.approx(np.quantile(values, q))
    assert np.isnan(sampling.quantile_of_sorted(values[:0], 0.5))
