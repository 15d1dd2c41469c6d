"""Periodograms against their peers: astropy's Lomb-Scargle, plain numpy phase folding."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle

from malca.kernels import periodogram
from malca.search.periodogram import lomb_scargle
from malca.search.periods import find_periods

MAX_FREQUENCY = 10.0


@pytest.fixture(scope="module")
def curve():
    """1900 points over nine years of eight months each, three sites, P = 3.7123 d."""
    rng = np.random.default_rng(7)
    night = rng.choice(3287, 6000)
    night = np.sort(night[night % 365.25 < 240][:1900])
    t = np.sort(night + rng.choice([0.1, 0.4, 0.9], len(night)) + rng.normal(0, 0.05, len(night)))
    mag = 13 + 0.05 * np.sin(2 * np.pi * t / 3.7123) + rng.normal(0, 0.03, len(t))
    return t, mag, rng.uniform(0.02, 0.04, len(t))


@pytest.fixture(scope="module")
def narrow_frequencies(curve):
    return 1 / 3.7123 + np.linspace(-3, 3, 200) / np.ptp(curve[0])


@pytest.mark.benchmark(group="lomb-scargle")
def test_lomb_scargle(benchmark, curve):
    low = 1 / np.ptp(curve[0])
    frequency, power = benchmark(lomb_scargle, *curve, min_frequency=low, max_frequency=MAX_FREQUENCY)
    assert 1 / frequency[np.argmax(power)] == pytest.approx(3.7123, abs=0.01)


@pytest.mark.benchmark(group="lomb-scargle")
def test_lomb_scargle_astropy_auto(benchmark, curve):
    low = 1 / np.ptp(curve[0])
    frequency, power = benchmark.pedantic(
        lambda: LombScargle(*curve).autopower(
            minimum_frequency=low, maximum_frequency=MAX_FREQUENCY, samples_per_peak=5
        ),
        rounds=3,
    )
    assert 1 / frequency[np.argmax(power)] == pytest.approx(3.7123, abs=0.01)


@pytest.mark.benchmark(group="phase dispersion, 200 frequencies")
def test_phase_dispersion(benchmark, curve, narrow_frequencies):
    theta = np.empty(200)
    benchmark(periodogram.phase_dispersion, curve[0], curve[1], narrow_frequencies, 10, 1, theta)
    np.testing.assert_allclose(theta, numpy_theta(curve[0], curve[1], narrow_frequencies), rtol=1e-8)


@pytest.mark.benchmark(group="phase dispersion, 200 frequencies")
def test_phase_dispersion_numpy(benchmark, curve, narrow_frequencies):
    benchmark.pedantic(numpy_theta, (curve[0], curve[1], narrow_frequencies), rounds=3)


@pytest.mark.benchmark(group="conditional entropy, 200 frequencies")
def test_conditional_entropy(benchmark, curve, narrow_frequencies):
    mag_bin = magnitude_bins(curve[1])
    entropy = np.empty(200)
    benchmark(periodogram.conditional_entropy, curve[0], mag_bin, narrow_frequencies, 10, 10, entropy)
    expected = numpy_entropy(curve[0], mag_bin, narrow_frequencies)
    np.testing.assert_allclose(entropy, expected, rtol=1e-8)


@pytest.mark.benchmark(group="conditional entropy, 200 frequencies")
def test_conditional_entropy_numpy(benchmark, curve, narrow_frequencies):
    mag_bin = magnitude_bins(curve[1])
    benchmark.pedantic(numpy_entropy, (curve[0], mag_bin, narrow_frequencies), rounds=3)


@pytest.mark.benchmark(group="period search of one star")
def test_find_periods(benchmark, curve):
    found = benchmark(find_periods, *curve)
    assert found.best["period_days"] == pytest.approx(3.7123, abs=0.003)


def magnitude_bins(mag):
    scaled = (mag - mag.min()) / np.ptp(mag)
    return np.minimum(scaled * 10, 9).astype(np.int64)


def numpy_theta(t, mag, frequency):
    theta = np.empty(len(frequency))
    deviation = mag - mag.mean()
    for k, f in enumerate(frequency):
        phase_bin = (np.mod(t * f, 1.0) * 10).astype(int)
        n = np.bincount(phase_bin, minlength=10)
        total = np.bincount(phase_bin, deviation, minlength=10)
        squares = np.bincount(phase_bin, deviation**2, minlength=10)
        filled = n > 1
        within = (squares - total**2 / np.maximum(n, 1))[filled].sum()
        theta[k] = within / (n[filled] - 1).sum() / mag.var(ddof=1)
    return theta


def numpy_entropy(t, mag_bin, frequency):
    entropy = np.empty(len(frequency))
    for k, f in enumerate(frequency):
        phase_bin = (np.mod(t * f, 1.0) * 10).astype(int)
        p = np.bincount(phase_bin * 10 + mag_bin, minlength=100).reshape(10, 10) / len(t)
        in_phase = np.broadcast_to(p.sum(axis=1, keepdims=True), p.shape)
        filled = p > 0
        entropy[k] = (p[filled] * np.log(in_phase[filled] / p[filled])).sum()
    return entropy
