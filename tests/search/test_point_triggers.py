from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from malca.search.baseline import Baseline
from malca.search.point_triggers import (
    PointScores,
    PointTriggerParameters,
    RunParameters,
    score_points,
    trigger_runs,
)
from malca.search.points import UsablePoints


def make_batch(rng, lengths, sigma=0.02):
    n = int(np.sum(lengths))
    jd = np.concatenate([np.sort(rng.uniform(0, 1000, k)) for k in lengths])
    channel = rng.integers(0, 3, n).astype(np.int32)
    points = UsablePoints(
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        jd=2458000 + jd,
        mag=13 + sigma * rng.standard_normal(n),
        mag_err=np.full(n, sigma),
        channel=channel,
        band=np.zeros(n, np.int8),
        camera=channel.astype(np.int16),
        n_channels=np.full(len(lengths), 3, np.int32),
        index=np.arange(n),
    )
    flat = Baseline(np.full(n, 13.0), np.zeros(n), np.full(n, sigma), np.zeros(len(lengths)))
    return points, flat


DEFAULT = PointTriggerParameters()
MODES = [
    (DEFAULT, "posterior_prob"),
    (DEFAULT, "logbf"),
    (PointTriggerParameters(local_weighting="prior"), "logbf"),
]


@pytest.mark.parametrize(("parameters", "mode"), MODES)
@pytest.mark.parametrize(("kind", "sign"), [("dip", 1), ("jump", -1)])
def test_finds_the_event_of_its_kind_only(rng, parameters, mode, kind, sign):
    points, baseline = make_batch(rng, [300, 0, 200, 400])
    points.mag[520:530] += sign * 0.4  # the last star's points 20 to 29
    scores = score_points(points, baseline, kind, parameters)
    runs = trigger_runs(points, scores, parameters, mode)
    assert runs[["star", "start", "stop", "n_triggered", "n_channels"]].tolist() == [
        (3, 20, 30, 10, len(set(points.channel[520:530])))
    ]
    assert scores.ln_bf[3] > 100
    assert scores.ln_bf[[0, 2]].max() < 3
    assert scores.ln_bf[1] == 0
    assert scores.best_offset_mag[3] == pytest.approx(sign * 0.4, abs=0.1)
    assert scores.best_p[3] > 0.9
    other = "jump" if kind == "dip" else "dip"
    assert (
        len(trigger_runs(points, score_points(points, baseline, other, parameters), parameters, mode))
        == 0
    )


def test_dips_and_jumps_mirror_each_other(rng):
    points, baseline = make_batch(rng, [100, 250])
    points.mag[30:35] += 0.3
    dip = score_points(points, baseline, "dip", DEFAULT)
    np.copyto(points.mag, 2 * baseline.mean - points.mag)
    jump = score_points(points, baseline, "jump", DEFAULT)
    np.testing.assert_allclose(dip.ln_bf, jump.ln_bf, atol=1e-9)
    np.testing.assert_allclose(dip.best_offset_mag, -jump.best_offset_mag, atol=1e-12)
    np.testing.assert_allclose(dip.posterior, jump.posterior, atol=1e-9)
    np.testing.assert_allclose(dip.ln_bf_local, jump.ln_bf_local, atol=1e-8)


def test_a_run_carries_its_own_evidence(rng):
    """Maxima and sum belong to the same row, also when runs before it are rejected."""
    points, _ = make_batch(rng, [60, 80])
    n = len(points.mag)
    local = rng.normal(0, 1, n)
    strong = [5, 20, 21, 23, 59, 60, 61, 80, 100, 138, 139]
    local[strong] = rng.uniform(6, 50, len(strong))
    posterior = rng.random(n)
    empty = np.zeros(2)
    scores = PointScores("dip", empty, empty, empty, local, posterior)
    parameters = PointTriggerParameters(runs=RunParameters(allow_gap_points=1))
    runs = trigger_runs(points, scores, parameters, "logbf")
    expected = [(0, [20, 21, 23]), (1, [60, 61]), (1, [138, 139])]
    assert len(runs) == len(expected)
    for run, (star, members) in zip(runs, expected, strict=True):
        first = points.offsets[star]
        assert (run["star"], run["start"], run["stop"]) == (
            star, members[0] - first, members[-1] + 1 - first,
        )  # fmt: skip
        assert run["n_triggered"] == len(members)
        assert run["max_posterior"] == posterior[members].max()
        assert run["max_ln_bf_local"] == local[members].max()
        assert run["sum_ln_bf_local"] == pytest.approx(local[members].sum())


def test_thresholds_of_dips_and_jumps_are_separate():
    local, posterior = np.array([4.0, 4.0]), np.array([0.99999971, 0.9999996])
    points, _ = make_batch(np.random.default_rng(0), [2])
    empty = np.zeros(1)
    parameters = PointTriggerParameters(ln_bf_threshold_jump=3.0)
    for kind, n_runs in (("dip", 0), ("jump", 1)):
        scores = PointScores(kind, empty, empty, empty, local, posterior)
        assert len(trigger_runs(points, scores, parameters, "logbf")) == n_runs
    single = PointTriggerParameters(runs=RunParameters(min_points=1))
    scores = PointScores("dip", empty, empty, empty, local, posterior)
    assert trigger_runs(points, scores, single, "posterior_prob")["n_triggered"].tolist() == [1]


def test_grid_bounds_are_kept(rng):
    points, baseline = make_batch(rng, [200])
    points.mag[50:60] += 2.0
    parameters = PointTriggerParameters(
        mag_points=5, mag_min_offset=0.1, mag_max_offset=0.5, p_points=3, p_min=0.2, p_max=0.8,
        mag_spacing="linear",
    )  # fmt: skip
    scores = score_points(points, baseline, "dip", parameters)
    assert scores.best_offset_mag[0] == pytest.approx(0.5)
    assert scores.best_p[0] == pytest.approx(0.8)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_do_not_change_the_result(rng, workers):
    points, baseline = make_batch(rng, rng.integers(0, 90, 30))
    one = score_points(points, baseline, "dip", DEFAULT)
    many = score_points(points, baseline, "dip", DEFAULT, workers)
    for name in ("ln_bf", "best_p", "best_offset_mag", "ln_bf_local", "posterior"):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))


def test_bad_input_is_refused(rng):
    points, baseline = make_batch(rng, [5])
    with pytest.raises(ValueError, match="kind"):
        score_points(points, baseline, "flare", DEFAULT)
    baseline.mean[2] = np.nan
    with pytest.raises(ValueError, match="residuals"):
        score_points(points, baseline, "dip", DEFAULT)


@pytest.mark.parametrize(
    "wrong",
    [
        {"p_min": 0.9, "p_max": 0.5},
        {"mag_min_offset": 0.5, "mag_max_offset": 0.1},
        {"mode": "logbf"},
        {"runs": {"min_cameras": 2}},
        {"p_points": 0},
    ],
)
def test_mistyped_parameters_are_refused(wrong):
    with pytest.raises(ValidationError):
        PointTriggerParameters(**wrong)
