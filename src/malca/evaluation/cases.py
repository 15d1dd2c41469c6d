"""Null and contaminated light curves, taken through search and filters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from malca.evaluation.contaminants import FAMILIES, contaminated
from malca.evaluation.judging import (
    SelectionParameters,
    StarFacts,
    search_and_judge,
    stages_passed,
)
from malca.evaluation.nulls import null_lightcurve, replace_points
from malca.evaluation.periods import tested_each
from malca.evaluation.trials import search_outcomes
from malca.lightcurves import LightCurves

_OF_SOURCES = {
    "dip_count": "n_dips",
    "jump_count": "n_jumps",
    "dip_max_ln_bf": "dip_max_ln_bf",
    "dip_max_significance": "dip_max_significance",
}


def design_cases(
    stars: pd.DataFrame, families: Sequence[str], seed: int, n_most: int, first: int = 0
) -> pd.DataFrame:
    """Say which star is altered how.

    Parameters
    ----------
    stars : DataFrame
        ``asas_sn_id, mag_bin, partition, median_mag, points_per_day, n_cameras``.
    families : sequence of str
        Of ``NULLS`` and ``FAMILIES``.
    seed : int
        Of the choice, where there are more stars than ``n_most``.
    n_most : int
        Most stars a family.
    first : int
        Number of the first case.

    Returns
    -------
    DataFrame
        ``case_id, family`` and the star's columns, ordered by partition and star.
    """
    parts = []
    for k, family in enumerate(families):
        rng = np.random.default_rng([seed, 4, k])
        chosen = np.sort(rng.permutation(len(stars))[:n_most])
        parts.append(stars.iloc[chosen].assign(family=family))
    cases = pd.concat(parts, ignore_index=True)
    cases.insert(0, "case_id", first + np.arange(len(cases), dtype=np.int64))
    return cases.sort_values(["partition", "asas_sn_id", "case_id"], ignore_index=True)


def altered(
    lightcurves: LightCurves, cases: pd.DataFrame, seed: int, own_dips: pd.DataFrame
) -> LightCurves:
    """Make the light curve of every case; ``asas_sn_id`` is its number.

    Parameters
    ----------
    lightcurves : LightCurves
    cases : DataFrame
        See ``design_cases``.
    seed : int
    own_dips : DataFrame
        See ``StarFacts``.

    Raises
    ------
    ValueError
        A star has no light curve, or there is no such family.
    """
    ids = pd.Index(lightcurves.stars["asas_sn_id"].to_numpy(np.int64))
    row = ids.get_indexer(cases["asas_sn_id"].to_numpy(np.int64))
    if (row < 0).any():
        raise ValueError(f"star {cases.loc[row < 0, 'asas_sn_id'].iloc[0]} has no light curve")
    dips = {
        star: own[["jd_start", "jd_end"]].to_numpy(np.float64)
        for star, own in own_dips.groupby("asas_sn_id")
    }
    parts = []
    for k, case in zip(row, cases.itertuples(), strict=True):
        rng = np.random.default_rng([seed, 5, int(case.case_id)])
        star = lightcurves.star(k)
        if case.family in FAMILIES:
            parts.append(contaminated(star, case.family, rng))
        else:
            parts.append(null_lightcurve(star, case.family, rng, dips.get(case.asas_sn_id)))
    return replace_points(lightcurves.take(row), cases["case_id"].to_numpy(np.int64), parts)


def run_cases(
    lightcurves: LightCurves,
    cases: pd.DataFrame,
    facts: StarFacts,
    selection: SelectionParameters,
    seed: int,
    workers: int,
) -> pd.DataFrame:
    """Search and judge altered light curves.

    Parameters
    ----------
    lightcurves : LightCurves
        Of the cases' stars, and maybe others.
    cases : DataFrame
        See ``design_cases``.
    facts : StarFacts
        Of the stars.
    selection : SelectionParameters
    seed : int
        With a case's number, of what is altered.
    workers : int
        Threads.

    Returns
    -------
    DataFrame
        The rows of ``cases``, without ``partition``, and ``outcome``, ``searched``; ``n_dips``,
        ``n_jumps``; ``event`` (has a dip), ``passed_<filter>``, ``candidate`` (of its dips),
        ``failed_<filter>``; ``dip_max_ln_bf, dip_max_significance``.
    """
    batch = altered(lightcurves, cases, seed, facts.own_dips)
    owner = cases[["case_id", "asas_sn_id"]]

    def test_periods(chosen: LightCurves, events: pd.DataFrame, stars: pd.DataFrame) -> pd.DataFrame:
        return tested_each(chosen, events, stars, selection.periodicity, workers)

    judged = search_and_judge(batch, owner, facts, selection, test_periods, workers)
    result = cases.drop(columns="partition", errors="ignore").reset_index(drop=True)
    result["outcome"], result["searched"] = search_outcomes(result["case_id"], judged.searched)
    sources = judged.searched.sources.set_index("asas_sn_id").reindex(result["case_id"])
    for column, name in _OF_SOURCES.items():
        result[name] = sources[column].to_numpy()
    for name in ("n_dips", "n_jumps"):
        result[name] = result[name].fillna(0).astype(np.int64)
    result["event"] = result["n_dips"] > 0
    stages = stages_passed(judged, selection.filtering, "dip").set_index("case_id")
    stages = stages.reindex(result["case_id"]).reset_index(drop=True)
    for name in stages.columns:
        kind = "boolean" if name.startswith("failed_") else "bool"
        values = stages[name].astype("boolean")
        result[name] = values if kind == "boolean" else values.fillna(False).astype(bool)
    return result
