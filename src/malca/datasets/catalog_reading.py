"""What matching reads of a Parquet table: entries near some stars, entries of some ids, whole rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import DatasetError

from malca.datasets.arrow_rows import ArrowFile
from malca.datasets.catalog_checks import (
    as_floats,
    as_ids,
    column_extremes,
    column_index,
    read_batches,
)
from malca.datasets.catalog_declaration import Declaration
from malca.datasets.catalog_index import read_facts
from malca.datasets.catalog_sky import Box, Cells, key_ranges
from malca.datasets.catalog_sorting import KEY, SKY, TABLE

# Entries near targets that are held before their distances are taken.
WAITING_ROWS = 1 << 20


class IdPairs(NamedTuple):
    """Which of some ids is that of which row, shape (n_pairs,) each."""

    wanted: np.ndarray
    row: np.ndarray


class SkyTable(Protocol):
    """A table on the sky, opened for one match."""

    def near(
        self, ra_deg: np.ndarray, dec_deg: np.ndarray, reach_arcsec: float, columns: list[str]
    ) -> Iterator[tuple[pd.DataFrame, pa.Table]]:
        """Entries that may be within reach of one of some finite positions, some at a time.

        Every one that is within reach is among them. Each part is a frame ``row, ra_deg, dec_deg``
        and the same rows of the columns asked for.
        """

    def pairs_of_ids(self, column: str, wanted: np.ndarray) -> IdPairs:
        """All rows that have some ids, in order of the rows."""

    def rows(self, columns: list[str], rows: np.ndarray) -> pa.Table:
        """Read some rows, in the order given, also several times the same."""

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Right ascension and declination of some rows, degrees."""

    def fastest_masyr(self) -> float:
        """Bound of the proper motion of any entry, where motions are declared."""

    def close(self) -> None:
        """Close what is open."""


class ParquetRows:
    """A Parquet file as it is: read a batch at a time, without the row groups where nothing can be.

    Parameters
    ----------
    path : Path
    declared : Declaration
    """

    def __init__(self, path: Path, declared: Declaration) -> None:
        self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        self._declared = declared

    def near(
        self, ra_deg: np.ndarray, dec_deg: np.ndarray, reach_arcsec: float, columns: list[str]
    ) -> Iterator[tuple[pd.DataFrame, pa.Table]]:
        order = np.argsort(dec_deg)
        ra, dec = ra_deg[order], dec_deg[order]
        sky = self._declared.sky()
        wanted = list(dict.fromkeys([*(column.column for column in sky.values()), *columns]))
        groups = [
            group
            for group in range(self._file.num_row_groups)
            if Box.of(self._file, group, self._declared, reach_arcsec).holds_any(ra, dec)
        ]
        cells = Cells(ra, dec, 1.01 * reach_arcsec / 3600)
        waiting: list[tuple[pd.DataFrame, pa.RecordBatch]] = []
        n_waiting = 0
        for first, batch in read_batches(self._file, wanted, groups):
            places = {
                name: column.to_own_unit(name, as_floats(batch.column(column.column)))
                for name, column in sky.items()
            }
            near = np.flatnonzero(cells.hold(places["ra_deg"], places["dec_deg"]))
            frame = pd.DataFrame(
                {"row": first + near, **{name: values[near] for name, values in places.items()}}
            )
            waiting.append((frame, batch.select(columns).take(pa.array(near))))
            n_waiting += len(near)
            if n_waiting > WAITING_ROWS:
                yield _joined(waiting)
                waiting, n_waiting = [], 0
        if waiting:
            yield _joined(waiting)

    def pairs_of_ids(self, column: str, wanted: np.ndarray) -> IdPairs:
        ids, places = np.unique(wanted, return_inverse=True)
        which, rows = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        if len(ids):
            for first, batch in read_batches(self._file, [column], self._groups_of_ids(column, ids)):
                entry, there = as_ids(batch.column(0))
                place = np.minimum(np.searchsorted(ids, entry), len(ids) - 1)
                hit = np.flatnonzero(there & (ids[place] == entry))
                which.append(place[hit])
                rows.append(first + hit)
        return expand_ids(places, np.concatenate(which), np.concatenate(rows))

    def _groups_of_ids(self, column: str, ids: np.ndarray) -> list[int]:
        """Row groups that can have some ids, given in order."""
        index = column_index(self._file, column)
        groups = []
        for group in range(self._file.num_row_groups):
            ends = _integer_extremes(self._file, group, index)
            if ends is None or np.searchsorted(ids, ends[0]) < np.searchsorted(
                ids, ends[1], side="right"
            ):
                groups.append(group)
        return groups

    def rows(self, columns: list[str], rows: np.ndarray) -> pa.Table:
        return rows_of_file(self._file, columns, rows)

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sky = self._declared.sky()
        table = self.rows(list(dict.fromkeys(column.column for column in sky.values())), rows)
        ra, dec = (
            column.to_own_unit(name, as_floats(table.column(column.column)))
            for name, column in sky.items()
        )
        return ra, dec

    def fastest_masyr(self) -> float:
        ends = []
        for name, column in self._declared.motion().items():
            extremes = np.array(column_extremes(self._file, column.column))
            ends.append(np.abs(column.to_own_unit(name, extremes)).max())
        return float(np.hypot(*ends)) if np.isfinite(ends).all() else 0.0

    def close(self) -> None:
        self._file.close()


class IndexedRows:
    """A table that was made ready, see ``catalog_index``: arrays are mapped, not read.

    Parameters
    ----------
    folder : Path
        Its index.

    Raises
    ------
    DatasetError
        The index is damaged, or gone.
    """

    def __init__(self, folder: Path) -> None:
        facts = read_facts(folder)
        if facts is None:
            raise DatasetError(f"{folder} is damaged or gone: run again, and it is made anew")
        self._folder, self._facts = folder, facts
        self._file = ArrowFile(folder / TABLE)
        self._key = _mapped(folder / KEY)
        self._sky = _mapped(folder / SKY)

    def near(
        self, ra_deg: np.ndarray, dec_deg: np.ndarray, reach_arcsec: float, columns: list[str]
    ) -> Iterator[tuple[pd.DataFrame, pa.Table]]:
        low, high = key_ranges(ra_deg, dec_deg, 1.01 * reach_arcsec / 3600)
        first = np.searchsorted(self._key, low)
        last = np.searchsorted(self._key, high, side="right")
        for rows in _united(first, last):
            ra, dec = self.places(rows)
            frame = pd.DataFrame({"row": rows, "ra_deg": ra, "dec_deg": dec})
            yield frame, self.rows(columns, rows) if columns else _NO_COLUMNS

    def pairs_of_ids(self, column: str, wanted: np.ndarray) -> IdPairs:
        ids, rows = _mapped(self._folder / self._facts.ids[column])
        first = np.searchsorted(ids, wanted)
        counts = np.searchsorted(ids, wanted, side="right") - first
        found = rows[_ranges(first, counts)]
        order = np.argsort(found, kind="stable")
        return IdPairs(np.repeat(np.arange(len(wanted)), counts)[order], found[order])

    def rows(self, columns: list[str], rows: np.ndarray) -> pa.Table:
        return self._file.rows(columns, rows)

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ra, dec = self._sky[rows].T
        return ra, dec

    def fastest_masyr(self) -> float:
        return self._facts.fastest_masyr

    def close(self) -> None:
        self._file.close()


_NO_COLUMNS = pa.table({})


def _mapped(path: Path) -> np.ndarray:
    array = np.load(path, mmap_mode="r")
    return np.asarray(array)


def _ranges(first: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Numbers of several ranges, one after the other."""
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(first, counts) + nth


def _united(first: np.ndarray, last: np.ndarray) -> Iterator[np.ndarray]:
    """Numbers in any of several ranges (ends excluded), each once, in order, some at a time."""
    order = np.argsort(first, kind="stable")
    first, last = first[order], np.maximum.accumulate(last[order])
    begin = np.maximum(first, np.r_[0, last[:-1]]) if len(first) else first
    counts = np.maximum(last - begin, 0)
    turn = np.cumsum(counts) // WAITING_ROWS
    for k in np.unique(turn[counts > 0]):
        some = turn == k
        yield _ranges(begin[some], counts[some])


def _joined(parts: list[tuple[pd.DataFrame, pa.RecordBatch]]) -> tuple[pd.DataFrame, pa.Table]:
    frame = pd.concat([frame for frame, _ in parts], ignore_index=True)
    return frame, pa.Table.from_batches([batch for _, batch in parts])


def expand_ids(places: np.ndarray, which: np.ndarray, rows: np.ndarray) -> IdPairs:
    """Pairs of wanted ids and rows, from those of distinct ids.

    Parameters
    ----------
    places : (n,) int array
        Place of each wanted id among the distinct ones.
    which, rows : (n_pairs,) int arrays
        Distinct id and row of each pair.
    """
    order = np.argsort(places, kind="stable")
    ends = np.searchsorted(places[order], [which, which + 1])
    counts = ends[1] - ends[0]
    return IdPairs(order[_ranges(ends[0], counts)], np.repeat(rows, counts))


def _integer_extremes(file: pq.ParquetFile, group: int, index: int) -> tuple[int, int] | None:
    """Least and largest id of a row group, as whole numbers; None: its statistics do not say."""
    statistics = file.metadata.row_group(group).column(index).statistics
    if statistics is None or not statistics.has_min_max or not isinstance(statistics.min, int):
        return None
    return statistics.min, statistics.max


def rows_of_file(file: pq.ParquetFile, columns: list[str], rows: np.ndarray) -> pa.Table:
    """Read some rows of a Parquet file, in the order given, from the row groups they are in."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    counts = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
    owner = np.searchsorted(np.cumsum(counts), ordered, side="right")
    parts = []
    for first, batch in read_batches(file, columns, np.unique(owner).tolist()):
        part = slice(*np.searchsorted(ordered, [first, first + batch.num_rows]))
        parts.append(batch.take(pa.array(ordered[part] - first)))
    if not parts:
        return pa.schema([file.schema_arrow.field(name) for name in columns]).empty_table()
    table = pa.Table.from_batches(parts)
    return table.take(pa.array(np.argsort(order, kind="stable")))
