"""Two-component mixture of baseline and event points, marginalised over a grid.

Each residual ``x`` with uncertainty ``s`` comes from the baseline, N(x | 0, s), with probability
``p``, or from an event of magnitude offset ``δ``, N(x | δ, s), with probability ``1 − p``
(mixture of good and bad points as in Hogg, Bovy & Lang 2010, arXiv:1008.4686, sect. 3). With the
ratio r = N(x | δ, s)/N(x | 0, s) = exp[δ (x − δ/2)/s²],

    ln L(p, δ) − ln L(baseline) = Σ ln[p + (1 − p) r],

so one exponential a point and offset serves every p. Where r > 1 it is taken out of the
bracket, whose product over the points then stays within [min(p, 1 − p)^m, 1] for m points and
needs a logarithm only every m points.

The Bayes factor is the mean of the likelihood ratio over the cells of the grid (a uniform prior
over the cells). With w the posterior weight of a cell, the probability that point i belongs to
an event, given all points, is

    P_i = 1 − Σ w p/[p + (1 − p) r_i].

w/[p + (1 − p) r_i] is the weight the cell would have without point i, so the same number is what
Bayes' theorem gives for point i after its own likelihoods meet the leave-one-out weights.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_CAP = 1e40  # of ratios that enter p/[p + (1 − p) r]: there r is as good as infinite
_LN_CAP = float(np.log(_CAP))
_LN_VANISHING = -205.0  # ln of ratios stored as 0; local sums below e^-161 do not use them
_NEGLIGIBLE = 1e-12  # summed posterior weight of the cells left out of P_i, and so its error
_SMALLEST_P = 1e-200  # smaller ones could underflow a product within one factor

#: How the local Bayes factor weighs the offsets of the grid.
PRIOR_WEIGHTED, POSTERIOR_WEIGHTED = 0, 1


_LOG2_E = 1.4426950408889634
# ln 2 in two parts: a multiple of the first by a number of three digits is exact.
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
_INVERSE_FACTORIALS = tuple(1.0 / math.factorial(k) for k in range(14))


@njit(cache=True, nogil=True)
def score_star(
    residual, sigma, p_grid, offset_grid, local_weights, ln_bf_local, posterior, ratio, scratch
):
    """Score the points of one star against one grid of events.

    Parameters
    ----------
    residual : (n,) array
        Magnitude less baseline, mag.
    sigma : (n,) array
        Uncertainty of the residual, mag; positive.
    p_grid : (n_p,) array
        Fractions of points that belong to the baseline, each 0, 1 or within [1e-200, 1).
    offset_grid : (n_offsets,) array
        Magnitude of an event less its baseline, mag: positive for dips, negative for jumps.
    local_weights : int
        ``PRIOR_WEIGHTED`` or ``POSTERIOR_WEIGHTED``.
    ln_bf_local : (n,) array, written
        ln Σ W r over the offsets, with W uniform (the Bayes factor of the point on its own) or
        the posterior weight of the offset given all points of the star.
    posterior : (n,) array, written
        P_i of the module's docstring.
    ratio : (n_offsets, n or more) array
        Scratch.
    scratch : (4, n or more) array
        Scratch.

    Returns
    -------
    tuple of float
        ln Bayes factor of the mixture against the baseline alone, and ``p`` and ``δ`` of the
        cell of greatest likelihood. A star without points has (0, NaN, NaN): no evidence, no
        best cell.
    """
    n, n_p, n_offsets = len(residual), len(p_grid), len(offset_grid)
    if n == 0:
        return 0.0, np.nan, np.nan
    inverse_var, missing, steep = scratch[0], scratch[1], scratch[2]
    for i in range(n):
        inverse_var[i] = 1.0 / (sigma[i] * sigma[i])
        # the exponent δ (x − δ/2)/s² never exceeds its value at δ = x
        steep[i] = 0.5 * residual[i] * residual[i] * inverse_var[i]
    ln_ratio = _ln_likelihood_ratios(residual, inverse_var, p_grid, offset_grid, ratio)
    best_j, best_k, top = 0, 0, -np.inf
    for j in range(n_offsets):
        for k in range(n_p):
            if ln_ratio[j, k] > top:
                best_j, best_k, top = j, k, ln_ratio[j, k]
    total = 0.0
    for j in range(n_offsets):
        for k in range(n_p):
            total += np.exp(ln_ratio[j, k] - top)
    ln_total = top + np.log(total)
    missing[:n] = 0.0
    ln_weight = np.empty(n_offsets)
    for j in range(n_offsets):
        sum_k = 0.0
        top_j = ln_ratio[j].max()
        for k in range(n_p):
            sum_k += np.exp(ln_ratio[j, k] - top_j)
        ln_weight[j] = top_j + np.log(sum_k) - ln_total
        _add_baseline_probability(ratio[j], n, ln_ratio[j], ln_total, n_offsets, p_grid, missing)
    for i in range(n):
        posterior[i] = min(max(1.0 - missing[i], 0.0), 1.0)
    if local_weights == PRIOR_WEIGHTED:
        ln_weight[:] = -np.log(n_offsets)
    _local_bayes_factors(
        residual, inverse_var, steep, offset_grid, ln_weight, ratio, scratch[3], ln_bf_local
    )
    return ln_total - np.log(n_offsets * n_p), p_grid[best_k], offset_grid[best_j]


@njit(cache=True, nogil=True)
def falling_exponentials(u, result, bits):
    """exp(−|u|) of every value, to 1e-15 of itself; those beyond 700 are taken for 700.

    The processor works on several at once, which it does not where the library's exp is called:
    exp(−|u|) = 2^−k exp(−r) with |r| ≤ ln 2/2, exp(−r) by its series of 13 terms (the next is below
    1e-17), 2^−k by its bits.

    Parameters
    ----------
    u : (n,) float64 array
    result : (n or more,) float64 array, written
    bits : (n or more,) int64 array
        Scratch.
    """
    scale = bits.view(np.float64)
    for i in range(len(u)):
        x = min(abs(u[i]), 700.0)
        k = np.int32(x * _LOG2_E + 0.5)
        r = k * _LN2_HIGH - x + k * _LN2_LOW
        y = r * _INVERSE_FACTORIALS[13] + _INVERSE_FACTORIALS[12]
        y = y * r + _INVERSE_FACTORIALS[11]
        y = y * r + _INVERSE_FACTORIALS[10]
        y = y * r + _INVERSE_FACTORIALS[9]
        y = y * r + _INVERSE_FACTORIALS[8]
        y = y * r + _INVERSE_FACTORIALS[7]
        y = y * r + _INVERSE_FACTORIALS[6]
        y = y * r + _INVERSE_FACTORIALS[5]
        y = y * r + _INVERSE_FACTORIALS[4]
        y = y * r + _INVERSE_FACTORIALS[3]
        y = y * r + 0.5
        y = y * r + 1.0
        result[i] = y * r + 1.0
        bits[i] = np.int64(1023 - k) << 52
    for i in range(len(u)):
        result[i] *= scale[i]


@njit(cache=True, nogil=True)
def _add_ln_products(e, constant, factor, points_a_log, ln_product, product):
    """Add Σ ln(constant + factor·e) over points, few points to a logarithm, all cells at a time.

    Four groups of points go side by side, so that the processor need not wait for each product.

    Parameters
    ----------
    e : (n,) array
    constant, factor : (n_cells,) arrays
    points_a_log : int
        Points in a group.
    ln_product : (n_cells,) array, added to
    product : (4, n_cells) array
        Scratch.
    """
    n, n_cells, m = len(e), len(constant), points_a_log
    p0, p1, p2, p3 = product[0], product[1], product[2], product[3]
    n_together = n - n % (4 * m)
    for start in range(0, n_together, 4 * m):
        product[:] = 1.0
        for i in range(start, start + m):
            e0, e1, e2, e3 = e[i], e[i + m], e[i + 2 * m], e[i + 3 * m]
            for c in range(n_cells):
                p0[c] *= constant[c] + factor[c] * e0
                p1[c] *= constant[c] + factor[c] * e1
                p2[c] *= constant[c] + factor[c] * e2
                p3[c] *= constant[c] + factor[c] * e3
        for group in range(4):
            for c in range(n_cells):
                ln_product[c] += np.log(product[group, c])
    for start in range(n_together, n, m):
        p0[:] = 1.0
        for i in range(start, min(start + m, n)):
            for c in range(n_cells):
                p0[c] *= constant[c] + factor[c] * e[i]
        for c in range(n_cells):
            ln_product[c] += np.log(p0[c])


@njit(cache=True, nogil=True)
def _ln_likelihood_ratios(residual, inverse_var, p_grid, offset_grid, ratio):
    """Ln L(p, δ) − ln L(baseline), (n_offsets, n_p); fills ``ratio`` with min(r, 1e40)."""
    n, n_p, n_offsets = len(residual), len(p_grid), len(offset_grid)
    inner = np.flatnonzero((p_grid > 0.0) & (p_grid < 1.0))
    n_inner = len(inner)
    # bracket of a point: constant + factor·exp(−|u|); row 1 where r = exp(u) was taken out
    padded = 4 * ((n_inner + 3) // 4)
    constant, factor = np.ones((2, padded)), np.zeros((2, padded))
    smallest = 0.5
    for c in range(n_inner):
        p = p_grid[inner[c]]
        constant[0, c] = factor[1, c] = p
        constant[1, c] = factor[0, c] = 1.0 - p
        smallest = min(smallest, p, 1.0 - p)
    points_a_log = max(1, int(650.0 / -np.log(smallest)))
    # beyond it the exponential is lost in rounding beside the constant
    too_far = 42.0 - np.log(smallest)
    result = np.zeros((n_offsets, n_p))
    ln_product, product = np.empty(padded), np.empty((4, padded))
    near = np.empty((2, n))
    falling = np.empty(n)
    bits = np.empty(n, np.int64)
    for j in range(n_offsets):
        delta = offset_grid[j]
        taken_out, sum_u = 0.0, 0.0
        far = np.zeros(2)
        n_near = np.zeros(2, np.int64)
        ln_product[:] = 0.0
        row = ratio[j]
        for i in range(n):
            row[i] = delta * (residual[i] - 0.5 * delta) * inverse_var[i]
        falling_exponentials(row[:n], falling, bits)
        for i in range(n):
            u = row[i]
            sum_u += u
            side = 0
            if u > 0.0:
                side = 1
                taken_out += u
            if abs(u) > too_far:
                far[side] += 1.0
                if u < _LN_VANISHING:
                    row[i] = 0.0
                elif u > _LN_CAP:
                    row[i] = _CAP
                else:
                    row[i] = np.exp(u)
                continue
            e = falling[i]
            row[i] = min(1.0 / e, _CAP) if side == 1 else e
            near[side, n_near[side]] = e
            n_near[side] += 1
        for side in range(2):
            _add_ln_products(
                near[side, : n_near[side]], constant[side], factor[side], points_a_log,
                ln_product, product,
            )  # fmt: skip
        for c in range(n_inner):
            result[j, inner[c]] = (
                taken_out
                + ln_product[c]
                + far[0] * np.log(constant[0, c])
                + far[1] * np.log(constant[1, c])
            )
        for k in range(n_p):
            if p_grid[k] == 0.0:
                result[j, k] = sum_u
    return result


@njit(cache=True, nogil=True)
def _add_baseline_probability(ratio, n, ln_ratio, ln_total, n_offsets, p_grid, missing):
    """Add the cells of one offset to ``missing``, Σ w p/[p + (1 − p) r]."""
    n_p = len(p_grid)
    always = 0.0
    weight, fixed, slope = np.empty(n_p + 1), np.empty(n_p + 1), np.empty(n_p + 1)
    n_cells = 0
    for k in range(n_p):
        w = np.exp(ln_ratio[k] - ln_total)
        p = p_grid[k]
        if p == 1.0:
            always += w
        elif p > 0.0 and w * n_p * n_offsets > _NEGLIGIBLE:
            weight[n_cells], fixed[n_cells], slope[n_cells] = w * p, p, 1.0 - p
            n_cells += 1
    if n_cells % 2 == 1:
        weight[n_cells], fixed[n_cells], slope[n_cells] = 0.0, 1.0, 0.0
        n_cells += 1
    for c in range(0, n_cells, 2):
        # two cells share one division
        w0, p0, q0 = weight[c], fixed[c], slope[c]
        w1, p1, q1 = weight[c + 1], fixed[c + 1], slope[c + 1]
        for i in range(n):
            d0, d1 = p0 + q0 * ratio[i], p1 + q1 * ratio[i]
            missing[i] += (w0 * d1 + w1 * d0) / (d0 * d1)
    if always > 0.0:
        for i in range(n):
            missing[i] += always


@njit(cache=True, nogil=True)
def _local_bayes_factors(residual, inverse_var, steep, offset_grid, ln_weight, ratio, summed, out):
    """Ln Σ W r of each point: from the stored ratios where they neither overflow nor vanish."""
    n, n_offsets = len(residual), len(offset_grid)
    summed[:n] = 0.0
    for j in range(n_offsets):
        weight, row = np.exp(ln_weight[j]), ratio[j]
        if weight > 0.0:
            for i in range(n):
                summed[i] += weight * row[i]
    for i in range(n):
        if steep[i] < _LN_CAP and summed[i] > 1e-70:
            out[i] = np.log(summed[i])
            continue
        top = -np.inf
        for j in range(n_offsets):
            delta = offset_grid[j]
            top = max(top, ln_weight[j] + delta * (residual[i] - 0.5 * delta) * inverse_var[i])
        total = 0.0
        for j in range(n_offsets):
            delta = offset_grid[j]
            below = ln_weight[j] + delta * (residual[i] - 0.5 * delta) * inverse_var[i] - top
            if below > -45.0:
                total += np.exp(below)
        out[i] = top + np.log(total)


@njit(cache=True, nogil=True)
def score_stars(
    offsets, residual, sigma, p_grid, offset_grids, local_weights, start, stop,
    ln_bf, best_p, best_offset, ln_bf_local, posterior,
):  # fmt: skip
    """Score stars ``start:stop`` of a batch.

    Parameters
    ----------
    offsets : (n_stars + 1,) int64 array
        Points of star ``s`` are ``offsets[s]:offsets[s + 1]``.
    residual, sigma : (n_points,) arrays
        As in ``score_star``.
    p_grid : (n_p,) array
    offset_grids : (n_stars, n_offsets) array
        Offset grid of each star, mag.
    local_weights : int
    start, stop : int
    ln_bf, best_p, best_offset : (n_stars,) arrays, written
    ln_bf_local, posterior : (n_points,) arrays, written
    """
    longest = 0
    for star in range(start, stop):
        longest = max(longest, offsets[star + 1] - offsets[star])
    ratio = np.empty((offset_grids.shape[1], longest))
    scratch = np.empty((4, longest))
    for star in range(start, stop):
        a, b = offsets[star], offsets[star + 1]
        ln_bf[star], best_p[star], best_offset[star] = score_star(
            residual[a:b], sigma[a:b], p_grid, offset_grids[star], local_weights,
            ln_bf_local[a:b], posterior[a:b], ratio, scratch,
        )  # fmt: skip


@njit(cache=True, nogil=True)
def fill_offset_grids(
    offsets, residual, sign, smallest, largest, least_span, logarithmic, start, stop, grids
):
    """Write each star's grid of event offsets, from ``smallest`` outward.

    A logarithmic grid of a dozen offsets resolves a 0.03 mag dip on a star that also has a 2 mag
    one, which a linear grid to the star's deepest point does not.

    Parameters
    ----------
    offsets : (n_stars + 1,) int64 array
    residual : (n_points,) array
        Magnitude less baseline, mag.
    sign : float
        +1 for dips, −1 for jumps.
    smallest : float
        Size of the smallest offset, mag, positive.
    largest : float
        Size of the largest, mag; infinite for that of the star's largest residual.
    least_span : float
        Where ``largest`` is infinite: the grid reaches at least this multiple of ``smallest``.
    logarithmic : bool
        Equal ratios, not equal steps.
    start, stop : int
        Range of stars.
    grids : (n_stars, n_offsets) array, written
    """
    n_offsets = grids.shape[1]
    for star in range(start, stop):
        reach = largest
        if np.isinf(largest):
            reach = smallest * least_span
            for i in range(offsets[star], offsets[star + 1]):
                reach = max(reach, sign * residual[i])
        for j in range(n_offsets):
            part = j / (n_offsets - 1) if n_offsets > 1 else 0.0
            if logarithmic:
                grids[star, j] = sign * smallest * (reach / smallest) ** part
            else:
                grids[star, j] = sign * (smallest + (reach - smallest) * part)


def check_mixture_input(residual: np.ndarray, sigma: np.ndarray, p_grid: np.ndarray) -> None:
    """Refuse what the kernels cannot score.

    Raises
    ------
    ValueError
        A residual is not finite, an uncertainty not positive and finite, or a fraction outside
        [0, 1] or closer to 0 than 1e-200 without being 0.
    """
    if not np.isfinite(residual).all():
        raise ValueError("residuals must be finite")
    if not (np.isfinite(sigma).all() and (sigma > 0).all()):
        raise ValueError("uncertainties must be positive and finite")
    if not (((p_grid >= _SMALLEST_P) | (p_grid == 0.0)) & (p_grid <= 1.0)).all():
        raise ValueError(f"baseline fractions must be 0 or within [{_SMALLEST_P}, 1]: {p_grid}")
