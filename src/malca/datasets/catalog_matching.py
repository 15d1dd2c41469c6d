"""Look stars up in a table on the sky: by their ids, then by position."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
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
    Entries,
    integer_ids,
    normalise_gaia_release,
)
from malca.datasets.catalog_checks import as_floats, as_ids
from malca.datasets.catalog_declaration import DTYPES, Declaration
from malca.datasets.catalog_reading import ParquetRows, SkyTable

logger = logging.getLogger(__name__)

#: Columns of the outcomes of ``match_all``.
OUTCOME_DTYPES = {name: MATCH_DTYPES[name] for name in ("asas_sn_id", "outcome", "reason")} | {
    "n_entries": "int64"
}

_NOTHING = -1
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
    """Row of the table (-1: none) of each target, how it was found and how far away, shape (n,)."""

    row: np.ndarray
    by: np.ndarray
    sep_arcsec: np.ndarray

    @classmethod
    def nothing(cls, n: int) -> _Found:
        return cls(np.full(n, _NOTHING, np.int64), np.full(n, "", object), np.full(n, np.nan))


class _Hits(NamedTuple):
    """Pairs of a target and a row of the table, shape (n_pairs,)."""

    star: np.ndarray
    row: np.ndarray
    sep_arcsec: np.ndarray

    @classmethod
    def nothing(cls) -> _Hits:
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


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
        found = _Found.nothing(len(targets))
        if not self._there:
            return self._table(stars, found, None)
        with self._open() as table:
            for by, hits in self._by_ids(table, stars, found):
                _take_nearest(hits, by, found)
            search = np.flatnonzero((found.row == _NOTHING) & stars.placed)
            for hits in self._by_position(table, stars, search):
                _take_nearest(hits, "position", found)
            rows = found.row[found.row != _NOTHING]
            matches = self._table(stars, found, table.rows(self._value_columns(), rows))
        self._log(matches["outcome"])
        return matches

    def match_all(self, targets: pd.DataFrame) -> Entries:
        """List all entries of targets; see ``malca.catalogs.Catalog.match_all``.

        Those within ``radius_arcsec``, and those that have an id of the star and are not further
        away than ``id_max_sep_arcsec``. Entries without a value of a ``required`` column are left
        out; a star that has no others is "unknown".

        Raises
        ------
        KeyError, TypeError, DatasetError
            As ``match``.
        """
        stars = self._targets(targets)
        if not self._there:
            return self._entries(stars, _Hits.nothing(), None)
        with self._open() as table:
            parts = [hits for _, hits in self._by_ids(table, stars, None)]
            parts += self._by_position(table, stars, np.flatnonzero(stars.placed))
            hits = _distinct(parts)
            entries = self._entries(stars, hits, table.rows(self._value_columns(), hits.row))
        self._log(entries.outcomes["outcome"])
        return entries

    def _open(self) -> ParquetRows:
        if catalogue_fingerprint(self.declared) != self.fingerprint:
            raise DatasetError(f"{self.declared.filepath} has changed since it was loaded: run again")
        return ParquetRows(self.declared.filepath, self.declared)

    def _log(self, outcome: pd.Series) -> None:
        counts = outcome.value_counts()
        words = ", ".join(f"{n} {name}" for name, n in counts.items())
        logger.info("%s: %s", self.declared.filepath.name, words)

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

    def _by_ids(
        self, table: SkyTable, stars: _Targets, found: _Found | None
    ) -> Iterator[tuple[str, _Hits]]:
        """Entries with an id of a target, one kind of id after the other, less those elsewhere.

        Targets that are in ``found`` when the turn of an id comes are passed over.
        """
        n = len(stars.ra_deg)
        ids = self.declared.id_columns
        wanted = [
            ("gaia_id", column, stars.gaia_id, stars.gaia_release == release)
            for release, column in ids.gaia_id.items()
        ]
        if ids.asas_sn_id:
            wanted.append(("asas_sn_id", ids.asas_sn_id, stars.asas_sn_id, np.ones(n, bool)))
        for by, column, values, there in wanted:
            asked = np.flatnonzero(there if found is None else there & (found.row == _NOTHING))
            pairs = table.pairs_of_ids(column, values[asked])
            star = asked[pairs.wanted]
            sep = self._separation(table, stars, star, pairs.row)
            near = ~(sep > self.declared.id_max_sep_arcsec)  # NaN: no position that could contradict
            if not near.all():
                logger.warning(
                    "%s: %d entries with the %s of a star are more than %g arcsec from it, and are not "
                    "taken for it", self.declared.filepath.name, (~near).sum(), by,
                    self.declared.id_max_sep_arcsec,
                )  # fmt: skip
            yield by, _Hits(star[near], pairs.row[near], sep[near])

    def _separation(
        self, table: SkyTable, stars: _Targets, star: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        sky = self.declared.sky()
        entries = table.rows(list(dict.fromkeys(column.column for column in sky.values())), rows)
        ra, dec = (
            column.to_own_unit(name, as_floats(entries.column(column.column)))
            for name, column in sky.items()
        )
        step = unit_vectors(stars.ra_deg[star], stars.dec_deg[star]) - unit_vectors(ra, dec)
        chord = np.linalg.norm(step, axis=-1)
        return np.asarray(2 * np.arcsin(np.minimum(chord / 2, 1)) * ARCSEC_PER_RADIAN)

    def _by_position(self, table: SkyTable, stars: _Targets, search: np.ndarray) -> Iterator[_Hits]:
        """Entries within the radius of some targets, some at a time."""
        declared = self.declared
        ra, dec = stars.ra_deg[search], stars.dec_deg[search]
        releases = declared.id_columns.gaia_id if declared.ids_must_agree else {}
        extra = list(dict.fromkeys(releases.values()))
        for places, others in table.near(ra, dec, declared.radius_arcsec, extra):
            pairs = pairs_within(
                ra, dec, places["ra_deg"].to_numpy(), places["dec_deg"].to_numpy(),
                declared.radius_arcsec,
            )  # fmt: skip
            star, keep = search[pairs.first], np.ones(len(pairs.first), bool)
            for release, column in releases.items():
                ids, there = as_ids(others.column(column))
                comparable = there[pairs.second] & (stars.gaia_release[star] == release)
                keep &= ~comparable | (ids[pairs.second] == stars.gaia_id[star])
            row = places["row"].to_numpy()[pairs.second]
            yield _Hits(star[keep], row[keep], pairs.sep_arcsec[keep])

    def _value_columns(self) -> list[str]:
        return list(dict.fromkeys(column.column for column in self.declared.values().values()))

    def _values(self, entries: pa.Table | None, hit: np.ndarray) -> pd.DataFrame:
        """Our columns of entries, a row where ``hit`` is true; elsewhere, or without them, nothing."""
        columns = {}
        for name, column in self.declared.values().items():
            values = pd.Series(pd.array([None] * len(hit), dtype=DTYPES[column.type]), name=name)
            if entries is not None and hit.any():
                read = entries.column(column.column)
                if column.type == "number":
                    own = column.to_own_unit(name, as_floats(read))
                    values[hit] = np.where(np.isfinite(own), own, np.nan)
                else:
                    kind = {"integer": pa.int64(), "flag": pa.bool_()}.get(column.type, pa.string())
                    values[hit] = pd.array(read.cast(kind).to_pylist(), dtype=DTYPES[column.type])
            columns[name] = values
        return pd.DataFrame(columns, index=range(len(hit)))

    def _outcomes(self, stars: _Targets, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Outcome and reason of each target, of which some were found."""
        if not self._there:
            return np.full(len(hit), UNKNOWN, object), np.full(len(hit), _NO_FILE, object)
        covered = self.declared.coverage.covers(stars.ra_deg, stars.dec_deg)
        reason = np.where(hit | covered, "", np.where(stars.placed, OUTSIDE, _NO_POSITION))
        without = np.where(stars.placed, np.where(covered, NOT_MATCHED, NOT_COVERED), UNKNOWN)
        return np.where(hit, MATCHED, without).astype(object), reason.astype(object)

    def _table(self, stars: _Targets, found: _Found, entries: pa.Table | None) -> pd.DataFrame:
        hit = found.row != _NOTHING
        outcome, reason = self._outcomes(stars, hit)
        table = pd.DataFrame(
            {
                "asas_sn_id": stars.asas_sn_id,
                "outcome": outcome,
                "reason": reason,
                "sep_arcsec": found.sep_arcsec,
                "match_by": found.by,
            }
        ).astype(MATCH_DTYPES)
        values = self._values(entries, hit)
        for name in self.declared.required:
            missing = table["outcome"].eq(MATCHED) & values[name].isna()
            table.loc[missing, "outcome"] = UNKNOWN
            table.loc[missing, "reason"] = _lacks(name)
        return pd.concat([table, values], axis=1)

    def _entries(self, stars: _Targets, hits: _Hits, entries: pa.Table | None) -> Entries:
        n = len(stars.asas_sn_id)
        listed = pd.DataFrame(
            {"asas_sn_id": stars.asas_sn_id[hits.star], "sep_arcsec": hits.sep_arcsec}
        )
        values = self._values(entries, np.ones(len(hits.star), bool))
        listed = pd.concat([listed, values], axis=1)
        usable = np.ones(len(listed), bool)
        lacking = np.full(n, "", object)
        for name in reversed(self.declared.required):
            without = listed[name].isna().to_numpy()
            lacking[hits.star[without]] = _lacks(name)
            usable &= ~without
        n_entries = np.bincount(hits.star[usable], minlength=n)
        outcome, reason = self._outcomes(stars, n_entries > 0)
        useless = (n_entries == 0) & (lacking != "")
        outcome[useless], reason[useless] = UNKNOWN, lacking[useless]
        outcomes = pd.DataFrame(
            {
                "asas_sn_id": stars.asas_sn_id,
                "outcome": outcome,
                "reason": reason,
                "n_entries": n_entries,
            }
        ).astype(OUTCOME_DTYPES)
        return Entries(outcomes, listed[usable].reset_index(drop=True))


def _lacks(name: str) -> str:
    return f"its entry has no {name}"


def _take_nearest(hits: _Hits, by: str, found: _Found) -> None:
    """Put the nearest of some entries into ``found``, where it is nearer than what is there."""
    better = ~(hits.sep_arcsec >= found.sep_arcsec[hits.star])  # NaN: nothing is there yet
    star, row, sep = (values[better] for values in hits)
    order = np.lexsort([row, sep, star])  # an unknown separation comes last
    star, once = np.unique(star[order], return_index=True)
    chosen = order[once]
    found.row[star], found.by[star], found.sep_arcsec[star] = row[chosen], by, sep[chosen]


def _distinct(parts: list[_Hits]) -> _Hits:
    """All pairs once, in order of targets, separation and rows."""
    if not parts:
        return _Hits.nothing()
    star, row, sep = (np.concatenate(values) for values in zip(*parts, strict=True))
    _, once = np.unique(np.stack([star, row]), axis=1, return_index=True)
    star, row, sep = star[once], row[once], sep[once]
    order = np.lexsort([row, sep, star])
    return _Hits(star[order], row[order], sep[order])


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
