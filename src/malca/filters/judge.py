"""Ask every filter, and tell the candidates from the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.filters.base import (
    FAILED,
    OUTCOME_NAMES,
    PASSED,
    UNKNOWN,
    EventFilter,
    Filter,
    Verdict,
    best_of_star,
)
from malca.filters.funnel import attrition_table
from malca.filters.stars import BRANCHES, Branch, StarTables

REJECTION_DTYPES = {
    "asas_sn_id": "int64", "filter": "str", "branch": "str", "outcome": "str", "action": "str",
    "reason": "str", "value": "float64", "threshold": "float64",
}  # fmt: skip


#: Columns of ``judged`` beside those of the filters.
_SUMMARY = ("dip_passed", "jump_passed", "failed_any", "passed_branch")


class Judgement(NamedTuple):
    """What all filters together say.

    Attributes
    ----------
    judged : DataFrame
        A row a star, in the order of ``sources``, with its columns and ``failed_<filter>``
        (nullable boolean: false if a branch passed, missing if none did and one could not be
        judged, or if the star has no events), ``dip_passed``, ``jump_passed``, ``failed_any`` and
        ``passed_branch`` ("dip", "jump", "both"; missing for a star that is no candidate).
    rejections : DataFrame
        A row for each filter and branch with events that did not pass: ``REJECTION_DTYPES``. A star
        that a table has no row of was not asked, and has none here.
    attrition : DataFrame
        See ``malca.filters.funnel.attrition_table``.
    """

    judged: pd.DataFrame
    rejections: pd.DataFrame
    attrition: pd.DataFrame


def judge_stars(
    sources: pd.DataFrame,
    events: pd.DataFrame,
    filters: Sequence[Filter],
    others: Mapping[str, pd.DataFrame] | None = None,
) -> Judgement:
    """Put every star to every filter, dips and jumps apart.

    A branch passes if it has an event and no rejecting filter stops it; a star is a candidate if one
    of its branches passes. Filters do not depend on each other's outcome (but ``same_event``, which
    looks at the filters of events before it): their order is that of the funnel.

    Parameters
    ----------
    sources : DataFrame
        A row a star searched.
    events : DataFrame
        Their accepted events.
    filters : sequence of Filter
        In order; those that are not enabled are left out.
    others : mapping of str to DataFrame, optional
        Other tables by name, see ``malca.filters.stars.OPTIONAL_TABLES``. What a filter needs and is
        not there makes it say "unknown".

    Raises
    ------
    ValueError, TypeError
        A table lacks a column or holds a star twice, or ids are floats.
    """
    filters = [one for one in filters if one.enabled]
    sources = sources.drop(columns=verdict_columns(filters), errors="ignore")
    everyone = StarTables(sources, events)
    has_events = {branch: everyone.count_events(branch) > 0 for branch in BRANCHES}
    judged_rows = np.flatnonzero(has_events["dip"] | has_events["jump"])
    stars = StarTables(sources.iloc[judged_rows], events, others or {})
    there = {branch: has_events[branch][judged_rows] for branch in BRANCHES}
    outcomes: dict[Branch, np.ndarray] = {}
    stops: dict[Branch, np.ndarray] = {}
    rejections = []
    ids = stars.sources["asas_sn_id"].to_numpy(np.int64)
    for branch in BRANCHES:
        codes = np.full((len(filters), len(stars)), UNKNOWN, np.int8)
        stop = np.zeros(codes.shape, bool)
        for k, one in enumerate(filters):
            asked = _asked(one, stars)
            verdict = _ask(one, stars, branch, asked)
            codes[k] = verdict.outcome
            stop[k] = one.stops(verdict.outcome) & there[branch]
            rejections.append(_rejections(one, branch, verdict, ids, there[branch] & asked))
        outcomes[branch], stops[branch] = codes, stop
    passed = {branch: there[branch] & ~stops[branch].any(axis=0) for branch in BRANCHES}
    verdicts = _star_columns(filters, outcomes, there, len(judged_rows))
    judged = pd.concat(
        [
            sources.reset_index(drop=True),
            verdicts.set_axis(judged_rows).reindex(np.arange(len(sources))),
        ],
        axis=1,
    )
    for branch in BRANCHES:
        judged[f"{branch}_passed"] = _spread(passed[branch], judged_rows, len(sources))
    judged["failed_any"] = ~(judged["dip_passed"] | judged["jump_passed"])
    judged["passed_branch"] = pd.array(
        np.array([None, "dip", "jump", "both"], dtype=object)[
            judged["dip_passed"].to_numpy() + 2 * judged["jump_passed"].to_numpy()
        ],
        dtype="str",
    )
    nothing = pd.DataFrame(columns=list(REJECTION_DTYPES)).astype(REJECTION_DTYPES)
    table = pd.concat([nothing, *rejections], ignore_index=True) if filters else nothing
    order = {one.name: k for k, one in enumerate(filters)}
    table = table.sort_values(
        ["asas_sn_id", "branch", "filter"], kind="stable", ignore_index=True,
        key=lambda column: column.map(order) if column.name == "filter" else column,
    )  # fmt: skip
    attrition = attrition_table(filters, outcomes, stops, there, len(sources))
    return Judgement(judged, table, attrition)


def verdict_columns(filters: Sequence[Filter]) -> list[str]:
    """Columns of ``judged`` that say what enabled filters say, its last ones, in order."""
    return [*(f"failed_{one.name}" for one in filters if one.enabled), *_SUMMARY]


def _spread(flags: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    whole = np.zeros(n, bool)
    whole[rows] = flags
    return whole


def _ask(one: Filter, stars: StarTables, branch: Branch, asked: np.ndarray) -> Verdict:
    """Verdict of one filter; unknown for stars of which a table it needs says nothing."""
    missing = [table for table in one.needs if not stars.has(table)]
    if missing:
        n = len(stars)
        return Verdict(
            np.full(n, UNKNOWN, np.int8),
            np.full(n, np.nan),
            np.full(n, np.nan),
            np.full(n, f"there is no table {', '.join(missing)}", dtype=object),
        )
    if isinstance(one, EventFilter):
        of_events = one.judge_events(stars, branch)
        stars.event_stopped[stars.events_of(branch).row] |= one.stops(of_events.outcome)
        return best_of_star(of_events, stars, branch)
    verdict = one.judge(stars, branch)
    return verdict._replace(outcome=np.where(asked, verdict.outcome, UNKNOWN).astype(np.int8))


def _asked(one: Filter, stars: StarTables) -> np.ndarray:
    """Stars that every table the filter needs, where it is there, has a row of.

    Catalogues and periods are looked up only for stars that no other filter stops: that the others
    are unknown there is no news.
    """
    asked = np.ones(len(stars), bool)
    for table in one.needs:
        if stars.has(table):
            asked &= stars.listed(table)
    return asked


def _rejections(
    one: Filter, branch: Branch, verdict: Verdict, ids: np.ndarray, asked: np.ndarray
) -> pd.DataFrame:
    rows = np.flatnonzero(asked & (verdict.outcome != PASSED))
    chosen = verdict.take(rows)
    return pd.DataFrame(
        {
            "asas_sn_id": ids[rows],
            "filter": one.name,
            "branch": branch,
            "outcome": [OUTCOME_NAMES[code] for code in chosen.outcome.tolist()],
            "action": one.action,
            "reason": chosen.reason,
            "value": chosen.value,
            "threshold": chosen.threshold,
        }
    ).astype(REJECTION_DTYPES)


def _star_columns(
    filters: Sequence[Filter],
    outcomes: Mapping[Branch, np.ndarray],
    there: Mapping[Branch, np.ndarray],
    n_stars: int,
) -> pd.DataFrame:
    columns: dict[str, object] = {}
    for k, one in enumerate(filters):
        code = star_outcome(outcomes["dip"][k], outcomes["jump"][k], there["dip"], there["jump"])
        columns[f"failed_{one.name}"] = pd.arrays.BooleanArray(code == FAILED, code == UNKNOWN)
    return pd.DataFrame(columns, index=range(n_stars))


def star_outcome(
    dip: np.ndarray, jump: np.ndarray, has_dip: np.ndarray, has_jump: np.ndarray
) -> np.ndarray:
    """Outcome of a star from those of the branches that are there.

    Passed if one passed, else unknown if one is, else failed; unknown without any branch.
    """
    dip = np.where(has_dip, dip, -2)
    jump = np.where(has_jump, jump, -2)
    best_passed = (dip == PASSED) | (jump == PASSED)
    unknown = (dip == UNKNOWN) | (jump == UNKNOWN) | ~(has_dip | has_jump)
    return np.where(best_passed, PASSED, np.where(unknown, UNKNOWN, FAILED)).astype(np.int8)
