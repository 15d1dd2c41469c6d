"""Stars judged a part at a time: their rows of other tables, and what is said of all together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from malca.filters.judge import Judgement
from malca.filters.stars import whole_ids


class RowsOfStars:
    """Rows of a table by the star they belong to.

    Parameters
    ----------
    table : DataFrame
        With ``asas_sn_id``, any number of rows a star.
    name : str
        Of the table, for errors.

    Raises
    ------
    ValueError, TypeError
        An id is missing, or ids are floats.
    """

    def __init__(self, table: pd.DataFrame, name: str) -> None:
        self._table, self._name = table, name
        ids = whole_ids(table["asas_sn_id"], name)
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]

    def of(self, ids: pd.Series) -> pd.DataFrame:
        """Rows of some stars, in the table's order."""
        wanted = np.unique(whole_ids(ids, "sources"))
        first, last = (np.searchsorted(self._ids, wanted, side) for side in ("left", "right"))
        length = last - first
        place = np.repeat(first - np.cumsum(length) + length, length) + np.arange(length.sum())
        return self._table.iloc[np.sort(self._order[place])].reset_index(drop=True)

    def check_all_are_of(self, ids: pd.Series) -> None:
        """Refuse rows of other stars.

        Raises
        ------
        ValueError
        """
        foreign = int((~np.isin(self._ids, ids.to_numpy(np.int64))).sum())
        if foreign:
            raise ValueError(f"{foreign} {self._name} belong to stars that are not among the sources")


def together(parts: Sequence[Judgement]) -> Judgement:
    """Judgement of all stars, from those of parts of them by the same filters.

    Raises
    ------
    ValueError
        A star is in two parts.
    """
    judged = pd.concat([one.judged for one in parts], ignore_index=True)
    if judged["asas_sn_id"].duplicated().any():
        raise ValueError("the sources table has a star twice")
    rejections = pd.concat([one.rejections for one in parts], ignore_index=True)
    # Within a part, and so within a star, they are in order.
    rejections = rejections.sort_values("asas_sn_id", kind="stable", ignore_index=True)
    attrition = parts[0].attrition.copy()
    for name in attrition:
        if name.startswith("n_"):  # all of them count stars
            attrition[name] = np.sum([one.attrition[name] for one in parts], axis=0)
    return Judgement(judged, rejections, attrition)
