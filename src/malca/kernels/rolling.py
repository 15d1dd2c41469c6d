"""Medians over a window that trails each point."""

from __future__ import annotations

from numba import njit

from malca.kernels.ordering import first_not_below


@njit(cache=True, nogil=True)
def trailing_median(t, y, window_days, exclude_days, min_points, fallback, median, count, window):
    """Median of the points from ``window_days`` to ``exclude_days`` before each point.

    The window is kept sorted: a point enters and leaves it once.

    Parameters
    ----------
    t : (n,) array
        Times, ascending, d.
    y : (n,) array
    window_days, exclude_days : float
        Point ``i`` sees the points with ``t[i] - window_days <= t < t[i] - exclude_days``.
    min_points : int
        Where the window holds fewer points, the result is ``fallback``.
    fallback : float
    median : (n,) array, written
    count : (n,) array, written
        Points in the window; 0 where ``fallback`` was taken.
    window : (n or more,) array
        Scratch.
    """
    n = len(t)
    first = last = size = 0
    for i in range(n):
        while last < n and t[last] < t[i] - exclude_days:
            at = first_not_below(window[:size], y[last])
            for k in range(size, at, -1):
                window[k] = window[k - 1]
            window[at] = y[last]
            size += 1
            last += 1
        while first < last and t[first] < t[i] - window_days:
            at = first_not_below(window[:size], y[first])
            size -= 1
            for k in range(at, size):
                window[k] = window[k + 1]
            first += 1
        if size < min_points or size == 0:
            median[i], count[i] = fallback, 0.0
        else:
            median[i] = 0.5 * (window[(size - 1) // 2] + window[size // 2])
            count[i] = size
