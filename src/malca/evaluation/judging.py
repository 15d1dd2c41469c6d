"""Search and judge altered light curves as the survey searches and judges its own.

An altered light curve is that of a star of the survey with something put in or turned round. It has a
number of its own (``case_id``); what tables and catalogues say of its star holds for it too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from malca.filters import FilteringParameters, judge_stars
from malca.filters.catalog_tables import LATE_TABLES
from malca.lightcurves import LightCurves
from malca.search.parameters import DetectionParameters
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.survey import SearchedBatch, search_batch

#: Name of the last stage, after those of the filters.
CANDIDATE = "candidate"


class SelectionParameters(BaseModel):
    """All that decides whether a star becomes a candidate: the parameters of the search itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detection: DetectionParameters = Field(default_factory=DetectionParameters)
    filtering: FilteringParameters = Field(default_factory=FilteringParameters)
    periodicity: PeriodicityParameters = Field(default_factory=PeriodicityParameters)


@dataclass(frozen=True)
class StarFacts:
    """What is known of the stars whose light curves are altered, by ``asas_sn_id``.

    Attributes
    ----------
    manifest : DataFrame
        ``asas_sn_id, mag_bin, ra_deg, dec_deg``.
    vsx_matches, camera_statistics : DataFrame
        As the search takes them.
    catalog_matches, period_consensus : DataFrame
        As the filters take them.
    own_dips : DataFrame
        ``asas_sn_id, jd_start, jd_end`` of the dips that the survey found in them.
    """

    manifest: pd.DataFrame
    vsx_matches: pd.DataFrame
    camera_statistics: pd.DataFrame
    catalog_matches: pd.DataFrame
    period_consensus: pd.DataFrame
    own_dips: pd.DataFrame

    def of_cases(self, owner: pd.DataFrame) -> StarFacts:
        """Give the same, a row a case instead of a star (``owner``: ``case_id, asas_sn_id``)."""
        return StarFacts(*(_of_cases(getattr(self, name), owner) for name in self.__annotations__))


def _of_cases(table: pd.DataFrame, owner: pd.DataFrame) -> pd.DataFrame:
    merged = owner.merge(table, on="asas_sn_id", how="inner").drop(columns="asas_sn_id")
    return merged.rename(columns={"case_id": "asas_sn_id"})


class Judged(NamedTuple):
    """What search and filters made of altered light curves; ids are case ids.

    Attributes
    ----------
    searched : SearchedBatch
    judged, rejections : DataFrame
        See ``malca.filters.judge.Judgement``.
    """

    searched: SearchedBatch
    judged: pd.DataFrame
    rejections: pd.DataFrame


#: Tests the stars of a batch (with those of its events and excluded cameras) for periods.
PeriodTest = Callable[[LightCurves, pd.DataFrame, pd.DataFrame], pd.DataFrame]


def search_and_judge(
    lightcurves: LightCurves,
    owner: pd.DataFrame,
    facts: StarFacts,
    selection: SelectionParameters,
    test_periods: PeriodTest,
    workers: int,
) -> Judged:
    """Take altered light curves through tags, search and filters.

    Parameters
    ----------
    lightcurves : LightCurves
        ``asas_sn_id`` is the case's number.
    owner : DataFrame
        ``case_id, asas_sn_id``: whose light curve it was.
    facts : StarFacts
        Of the stars.
    selection : SelectionParameters
    test_periods : callable
        Called with the cases that no filter of tables stops, if the filter ``periodicity`` is asked.
    workers : int
        Threads.
    """
    known = facts.of_cases(owner)
    found = search_batch(
        lightcurves,
        known.manifest,
        known.vsx_matches,
        known.camera_statistics,
        selection.detection,
        workers,
    )
    others = {"statistics": found.statistics}
    early = selection.filtering.without(*LATE_TABLES)
    left = judge_stars(found.sources, found.events, early.asked, others).judged
    left = left.loc[left["passed_branch"].notna(), ["asas_sn_id", "excluded_cameras"]]
    late: dict[str, pd.DataFrame] = {
        "catalog_matches": known.catalog_matches,
        "period_consensus": known.period_consensus,
    }
    if any("periodicity" in one.needs for one in selection.filtering.asked):
        place = pd.Index(lightcurves.stars["asas_sn_id"].to_numpy(np.int64))
        chosen = lightcurves.take(place.get_indexer(left["asas_sn_id"].to_numpy(np.int64)))
        late["periodicity"] = test_periods(chosen, found.events, left)
    judged, rejections, _ = judge_stars(
        found.sources, found.events, selection.filtering.asked, others | late
    )
    return Judged(found, judged, rejections)


def stages_passed(judged: Judged, filtering: FilteringParameters, branch: str) -> pd.DataFrame:
    """Tell how far the dips (or jumps) of every case came.

    Parameters
    ----------
    judged : Judged
    filtering : FilteringParameters
    branch : {"dip", "jump"}

    Returns
    -------
    DataFrame
        ``case_id``; ``passed_<filter>`` for every rejecting filter in order: has events of the branch,
        and neither this filter nor one before stops it; ``candidate``; ``failed_<filter>`` of every
        filter (missing: unknown).
    """
    table = judged.judged
    stages = pd.DataFrame({"case_id": table["asas_sn_id"].to_numpy(np.int64)})
    going = (table[f"{branch}_count"] > 0).to_numpy()
    own = judged.rejections[judged.rejections["branch"] == branch]
    for one in filtering.asked:
        said = own[own["filter"] == one.name].set_index("asas_sn_id")["outcome"]
        outcome = stages["case_id"].map(said).to_numpy(object)
        failed, unknown = outcome == "failed", outcome == "unknown"
        stages[f"failed_{one.name}"] = pd.arrays.BooleanArray(
            failed, unknown | (table[f"{branch}_count"] == 0).to_numpy()
        )
        if one.action == "reject":
            going = going & ~(failed | (unknown & (one.unknown == "reject")))
            stages[f"passed_{one.name}"] = going
    stages[CANDIDATE] = table[f"{branch}_passed"].to_numpy(bool)
    return stages


def stage_names(filtering: FilteringParameters) -> tuple[str, ...]:
    """Stages in order, as columns: from ``triggered`` to ``candidate``."""
    rejecting = [f"passed_{one.name}" for one in filtering.asked if one.action == "reject"]
    return ("triggered", "event", *rejecting, CANDIDATE)
