import numpy as np
import pytest

from malca.kernels import noise_level


def test_level_of_a_power_law(rng):
    n, first = 40000, 40
    expected = 3.0 * np.maximum(np.arange(n), 1) ** -0.3  # what whitening leaves
    power, level = expected * rng.exponential(size=n), np.empty(n)
    noise_level.slow_level(power, first, 0.3, 12, level)
    assert (level[:first] == 1.0).all()
    middle = slice(2000, n // 3)
    np.testing.assert_allclose(level[middle], expected[middle], rtol=0.2)
    assert np.log(level[middle] / expected[middle]).mean() == pytest.approx(0.0, abs=0.06)


def test_level_at_the_nodes_is_the_median(rng):
    power, level = rng.exponential(size=1001), np.empty(1001)
    noise_level.slow_level(power, 10, 0.2, 10, level)
    # The first and the last node.
    assert level[10] == pytest.approx(np.median(power[10 : int(10**1.2) + 2]) / np.log(2))
    begin = int(10 ** (3 - 0.2))
    assert level[1000] == pytest.approx(np.median(power[begin:]) / np.log(2))


def test_peaks_hardly_move_the_level(rng):
    power, before, after = rng.exponential(size=5000), np.empty(5000), np.empty(5000)
    noise_level.slow_level(power, 10, 0.3, 12, before)
    power[2000:2010] += 1e6
    noise_level.slow_level(power, 10, 0.3, 12, after)
    np.testing.assert_allclose(after, before, rtol=0.05)


def test_daily_noise_raises_the_level_where_it_is(rng):
    n, per_cycle = 300000, 80000.0
    at = np.arange(n)
    distance = np.abs(at / per_cycle - np.round(at / per_cycle)) * per_cycle
    expected = 1.0 + 40.0 / (1.0 + (distance / 500.0) ** 2)
    power, level = expected * rng.exponential(size=n), np.ones(n)
    edges = np.array([0.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 4000.0, 8000.0, 20000.0])
    noise_level.raise_daily_level(power, level, 10, per_cycle, edges)
    assert (level[:60000] == 1.0).all()  # nothing is raised about 0 cycles per day
    for day in (1, 2, 3):
        near = slice(int(day * per_cycle) - 50, int(day * per_cycle) + 50)
        assert level[near].mean() == pytest.approx(expected[near].mean(), rel=0.3)
    # Between the days, and away from them but for chance.
    assert (level[105000:135000] == 1.0).all()
    assert level[90000:99000].mean() < 1.3


def test_level_is_never_lowered(rng):
    power, level = 0.1 * rng.exponential(size=5000), np.ones(5000)
    noise_level.raise_daily_level(power, level, 10, 1000.0, np.array([0.0, 20.0, 100.0]))
    assert (level == 1.0).all()
