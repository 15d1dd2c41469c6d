"""Statistics of groups against numpy, group by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import median_abs_deviation

from malca.astrophysics.groups import (
    group_count,
    group_mad_scatter,
    group_max,
    group_median,
    group_sum,
    rows_of,
)


def test_groups_are_those_of_numpy(rng):
    values, group = rng.normal(size=500), rng.integers(0, 12, 500)
    group[group == 5] = 6  # one without members
    for function, reference, empty in (
        (group_sum, np.sum, 0.0),
        (group_max, np.max, -np.inf),
        (group_median, np.median, np.nan),
        (group_mad_scatter, lambda v: median_abs_deviation(v, scale="normal"), np.nan),
    ):
        expected = [reference(values[group == g]) if g != 5 else empty for g in range(12)]
        np.testing.assert_allclose(function(values, group, 12), expected, rtol=1e-4)
    assert group_count(group, 12).tolist() == [int((group == g).sum()) for g in range(12)]


def test_rows_are_found_by_exact_id():
    big = 6_000_000_000_000_000_001  # a float would not tell it from its neighbours
    stars = pd.Series([3, big + 1, big], dtype="int64")
    for dtype in ("int64", "Int64", "object"):
        assert rows_of(pd.Series([big, big + 1, 4], dtype=dtype), stars).tolist() == [2, 1, -1]
    assert rows_of(pd.Series([], dtype=object), stars).tolist() == []
