"""Look stars up in a Parquet table: by their ids, then on the sky."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import DatasetError

from malca.astrophysics.astrometry import (
    ARCSEC_PER_RADIAN,
    pairs_within,
    propagate_proper_motion,
    unit_vectors,
)
from malca.catalogs import (
    MATCH_DTYPES,
    MATCHED,
    NOT_COVERED,
    NOT_MATCHED,
    OUTSIDE,
    TARGET_COLUMNS,
    UNKNOWN,
    integer_ids,
    normalise_gaia_release,
)
from malca.datasets.catalog_checks import (
    as_floats,
    as_ids,
    column_index,
    read_batches,
)
from malca.datasets.catalog_declaration import DTYPES, Declaration
from malca.datasets.catalog_sky import Box, Cells

logger = logging.getLogger(__name__)

_NOTHING = -1
# Entries in cells of the sky with a target, held before their distances are taken.
_WAITING_ROWS = 1 << 20
_NO_FILE, _NO_POSITION = "no catalogue", "no position"


class _Targets(NamedTuple):
    """Targets as arrays, shape (n,), positions at the catalogue's epoch."""

    asas_sn_id: np.ndarray
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    gaia_id: np.ndarray
    gaia_release: np.ndarray

    @property
    def placed(self) -> np.ndarray:
        return np.isfinite(self.ra_deg) & np.isfinite(self.dec_deg)


class _Found(NamedTuple):
    """Row of the file (-1: none) of each target, how it was found and how far away, shape (n,)."""

    row: np.ndarray
    by: np.ndarray
    sep_arcsec: np.ndarray


class ParquetCatalog:
    """A catalogue in a Parquet file; the ``malca.catalogs.Catalog`` that ``LocalCatalog`` loads.

    Only the columns a match needs are read, a batch of rows at a time, and of a file whose row
    groups lie in different parts of the sky only the groups where there are targets.

    Parameters
    ----------
    declared : Declaration
        The file need not be there: nothing is known of any star then.
    """

    def __init__(self, declared: Declaration) -> None:
        self.declared = declared
        self._there = declared.filepath.is_file()
        self.fingerprint = catalogue_fingerprint(declared)

    def match(self, targets: pd.DataFrame) -> pd.DataFrame:
        """Look targets up; see ``malca.catalogs.Catalog.match``.

        The Gaia id goes first, where the target's release is one the catalogue has ids of, then
        the ASAS-SN id, then the nearest entry on the sky. An id whose entry is further away than
        ``id_max_sep_arcsec`` is not believed. Not found is "unknown" for a star without position,
        "not_covered" for one outside the coverage; "unknown" is also an entry without a value of a
        ``required`` column.

        Raises
        ------
        KeyError
            Targets lack a column.
        TypeError
            Ids of targets are floats.
        DatasetError
            The file is no longer the one that was loaded.
        """
        stars = self._targets(targets)
        if not self._there:
            n = len(targets)
            nothing = _Found(np.full(n, _NOTHING), np.full(n, "", object), np.full(n, np.nan))
            return self._table(stars, nothing, None)
        if catalogue_fingerprint(self.declared) != self.fingerprint:
            raise DatasetError(f"{self.declared.filepath} has changed since it was loaded: run again")
        with pq.ParquetFile(self.declared.filepath, pre_buffer=False, buffer_size=1 << 20) as file:
            found = self._by_ids(file, stars)
            found = self._by_position(file, stars, found)
            columns = [column.column for column in self.declared.values().values()]
            table = self._table(stars, found, _rows(file, list(dict.fromkeys(columns)), found.row))
        counts = table["outcome"].value_counts()
        logger.info(
            "%s: %s",
            self.declared.filepath.name,
            ", ".join(f"{n} {name}" for name, n in counts.items()),
        )
        return table

    def _targets(self, targets: pd.DataFrame) -> _Targets:
        missing = [name for name in TARGET_COLUMNS if name not in targets]
        if missing:
            raise KeyError(f"targets lack {', '.join(missing)}")
        ra, dec, _ = propagate_proper_motion(
            targets["ra_deg"].to_numpy(float, na_value=np.nan),
            targets["dec_deg"].to_numpy(float, na_value=np.nan),
            targets["pm_ra_masyr"].to_numpy(float, na_value=np.nan),
            targets["pm_dec_masyr"].to_numpy(float, na_value=np.nan),
            self.declared.target_epoch_yr,
            self.declared.epoch_yr,
        )
        gaia_id, there = integer_ids(targets["gaia_id"])
        release = pd.Series("", index=targets.index, dtype=object)
        if "gaia_release" in targets:
            stated = targets["gaia_release"]
            named = {text: normalise_gaia_release(text) for text in stated.dropna().unique()}
            release = stated.map(named).where(there & stated.notna(), "")
        return _Targets(
            integer_ids(targets["asas_sn_id"])[0].to_numpy(),
            ra,
            dec,
            gaia_id.to_numpy(),
            release.to_numpy(object),
        )

    def _by_ids(self, file: pq.ParquetFile, stars: _Targets) -> _Found:
        """Targets found by an id, less those whose entry is elsewhere on the sky."""
        n = len(stars.ra_deg)
        found = _Found(np.full(n, _NOTHING, np.int64), np.full(n, "", dtype=object), np.full(n, np.nan))
        ids = self.declared.id_columns
        wanted = [
            ("gaia_id", column, stars.gaia_id, stars.gaia_release == release)
            for release, column in ids.gaia_id.items()
        ]
        if ids.asas_sn_id:
            wanted.append(("asas_sn_id", ids.asas_sn_id, stars.asas_sn_id, np.ones(n, bool)))
        for by, column, values, there in wanted:
            open_ = np.flatnonzero(there & (found.row == _NOTHING))
            rows = _rows_of_ids(file, column, values[open_])
            hit = rows != _NOTHING
            where = open_[hit]
            sep = self._separation(file, stars, where, rows[hit])
            near = ~(sep > self.declared.id_max_sep_arcsec)  # NaN: no position that could contradict
            if not near.all():
                logger.warning(
                    "%s: %d entries with the %s of a star are more than %g arcsec from it, and are not "
                    "taken for it", self.declared.filepath.name, (~near).sum(), by,
                    self.declared.id_max_sep_arcsec,
                )  # fmt: skip
            found.row[where[near]], found.by[where[near]] = rows[hit][near], by
            found.sep_arcsec[where[near]] = sep[near]
        return found

    def _separation(
        self, file: pq.ParquetFile, stars: _Targets, where: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        sky = self.declared.sky()
        table = _rows(file, [column.column for column in sky.values()], rows)
        ra, dec = (
            column.to_own_unit(name, as_floats(table.column(column.column)))
            for name, column in sky.items()
        )
        step = unit_vectors(stars.ra_deg[where], stars.dec_deg[where]) - unit_vectors(ra, dec)
        chord = np.linalg.norm(step, axis=-1)
        return np.asarray(2 * np.arcsin(np.minimum(chord / 2, 1)) * ARCSEC_PER_RADIAN)

    def _by_position(self, file: pq.ParquetFile, stars: _Targets, found: _Found) -> _Found:
        """Add, for those not found yet, the nearest entry within the radius."""
        search = np.flatnonzero((found.row == _NOTHING) & stars.placed)
        search = search[np.argsort(stars.dec_deg[search])]
        ra, dec = stars.ra_deg[search], stars.dec_deg[search]
        sky = self.declared.sky()
        releases = self.declared.id_columns.gaia_id if self.declared.ids_must_agree else {}
        columns = list(dict.fromkeys([*(c.column for c in sky.values()), *releases.values()]))
        groups = [
            group
            for group in range(file.num_row_groups)
            if Box.of(file, group, self.declared).holds_any(ra, dec)
        ]
        cells = Cells(ra, dec, 1.01 * self.declared.radius_arcsec / 3600)
        waiting: list[pd.DataFrame] = []
        for first, batch in read_batches(file, columns, groups):
            entries = pd.DataFrame(
                {
                    name: column.to_own_unit(name, as_floats(batch.column(column.column)))
                    for name, column in sky.items()
                }
            )
            entries["row"] = first + np.arange(len(entries))
            for release, column in releases.items():
                ids, there = as_ids(batch.column(column))
                entries[release], entries[f"has {release}"] = ids, there
            near = cells.hold(entries["ra_deg"].to_numpy(), entries["dec_deg"].to_numpy())
            waiting.append(entries[near])
            if sum(map(len, waiting)) > _WAITING_ROWS:
                self._take_nearest(stars, search, pd.concat(waiting), found)
                waiting = []
        if waiting:
            self._take_nearest(stars, search, pd.concat(waiting), found)
        return found

    def _take_nearest(
        self, stars: _Targets, search: np.ndarray, entries: pd.DataFrame, found: _Found
    ) -> None:
        """Put the nearest of some entries into ``found``, where it is nearer than what is there."""
        pairs = pairs_within(
            stars.ra_deg[search], stars.dec_deg[search], entries["ra_deg"].to_numpy(),
            entries["dec_deg"].to_numpy(), self.declared.radius_arcsec,
        )  # fmt: skip
        star, sep = search[pairs.first], pairs.sep_arcsec
        entry = entries.iloc[pairs.second]
        better = ~(sep >= found.sep_arcsec[star])  # NaN: nothing is there yet
        if self.declared.ids_must_agree:
            for release in self.declared.id_columns.gaia_id:
                comparable = entry[f"has {release}"].to_numpy() & (stars.gaia_release[star] == release)
                better &= ~comparable | (entry[release].to_numpy() == stars.gaia_id[star])
        # pairs of a star come nearest first
        star, once = np.unique(star[better], return_index=True)
        found.row[star] = entry["row"].to_numpy()[better][once]
        found.by[star], found.sep_arcsec[star] = "position", sep[better][once]

    def _table(self, stars: _Targets, found: _Found, entries: pa.Table | None) -> pd.DataFrame:
        declared = self.declared
        hit = found.row != _NOTHING
        if entries is None:
            outcome = np.full(len(hit), UNKNOWN, object)
            reason = np.full(len(hit), _NO_FILE, object)
        else:
            covered = declared.coverage.covers(stars.ra_deg, stars.dec_deg)
            reason = np.where(hit | covered, "", np.where(stars.placed, OUTSIDE, _NO_POSITION))
            reason = reason.astype(object)
            without = np.where(stars.placed, np.where(covered, NOT_MATCHED, NOT_COVERED), UNKNOWN)
            outcome = np.where(hit, MATCHED, without).astype(object)
        table = pd.DataFrame(
            {
                "asas_sn_id": stars.asas_sn_id,
                "outcome": outcome,
                "reason": reason,
                "sep_arcsec": found.sep_arcsec,
                "match_by": found.by,
            }
        ).astype(MATCH_DTYPES)
        for name, column in declared.values().items():
            values = pd.Series(pd.array([None] * len(hit), dtype=DTYPES[column.type]), name=name)
            if entries is not None and hit.any():
                read = entries.column(column.column)
                if column.type == "number":
                    own = column.to_own_unit(name, as_floats(read))
                    values[hit] = np.where(np.isfinite(own), own, np.nan)
                else:
                    kind = {"integer": pa.int64(), "flag": pa.bool_()}.get(column.type, pa.string())
                    values[hit] = pd.array(read.cast(kind).to_pylist(), dtype=DTYPES[column.type])
            table[name] = values
            if name in declared.required:
                missing = table["outcome"].eq(MATCHED) & values.isna()
                table.loc[missing, "outcome"] = UNKNOWN
                table.loc[missing, "reason"] = f"its entry has no {name}"
        return table


def _rows_of_ids(file: pq.ParquetFile, column: str, wanted: np.ndarray) -> np.ndarray:
    """Row of the file that holds each id, -1 where none does, shape (n,)."""
    ids, which = np.unique(wanted, return_inverse=True)
    rows = np.full(len(ids), _NOTHING, np.int64)
    if not len(ids):
        return rows
    index = column_index(file, column)
    groups = []
    for group in range(file.num_row_groups):
        ends = _integer_extremes(file, group, index)
        if ends is None or np.searchsorted(ids, ends[0]) < np.searchsorted(ids, ends[1], side="right"):
            groups.append(group)
    for first, batch in read_batches(file, [column], groups):
        entry, there = as_ids(batch.column(0))
        place = np.minimum(np.searchsorted(ids, entry), len(ids) - 1)
        hit = np.flatnonzero(there & (ids[place] == entry))
        rows[place[hit]] = first + hit
    return rows[which]


def _integer_extremes(file: pq.ParquetFile, group: int, index: int) -> tuple[int, int] | None:
    """Least and largest id of a row group, as whole numbers; None: its statistics do not say."""
    statistics = file.metadata.row_group(group).column(index).statistics
    if statistics is None or not statistics.has_min_max or not isinstance(statistics.min, int):
        return None
    return statistics.min, statistics.max


def _rows(file: pq.ParquetFile, columns: list[str], rows: np.ndarray) -> pa.Table:
    """Read some rows of the file, in the order given; those that are -1 are left out."""
    rows = rows[rows != _NOTHING]
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


def catalogue_fingerprint(declared: Declaration) -> str:
    """SHA-256 of a catalogue's declaration and of its file's size and footer.

    The footer holds offsets, sizes and extremes of every column of every row group; unlike the time
    of its change it stays what it is when the file is copied.
    """
    mark = hashlib.sha256(declared.model_dump_json(exclude={"filepath", "optional"}).encode())
    if declared.filepath.is_file():
        mark.update(_footer(declared.filepath))
    return mark.hexdigest()


def _footer(path: Path) -> bytes:
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - 8 - length))
        return str(size).encode() + file.read()
