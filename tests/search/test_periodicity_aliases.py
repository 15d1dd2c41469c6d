import numpy as np
import pytest

from malca.search.periodicity_aliases import sampling_alias, sampling_frequencies
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.periodicity_significance import Peak
from malca.search.periodicity_spectrum import spectrum, weigh_star

PARAMETERS = PeriodicityParameters(max_frequency=4.0)


@pytest.fixture
def star(rng):
    """One site, eight months a year for nine years, with a sinusoid of the given frequency."""

    def make(frequency):
        night = np.sort(rng.choice(3300, 2000, replace=False))
        night = night[night % 365 < 240]
        t = night * 0.99727 + rng.normal(0, 0.05, len(night))
        t.sort()
        mag = 0.05 * np.sin(2 * np.pi * frequency * t) + rng.normal(0, 0.02, len(t))
        weighted = weigh_star(t, mag, np.full(len(t), 0.02), np.zeros(len(t), int), PARAMETERS)
        return weighted, spectrum(weighted, PARAMETERS)

    return make


def alias(star, frequency, n_harmonics=1, n_elements=1):
    return sampling_alias(*star, Peak(frequency, n_harmonics, n_elements, -20.0), PARAMETERS)


def test_frequencies_have_names():
    named = sampling_frequencies(2.5)
    assert named["solar day/1"] == 1.0
    assert named["sidereal day/1"] == pytest.approx(1.0027379, abs=1e-7)
    assert named["sidereal day/2"] == pytest.approx(2.0054758, abs=1e-7)
    assert named["solar day/2 + 1/yr"] == pytest.approx(2.0027379, abs=1e-7)
    assert named["solar day/1 - 1/yr"] == pytest.approx(0.9972621, abs=1e-7)
    assert named["synodic month"] == pytest.approx(1 / 29.530589)
    assert named["year/2"] == pytest.approx(2 / 365.25)
    assert max(named.values()) < 3
    assert len(set(named.values())) == len(named)


@pytest.mark.parametrize("name", ["sidereal day/1", "solar day/2 + 1/yr", "synodic month", "year/1"])
def test_a_frequency_of_the_sampling(star, name):
    frequency = sampling_frequencies(4.0)[name]
    found = alias(star(0.2), frequency + 0.0001)
    assert found.is_alias
    assert found.name == name
    assert found.period_days == pytest.approx(1 / frequency)


def test_the_tolerance_is_one_of_frequency(star):
    # 0.03 d from half a day, but 120 cycles away over the data.
    assert not alias(star(1 / 0.53), 1 / 0.53).is_alias
    assert not alias(star(0.2), 0.2).is_alias


def test_a_broad_line_need_not_meet_the_day_exactly(star):
    """12 elements of 3300 d are 0.0036 cycles per day; a month is as exact as ever."""
    made = star(0.2)
    beside_day, beside_month = 1.0027379 + 0.0012, 1 / 29.530589 + 0.0012
    assert alias(made, beside_day, n_elements=12).is_alias
    assert not alias(made, beside_day).is_alias
    assert not alias(made, beside_month, n_elements=12).is_alias


def test_what_leaks_from_a_frequency_of_the_sampling(star):
    """A daily signal shows at the sum of its frequency and those of the window, two years off."""
    made = star(1.0)
    beside = 1.0 + 1.0027379 + 2 / 365.25 + 0.0004
    found = alias(made, beside)
    assert found.is_alias
    # The same frequency with a signal of its own is none.
    assert not alias(star(beside), beside).is_alias


def test_slow_variation_leaks_through_the_spectral_window(star):
    narrow = PARAMETERS.model_copy(update={"alias_elements": 0.05})
    found = sampling_alias(*star(0.2), Peak(1.0027379 + 0.0001, 1, 1, -20.0), narrow)
    assert found.is_alias
    assert found.name == "spectral window"
    assert np.isnan(found.period_days)


def test_the_strongest_harmonic_counts(star):
    # A daily signal folded with three days has all its power in the third harmonic.
    assert alias(star(1.0), 1 / 3, n_harmonics=4).is_alias
