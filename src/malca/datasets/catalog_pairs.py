"""Stars to be looked up as arrays, and pairs of a star and a row of a table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.astrophysics.astrometry import propagate_proper_motion
from malca.catalogs import TARGET_COLUMNS, integer_ids, normalise_gaia_release
from malca.datasets.catalog_declaration import Declaration

#: Row of what was not found.
NOTHING = -1


class Targets(NamedTuple):
    """Targets as arrays, shape (n,), positions at the catalogue's epoch.

    ``still`` are those whose motion is unknown, so that entries, which have one, are moved instead.
    """

    asas_sn_id: np.ndarray
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    gaia_id: np.ndarray
    gaia_release: np.ndarray
    still: np.ndarray

    @classmethod
    def of(cls, targets: pd.DataFrame, declared: Declaration) -> Targets:
        """Stars of a table, moved to a catalogue's epoch.

        Raises
        ------
        KeyError
            A column is missing.
        TypeError
            Ids are floats.
        """
        missing = [name for name in TARGET_COLUMNS if name not in targets]
        if missing:
            raise KeyError(f"targets lack {', '.join(missing)}")
        ra, dec, moved = propagate_proper_motion(
            targets["ra_deg"].to_numpy(float, na_value=np.nan),
            targets["dec_deg"].to_numpy(float, na_value=np.nan),
            targets["pm_ra_masyr"].to_numpy(float, na_value=np.nan),
            targets["pm_dec_masyr"].to_numpy(float, na_value=np.nan),
            declared.target_epoch_yr,
            declared.epoch_yr,
        )
        gaia_id, there = integer_ids(targets["gaia_id"])
        release = pd.Series("", index=targets.index, dtype=object)
        if "gaia_release" in targets:
            stated = targets["gaia_release"]
            named = {text: normalise_gaia_release(text) for text in stated.dropna().unique()}
            release = stated.map(named).where(there & stated.notna(), "")
        return cls(
            integer_ids(targets["asas_sn_id"])[0].to_numpy(),
            ra,
            dec,
            gaia_id.to_numpy(),
            release.to_numpy(object),
            ~moved & bool(declared.motion()) & (declared.epoch_yr != declared.target_epoch_yr),
        )

    @property
    def placed(self) -> np.ndarray:
        return np.isfinite(self.ra_deg) & np.isfinite(self.dec_deg)


class Found(NamedTuple):
    """Row of the table (-1: none) of each target, how it was found and how far away, shape (n,)."""

    row: np.ndarray
    by: np.ndarray
    sep_arcsec: np.ndarray

    @classmethod
    def nothing(cls, n: int) -> Found:
        return cls(np.full(n, NOTHING, np.int64), np.full(n, "", object), np.full(n, np.nan))


class Hits(NamedTuple):
    """Pairs of a target and a row of the table, shape (n_pairs,)."""

    star: np.ndarray
    row: np.ndarray
    sep_arcsec: np.ndarray

    @classmethod
    def nothing(cls) -> Hits:
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def take_nearest(hits: Hits, by: str, found: Found) -> None:
    """Put the nearest of some entries into ``found``, where it is nearer than what is there."""
    better = ~(hits.sep_arcsec >= found.sep_arcsec[hits.star])  # NaN: nothing is there yet
    star, row, sep = (values[better] for values in hits)
    order = np.lexsort([row, sep, star])  # an unknown separation comes last
    star, once = np.unique(star[order], return_index=True)
    chosen = order[once]
    found.row[star], found.by[star], found.sep_arcsec[star] = row[chosen], by, sep[chosen]


def distinct(parts: list[Hits]) -> Hits:
    """All pairs once, in order of targets, separation and rows."""
    if not parts:
        return Hits.nothing()
    star, row, sep = (np.concatenate(values) for values in zip(*parts, strict=True))
    _, once = np.unique(np.stack([star, row]), axis=1, return_index=True)
    star, row, sep = star[once], row[once], sep[once]
    order = np.lexsort([row, sep, star])
    return Hits(star[order], row[order], sep[order])
