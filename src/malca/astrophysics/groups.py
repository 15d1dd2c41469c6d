"""Sums and medians of many short groups of values at once: epochs of a star, neighbours of a star."""

from __future__ import annotations

import numpy as np
import pandas as pd


def group_sum(values: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """Sum of the values of each group, shape (n_groups,); of none 0.

    Parameters
    ----------
    values : (n,) array
        Finite numbers.
    group : (n,) integer array
        Group of each value, 0 to ``n_groups - 1``, in any order.
    """
    return np.bincount(group, weights=values, minlength=n_groups)


def group_count(group: np.ndarray, n_groups: int) -> np.ndarray:
    """Members of each group, shape (n_groups,)."""
    return np.bincount(group, minlength=n_groups)


def group_max(values: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """Greatest value of each group, shape (n_groups,); of none -inf."""
    result = np.full(n_groups, -np.inf)
    np.maximum.at(result, group, values)
    return result


def group_median(values: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """Median of the values of each group, shape (n_groups,); of none NaN."""
    medians = pd.Series(values).groupby(np.asarray(group), sort=True).median()
    result = np.full(n_groups, np.nan)
    result[medians.index.to_numpy(dtype=np.int64)] = medians.to_numpy()
    return result


def group_mad_scatter(values: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """Scatter of each group from the median absolute deviation, as sigma of a Gaussian.

    The factor 1.4826 is 1 / Phi^-1(3/4) (Rousseeuw & Croux 1993, J. Am. Stat. Assoc. 88, 1273).
    """
    median = group_median(values, group, n_groups)
    return 1.4826 * group_median(np.abs(values - median[group]), group, n_groups)


def rows_of(ids: pd.Series, stars: pd.Series) -> np.ndarray:
    """Row in ``stars`` of each id, shape (n,); -1: not among them.

    Parameters
    ----------
    ids : Series, (n,)
        Ids of a long table.
    stars : Series, (n_stars,)
        Ids of the table with a row a star, each once.
    """
    return pd.Index(stars).get_indexer(pd.Index(ids))
