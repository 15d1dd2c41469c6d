"""How a simulated catalogue says which columns are its position, and in which units the others are."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd


def laid_out(
    table: pd.DataFrame, position: tuple[str, str] | None, units: Mapping[str, str]
) -> pd.DataFrame:
    """Table that knows its position and units, for whoever writes it.

    Parameters
    ----------
    table : DataFrame
    position : (str, str), optional
        Columns of right ascension and declination, degrees.
    units : mapping of str to str
        Units of the other columns, as astropy writes them; what is not named has none.
    """
    made = table.copy(deep=False)
    sky = dict.fromkeys(position or (), "deg")
    made.attrs = {"position": position, "units": {**sky, **units}}
    return made
