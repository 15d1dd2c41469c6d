from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malca.search.threads import map_star_ranges, star_ranges


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 9), st.booleans())
def test_ranges_cover_every_star_once(lengths, n_ranges, by_points):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ranges = star_ranges(len(lengths), n_ranges, offsets if by_points else None)
    assert [s for a, b in ranges for s in range(a, b)] == list(range(len(lengths)))
    assert len(ranges) <= n_ranges


def test_ranges_balance_points_not_stars():
    offsets = np.concatenate([[0], np.cumsum([900] + [10] * 90)]).astype(np.int64)
    assert star_ranges(91, 2, offsets) == [(0, 1), (1, 91)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_function_meets_every_star_once(workers):
    met = np.zeros(57, int)

    def function(start, stop):
        met[start:stop] += 1

    map_star_ranges(function, 57, workers)
    assert (met == 1).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_are_raised_again(workers):
    def function(start, stop):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        map_star_ranges(function, 10, workers)


def test_no_workers_is_an_error():
    with pytest.raises(ValueError, match="workers"):
        map_star_ranges(print, 3, 0)
