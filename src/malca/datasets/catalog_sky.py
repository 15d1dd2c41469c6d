"""Which parts of a table on the sky can hold a neighbour of a star, before distances are taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from malca.datasets.catalog_checks import column_index, group_extremes
from malca.datasets.catalog_declaration import Declaration

_CELL_DEG = 0.05
# Height of the bands of declination that indexed tables are sorted by, and what their keys differ by.
_ZONE_DEG = 0.1
_KEYS_A_ZONE = 400.0


def zone_key(ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
    """Give the number that sorts positions by bands of declination and within them by right ascension.

    Infinite where there is no position. Exact to 1e-10 degree.
    """
    there = np.isfinite(ra_deg) & np.isfinite(dec_deg)
    ra, dec = np.where(there, ra_deg, 0.0), np.where(there, dec_deg, 0.0)
    return np.where(there, _KEYS_A_ZONE * _zone(dec) + ra % 360.0, np.inf)


def _zone(dec_deg: np.ndarray) -> np.ndarray:
    return np.clip(np.floor((dec_deg + 90.0) / _ZONE_DEG), 0, round(180 / _ZONE_DEG) - 1)


def key_ranges(
    ra_deg: np.ndarray, dec_deg: np.ndarray, radius_deg: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ranges of keys, ends included, in which all positions within a radius of others lie.

    Parameters
    ----------
    ra_deg, dec_deg : (n,) arrays
        Finite positions, degrees.
    radius_deg : float

    Returns
    -------
    low, high : (n_ranges,) arrays
        In no order; several of them may cover one key.
    """
    width = widest_ra_deg(dec_deg, radius_deg)
    first, last = _zone(dec_deg - radius_deg), _zone(dec_deg + radius_deg)
    west = np.where(width >= 180, 0.0, (ra_deg - width) % 360.0)
    east = west + np.minimum(2 * width, 360.0)
    low, high = [], []
    for step in range(int((last - first).max(initial=-1)) + 1):
        zone = first + step
        inside = zone <= last
        start = _KEYS_A_ZONE * zone
        for begin, end in ((west, np.minimum(east, 360.0)), (np.zeros_like(west), east - 360.0)):
            some = inside & (end >= begin)
            low.append((start + begin)[some])
            high.append((start + end)[some])
    return np.concatenate([np.empty(0), *low]), np.concatenate([np.empty(0), *high])


def widest_ra_deg(dec_deg: np.ndarray, radius_deg: float) -> np.ndarray:
    """Half width in right ascension of a circle about each position; 180 where it holds a pole."""
    cosine = np.cos(np.radians(np.minimum(np.abs(dec_deg), 90.0)))
    sine = np.sin(np.radians(radius_deg))
    beside = cosine > sine
    return np.degrees(
        np.arcsin(np.where(beside, sine / np.where(beside, cosine, 1.0), 1.0))
    ) * np.where(beside, 1.0, 2.0)


class Cells:
    """Cells of about 0.05 degree, in bands of declination, that positions or their circles touch.

    Parameters
    ----------
    ra_deg, dec_deg : (n,) arrays
        Finite positions, degrees.
    radius_deg : float
        Radius of the circle about each.
    """

    def __init__(self, ra_deg: np.ndarray, dec_deg: np.ndarray, radius_deg: float) -> None:
        # a circle is narrower than a cell, so that its bounding box lies in the cells of its corners
        n_bands = max(1, int(180.0 / max(_CELL_DEG, 4 * radius_deg)))
        self._height = 180.0 / n_bands
        edges = -90.0 + self._height * np.arange(n_bands + 1)
        poleward = np.maximum(np.abs(edges[:-1]), np.abs(edges[1:]))
        around = 360.0 * np.cos(np.radians(np.minimum(poleward, 90.0))) / self._height
        self._n_around = np.maximum(1, around.astype(np.int64))
        self._first = np.concatenate([[0], np.cumsum(self._n_around)[:-1]])
        self._touched = np.zeros(self._n_around.sum(), bool)
        width = widest_ra_deg(dec_deg, radius_deg)
        for north in (-radius_deg, radius_deg):
            for east in (-width, width):
                self._touched[self._cell(ra_deg + east, dec_deg + north)] = True

    def _cell(self, ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
        band = np.clip((dec_deg + 90.0) / self._height, 0, len(self._first) - 1).astype(np.int64)
        n_around = self._n_around[band]
        turn = (ra_deg % 360.0) / 360.0 * n_around
        return self._first[band] + np.minimum(turn.astype(np.int64), n_around - 1)

    def hold(self, ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
        """Whether positions lie in one of the cells, shape (n,) bool; those not finite do not."""
        finite = np.isfinite(ra_deg) & np.isfinite(dec_deg)
        cell = self._cell(np.where(finite, ra_deg, 0.0), np.where(finite, dec_deg, 0.0))
        return finite & self._touched[cell]


class Box(NamedTuple):
    """Part of the sky that a row group lies in, widened by the reach of a match, degrees."""

    ra_low: float
    ra_high: float
    dec_low: float
    dec_high: float

    @classmethod
    def of(cls, file: pq.ParquetFile, group: int, declared: Declaration, reach_arcsec: float) -> Box:
        """Box of a row group as its statistics say; without them the whole sky."""
        ends: list[float] = []
        for name, column in declared.sky().items():
            found = group_extremes(file, group, column_index(file, column.column))
            if found is None:
                return cls(0.0, 360.0, -90.0, 90.0)
            ends += column.to_own_unit(name, np.array(found)).tolist()
        # a little more than the reach, for what is lost in rounding
        margin = 1.01 * reach_arcsec / 3600 + 1e-9
        ra_low, ra_high, dec_low, dec_high = ends
        wide = float(widest_ra_deg(np.array([max(abs(dec_low), abs(dec_high)) + margin]), margin)[0])
        return cls(ra_low - wide, ra_high + wide, dec_low - margin, dec_high + margin)

    def holds_any(self, ra_deg: np.ndarray, dec_deg: np.ndarray) -> bool:
        """Whether a position, of some in order of declination, lies in it."""
        first, last = np.searchsorted(dec_deg, [self.dec_low, self.dec_high])
        if self.ra_high - self.ra_low >= 360:
            return bool(last > first)
        return bool(((ra_deg[first:last] - self.ra_low) % 360.0 <= self.ra_high - self.ra_low).any())
