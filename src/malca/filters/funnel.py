"""How many stars each filter stopped, one after the other and alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from malca.filters.base import FAILED, PASSED, UNKNOWN, Filter
from malca.filters.stars import BRANCHES, Branch

ATTRITION_DTYPES = {
    "stage": "str", "order": "int64", "filter": "str", "branch": "str", "action": "str",
    "n_in": "int64", "n_passed": "int64", "n_failed": "int64", "n_unknown": "int64",
    "n_stopped": "int64", "n_out": "int64", "n_only": "int64", "n_failed_of_all": "int64",
}  # fmt: skip
#: Branch of the rows that count stars, whichever branch they are still in by.
ANY = "any"


def attrition_table(
    filters: Sequence[Filter],
    outcomes: Mapping[Branch, np.ndarray],
    stops: Mapping[Branch, np.ndarray],
    there: Mapping[Branch, np.ndarray],
    n_searched: int,
) -> pd.DataFrame:
    """Count stars at each filter of the funnel.

    Parameters
    ----------
    filters : sequence of Filter, (n_filters,)
    outcomes : mapping of (n_filters, n_stars) int8 arrays
        Of each branch.
    stops : mapping of (n_filters, n_stars) bool arrays
        Whether the star's branch can be no candidate because of it.
    there : mapping of (n_stars,) bool arrays
        Whether the star has events of the branch.
    n_searched : int
        Stars searched, those without events too.

    Returns
    -------
    DataFrame
        A row a stage and branch ("dip", "jump", and "any": stars, by whichever branch). The stages
        ``search`` (``filter`` empty; passed: has events), ``filter`` and ``candidates`` (``filter``
        empty). At a filter ``n_in`` stars arrive, of which ``n_passed + n_failed + n_unknown``;
        ``n_stopped`` go no further and ``n_out`` do. ``n_only``: stars that this filter alone keeps
        from being candidates, as far as the others were asked: catalogues and periods are looked up
        only for stars that the filters of tables leave. ``n_failed_of_all``: that fail it, of all with
        events.
    """
    rows = []
    for branch in (*BRANCHES, ANY):
        sides: tuple[Branch, ...] = BRANCHES if branch == ANY else (branch,)  # type: ignore[assignment]
        has = np.array([there[side] for side in sides])
        n_events = int(has.any(axis=0).sum())
        rows.append(
            _row("search", -1, branch, n_searched, n_events, n_searched - n_events, n_out=n_events)
        )
        alive = has.copy()
        n_stops = np.array([stops[side].sum(axis=0) for side in sides])
        passes = (has & (n_stops == 0)).any(axis=0)
        for k, one in enumerate(filters):
            outcome = np.array([outcomes[side][k] for side in sides])
            stop = np.array([stops[side][k] for side in sides])
            counts = _count(outcome, alive)
            before = alive.any(axis=0)
            alive &= ~stop
            n_out = int(alive.any(axis=0).sum())
            would_pass = (has & (n_stops - stop == 0)).any(axis=0)
            failed_of_all = _count(outcome, has)["n_failed"]
            rows.append(
                _row(
                    "filter", k, branch, int(before.sum()), **counts, name=one.name, action=one.action,
                    n_stopped=int(before.sum()) - n_out, n_out=n_out,
                    n_only=int((would_pass & ~passes).sum()), n_failed_of_all=failed_of_all,
                )
            )  # fmt: skip
        n_candidates = int(passes.sum())
        rows.append(
            _row("candidates", len(filters), branch, n_candidates, n_candidates, 0, n_out=n_candidates)
        )
    return pd.DataFrame(rows).astype(ATTRITION_DTYPES)


def _row(
    stage: str,
    order: int,
    branch: str,
    n_in: int,
    n_passed: int,
    n_failed: int,
    n_unknown: int = 0,
    *,
    name: str = "",
    action: str = "",
    n_stopped: int = 0,
    n_out: int,
    n_only: int = 0,
    n_failed_of_all: int = 0,
) -> dict[str, object]:
    return {
        "stage": stage, "order": order, "filter": name, "branch": branch, "action": action,
        "n_in": n_in, "n_passed": n_passed, "n_failed": n_failed, "n_unknown": n_unknown,
        "n_stopped": n_stopped, "n_out": n_out, "n_only": n_only, "n_failed_of_all": n_failed_of_all,
    }  # fmt: skip


def _count(outcome: np.ndarray, alive: np.ndarray) -> dict[str, int]:
    """Stars by outcome over the branches still in: passed before unknown before failed."""
    passed = ((outcome == PASSED) & alive).any(axis=0)
    unknown = ((outcome == UNKNOWN) & alive).any(axis=0) & ~passed
    failed = ((outcome == FAILED) & alive).any(axis=0) & ~passed & ~unknown
    return {
        "n_passed": int(passed.sum()), "n_failed": int(failed.sum()), "n_unknown": int(unknown.sum())
    }  # fmt: skip
