"""The periodicity test of one star against its peers: celerite2 likelihoods, a permutation test."""

from __future__ import annotations

import celerite2
import numpy as np
import pytest
from celerite2 import terms

from malca.kernels import red_noise
from malca.search.periodicity import judge_star
from malca.search.periodogram import lomb_scargle

N_SHUFFLES = 10


@pytest.fixture(scope="module")
def curve():
    """2000 points of six cameras over nine years of eight months each, P = 3.7123 d, red noise."""
    rng = np.random.default_rng(7)
    night = rng.choice(3287, 6000)
    night = np.sort(night[night % 365.25 < 240][:2000])
    t = np.sort(night + rng.choice([0.1, 0.4, 0.9], len(night)) + rng.normal(0, 0.05, len(night)))
    slow = np.interp(t, np.arange(0, 3400, 50), rng.normal(0, 0.02, 68))
    mag = 13 + 0.02 * np.sin(2 * np.pi * t / 3.7123) + slow + rng.normal(0, 0.02, len(t))
    return 2457000.5 + t, mag, np.full(len(t), 0.01), rng.integers(0, 6, len(t))


@pytest.mark.benchmark(group="periodicity of one star")
def test_judge_star(benchmark, curve):
    row = benchmark(judge_star, *curve)
    assert row["is_periodic"]
    assert row["lsp_period_days"] == pytest.approx(3.7123, abs=0.003)


@pytest.mark.benchmark(group="periodicity of one star")
def test_judge_star_with_events(benchmark, curve):
    """With three events the star is searched twice."""
    start = curve[0][[200, 900, 1500]]
    row = benchmark(judge_star, *curve, np.column_stack([start, start + 5.0]))
    assert row["is_periodic"]


@pytest.mark.benchmark(group="periodicity of one star")
def test_permutations(benchmark, curve):
    """A hundredth of a test by 1000 permutations, with the fastest periodogram there is."""
    jd, mag, mag_err, _ = curve
    rng = np.random.default_rng(1)

    def shuffled():
        highest = 0.0
        for _ in range(N_SHUFFLES):
            _, power = lomb_scargle(
                jd, rng.permutation(mag), mag_err, min_frequency=0.0015, max_frequency=10.0
            )
            highest = max(highest, power.max())
        return highest

    assert 0 < benchmark.pedantic(shuffled, rounds=3) < 0.2


@pytest.mark.benchmark(group="likelihood of a damped random walk")
def test_ln_likelihood(benchmark, curve):
    t, noise = curve[0], np.full(len(curve[0]), 4e-4)
    y = curve[1] - 13
    value = benchmark(red_noise.ln_likelihood, t, y, noise, 4e-4, 30.0)
    assert value == pytest.approx(celerite_likelihood(t, y, noise), rel=1e-6)


@pytest.mark.benchmark(group="likelihood of a damped random walk")
def test_ln_likelihood_celerite2(benchmark, curve):
    t, noise = curve[0], np.full(len(curve[0]), 4e-4)
    benchmark(celerite_likelihood, t, curve[1] - 13, noise)


def celerite_likelihood(t, y, noise):
    process = celerite2.GaussianProcess(terms.RealTerm(a=4e-4, c=1 / 30.0))
    process.compute(t, diag=noise)
    return process.log_likelihood(y) + 0.5 * len(t) * np.log(2 * np.pi)
