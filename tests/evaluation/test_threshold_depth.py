from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from malca.evaluation.efficiency import BinnedEfficiency
from malca.evaluation.intervals import binomial_limits
from malca.evaluation.threshold_depth import threshold_depth

DEPTHS = np.geomspace(0.01, 1.0, 21)


def at(efficiency, trials=100, level=0.5):
    efficiency = np.asarray(efficiency, float)
    n = np.broadcast_to(trials, efficiency.shape)
    k = np.where(n > 0, np.rint(np.nan_to_num(efficiency) * n), 0).astype(int)
    return threshold_depth(DEPTHS[: len(n)], efficiency, *binomial_limits(k, n), n, level=level)


def test_a_smooth_rise_is_interpolated():
    found = at(expit(8 * np.log10(DEPTHS / 0.13)), 10_000, 0.9)
    truth = 0.13 * 10 ** (logit(0.9) / 8)
    np.testing.assert_allclose(found.depth_mag, truth, rtol=0.01)
    assert found.lower_mag < truth < found.upper_mag
    assert not found.is_upper_limit


def test_one_noisy_bin_does_not_reach_the_level():
    efficiency = np.where(DEPTHS < 0.2, 0.0, 1.0)
    clean = at(efficiency)
    efficiency[3] = 0.9
    trials = np.full(len(DEPTHS), 100)
    trials[3] = 3
    noisy = at(efficiency, trials)
    np.testing.assert_allclose(noisy.depth_mag, clean.depth_mag, rtol=0.15)
    assert noisy.depth_mag > 5 * DEPTHS[3]


def test_never_and_always_and_untried():
    never = at(np.full(5, 0.2))
    assert np.isnan(never.depth_mag)
    assert np.isinf(never.upper_mag)
    assert never.lower_mag == DEPTHS[4]
    always = at(np.full(5, 0.9))
    assert always.is_upper_limit
    assert (always.lower_mag, always.depth_mag, always.upper_mag) == (0.0, DEPTHS[0], DEPTHS[0])
    untried = at(np.full(5, np.nan), 0)
    assert np.isnan(untried.depth_mag)
    assert (untried.lower_mag, untried.upper_mag) == (0.0, np.inf)
    unsure = at([0, 0, 0.6, 0.6, 0.6], 5)
    assert DEPTHS[1] < unsure.depth_mag < DEPTHS[2]
    assert np.isinf(unsure.upper_mag)


def test_empty_bins_are_skipped():
    efficiency = expit(8 * np.log10(DEPTHS / 0.13))
    whole = at(efficiency, 1000)
    efficiency[::3] = np.nan
    np.testing.assert_allclose(at(efficiency, np.where(np.isnan(efficiency), 0, 1000)).depth_mag,
                               whole.depth_mag, rtol=0.02)  # fmt: skip


def test_it_is_right_on_average_and_the_limits_hold(rng):
    edges = (np.geomspace(0.01, 2.0, 21), np.geomspace(1.0, 300.0, 401))
    n = rng.poisson(25, (20, 400))
    centers = np.sqrt(edges[0][1:] * edges[0][:-1])
    k = rng.binomial(n, 0.9 * expit(7 * np.log10(centers / 0.12))[:, None])
    binned = BinnedEfficiency(("depth", "duration"), edges, n, k[None], ("event",), "event", 0.95)
    for level in (0.2, 0.5):
        truth = 0.12 * 10 ** (logit(level / 0.9) / 7)
        found = binned.depth_at(level)
        assert found.depth_mag.shape == (400,)
        assert abs(np.nanmean(np.log10(found.depth_mag / truth))) < 0.02
        assert ((found.lower_mag <= truth) & (truth <= found.upper_mag)).mean() > 0.95


def test_levels_outside_are_refused():
    with pytest.raises(ValueError, match="not at 90"):
        at(np.zeros(3), level=90)
