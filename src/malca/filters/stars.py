"""The tables filters look at: a row a star, its events beside it, missing what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

Branch = Literal["dip", "jump"]
BRANCHES: tuple[Branch, ...] = ("dip", "jump")

#: Tables that may be missing; each has a row for some of the stars.
OPTIONAL_TABLES = ("statistics", "catalog_matches", "period_consensus", "periodicity")


class BranchEvents(NamedTuple):
    """Events of one kind: their rows in ``events``, and the star each belongs to."""

    row: np.ndarray
    star: np.ndarray


@dataclass(eq=False)
class StarTables:
    """Everything known of the stars of a run, side by side.

    Attributes
    ----------
    sources : DataFrame
        A row a star, in an order that everything else follows.
    events : DataFrame
        A row an event.
    others : mapping of str to DataFrame
        Of ``OPTIONAL_TABLES`` those there are.
    event_stopped : (n_events,) bool array
        Events that a rejecting filter has stopped so far.
    """

    sources: pd.DataFrame
    events: pd.DataFrame
    others: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ids = pd.Index(whole_ids(self.sources["asas_sn_id"], "sources"))
        if not self._ids.is_unique:
            raise ValueError("the sources table has a star twice")
        unknown = set(self.others) - set(OPTIONAL_TABLES)
        if unknown:
            raise ValueError(f"no such table: {', '.join(sorted(unknown))}")
        self._rows: dict[str, np.ndarray] = {}
        for name, table in self.others.items():
            ids = pd.Index(whole_ids(table["asas_sn_id"], name))
            if not ids.is_unique:
                raise ValueError(f"the {name} table has a star twice")
            self._rows[name] = ids.get_indexer(self._ids)
        star = self._ids.get_indexer(whole_ids(self.events["asas_sn_id"], "events"))
        if (star < 0).any():
            raise ValueError(
                f"{(star < 0).sum()} events belong to stars that are not among the sources"
            )
        kind = self.events["kind"].to_numpy(object)
        self._of_branch = {}
        for branch in BRANCHES:
            row = np.flatnonzero(kind == branch)
            self._of_branch[branch] = BranchEvents(row, star[row])
        self.event_stopped = np.zeros(len(self.events), bool)

    def __len__(self) -> int:
        return len(self.sources)

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        return table in ("sources", "events") or table in self.others

    def listed(self, table: str) -> np.ndarray:
        """Whether each star has a row in a table, shape (n_stars,)."""
        if table in ("sources", "events"):
            return np.ones(len(self), bool)
        return self._rows[table] >= 0 if table in self._rows else np.zeros(len(self), bool)

    def events_of(self, branch: Branch) -> BranchEvents:
        """Events of one kind."""
        return self._of_branch[branch]

    def event_numbers(self, column: str, branch: Branch) -> np.ndarray:
        """Numbers of the events of one kind, NaN where missing.

        Raises
        ------
        ValueError
            The events table has no such column.
        """
        return _numbers(self._column("events", column)).take(self.events_of(branch).row)

    def event_words(self, column: str, branch: Branch) -> np.ndarray:
        """Text of the events of one kind, "" where missing."""
        return _words(self._column("events", column)).take(self.events_of(branch).row)

    def count_events(self, branch: Branch) -> np.ndarray:
        """Events of one kind of each star, shape (n_stars,)."""
        return np.bincount(self.events_of(branch).star, minlength=len(self))

    def numbers(self, column: str, table: str = "sources") -> np.ndarray:
        """Numbers of each star, NaN where missing or where there is no such table.

        Raises
        ------
        ValueError
            The table is there but has no such column.
        """
        if not self.has(table):
            return np.full(len(self), np.nan)
        values = _numbers(self._column(table, column))
        if table == "sources":
            return values
        rows = self._rows[table]
        return np.where(rows >= 0, np.append(values, np.nan)[rows], np.nan)

    def words(self, column: str, table: str = "sources") -> np.ndarray:
        """Text of each star, "" where missing; see ``numbers``."""
        if not self.has(table):
            return np.full(len(self), "", dtype=object)
        values = _words(self._column(table, column))
        return (
            values
            if table == "sources"
            else np.append(values, np.array([""], object))[self._rows[table]]
        )

    def _column(self, table: str, column: str) -> pd.Series:
        frame = {"sources": self.sources, "events": self.events}.get(table)
        frame = self.others[table] if frame is None else frame
        if column not in frame:
            raise ValueError(f"the {table} table lacks {column}")
        return frame[column]


def _numbers(values: pd.Series) -> np.ndarray:
    return values.to_numpy(np.float64, na_value=np.nan)


def _words(values: pd.Series) -> np.ndarray:
    words = values.to_numpy(object, na_value=None)
    return np.array([word if isinstance(word, str) else "" for word in words], dtype=object)


def whole_ids(ids: pd.Series, table: str) -> np.ndarray:
    """Ids of a table's stars as whole numbers.

    Raises
    ------
    ValueError, TypeError
        One is missing, or they are floats.
    """
    if ids.dtype.kind == "f":
        raise TypeError(f"asas_sn_id of the {table} table is a float: long ids lose their last digits")
    if ids.isna().any():
        raise ValueError(f"the {table} table has stars without asas_sn_id")
    return ids.to_numpy(np.int64)
