"""Evidence of whole events: weighted means over windows on a ladder of durations.

The points of one channel in one night share most of their errors, so they are first collapsed
to a *visit*. The mean residual of a window, divided by an uncertainty that includes the visits'
own errors, the drift of each camera and the star's own correlated noise at that duration, is the
window's significance: a matched filter with a box (e.g. Kovács, Zucker & Mazeh 2002, A&A 391,
369), against noise that does not average down (Pont, Zucker & Queloz 2006, MNRAS 373, 231).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.ordering import argsort, median_in_place, select_in_place
from malca.kernels.visits import build_ladder, collapse_visits, quiet_side_variance

_CHI2_80 = 1.642374415149817  # 80 % quantile of chi-square with one degree of freedom


@njit(cache=True, nogil=True)
def _red_variance(mean, var, sign, work):
    """Variance in excess of ``var`` that window means of the quiet side need.

    Such that their 80 % quantile of chi-square is that of a normal distribution: noise that comes
    and goes (one band, some seasons) shows in the quantile and not in the median. -1 where fewer
    than eight windows can tell. Reorders ``mean`` and ``var``.
    """
    m = 0
    # Those of the quiet side to the front, without a branch.
    for w in range(len(mean)):
        x, v = mean[w], var[w]
        mean[m], var[m] = x, v
        m += x * sign <= 0.0
    if m < 8:
        return -1.0
    for w in range(m):
        work[w] = var[w]
    typical = median_in_place(work[:m])
    excess = 0.0
    for _ in range(3):
        for w in range(m):
            work[w] = mean[w] * mean[w] / (var[w] + excess)
        ratio = select_in_place(work[:m], (4 * m) // 5) / _CHI2_80
        if ratio <= 1.0 and excess == 0.0:
            break
        excess = max(0.0, ratio * (typical + excess) - typical)
    return excess


@njit(cache=True, nogil=True)
def _channel_sums(r, variance, visit_channel, n_channels):
    """Sum r/variance and 1/variance of each channel as they run, shape (n + 1, n_channels)."""
    n = len(r)
    sums = np.empty((n + 1, n_channels))
    weights = np.empty((n + 1, n_channels))
    sums[0] = 0.0
    weights[0] = 0.0
    for v in range(n):
        for c in range(n_channels):
            sums[v + 1, c] = sums[v, c]
            weights[v + 1, c] = weights[v, c]
        c = visit_channel[v]
        sums[v + 1, c] += r[v] / variance[v]
        weights[v + 1, c] += 1.0 / variance[v]
    return sums, weights


@njit(cache=True, nogil=True)
def _window_statistics(first, last, sums, weights, camera_var, red_var, sign):
    """Statistics of the visits ``first … last - 1``, camera by camera.

    Returns significance, significance without the strongest channel, mean depth (mag), its
    variance (mag²) and the number of channels with visits in the window.
    """
    a = 0.0
    b = 0.0
    strongest_a = 0.0
    strongest_b = 0.0
    n_seen = 0
    for c in range(sums.shape[1]):
        w = weights[last, c] - weights[first, c]
        # Differences of running sums leave rounding behind where a channel has no visit.
        if w <= 1e-9 * weights[last, c]:
            continue
        n_seen += 1
        # u = 1/(1/w + σ²_cam) and its mean times u, with one division.
        share = 1.0 / (1.0 + w * camera_var)
        u = w * share
        part = sign * (sums[last, c] - sums[first, c]) * share
        a += part
        b += u
        # The largest part/√u, without roots.
        if part > 0.0 and part * part * strongest_b >= strongest_a * strongest_a * u:
            strongest_a = part
            strongest_b = u
    rest_b = b - strongest_b
    without = 0.0
    if n_seen > 1 and rest_b > 1e-12 * b:
        without = (a - strongest_a) / np.sqrt(rest_b + red_var * rest_b * rest_b)
    return a / np.sqrt(b + red_var * b * b), without, a / b, 1.0 / b + red_var, n_seen


@njit(cache=True, nogil=True)
def _alike(visit_r, first, sign):
    """Whether two visits show depths within a factor of two: two chance outliers rarely do."""
    a, b = sign * visit_r[first], sign * visit_r[first + 1]
    return min(a, b) > 0.5 * max(a, b)


@njit(cache=True, nogil=True)
def search_star(
    visit_t, visit_r, visit_var, visit_channel, n_channels, sign, durations, end, sample,
    sample_channels, camera_sigma,
    red_noise_floor, clip_sigma, threshold, agreement, lone_threshold, lone_visits,
    windows, statistics, red_sigma,
):  # fmt: skip
    """Find the significant windows of one star, without overlap, in order of time.

    Parameters
    ----------
    visit_t, visit_r, visit_var, visit_channel : (n_visits,) arrays
        Time (d), residual (mag), variance (mag²) and channel of the visits.
    sign : float
        +1 looks for dips (positive residuals), -1 for brightenings.
    durations : (n_durations,) float64, days, ascending
    end, sample, sample_channels : (n_durations, n_visits) int32
        Windows, from ``build_ladder``.
    camera_sigma : float
        Scale of a camera's own drift, mag: the mean of one camera never counts as better known.
    red_noise_floor : float
        Least correlated noise, as a fraction of the median visit's standard deviation.
    clip_sigma : float
        Residuals are clipped to this many standard deviations of their visit.
    threshold : float
        Least significance of an event.
    agreement : float
        Least significance left when the strongest channel is taken out.
    lone_threshold, lone_visits : float, int
        Least significance and number of visits of an event in whose window only one channel
        observed.
    windows : (max_events, 3) int64, written
        First visit, one past the last, channels with visits.
    statistics : (max_events, 4) float64, written
        Significance, significance without the strongest channel, mean depth, its variance.
    red_sigma : (n_durations,) float64, written
        The star's correlated noise at each duration, mag.

    Returns
    -------
    int
        Number of events.
    """
    n = len(visit_t)
    n_durations = len(durations)
    work = np.empty(n)
    variance = np.empty(n)
    quiet_side_variance(visit_r, visit_var, visit_channel, n_channels, sign, work, variance)
    r = np.empty(n)
    sum_all = np.zeros(n + 1)
    weight_all = np.zeros(n + 1)
    for v in range(n):
        limit = clip_sigma * np.sqrt(variance[v])
        r[v] = min(max(visit_r[v], -limit), limit)
        w = 1.0 / variance[v]
        sum_all[v + 1] = sum_all[v] + w * r[v]
        weight_all[v + 1] = weight_all[v] + w
        work[v] = variance[v]
    floor = red_noise_floor * red_noise_floor * median_in_place(work)
    camera_var = camera_sigma * camera_sigma
    # Room for every window: to grow it in the loop would have Numba count its references at each step.
    candidate = np.empty((n * n_durations, 3), np.int32)
    n_candidates = 0
    mean = np.empty(n)
    var = np.empty(n)
    red_var = floor
    squared_threshold = 0.8 * threshold * threshold
    for d in range(n_durations):
        m = 0
        while m < n and sample[d, m] >= 0:
            v = sample[d, m]
            last = end[d, v]
            w = weight_all[last] - weight_all[v]
            mean[m] = (sum_all[last] - sum_all[v]) / w
            var[m] = 1.0 / w + camera_var / sample_channels[d, m]
            m += 1
        red = _red_variance(mean[:m], var[:m], sign, work)
        # From one duration to the next a mean of independent parts loses variance in proportion;
        # a faster fall is an estimate from too few windows.
        kept = red_var * durations[d - 1] / durations[d] if d > 0 else 0.0
        if red >= 0.0:
            red_var = max(red, floor, kept)
        red_sigma[d] = np.sqrt(red_var)
        for v in range(n):
            last = end[d, v]
            w = weight_all[last] - weight_all[v]
            s = sign * (sum_all[last] - sum_all[v])
            # The rare condition first: half of all windows have the right sign, unforeseeably.
            if s * s > squared_threshold * (w + red_var * w * w) and s > 0.0:
                candidate[n_candidates, 0] = v
                candidate[n_candidates, 1] = last
                candidate[n_candidates, 2] = d
                n_candidates += 1
    if n_candidates == 0:
        return 0
    sums, weights = _channel_sums(r, variance, visit_channel, n_channels)
    value = np.empty((n_candidates, 4))
    seen = np.empty(n_candidates, np.int64)
    k = 0
    for i in range(n_candidates):
        first, last, d = candidate[i, 0], candidate[i, 1], candidate[i, 2]
        full, without, depth, depth_var, n_seen = _window_statistics(
            first, last, sums, weights, camera_var, red_sigma[d] ** 2, sign
        )
        if full < threshold:
            continue
        if n_seen > 1:
            if without < agreement or (last - first == 2 and not _alike(visit_r, first, sign)):
                continue
        elif full < lone_threshold or last - first < lone_visits:
            continue
        candidate[k, 0], candidate[k, 1], candidate[k, 2] = first, last, d
        value[k, 0], value[k, 1], value[k, 2], value[k, 3] = full, without, depth, depth_var
        seen[k] = n_seen
        k += 1
    order = argsort(-value[:k, 0])
    owner = np.full(n, -1, np.int64)
    n_events = 0
    for o in order:
        first, last = candidate[o, 0], candidate[o, 1]
        free = True
        for v in range(first, last):
            if owner[v] >= 0:
                free = False
                break
        if not free:
            continue
        first, last = _tighten(visit_t, r, variance, owner, first, last, sign, value[o, 2])
        for v in range(first, last):
            owner[v] = n_events
        windows[n_events, 0], windows[n_events, 1], windows[n_events, 2] = first, last, seen[o]
        for q in range(4):
            statistics[n_events, q] = value[o, q]
        n_events += 1
        if n_events == len(windows):
            break
    return _merge(visit_t, r, variance, sign, n_events, windows, statistics)


@njit(cache=True, nogil=True)
def _tighten(visit_t, r, variance, owner, first, last, sign, depth):
    """Move a box's edges to where the star enters and leaves the event.

    Visits at the ends that do not show a quarter of the depth are given up; neighbours are taken
    in while the mean of the next three does, or the next one alone shows half of it at 3 σ, and
    no gap longer than the event (15 d at least) comes first.
    """
    n = len(visit_t)
    limit = 0.25 * depth
    while last - first > 1 and sign * r[first] < limit:
        first += 1
    while last - first > 1 and sign * r[last - 1] < limit:
        last -= 1
    for direction in (-1, 1):
        while True:
            edge = first if direction < 0 else last - 1
            longest_gap = max(15.0, visit_t[last - 1] - visit_t[first])
            m = 0
            s = 0.0
            w = 0.0
            v = edge + direction
            while (
                m < 3 and 0 <= v < n and owner[v] < 0 and abs(visit_t[v] - visit_t[edge]) <= longest_gap
            ):
                s += sign * r[v] / variance[v]
                w += 1.0 / variance[v]
                m += 1
                v += direction
            if m == 0:
                break
            after = edge + direction
            alone = sign * r[after] > max(2.0 * limit, 3.0 * np.sqrt(variance[after]))
            together = s / w > limit and s / np.sqrt(w) > 2.0 and sign * r[after] > limit
            if not (alone or together):
                break
            if direction < 0:
                first -= 1
            else:
                last += 1
    return first, last


@njit(cache=True, nogil=True)
def _merge(visit_t, r, variance, sign, n_events, windows, statistics):
    """Order events by time and join neighbours between which the star does not recover.

    Two events are one when the gap between them is shorter than 15 d or half the longer one, and
    the visits in between (if any) keep a quarter of the shallower one's depth on average. The
    joint event keeps the statistics of its more significant part.
    """
    order = argsort(windows[:n_events, 0])
    windows[:n_events] = windows[:n_events][order]
    statistics[:n_events] = statistics[:n_events][order]
    kept = 0
    for i in range(1, n_events):
        a, b = windows[kept, 1], windows[i, 0]
        gap = visit_t[b] - visit_t[a - 1]
        longer = max(
            visit_t[a - 1] - visit_t[windows[kept, 0]], visit_t[windows[i, 1] - 1] - visit_t[b]
        )
        s = 0.0
        w = 0.0
        for v in range(a, b):
            s += sign * r[v] / variance[v]
            w += 1.0 / variance[v]
        shallower = min(statistics[kept, 2], statistics[i, 2])
        if gap < max(15.0, 0.5 * longer) and (w == 0.0 or s / w > 0.25 * shallower):
            if statistics[i, 0] > statistics[kept, 0]:
                statistics[kept] = statistics[i]
            windows[kept, 1] = windows[i, 1]
            windows[kept, 2] = max(windows[kept, 2], windows[i, 2])
        else:
            kept += 1
            windows[kept] = windows[i]
            statistics[kept] = statistics[i]
    return min(kept + 1, n_events)


@njit(cache=True, nogil=True)
def search_batch(
    offsets, t, residual, err, channel, n_channels, camera_sigma, first_star, last_star, night_days,
    durations, red_noise_floor, clip_sigma, threshold, agreement, lone_threshold, lone_visits,
    mirror_factor, amplitude_scale,
    n_events, span, counts, statistics, red_sigma, mirror,
):  # fmt: skip
    """Search the stars ``first_star … last_star - 1`` of a batch for dips and for brightenings.

    Parameters
    ----------
    offsets : (n_stars + 1,) int64
    t, residual, err : (n_points,) float64, days, mag, mag
    channel : (n_points,) int32;  n_channels : (n_stars,) int32
    camera_sigma : (n_stars,) float64, mag
    mirror_factor : float
        An event must exceed this factor times the second most significant event of opposite
        sign: what a star does both ways is its noise. (The second, so that one flare does not
        hide the dips of a star, nor one dip its flares.)
    amplitude_scale : float
        Scale of the half-normal prior on an event's depth, mag, for its Bayes factor.
    n_events : (n_stars, 2) int64, written
        Events of each sign: dips, brightenings.
    span : (n_stars, 2, max_events, 2) float64, written
        Time of first and last point, days.
    counts : (n_stars, 2, max_events, 2) int64, written
        Visits and channels with visits.
    statistics : (n_stars, 2, max_events, 5) float64, written
        Significance, the same without the strongest channel, mean depth (mag), its standard
        deviation (mag), natural log of the Bayes factor against no event.
    red_sigma : (n_stars, 2, n_durations) float64, written, mag
    mirror : (n_stars, 2) float64, written
        Significance of the opposite sign that events were compared with.
    """
    max_events = span.shape[2]
    windows = np.empty((2, max_events, 3), np.int64)
    values = np.empty((2, max_events, 4))
    found = np.zeros(2, np.int64)
    # Room for the star with most points, used again and again: fresh memory costs more than the search.
    n_most = 0
    for star in range(first_star, last_star):
        n_most = max(n_most, offsets[star + 1] - offsets[star])
    visit_t = np.empty(n_most)
    visit_end = np.empty(n_most)
    visit_r = np.empty(n_most)
    visit_var = np.empty(n_most)
    visit_channel = np.empty(n_most, np.int32)
    end = np.empty((len(durations), n_most), np.int32)
    sample = np.empty((len(durations), n_most), np.int32)
    sample_channels = np.empty((len(durations), n_most), np.int32)
    for star in range(first_star, last_star):
        a, b = offsets[star], offsets[star + 1]
        n = b - a
        n_events[star] = 0
        mirror[star] = 0.0
        red_sigma[star] = np.nan
        if n < 2:
            continue
        m = collapse_visits(
            t[a:b], residual[a:b], err[a:b], channel[a:b], n_channels[star], night_days,
            visit_t, visit_end, visit_r, visit_var, visit_channel,
        )  # fmt: skip
        build_ladder(visit_t[:m], visit_channel[:m], durations, end, sample, sample_channels)
        for side in range(2):
            found[side] = search_star(
                visit_t[:m], visit_r[:m], visit_var[:m], visit_channel[:m], n_channels[star],
                1.0 - 2.0 * side, durations, end, sample, sample_channels, camera_sigma[star],
                red_noise_floor, clip_sigma, threshold, agreement, lone_threshold, lone_visits,
                windows[side], values[side], red_sigma[star, side],
            )  # fmt: skip
        for side in range(2):
            best, second = 0.0, 0.0
            for k in range(found[1 - side]):
                x = values[1 - side, k, 0]
                if x > best:
                    best, second = x, best
                elif x > second:
                    second = x
            mirror[star, side] = second
            e = 0
            for k in range(found[side]):
                if values[side, k, 0] < mirror_factor * second:
                    continue
                first, last = windows[side, k, 0], windows[side, k, 1]
                last_time = visit_end[first]
                for v in range(first, last):
                    last_time = max(last_time, visit_end[v])
                span[star, side, e, 0] = visit_t[first]
                span[star, side, e, 1] = last_time
                counts[star, side, e, 0] = last - first
                counts[star, side, e, 1] = windows[side, k, 2]
                z, depth_var = values[side, k, 0], values[side, k, 3]
                ratio = amplitude_scale * amplitude_scale / depth_var
                statistics[star, side, e, 0] = z
                statistics[star, side, e, 1] = values[side, k, 1]
                statistics[star, side, e, 2] = values[side, k, 2]
                statistics[star, side, e, 3] = np.sqrt(depth_var)
                # ln ∫ N(d|A,v) p(A) dA / N(d|0,v), half-normal p(A); Φ is 1 at these significances.
                statistics[star, side, e, 4] = (
                    0.5 * z * z * ratio / (1.0 + ratio) - 0.5 * np.log1p(ratio) + np.log(2.0)
                )
                e += 1
            n_events[star, side] = e
