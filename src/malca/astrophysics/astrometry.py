"""Positions on the sky: motion between epochs, and neighbours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

MAS_PER_RADIAN = 180 / np.pi * 3.6e6
ARCSEC_PER_RADIAN = MAS_PER_RADIAN / 1000


class Pairs(NamedTuple):
    """Pairs of positions closer than a radius, shape (n_pairs,) each, sorted by ``first``."""

    first: np.ndarray
    second: np.ndarray
    sep_arcsec: np.ndarray


def unit_vectors(ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
    """Cartesian directions, shape (n, 3)."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def propagate_proper_motion(
    ra_deg: np.ndarray,
    dec_deg: np.ndarray,
    pm_ra_masyr: np.ndarray,
    pm_dec_masyr: np.ndarray,
    from_epoch_yr: float,
    to_epoch_yr: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move positions from one epoch to another.

    Uniform motion along a straight line, seen from afar: no parallax and no radial velocity
    (The Hipparcos and Tycho Catalogues, ESA SP-1200, 1997, volume 1, section 1.5.5).

    Parameters
    ----------
    ra_deg, dec_deg : (n,) arrays
        ICRS position at ``from_epoch_yr``, degrees.
    pm_ra_masyr, pm_dec_masyr : (n,) arrays
        Proper motion, mas/yr, in right ascension times cos(dec). Not finite: unknown.
    from_epoch_yr, to_epoch_yr : float
        Julian years, as 2016.0.

    Returns
    -------
    ra_deg, dec_deg : (n,) arrays
        Position at ``to_epoch_yr``, right ascension in [0, 360). A star whose proper motion is
        unknown stays where it is.
    moved : (n,) bool array
        False where the proper motion is unknown.
    """
    ra_deg, dec_deg = np.asarray(ra_deg, float), np.asarray(dec_deg, float)
    pm_ra, pm_dec = np.asarray(pm_ra_masyr, float), np.asarray(pm_dec_masyr, float)
    moved = np.isfinite(pm_ra) & np.isfinite(pm_dec)
    years = to_epoch_yr - from_epoch_yr
    east_step = np.where(moved, pm_ra, 0.0) * years / MAS_PER_RADIAN
    north_step = np.where(moved, pm_dec, 0.0) * years / MAS_PER_RADIAN
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    zero = np.zeros_like(ra)
    east = np.stack([-np.sin(ra), np.cos(ra), zero], axis=-1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=-1)
    x, y, z = np.moveaxis(
        unit_vectors(ra_deg, dec_deg) + east * east_step[..., None] + north * north_step[..., None],
        -1,
        0,
    )
    new_ra = np.degrees(np.arctan2(y, x)) % 360.0
    # a tiny negative angle comes out of % as 360 itself
    new_ra = np.where(new_ra >= 360.0, 0.0, new_ra)
    new_dec = np.degrees(np.arctan2(z, np.hypot(x, y)))
    return np.where(moved, new_ra, ra_deg % 360.0), np.where(moved, new_dec, dec_deg), moved


def pairs_within(
    ra_deg: np.ndarray,
    dec_deg: np.ndarray,
    other_ra_deg: np.ndarray,
    other_dec_deg: np.ndarray,
    radius_arcsec: float,
) -> Pairs:
    """All pairs of a position and another position within ``radius_arcsec`` of each other.

    Positions that are not finite have no neighbours. Right across the poles and 0 h, as the
    distances are those between unit vectors.
    """
    places = np.flatnonzero(np.isfinite(ra_deg) & np.isfinite(dec_deg))
    others = np.flatnonzero(np.isfinite(other_ra_deg) & np.isfinite(other_dec_deg))
    if not (len(places) and len(others)):
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    tree = cKDTree(unit_vectors(np.asarray(ra_deg)[places], np.asarray(dec_deg)[places]))
    other_tree = cKDTree(
        unit_vectors(np.asarray(other_ra_deg)[others], np.asarray(other_dec_deg)[others])
    )
    chord = 2 * np.sin(radius_arcsec / ARCSEC_PER_RADIAN / 2)
    found = tree.sparse_distance_matrix(other_tree, chord, output_type="ndarray")
    separation = 2 * np.arcsin(found["v"] / 2) * ARCSEC_PER_RADIAN
    order = np.lexsort([others[found["j"]], separation, places[found["i"]]])
    return Pairs(places[found["i"]][order], others[found["j"]][order], separation[order])
