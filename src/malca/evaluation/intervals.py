"""Intervals of shares and of F1, for counts however small."""

from __future__ import annotations

import numpy as np
from scipy.stats import beta


def binomial_limits(
    k: np.ndarray | int, n: np.ndarray | int, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Equal-tailed Jeffreys interval of a share (Brown, Cai & DasGupta 2001, Stat. Sci. 16, 101).

    Quantiles of the Beta(k + ½, n − k + ½) posterior; as recommended there, the lower limit is 0 at
    ``k = 0`` and the upper one 1 at ``k = n``.

    Parameters
    ----------
    k, n : int or array
        ``k`` of ``n``, broadcast against each other; an empty sample gives 0 to 1.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    lower, upper : float64 arrays of the broadcast shape

    Raises
    ------
    ValueError
        Not 0 ≤ k ≤ n, or a confidence outside (0, 1).
    """
    k, n = np.broadcast_arrays(np.asarray(k), np.asarray(n))
    if not ((k >= 0) & (k <= n)).all():
        raise ValueError("of n trials between 0 and n can succeed")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    tail = 0.5 * (1.0 - confidence)
    lower = np.where(k == 0, 0.0, beta.ppf(tail, k + 0.5, n - k + 0.5))
    upper = np.where(k == n, 1.0, beta.ppf(1.0 - tail, k + 0.5, n - k + 0.5))
    return lower, upper


def f1_interval(n_true: int, n_false: int, n_missed: int, level: float = 0.95) -> tuple[float, float]:
    """Equal-tailed interval of F1 = 2 TP / (2 TP + FP + FN).

    Precision and recall share their true positives, so that draws of both apart would be too wide.
    Goutte & Gaussier (2005, ECIR, LNCS 3408, 345) have F1 as U / (U + V), U and V being Gamma variates
    of shapes TP + 1/2 and FP + FN + 1 and scales 2 and 1; thus F1 = 2 x / (1 + x) with x of
    Beta(TP + 1/2, FP + FN + 1), and no draw is needed. Without true positives the lower bound is 0,
    without mistakes the upper one 1, as for shares.

    Parameters
    ----------
    n_true, n_false, n_missed : int
        True positives, false positives, false negatives.
    level : float
        Probability of the interval.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        A count is negative, or ``level`` not between 0 and 1.
    """
    _check(level, n_true, n_false, n_missed)
    tail = (1.0 - level) / 2.0
    low, high = beta.ppf([tail, 1.0 - tail], n_true + 0.5, n_false + n_missed + 1.0)
    if n_true == 0:
        low = 0.0
    if n_false + n_missed == 0:
        high = 1.0
    return float(2.0 * low / (1.0 + low)), float(2.0 * high / (1.0 + high))


def _check(level: float, *counts: int) -> None:
    if min(counts) < 0:
        raise ValueError(f"counts of a share must be 0 or more and no part above the whole: {counts}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level of an interval lies between 0 and 1, not at {level}")
