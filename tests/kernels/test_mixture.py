"""The mixture kernel against a plain computation in logarithms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import norm

from malca.kernels.mixture import (
    POSTERIOR_WEIGHTED,
    PRIOR_WEIGHTED,
    check_mixture_input,
    falling_exponentials,
    fill_offset_grids,
    score_star,
    score_stars,
)


def score(residual, sigma, p_grid, offset_grid, weights=POSTERIOR_WEIGHTED):
    n = len(residual)
    local, posterior = np.full(n, np.nan), np.full(n, np.nan)
    work = np.full((len(offset_grid), n), np.nan), np.full((4, n), np.nan)
    summary = score_star(residual, sigma, p_grid, offset_grid, weights, local, posterior, *work)
    return summary, local, posterior


def reference(residual, sigma, p_grid, offset_grid, weights=POSTERIOR_WEIGHTED):
    """The definition, cell by cell in logarithms, leave-one-out weights made explicit.

    Extended precision: cells differ by numbers of order one in likelihoods of order 1e9.
    """
    x, s, p, delta = (
        np.asarray(values, np.longdouble) for values in (residual, sigma, p_grid, offset_grid)
    )
    ln_base = -0.5 * (x / s) ** 2
    ln_event = -0.5 * ((x - delta[:, None]) / s)[:, None, :] ** 2
    with np.errstate(divide="ignore"):
        ln_p, ln_q = np.log(p)[None, :, None], np.log1p(-p)[None, :, None]
    ln_point = np.logaddexp(ln_p + ln_base, ln_q + ln_event)
    ln_like = ln_point.sum(axis=2)
    ln_total = logaddexp_all(ln_like, (0, 1))
    ln_bf = ln_total - np.log(ln_like.size) - ln_base.sum()
    left_out = ln_like[:, :, None] - ln_point
    as_event = logaddexp_all(left_out + ln_q + ln_event, (0, 1))
    as_base = logaddexp_all(left_out + ln_p + ln_base, (0, 1))
    posterior = np.exp(as_event - np.logaddexp(as_event, as_base))
    ln_weight = logaddexp_all(ln_like, 1) - ln_total
    if weights == PRIOR_WEIGHTED:
        ln_weight = np.full(len(delta), -np.log(len(delta)))
    local = logaddexp_all(ln_weight[:, None] + ln_event[:, 0], 0) - ln_base
    return (float(ln_bf), ln_like - ln_base.sum()), local.astype(float), posterior.astype(float)


def logaddexp_all(values, axis):
    return np.logaddexp.reduce(values, axis=axis)


def assert_same(ours, expected, p_grid, offset_grid):
    (ln_bf, best_p, best_offset), local, posterior = ours
    (ref_bf, ref_cells), ref_local, ref_posterior = expected
    assert ln_bf == pytest.approx(ref_bf, rel=1e-12, abs=1e-9)
    best = ref_cells[list(offset_grid).index(best_offset), list(p_grid).index(best_p)]
    assert float(best) == pytest.approx(float(ref_cells.max()), rel=1e-12, abs=1e-9)
    np.testing.assert_allclose(local, ref_local, rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(posterior, ref_posterior, rtol=0, atol=1e-9)


def check(residual, sigma, p_grid, offset_grid, weights=POSTERIOR_WEIGHTED):
    ours = score(residual, sigma, p_grid, offset_grid, weights)
    expected = reference(residual, sigma, p_grid, offset_grid, weights)
    assert_same(ours, expected, p_grid, offset_grid)
    return ours


def test_the_reference_is_the_textbook_mixture(rng):
    """The long way once more, with scipy's densities and logsumexp."""
    sigma = rng.uniform(0.02, 0.05, 50)
    residual = sigma * rng.standard_normal(50)
    residual[:3] += 0.2
    grid, p_grid = np.linspace(0.02, 0.3, 5), np.linspace(0.5, 0.99, 4)
    ln_base, ln_event = norm.logpdf(residual, 0, sigma), norm.logpdf(residual, grid[:, None], sigma)
    cells = np.array(
        [
            [logsumexp([np.log(p) + ln_base, np.log1p(-p) + event], axis=0).sum() for p in p_grid]
            for event in ln_event
        ]
    )
    (ln_bf, best_p, best_offset), _, _ = check(residual, sigma, p_grid, grid)
    assert ln_bf == pytest.approx(logsumexp(cells) - np.log(20) - ln_base.sum(), abs=1e-9)
    j, k = np.unravel_index(np.argmax(cells), cells.shape)
    assert (best_p, best_offset) == (p_grid[k], grid[j])


P_GRID = np.linspace(0.5, 1 - 1e-4, 12)


@pytest.mark.parametrize("weights", [PRIOR_WEIGHTED, POSTERIOR_WEIGHTED])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n", [1, 2, 37, 600, 5000])
def test_quiet_star_and_star_with_an_event(rng, n, sign, weights):
    sigma = rng.uniform(0.01, 0.1, n)
    residual = sigma * rng.standard_normal(n)
    grid = sign * np.geomspace(0.02, 1.0, 12)
    check(residual, sigma, P_GRID, grid, weights)
    residual[n // 3 : n // 3 + 6] += sign * 0.4
    check(residual, sigma, P_GRID, grid, weights)


@pytest.mark.parametrize(
    "p_grid",
    [
        np.array([0.0, 0.3, 1.0]),
        np.array([0.0]),
        np.array([1.0]),
        np.array([1e-190, 1e-12, 0.5, 1 - 1e-12, 1 - 2e-16]),
        np.linspace(0, 1, 13),
    ],
    ids=["touches both", "only events", "only baseline", "near both", "uniform"],
)
@pytest.mark.parametrize(
    ("scale", "sigma"), [(1.0, 0.02), (10.0, 0.02), (1e4, 1e-4), (1e4, 0.01), (30.0, 1e-4)]
)
def test_extreme_values(rng, p_grid, scale, sigma):
    n = 80
    residual = sigma * rng.standard_normal(n)
    residual[:4] = np.array([1.0, 0.93, -1.0, 0.5]) * scale * sigma
    errors = np.full(n, sigma)
    grid = np.linspace(0.02, max(0.04, scale * sigma), 7)
    check(residual, errors, p_grid, grid)


def test_all_points_in_the_event(rng):
    sigma = np.full(5000, 1e-4)
    residual = 1.0 + sigma * rng.standard_normal(5000)
    grid = np.linspace(0.02, 1.0, 12)
    ours = check(residual, sigma, P_GRID, grid)
    assert ours[0][0] > 1e9
    assert ours[2].min() > 1 - 1e-12


def test_one_point_by_hand():
    """Two cells with r = e and r = 1: the sums can be written down."""
    residual, sigma = np.array([1.5]), np.array([1.0])
    grid, p_grid = np.array([1.0, 3.0]), np.array([0.5])
    r = np.exp([1.0, 0.0])
    (ln_bf, best_p, best_offset), local, posterior = score(residual, sigma, p_grid, grid)
    like = 0.5 + 0.5 * r
    assert ln_bf == pytest.approx(np.log(like.mean()), abs=1e-14)
    assert (best_p, best_offset) == (0.5, 1.0)
    assert posterior[0] == pytest.approx(np.sum(0.5 * r) / np.sum(like), abs=1e-14)
    assert local[0] == pytest.approx(np.log(np.sum(like * r) / np.sum(like)), abs=1e-14)


def test_sum_of_posteriors_is_the_expected_number_of_event_points(rng):
    """With p marginalised, Σ P_i / n must settle at the injected fraction."""
    n = 4000
    sigma = np.full(n, 0.02)
    event = rng.random(n) < 0.2
    residual = sigma * rng.standard_normal(n) + 0.3 * event
    _, _, posterior = score(residual, sigma, np.linspace(0.5, 1, 60), np.array([0.3]))
    assert posterior.sum() == pytest.approx(event.sum(), abs=0.5)
    assert ((posterior > 0.5) == event).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60),
    ln_sigma=st.floats(-9, 1),
    depth_sigmas=st.floats(-300, 300),
    n_p=st.integers(1, 13),
    n_offsets=st.integers(1, 13),
)
def test_any_small_star(seed, n, ln_sigma, depth_sigmas, n_p, n_offsets):
    rng = np.random.default_rng(seed)
    sigma = np.exp(ln_sigma) * rng.uniform(0.5, 2.0, n)
    residual = sigma * rng.standard_normal(n)
    residual[: n // 4] += depth_sigmas * np.exp(ln_sigma)
    p_grid = np.sort(rng.uniform(0, 1, n_p))
    grid = np.exp(ln_sigma) * rng.uniform(-10, 10, n_offsets)
    check(residual, sigma, p_grid, grid)


def test_batch_scores_each_star_by_its_own_grid(rng):
    lengths = np.array([30, 0, 1, 200])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    sigma = rng.uniform(0.01, 0.05, offsets[-1])
    residual = sigma * rng.standard_normal(offsets[-1])
    residual[5:9] += 0.5
    grids = np.geomspace(0.02, [1.0, 0.1, 0.3, 0.5], 5).T.copy()
    ln_bf, best_p, best_offset = (np.full(4, -9.0) for _ in range(3))
    local, posterior = (np.full(offsets[-1], -9.0) for _ in range(2))
    out = ln_bf, best_p, best_offset, local, posterior
    score_stars(offsets, residual, sigma, P_GRID, grids, POSTERIOR_WEIGHTED, 0, 2, *out)
    assert (ln_bf[2:] == -9.0).all()
    assert (local[30:] == -9.0).all()
    score_stars(offsets, residual, sigma, P_GRID, grids, POSTERIOR_WEIGHTED, 2, 4, *out)
    for star in (0, 2, 3):
        part = slice(offsets[star], offsets[star + 1])
        assert_same(
            ((ln_bf[star], best_p[star], best_offset[star]), local[part], posterior[part]),
            reference(residual[part], sigma[part], P_GRID, grids[star]),
            P_GRID,
            grids[star],
        )
    assert ln_bf[1] == 0.0
    assert np.isnan([best_p[1], best_offset[1]]).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_offset_grids_reach_the_largest_residual(sign):
    offsets = np.array([0, 3, 3], np.int64)
    residual = np.array([0.1, 2.0, -1.5])
    grids = np.empty((2, 4))
    fill_offset_grids(offsets, residual, sign, 0.02, np.inf, 5.0, True, 0, 2, grids)
    reach = 2.0 if sign > 0 else 1.5
    np.testing.assert_allclose(grids[0], sign * np.geomspace(0.02, reach, 4), rtol=1e-12)
    np.testing.assert_allclose(grids[1], sign * np.geomspace(0.02, 0.1, 4), rtol=1e-12)
    fill_offset_grids(offsets, residual, sign, 0.05, 0.8, 5.0, False, 0, 2, grids)
    np.testing.assert_allclose(grids, np.tile(sign * np.linspace(0.05, 0.8, 4), (2, 1)), rtol=1e-12)


@pytest.mark.parametrize(
    ("residual", "sigma", "p_grid", "message"),
    [
        ([np.nan], [1.0], [0.5], "residuals"),
        ([0.0], [0.0], [0.5], "uncertainties"),
        ([0.0], [np.inf], [0.5], "uncertainties"),
        ([0.0], [1.0], [1e-300], "fractions"),
        ([0.0], [1.0], [1.1], "fractions"),
        ([0.0], [1.0], [np.nan], "fractions"),
    ],
)
def test_bad_input_is_refused(residual, sigma, p_grid, message):
    with pytest.raises(ValueError, match=message):
        check_mixture_input(np.array(residual), np.array(sigma), np.array(p_grid))


def test_falling_exponentials_are_those_of_numpy(rng):
    u = np.concatenate(
        [rng.uniform(-750, 750, 20_000), rng.uniform(-1, 1, 20_000), [0.0, -0.0, 1e-320, 1e300, np.inf]]
    )
    result, bits = np.empty(len(u)), np.empty(len(u), np.int64)
    falling_exponentials(u, result, bits)
    # One unit in the last place is 2.2e-16 of the value.
    np.testing.assert_allclose(result, np.exp(-np.minimum(np.abs(u), 700.0)), rtol=5e-16)
