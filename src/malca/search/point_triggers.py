"""Point by point: how likely each point belongs to an event, and runs of likely ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from malca.kernels.mixture import (
    POSTERIOR_WEIGHTED,
    PRIOR_WEIGHTED,
    check_mixture_input,
    fill_offset_grids,
    score_stars,
)
from malca.kernels.runs import RUN_DTYPE, find_runs
from malca.search.baseline import Baseline
from malca.search.points import UsablePoints
from malca.search.threads import map_star_ranges

_SIGN = {"dip": 1.0, "jump": -1.0}
_LEAST_SPAN = 5.0  # an automatic grid reaches at least this multiple of its smallest offset

#: A run of triggered points with its strongest and summed evidence.
TRIGGERED_RUN_DTYPE = np.dtype(
    [
        *RUN_DTYPE.descr,
        ("max_posterior", np.float64),
        ("max_ln_bf_local", np.float64),
        ("sum_ln_bf_local", np.float64),
    ]
)


#: What a point must exceed to trigger: its probability of belonging to an event, or its ln BF.
PointMode = Literal["posterior_prob", "logbf"]


class RunParameters(BaseModel):
    """How triggered points form runs, and which runs count."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    allow_gap_points: int = Field(
        5, ge=0, description="Untriggered points allowed between triggered ones."
    )
    max_gap_days: float | None = Field(
        None, gt=0, description="Longest time between triggered points, d; unset: any."
    )
    min_points: int = Field(2, ge=1, description="Triggered points a run needs.")
    min_duration_days: float = Field(
        0.0, ge=0, description="Time from first to last triggered point a run needs, d."
    )
    min_channels: int = Field(
        1, ge=1, description="Channels (camera and band) the triggered points must come from."
    )


class PointTriggerParameters(BaseModel):
    """Grid of the mixture, thresholds, and rules of the runs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    p_points: int = Field(12, ge=1, description="Grid points in p, the baseline's share of points.")
    p_min: float = Field(0.5, ge=0, le=1, description="Smallest p.")
    p_max: float = Field(1 - 1e-4, ge=0, le=1, description="Largest p.")
    mag_points: int = Field(12, ge=1, description="Grid points in event offset.")
    mag_min_offset: float = Field(0.02, gt=0, description="Size of the smallest offset, mag.")
    mag_max_offset: float | None = Field(
        None,
        gt=0,
        description="Size of the largest offset, mag; unset: the star's largest residual in the "
        "direction of the event, at least five times mag_min_offset.",
    )
    mag_spacing: Literal["log", "linear"] = Field(
        "log", description="Equal ratios or equal steps between offsets."
    )
    local_weighting: Literal["posterior", "prior"] = Field(
        "posterior",
        description="Weight of the offsets in a point's own Bayes factor: their posterior given "
        "all points of the star, or uniform.",
    )
    posterior_threshold_percent: float = Field(
        99.99997, gt=0, lt=100, description="Least event probability of a trigger, %."
    )
    ln_bf_threshold_dip: float = Field(5.0, description="Least local ln Bayes factor of a dip.")
    ln_bf_threshold_jump: float = Field(5.0, description="Least local ln Bayes factor of a jump.")
    runs: RunParameters = Field(
        default_factory=RunParameters, description="What makes a run of triggered points an event."
    )

    @model_validator(mode="after")
    def _ordered(self):
        if self.p_max < self.p_min:
            raise ValueError(f"p_max {self.p_max} is below p_min {self.p_min}")
        if self.mag_max_offset is not None and self.mag_max_offset < self.mag_min_offset:
            raise ValueError(
                f"mag_max_offset {self.mag_max_offset} is below mag_min_offset {self.mag_min_offset}"
            )
        return self


@dataclass(frozen=True, eq=False)
class PointScores:
    """Evidence of events of one kind, by star and by point.

    Attributes
    ----------
    kind : "dip" or "jump"
    ln_bf : (n_stars,) array
        ln Bayes factor of baseline with events against baseline alone; 0 for a star without
        points.
    best_p : (n_stars,) array
        Share of points on the baseline in the likeliest cell; NaN for a star without points.
    best_offset_mag : (n_stars,) array
        Event less baseline in the likeliest cell, mag, positive for dips, negative for jumps;
        NaN for a star without points.
    ln_bf_local : (n_points,) array
        ln Bayes factor of the point on its own.
    posterior : (n_points,) array
        Probability that the point belongs to an event.
    """

    kind: Literal["dip", "jump"]
    ln_bf: np.ndarray
    best_p: np.ndarray
    best_offset_mag: np.ndarray
    ln_bf_local: np.ndarray
    posterior: np.ndarray


def score_points(
    points: UsablePoints,
    baseline: Baseline,
    kind: Literal["dip", "jump"],
    parameters: PointTriggerParameters,
    workers: int = 1,
) -> PointScores:
    """Score all points for events of one kind (model in ``malca.kernels.mixture``).

    Raises
    ------
    ValueError
        ``kind`` is neither "dip" nor "jump", or the baseline holds values that are not finite.
    """
    if kind not in _SIGN:
        raise ValueError(f"kind must be 'dip' or 'jump', not {kind!r}")
    n_stars, n_points = len(points), len(points.mag)
    residual = points.mag - baseline.mean
    p_grid = np.linspace(parameters.p_min, parameters.p_max, parameters.p_points)
    check_mixture_input(residual, baseline.sigma_eff, p_grid)
    grids = np.empty((n_stars, parameters.mag_points))
    ln_bf, best_p, best_offset = (np.empty(n_stars) for _ in range(3))
    ln_bf_local, posterior = np.empty(n_points), np.empty(n_points)
    largest = np.inf if parameters.mag_max_offset is None else parameters.mag_max_offset
    posterior_weighted = parameters.local_weighting == "posterior"

    def score(start, stop):
        fill_offset_grids(
            points.offsets, residual, _SIGN[kind], parameters.mag_min_offset, largest, _LEAST_SPAN,
            parameters.mag_spacing == "log", start, stop, grids,
        )  # fmt: skip
        score_stars(
            points.offsets, residual, baseline.sigma_eff, p_grid, grids,
            POSTERIOR_WEIGHTED if posterior_weighted else PRIOR_WEIGHTED,
            start, stop, ln_bf, best_p, best_offset, ln_bf_local, posterior,
        )  # fmt: skip

    map_star_ranges(score, n_stars, workers, points.offsets)
    return PointScores(kind, ln_bf, best_p, best_offset, ln_bf_local, posterior)


def triggered_points(
    scores: PointScores, parameters: PointTriggerParameters, mode: PointMode
) -> np.ndarray:
    """Points that reach the threshold of ``mode``, (n_points,) bool."""
    if mode == "posterior_prob":
        return scores.posterior >= parameters.posterior_threshold_percent / 100.0
    if scores.kind == "dip":
        return scores.ln_bf_local >= parameters.ln_bf_threshold_dip
    return scores.ln_bf_local >= parameters.ln_bf_threshold_jump


def trigger_runs(
    points: UsablePoints, scores: PointScores, parameters: PointTriggerParameters, mode: PointMode
) -> np.ndarray:
    """Group the points that trigger in ``mode`` into runs.

    Returns
    -------
    (n_runs,) array of TRIGGERED_RUN_DTYPE
        By star and time; ``start:stop`` counts usable points from the star's first. Maxima and
        sum are over the triggered points of the run only.
    """
    triggered = triggered_points(scores, parameters, mode)
    runs = find_runs(
        points.offsets, points.jd, triggered, points.channel, **parameters.runs.model_dump()
    )
    result = np.empty(len(runs), TRIGGERED_RUN_DTYPE)
    for name in runs.dtype.names or ():
        result[name] = runs[name]
    if len(runs) == 0:
        return result
    index = np.flatnonzero(triggered)
    first = np.searchsorted(index, points.offsets[runs["star"]] + runs["start"])
    # reduceat over alternating edges; the even pieces are the runs, the odd ones lie between
    edges = np.column_stack([first, first + runs["n_triggered"]]).ravel()
    for name, values, reduce in (
        ("max_posterior", scores.posterior, np.maximum),
        ("max_ln_bf_local", scores.ln_bf_local, np.maximum),
        ("sum_ln_bf_local", scores.ln_bf_local, np.add),
    ):
        padded = np.append(values[index], 0.0)  # so that the last edge exists
        result[name] = reduce.reduceat(padded, edges)[::2]
    return result
