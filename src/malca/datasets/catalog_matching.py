"""Look stars up in a table on the sky: by their ids, then by position."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

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
    UNKNOWN,
    Entries,
)
from malca.datasets.catalog_checks import as_floats, as_ids
from malca.datasets.catalog_declaration import DTYPES, Declaration
from malca.datasets.catalog_index import ensure_index, find_index, needs_index, source_digest
from malca.datasets.catalog_pairs import (
    NOTHING,
    Found,
    Hits,
    Targets,
    distinct,
    take_nearest,
)
from malca.datasets.catalog_reading import IndexedRows, ParquetRows, SkyTable

logger = logging.getLogger(__name__)

#: Columns of the outcomes of ``match_all``.
OUTCOME_DTYPES = {name: MATCH_DTYPES[name] for name in ("asas_sn_id", "outcome", "reason")} | {
    "n_entries": "int64"
}

_NO_FILE, _NO_POSITION = "no catalogue", "no position"


class ParquetCatalog:
    """A catalogue in a file; the ``malca.catalogs.Catalog`` that ``LocalCatalog`` loads.

    Parquet is read as it is: only the columns a match needs, a batch of rows at a time, and of a
    file whose row groups lie in different parts of the sky only the groups where there are targets.
    For other formats, and where it is wished, there is an index, see ``catalog_index``.

    Parameters
    ----------
    declared : Declaration
        The file need not be there: nothing is known of any star then.
    """

    def __init__(self, declared: Declaration) -> None:
        self.declared = declared
        self._there = declared.filepath.is_file()
        self.fingerprint = catalogue_fingerprint(declared)
        self.index = _index_of(declared) if self._there else None

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
        stars = Targets.of(targets, self.declared)
        found = Found.nothing(len(targets))
        if not self._there:
            return self._table(stars, found, None)
        with closing(self._open()) as table:
            for by, hits in self._by_ids(table, stars, found):
                take_nearest(hits, by, found)
            search = np.flatnonzero((found.row == NOTHING) & stars.placed)
            for hits in self._by_position(table, stars, search):
                take_nearest(hits, "position", found)
            rows = found.row[found.row != NOTHING]
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
        stars = Targets.of(targets, self.declared)
        if not self._there:
            return self._entries(stars, Hits.nothing(), None)
        with closing(self._open()) as table:
            parts = [hits for _, hits in self._by_ids(table, stars, None)]
            parts += self._by_position(table, stars, np.flatnonzero(stars.placed))
            hits = distinct(parts)
            entries = self._entries(stars, hits, table.rows(self._value_columns(), hits.row))
        self._log(entries.outcomes["outcome"])
        return entries

    def _open(self) -> SkyTable:
        if catalogue_fingerprint(self.declared) != self.fingerprint:
            raise DatasetError(f"{self.declared.filepath} has changed since it was loaded: run again")
        if self.index is not None:
            return IndexedRows(self.index)
        return ParquetRows(self.declared.filepath, self.declared)

    def _log(self, outcome: pd.Series) -> None:
        counts = outcome.value_counts()
        words = ", ".join(f"{n} {name}" for name, n in counts.items())
        logger.info("%s: %s", self.declared.filepath.name, words)

    def _by_ids(
        self, table: SkyTable, stars: Targets, found: Found | None
    ) -> Iterator[tuple[str, Hits]]:
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
            asked = np.flatnonzero(there if found is None else there & (found.row == NOTHING))
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
            yield by, Hits(star[near], pairs.row[near], sep[near])

    def _separation(
        self, table: SkyTable, stars: Targets, star: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        ra, dec = table.places(rows)
        still = np.flatnonzero(stars.still[star])
        if len(still):
            ra, dec = ra.copy(), dec.copy()
            others = table.rows(self._motion_columns(), rows[still])
            ra[still], dec[still] = self._moved(ra[still], dec[still], others)
        step = unit_vectors(stars.ra_deg[star], stars.dec_deg[star]) - unit_vectors(ra, dec)
        chord = np.linalg.norm(step, axis=-1)
        return np.asarray(2 * np.arcsin(np.minimum(chord / 2, 1)) * ARCSEC_PER_RADIAN)

    def _by_position(self, table: SkyTable, stars: Targets, search: np.ndarray) -> Iterator[Hits]:
        """Entries within the radius of some targets, some at a time."""
        still = stars.still[search]
        yield from self._neighbours(table, stars, search[~still], move_entries=False)
        if still.any():
            yield from self._neighbours(table, stars, search[still], move_entries=True)

    def _neighbours(
        self, table: SkyTable, stars: Targets, search: np.ndarray, *, move_entries: bool
    ) -> Iterator[Hits]:
        declared = self.declared
        ra, dec = stars.ra_deg[search], stars.dec_deg[search]
        releases = declared.id_columns.gaia_id if declared.ids_must_agree else {}
        extra = list(releases.values())
        reach = declared.radius_arcsec
        if move_entries:
            extra += self._motion_columns()
            years = abs(declared.target_epoch_yr - declared.epoch_yr)
            reach += 1.01 * table.fastest_masyr() * years / 1000
        for places, others in table.near(ra, dec, reach, list(dict.fromkeys(extra))):
            entry_ra, entry_dec = places["ra_deg"].to_numpy(), places["dec_deg"].to_numpy()
            if move_entries:
                entry_ra, entry_dec = self._moved(entry_ra, entry_dec, others)
            pairs = pairs_within(ra, dec, entry_ra, entry_dec, declared.radius_arcsec)
            star, keep = search[pairs.first], np.ones(len(pairs.first), bool)
            for release, column in releases.items():
                ids, there = as_ids(others.column(column))
                comparable = there[pairs.second] & (stars.gaia_release[star] == release)
                keep &= ~comparable | (ids[pairs.second] == stars.gaia_id[star])
            row = places["row"].to_numpy()[pairs.second]
            yield Hits(star[keep], row[keep], pairs.sep_arcsec[keep])

    def _motion_columns(self) -> list[str]:
        return [column.column for column in self.declared.motion().values()]

    def _moved(
        self, ra_deg: np.ndarray, dec_deg: np.ndarray, entries: pa.Table
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions of entries at the epoch of the targets, by their own proper motions."""
        declared = self.declared
        pm_ra, pm_dec = (
            column.to_own_unit(name, as_floats(entries.column(column.column)))
            for name, column in declared.motion().items()
        )
        ra, dec, _ = propagate_proper_motion(
            ra_deg, dec_deg, pm_ra, pm_dec, declared.epoch_yr, declared.target_epoch_yr
        )
        return ra, dec

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

    def _outcomes(self, stars: Targets, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Outcome and reason of each target, of which some were found."""
        if not self._there:
            return np.full(len(hit), UNKNOWN, object), np.full(len(hit), _NO_FILE, object)
        covered = self.declared.coverage.covers(stars.ra_deg, stars.dec_deg)
        reason = np.where(hit | covered, "", np.where(stars.placed, OUTSIDE, _NO_POSITION))
        without = np.where(stars.placed, np.where(covered, NOT_MATCHED, NOT_COVERED), UNKNOWN)
        return np.where(hit, MATCHED, without).astype(object), reason.astype(object)

    def _table(self, stars: Targets, found: Found, entries: pa.Table | None) -> pd.DataFrame:
        hit = found.row != NOTHING
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

    def _entries(self, stars: Targets, hits: Hits, entries: pa.Table | None) -> Entries:
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


def _index_of(declared: Declaration) -> Path | None:
    """Index that a table is matched through; None: it is read as it is."""
    if needs_index(declared):
        return ensure_index(declared)
    return None if declared.indexed is False else find_index(declared)


def catalogue_fingerprint(declared: Declaration) -> str:
    """SHA-256 of a catalogue's declaration and of what its file holds."""
    where = {"filepath", "optional", "indexed", "index_folder"}
    mark = hashlib.sha256(declared.model_dump_json(exclude=where).encode())
    if declared.filepath.is_file():
        mark.update(source_digest(declared).encode())
    return mark.hexdigest()
