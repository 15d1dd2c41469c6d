"""Run a compiled function over ranges of stars in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

_RANGES_A_WORKER = 4  # stars differ in cost more than in points: leave some to balance


def star_ranges(
    n_stars: int, n_ranges: int, offsets: np.ndarray | None = None
) -> list[tuple[int, int]]:
    """Split stars into contiguous ranges of about equally many points.

    Parameters
    ----------
    n_stars : int
    n_ranges : int
        Most ranges to return.
    offsets : (n_stars + 1,) int64 array, optional
        Points of star ``s`` are ``offsets[s]:offsets[s + 1]``; without it stars count alike.
    """
    weight = np.arange(n_stars + 1) if offsets is None else np.asarray(offsets) - offsets[0]
    targets = weight[-1] * np.arange(1, n_ranges) / n_ranges
    edges = np.unique(np.concatenate([[0], np.searchsorted(weight, targets), [n_stars]]))
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def map_star_ranges(
    function: Callable[[int, int], object],
    n_stars: int,
    workers: int = 1,
    offsets: np.ndarray | None = None,
) -> None:
    """Call ``function(start, stop)`` over ranges that together cover all stars.

    ``function`` writes its results into arrays of its own and must release the GIL to gain
    from more than one worker. The first exception is raised again.

    Parameters
    ----------
    function : callable
    n_stars : int
    workers : int
        Threads; with one, ``function(0, n_stars)`` is called directly.
    offsets : (n_stars + 1,) int64 array, optional
        Given, ranges hold equally many points, not stars.

    Raises
    ------
    ValueError
        ``workers`` is below 1.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    if n_stars == 0:
        return
    if workers == 1 or n_stars == 1:
        function(0, n_stars)
        return
    ranges = star_ranges(n_stars, workers * _RANGES_A_WORKER, offsets)
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(function, start, stop) for start, stop in ranges]:
            future.result()
