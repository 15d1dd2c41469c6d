from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, binned_statistic_dd, binom

from malca.evaluation.efficiency import CubeEdges, EfficiencyCube, efficiency_cube
from malca.evaluation.intervals import binomial_limits

EDGES = CubeEdges.spaced((0.01, 2.0), (1.0, 200.0), (12.5, 15.0), (9, 7, 5))
STAGES = ("triggered", "event", "evidence", "candidate")
AXES = ["depth_mag", "duration_days", "median_mag"]


def test_limits_are_the_quantiles_of_the_posterior():
    k, n = np.array([1, 5, 9, 50]), np.array([10, 10, 10, 400])
    lower, upper = binomial_limits(k, n, 0.9)
    np.testing.assert_allclose(beta.cdf(lower, k + 0.5, n - k + 0.5), 0.05, rtol=1e-9)
    np.testing.assert_allclose(beta.sf(upper, k + 0.5, n - k + 0.5), 0.05, rtol=1e-9)
    # Brown, Cai & DasGupta (2001), table 5: n = 7, x = 2.
    np.testing.assert_allclose(np.round(binomial_limits(2, 7), 3), [0.065, 0.648])


def test_limits_end_where_nothing_or_all_is_found():
    lower, upper = binomial_limits([0, 4, 0], [4, 4, 0])
    assert lower.tolist() == [0.0, lower[1], 0.0]
    assert upper.tolist() == [upper[0], 1.0, 1.0]
    assert 0 < upper[0] < 1
    np.testing.assert_allclose(lower[1], 1 - upper[0])


@pytest.mark.parametrize("n", [10, 30, 100])
def test_mean_coverage_is_the_confidence(n, rng):
    lower, upper = binomial_limits(np.arange(n + 1), n)
    p = rng.uniform(0, 1, 20_000)
    k = rng.binomial(n, p)
    assert 0.93 < ((lower[k] <= p) & (p <= upper[k])).mean() < 0.97
    # The same without drawing: sum over all outcomes.
    p = np.linspace(0.001, 0.999, 999)
    covered = (lower[:, None] <= p) & (p <= upper[:, None])
    assert 0.93 < (binom.pmf(np.arange(n + 1)[:, None], n, p) * covered).sum(axis=0).mean() < 0.97


@pytest.mark.parametrize(("k", "n", "confidence"), [(3, 2, 0.9), (-1, 2, 0.9), (1, 2, 1.0)])
def test_impossible_counts_are_refused(k, n, confidence):
    with pytest.raises(ValueError, match=r"between 0 and"):
        binomial_limits(k, n, confidence)


def test_counts_are_those_of_an_independent_count(trials):
    cube = efficiency_cube(trials, EDGES, STAGES, fingerprint="abc")
    used = trials[(trials["outcome"] == "done") & ~trials["already"]]
    bins = [EDGES.depth_mag, EDGES.duration_days, EDGES.mag]
    columns = ["triggered", "event", "passed_evidence", "candidate"]
    sums = binned_statistic_dd(
        used[AXES].to_numpy(), [used[c].to_numpy(float) for c in columns], "sum", bins
    ).statistic
    np.testing.assert_array_equal(cube.trials, np.histogramdd(used[AXES].to_numpy(), bins)[0])
    np.testing.assert_array_equal(cube.recovered_per_stage, sums)
    np.testing.assert_array_equal(cube["recovered"], sums[1])
    assert cube.n_not_done == (trials["outcome"] != "done").sum()
    assert cube.n_already == (trials["already"] & (trials["outcome"] == "done")).sum()
    total = cube.trials.sum() + cube.n_outside + cube.n_already + cube.n_not_done
    assert total == len(trials)
    assert cube.n_outside > 0


def one(**changes):
    row = {
        "depth_mag": 0.1, "duration_days": 5.0, "median_mag": 13.0, "outcome": "done", "already": False,
        "event": True,
    }  # fmt: skip
    return row | changes


def small(*rows):
    edges = CubeEdges(
        np.array([0.0, 0.1, 0.4]), np.array([1.0, 4.0, 9.0]), np.array([12.0, 13.0, 14.0])
    )
    return efficiency_cube(pd.DataFrame(list(rows)), edges, ["event"])


def test_the_last_bin_is_closed_and_the_others_are_half_open():
    cube = small(
        one(depth_mag=0.4, duration_days=9.0, median_mag=14.0),
        one(depth_mag=0.0, duration_days=1.0, median_mag=12.0, event=False),
        one(depth_mag=0.1, duration_days=4.0, median_mag=13.0),
        one(depth_mag=0.4001),
        one(median_mag=np.nan),
    )
    assert (cube.trials[1, 1, 1], cube.trials[0, 0, 0], cube.trials.sum()) == (2, 1, 3)
    assert cube.n_outside == 2
    assert (cube.efficiency[0, 0, 0], cube.efficiency[1, 1, 1]) == (0.0, 1.0)
    empty = cube.trials == 0
    assert np.isnan(cube.efficiency[empty]).all()
    assert set(cube.lower[empty]) == {0.0}
    assert set(cube.upper[empty]) == {1.0}
    np.testing.assert_allclose(cube["depth_centers"], [0.05, 0.2])
    np.testing.assert_allclose(cube["duration_centers"], [2.0, 6.0])
    np.testing.assert_allclose(cube["mag_centers"], [12.5, 13.5])


def test_what_was_not_carried_out_may_have_no_verdict():
    cube = small(one(), one(outcome="unreadable", event=None, already=None))
    assert (cube.trials.sum(), cube.n_not_done) == (1, 1)


def test_nothing_tried_is_nothing_known():
    cube = efficiency_cube(pd.DataFrame(columns=list(one())), EDGES, ["event"])
    assert cube.trials.sum() == 0
    assert np.isnan(cube.efficiency).all()


def test_contradictions_are_refused(trials):
    with pytest.raises(ValueError, match="event is unknown for 1 trials"):
        small(one(event=None), one())
    wrong = trials.assign(candidate=True)
    with pytest.raises(ValueError, match="reached candidate but not event"):
        efficiency_cube(wrong, EDGES, ["event", "candidate"])
    with pytest.raises(ValueError, match="lacks passed_gaia"):
        efficiency_cube(trials, EDGES, ["event", "gaia"])
    with pytest.raises(ValueError, match="no stage 'event', but candidate"):
        efficiency_cube(trials, EDGES, ["candidate"])


@pytest.mark.parametrize("edges", [[0.1], [0.2, 0.1], [0.1, 0.1, 0.2], [-0.1, 0.2], [0.1, np.inf]])
def test_edges_that_are_none_are_refused(edges):
    with pytest.raises(ValueError, match="the edges in depth_mag must be"):
        CubeEdges(np.array(edges), np.array([1.0, 2.0]), np.array([12.0, 13.0]))


def test_marginals_add_trials_up(trials):
    cube = efficiency_cube(trials, EDGES, STAGES)
    flat = cube.over("magnitude")
    assert flat.axes == ("depth", "duration")
    share = np.nansum(cube.efficiency * cube.trials, axis=2) / cube.trials.sum(axis=2)
    np.testing.assert_allclose(flat.efficiency, share)
    alone = cube.over("mag", "depth_mag")
    np.testing.assert_array_equal(alone.trials, cube.trials.sum(axis=(0, 2)))
    np.testing.assert_allclose(alone.lower, binomial_limits(alone.recovered, alone.trials)[0])
    np.testing.assert_array_equal(
        cube.at_stage("candidate").over("duration").recovered, cube.recovered_per_stage[3].sum(axis=1)
    )
    for bad in ("colour", "mag"):
        with pytest.raises(ValueError, match=f"no axis '{bad if bad != 'mag' else 'magnitude'}'"):
            flat.over(bad)
    with pytest.raises(ValueError, match="one axis must be left"):
        flat.over("depth", "duration")


def test_a_cube_is_a_mapping_and_comes_back_from_it(trials):
    cube = efficiency_cube(trials, EDGES, STAGES, fingerprint="abc", recovered_stage="candidate")
    back = EfficiencyCube.from_arrays(dict(cube))
    assert set(back) == set(cube)
    for name, array in cube.items():
        np.testing.assert_array_equal(back[name], array)
    assert (back.fingerprint, back.stages, back.n_already) == ("abc", STAGES, cube.n_already)
    with pytest.raises(ValueError, match="lack trials"):
        EfficiencyCube.from_arrays({k: v for k, v in cube.items() if k != "trials"})
    with pytest.raises(ValueError, match="differ in shape"):
        EfficiencyCube.from_arrays(dict(cube) | {"trials": cube.trials[1:]})


def test_a_million_trials_take_about_a_second(trials):
    many = pd.concat([trials] * 25, ignore_index=True)
    began = time.process_time()
    efficiency_cube(many, EDGES, STAGES)
    assert time.process_time() - began < 3.0
