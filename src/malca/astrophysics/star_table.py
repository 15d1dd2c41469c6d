"""Columns of tables of stars as arrays: what a table does not have is unknown, not an error."""

from __future__ import annotations

import numpy as np
import pandas as pd


def numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """Column as float64, shape (n,); NaN where it is missing, and throughout if it is not there.

    Not for ids, which floats cannot hold.
    """
    if name not in table:
        return np.full(len(table), np.nan)
    return table[name].to_numpy(float, na_value=np.nan)


def words(table: pd.DataFrame, name: str) -> np.ndarray:
    """Column as an object array of text, shape (n,); "" where it is missing or not there."""
    if name not in table:
        return np.full(len(table), "", dtype=object)
    column = table[name]
    return column.astype(object).where(column.notna(), "").to_numpy(object)


def truths(table: pd.DataFrame, name: str) -> np.ndarray:
    """Whether a nullable boolean column is known to be true, shape (n,)."""
    if name not in table:
        return np.zeros(len(table), bool)
    return table[name].astype("boolean").fillna(False).to_numpy(bool)


def best_position(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination, degrees: Gaia's where it knows the star, else the survey's."""
    ra, dec = numbers(table, "gaia_ra_deg"), numbers(table, "gaia_dec_deg")
    known = np.isfinite(ra) & np.isfinite(dec)
    return (
        np.where(known, ra, numbers(table, "ra_deg")),
        np.where(known, dec, numbers(table, "dec_deg")),
    )


def distance_error_pc(table: pd.DataFrame) -> np.ndarray:
    """Half the interval of the distance that was chosen, pc, shape (n,); NaN where it is unknown."""
    return (numbers(table, "distance_high_pc") - numbers(table, "distance_low_pc")) / 2
