import numpy as np
import pytest
from astropy.timeseries import LombScargle
from scipy import stats

from malca.search.periodogram import (
    SIDEREAL_DAY_PER_DAY,
    YEAR_DAYS,
    block_shuffle_p_value,
    ln_false_alarm_probability,
    lomb_scargle,
    match_aliases,
    refine_peaks,
    sampling_frequency_name,
    separated_peaks,
)


def nightly(rng, n=400, span=1000):
    """One observation in some nights of one site at about the same sidereal time."""
    night = np.sort(rng.choice(span, n, replace=False))
    return night / SIDEREAL_DAY_PER_DAY + rng.normal(0, 0.04, n)


def test_powers_are_those_of_the_exact_method(rng):
    t = nightly(rng) + 2458000.5
    err = rng.uniform(0.01, 0.05, len(t))
    mag = 13 + 0.05 * np.cos(2 * np.pi * t / 4.2) + rng.normal(0, err)
    frequency, power = lomb_scargle(t, mag, err, min_frequency=0.01, max_frequency=1.0)
    exact = LombScargle(t - t[0], mag, err).power(
        frequency, method="cython", assume_regular_frequency=True
    )
    np.testing.assert_allclose(power, exact, atol=1e-7)
    assert frequency[0] == 0.01
    assert 1.0 <= frequency[-1] < 1.0 + 2 * (frequency[1] - frequency[0])


def test_frequencies_at_which_all_points_share_a_phase_have_no_power(rng):
    t = np.arange(81.0)
    frequency, power = lomb_scargle(
        t, rng.normal(0, 0.1, 81), np.full(81, 0.1), min_frequency=0.5, max_frequency=4.0
    )
    assert np.isin(1.0, frequency.round(9))
    assert power.max() < 0.4
    assert power.min() >= 0


def test_false_alarms_are_those_of_astropy_for_the_range_searched(rng):
    t = nightly(rng)
    err = rng.uniform(0.01, 0.05, len(t))
    mag = rng.normal(0, err)
    power = np.array([0.01, 0.03, 0.05, 0.08, 0.12])
    ln_fap = ln_false_alarm_probability(power, t, err, min_frequency=0.5, max_frequency=3.0)
    reference = LombScargle(t, mag, err).false_alarm_probability(
        power, method="baluev", maximum_frequency=2.5
    )
    # astropy rounds the upper limit to its own frequency grid.
    np.testing.assert_allclose(np.exp(ln_fap), reference, rtol=2e-4)


def test_false_alarms_do_not_underflow(rng):
    t, err = nightly(rng, n=900), np.full(900, 0.02)
    ln_fap = ln_false_alarm_probability(
        np.array([0.5, 0.9, 0.99]), t, err, min_frequency=0.0, max_frequency=10.0
    )
    assert np.isfinite(ln_fap).all()
    assert (np.diff(ln_fap) < 0).all()
    assert ln_fap[-1] < -1500


def test_false_alarms_of_white_noise_are_uniform(rng):
    t = np.sort(rng.uniform(0, 100, 120))
    err = np.full(120, 0.02)
    fap = []
    for _ in range(150):
        _, power = lomb_scargle(
            t, rng.normal(0, 0.02, 120), err, min_frequency=0.02, max_frequency=1.0, samples_per_peak=10
        )
        limits = {"min_frequency": 0.02, "max_frequency": 1.0}
        fap.append(np.exp(ln_false_alarm_probability(power.max(), t, err, **limits)))
    assert stats.kstest(fap, "uniform").pvalue > 0.01


def shuffled(rng, t, mag, **changes):
    settings = {
        "min_frequency": 0.005,
        "max_frequency": 0.6,
        "samples_per_peak": 5,
        "block_days": 60.0,
        "n_shuffles": 199,
        "level": 0.01,
    }
    return block_shuffle_p_value(t, mag, np.full(len(t), 0.02), **settings | changes, rng=rng)


def test_coherent_signal_survives_block_shuffling(rng):
    t = nightly(rng)
    mag = 0.02 * np.sin(2 * np.pi * t / 9.3) + rng.normal(0, 0.02, len(t))
    assert shuffled(rng, t, mag) == 1 / 200


def test_red_noise_is_no_period(rng):
    t = nightly(rng)
    decay = np.exp(-np.diff(t) / 10.0)
    mag = np.empty(len(t))
    mag[0] = rng.normal(0, 0.05)
    for i in range(1, len(t)):
        mag[i] = decay[i - 1] * mag[i - 1] + rng.normal(0, 0.05 * np.sqrt(1 - decay[i - 1] ** 2))
    _, power = lomb_scargle(t, mag, np.full(len(t), 0.02), min_frequency=0.005, max_frequency=0.6)
    ln_fap = ln_false_alarm_probability(
        power.max(), t, np.full(len(t), 0.02), min_frequency=0.005, max_frequency=0.6
    )
    assert ln_fap < np.log(1e-4)
    assert shuffled(rng, t, mag) > 0.01


def test_shuffling_stops_when_the_outcome_is_decided(rng):
    t = nightly(rng)
    p = shuffled(rng, t, rng.normal(0, 0.02, len(t)), n_shuffles=100000, level=1e-5)
    assert p > 0.01


def test_peaks_keep_apart_and_fall():
    power = np.array([0.9, 0.2, 0.5, 0.4, 0.45, 0.1, 0.3, 0.7])
    assert separated_peaks(power, 10, 1).tolist() == [0, 7, 2, 4]
    assert separated_peaks(power, 10, 3).tolist() == [0, 7, 4]
    assert separated_peaks(power, 2, 1).tolist() == [0, 7]


def test_parabola_is_found_exactly():
    frequency = np.linspace(0, 1, 11)
    power = 0.8 - (frequency - 0.43) ** 2
    where, height = refine_peaks(frequency, power, np.array([4, 0]))
    assert where[0] == pytest.approx(0.43)
    assert height[0] == pytest.approx(0.8)
    assert (where[1], height[1]) == (0.0, power[0])


@pytest.mark.parametrize(
    ("frequency", "name"),
    [
        (SIDEREAL_DAY_PER_DAY, "sidereal day/1"),
        (2 * SIDEREAL_DAY_PER_DAY, "sidereal day/2"),
        (1.0, "solar day/1"),
        (1 / 29.5306, "synodic month"),
        (1 / YEAR_DAYS, "year/1"),
        (2 / YEAR_DAYS, "year/2"),
        (0.7, ""),
        (7 / YEAR_DAYS, ""),
    ],
)
def test_names_of_sampling_frequencies(frequency, name):
    assert sampling_frequency_name(frequency + 1e-4, 3e-4) == name


def test_a_day_is_judged_in_frequency_not_in_days():
    assert sampling_frequency_name(1 / 0.55, 3e-4) == ""
    assert sampling_frequency_name(1 / 365.7, 3e-4) == "year/1"


def test_daily_aliases_of_a_signal_point_to_it(rng):
    t = nightly(rng)
    true = 0.2371
    frequency = np.array([true, SIDEREAL_DAY_PER_DAY - true, SIDEREAL_DAY_PER_DAY + true, 0.4444])
    table = match_aliases(
        t, frequency, np.array([0.6, 0.55, 0.5, 0.1]), resolution=1e-3, min_window_power=0.1
    )
    assert table["is_alias"].tolist() == [False, True, True, False]
    assert table["alias_of"].tolist()[1:3] == [1, 1]
    assert table["alias_frequency"].tolist()[1:3] == ["sidereal day/1"] * 2
    assert (table["alias_window_power"][1:3] > 0.5).all()


def test_slow_variation_seen_through_the_sampling_is_an_alias(rng):
    t = nightly(rng)
    table = match_aliases(
        t, np.array([SIDEREAL_DAY_PER_DAY]), np.array([0.5]), resolution=1e-3, min_window_power=0.1
    )
    assert table["is_alias"].all()
    assert table["window_power"][0] > 0.5
    assert table["sampling_frequency"][0] == "sidereal day/1"
