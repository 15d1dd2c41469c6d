"""X-ray sources of eROSITA that can be a candidate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.astrophysics.xrays import chance_probability, log10_luminosity, separation_in_sigma
from malca.catalogs import MATCHED, NOT_MATCHED, Entries
from malca.lookups import named_columns
from malca.vetting.parameters import ErositaParameters

_COLUMNS = {
    "erosita_name": ("name", "str"),
    "erosita_sep_arcsec": ("sep_arcsec", "float64"),
    "erosita_position_error_arcsec": ("position_error_arcsec", "float64"),
    "erosita_likelihood": ("likelihood", "float64"),
    "erosita_extent_arcsec": ("extent_arcsec", "float64"),
    "erosita_flux_cgs": ("flux_cgs", "float64"),
}


def describe_xrays(
    erosita: Entries, distances: pd.DataFrame, parameters: ErositaParameters
) -> pd.DataFrame:
    """Choose for every star the source that can be it, the nearest in units of the errors.

    A source fainter than the likelihood asked for, extended or too far off for its error counts for
    nothing. Whether one without a positional error is the star cannot be told: unknown.

    Parameters
    ----------
    erosita : Entries
        ``name, position_error_arcsec, likelihood, extent_arcsec, flux_cgs``.
    distances : DataFrame
        ``asas_sn_id, distance_pc, distance_low_pc, distance_high_pc``, of some of the stars.
    parameters : ErositaParameters

    Returns
    -------
    DataFrame, (n,)
        ``asas_sn_id, erosita_outcome, erosita_reason``, what is catalogued of the source,
        ``erosita_sep_sigma, erosita_chance, erosita_log10_luminosity`` with its limits from the
        distance's (erg/s). "not_covered" is the half of the sky that the catalogue has not.
    """
    entries = named_columns(erosita.entries, _COLUMNS)
    entries.insert(0, "asas_sn_id", erosita.entries["asas_sn_id"].to_numpy("int64"))
    sep = entries["erosita_sep_arcsec"].to_numpy()
    entries["erosita_sep_sigma"] = separation_in_sigma(
        sep, entries["erosita_position_error_arcsec"].to_numpy(), parameters.sky_error_arcsec
    )
    entries["erosita_chance"] = chance_probability(sep, parameters.density_deg2)
    believed = entries["erosita_likelihood"] >= parameters.min_likelihood
    if not parameters.extended:
        believed &= ~(entries["erosita_extent_arcsec"] > 0)
    near = believed & (entries["erosita_sep_sigma"] <= parameters.max_sigma)
    best = entries[near].sort_values(["asas_sn_id", "erosita_sep_sigma"], kind="stable")
    best = best.drop_duplicates("asas_sn_id")
    undecided = set(entries.loc[believed & entries["erosita_sep_sigma"].isna(), "asas_sn_id"])

    table = erosita.outcomes[["asas_sn_id", "outcome", "reason"]].rename(
        columns={"outcome": "erosita_outcome", "reason": "erosita_reason"}
    )
    table = table.merge(best, on="asas_sn_id", how="left", validate="1:1")
    found = table["asas_sn_id"].isin(best["asas_sn_id"])
    open_ = table["asas_sn_id"].isin(undecided) & ~found
    # what is listed nearby but is not the star is no match
    table.loc[table["erosita_outcome"].eq(MATCHED) & ~found, "erosita_outcome"] = NOT_MATCHED
    table.loc[found, ["erosita_outcome", "erosita_reason"]] = [MATCHED, ""]
    table.loc[open_, ["erosita_outcome", "erosita_reason"]] = [
        "unknown", "a source nearby has no positional error",
    ]  # fmt: skip
    where = table[["asas_sn_id"]].merge(distances, on="asas_sn_id", how="left", validate="1:1")
    flux = table["erosita_flux_cgs"].to_numpy(float)
    for name, column in {
        "erosita_log10_luminosity": "distance_pc",
        "erosita_log10_luminosity_low": "distance_low_pc",
        "erosita_log10_luminosity_high": "distance_high_pc",
    }.items():
        known = where[column] if column in where else pd.Series(np.nan, index=where.index)
        table[name] = log10_luminosity(flux, known.to_numpy(float, na_value=np.nan))
    return table
