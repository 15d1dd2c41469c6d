"""One slow Gaussian process for a star, solved together with a zero point per channel.

Each channel (one camera in one band) has its own magnitude zero point; what the star does is
common to all of them. On a regular grid of time nodes the median magnitude of channel ``c`` in
node ``k`` is modelled as

    y[c, k] = zero_point[c] + slow[k] + star[k] + noise[c, k]

with ``slow`` a critically damped second-order process (the Matérn-3/2 family, on a regular grid
an AR(2) process with a double root; its precision matrix is pentadiagonal), ``star`` the star's
faster variation, free in each node up to a scale, and ``noise`` that of the camera. ``star`` and
``noise`` have Student-t tails, handled by iteratively reweighted least squares (Lange, Little &
Taylor 1989, JASA 84, 881): a node in which the star dims loses its pull on ``slow`` but still
ties the cameras that saw it to each other, and a camera gone wrong for a month loses its pull on
both. This is why a dip cannot drag its own baseline along, and why a camera with few points
takes its zero point from the cameras that observed beside it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.ordering import median_in_place

_GRADUATED = 5  # rounds in which scales are relaxed
_FREE_STAR_MAG = 0.5  # scale of the star's variation in the first of them, mag


@njit(cache=True, nogil=True)
def _bin_channels(
    t, y, err, channel, n_channels, t0, node_days, cell_y, cell_var, cell_node, cell_channel
):
    """Median and its variance of every (channel, node) that has points; cells ordered by node.

    Returns the number of cells and fills ``scatter`` through ``cell_var``: the white variance of
    a channel's points is taken from the differences to their node's median.
    """
    n = len(t)
    work = np.empty(n)
    taken = np.zeros(n, np.bool_)
    deviation = np.empty(n)
    n_deviation = np.zeros(n_channels, np.int64)
    counts = np.empty(n, np.int64)
    n_cells = 0
    start = 0
    # The points of a node are contiguous in time but interleaved between channels.
    while start < n:
        node = int((t[start] - t0) / node_days)
        stop = start
        while stop < n and int((t[stop] - t0) / node_days) == node:
            stop += 1
        for i in range(start, stop):
            if taken[i]:
                continue
            c = channel[i]
            m = 0
            smallest = 1.0
            for j in range(i, stop):
                if channel[j] == c:
                    taken[j] = True
                    work[m] = y[j]
                    smallest = min(smallest, err[j])
                    m += 1
            value = median_in_place(work[:m])
            for j in range(i, stop):
                if channel[j] == c:
                    deviation[j] = abs(y[j] - value)
            n_deviation[c] += m
            cell_y[n_cells] = value
            cell_node[n_cells] = node
            cell_channel[n_cells] = c
            counts[n_cells] = m
            cell_var[n_cells] = smallest
            n_cells += 1
        start = stop
    # A channel's own scatter about its node medians; three or more points a node are needed for
    # the differences to say anything, the reported error is the floor.
    scatter = np.zeros(n_channels)
    begin = np.zeros(n_channels + 1, np.int64)
    for c in range(n_channels):
        begin[c + 1] = begin[c] + n_deviation[c]
    fill = begin[:n_channels].copy()
    for i in range(n):
        work[fill[channel[i]]] = deviation[i]
        fill[channel[i]] += 1
    for c in range(n_channels):
        if n_deviation[c] > 0:
            scatter[c] = 1.4826 * median_in_place(work[begin[c] : begin[c + 1]])
    for k in range(n_cells):
        spread = max(scatter[cell_channel[k]], cell_var[k])
        cell_var[k] = 1.5708 * spread * spread / counts[k]
    return n_cells


@njit(cache=True, nogil=True)
def _solve_banded_spd(diag, off1, off2, rhs):
    """Solve a pentadiagonal symmetric positive definite system in place for several right sides.

    ``diag`` (n,), ``off1`` (n,) couples i with i - 1, ``off2`` (n,) i with i - 2; ``rhs`` (n, m).
    LDL' without pivoting; after the call ``diag`` holds D and the others L.
    """
    n, m = rhs.shape
    for i in range(n):
        if i >= 2:
            off2[i] = off2[i] / diag[i - 2]
        if i >= 1:
            x = off1[i]
            if i >= 2:
                x -= off2[i] * diag[i - 2] * off1[i - 1]
            off1[i] = x / diag[i - 1]
        d = diag[i]
        if i >= 1:
            d -= off1[i] * off1[i] * diag[i - 1]
        if i >= 2:
            d -= off2[i] * off2[i] * diag[i - 2]
        diag[i] = d
        for r in range(m):
            x = rhs[i, r]
            if i >= 1:
                x -= off1[i] * rhs[i - 1, r]
            if i >= 2:
                x -= off2[i] * rhs[i - 2, r]
            rhs[i, r] = x
    for i in range(n - 1, -1, -1):
        for r in range(m):
            x = rhs[i, r] / diag[i]
            if i + 1 < n:
                x -= off1[i + 1] * rhs[i + 1, r]
            if i + 2 < n:
                x -= off2[i + 2] * rhs[i + 2, r]
            rhs[i, r] = x


@njit(cache=True, nogil=True)
def _solve_dense_spd(a, b):
    """Solve the small dense ``a x = b`` in place by Cholesky; returns the inverse's diagonal."""
    n = len(b)
    for j in range(n):
        d = a[j, j]
        for k in range(j):
            d -= a[j, k] * a[j, k]
        d = np.sqrt(max(d, 1e-300))
        a[j, j] = d
        for i in range(j + 1, n):
            x = a[i, j]
            for k in range(j):
                x -= a[i, k] * a[j, k]
            a[i, j] = x / d
    for i in range(n):
        x = b[i]
        for k in range(i):
            x -= a[i, k] * b[k]
        b[i] = x / a[i, i]
    for i in range(n - 1, -1, -1):
        x = b[i]
        for k in range(i + 1, n):
            x -= a[k, i] * b[k]
        b[i] = x / a[i, i]
    variance = np.zeros(n)
    column = np.empty(n)
    for c in range(n):
        # Column c of L^-1, whose squares from c downwards sum to the inverse's diagonal.
        for i in range(c, n):
            x = 1.0 if i == c else 0.0
            for k in range(c, i):
                x -= a[i, k] * column[k]
            column[i] = x / a[i, i]
            variance[c] += column[i] * column[i]
    return variance


@njit(cache=True, nogil=True)
def slow_precision(n_nodes, node_days, slow_sigma, slow_days, diag, off1, off2):
    """Add the exact precision of a stationary AR(2) process with double root exp(-node/slow_days).

    Its stationary variance is ``slow_sigma``², so the innovation's is
    σ² (1 - φ²)³ / (1 + φ²) (Box & Jenkins, AR(2) with φ1 = 2φ, φ2 = -φ²).
    """
    phi = np.exp(-node_days / slow_days)
    a1, a2 = 2.0 * phi, -phi * phi
    variance = slow_sigma * slow_sigma
    innovation = variance * (1.0 - phi * phi) ** 3 / (1.0 + phi * phi)
    rho = 2.0 * phi / (1.0 + phi * phi)
    diag[0] += 1.0 / variance
    if n_nodes > 1:
        w = 1.0 / (variance * (1.0 - rho * rho))
        diag[0] += w * rho * rho
        diag[1] += w
        off1[1] -= w * rho
    w = 1.0 / innovation
    for k in range(2, n_nodes):
        diag[k] += w
        diag[k - 1] += w * a1 * a1
        diag[k - 2] += w * a2 * a2
        off1[k] -= w * a1
        off1[k - 1] += w * a1 * a2
        off2[k] -= w * a2


@njit(cache=True, nogil=True)
def fit_star(
    t, y, err, channel, n_channels, node_days, slow_sigma, slow_days, star_floor, camera_floor,
    degrees_of_freedom, n_iterations, mean, variance, zero_point, zero_point_var,
):  # fmt: skip
    """Fit one star's slow curve and zero points; evaluate them at its points.

    Parameters
    ----------
    t : (n,) float64, sorted times, days
    y, err : (n,) float64, magnitudes and errors
    channel : (n,) int32, 0 … n_channels - 1
    node_days : float, spacing of the grid, days
    slow_sigma, slow_days : float
        Standard deviation (mag) and e-folding time (days) of the slow process.
    star_floor, camera_floor : float
        Least scale of the star's and of a camera's variation in a node, mag.
    degrees_of_freedom : float, of the Student-t tails
    n_iterations : int
    mean, variance : (n,) float64, written
        zero point + slow curve at each point, mag, and its variance, mag².
    zero_point, zero_point_var : (n_channels,) float64, written

    Returns
    -------
    star_sigma, camera_sigma : float
        Robust scale of the star's and of the cameras' own variation from node to node, mag.
    """
    n = len(t)
    t0 = t[0] - 0.5 * node_days
    n_nodes = int((t[n - 1] - t0) / node_days) + 1
    cell_y = np.empty(n)
    cell_var = np.empty(n)
    cell_node = np.empty(n, np.int64)
    cell_channel = np.empty(n, np.int64)
    n_cells = _bin_channels(
        t, y, err, channel, n_channels, t0, node_days, cell_y, cell_var, cell_node, cell_channel
    )
    node_start = np.zeros(n_nodes + 1, np.int64)
    for i in range(n_cells):
        node_start[cell_node[i] + 1] += 1
    for k in range(n_nodes):
        node_start[k + 1] += node_start[k]
    work = np.empty(max(n_cells, 1))
    for c in range(n_channels):
        m = 0
        for i in range(n_cells):
            if cell_channel[i] == c:
                work[m] = cell_y[i]
                m += 1
        zero_point[c] = median_in_place(work[:m])
    slow = np.zeros(n_nodes)
    star = np.zeros(n_nodes)
    cell_total = np.zeros(n_nodes)
    cell_weight = np.ones(n_cells)
    star_weight = np.ones(n_nodes)
    camera_sigma = camera_floor
    star_sigma = star_floor
    star_scale = star_floor
    nu = degrees_of_freedom
    diag = np.empty(n_nodes)
    off1 = np.empty(n_nodes)
    off2 = np.empty(n_nodes)
    rhs = np.empty((n_nodes, n_channels + 2))
    schur = np.empty((n_channels, n_channels))
    target = np.empty(n_channels)
    precision = np.empty(n_cells)
    for iteration in range(n_iterations):
        # Graduated: at first the star may do what it likes and no camera counts as an outlier, so
        # that overlaps tie the cameras to each other. Else a camera that saw little but the dip
        # would be believed (its median fits itself) and those it disagrees with discarded.
        relaxed = max(1.0, 2.0 ** (_GRADUATED - 1 - iteration))
        camera_var = camera_sigma * camera_sigma * relaxed * relaxed
        # Scales and weights from the present solution (for the first round: channel medians).
        m = 0
        for k in range(n_nodes):
            if node_start[k] == node_start[k + 1]:
                continue
            total = 0.0
            level = 0.0
            for i in range(node_start[k], node_start[k + 1]):
                d = cell_weight[i] / (cell_var[i] + camera_var)
                total += d
                level += d * (cell_y[i] - zero_point[cell_channel[i]] - slow[k])
            star[k] = level / total
            cell_total[k] = total
            work[m] = abs(star[k])
            m += 1
        star_sigma = max(star_floor, 1.4826 * median_in_place(work[:m]))
        star_scale = max(star_sigma, _FREE_STAR_MAG * 0.5**iteration if iteration < _GRADUATED else 0.0)
        for k in range(n_nodes):
            z = star[k] / star_scale
            star_weight[k] = (nu + 1.0) / (nu + z * z)
            gamma = star_weight[k] / (star_scale * star_scale)
            star[k] *= cell_total[k] / (cell_total[k] + gamma)
        m = 0
        for k in range(n_nodes):
            if node_start[k + 1] - node_start[k] < 2:
                continue
            for i in range(node_start[k], node_start[k + 1]):
                work[m] = abs(cell_y[i] - zero_point[cell_channel[i]] - slow[k] - star[k])
                m += 1
        if m > 4:
            camera_sigma = max(camera_floor, 1.4826 * median_in_place(work[:m]))
        camera_var = camera_sigma * camera_sigma * relaxed * relaxed
        for k in range(n_nodes):
            for i in range(node_start[k], node_start[k + 1]):
                residual = cell_y[i] - zero_point[cell_channel[i]] - slow[k] - star[k]
                z2 = residual * residual / (cell_var[i] + camera_var)
                cell_weight[i] = (nu + 1.0) / (nu + z2)
                precision[i] = cell_weight[i] / (cell_var[i] + camera_var)
        # Normal equations with ``star`` integrated out of every node.
        diag[:] = 0.0
        off1[:] = 0.0
        off2[:] = 0.0
        rhs[:] = 0.0
        schur[:] = 0.0
        target[:] = 0.0
        slow_precision(n_nodes, node_days, slow_sigma, slow_days, diag, off1, off2)
        for k in range(n_nodes):
            total = 0.0
            weighted = 0.0
            for i in range(node_start[k], node_start[k + 1]):
                total += precision[i]
                weighted += precision[i] * cell_y[i]
            if total == 0.0:
                continue
            gamma = star_weight[k] / (star_scale * star_scale)
            share = gamma / (gamma + total)
            diag[k] += total * share
            rhs[k, n_channels] += weighted * share
            for i in range(node_start[k], node_start[k + 1]):
                c = cell_channel[i]
                rhs[k, c] += precision[i] * share
                target[c] += precision[i] * (cell_y[i] - weighted / (gamma + total))
                schur[c, c] += precision[i]
                for j in range(node_start[k], node_start[k + 1]):
                    schur[c, cell_channel[j]] -= precision[i] * precision[j] / (gamma + total)
        coupling = rhs[:, :n_channels].copy()
        _solve_banded_spd(diag, off1, off2, rhs[:, : n_channels + 1])
        for a in range(n_channels):
            for k in range(n_nodes):
                if coupling[k, a] != 0.0:
                    target[a] -= coupling[k, a] * rhs[k, n_channels]
                    for b in range(n_channels):
                        schur[a, b] -= coupling[k, a] * rhs[k, b]
        zero_point_var[:] = _solve_dense_spd(schur, target)
        zero_point[:] = target
        for k in range(n_nodes):
            value = rhs[k, n_channels]
            for c in range(n_channels):
                value -= rhs[k, c] * zero_point[c]
            slow[k] = value
    # Variance of the slow curve: diagonal of the inverse of its (already factorised) precision,
    # by the Takahashi recurrence for a banded LDL' factor.
    slow_var = np.empty(n_nodes)
    next1 = 0.0
    next_diag1 = 0.0
    next_diag2 = 0.0
    for k in range(n_nodes - 1, -1, -1):
        l1 = off1[k + 1] if k + 1 < n_nodes else 0.0
        l2 = off2[k + 2] if k + 2 < n_nodes else 0.0
        z12 = -l1 * next_diag1 - l2 * next1
        z13 = -l1 * next1 - l2 * next_diag2
        slow_var[k] = 1.0 / diag[k] - l1 * z12 - l2 * z13
        next_diag2 = next_diag1
        next1 = z12
        next_diag1 = slow_var[k]
    for i in range(n):
        x = (t[i] - t0) / node_days - 0.5
        k = min(max(int(np.floor(x)), 0), max(n_nodes - 2, 0))
        f = min(max(x - k, 0.0), 1.0)
        after = min(k + 1, n_nodes - 1)
        mean[i] = zero_point[channel[i]] + (1.0 - f) * slow[k] + f * slow[after]
        variance[i] = (1.0 - f) * slow_var[k] + f * slow_var[after]
    return star_sigma, camera_sigma


@njit(cache=True, nogil=True)
def fit_batch(
    offsets, t, y, err, channel, n_channels, first_star, last_star, node_days, slow_sigma, slow_days,
    star_floor, camera_floor, degrees_of_freedom, n_iterations, mean, variance, extra, star_sigma,
    camera_sigma,
):  # fmt: skip
    """Fit the stars ``first_star … last_star - 1`` of a batch; see ``fit_star``.

    Parameters
    ----------
    offsets : (n_stars + 1,) int64
    t, y, err : (n_points,) float64, days, mag, mag
    channel : (n_points,) int32;  n_channels : (n_stars,) int32
    mean, variance : (n_points,) float64, written, mag, mag²
    extra : (n_points,) float64, written
        Scatter of the point's channel in excess of its errors, mag.
    star_sigma, camera_sigma : (n_stars,) float64, written, mag; NaN for a star without points
    """
    for star in range(first_star, last_star):
        a, b = offsets[star], offsets[star + 1]
        star_sigma[star] = np.nan
        camera_sigma[star] = np.nan
        if b == a:
            continue
        zero_point = np.empty(n_channels[star])
        zero_point_var = np.empty(n_channels[star])
        star_sigma[star], camera_sigma[star] = fit_star(
            t[a:b], y[a:b], err[a:b], channel[a:b], n_channels[star], node_days, slow_sigma, slow_days,
            star_floor, camera_floor, degrees_of_freedom, n_iterations, mean[a:b], variance[a:b],
            zero_point, zero_point_var,
        )  # fmt: skip
        channel_excess(y[a:b] - mean[a:b], err[a:b], channel[a:b], n_channels[star], extra[a:b])


@njit(cache=True, nogil=True)
def channel_excess(residual, err, channel, n_channels, extra):
    """Robust scatter of each channel's residuals beyond its errors, written to its points (mag)."""
    n = len(residual)
    work = np.empty(n)
    for c in range(n_channels):
        m = 0
        for i in range(n):
            if channel[i] == c:
                work[m] = abs(residual[i])
                m += 1
        scatter = 1.4826 * median_in_place(work[:m])
        m = 0
        for i in range(n):
            if channel[i] == c:
                work[m] = err[i]
                m += 1
        typical = median_in_place(work[:m])
        value = np.sqrt(max(0.0, scatter * scatter - typical * typical))
        for i in range(n):
            if channel[i] == c:
                extra[i] = value
