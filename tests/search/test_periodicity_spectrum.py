import numpy as np
import pytest

from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.periodicity_spectrum import fourier_power, reweighted, spectrum, weigh_star

PARAMETERS = PeriodicityParameters(max_frequency=3.0)


@pytest.fixture
def points(rng):
    t = 2458000.5 + np.sort(rng.uniform(0, 2000, 900))
    return t, rng.normal(13, 0.02, 900), np.full(900, 0.02), rng.integers(0, 3, 900)


def test_fourier_power_is_the_plain_sum(rng):
    t, x = np.sort(rng.uniform(0, 50, 80)), rng.normal(size=80)
    power = fourier_power(t, x, 0.01, 301)
    f = 0.01 * np.arange(301)
    expected = np.abs(np.exp(2j * np.pi * f[:, None] * t) @ x) ** 2
    np.testing.assert_allclose(power, expected, atol=1e-5 * expected.max())
    assert np.argmax(power) == np.argmax(expected)


def test_offsets_of_cameras_leave_the_spectrum_alone(points):
    jd, mag, err, channel = points
    shifted = mag + np.array([0.2, -0.5, 1.0])[channel]
    before, after = (weigh_star(jd, m, err, channel, PARAMETERS) for m in (mag, shifted))
    np.testing.assert_allclose(after.weighted, before.weighted, atol=1e-6)
    np.testing.assert_allclose(after.residual, before.residual, atol=1e-9)


def test_noise_has_unit_power_whatever_its_colour(rng, points):
    jd, mag, err, channel = points
    walk = np.cumsum(rng.normal(0, np.sqrt(np.diff(jd, prepend=jd[0]) / 1000)))  # random walk
    for colour in (0.0, 1.0):
        of = spectrum(weigh_star(jd, mag + colour * walk, err, channel, PARAMETERS), PARAMETERS)
        power = of.power[of.first :: PARAMETERS.samples_per_peak]
        assert power.mean() == pytest.approx(1.0, abs=0.06)
        assert (power > 3).mean() == pytest.approx(np.exp(-3), abs=0.01)
        # The slowest may have less: zero points and the fitted walk take some up.
        assert 0.3 < power[: len(power) // 50].mean() < 1.35


def test_one_deep_event_does_not_rule(points):
    jd, mag, err, channel = points
    mag = mag + 3.0 * (np.abs(jd - jd[300]) < 2)
    star = weigh_star(jd, mag, err, channel, PARAMETERS)
    assert star.residual.max() < 0.12


def test_a_noisy_camera_weighs_less(rng, points):
    jd, mag, err, channel = points
    mag = np.where(channel == 1, mag + rng.normal(0, 0.08, len(mag)), mag)
    star = weigh_star(jd, mag, err, channel, PARAMETERS)
    typical = [np.median(star.noise[channel == c]) for c in range(3)]
    assert typical[1] > 5 * max(typical[0], typical[2])


def test_part_of_the_points_is_weighted_by_itself(points):
    jd, mag, err, channel = points
    star = weigh_star(jd, mag, err, channel, PARAMETERS)
    everything = reweighted(star, np.ones(len(jd), bool))
    np.testing.assert_allclose(everything, star.weighted, atol=1e-6)
    assert len(reweighted(star, channel == 2)) == (channel == 2).sum()


def test_what_cannot_be_judged_is_said(points):
    jd, mag, err, channel = points
    assert weigh_star(jd[:40], mag[:40], err[:40], channel[:40], PARAMETERS) == "too few points"
    one_each = np.arange(len(jd))
    assert weigh_star(jd, mag, err, one_each, PARAMETERS) == "too few points"
    assert weigh_star(jd / 100, mag, err, channel, PARAMETERS) == "span too short"
    constant = np.full(len(jd), 13.0)
    assert weigh_star(jd, constant, err, channel, PARAMETERS) == "constant magnitudes"
