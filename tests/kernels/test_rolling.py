from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from malca.kernels.rolling import trailing_median


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 60),
    window_days=st.floats(1, 60),
    exclude_days=st.floats(0, 2),
    min_points=st.integers(1, 6),
)
def test_equals_the_definition(seed, n, window_days, exclude_days, min_points):
    rng = np.random.default_rng(seed)
    t = np.sort(np.round(rng.uniform(0, 100, n), 1))
    y = np.round(rng.standard_normal(n), 1)  # ties occur
    median, count = np.empty(n), np.empty(n)
    trailing_median(t, y, window_days, exclude_days, min_points, 9.0, median, count, np.empty(n))
    for i in range(n):
        seen = y[(t >= t[i] - window_days) & (t < t[i] - exclude_days)]
        enough = len(seen) >= min_points
        assert count[i] == (len(seen) if enough else 0)
        assert median[i] == (np.median(seen) if enough else 9.0)
