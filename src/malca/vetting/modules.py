"""The catalogues that candidates are vetted with, and the columns each gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from malca.lookups import named_columns


class MatchModule(NamedTuple):
    """A catalogue that lists a star once.

    Attributes
    ----------
    prefix : str
        What the names of its columns begin with.
    columns : mapping of str to (str, str)
        By name without prefix, the catalogue's column and its pandas type.
    tells : str
        Column, without prefix, that is there where the catalogue lists the star.
    """

    prefix: str
    columns: Mapping[str, tuple[str, str]]
    tells: str

    def describe(self, matches: pd.DataFrame) -> pd.DataFrame:
        """Columns of ``vetted`` from matches, a row a star."""
        names = {**_OUTCOME, **self.columns}
        return named_columns(matches, {f"{self.prefix}_{new}": column for new, column in names.items()})


_OUTCOME = {
    "outcome": ("outcome", "str"),
    "reason": ("reason", "str"),
    "sep_arcsec": ("sep_arcsec", "float64"),
}


def _same(**types: str) -> dict[str, tuple[str, str]]:
    return {name: (name, dtype) for name, dtype in types.items()}


#: By the name of the catalogue's dataset without ``_catalog``.
MATCH_MODULES: dict[str, MatchModule] = {
    "simbad": MatchModule(
        "simbad",
        _same(main_id="str", otype="str", sp_type="str", n_references="Int64"),
        "main_id",
    ),
    "gaia_variability": MatchModule(
        "gaia_var",
        {
            "class": ("class", "str"),
            **_same(score="float64", n_g="Int64", range_g_mag="float64", is_eclipsing="boolean"),
        },
        "class",
    ),
    "gaia_eb": MatchModule(
        "gaia_eb",
        {"class": ("class", "str"), **_same(period_days="float64", quality="float64")},
        "period_days",
    ),
    "asassn_variables": MatchModule(
        "asassn",
        {"class": ("class", "str"), **_same(period_days="float64", quality="float64")},
        "class",
    ),
    "ztf_periodic": MatchModule(
        "ztf", {"class": ("class", "str"), **_same(period_days="float64")}, "class"
    ),
    "tns": MatchModule(
        "tns",
        {
            "class": ("class", "str"),
            **_same(name="str", redshift="float64", discovery_date="str"),
        },
        "name",
    ),
    "alerce": MatchModule(
        "alerce",
        {
            "class": ("class", "str"),
            **_same(oid="str", n_detections="Int64", probability="float64"),
        },
        "oid",
    ),
}


def describe_matches(matches: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Gather what the catalogues that list a star once say.

    Parameters
    ----------
    matches : mapping of str to DataFrame, (n,)
        By module of ``MATCH_MODULES``, all of the same stars in the same order.

    Returns
    -------
    DataFrame, (n,)
        ``asas_sn_id``, then the columns of each module.

    Raises
    ------
    ValueError
        They are of different stars.
    """
    first = next(iter(matches.values()))["asas_sn_id"]
    parts: list[pd.DataFrame | pd.Series] = [first.reset_index(drop=True)]
    for name, table in matches.items():
        if not table["asas_sn_id"].reset_index(drop=True).equals(parts[0]):
            raise ValueError(f"the matches of {name} are of other stars: run the look-ups again")
        parts.append(MATCH_MODULES[name].describe(table.reset_index(drop=True)))
    return pd.concat(parts, axis=1)
