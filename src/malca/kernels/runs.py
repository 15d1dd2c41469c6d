"""Group triggered points of a star into runs."""

from __future__ import annotations

import numpy as np
from numba import njit

#: One run: half-open range of points, counted within the star.
RUN_DTYPE = np.dtype(
    [
        ("star", np.int64),
        ("start", np.int64),
        ("stop", np.int64),
        ("n_triggered", np.int64),
        ("n_channels", np.int64),
    ]
)


@njit(cache=True, nogil=True)
def _star_runs(
    t, triggered, channel, seen, mark, allow_gap_points, max_gap_days, min_points,
    min_duration_days, min_channels, star, runs, n_runs,
):  # fmt: skip
    """Append the kept runs of one star to ``runs``; ``seen`` and ``mark`` count channels."""
    n = len(t)
    start, last, n_triggered, n_channels = -1, -1, 0, 0
    for i in range(n + 1):
        if i < n and not triggered[i]:
            continue
        apart = i == n or i - last - 1 > allow_gap_points or t[i] - t[last] > max_gap_days
        if start >= 0 and apart:
            long_enough = t[last] - t[start] >= min_duration_days
            if n_triggered >= min_points and n_channels >= min_channels and long_enough:
                run = runs[n_runs]
                run["star"], run["start"], run["stop"] = star, start, last + 1
                run["n_triggered"], run["n_channels"] = n_triggered, n_channels
                n_runs += 1
            start = -1
        if i == n:
            break
        if start < 0:
            start, n_triggered, n_channels = i, 0, 0
            mark += 1
        last = i
        n_triggered += 1
        if seen[channel[i]] != mark:
            seen[channel[i]] = mark
            n_channels += 1
    return n_runs, mark


@njit(cache=True, nogil=True)
def _find_runs(
    offsets, t, triggered, channel, most_channels, allow_gap_points, max_gap_days, min_points,
    min_duration_days, min_channels, runs,
):  # fmt: skip
    seen = np.zeros(most_channels, np.int64)
    n_runs, mark = 0, 0
    for star in range(len(offsets) - 1):
        a, b = offsets[star], offsets[star + 1]
        n_runs, mark = _star_runs(
            t[a:b], triggered[a:b], channel[a:b], seen, mark, allow_gap_points, max_gap_days,
            min_points, min_duration_days, min_channels, star, runs, n_runs,
        )  # fmt: skip
    return n_runs


def find_runs(
    offsets: np.ndarray,
    t: np.ndarray,
    triggered: np.ndarray,
    channel: np.ndarray,
    *,
    allow_gap_points: int = 5,
    max_gap_days: float | None = None,
    min_points: int = 2,
    min_duration_days: float = 0.0,
    min_channels: int = 1,
) -> np.ndarray:
    """Find the runs of triggered points of every star of a batch.

    A run starts and ends with a triggered point; between two successive ones lie at most
    ``allow_gap_points`` points without a trigger and at most ``max_gap_days``. Only runs that
    meet all three minima are returned.

    Parameters
    ----------
    offsets : (n_stars + 1,) int64 array
        Points of star ``s`` are ``offsets[s]:offsets[s + 1]``.
    t : (n_points,) float array
        Times, ascending within a star, d.
    triggered : (n_points,) bool array
    channel : (n_points,) int array
        What counts as independent (a camera, or a camera in a band), numbered from 0.
    allow_gap_points : int
    max_gap_days : float, optional
        None allows any gap in time.
    min_points : int
        Triggered points a run needs.
    min_duration_days : float
        Time from the first to the last triggered point a run needs, d.
    min_channels : int
        Distinct channels among the triggered points a run needs.

    Returns
    -------
    (n_runs,) array of RUN_DTYPE
        By star and time. ``start:stop`` counts points from the star's first; all of a run's
        numbers are in its row.
    """
    runs = np.empty(int(np.count_nonzero(triggered)), RUN_DTYPE)
    n_runs = _find_runs(
        offsets,
        t,
        triggered,
        channel,
        int(channel.max()) + 1 if len(channel) else 0,
        int(allow_gap_points),
        np.inf if max_gap_days is None else float(max_gap_days),
        int(min_points),
        float(min_duration_days),
        int(min_channels),
        runs,
    )
    return runs[:n_runs].copy()
