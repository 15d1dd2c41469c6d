"""Judge the stars: by their tables, by catalogues, by their own periods, and then by all of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure

from malca.filters import FilteringParameters, judge_stars
from malca.filters.catalog_tables import LATE_TABLES
from malca.filters.funnel import ANY
from malca.plots.funnel import funnel_figure

logger = logging.getLogger(__name__)

_SURVIVOR_COLUMNS = ("asas_sn_id", "passed_branch", "excluded_cameras")


def preselect(
    detections: Mapping[str, Mapping[str, Callable[[], pa.Table]]], parameters: FilteringParameters
) -> pd.DataFrame:
    """Choose the stars worth a look into catalogues and a test for periods, a partition at a time.

    Parameters
    ----------
    detections : Partitions
        Of the search: tables ``sources, events, statistics``.
    parameters : FilteringParameters
        Only filters that need none of ``LATE_TABLES`` are asked.

    Returns
    -------
    DataFrame
        ``asas_sn_id, passed_branch, excluded_cameras`` of the stars that these filters leave.
    """
    asked = parameters.without(*LATE_TABLES).asked
    parts: list[pd.DataFrame] = []
    n_stars = n_with_events = 0
    for key, load in sorted(detections["sources"].items()):
        sources = load().to_pandas()
        events, statistics = (detections[name][key]().to_pandas() for name in ("events", "statistics"))
        judged = judge_stars(sources, events, asked, {"statistics": statistics}).judged
        left = judged.loc[judged["passed_branch"].notna(), list(_SURVIVOR_COLUMNS)]
        if len(left) or not parts:  # an empty one tells the types
            parts.append(left)
        n_stars += len(judged)
        n_with_events += int((judged["dip_count"] + judged["jump_count"] > 0).sum())
    survivors = pd.concat(parts, ignore_index=True)
    logger.info(
        "%d of %d stars have events, %d are left by the filters that need only tables",
        n_with_events, n_stars, len(survivors),
    )  # fmt: skip
    return survivors


def judge(
    sources: pd.DataFrame,
    events: pd.DataFrame,
    statistics: pd.DataFrame,
    catalog_matches: pd.DataFrame,
    consensus: pd.DataFrame,
    periodicity: pd.DataFrame,
    parameters: FilteringParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Put every star to every filter.

    Returns
    -------
    judged : DataFrame
        A row a star: its columns of ``sources``, those of the catalogues, of their consensus and of
        the test for periods, and what the filters say (see ``malca.filters.judge.Judgement``).
    candidates : DataFrame
        The rows of ``judged`` that a branch passed.
    rejections, attrition : DataFrame
    """
    others = {
        "statistics": statistics,
        "catalog_matches": catalog_matches,
        "period_consensus": consensus,
        "periodicity": periodicity,
    }
    judged, rejections, attrition = judge_stars(sources, events, parameters.asked, others)
    verdicts = [name for name in judged if name not in sources]
    for name in LATE_TABLES:
        judged = _joined(judged, others[name])
    rest = [name for name in judged if name not in verdicts]
    judged = judged[[*rest, *verdicts]]
    candidates = judged[judged["passed_branch"].notna()].reset_index(drop=True)
    logger.info("candidates: %s\n\n%s", _told(candidates), _funnel_text(attrition))
    return judged, candidates, rejections, attrition


def _joined(judged: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of a table that has some of the stars; whole numbers and flags stay so."""
    new = table[["asas_sn_id", *(name for name in table if name not in judged)]]
    nullable = {"i": "Int64", "b": "boolean"}
    types = {
        name: nullable[kind]
        for name, dtype in new.dtypes.items()
        if name != "asas_sn_id" and (kind := dtype.kind) in nullable and isinstance(dtype, np.dtype)
    }
    new = new.astype({"asas_sn_id": "int64", **types})
    return judged.merge(new, on="asas_sn_id", how="left", validate="1:1")


def draw_attrition(attrition: pd.DataFrame) -> Figure:
    """Draw which filter stopped what."""
    return funnel_figure(attrition)


def _told(candidates: pd.DataFrame) -> str:
    by_branch = candidates["passed_branch"].value_counts()
    parts = ", ".join(f"{n} by {name}" for name, n in by_branch.items())
    return f"{len(candidates)}{f' ({parts})' if parts else ''}"


def _funnel_text(attrition: pd.DataFrame) -> str:
    rows = attrition[(attrition["branch"] == ANY) & (attrition["stage"] == "filter")]
    columns = ["filter", "action", "n_in", "n_passed", "n_failed", "n_unknown", "n_only", "n_out"]
    return rows[columns].to_string(index=False)
