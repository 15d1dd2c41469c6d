"""Precision, recall and F1 of a run on known objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.evaluation.intervals import binomial_limits, f1_interval
from malca.evaluation.matching import match_objects
from malca.evaluation.outcomes import (
    FOUND,
    NOT_IN_SURVEY,
    RunTables,
    event_outcomes,
    losses,
    object_outcomes,
    overlapping,
)
from malca.known_objects import EVENT, FALSE, UNCERTAIN

#: What an event found in the star of a known object is, when its dates are in none of the windows.
UNLABELLED = "unlabelled"
ALL = "all"

SUMMARY_DTYPES = {
    "level": "str", "reached": "str", "category": "str", "n_known": "int64", "n_in_survey": "int64",
    "n_searched": "int64", "n_found": "int64", "n_missed": "int64", "recall": "float64",
    "recall_low": "float64", "recall_high": "float64", "n_negative": "int64", "n_false": "int64",
    "precision": "float64", "precision_low": "float64", "precision_high": "float64", "f1": "float64",
    "f1_low": "float64", "f1_high": "float64", "interval_level": "float64",
}  # fmt: skip


class Validation(NamedTuple):
    """A run held against known objects.

    Attributes
    ----------
    objects, events : DataFrame
        A row a known object, a known event: see ``malca.evaluation.outcomes``.
    found : DataFrame
        Dips found in the stars of known objects, with ``verdict``: see ``label_found``.
    losses : DataFrame
        What filters stopped: see ``malca.evaluation.outcomes.losses``.
    summary : DataFrame
        See ``summarise``.
    """

    objects: pd.DataFrame
    events: pd.DataFrame
    found: pd.DataFrame
    losses: pd.DataFrame
    summary: pd.DataFrame


def validate(
    known: pd.DataFrame,
    tables: RunTables,
    *,
    radius_arcsec: float = 3.0,
    tolerance_days: float = 2.0,
    windows_are_complete: bool = False,
    interval_level: float = 0.95,
) -> Validation:
    """Hold the tables of a run against a table of known objects.

    Parameters
    ----------
    known : DataFrame
        Columns of ``malca.known_objects.KNOWN_DTYPES``.
    tables : RunTables
    radius_arcsec : float
        Largest separation of a match by position.
    tolerance_days : float
        A found event this close to a known one matches.
    windows_are_complete : bool
        Whether every dip of the known objects is listed, so that another one is false.
    interval_level : float
        Probability of the intervals.

    Raises
    ------
    ValueError
        A column is missing, a star is there twice, or a parameter is out of bounds.
    """
    objects = match_objects(known, tables.stars, radius_arcsec)
    events = event_outcomes(known, objects, tables, tolerance_days)
    objects = object_outcomes(objects, events, tables)
    found = label_found(events, objects, tables, tolerance_days, windows_are_complete)
    return Validation(
        objects,
        events,
        found,
        losses(events[events["stage"] == "lost"], tables),
        summarise(objects, events, found, tables.is_judged, windows_are_complete, interval_level),
    )


def label_found(
    known_events: pd.DataFrame,
    objects: pd.DataFrame,
    tables: RunTables,
    tolerance_days: float,
    windows_are_complete: bool = False,
) -> pd.DataFrame:
    """Say of each dip found in the star of a known object what it is.

    Returns
    -------
    DataFrame
        Rows of ``tables.events`` with ``known_id``, ``category`` and ``verdict``: "event", it
        overlaps a known event; "uncertain"; "false", it overlaps what is known to be false, or
        (``windows_are_complete``) nothing known; else "unlabelled", and neither right nor wrong.
        ``is_candidate``: its star is one by its dips (missing without filters).
    """
    star = objects.dropna(subset="asas_sn_id")[["known_id", "category", "asas_sn_id"]]
    dips = tables.events[tables.events["kind"] == "dip"]
    dips = dips.astype({"asas_sn_id": "Int64"}).reset_index(drop=True)
    found = star.merge(dips, on="asas_sn_id").rename_axis("found").reset_index()
    pairs = overlapping(known_events, found.drop(columns="known_id"), tolerance_days)
    pairs["label"] = known_events["label"].to_numpy(object)[pairs["row"]]
    # Two objects may have been matched with one star: only windows of its own count for either.
    own = known_events["known_id"].to_numpy(object)[pairs["row"]]
    pairs = pairs[own == found["known_id"].to_numpy(object)[pairs["found"]]]
    verdict = np.full(len(found), FALSE if windows_are_complete else UNLABELLED, object)
    for label in (FALSE, UNCERTAIN, EVENT):
        verdict[pairs.loc[pairs["label"] == label, "found"].to_numpy(np.int64)] = label
    found["verdict"] = pd.array(verdict, dtype="str")
    passed = pd.Series(pd.NA, index=found.index, dtype="boolean")
    if tables.is_judged:
        by_star = tables.sources.set_index("asas_sn_id")["dip_passed"].astype("boolean")
        passed = found["asas_sn_id"].map(by_star).astype("boolean")
    found["is_candidate"] = passed.array
    return found.drop(columns="found")


def summarise(
    objects: pd.DataFrame,
    events: pd.DataFrame,
    found: pd.DataFrame,
    is_judged: bool,
    windows_are_complete: bool = False,
    interval_level: float = 0.95,
) -> pd.DataFrame:
    """Give recall, precision and F1, of objects and of events, overall and by category.

    Recall is of all known objects or events in the survey, searched or not. Precision is of what is
    labelled alone: a detection of which nothing is known is neither right nor wrong, and where
    nothing is labelled false there is no precision. Several found events that overlap one known
    event count once.

    Parameters
    ----------
    objects, events, found : DataFrame
        As in ``Validation``.
    is_judged : bool
        Whether filters were asked: there are rows for candidates then.
    windows_are_complete : bool
    interval_level : float

    Returns
    -------
    DataFrame
        ``level`` ("object", "event"); ``reached`` ("event": found by the search, "candidate": left
        by the filters too); ``category`` ("all", or one); ``n_known``, labelled as events, of which
        ``n_in_survey`` and ``n_searched``; ``n_found`` and ``n_missed`` of those in the survey;
        ``n_negative``, labelled false; ``n_false``, detections that are; shares with intervals
        (Jeffreys; F1 after Goutte & Gaussier 2005), missing where they are not defined.
    """
    rows = []
    for reached in ("event", "candidate") if is_judged else ("event",):
        for category in (ALL, *sorted(objects["category"].unique())):
            one, two, three = (
                table if category == ALL else table[table["category"] == category]
                for table in (objects, events, found)
            )
            for level, counts in zip(
                ("object", "event"), _counts(one, two, three, reached), strict=True
            ):
                rows.append({"level": level, "reached": reached, "category": category, **counts})
    table = pd.DataFrame(rows)
    shares = [
        _shares(row, windows_are_complete and row["level"] == "event", interval_level)
        for row in table.to_dict("records")
    ]
    return pd.concat([table, pd.DataFrame(shares)], axis=1)[list(SUMMARY_DTYPES)].astype(SUMMARY_DTYPES)


def _counts(
    objects: pd.DataFrame, events: pd.DataFrame, found: pd.DataFrame, reached: str
) -> Iterator[dict[str, int]]:
    """Count objects, then events."""
    far_enough = FOUND if reached == "event" else ("candidate",)
    before = (NOT_IN_SURVEY, "no_lightcurve", "failed", "not_searched")
    wrong = found["verdict"] == FALSE
    if reached == "candidate":
        wrong &= found["is_candidate"].fillna(False).astype(bool)
    false_objects = objects[(objects["label"] == FALSE) & (objects["stage"] != NOT_IN_SURVEY)]
    false_events = events[(events["label"] == FALSE) & (events["stage"] != NOT_IN_SURVEY)]
    negatives = (
        (len(false_objects), int(false_objects["stage"].isin(far_enough).sum())),
        (len(false_events), int(wrong.sum())),
    )
    for table, (n_negative, n_false) in zip((objects, events), negatives, strict=True):
        wanted = table[table["label"] == EVENT]
        inside = wanted[wanted["stage"] != NOT_IN_SURVEY]
        n_found = int(inside["stage"].isin(far_enough).sum())
        yield {
            "n_known": len(wanted), "n_in_survey": len(inside),
            "n_searched": int((~inside["stage"].isin(before)).sum()), "n_found": n_found,
            "n_missed": len(inside) - n_found, "n_negative": n_negative, "n_false": n_false,
        }  # fmt: skip


def _shares(row: dict[str, int], complete: bool, level: float) -> dict[str, float]:
    n_found, n, n_false = row["n_found"], row["n_in_survey"], row["n_false"]
    shares = dict.fromkeys(
        [name for name, dtype in SUMMARY_DTYPES.items() if dtype == "float64"], np.nan
    )
    shares["interval_level"] = level
    if n:
        shares["recall"] = n_found / n
        shares["recall_low"], shares["recall_high"] = map(float, binomial_limits(n_found, n, level))
    labelled = n_found + n_false
    has_negatives = bool(row["n_negative"]) or complete
    if has_negatives and labelled:
        shares["precision"] = n_found / labelled
        shares["precision_low"], shares["precision_high"] = map(
            float, binomial_limits(n_found, labelled, level)
        )
    if has_negatives and n:
        shares["f1"] = 2 * n_found / (2 * n_found + n_false + row["n_missed"])
        shares["f1_low"], shares["f1_high"] = f1_interval(n_found, n_false, row["n_missed"], level)
    return shares
