"""Null and contaminated light curves: how much of what the search finds is not there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure

from malca.columns import Columns
from malca.evaluation.cases import design_cases, run_cases
from malca.evaluation.judging import SelectionParameters, StarFacts
from malca.evaluation.nulls import NULLS
from malca.evaluation.parameters import ReliabilityParameters
from malca.evaluation.reliability import (
    candidate_reliability,
    clean,
    expected_real,
    false_alarms,
    stopped_by,
    threshold_at,
)
from malca.filters import FilteringParameters
from malca.lightcurves import LightCurves
from malca.partitions import ComputeParameters, PartitionMap
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.pipelines.evaluation.tasks import (
    CAMERA_COLUMNS,
    DIP_COLUMNS,
    PLACE_COLUMNS,
    plan_tasks,
    star_facts,
)
from malca.plots.reliability import reliability_figure, stopped_figure
from malca.search.parameters import DetectionParameters
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.survey import VSX_COLUMNS

logger = logging.getLogger(__name__)

#: Parameters that say how many cases there are, and not what becomes of one.
_NOT_OF_A_CASE = {
    "n_nulls": 1, "n_contaminants": 1, "nulls": NULLS, "contaminants": (), "believed_nulls": NULLS,
    "cases_per_task": 1, "rates_per_1000": (1.0,),
}  # fmt: skip


def plan_reliability(
    lightcurves: Any,
    evaluated_stars: pd.DataFrame,
    manifest: Annotated[pd.DataFrame, Columns(*PLACE_COLUMNS)],
    vsx_matches: Annotated[pd.DataFrame, Columns(*VSX_COLUMNS)],
    camera_statistics: Annotated[pd.DataFrame, Columns(*CAMERA_COLUMNS)],
    events: Annotated[pd.DataFrame, Columns(*DIP_COLUMNS)],
    evaluated_matches: pd.DataFrame,
    evaluated_consensus: pd.DataFrame,
    parameters: EvaluationParameters,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    periodicity: PeriodicityParameters,
    compute: ComputeParameters,
) -> PartitionMap:
    """Say which light curves are to be altered and searched: done when the map is saved."""
    own = parameters.reliability
    nulled, quiet = (
        evaluated_stars[evaluated_stars[name]].drop(columns=["injected", "nulled"])
        for name in ("nulled", "injected")
    )
    rows = {"null": design_cases(nulled, own.nulls, own.seed, own.n_nulls)}
    if own.n_contaminants and own.contaminants and len(quiet):
        rows["contaminant"] = design_cases(
            quiet, own.contaminants, own.seed + 1, own.n_contaminants, first=len(rows["null"])
        )
    return plan_tasks(
        alter_partition,
        lightcurves,
        rows,
        star_facts(
            manifest, vsx_matches, camera_statistics, events, evaluated_matches, evaluated_consensus
        ),
        {
            "reliability": own.model_copy(update=_NOT_OF_A_CASE),
            "selection": SelectionParameters(
                detection=detection, filtering=filtering, periodicity=periodicity
            ),
        },
        {},
        own.cases_per_task,
        "reliability",
        compute,
    )


def alter_partition(
    lightcurves: pa.Table,
    rows: pd.DataFrame,
    reliability: ReliabilityParameters,
    selection: SelectionParameters,
    workers: int,
    **facts: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Alter, search and judge light curves of one partition: table ``cases``."""
    batch, known = LightCurves.from_table(lightcurves), StarFacts(**facts)
    return {"cases": run_cases(batch, rows, known, selection, reliability.seed, workers)}


def collect_cases(reliability_partitions: Any) -> Mapping[str, Callable[[], pa.Table]]:
    """Gather the tasks' tables."""
    return reliability_partitions["cases"]


def summarise_reliability(
    reliability_cases: pd.DataFrame,
    candidates: pd.DataFrame,
    sources: pd.DataFrame,
    parameters: EvaluationParameters,
    filtering: FilteringParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Count false alarms, and say how far each candidate can be believed.

    Returns
    -------
    false_alarm_rates : DataFrame
        See ``malca.evaluation.reliability.false_alarms``; ``cleaned`` tells null light curves of stars
        that may hold nothing real (``malca.evaluation.reliability.clean``) from those of all.
    contaminant_rates : DataFrame
        See ``stopped_by``.
    evidence_thresholds : DataFrame
        See ``threshold_at``.
    candidate_reliabilities : DataFrame
        Of candidates by their dips: see ``candidate_reliability``; ``held_against``, the null light
        curves that speak most against the candidate.
    """
    own = parameters.reliability
    nulls = reliability_cases[reliability_cases["family"].isin(own.nulls)]
    cleaned = nulls[clean(nulls)]
    stages = ("event", "candidate")
    rates = pd.concat(
        [
            false_alarms(part, stages).assign(cleaned=is_clean)
            for part, is_clean in ((nulls, False), (cleaned, True))
        ],
        ignore_index=True,
    )
    contaminants = reliability_cases[~reliability_cases["family"].isin(own.nulls)]
    names = tuple(one.name for one in filtering.asked)
    thresholds = threshold_at(cleaned, "dip_max_ln_bf", own.rates_per_1000)
    dips = candidates[candidates["dip_passed"].astype(bool)]
    parts = []
    for family in own.believed_nulls:
        part = cleaned[cleaned["family"] == family]
        if part["searched"].any():
            parts.append(candidate_reliability(dips, part, len(sources)).assign(held_against=family))
    if not parts:
        raise ValueError(
            "reliability: of no kind of null light curves one was searched whose star is known to hold "
            "nothing; raise evaluation.reliability.n_nulls"
        )
    # Of equally bad ones the one that could have shown most: its lower limit is the higher.
    order = ["asas_sn_id", "reliability", "reliability_lower"]
    every = pd.concat(parts, ignore_index=True).sort_values(order, ascending=[True, True, True])
    worst = every.drop_duplicates("asas_sn_id").reset_index(drop=True)
    shown = rates[(rates["by"] == "all") & rates["cleaned"]].drop(
        columns=["by", "low", "high", "cleaned"]
    )
    logger.info("false alarms of stars that hold nothing\n\n%s", shown.to_string(index=False))
    if len(worst):
        logger.info(
            "%d candidates by dips: %.1f are expected to be real (95 %%: %.1f to %.1f)",
            len(worst), *expected_real(worst),
        )  # fmt: skip
    return rates, stopped_by(contaminants, names), thresholds, worst


def draw_reliability(
    false_alarm_rates: pd.DataFrame, candidate_reliabilities: pd.DataFrame, cases: pd.DataFrame
) -> Figure:
    """Draw false alarms against magnitude, cadence and cameras, and reliability against evidence."""
    return reliability_figure(false_alarm_rates, candidate_reliabilities, cases[clean(cases)])


def draw_contaminants(contaminant_rates: pd.DataFrame) -> Figure:
    """Draw which filter stops what."""
    return stopped_figure(contaminant_rates)
