import numpy as np
import pytest

from malca.search.periodicity_coherence import coherence
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.periodicity_significance import Peak
from malca.search.periodicity_spectrum import spectrum, weigh_star

PARAMETERS = PeriodicityParameters(max_frequency=3.0)
PERIOD = 7.3


@pytest.fixture
def times(rng):
    night = np.sort(rng.uniform(0, 2400, 1600))
    return night, rng.integers(0, 4, 1600)


def agreement(rng, times, signal, peak=None):
    t, channel = times
    mag = signal + rng.normal(0, 0.02, len(t))
    star = weigh_star(t, mag, np.full(len(t), 0.02), channel, PARAMETERS)
    return coherence(star, spectrum(star, PARAMETERS), peak or Peak(1 / PERIOD, 1, 1, -20.0))


def test_a_steady_signal_is_coherent(rng, times):
    found = agreement(rng, times, 0.05 * np.sin(2 * np.pi * times[0] / PERIOD))
    assert found.phase > 0.9
    assert found.camera > 0.9


def test_eclipses_are_coherent_in_their_harmonics(rng, times):
    phase = np.mod(times[0] / PERIOD + 0.5, 1.0) - 0.5
    found = agreement(rng, times, 0.08 * (np.abs(phase) < 0.03), Peak(1 / PERIOD, 16, 1, -20.0))
    assert found.phase > 0.8
    assert found.camera > 0.8


def test_a_burst_is_not(rng, times):
    burst = np.abs(times[0] - 1000) < 70
    found = agreement(rng, times, 0.1 * burst * np.sin(2 * np.pi * times[0] / PERIOD))
    assert found.phase < 0.25
    assert found.camera > 0.8


def test_nor_a_signal_whose_phase_jumps(rng, times):
    jump = np.pi * (np.floor(times[0] / 300.0) % 2)
    found = agreement(rng, times, 0.05 * np.sin(2 * np.pi * times[0] / PERIOD + jump))
    assert found.phase < 0


def test_spots_that_live_long_enough_are_coherent_on_their_time(rng, times):
    wander = np.interp(times[0], np.arange(0, 2800, 300), np.cumsum(rng.normal(0, 2.0, 10)))
    signal = 0.05 * np.sin(2 * np.pi * times[0] / PERIOD + wander)
    short = agreement(rng, times, signal, Peak(1 / PERIOD, 1, 12, -20.0))
    assert short.phase > 0.6
    assert short.camera > 0.8


def test_one_camera_alone_is_disbelieved(rng, times):
    signal = 0.1 * (times[1] == 2) * np.sin(2 * np.pi * times[0] / PERIOD)
    assert agreement(rng, times, signal).camera < 0.25


def test_a_single_camera_leaves_the_question_open(rng, times):
    t, _ = times
    found = agreement(rng, (t, np.zeros(len(t), int)), 0.05 * np.sin(2 * np.pi * t / PERIOD))
    assert found.phase > 0.9
    assert np.isnan(found.camera)
