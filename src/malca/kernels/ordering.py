"""Sorting, selecting and searching inside compiled code.

Kernels use these and not ``np.sort``, ``np.argsort``, ``np.median`` or ``np.searchsorted``. Numba
builds those from nested functions that share one name, and tells variants of them apart by a
counter that starts anew in each process. A cached kernel may therefore be linked to the variant of
another process's cache: an argsort that returned the sorted values instead of their order has been
seen. A function at the top of a module has one body, whatever the counter says.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_FEW = 16


@njit(cache=True, nogil=True)
def select_in_place(values, k):
    """Select the ``k``-th smallest (from 0) of a float array; reorders it, no smaller one follows.

    Short stretches are sorted by insertion, longer ones by quickselect: no allocation either way.
    """
    low, high = 0, len(values) - 1
    while high - low > _FEW:
        pivot = values[(low + high) // 2]
        a, b, c = values[low], pivot, values[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            return values[k]
    for i in range(low + 1, high + 1):
        x = values[i]
        j = i - 1
        while j >= low and values[j] > x:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = x
    return values[k]


@njit(cache=True, nogil=True)
def median_in_place(values):
    """Median of a non-empty float array; reorders it."""
    half = len(values) // 2
    upper = select_in_place(values, half)
    if len(values) % 2:
        return upper
    lower = values[0]
    for i in range(1, half):
        lower = max(lower, values[i])
    return 0.5 * (lower + upper)


@njit(cache=True, nogil=True)
def median_of(values):
    """Median of a non-empty float array, which stays as it is."""
    work = np.empty(len(values))
    for i in range(len(values)):
        work[i] = values[i]
    return median_in_place(work)


@njit(cache=True, nogil=True)
def argsort(values):
    """Order that sorts ``values`` (n,), which are not NaN; equal ones keep their order.

    Returns
    -------
    (n,) int64
        Bottom-up merge sort: O(n log n) whatever the order was.
    """
    n = len(values)
    order = np.empty(n, np.int64)
    for start in range(0, n, _FEW):
        for i in range(start, min(start + _FEW, n)):
            x = values[i]
            j = i - 1
            while j >= start and values[order[j]] > x:
                order[j + 1] = order[j]
                j -= 1
            order[j + 1] = i
    other = np.empty(n, np.int64)
    width = _FEW
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            a, b = low, middle
            for k in range(low, high):
                if a < middle and (b >= high or values[order[a]] <= values[order[b]]):
                    other[k] = order[a]
                    a += 1
                else:
                    other[k] = order[b]
                    b += 1
        order, other = other, order
        width *= 2
    return order


@njit(cache=True, nogil=True)
def sorted_copy(values):
    """Sorted float64 copy of ``values`` (n,), which are not NaN, by bottom-up merge sort."""
    n = len(values)
    result = np.empty(n)
    for start in range(0, n, _FEW):
        for i in range(start, min(start + _FEW, n)):
            x = values[i]
            j = i - 1
            while j >= start and result[j] > x:
                result[j + 1] = result[j]
                j -= 1
            result[j + 1] = x
    other = np.empty(n)
    width = _FEW
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            a, b = low, middle
            for k in range(low, high):
                if a < middle and (b >= high or result[a] <= result[b]):
                    other[k] = result[a]
                    a += 1
                else:
                    other[k] = result[b]
                    b += 1
        result, other = other, result
        width *= 2
    return result


@njit(cache=True, nogil=True)
def first_not_below(values, x):
    """Index of the first of the ascending ``values`` that is not below ``x``; n if none."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def first_above(values, x):
    """Index of the first of the ascending ``values`` that is above ``x``; n if none."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] <= x:
            low = middle + 1
        else:
            high = middle
    return low
