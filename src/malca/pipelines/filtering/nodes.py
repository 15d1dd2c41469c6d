"""Judge the stars: by their tables, by catalogues, by their own periods, and then by all of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from malca.columns import InParts, parts_of
from malca.filters import FilteringParameters, judge_stars
from malca.filters.catalog_tables import LATE_TABLES
from malca.filters.funnel import ANY
from malca.filters.judge import verdict_columns
from malca.filters.parts import RowsOfStars, together

logger = logging.getLogger(__name__)

_SURVIVOR_COLUMNS = ("asas_sn_id", "passed_branch", "excluded_cameras")
#: Partitions that are judged together: a judgement of few stars takes as long as one of some thousands.
_PARTITIONS_AT_ONCE = 10


def preselect(
    detections: Mapping[str, Mapping[str, Callable[[], pa.Table]]], parameters: FilteringParameters
) -> pd.DataFrame:
    """Choose the stars worth a look into catalogues and a test for periods, some partitions at a time.

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
    keys = sorted(detections["sources"])
    for first in range(0, len(keys), _PARTITIONS_AT_ONCE):
        sources, events, statistics = (
            _joined_partitions([detections[name][key] for key in keys[first:][:_PARTITIONS_AT_ONCE]])
            for name in ("sources", "events", "statistics")
        )
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


def _joined_partitions(loaders: Sequence[Callable[[], pa.Table]]) -> pd.DataFrame:
    tables = [load() for load in loaders]
    return pa.concat_tables([table.cast(tables[0].schema) for table in tables]).to_pandas()


def judge(
    sources: Annotated[Any, InParts()],
    events: pd.DataFrame,
    statistics: pd.DataFrame,
    catalog_matches: pd.DataFrame,
    period_consensus: pd.DataFrame,
    periodicity: pd.DataFrame,
    parameters: FilteringParameters,
) -> tuple[Mapping[str, Callable[[], pa.Table]], pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Put every star to every filter, some thousands of stars at a time.

    Returns
    -------
    judged : mapping of callables
        What gives the table part by part, to be called when it is written: a row a star, its columns
        of ``sources``, those of the catalogues, of their consensus and of the test for periods, and
        what the filters say (see ``malca.filters.judge.Judgement``).
    candidates : DataFrame
        The rows of ``judged`` that a branch passed.
    rejections, attrition : DataFrame

    Raises
    ------
    ValueError
        A star is there twice, or there are events of stars that are not.
    """
    others = {
        "statistics": statistics,
        "catalog_matches": catalog_matches,
        "period_consensus": period_consensus,
        "periodicity": periodicity,
    }
    rows = {name: RowsOfStars(table, name) for name, table in {"events": events, **others}.items()}
    verdicts = verdict_columns(parameters.asked)
    judged: dict[str, Callable[[], pa.Table]] = {}
    said, chosen = [], []
    for k, load in enumerate(parts_of(sources)):
        part = load()
        own = {name: of_stars.of(part["asas_sn_id"]) for name, of_stars in rows.items()}
        one = judge_stars(part, own.pop("events"), parameters.asked, own)
        late = [own[name] for name in LATE_TABLES]
        whole = _with_tables(part, one.judged[verdicts], late)
        chosen.append(whole[whole["passed_branch"].notna()])
        judged[f"{k:06d}"] = partial(_part_of_judged, load, one.judged[verdicts], late)
        said.append(one._replace(judged=part[["asas_sn_id"]]))
    stars, rejections, attrition = together(said)
    rows["events"].check_all_are_of(stars["asas_sn_id"])
    candidates = pd.concat(chosen, ignore_index=True)
    logger.info("candidates: %s\n\n%s", _told(candidates), _funnel_text(attrition))
    return judged, candidates, rejections, attrition


def _part_of_judged(
    load: Callable[[], pd.DataFrame], verdicts: pd.DataFrame, tables: Sequence[pd.DataFrame]
) -> pa.Table:
    """Read a part of the sources again, to write it with what is said of it."""
    return pa.Table.from_pandas(_with_tables(load(), verdicts, tables), preserve_index=False)


def _with_tables(
    part: pd.DataFrame, verdicts: pd.DataFrame, tables: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """Add the columns of other tables, then the verdicts."""
    whole = part.drop(columns=list(verdicts), errors="ignore").reset_index(drop=True)
    for table in tables:
        whole = _joined(whole, table[[name for name in table if name not in verdicts]])
    return pd.concat([whole, verdicts], axis=1)


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


def draw_attrition(attrition: pd.DataFrame) -> Any:
    """Draw which filter stopped what."""
    # Not above: workers test for periods, and do without figures.
    from malca.plots.funnel import funnel_figure

    return funnel_figure(attrition)


def _told(candidates: pd.DataFrame) -> str:
    by_branch = candidates["passed_branch"].value_counts()
    parts = ", ".join(f"{n} by {name}" for name, n in by_branch.items())
    return f"{len(candidates)}{f' ({parts})' if parts else ''}"


def _funnel_text(attrition: pd.DataFrame) -> str:
    rows = attrition[(attrition["branch"] == ANY) & (attrition["stage"] == "filter")]
    columns = ["filter", "action", "n_in", "n_passed", "n_failed", "n_unknown", "n_only", "n_out"]
    return rows[columns].to_string(index=False)
