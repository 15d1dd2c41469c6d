import numpy as np
import pytest

from malca.kernels import periodogram


@pytest.fixture
def curve(rng):
    t = np.sort(rng.uniform(0, 200, 150))
    return t, 0.2 * np.sin(2 * np.pi * t / 3.3) + rng.normal(0, 0.05, 150)


def plain_theta(t, mag, frequency, n_bins, n_covers):
    """Stellingwerf (1978) bin by bin."""
    phase = np.mod(t * frequency, 1.0)
    within, freedom = 0.0, 0
    for k in range(n_bins * n_covers):
        start = k / (n_bins * n_covers)
        inside = mag[np.mod(phase - start, 1.0) < 1.0 / n_bins]
        if len(inside) > 1:
            within += (len(inside) - 1) * inside.var(ddof=1)
            freedom += len(inside) - 1
    return within / freedom / mag.var(ddof=1)


@pytest.mark.parametrize(("n_bins", "n_covers"), [(10, 1), (5, 3)])
def test_phase_dispersion_matches_its_definition(curve, n_bins, n_covers):
    t, mag = curve
    frequency = np.array([0.1, 1 / 3.3, 0.5, 1.7])
    theta = np.empty(4)
    periodogram.phase_dispersion(t, mag, frequency, n_bins, n_covers, theta)
    expected = [plain_theta(t, mag, f, n_bins, n_covers) for f in frequency]
    np.testing.assert_allclose(theta, expected, rtol=1e-9)
    assert np.argmin(theta) == 1


def test_phase_dispersion_of_a_repeating_curve_vanishes():
    t = np.arange(40) * 0.25
    mag = np.tile([13.0, 13.1, 13.4, 13.2], 10)
    theta = np.empty(2)
    periodogram.phase_dispersion(t, mag, np.array([1.0, 0.77]), 4, 1, theta)
    assert theta[0] == pytest.approx(0.0, abs=1e-12)
    assert theta[1] > 0.5


def test_phase_dispersion_of_constant_magnitudes_is_undefined():
    theta = np.empty(1)
    periodogram.phase_dispersion(np.arange(9.0), np.full(9, 13.0), np.array([0.3]), 4, 1, theta)
    assert np.isnan(theta[0])


def plain_entropy(t, mag_bin, frequency, n_phase, n_mag):
    """Graham et al. (2013), eq. 2, cell by cell."""
    phase = np.mod(t * frequency, 1.0)
    cells = np.histogram2d(mag_bin, phase, bins=[np.arange(n_mag + 1), np.linspace(0, 1, n_phase + 1)])[
        0
    ]
    p = cells / len(t)
    in_phase = np.broadcast_to(p.sum(axis=0), p.shape)
    filled = p > 0
    return (p[filled] * np.log(in_phase[filled] / p[filled])).sum()


def test_conditional_entropy_matches_its_definition(curve):
    t, mag = curve
    n_phase, n_mag = 8, 6
    mag_bin = np.minimum((mag - mag.min()) / np.ptp(mag) * n_mag, n_mag - 1).astype(np.int64)
    frequency = np.array([0.1, 1 / 3.3, 0.5, 1.7])
    entropy = np.empty(4)
    periodogram.conditional_entropy(t, mag_bin, frequency, n_phase, n_mag, entropy)
    expected = [plain_entropy(t, mag_bin, f, n_phase, n_mag) for f in frequency]
    np.testing.assert_allclose(entropy, expected, rtol=1e-9)
    assert np.argmin(entropy) == 1
    assert (entropy <= np.log(n_mag)).all()


def test_spectral_window_matches_the_fourier_sum(rng):
    t = rng.uniform(0, 50, 80)
    frequency = np.array([0.0, 0.01, 0.9, 3.3])
    power = np.empty(4)
    periodogram.spectral_window(t, frequency, power)
    expected = np.abs(np.exp(2j * np.pi * np.outer(frequency, t)).mean(axis=1)) ** 2
    np.testing.assert_allclose(power, expected, rtol=1e-9)
    assert power[0] == 1.0


def test_nightly_sampling_has_a_window_of_one_cycle_a_day(rng):
    t = np.arange(300) + rng.uniform(0, 0.05, 300)
    power = np.empty(2)
    periodogram.spectral_window(t, np.array([1.0, 0.613]), power)
    assert power[0] > 0.95
    assert power[1] < 0.05


def test_no_points():
    out = np.empty(1)
    none, frequency = np.empty(0), np.array([1.0])
    for call in (
        lambda: periodogram.phase_dispersion(none, none, frequency, 4, 2, out),
        lambda: periodogram.conditional_entropy(none, np.empty(0, np.int64), frequency, 4, 4, out),
        lambda: periodogram.spectral_window(none, frequency, out),
    ):
        out[:] = 0.0
        call()
        assert np.isnan(out[0])
