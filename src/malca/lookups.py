"""Look stars of a table up in one catalogue, so that whatever happens every star has an outcome.

A catalogue that is switched off, that fails or that answers something else than it was asked leaves
its stars "unknown", with the reason, and hinders none of the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from malca.astrophysics.star_table import numbers
from malca.catalogs import (
    MATCH_DTYPES,
    OPTIONAL_TARGET_COLUMNS,
    OUTCOMES,
    TARGET_COLUMNS,
    UNKNOWN,
    Catalog,
    Entries,
    integer_ids,
)

logger = logging.getLogger(__name__)

#: Reason of a catalogue that was not asked.
SWITCHED_OFF = "switched off"
#: Columns of the outcomes of ``look_up_all``.
OUTCOME_DTYPES = {"asas_sn_id": "int64", "outcome": "str", "reason": "str", "n_entries": "int64"}
#: First columns of the entries of ``look_up_all``.
ENTRY_DTYPES = {"asas_sn_id": "int64", "sep_arcsec": "float64"}

_REASON_LENGTH = 300
_Answer = TypeVar("_Answer", pd.DataFrame, Entries)
_Node = TypeVar("_Node", bound=Callable[..., Any])


def targets_of(table: pd.DataFrame) -> pd.DataFrame:
    """Targets for catalogues from a table of stars, the best known of each.

    Gaia's own position and proper motion (``gaia_ra_deg``, ``gaia_pm_ra_masyr`` …) stand in for
    those of the survey's index where the table has them; a ``gaia_dr3_id`` for the index's
    ``gaia_id`` with its release.

    Parameters
    ----------
    table : DataFrame, (n,)
        ``asas_sn_id, ra_deg, dec_deg`` and what there is of the rest.

    Returns
    -------
    DataFrame, (n,)
        ``asas_sn_id, ra_deg, dec_deg, pm_ra_masyr, pm_dec_masyr, gaia_id, gaia_release``.

    Raises
    ------
    KeyError
        A needed column is missing.
    TypeError
        Ids are floats.
    ValueError
        A star has no ``asas_sn_id``, or two have the same.
    """
    missing = [name for name in ("asas_sn_id", "ra_deg", "dec_deg") if name not in table]
    if missing:
        raise KeyError(f"the table of stars lacks {', '.join(missing)}")
    ids, there = integer_ids(table["asas_sn_id"])
    if not there.all():
        raise ValueError(f"{(~there).sum()} stars have no asas_sn_id")
    if ids.duplicated().any():
        raise ValueError(f"{ids.duplicated().sum()} stars are in the table twice")
    ra, dec = numbers(table, "ra_deg"), numbers(table, "dec_deg")
    gaia_ra, gaia_dec = numbers(table, "gaia_ra_deg"), numbers(table, "gaia_dec_deg")
    placed = np.isfinite(gaia_ra) & np.isfinite(gaia_dec)
    pm = [numbers(table, name) for name in ("pm_ra_masyr", "pm_dec_masyr")]
    gaia_pm = [numbers(table, f"gaia_{name}") for name in ("pm_ra_masyr", "pm_dec_masyr")]
    moving = np.isfinite(gaia_pm[0]) & np.isfinite(gaia_pm[1])
    gaia_id, release = _gaia_ids(table)
    return pd.DataFrame(
        {
            "asas_sn_id": ids.to_numpy(),
            "ra_deg": np.where(placed, gaia_ra, ra),
            "dec_deg": np.where(placed, gaia_dec, dec),
            "pm_ra_masyr": np.where(moving, gaia_pm[0], pm[0]),
            "pm_dec_masyr": np.where(moving, gaia_pm[1], pm[1]),
            "gaia_id": gaia_id,
            "gaia_release": release,
        }
    )[[*TARGET_COLUMNS, *OPTIONAL_TARGET_COLUMNS]]


def look_up(targets: pd.DataFrame, catalog: Catalog, enabled: bool, name: str) -> pd.DataFrame:
    """Look stars up in a catalogue, nearest or by id; nothing it does is raised.

    Parameters
    ----------
    targets : DataFrame, (n,)
        As of ``targets_of``.
    catalog : Catalog
    enabled : bool
        False: the catalogue is not asked.
    name : str
        Of the catalogue, for the log.

    Returns
    -------
    DataFrame, (n,)
        As of ``malca.catalogs.Catalog.match``; a catalogue that was not asked or failed has none
        of its own columns.
    """

    def checked(answer: pd.DataFrame) -> pd.DataFrame:
        _check_stars(answer, targets, MATCH_DTYPES)
        return answer.reset_index(drop=True)

    return _asked(
        lambda: checked(catalog.match(targets)),
        lambda reason: unknown_matches(targets, reason),
        enabled, name, len(targets),
    )  # fmt: skip


def look_up_all(targets: pd.DataFrame, catalog: Catalog, enabled: bool, name: str) -> Entries:
    """List all a catalogue has within its radius of stars; nothing it does is raised.

    Parameters
    ----------
    targets, catalog, enabled, name
        As of ``look_up``.

    Returns
    -------
    Entries
        ``outcomes``, a row a target; ``entries``, a row an entry, without the catalogue's own
        columns where it was not asked or failed.
    """

    def checked(answer: Entries) -> Entries:
        outcomes, entries = answer
        _check_stars(outcomes, targets, OUTCOME_DTYPES)
        strangers = ~entries["asas_sn_id"].isin(targets["asas_sn_id"])
        if strangers.any():
            raise ValueError(f"{strangers.sum()} entries of stars that were not asked for")
        return Entries(outcomes.reset_index(drop=True), entries.reset_index(drop=True))

    return _asked(
        lambda: checked(catalog.match_all(targets)),
        lambda reason: unknown_entries(targets, reason),
        enabled, name, len(targets),
    )  # fmt: skip


class Asks(Protocol):
    """Parameters that say which catalogues are asked."""

    def asks(self, name: str) -> bool:
        """Whether a catalogue is asked."""


def look_up_node(name: str, parameters_type: type[Asks]) -> Callable[..., pd.DataFrame]:
    """Make the function of a node that looks stars up in one catalogue; see ``look_up``.

    Parameters
    ----------
    name : str
        Of the catalogue's dataset, without ``_catalog``.
    parameters_type : type
        Of the node's last argument, which is made of the configuration by it.
    """

    def node(targets: pd.DataFrame, catalog: Catalog, parameters: Asks) -> pd.DataFrame:
        return look_up(targets, catalog, parameters.asks(name), name)

    return _named(node, name, parameters_type)


def look_up_all_node(name: str, parameters_type: type[Asks]) -> Callable[..., Entries]:
    """Make the function of a node that lists all of one catalogue; see ``look_up_node``."""

    def node(targets: pd.DataFrame, catalog: Catalog, parameters: Asks) -> Entries:
        return look_up_all(targets, catalog, parameters.asks(name), name)

    return _named(node, name, parameters_type)


def _named(node: _Node, name: str, parameters_type: type[Asks]) -> _Node:
    node.__name__ = f"look_up_{name}"
    node.__annotations__ = {**node.__annotations__, "parameters": parameters_type}
    return node


def unknown_matches(targets: pd.DataFrame, reason: str) -> pd.DataFrame:
    """Make the matches of a catalogue that gave no answer."""
    n = len(targets)
    table = {
        "asas_sn_id": targets["asas_sn_id"].to_numpy(),
        "outcome": [UNKNOWN] * n,
        "reason": [reason] * n,
        "sep_arcsec": np.full(n, np.nan),
        "match_by": [""] * n,
    }
    return pd.DataFrame(table).astype(MATCH_DTYPES)


def unknown_entries(targets: pd.DataFrame, reason: str) -> Entries:
    """Make the outcomes and entries (none) of a catalogue that gave no answer."""
    n = len(targets)
    outcomes = {
        "asas_sn_id": targets["asas_sn_id"].to_numpy(),
        "outcome": [UNKNOWN] * n,
        "reason": [reason] * n,
        "n_entries": np.zeros(n, np.int64),
    }
    entries = pd.DataFrame({name: [] for name in ENTRY_DTYPES}).astype(ENTRY_DTYPES)
    return Entries(pd.DataFrame(outcomes).astype(OUTCOME_DTYPES), entries)


def named_columns(matches: pd.DataFrame, names: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Columns of an answer under other names and with fixed types, missing where there are none.

    The same columns come out whether a catalogue answered, failed or was switched off.

    Parameters
    ----------
    matches : DataFrame, (n,)
        Matches or entries.
    names : mapping of str to (str, str)
        By new name the column of ``matches`` and the pandas type: "float64", "Int64", "boolean",
        "str".
    """
    columns = {}
    for new, (old, dtype) in names.items():
        if old in matches:
            values = matches[old]
            if dtype == "float64":
                columns[new] = pd.Series(numbers(matches, old), index=matches.index)
            else:
                columns[new] = values.astype(dtype)
        else:
            columns[new] = pd.Series(pd.array([None] * len(matches), dtype=dtype), index=matches.index)
    return pd.DataFrame(columns, index=matches.index)


def _asked(
    ask: Callable[[], _Answer],
    unknown: Callable[[str], _Answer],
    enabled: bool,
    name: str,
    n_targets: int,
) -> _Answer:
    if not enabled:
        return unknown(SWITCHED_OFF)
    try:
        answer = ask()
    except Exception as error:  # whatever it is, it is this catalogue's alone
        reason = _reason_of(error)
        logger.warning("%s: %d stars stay unknown: %s", name, n_targets, reason)
        return unknown(reason)
    outcomes = answer if isinstance(answer, pd.DataFrame) else answer.outcomes
    counts = outcomes["outcome"].value_counts()
    told = ", ".join(f"{counts[one]} {one}" for one in OUTCOMES if one in counts)
    logger.info("%s: %s", name, told or "no stars")
    return answer


def _reason_of(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _REASON_LENGTH else text[: _REASON_LENGTH - 1] + "…"


def _check_stars(answer: pd.DataFrame, targets: pd.DataFrame, columns: Mapping[str, str]) -> None:
    missing = [name for name in columns if name not in answer]
    if missing:
        raise ValueError(f"the answer lacks {', '.join(missing)}")
    if not np.array_equal(answer["asas_sn_id"].to_numpy(), targets["asas_sn_id"].to_numpy()):
        raise ValueError("the answer is not about the stars that were asked for")
    wrong = set(answer["outcome"]) - set(OUTCOMES)
    if wrong:
        raise ValueError(f"the answer has an outcome '{sorted(map(str, wrong))[0]}'")


def _gaia_ids(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Gaia ids as Int64 and the release each is of; DR3 before what the index has."""
    n = len(table)
    ids, there = np.zeros(n, np.int64), np.zeros(n, bool)
    release = np.full(n, None, object)
    if "gaia_id" in table:
        own, own_there = integer_ids(table["gaia_id"])
        ids, there = own.to_numpy().copy(), own_there.to_numpy()
        if "gaia_release" in table:
            stated = table["gaia_release"].astype(object)
            release = stated.where(there & table["gaia_release"].notna(), None).to_numpy().copy()
    if "gaia_dr3_id" in table:
        dr3, dr3_there = (part.to_numpy() for part in integer_ids(table["gaia_dr3_id"]))
        ids, there = np.where(dr3_there, dr3, ids), there | dr3_there
        release[dr3_there] = "DR3"
    return (
        pd.Series(pd.arrays.IntegerArray(ids, ~there)),
        pd.Series(release, dtype="str"),
    )
