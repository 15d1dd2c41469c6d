from __future__ import annotations

import numpy as np
import pytest
from astropy.stats import binom_conf_interval

from malca.evaluation.intervals import binomial_limits, f1_interval


@pytest.mark.parametrize(("k", "n"), [(0, 7), (7, 7), (3, 7), (22, 22), (190, 200)])
@pytest.mark.parametrize("level", [0.68, 0.95])
def test_jeffreys_is_that_of_astropy(k, n, level):
    expected = binom_conf_interval(k, n, level, interval="jeffreys")
    expected = [0.0 if k == 0 else expected[0], 1.0 if k == n else expected[1]]
    assert binomial_limits(k, n, level) == pytest.approx(expected, rel=1e-9)


def test_nothing_tried_says_nothing():
    assert binomial_limits(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n", "level"), [(3, 2, 0.9), (-1, 2, 0.9), (1, 2, 1.0), (1, 2, 0.0)])
def test_counts_that_cannot_be_are_refused(k, n, level):
    with pytest.raises(ValueError, match=r"between 0 and"):
        binomial_limits(k, n, level)


@pytest.mark.parametrize(("tp", "fp", "fn"), [(22, 0, 0), (10, 5, 3), (0, 2, 2), (1, 40, 7)])
def test_f1_has_the_quantiles_of_a_ratio_of_gamma_variates(tp, fp, fn, rng):
    u = 2.0 * rng.gamma(tp + 0.5, size=400_000)
    v = rng.gamma(fp + fn + 1.0, size=400_000)
    expected = np.quantile(u / (u + v), [0.025, 0.975])
    expected = [0.0 if tp == 0 else expected[0], 1.0 if fp + fn == 0 else expected[1]]
    assert f1_interval(tp, fp, fn) == pytest.approx(expected, abs=4e-3)


def test_f1_interval_covers_about_as_often_as_it_says(rng):
    """Of samples with 30 events found by chance 0.8 and 10 negatives passed by chance 0.1."""
    true = 2 * 24 / (2 * 24 + 1 + 6)
    inside = 0
    for tp, fp in zip(rng.binomial(30, 0.8, 2000), rng.binomial(10, 0.1, 2000), strict=True):
        low, high = f1_interval(int(tp), int(fp), 30 - int(tp), 0.9)
        inside += low <= true <= high
    assert 0.87 < inside / 2000 <= 1.0
