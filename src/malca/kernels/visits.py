"""Visits: the points of one channel in one night taken as one, their noise, and windows of them."""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.ordering import median_in_place


@njit(cache=True, nogil=True)
def collapse_visits(
    t, residual, err, channel, n_channels, night_days,
    visit_t, visit_end, visit_r, visit_var, visit_channel,
):  # fmt: skip
    """Collapse the points of one channel within ``night_days`` to one visit.

    The visit's residual is the median of its points (robust against one bad exposure of the
    usual three), its variance that of their weighted mean. Visits are in order of their first
    point. Writes the visit arrays (n,), and ``visit_of`` (n,), the visit of each point.

    Returns
    -------
    int
        Number of visits.
    """
    n = len(t)
    open_visit = np.full(n_channels, -1, np.int64)
    visit_of = np.empty(n, np.int64)
    n_visits = 0
    for i in range(n):
        c = channel[i]
        v = open_visit[c]
        if v < 0 or t[i] - visit_t[v] > night_days:
            v = n_visits
            n_visits += 1
            open_visit[c] = v
            visit_t[v] = t[i]
            visit_channel[v] = c
            visit_var[v] = 0.0
        visit_var[v] += 1.0 / (err[i] * err[i])
        visit_end[v] = t[i]
        visit_of[i] = v
    members = np.zeros(n_visits + 1, np.int64)
    for i in range(n):
        members[visit_of[i] + 1] += 1
    for v in range(n_visits):
        members[v + 1] += members[v]
    fill = members[:n_visits].copy()
    values = np.empty(n)
    for i in range(n):
        v = visit_of[i]
        values[fill[v]] = residual[i]
        fill[v] += 1
    for v in range(n_visits):
        visit_r[v] = median_in_place(values[members[v] : members[v + 1]])
        visit_var[v] = 1.0 / visit_var[v]
    return n_visits


@njit(cache=True, nogil=True)
def quiet_side_variance(visit_r, visit_var, visit_channel, n_channels, sign, work, variance):
    """Variance of each visit such that its channel's quiet side scatters as its errors say.

    Only residuals of sign opposite to the events looked for count (``sign`` +1 looks for dips,
    so the brighter half), so that events do not raise the bar against themselves. Writes
    ``variance`` (n,), mag².
    """
    n = len(visit_r)
    order = np.empty(n, np.int64)
    begin = np.zeros(n_channels + 1, np.int64)
    for v in range(n):
        begin[visit_channel[v] + 1] += 1
    for c in range(n_channels):
        begin[c + 1] += begin[c]
    fill = begin[:n_channels].copy()
    for v in range(n):
        c = visit_channel[v]
        order[fill[c]] = v
        fill[c] += 1
    for c in range(n_channels):
        m = 0
        for o in range(begin[c], begin[c + 1]):
            x = visit_r[order[o]]
            if x * sign <= 0.0:
                work[m] = abs(x)
                m += 1
        extra = 0.0
        if m >= 5:
            scatter = 1.4826 * median_in_place(work[:m])
            m = 0
            for o in range(begin[c], begin[c + 1]):
                work[m] = visit_var[order[o]]
                m += 1
            extra = max(0.0, scatter * scatter - median_in_place(work[:m]))
        for o in range(begin[c], begin[c + 1]):
            variance[order[o]] = visit_var[order[o]] + extra


@njit(cache=True, nogil=True)
def _window_ends(t, a, b, c, end_a, end_b, end_c):
    """One past the last visit within ``a``, ``b`` and ``c`` days of each visit.

    Each step moves a window's end or its start, without a branch that could be foretold wrongly; of
    three durations at once, since the steps of one have to wait for each other.

    Parameters
    ----------
    t : (n + 1,) float64
        Times of the visits, and infinity.
    end_a, end_b, end_c : (n or more,) int32, written
    """
    n = len(t) - 1
    va = vb = vc = la = lb = lc = 0
    for _ in range(2 * n):
        in_a = t[la] <= t[va] + a
        in_b = t[lb] <= t[vb] + b
        in_c = t[lc] <= t[vc] + c
        end_a[va] = la
        end_b[vb] = lb
        end_c[vc] = lc
        la += in_a
        lb += in_b
        lc += in_c
        va += not in_a
        vb += not in_b
        vc += not in_c


@njit(cache=True, nogil=True)
def build_ladder(visit_t, visit_channel, durations, end, sample, sample_channels):
    """Windows of every duration, the same for dips and brightenings.

    Parameters
    ----------
    visit_t, visit_channel : (n,) arrays
    durations : (n_durations,) float64, d
    end : (n_durations, n) int32, written
        One past the last visit of the window that starts at each visit.
    sample, sample_channels : (n_durations, n) int32, written
        First visits of windows that overlap by half or less, by which noise is measured, and how
        many channels have visits in each; ended by -1.
    """
    n = len(visit_t)
    # A few hundred windows tell the noise at a duration; more cost time and say the same.
    least_step = (visit_t[n - 1] - visit_t[0]) / 300.0
    padded = np.empty(n + 1)
    padded[:n] = visit_t
    padded[n] = np.inf
    final = len(durations) - 1
    for d in range(0, len(durations), 3):
        e, f = min(d + 1, final), min(d + 2, final)
        _window_ends(padded, durations[d], durations[e], durations[f], end[d], end[e], end[f])
    mask = np.empty(n, np.int64)
    for v in range(n):
        mask[v] = 1 << min(visit_channel[v], 62)
    for d in range(len(durations)):
        m = 0
        next_free = -1e300
        step = max(0.5 * durations[d], least_step)
        for v in range(n):
            if visit_t[v] < next_free:
                continue
            next_free = visit_t[v] + step
            seen = 0
            for i in range(v, end[d, v]):
                seen |= mask[i]
            count = 0
            while seen:
                seen &= seen - 1
                count += 1
            sample[d, m] = v
            sample_channels[d, m] = count
            m += 1
        if m < n:
            sample[d, m] = -1
