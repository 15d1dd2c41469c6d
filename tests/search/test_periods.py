import numpy as np
import pandas as pd
import pytest
from astropy.timeseries import LombScargle
from pydantic import ValidationError

from malca.search.period_parameters import PeriodParameters
from malca.search.periods import find_periods, period_table
from malca.search.points import UsablePoints


@pytest.fixture
def times(rng):
    """Two sites, seasons of eight months, three years."""
    night = np.sort(rng.choice(1100, 500, replace=False))
    night = night[night % 365 < 240]
    return (
        2458000.5
        + night
        + np.where(rng.random(len(night)) < 0.5, 0.1, 0.45)
        + rng.normal(0, 0.05, len(night))
    )


def test_sinusoid(rng, times):
    mag = 13 + 0.1 * np.sin(2 * np.pi * times / 3.7123) + rng.normal(0, 0.02, len(times))
    found = find_periods(times, mag, np.full(len(times), 0.02))
    best = found.best
    assert found.status == "ok"
    assert best["period_days"] == pytest.approx(3.7123, abs=0.003)
    assert best["n_methods_agreeing"] == 3
    assert best["ln_fap"] < -100
    assert best["rank"] == 1
    assert not best["is_alias"]
    exact = LombScargle(times - times[0], mag).power(best["frequency_per_day"])
    assert best["power"] == pytest.approx(exact, rel=0.01)
    np.testing.assert_allclose(found.peaks["n_cycles"], np.ptp(times) / found.peaks["period_days"])
    assert found.peaks["power"].is_monotonic_decreasing
    strong = found.peaks[found.peaks["power"] > 0.2]
    assert strong["is_alias"].tolist() == [False] + [True] * (len(strong) - 1)


def test_unequal_minima_have_twice_the_lomb_scargle_period(rng, times):
    phase = 2 * np.pi * times / 2.8867
    mag = 0.3 * np.cos(2 * phase) + 0.12 * np.cos(phase) + rng.normal(0, 0.02, len(times))
    best = find_periods(times, mag, np.full(len(times), 0.02), max_frequency=3.0).best
    assert best["period_days"] / 2.8867 == pytest.approx(0.5, abs=0.002)
    assert best["pdm_period_days"] == pytest.approx(2.8867, abs=0.003)
    assert best["conditional_entropy_period_days"] == pytest.approx(2.8867, abs=0.003)
    assert best["n_methods_agreeing"] == 3


def test_noise_has_no_significant_period(rng, times):
    found = find_periods(times, rng.normal(0, 0.02, len(times)), np.full(len(times), 0.02))
    assert found.peaks["fap"].min() > 1e-3


def test_camera_offsets_are_no_signal(rng, times):
    camera = np.arange(len(times)) % 2
    mag = 0.3 * camera + rng.normal(0, 0.02, len(times))
    err = np.full(len(times), 0.02)
    with_offsets = find_periods(times, mag, err, max_frequency=2.0)
    without = find_periods(times, mag, err, camera, max_frequency=2.0)
    assert without.peaks["power"][0] < with_offsets.peaks["power"][0]
    assert without.peaks["fap"].min() > 1e-3


def test_masked_points_are_not_searched(rng, times):
    mag, err = rng.normal(0, 0.02, len(times)), np.full(len(times), 0.02)
    mask = (times > times[50]) & (times < times[50] + 60)
    dipped = np.where(mask, np.nan, mag)
    found = find_periods(times, dipped, err, mask=mask, max_frequency=1.0)
    expected = find_periods(times[~mask], mag[~mask], err[~mask], max_frequency=1.0)
    assert found.n_points == (~mask).sum()
    pd.testing.assert_frame_equal(found.peaks, expected.peaks)


def test_points_of_tiny_channels_are_left_out(rng, times):
    channel = np.zeros(len(times), np.int32)
    channel[:4] = 1
    found = find_periods(
        times, rng.normal(0, 1, len(times)), np.ones(len(times)), channel, max_frequency=1.0
    )
    assert found.n_points == len(times) - 4


def test_tiny_errors_do_not_carry_the_fit(rng, times):
    mag = 0.1 * np.sin(2 * np.pi * times / 5.1) + rng.normal(0, 0.05, len(times))
    err = np.full(len(times), 0.05)
    err[:5] = 1e-5
    assert find_periods(times, mag, err).best["period_days"] == pytest.approx(5.1, abs=0.01)


def test_methods_are_chosen(rng, times):
    mag = np.sin(2 * np.pi * times / 3.0) + rng.normal(0, 0.1, len(times))
    err = np.full(len(times), 0.1)
    peaks = find_periods(times, mag, err, methods=("lomb_scargle", "pdm"), n_peaks=3).peaks
    assert len(peaks) == 3
    assert peaks["pdm_theta"].notna().all()
    assert peaks["conditional_entropy"].isna().all()
    assert peaks["n_methods_agreeing"].max() == 2


@pytest.mark.parametrize(
    ("n", "mag", "overrides", "status"),
    [
        (10, 0.0, {}, "too few points"),
        (0, 0.0, {}, "too few points"),
        (80, 0.0, {}, "constant magnitudes"),
        (80, 1.0, {"max_frequency": 1e-3}, "span too short"),
    ],
)
def test_what_cannot_be_searched_says_why(n, mag, overrides, status):
    t = np.arange(n) * 1.1
    found = find_periods(t, mag * np.sin(t), np.full(n, 0.02), **overrides)
    assert found.status == status
    assert found.best is None
    assert len(found.peaks) == 0


def test_points_of_one_moment_cannot_be_searched():
    found = find_periods(np.full(60, 5.0), np.arange(60.0), np.ones(60), min_frequency=0.1)
    assert found.status == "span too short"


def test_candidates_are_ranked_by_refined_power(rng, times):
    for _ in range(10):
        noise = rng.normal(0, 0.02, len(times))
        peaks = find_periods(times, noise, np.full(len(times), 0.02), max_frequency=3.0).peaks
        assert peaks["power"].is_monotonic_decreasing
        assert peaks["rank"].tolist() == list(range(1, 11))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -0.1])
def test_bad_errors_are_refused(bad):
    err = np.full(60, 0.02)
    err[3] = bad
    with pytest.raises(ValueError, match=r"finite|positive"):
        find_periods(np.arange(60.0), np.zeros(60), err)


def test_times_must_be_sorted():
    with pytest.raises(ValueError, match="sorted"):
        find_periods(np.arange(60.0)[::-1], np.zeros(60), np.ones(60))


def test_shuffles_are_made_on_demand_and_repeatable(rng, times):
    mag, err = 0.1 * np.sin(times) + rng.normal(0, 0.02, len(times)), np.full(len(times), 0.02)
    settings = {"max_frequency": 0.5, "n_shuffles": 120}
    assert find_periods(times, mag, err, **settings).shuffle_p == pytest.approx(1 / 121)
    assert np.isnan(find_periods(times, mag, err, max_frequency=0.5).shuffle_p)
    white = rng.normal(0, 0.02, len(times))
    assert np.isnan(find_periods(times, white, err, **settings).shuffle_p)
    values = {find_periods(times, mag, err, **settings, shuffle_level=0.5).shuffle_p for _ in range(2)}
    assert len(values) == 1


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="one length"):
        find_periods(np.arange(60.0), np.zeros(60), np.ones(59))


@pytest.mark.parametrize(
    "fields",
    [
        {"methods": ("pdm",)},
        {"min_frequency": 2.0, "max_frequency": 1.0},
        {"max_freq": 1.0},
        {"n_peaks": 0},
        {"n_shuffles": 50},
    ],
)
def test_parameters_are_checked(fields):
    with pytest.raises(ValidationError):
        PeriodParameters(**fields)


def test_table_of_a_batch(rng, times):
    n = len(times)
    parts = [times, times, times[:20], times]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    jd = np.concatenate(parts)
    residual = rng.normal(0, 0.02, len(jd))
    residual[:n] += 0.1 * np.sin(2 * np.pi * times / 11.7)
    residual[-1] = np.nan
    points = UsablePoints(
        offsets=offsets,
        jd=jd,
        mag=13 + residual,
        mag_err=np.full(len(jd), 0.02),
        channel=np.zeros(len(jd), np.int32),
        band=np.zeros(len(jd), np.int8),
        camera=np.zeros(len(jd), np.int16),
        n_channels=np.ones(4, np.int32),
        index=np.arange(len(jd)),
    )
    parameters = PeriodParameters(max_frequency=2.0)
    table = period_table(points, residual, None, parameters, workers=2)
    assert table["status"].tolist() == [
        "ok",
        "ok",
        "too few points",
        "times, magnitudes and errors must be finite",
    ]
    assert table["period_days"][0] == pytest.approx(11.7, abs=0.03)
    assert table["period_consensus"][0]
    assert table["ls_fap"][1] > 1e-3
    assert table.loc[2:, "period_days"].isna().all()
    assert table.loc[2:, "period_consensus"].isna().all()
    pd.testing.assert_frame_equal(table, period_table(points, residual, None, parameters))
    mask = np.zeros(len(jd), bool)
    mask[-1] = True
    assert period_table(points, residual, mask, parameters)["status"][3] == "ok"
