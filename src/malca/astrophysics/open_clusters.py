"""Open clusters that stars are listed as members of, and whether stars move with them.

Hunt & Reffert 2023 (A&A 673, A114; Gaia DR3) goes before Cantat-Gaudin+ 2020 (A&A 640, A1; Gaia DR2). A
star in neither list is no member of a cluster that these know, to their limits (G of about 20 and 18).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics.star_table import numbers, words
from malca.catalogs import MATCHED, NOT_COVERED, NOT_MATCHED, UNKNOWN

HUNT_REFFERT, CANTAT_GAUDIN = "hunt_reffert", "cantat_gaudin"


class _Columns(NamedTuple):
    """Names in a catalogue as published (VizieR); the first that is there is taken."""

    cluster: tuple[str, ...]  # of a member
    probability: tuple[str, ...]
    name: tuple[str, ...]  # of a cluster
    numbers: Mapping[str, tuple[str, ...]]


#: J/A+A/673/A114 (and J/A+A/686/A42): ``members`` and ``clusters``.
_HUNT_REFFERT = _Columns(
    cluster=("cluster", "Name"),
    probability=("probability", "Prob"),
    name=("cluster", "Name"),
    numbers={
        "age_log10yr": ("logAge50",),
        "age_low_log10yr": ("logAge16",),
        "age_high_log10yr": ("logAge84",),
        "distance_pc": ("dist50",),
        "rv_kms": ("RV",),
        "pm_ra_masyr": ("pmRA",),
        "pm_ra_dispersion_masyr": ("s_pmRA",),
        "pm_ra_error_masyr": ("e_pmRA",),
        "pm_dec_masyr": ("pmDE",),
        "pm_dec_dispersion_masyr": ("s_pmDE",),
        "pm_dec_error_masyr": ("e_pmDE",),
    },
)
#: J/A+A/640/A1: ``nodup`` and ``table1``, whose "errors" of the motion are the members' dispersions.
_CANTAT_GAUDIN = _Columns(
    cluster=("cluster", "Cluster"),
    probability=("probability", "Proba"),
    name=("cluster", "Cluster"),
    numbers={
        "pm_ra_masyr": ("pmRA*", "pmRA"),
        "pm_ra_dispersion_masyr": ("e_pmRA*", "e_pmRA"),
        "pm_dec_masyr": ("pmDE",),
        "pm_dec_dispersion_masyr": ("e_pmDE",),
        "age_log10yr": ("AgeNN",),
        "distance_pc": ("DistPc",),
    },
)
_CATALOGS = {HUNT_REFFERT: _HUNT_REFFERT, CANTAT_GAUDIN: _CANTAT_GAUDIN}
_NUMBERS = tuple(_HUNT_REFFERT.numbers)


class OpenClusterParameters(BaseModel):
    """From when on a star counts as a member of a cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_probability: float = Field(
        0.5, ge=0, le=1, description="Least catalogued probability of membership."
    )
    rejected_types: tuple[str, ...] = Field(
        ("r",),
        description="Types of objects of Hunt & Reffert that are no clusters: o open, m moving group, "
        "g globular, d too distant to tell, r rejected (2024, A&A 686, A42).",
    )
    min_dispersion_masyr: float = Field(
        0.05,
        gt=0,
        description="Least dispersion of a cluster's motion, mas/yr (assumed; Gaia's angular "
        "covariance alone is 0.02 to 0.03, Lindegren+ 2021, A&A 649, A2).",
    )


def cluster_table(clusters: pd.DataFrame | None, catalog: str) -> pd.DataFrame:
    """Clusters of a catalogue under one set of names.

    Parameters
    ----------
    clusters : DataFrame or None
        As published, or under the names of the result; None: the table is not there.
    catalog : str
        "hunt_reffert" or "cantat_gaudin".

    Returns
    -------
    DataFrame
        Indexed by the cluster's name: proper motion, its dispersion and error, age with its interval
        (log10 of years), distance, radial velocity and ``type``. NaN where the catalogue has none.
    """
    if clusters is None:
        clusters = pd.DataFrame()
    columns = _CATALOGS[catalog]
    name = _first(clusters, columns.name)
    if name is None:
        return pd.DataFrame(
            {"type": pd.Series(dtype="str")} | {k: pd.Series(dtype=float) for k in _NUMBERS}
        )
    table = {"type": words(clusters, "type" if "type" in clusters else "Type")}
    for number in _NUMBERS:
        found = _first(clusters, (number, *columns.numbers.get(number, ())))
        table[number] = np.full(len(clusters), np.nan) if found is None else numbers(clusters, found)
    index = [_plain(word) for word in words(clusters, name)]
    return pd.DataFrame(table, index=pd.Index(index, dtype="str")).loc[lambda t: ~t.index.duplicated()]


def _first(table: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in table), None)


def _plain(name: object) -> str:
    """Name of a cluster without what catalogues write differently."""
    return str(name).strip().replace(" ", "_")


def pm_offset_sigma(
    pm_ra_masyr: np.ndarray,
    pm_ra_error_masyr: np.ndarray,
    pm_dec_masyr: np.ndarray,
    pm_dec_error_masyr: np.ndarray,
    cluster: pd.DataFrame,
    min_dispersion_masyr: float = 0.05,
) -> np.ndarray:
    """How far a star's motion is from a cluster's, in units of the expected spread.

    Square root of chi-squared in two dimensions: a member is beyond 3.4 once in 370. Variances of the
    cluster's dispersion, of its mean, and of the star add.

    Parameters
    ----------
    pm_ra_masyr, pm_ra_error_masyr, pm_dec_masyr, pm_dec_error_masyr : (n,) arrays
        Of the stars; an error that is not known counts as none.
    cluster : DataFrame, (n,)
        The cluster of each star: columns of ``cluster_table``.
    min_dispersion_masyr : float
    """
    chi_squared = np.zeros(len(cluster))
    for axis, pm, error in (
        ("ra", pm_ra_masyr, pm_ra_error_masyr),
        ("dec", pm_dec_masyr, pm_dec_error_masyr),
    ):
        # fmax leaves a dispersion that is not known at the least one
        dispersion = np.fmax(
            cluster[f"pm_{axis}_dispersion_masyr"].to_numpy(float), min_dispersion_masyr
        )
        of_mean = np.nan_to_num(cluster[f"pm_{axis}_error_masyr"].to_numpy(float))
        variance = dispersion**2 + of_mean**2 + np.nan_to_num(np.asarray(error, float)) ** 2
        chi_squared += (
            np.asarray(pm, float) - cluster[f"pm_{axis}_masyr"].to_numpy(float)
        ) ** 2 / variance
    return np.sqrt(chi_squared)


def add_open_clusters(
    table: pd.DataFrame,
    hunt_reffert_members: pd.DataFrame,
    cantat_gaudin_members: pd.DataFrame,
    hunt_reffert_clusters: pd.DataFrame | None,
    cantat_gaudin_clusters: pd.DataFrame | None,
    parameters: OpenClusterParameters,
) -> pd.DataFrame:
    """Say which cluster each star is a member of.

    Parameters
    ----------
    table : DataFrame, (n,)
        ``gaia_pm_ra_masyr, gaia_pm_dec_masyr`` with their errors; those that are missing are unknown.
    hunt_reffert_members, cantat_gaudin_members : DataFrame, (n,)
        Matches of the same stars in the same order: ``outcome`` and, as the catalogues have them or
        renamed, ``cluster`` and ``probability``.
    hunt_reffert_clusters, cantat_gaudin_clusters : DataFrame or None
        The catalogues' clusters; None: only names and probabilities are known.
    parameters : OpenClusterParameters

    Returns
    -------
    DataFrame, (n,)
        ``cluster_outcome``: "matched", "not_matched" if all catalogues answered and none has it,
        else "unknown"; ``cluster_name``, ``cluster_probability``, ``cluster_catalog`` and
        ``cluster_type``; ``cluster_age_log10yr`` with ``cluster_age_low_log10yr`` and ``_high_``,
        ``cluster_distance_pc``, ``cluster_rv_kms``; ``cluster_pm_ra_masyr`` and
        ``cluster_pm_dec_masyr`` with their dispersions; ``cluster_pm_offset_sigma``, see
        ``pm_offset_sigma``; ``cluster_members_agree``, whether the two catalogues name the same
        cluster, missing where not both name one.
    """
    n = len(table)
    found = {
        HUNT_REFFERT: _members(hunt_reffert_members, hunt_reffert_clusters, HUNT_REFFERT, parameters),
        CANTAT_GAUDIN: _members(
            cantat_gaudin_members, cantat_gaudin_clusters, CANTAT_GAUDIN, parameters
        ),
    }
    source = np.full(n, "", dtype=object)
    for catalog, part in found.items():
        source = np.where((source == "") & (part["outcome"] == MATCHED), catalog, source)
    row = np.arange(n) + n * (source == CANTAT_GAUDIN)
    chosen = pd.concat([found[HUNT_REFFERT], found[CANTAT_GAUDIN]]).iloc[row].reset_index(drop=True)
    named = source != ""
    outcomes = np.stack([part["outcome"].to_numpy(object) for part in found.values()])
    # a catalogue that does not cover a star cannot list it
    all_answered = np.isin(outcomes, (NOT_MATCHED, NOT_COVERED)).all(axis=0)
    outcome = np.select([named, all_answered], [MATCHED, NOT_MATCHED], default=UNKNOWN)
    both = (outcomes == MATCHED).all(axis=0)
    same = found[HUNT_REFFERT]["name"].to_numpy(object) == found[CANTAT_GAUDIN]["name"].to_numpy(object)
    offset = pm_offset_sigma(
        numbers(table, "gaia_pm_ra_masyr"),
        numbers(table, "gaia_pm_ra_error_masyr"),
        numbers(table, "gaia_pm_dec_masyr"),
        numbers(table, "gaia_pm_dec_error_masyr"),
        chosen,
        parameters.min_dispersion_masyr,
    )
    result = {
        "cluster_outcome": pd.Series(outcome, dtype="str"),
        "cluster_name": chosen["name"].where(named, "").astype("str"),
        "cluster_probability": chosen["probability"].where(named),
        "cluster_catalog": pd.Series(source, dtype="str"),
        "cluster_type": chosen["type"].where(named, "").astype("str"),
    }
    for number in _NUMBERS:
        if number not in {"pm_ra_error_masyr", "pm_dec_error_masyr"}:
            result[f"cluster_{number}"] = chosen[number].where(named)
    result["cluster_pm_offset_sigma"] = pd.Series(np.where(named, offset, np.nan))
    result["cluster_members_agree"] = pd.Series(same, dtype="boolean").where(both)
    return pd.DataFrame(result).set_axis(table.index)


def _members(
    matches: pd.DataFrame,
    clusters: pd.DataFrame | None,
    catalog: str,
    parameters: OpenClusterParameters,
) -> pd.DataFrame:
    """Outcome, name and probability of each star in a catalogue, and its cluster's columns."""
    columns = _CATALOGS[catalog]
    cluster_column = _first(matches, columns.cluster)
    probability_column = _first(matches, columns.probability)
    name = np.full(len(matches), "", dtype=object)
    if cluster_column is not None:
        name = np.array([_plain(word) for word in words(matches, cluster_column)], dtype=object)
    probability = (
        np.full(len(matches), np.nan)
        if probability_column is None
        else numbers(matches, probability_column)
    )
    of_clusters = cluster_table(clusters, catalog).reindex(name).reset_index(drop=True)
    of_clusters["type"] = of_clusters["type"].fillna("")
    outcome = words(matches, "outcome")
    listed = (outcome == MATCHED) & (name != "")
    # a probability that is not known does not speak against
    refused = (probability < parameters.min_probability) | of_clusters["type"].isin(
        parameters.rejected_types
    ).to_numpy()
    outcome = np.where(listed & refused, NOT_MATCHED, np.where(outcome == "", UNKNOWN, outcome))
    own = pd.DataFrame({"outcome": outcome, "name": name, "probability": probability})
    return pd.concat([own, of_clusters], axis=1)
