import numpy as np
import pytest

from malca.kernels import folding


@pytest.mark.parametrize(("n_harmonics", "stride"), [(1, 1), (3, 1), (8, 1), (16, 2)])
def test_harmonic_sum_is_the_plain_one(rng, n_harmonics, stride):
    power = rng.exponential(size=4000)
    true = 1203  # in steps / n_harmonics
    for k in range(1, n_harmonics + 1):
        power[(k * true + n_harmonics // 2) // n_harmonics] += 30
    best, total = folding.strongest_harmonic_sum(power, n_harmonics, 100, 3900, stride)
    k = np.arange(1, n_harmonics + 1)
    sums = [power[(k * j + n_harmonics // 2) // n_harmonics].sum() for j in range(100, 3900)]
    assert total == pytest.approx(max(sums))
    assert total == pytest.approx(sums[best - 100])
    # Neighbouring fundamentals may round to the same frequencies.
    assert abs(best - true) <= 1


def test_harmonic_sum_of_an_empty_range():
    assert folding.strongest_harmonic_sum(np.ones(10), 2, 5, 5, 1)[0] == -1


def test_running_mean(rng):
    values, result = rng.normal(size=50), np.empty(50)
    folding.running_mean(values, 3, result)
    expected = [values[max(i - 3, 0) : i + 4].mean() for i in range(50)]
    np.testing.assert_allclose(result, expected)


def test_part_amplitudes_are_fourier_sums(rng):
    t, x, part = np.sort(rng.uniform(0, 90, 200)), rng.normal(size=200), rng.integers(-1, 3, 200)
    real, imaginary = np.empty((3, 5)), np.empty((3, 5))
    folding.part_amplitudes(t, x, part, 0.731, real, imaginary)
    for p in range(3):
        mine = part == p
        for k in range(5):
            expected = (x[mine] * np.exp(2j * np.pi * (k + 1) * 0.731 * t[mine])).sum()
            assert real[p, k] + 1j * imaginary[p, k] == pytest.approx(expected)


def test_folded_curve_is_least_squares(rng):
    t, y, weight = np.sort(rng.uniform(0, 90, 200)), rng.normal(size=200), rng.uniform(1, 3, 200)
    curve = np.empty(200)
    folding.folded_curve(t, y, weight, 0.37, 3, 0.0, curve)
    phase = 2 * np.pi * 0.37 * t[:, None] * np.arange(1, 4)
    design = np.concatenate([np.ones((200, 1)), np.cos(phase), np.sin(phase)], axis=1)
    root = np.sqrt(weight)
    solution = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
    np.testing.assert_allclose(curve, design @ solution, atol=1e-10)
