"""Judge the stars: by their tables, by catalogues, by their own periods, and then by all of it."""

from __future__ import annotations

import logging
from typing import Annotated

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from malca.astrophysics.period_consensus import (
    SOURCES,
    VSX_COLUMNS,
    PeriodConsensusParameters,
    period_consensus,
    vsx_as_match,
)
from malca.catalogs import OPTIONAL_TARGET_COLUMNS, TARGET_COLUMNS, Catalog
from malca.columns import Columns
from malca.filters import FilteringParameters, judge_stars
from malca.filters.funnel import ANY
from malca.plots.funnel import funnel_figure

logger = logging.getLogger(__name__)

#: Tables that are made here, and only for the stars that the other filters leave.
LATE_TABLES = ("catalog_matches", "period_consensus", "periodicity")
#: Columns that every catalogue's matches begin with, and that are told apart by its name.
_COMMON = ("outcome", "reason", "sep_arcsec", "match_by")
#: Columns of Gaia that the survey's index has too.
_IN_INDEX = ("pm_ra_masyr", "pm_dec_masyr")


def preselect(
    sources: pd.DataFrame,
    events: pd.DataFrame,
    statistics: pd.DataFrame,
    parameters: FilteringParameters,
) -> pd.DataFrame:
    """Choose the stars worth a look into catalogues and a test for periods.

    Parameters
    ----------
    sources, events, statistics : DataFrame
    parameters : FilteringParameters
        Only filters that need none of ``LATE_TABLES`` are asked.

    Returns
    -------
    DataFrame
        ``asas_sn_id, passed_branch, excluded_cameras`` of the stars that these filters leave.
    """
    early = parameters.without(*LATE_TABLES)
    judged = judge_stars(sources, events, early.asked, {"statistics": statistics}).judged
    left = judged[judged["passed_branch"].notna()]
    logger.info(
        "%d of %d stars have events, %d are left by the filters that need only tables",
        (judged["dip_count"] + judged["jump_count"] > 0).sum(), len(judged), len(left),
    )  # fmt: skip
    return left[["asas_sn_id", "passed_branch", "excluded_cameras"]].reset_index(drop=True)


def match_catalogs(
    survivors: pd.DataFrame,
    manifest: Annotated[pd.DataFrame, Columns(*TARGET_COLUMNS, *OPTIONAL_TARGET_COLUMNS)],
    vsx_matches: Annotated[pd.DataFrame, Columns(*VSX_COLUMNS)],
    gaia: Catalog,
    gaia_eb: Catalog,
    asassn: Catalog,
    ztf: Catalog,
    ogle: Catalog,
) -> pd.DataFrame:
    """Look the remaining stars up in every catalogue.

    Returns
    -------
    DataFrame
        A row a survivor: ``asas_sn_id``; of Gaia ``gaia_outcome, gaia_reason, gaia_sep_arcsec,
        gaia_match_by``, its own columns as they are (``ruwe``, ``parallax_mas`` …; proper motions as
        ``gaia_pm_…``) and ``pm_total_masyr`` (from the index, where it has none from Gaia); of each
        catalogue of variables its columns with its name in front (``ztf_period_days`` …).
    """
    wanted = survivors[["asas_sn_id"]].merge(manifest, on="asas_sn_id", validate="1:1")
    if len(wanted) != len(survivors):
        raise ValueError(
            f"{len(survivors) - len(wanted)} stars are not in the manifest: run ingest again"
        )
    release = ["gaia_release"] if "gaia_release" in wanted else []
    targets = wanted[[*TARGET_COLUMNS, *release]]
    own = gaia.match(targets)
    renamed = {name: f"gaia_{name}" for name in (*_COMMON, *_IN_INDEX)}
    matches = own.rename(columns=renamed)
    index_pm, gaia_pm = (
        (table[_IN_INDEX[0]].astype(float) ** 2 + table[_IN_INDEX[1]].astype(float) ** 2) ** 0.5
        for table in (targets, own)
    )
    matches["pm_total_masyr"] = index_pm.fillna(gaia_pm)
    vsx = targets[["asas_sn_id"]].merge(vsx_as_match(vsx_matches), on="asas_sn_id", how="left")
    vsx["outcome"] = vsx["outcome"].fillna("unknown")
    tables = {"gaia_eb": gaia_eb, "asassn": asassn, "ztf": ztf, "ogle": ogle}
    parts = [matches, vsx.drop(columns="asas_sn_id").add_prefix("vsx_")]
    for name, catalog in tables.items():
        parts.append(catalog.match(targets).drop(columns="asas_sn_id").add_prefix(f"{name}_"))
    return pd.concat(parts, axis=1)


def agree_on_periods(
    catalog_matches: pd.DataFrame, parameters: PeriodConsensusParameters
) -> pd.DataFrame:
    """Say which period the catalogues of variables agree on, a row a star of ``catalog_matches``."""
    wanted = ("outcome", "reason", "period_days", "class", "sep_arcsec", "quality")
    return period_consensus(
        {
            source: pd.DataFrame(
                {
                    name: catalog_matches[column]
                    for name in ("asas_sn_id", *wanted)
                    if (column := name if name == "asas_sn_id" else f"{source}_{name}")
                    in catalog_matches
                }
            )
            for source in SOURCES
        },
        parameters,
    )


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
