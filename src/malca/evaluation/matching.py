"""Which star of a run each known object is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.astrophysics.astrometry import pairs_within
from malca.catalogs import MATCHED, NOT_MATCHED, UNKNOWN
from malca.known_objects import EVENT, KNOWN_DTYPES, UNCERTAIN

MATCH_DTYPES = {
    "known_id": "str", "name": "str", "category": "str", "label": "str", "asas_sn_id": "Int64",
    "match_outcome": "str", "match_by": "str", "sep_arcsec": "float64", "n_within_radius": "int64",
    "is_ambiguous": "bool",
}  # fmt: skip
_STRENGTH = {EVENT: 2, UNCERTAIN: 1}


def match_objects(known: pd.DataFrame, stars: pd.DataFrame, radius_arcsec: float) -> pd.DataFrame:
    """Find each known object among the stars: by its ASAS-SN id, or else the nearest one.

    Parameters
    ----------
    known : DataFrame
        Columns of ``malca.known_objects.KNOWN_DTYPES``.
    stars : DataFrame
        ``asas_sn_id`` of every star, and ``ra_deg, dec_deg`` where known.
    radius_arcsec : float
        Largest separation of a match by position.

    Returns
    -------
    DataFrame
        A row an object, in the order of ``known``: ``known_id, name, category``; ``label``, the
        strongest of its rows; ``asas_sn_id`` of its star; ``match_outcome``, "matched",
        "not_matched", or "unknown" (it has no id, and it or the stars no position); ``match_by``,
        ``sep_arcsec``, ``n_within_radius``; ``is_ambiguous``, whether other stars are within the
        radius too, or another object has the same star.

    Raises
    ------
    ValueError
        A column is missing, a star is there twice, or the radius is not positive.
    """
    require(known, "known objects", tuple(KNOWN_DTYPES))
    require(stars, "stars", ("asas_sn_id",))
    if not radius_arcsec > 0:
        raise ValueError(f"the radius of a match must be positive, not {radius_arcsec} arcsec")
    if stars["asas_sn_id"].duplicated().any():
        raise ValueError("the table of stars has a star twice")
    strength = known["label"].map(_STRENGTH).fillna(0)
    best = known.loc[strength.groupby(known["known_id"]).idxmax(), ["known_id", "label"]]
    objects = known.drop_duplicates("known_id").reset_index(drop=True)
    table = objects[["known_id", "name", "category"]].merge(best, on="known_id", validate="1:1")
    given = objects["asas_sn_id"].to_numpy(np.int64, na_value=-1)
    star_ids = stars["asas_sn_id"].to_numpy(np.int64)
    by_id = pd.Index(star_ids).get_indexer(given)
    sky = _nearest(objects, stars, (given < 0), radius_arcsec)
    row = np.where(given >= 0, by_id, sky["row"])
    found = row >= 0
    ids = np.full(len(objects), -1, np.int64)
    ids[found] = star_ids[row[found]]
    table["asas_sn_id"] = pd.arrays.IntegerArray(ids, ~found)
    could = (given >= 0) | sky["could"]
    table["match_outcome"] = np.where(found, MATCHED, np.where(could, NOT_MATCHED, UNKNOWN))
    table["match_by"] = np.where(~found, "", np.where(given >= 0, "asas_sn_id", "position"))
    table["sep_arcsec"] = sky["sep_arcsec"]
    table["n_within_radius"] = sky["n_within_radius"]
    shared = table["asas_sn_id"].duplicated(keep=False).to_numpy() & found
    table["is_ambiguous"] = (table["n_within_radius"] > 1) | shared
    return table[list(MATCH_DTYPES)].astype(MATCH_DTYPES)


def _nearest(
    objects: pd.DataFrame, stars: pd.DataFrame, wanted: np.ndarray, radius_arcsec: float
) -> dict[str, np.ndarray]:
    """Row of the star nearest to each wanted object (-1: none), and how many stars are near it."""
    n = len(objects)
    row, separation, count = np.full(n, -1), np.full(n, np.nan), np.zeros(n, np.int64)
    could = np.zeros(n, bool)
    if {"ra_deg", "dec_deg"} <= set(stars.columns):
        ra, dec = (objects[name].to_numpy(float) for name in ("ra_deg", "dec_deg"))
        ra = np.where(wanted, ra, np.nan)
        star_ra, star_dec = (stars[name].to_numpy(float) for name in ("ra_deg", "dec_deg"))
        placed = np.isfinite(star_ra) & np.isfinite(star_dec)
        could = np.isfinite(ra) & np.isfinite(dec) & bool(placed.any())
        pairs = pairs_within(ra, dec, star_ra, star_dec, radius_arcsec)
        # Pairs come by object and then by separation.
        first, start, number = np.unique(pairs.first, return_index=True, return_counts=True)
        row[first], separation[first] = pairs.second[start], pairs.sep_arcsec[start]
        count[first] = number
    return {"row": row, "sep_arcsec": separation, "n_within_radius": count, "could": could}


def require(table: pd.DataFrame, name: str, columns: tuple[str, ...]) -> None:
    """Raise a ValueError that names the columns a table lacks."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"the table of {name} lacks {', '.join(missing)}")
