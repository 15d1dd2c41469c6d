"""Injection and recovery: how much of what is there the search finds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa

from malca.columns import Columns
from malca.evaluation.design import design_trials
from malca.evaluation.efficiency import CubeEdges, EfficiencyCube, efficiency_cube
from malca.evaluation.judging import SelectionParameters, StarFacts, stage_names
from malca.evaluation.noise import ErrorModel
from malca.evaluation.parameters import InjectionParameters
from malca.evaluation.trials import run_trials
from malca.filters import FilteringParameters
from malca.lightcurves import LightCurves
from malca.partitions import ComputeParameters, PartitionMap, fingerprint
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.pipelines.evaluation.samples import injected_stars
from malca.pipelines.evaluation.tasks import (
    CAMERA_COLUMNS,
    PLACE_COLUMNS,
    plan_tasks,
    star_facts,
)
from malca.search.parameters import DetectionParameters
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.survey import VSX_COLUMNS

logger = logging.getLogger(__name__)

#: Parameters of injections that no result of a trial depends on: what is drawn is in its row.
_NOT_OF_A_TRIAL = {
    "n_trials": 1, "n_stars": 1, "trials_per_task": 1, "shapes": {}, "stars": "searched",
}  # fmt: skip


def design(evaluated_stars: pd.DataFrame, parameters: EvaluationParameters) -> pd.DataFrame:
    """Say what is injected where and when; see ``malca.evaluation.design``."""
    return design_trials(injected_stars(evaluated_stars, parameters), parameters.injection)


def plan_injection(
    lightcurves: Any,
    injection_design: pd.DataFrame,
    manifest: Annotated[pd.DataFrame, Columns(*PLACE_COLUMNS)],
    vsx_matches: Annotated[pd.DataFrame, Columns(*VSX_COLUMNS)],
    camera_statistics: Annotated[pd.DataFrame, Columns(*CAMERA_COLUMNS)],
    evaluated_matches: pd.DataFrame,
    evaluated_consensus: pd.DataFrame,
    error_model: pd.DataFrame,
    parameters: EvaluationParameters,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    periodicity: PeriodicityParameters,
    compute: ComputeParameters,
) -> PartitionMap:
    """Say which trials are to be run: a task a few hundred, done when the map is saved."""
    facts = star_facts(
        manifest,
        vsx_matches,
        camera_statistics,
        catalog_matches=evaluated_matches,
        period_consensus=evaluated_consensus,
    )
    injection = of_a_trial(parameters.injection)
    selection = SelectionParameters(detection=detection, filtering=filtering, periodicity=periodicity)
    return plan_tasks(
        inject_partition,
        lightcurves,
        {"": injection_design},
        facts,
        {"injection": injection, "selection": selection},
        {"error_model": error_model},
        parameters.injection.trials_per_task,
        "injection",
        compute,
    )


def of_a_trial(injection: InjectionParameters) -> InjectionParameters:
    """Parameters a trial depends on; others are set to what they do not matter in."""
    there = next(iter(injection.shapes))
    return injection.model_copy(update={**_NOT_OF_A_TRIAL, "shapes": {there: 1.0}})


def inject_partition(
    lightcurves: pa.Table,
    rows: pd.DataFrame,
    injection: InjectionParameters,
    selection: SelectionParameters,
    error_model: pd.DataFrame,
    workers: int,
    **facts: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Run trials on stars of one partition: table ``trials``."""
    batch, known = LightCurves.from_table(lightcurves), StarFacts(**facts)
    trials = run_trials(batch, rows, known, errors_of(error_model), injection, selection, workers)
    return {"trials": trials}


def errors_of(error_model: pd.DataFrame) -> ErrorModel:
    """Error model of its table."""
    return ErrorModel(
        error_model.sort_values("band")[["floor_mag2", "photon_mag2", "sky_mag2"]].to_numpy(float)
    )


def collect_trials(injection_partitions: Any) -> Mapping[str, Callable[[], pa.Table]]:
    """Gather the tasks' tables."""
    return injection_partitions["trials"]


def make_cube(
    injection_trials: pd.DataFrame,
    parameters: EvaluationParameters,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    periodicity: PeriodicityParameters,
) -> EfficiencyCube:
    """Count what was recovered in cells of depth, duration and magnitude."""
    injection = parameters.injection
    edges = CubeEdges(injection.depth.edges, injection.duration.edges, injection.magnitude.edges)
    cube = efficiency_cube(
        injection_trials,
        edges,
        stage_names(filtering),
        fingerprint=cube_fingerprint(injection, detection, filtering, periodicity),
    )
    if not cube.trials.sum():
        raise ValueError("no trial was carried out: there is no efficiency to tell")
    logger.info(
        "of %d injected events %.1f %% are found, %.1f %% become candidates; %d trials are left out",
        cube.trials.sum(),
        100 * cube.recovered.sum() / cube.trials.sum(),
        100 * cube.recovered_per_stage[-1].sum() / cube.trials.sum(),
        cube.n_already + cube.n_not_done + cube.n_outside,
    )
    return cube


def cube_fingerprint(
    injection: InjectionParameters,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    periodicity: PeriodicityParameters,
) -> str:
    """Fingerprint of what a cube depends on besides its stars and the code."""
    parts = fingerprint(injection, detection, filtering, periodicity).split(" ")
    return next(part.removeprefix("parameters:") for part in parts if part.startswith("parameters:"))
