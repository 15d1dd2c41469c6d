"""Choose the parameters of the search by what they find and what they wrongly find."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure
from pydantic import BaseModel, ConfigDict

from malca.columns import Columns
from malca.evaluation.cases import design_cases, run_cases
from malca.evaluation.design import design_trials
from malca.evaluation.judging import SelectionParameters, StarFacts
from malca.evaluation.parameters import InjectionParameters
from malca.evaluation.reliability import clean
from malca.evaluation.sweep import sweep_curves
from malca.evaluation.trials import run_trials
from malca.filters import FilteringParameters
from malca.lightcurves import LightCurves
from malca.partitions import ComputeParameters, PartitionMap
from malca.pipelines.evaluation.injections import errors_of, of_a_trial
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.pipelines.evaluation.samples import injected_stars
from malca.pipelines.evaluation.tasks import (
    CAMERA_COLUMNS,
    DIP_COLUMNS,
    PLACE_COLUMNS,
    plan_tasks,
    star_facts,
)
from malca.plots.sweep import sweep_figure
from malca.search.parameters import DetectionParameters
from malca.search.survey import VSX_COLUMNS

logger = logging.getLogger(__name__)

_TRIALS, _NULLS = "trials", "nulls"
_TRIAL_COLUMNS = [
    "setting", "value", "trial_id", "asas_sn_id", "median_mag", "depth_mag", "duration_days",
    "n_points_inside", "searched", "already", "triggered", "event",
]  # fmt: skip
_CASE_COLUMNS = [
    "setting", "value", "case_id", "asas_sn_id", "family", "median_mag", "searched", "n_dips",
    "n_jumps",
]  # fmt: skip


class SweepPoints(BaseModel):
    """Search parameters of every point, by setting and value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: tuple[str, ...]
    values: tuple[float, ...]
    detection: tuple[DetectionParameters, ...]


def plan_sweep(
    lightcurves: Any,
    evaluated_stars: pd.DataFrame,
    manifest: Annotated[pd.DataFrame, Columns(*PLACE_COLUMNS)],
    vsx_matches: Annotated[pd.DataFrame, Columns(*VSX_COLUMNS)],
    camera_statistics: Annotated[pd.DataFrame, Columns(*CAMERA_COLUMNS)],
    events: Annotated[pd.DataFrame, Columns(*DIP_COLUMNS)],
    error_model: pd.DataFrame,
    parameters: EvaluationParameters,
    detection: DetectionParameters,
    compute: ComputeParameters,
) -> PartitionMap:
    """Say what is to be searched with every setting: the same trials and null light curves.

    No filter is asked: they were made for what the default search finds. A task's light curves are read
    and altered once for all settings.
    """
    sweep = parameters.sweep
    injection = parameters.injection.model_copy(update={"n_trials": sweep.n_trials})
    control = injected_stars(evaluated_stars, parameters)
    nulled = evaluated_stars[evaluated_stars["nulled"]].drop(columns=["injected", "nulled"])
    nulls = design_cases(nulled, sweep.families, parameters.reliability.seed + 2, sweep.n_nulls)
    points = SweepPoints(
        settings=tuple(name for name, _ in sweep.points),
        values=tuple(value for _, value in sweep.points),
        detection=tuple(sweep.detection(point, detection) for point in sweep.points),
    )
    return plan_tasks(
        sweep_partition,
        lightcurves,
        {_TRIALS: design_trials(control, injection), _NULLS: nulls[clean(nulls)]},
        star_facts(manifest, vsx_matches, camera_statistics, events),
        {"injection": of_a_trial(injection), "points": points},
        {"error_model": error_model},
        injection.trials_per_task,
        "sweep",
        compute,
    )


def sweep_partition(
    lightcurves: pa.Table,
    rows: pd.DataFrame,
    injection: InjectionParameters,
    points: SweepPoints,
    error_model: pd.DataFrame,
    workers: int,
    **facts: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Search the light curves of one task with every setting: tables ``trials`` and ``cases``."""
    batch, known = LightCurves.from_table(lightcurves), StarFacts(**facts)
    errors = errors_of(error_model)
    trials, cases = [], []
    for setting, value, detection in zip(points.settings, points.values, points.detection, strict=True):
        selection = SelectionParameters(detection=detection, filtering=FilteringParameters(filters={}))
        point = {"setting": setting, "value": value}
        if "trial_id" in rows:
            result = run_trials(batch, rows, known, errors, injection, selection, workers)
            trials.append(result.assign(**point)[_TRIAL_COLUMNS])
        else:
            result = run_cases(batch, rows, known, selection, injection.seed, workers)
            cases.append(result.assign(**point)[_CASE_COLUMNS])
    return {
        "trials": pd.concat(trials, ignore_index=True) if trials else _empty(_TRIAL_COLUMNS),
        "cases": pd.concat(cases, ignore_index=True) if cases else _empty(_CASE_COLUMNS),
    }


_INTEGERS = {"trial_id", "case_id", "asas_sn_id", "n_points_inside", "n_dips", "n_jumps"}
_FLAGS = {"searched", "already", "triggered", "event"}
_WORDS = {"setting", "family"}


def _empty(columns: list[str]) -> pd.DataFrame:
    types = {
        name: "int64" if name in _INTEGERS else "bool" if name in _FLAGS
        else "str" if name in _WORDS else "float64"
        for name in columns
    }  # fmt: skip
    return pd.DataFrame(columns=columns).astype(types)


def collect_sweep(
    sweep_partitions: Any,
) -> tuple[Mapping[str, Callable[[], pa.Table]], Mapping[str, Callable[[], pa.Table]]]:
    """Gather the tasks' tables."""
    return sweep_partitions["trials"], sweep_partitions["cases"]


def summarise_sweep(
    sweep_trials: pd.DataFrame, sweep_cases: pd.DataFrame, parameters: EvaluationParameters
) -> pd.DataFrame:
    """Set completeness against false alarms; see ``malca.evaluation.sweep.sweep_curves``."""
    curves = sweep_curves(sweep_trials, sweep_cases, parameters.sweep)
    shown = [
        "setting", "value", "completeness", "all_completeness", "false_per_1000", "n_trials", "n_nulls",
        "wins",
    ]  # fmt: skip
    logger.info(
        "completeness and false alarms\n\n%s",
        curves[shown].to_string(
            index=False, float_format=lambda x: f"{x:.9g}" if x > 99 else f"{x:.4g}"
        ),
    )
    winner = curves[curves["wins"]]
    if len(winner):
        one = winner.iloc[0]
        logger.info(
            "%s with %s = %g wins: %.1f %% complete at depths and durations that decide, %.1f false "
            "alarms in 1,000 null light curves",
            one["setting"], one["varied"], one["value"], 100 * one["completeness"],
            one["false_per_1000"],
        )  # fmt: skip
    else:
        logger.warning(
            "no setting has as few as %g false alarms in 1,000", parameters.sweep.max_false_per_1000
        )
    return curves


def draw_sweep(
    sweep_points: pd.DataFrame, sweep_trials: pd.DataFrame, parameters: EvaluationParameters
) -> Figure:
    """Draw the curves, and where the winner is better and worse than the original's default."""
    return sweep_figure(sweep_points, sweep_trials, parameters.sweep)
