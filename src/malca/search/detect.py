"""The detector, end to end on a batch of light curves."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from malca.kernels.ranges import maxima, spans_to_ranges
from malca.lightcurves import FAILURE_DTYPES, LightCurves, no_failures
from malca.search.baseline import Baseline, fit_baseline
from malca.search.event_trigger import find_window_events
from malca.search.morphology import as_table, event_columns
from malca.search.parameters import SearchParameters, search_parameters
from malca.search.point_triggers import PointScores, score_points, trigger_runs
from malca.search.points import UsablePoints, usable_points
from malca.search.score import event_scores
from malca.search.sources import summarise_sources

KINDS: tuple[Literal["dip"], Literal["jump"]] = ("dip", "jump")


@dataclass(frozen=True, eq=False)
class Detection:
    """What a search found.

    Attributes
    ----------
    sources : DataFrame
        A row a searched star.
    events : DataFrame
        A row an accepted event.
    failures : DataFrame
        A row a star that could not be searched, or a file that could not be read, with the reason.
    shallow : DataFrame
        Triggered events that are no events, for they stay below ``min_mag_offset``: ``asas_sn_id, name,
        kind, jd_start, jd_end, depth_mag``.
    points : UsablePoints
        The points that were searched.
    baseline : Baseline
    """

    sources: pd.DataFrame
    events: pd.DataFrame
    failures: pd.DataFrame
    shallow: pd.DataFrame
    points: UsablePoints
    baseline: Baseline


def detect_events(
    lightcurves: LightCurves,
    parameters: SearchParameters | None = None,
    *,
    excluded: np.ndarray | None = None,
    workers: int = 0,
    **changes: Any,
) -> Detection:
    """Search light curves for dips and jumps.

    Parameters
    ----------
    lightcurves : LightCurves
    parameters : SearchParameters, optional
        Everything adjustable; the defaults otherwise.
    excluded : (n_points,) bool array, optional
        Points to leave out, for instance those of excluded cameras.
    workers : int
        Threads; 0 takes every core.
    **changes
        Single parameters by name in place of ``parameters``: ``baseline="gp"``,
        ``trigger_mode="logbf"``, ``p_points=20``, ``min_mag_offset=0.1`` …

    Raises
    ------
    ValueError
        A parameter does not exist or is not allowed, or both ways of giving them were used.
    """
    if parameters is not None and changes:
        raise ValueError("give either `parameters` or single parameters by name, not both")
    parameters = parameters or search_parameters(changes)
    workers = workers or len(os.sched_getaffinity(0))
    points = usable_points(
        lightcurves,
        max_mag_err=parameters.max_mag_err,
        use_bad_quality=parameters.use_bad_quality,
        excluded=excluded,
    )
    searched, failures = _enough_points(lightcurves, points, parameters.min_points)
    if len(lightcurves.failures):
        failures = pd.concat([lightcurves.failures, failures], ignore_index=True)
    if len(searched) < len(lightcurves):
        points = points.take(searched)
    stars = lightcurves.stars.iloc[searched].reset_index(drop=True)
    baseline = fit_baseline(points, parameters.baseline, workers)
    scores = [score_points(points, baseline, kind, parameters.points, workers) for kind in KINDS]
    found = _find(points, baseline, scores, parameters, workers)
    cameras = [camera.name for camera in lightcurves.cameras]
    events = _describe(points, baseline, scores, found, parameters, workers, cameras)
    accepted = events["depth_mag"] >= parameters.min_mag_offset
    shallow = {
        name: events[name][~accepted] for name in ("star", "kind", "jd_start", "jd_end", "depth_mag")
    }
    events = {name: values[accepted] for name, values in events.items()}
    sources = summarise_sources(stars, points, baseline, scores, events, shallow, parameters, cameras)
    below = _shallow_table(shallow, stars)
    return Detection(sources, _identify(events, stars), failures, below, points, baseline)


def _enough_points(
    lightcurves: LightCurves, points: UsablePoints, min_points: int
) -> tuple[np.ndarray, pd.DataFrame]:
    usable = np.diff(points.offsets)
    too_few = np.flatnonzero(usable < min_points)
    if len(too_few) == 0:
        return np.arange(len(usable)), no_failures()
    rows = lightcurves.stars.iloc[too_few]
    total = np.diff(lightcurves.offsets)[too_few]
    failures = pd.DataFrame(
        {
            "name": rows["name"].to_numpy(),
            "source": rows["source"].to_numpy(),
            "asas_sn_id": rows["asas_sn_id"].array,
            "stage": "detection",
            "reason": "too_few_points",
            "detail": [
                f"{n} of {all_points} points are usable, {min_points} are needed"
                for n, all_points in zip(usable[too_few], total, strict=True)
            ],
        },
        columns=list(FAILURE_DTYPES),
    ).astype(FAILURE_DTYPES)
    return np.flatnonzero(usable >= min_points), failures


def _find(
    points: UsablePoints,
    baseline: Baseline,
    scores: list[PointScores],
    parameters: SearchParameters,
    workers: int,
) -> dict[str, np.ndarray]:
    """Spans of the triggered events: star, sign, jd_start, jd_end, ln_bf and what the trigger knows."""
    if parameters.trigger_mode == "event":
        found = find_window_events(points, baseline, parameters.event, workers)
        return {
            "star": found.star,
            "sign": found.sign,
            "jd_start": found.jd_start,
            "jd_end": found.jd_end,
            "ln_bf": found.ln_bf,
            "significance": found.significance,
            "significance_without_strongest": found.significance_without_strongest,
            "n_visits": found.n_visits,
            "n_cameras_observing": found.n_channels_observing,
        }
    parts = []
    for sign, score in zip((1.0, -1.0), scores, strict=True):
        runs = trigger_runs(points, score, parameters.points, parameters.trigger_mode)
        first = points.offsets[runs["star"]] + runs["start"]
        last = points.offsets[runs["star"]] + runs["stop"] - 1
        unknown = np.full(len(runs), np.nan)
        parts.append(
            {
                "star": runs["star"],
                "sign": np.full(len(runs), sign),
                "jd_start": points.jd[first],
                "jd_end": points.jd[last],
                "ln_bf": runs["sum_ln_bf_local"],
                "significance": unknown,
                "significance_without_strongest": unknown,
                "n_visits": runs["n_triggered"],
                "n_cameras_observing": runs["n_channels"],
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _describe(
    points: UsablePoints,
    baseline: Baseline,
    scores: list[PointScores],
    found: dict[str, np.ndarray],
    parameters: SearchParameters,
    workers: int,
    cameras: list[str],
) -> dict[str, np.ndarray]:
    """Shapes and point statistics of the triggered events, ordered by star and time."""
    order = np.lexsort([found["sign"], found["jd_start"], found["star"]])
    found = {name: values[order] for name, values in found.items()}
    star, sign, start, end = (found[name] for name in ("star", "sign", "jd_start", "jd_end"))
    residual = points.mag - baseline.mean
    first, last = np.empty(len(star), np.int64), np.empty(len(star), np.int64)
    spans_to_ranges(points.offsets, points.jd, star, start, end, first, last)
    events = event_columns(
        points, residual, baseline.sigma_eff, star, sign, start, end, workers,
        min_delta_bic=parameters.min_delta_bic, cameras=cameras,
    )  # fmt: skip
    events |= {name: values for name, values in found.items() if name not in events}
    for column, quantity in (("max_posterior", "posterior"), ("max_ln_bf_local", "ln_bf_local")):
        both = np.empty((2, len(star)))
        for k, score in enumerate(scores):
            maxima(first, last, getattr(score, quantity), both[k])
        events[column] = np.where(sign > 0, both[0], both[1])
    deepest = np.empty(len(star), np.int64)
    for k in range(len(star)):
        deepest[k] = first[k] + np.argmax(sign[k] * residual[first[k] : last[k]])
    t0 = events["t0_jd"]
    inside = (t0 >= start) & (t0 <= end)
    # A fitted extremum in a gap outside what was seen is no observed peak.
    events["jd_peak"] = np.where(inside, t0, points.jd[deepest])
    events["score"] = event_scores(events)
    del events["sign"]
    return events


def _shallow_table(shallow: dict[str, np.ndarray], stars: pd.DataFrame) -> pd.DataFrame:
    if not len(shallow["star"]):
        return _no_shallow().copy()
    return as_table(
        {
            "asas_sn_id": stars["asas_sn_id"].array[shallow["star"]],
            "name": stars["name"].array[shallow["star"]],
            **{name: values for name, values in shallow.items() if name != "star"},
        }
    )


@cache
def _no_shallow() -> pd.DataFrame:
    # Made once: pandas takes longer for it than a search of one star.
    types = {"asas_sn_id": "Int64", "name": "str", "kind": "str"}
    numbers = dict.fromkeys(("jd_start", "jd_end", "depth_mag"), "float64")
    return pd.DataFrame(columns=[*types, *numbers]).astype(types | numbers)


_EVENT_ORDER = (
    "asas_sn_id", "name", "event_id", "kind", "jd_start", "jd_end", "jd_peak", "duration_days",
    "depth_mag", "n_points", "n_cameras", "n_bands", "ln_bf", "significance", "max_posterior",
    "morphology", "delta_bic", "amp_mag", "t0_jd", "width_days", "fwhm_days", "skewness",
    "symmetry_score", "score",
)  # fmt: skip


def _identify(events: dict[str, np.ndarray], stars: pd.DataFrame) -> pd.DataFrame:
    """Give events their star's id and a number within the star."""
    star = events["star"]
    number = np.arange(len(star)) - np.searchsorted(star, star)
    named = {
        **events,
        "asas_sn_id": stars["asas_sn_id"].array[star],
        "name": stars["name"].array[star],
        "event_id": number,
    }
    order = (*_EVENT_ORDER, *(name for name in events if name not in {*_EVENT_ORDER, "star"}))
    return as_table({name: named[name] for name in order})
