"""Inject, search, judge, and see what became of what was put in."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.evaluation.efficiency import DONE
from malca.evaluation.inject import inject, injected_spans
from malca.evaluation.judging import (
    CANDIDATE,
    SelectionParameters,
    StarFacts,
    search_and_judge,
    stage_names,
    stages_passed,
)
from malca.evaluation.noise import ErrorModel
from malca.evaluation.parameters import InjectionParameters
from malca.evaluation.periods import TestedStars
from malca.kernels.ranges import spans_to_ranges
from malca.lightcurves import LightCurves
from malca.search.parameters import SearchParameters
from malca.search.points import UsablePoints, usable_points
from malca.search.survey import SearchedBatch, search_batch
from malca.search.tags import excluded_of_lists, points_of_cameras

_RECOVERED = ("depth_mag", "duration_days", "jd_peak", "ln_bf")


def run_trials(
    lightcurves: LightCurves,
    trials: pd.DataFrame,
    facts: StarFacts,
    errors: ErrorModel,
    injection: InjectionParameters,
    selection: SelectionParameters,
    workers: int,
) -> pd.DataFrame:
    """Run trials on stars of one batch. No trial's result depends on which others are run with it.

    A trial is recovered if an event of its kind overlaps the injected one *where there are points*: an
    event that shares no point with the injected span has not seen it.

    Parameters
    ----------
    lightcurves : LightCurves
        Of the trials' stars; of others, nothing is done.
    trials : DataFrame
        See ``malca.evaluation.design.design_trials``.
    facts : StarFacts
        Of the stars.
    errors : ErrorModel
    injection : InjectionParameters
    selection : SelectionParameters
    workers : int
        Threads.

    Returns
    -------
    DataFrame
        The rows of ``trials`` in their order, without ``partition``, and

        - ``jd_start, jd_end``: of the injected event (the first, of several), where its profile exceeds
          a tenth of its peak; ``n_points_inside``, usable points in all spans; ``observed``: any.
        - ``outcome``: "done", or why the star was not searched; ``searched``.
        - ``already``: the star itself has an event there; ``n_own_events``, of this kind, anywhere.
        - ``triggered``: an event triggered, be it too shallow; ``event``; ``passed_<filter>``,
          ``candidate``: so far it came; ``failed_<filter>`` of each filter.
        - ``n_found``: of the injected events, those recovered.
        - ``recovered_depth_mag, recovered_duration_days, recovered_t_peak_jd, ln_bf`` of the recovered
          event of largest ``ln_bf``.
    """
    kind = injection.kind
    owner = trials[["trial_id", "asas_sn_id"]].rename(columns={"trial_id": "case_id"})
    stars = _own_stars(lightcurves, trials)
    own = search_batch(
        stars,
        facts.manifest,
        facts.vsx_matches,
        facts.camera_statistics,
        selection.detection,
        workers,
    )
    injected = inject(stars, trials, errors, injection)
    periods = TestedStars(
        stars, own.events, own.tags.set_index("asas_sn_id")["excluded_cameras"], owner,
        selection.periodicity, workers,
    )  # fmt: skip
    judged = search_and_judge(injected, owner, facts, selection, periods, workers)
    points = searched_points(injected, judged.searched, selection.detection.search)
    spans = injected_spans(trials, injection)
    spans["row"] = pd.Index(trials["trial_id"]).get_indexer(spans["trial_id"])
    inside = _n_points(points, spans["row"], spans["jd_start"], spans["jd_end"])
    result = trials.drop(columns="partition", errors="ignore").reset_index(drop=True)
    first = spans.drop_duplicates("row").set_index("row")
    result["jd_start"], result["jd_end"] = first["jd_start"], first["jd_end"]
    result["n_points_inside"] = np.bincount(spans["row"], inside, len(trials)).astype(np.int64)
    result["observed"] = result["n_points_inside"] > 0
    result["outcome"], result["searched"] = search_outcomes(trials["trial_id"], judged.searched)
    own_events = own.events[own.events["kind"] == kind]
    of_star = owner.merge(own_events[["asas_sn_id", "jd_start", "jd_end"]], on="asas_sn_id")
    result["n_own_events"] = result["trial_id"].map(of_star["case_id"].value_counts()).fillna(0)
    result["n_own_events"] = result["n_own_events"].astype(np.int64)
    of_star = of_star.drop(columns="asas_sn_id").rename(columns={"case_id": "asas_sn_id"})
    result["already"] = _flags(_overlaps(spans, of_star, points), len(trials))
    shallow = judged.searched.shallow
    events = judged.searched.events
    events, shallow = (table[table["kind"] == kind] for table in (events, shallow))
    found = _overlaps(spans, events, points)
    result["event"] = _flags(found, len(trials))
    result["triggered"] = result["event"] | _flags(_overlaps(spans, shallow, points), len(trials))
    result["n_found"] = (
        found.drop_duplicates("span")["row"].value_counts().reindex(result.index).fillna(0)
    ).astype(np.int64)
    stages = stages_passed(judged, selection.filtering, kind).set_index("case_id")
    stages = stages.reindex(result["trial_id"]).reset_index(drop=True)
    for name in stage_names(selection.filtering)[2:]:
        result[name] = stages[name].fillna(False).astype(bool) & result["event"]
    for name in stages.columns.difference([*result.columns, CANDIDATE], sort=False):
        result[name] = stages[name].astype("boolean")
    best = found.sort_values("ln_bf").drop_duplicates("row", keep="last").set_index("row")
    names = ("recovered_depth_mag", "recovered_duration_days", "recovered_t_peak_jd", "ln_bf")
    for name, column in zip(names, _RECOVERED, strict=True):
        result[name] = best[column].astype(float).reindex(result.index)
    return result


def searched_points(
    lightcurves: LightCurves, searched: SearchedBatch, parameters: SearchParameters
) -> UsablePoints:
    """Points that the search used, a star (or case) each."""
    cameras = excluded_of_lists(searched.tags)
    excluded = points_of_cameras(lightcurves, cameras) if len(cameras) else None
    return usable_points(
        lightcurves,
        max_mag_err=parameters.max_mag_err,
        use_bad_quality=parameters.use_bad_quality,
        excluded=excluded,
    )


def _own_stars(lightcurves: LightCurves, trials: pd.DataFrame) -> LightCurves:
    ids = np.unique(trials["asas_sn_id"].to_numpy(np.int64))
    place = pd.Index(lightcurves.stars["asas_sn_id"].to_numpy(np.int64)).get_indexer(ids)
    if (place < 0).any():
        raise ValueError(f"star {ids[place < 0][0]} is to be injected into and has no light curve")
    return lightcurves.take(place)


def _n_points(points: UsablePoints, row: pd.Series, start: pd.Series, end: pd.Series) -> np.ndarray:
    """Usable points of each star from one date to another."""
    first, last = np.empty(len(row), np.int64), np.empty(len(row), np.int64)
    spans_to_ranges(
        points.offsets,
        points.jd,
        row.to_numpy(np.int64),
        start.to_numpy(np.float64),
        end.to_numpy(np.float64),
        first,
        last,
    )
    return np.maximum(last - first, 0)


def _overlaps(spans: pd.DataFrame, events: pd.DataFrame, points: UsablePoints) -> pd.DataFrame:
    """Pairs of an injected span and an event with a point in both: ``row, span`` and the event's."""
    both = spans.reset_index(names="span").merge(
        events, left_on="trial_id", right_on="asas_sn_id", suffixes=("", "_event")
    )
    start = both[["jd_start", "jd_start_event"]].max(axis=1)
    end = both[["jd_end", "jd_end_event"]].min(axis=1)
    both = both[(end >= start).to_numpy()]
    start, end = start.loc[both.index], end.loc[both.index]
    return both[_n_points(points, both["row"], start, end) > 0]


def _flags(pairs: pd.DataFrame, n: int) -> np.ndarray:
    flags = np.zeros(n, bool)
    flags[pairs["row"].to_numpy(np.int64)] = True
    return flags


def search_outcomes(ids: pd.Series, searched: SearchedBatch) -> tuple[np.ndarray, np.ndarray]:
    """Whether each star (or case) was searched, and if not, why: "done" or the reason, and a flag."""
    tags = searched.tags.set_index("asas_sn_id")
    used = [name for name in tags if name.startswith("failed_") and name != "failed_any"]
    outcome = pd.Series(DONE, index=ids.to_numpy(np.int64), dtype=object)
    for star in tags.index[tags["failed_any"]]:
        names = [name.removeprefix("failed_") for name in used if tags.loc[star, name]]
        outcome[star] = f"not searched: {', '.join(names)}"
    failed = searched.failures.dropna(subset="asas_sn_id").set_index("asas_sn_id")["reason"]
    for star, reason in failed.items():
        outcome[star] = str(reason)
    told = outcome.to_numpy()
    return told, told == DONE
