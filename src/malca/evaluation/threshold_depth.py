"""The depth at which efficiency reaches a level, from a monotone fit to noisy bins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression


class ThresholdDepth(NamedTuple):
    """Depth at which the efficiency reaches a level, for each bin of the other axes.

    Attributes
    ----------
    depth_mag : float64 array
        NaN where the level is never reached.
    lower_mag, upper_mag : float64 arrays
        Where the upper and the lower limit of the efficiency reach the level: 0 and infinity where
        trials do not bound the depth.
    is_upper_limit : bool array
        The shallowest bin with trials reaches the level already; ``depth_mag`` is its centre.
    """

    depth_mag: np.ndarray
    lower_mag: np.ndarray
    upper_mag: np.ndarray
    is_upper_limit: np.ndarray


def threshold_depth(
    depth_mag: np.ndarray,
    efficiency: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    trials: np.ndarray,
    *,
    level: float,
) -> ThresholdDepth:
    """Find the depth at which efficiency reaches a level.

    Efficiency and limits are made monotone in depth by isotonic regression with the trials as
    weights (Barlow et al. 1972, Statistical Inference under Order Restrictions), which no single
    noisy bin can carry across the level, and interpolated in the logarithm of depth. Near a ceiling of
    the efficiency the fit is flat and the depth uncertain, as its limits say.

    Parameters
    ----------
    depth_mag : (n_depth,) array
        Centres of the bins, increasing and positive.
    efficiency, lower, upper, trials : (n_depth, …) arrays
        Bins without trials are left out.
    level : float
        Between 0 and 1.

    Returns
    -------
    ThresholdDepth, with arrays of the shape of the other axes

    Raises
    ------
    ValueError
        A level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"a level of efficiency lies between 0 and 1, not at {level}")
    shape = trials.shape[1:]
    log_depth = np.log(depth_mag)
    out = np.full((3, *shape), np.nan)
    limit = np.zeros(shape, bool)
    for at in np.ndindex(shape):
        column = (slice(None), *at)
        tried = trials[column] > 0
        weights = trials[column][tried].astype(np.float64)
        if not tried.any():
            out[(slice(1, 3), *at)] = 0.0, np.inf
            continue
        curves = (efficiency, upper, lower)
        found = [_crossing(log_depth[tried], c[column][tried], weights, level) for c in curves]
        limit[at] = found[0] == -np.inf
        out[(0, *at)] = depth_mag[tried][0] if limit[at] else np.exp(found[0])
        out[(1, *at)] = np.exp(found[1])  # -inf: not bounded from below
        out[(2, *at)] = np.inf if np.isnan(found[2]) else np.exp(found[2])
        if found[2] == -np.inf:
            out[(2, *at)] = depth_mag[tried][0]
        # Where not even the upper limit reaches the level, the depth lies beyond the deepest bin.
        if np.isnan(found[1]):
            out[(1, *at)] = depth_mag[tried][-1]
    return ThresholdDepth(out[0], out[1], out[2], limit)


def _crossing(x: np.ndarray, y: np.ndarray, weights: np.ndarray, level: float) -> float:
    """Where the monotone fit reaches the level: −inf if from the start, NaN if never."""
    fit = isotonic_regression(y, weights=weights).x
    reached = np.flatnonzero(fit >= level)
    if not len(reached):
        return np.nan
    if reached[0] == 0:
        return -np.inf
    first = last = _between(x, fit, int(reached[0]) - 1, level)
    # On a stretch of bins that contradicted each other the fit is flat; if it is flat at the very
    # level, the middle of the stretch is neither the luckiest bin nor the unluckiest.
    below = np.flatnonzero(fit <= level)
    if below[-1] + 1 < len(fit):
        last = _between(x, fit, int(below[-1]), level)
    return 0.5 * (first + last)


def _between(x: np.ndarray, fit: np.ndarray, k: int, level: float) -> float:
    return float(x[k] + (level - fit[k]) / (fit[k + 1] - fit[k]) * (x[k + 1] - x[k]))
