"""Stars next to a candidate: how many, how bright, and how much of its light is theirs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import ncx2

from malca.catalogs import MATCHED, NOT_MATCHED, Entries
from malca.lookups import named_columns
from malca.vetting.parameters import NEIGHBOUR_CATALOGS, NeighbourParameters

#: Columns of the long table of neighbours that each catalogue fills where it has them.
_LONG = {
    "id": "str", "g_mag": "float64", "bp_rp_mag": "float64", "j_mag": "float64",
    "ks_mag": "float64", "w1_mag": "float64", "class": "str", "period_days": "float64",
    "max_mag": "float64",
}  # fmt: skip
#: Flags of entries of VSX that are constant or non-existing, or duplicates.
_NO_VARIABLES = (2, 3)
_SIGMA_OF_FWHM = 1 / np.sqrt(8 * np.log(2))


def aperture_share(offset_arcsec: np.ndarray, aperture_arcsec: float, fwhm_arcsec: float) -> np.ndarray:
    """Share of a star's light that falls into a round aperture centred elsewhere.

    For a Gaussian PSF the square of the distance from the aperture's centre, in units of the width,
    follows a non-central χ² distribution of two degrees of freedom.

    Parameters
    ----------
    offset_arcsec : array
        Distance of the star from the centre of the aperture, arcsec.
    aperture_arcsec, fwhm_arcsec : float
        Radius of the aperture, full width at half maximum of the PSF.
    """
    sigma = fwhm_arcsec * _SIGMA_OF_FWHM
    offset = np.asarray(offset_arcsec, float)
    return np.asarray(ncx2.cdf((aperture_arcsec / sigma) ** 2, 2, (offset / sigma) ** 2))


def gather_neighbours(
    stars: pd.DataFrame, catalogs: Mapping[str, Entries], parameters: NeighbourParameters
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List what is next to each star, and tell what it amounts to.

    The star itself is left out: in Gaia the entry with its DR3 id; elsewhere, or without an id, the
    nearest within ``own_radius_arcsec`` that is about as bright. Densities and light are of
    Gaia alone, as the catalogues see mostly the same stars; G stands for the survey's V and g.

    Parameters
    ----------
    stars : DataFrame, (n,)
        ``asas_sn_id`` and, where known, ``gaia_dr3_id, gaia_g_mag, dip_best_depth_mag``.
    catalogs : mapping of str to Entries
        By catalogue of ``NEIGHBOUR_CATALOGS``, all within at least ``radius_arcsec``.
    parameters : NeighbourParameters

    Returns
    -------
    neighbours : DataFrame
        A row an entry that is not the star: ``asas_sn_id, catalog, sep_arcsec, id`` and what the
        catalogue has of magnitudes and classes.
    summary : DataFrame, (n,)
        ``asas_sn_id`` and columns ``neighbours_…``, <NA> or NaN where a catalogue did not answer.
    """
    star = stars[["asas_sn_id"]].reset_index(drop=True)
    long = pd.concat(
        [_others(name, catalogs[name], stars, parameters) for name in NEIGHBOUR_CATALOGS],
        ignore_index=True,
    )
    ids = star["asas_sn_id"]
    summary = star.copy()
    answered = {}
    for name in NEIGHBOUR_CATALOGS:
        outcomes = catalogs[name].outcomes.set_index("asas_sn_id").reindex(ids)
        summary[f"neighbours_{name}_outcome"] = outcomes["outcome"].to_numpy()
        summary[f"neighbours_{name}_reason"] = outcomes["reason"].to_numpy()
        answered[name] = outcomes["outcome"].isin([MATCHED, NOT_MATCHED]).to_numpy()
        own = long[long["catalog"] == name]
        near = own[own["sep_arcsec"] <= parameters.radius_arcsec]
        count = near.groupby("asas_sn_id").size().reindex(ids).fillna(0)
        summary[f"neighbours_{name}_count"] = _if(count.to_numpy(), answered[name], "Int64")
        nearest = own.groupby("asas_sn_id")["sep_arcsec"].min().reindex(ids)
        summary[f"neighbours_{name}_nearest_arcsec"] = nearest.to_numpy()
    _add_light(summary, long[long["catalog"] == "gaia"], stars, answered["gaia"], parameters)
    _add_variables(summary, long[long["catalog"] == "vsx"], answered["vsx"])
    return long, summary


def variable_itself(vsx: Entries, parameters: NeighbourParameters) -> pd.DataFrame:
    """Tell which variable of VSX a star itself is, for tables of stars that do not say.

    Returns
    -------
    DataFrame, (n,)
        ``asas_sn_id, vsx_outcome, vsx_name, vsx_class, vsx_period_days, vsx_sep_arcsec``.
    """
    entries = named_columns(
        vsx.entries,
        {
            "vsx_name": ("id", "str"),
            "vsx_class": ("class", "str"),
            "vsx_period_days": ("period_days", "float64"),
            "vsx_sep_arcsec": ("sep_arcsec", "float64"),
            "flag": ("variability_flag", "Int64"),
        },
    )
    entries.insert(0, "asas_sn_id", vsx.entries["asas_sn_id"].to_numpy("int64"))
    own = entries[
        (entries["vsx_sep_arcsec"] <= parameters.own_vsx_radius_arcsec)
        & ~entries["flag"].isin(_NO_VARIABLES)
    ]
    own = own.sort_values("vsx_sep_arcsec", kind="stable").drop_duplicates("asas_sn_id")
    table = vsx.outcomes[["asas_sn_id", "outcome"]].rename(columns={"outcome": "vsx_outcome"})
    table = table.merge(own.drop(columns="flag"), on="asas_sn_id", how="left", validate="1:1")
    table["vsx_outcome"] = table["vsx_outcome"].replace(MATCHED, NOT_MATCHED)
    table.loc[table["asas_sn_id"].isin(own["asas_sn_id"]), "vsx_outcome"] = MATCHED
    return table


def _others(
    name: str, catalog: Entries, stars: pd.DataFrame, parameters: NeighbourParameters
) -> pd.DataFrame:
    """Entries of a catalogue that are not the star they were listed for."""
    entries = catalog.entries
    table = named_columns(entries, {new: (new, dtype) for new, dtype in _LONG.items()})
    if "gaia_dr3_id" in entries:
        gaia = entries["gaia_dr3_id"].astype("Int64")
        table["id"] = gaia.astype("string").astype("str")
    if name == "vsx" and "variability_flag" in entries:
        variable = ~entries["variability_flag"].isin(_NO_VARIABLES)
        entries, table = entries[variable], table[variable]
    table.insert(0, "asas_sn_id", entries["asas_sn_id"].to_numpy("int64"))
    table.insert(1, "catalog", pd.Series(name, index=table.index, dtype="str"))
    table.insert(2, "sep_arcsec", entries["sep_arcsec"].to_numpy(float))
    known = stars.set_index("asas_sn_id")
    radius = parameters.own_vsx_radius_arcsec if name == "vsx" else parameters.own_radius_arcsec
    can_be = table["sep_arcsec"] <= radius
    itself = pd.Series(False, index=table.index)
    if name == "gaia" and "gaia_dr3_id" in known and "gaia_dr3_id" in entries:
        own = known["gaia_dr3_id"].astype("Int64")
        own = own.reindex(table["asas_sn_id"]).set_axis(table.index)
        itself = (gaia == own).fillna(False).astype(bool)
        # where the star's id is known, no entry with another id is the star
        can_be &= own.isna() | gaia.isna()
    if name == "gaia" and "gaia_g_mag" in known:
        magnitude = known["gaia_g_mag"].astype(float).reindex(table["asas_sn_id"])
        off = (table["g_mag"] - magnitude.to_numpy()).abs()
        can_be &= ~(off > parameters.own_max_delta_mag)
    nearest = table[can_be].sort_values("sep_arcsec", kind="stable").drop_duplicates("asas_sn_id")
    itself |= table.index.isin(nearest.index)
    return table[~itself]


def _add_light(
    summary: pd.DataFrame,
    gaia: pd.DataFrame,
    stars: pd.DataFrame,
    answered: np.ndarray,
    parameters: NeighbourParameters,
) -> None:
    """Add densities, bright neighbours and blending, of Gaia's neighbours."""
    ids = summary["asas_sn_id"]
    own_g = _numbers(stars, "gaia_g_mag")
    g_of = pd.Series(own_g, index=ids)
    area_arcmin2 = np.pi * (parameters.radius_arcsec / 60) ** 2
    summary["neighbours_density_arcmin2"] = (
        summary["neighbours_gaia_count"].astype("Float64") / area_arcmin2
    ).to_numpy(float, na_value=np.nan)
    difference = gaia["g_mag"].to_numpy() - g_of.reindex(gaia["asas_sn_id"]).to_numpy()
    bright = (gaia["g_mag"].to_numpy() <= parameters.bright_g_mag) | (
        difference <= parameters.bright_delta_mag
    )
    close = gaia["sep_arcsec"].to_numpy() <= parameters.close_arcsec
    any_bright = pd.Series(bright & close).groupby(gaia["asas_sn_id"].to_numpy()).any()
    summary["neighbours_bright_close"] = _any(any_bright, ids, answered)
    # light of a neighbour in the star's aperture, in units of the star's own there
    centre, offset = (
        aperture_share(at, parameters.aperture_arcsec, parameters.fwhm_arcsec)
        for at in (np.zeros(1), gaia["sep_arcsec"].to_numpy())
    )
    light = pd.Series(10 ** (-0.4 * difference) * offset / centre)
    by_star = light.groupby(gaia["asas_sn_id"].to_numpy())
    total = by_star.sum(min_count=1).reindex(ids).fillna(0).to_numpy()
    largest = by_star.max().reindex(ids).fillna(0).to_numpy()
    known = answered & np.isfinite(own_g)
    summary["neighbours_light_share"] = np.where(known, total / (1 + total), np.nan)
    # the dip that the aperture shows when the brightest neighbour vanishes
    deepest = np.where(known, 2.5 * np.log10((1 + total) / (1 + total - largest)), np.nan)
    summary["neighbours_largest_dip_mag"] = deepest
    depth = _numbers(stars, "dip_best_depth_mag")
    explained = pd.array(deepest >= depth, dtype="boolean")
    explained[~(np.isfinite(deepest) & np.isfinite(depth))] = pd.NA
    summary["neighbours_could_feign_dip"] = explained


def _add_variables(summary: pd.DataFrame, vsx: pd.DataFrame, answered: np.ndarray) -> None:
    """Add the nearest variable of VSX that is not the star."""
    ids = summary["asas_sn_id"]
    nearest = vsx.sort_values("sep_arcsec", kind="stable").drop_duplicates("asas_sn_id")
    nearest = nearest.set_index("asas_sn_id").reindex(ids)
    there = pd.Series(True, index=vsx["asas_sn_id"].unique())
    summary["neighbours_known_variable"] = _any(there, ids, answered)
    for new, old in {
        "neighbours_variable_name": "id", "neighbours_variable_class": "class",
        "neighbours_variable_sep_arcsec": "sep_arcsec", "neighbours_variable_max_mag": "max_mag",
        "neighbours_variable_period_days": "period_days",
    }.items():  # fmt: skip
        summary[new] = nearest[old].to_numpy()
        summary[new] = summary[new].astype("str" if _LONG.get(old) == "str" else "float64")


def _any(true: pd.Series, ids: pd.Series, answered: np.ndarray) -> pd.Series:
    """Whether there is any: what is listed is there, also where a part of the answer is missing."""
    there = true.reindex(ids).fillna(False).to_numpy(bool)
    return _if(there, answered | there, "boolean")


def _if(values: np.ndarray, known: np.ndarray, dtype: str) -> pd.Series:
    return pd.Series(values).astype(dtype).where(pd.Series(known))


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        return np.full(len(table), np.nan)
    return table[name].to_numpy(float, na_value=np.nan)
