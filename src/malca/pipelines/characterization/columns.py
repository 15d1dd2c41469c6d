"""Columns that each catalogue gives, and their types: there whether or not it has answered."""

from __future__ import annotations

import pandas as pd

from malca.catalogs import MATCH_DTYPES
from malca.lookups import named_columns

_MATCH = {name: dtype for name, dtype in MATCH_DTYPES.items() if name != "asas_sn_id"}


def _numbers(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "float64")


def _with_errors(*bands: str) -> dict[str, str]:
    return _numbers(*(f"{band}{end}_mag" for band in bands for end in ("", "_error")))


#: By the name that goes in front: the catalogue's columns and their pandas types.
CATALOG_COLUMNS: dict[str, dict[str, str]] = {
    "gaia": {
        "gaia_dr3_id": "Int64",
        **_numbers(
            "ra_deg", "dec_deg", "parallax_mas", "parallax_error_mas", "pm_ra_masyr",
            "pm_ra_error_masyr", "pm_dec_masyr", "pm_dec_error_masyr", "ruwe", "rv_kms",
            "rv_error_kms", "g_mag", "bp_mag", "rp_mag", "bp_rp_mag", "teff_k", "logg_dex", "mh_dex",
            "distance_pc", "distance_low_pc", "distance_high_pc", "ag_mag",
        ),
        "non_single_star": "Int64",
        "variable_flag": "str",
        "has_epoch_photometry": "boolean",
    },
    "tmass": {
        "designation": "str", **_with_errors("j", "h", "ks"), "photometry_quality": "str",
    },
    "allwise": {
        "designation": "str", **_with_errors("w1", "w2", "w3", "w4"), "cc_flags": "str",
        "extended_flag": "Int64", "variability_flags": "str", "photometry_quality": "str",
    },
    "bailer_jones": _numbers(
        "geometric_pc", "geometric_low_pc", "geometric_high_pc", "photogeometric_pc",
        "photogeometric_low_pc", "photogeometric_high_pc",
    ),
    "starhorse": {
        **_numbers(
            "distance_pc", "distance_low_pc", "distance_high_pc", "av_mag", "av_low_mag", "av_high_mag",
            "teff_k", "logg_dex", "met_dex", "mass_msun", "mass_low_msun", "mass_high_msun", "fidelity",
        ),
        "outflag": "str",
    },
    "dust": {
        **_numbers("ebv_mag", "ebv_error_mag", "max_distance_pc"), "beyond_map": "boolean",
    },
}  # fmt: skip


def named_matches(matches: pd.DataFrame, name: str) -> pd.DataFrame:
    """Columns of a catalogue's matches with its name in front, all of them and typed.

    Parameters
    ----------
    matches : DataFrame
        With ``asas_sn_id``, which stays as it is.
    name : str
        Of ``CATALOG_COLUMNS``.
    """
    kinds = {**_MATCH, **CATALOG_COLUMNS[name]}
    if name == "dust":  # a map has no entries
        kinds = {k: v for k, v in kinds.items() if k not in ("sep_arcsec", "match_by")}
    # "quality" is a match's own in every catalogue
    short = {
        old: old.removeprefix("photometry_") if old == "photometry_quality" else old for old in kinds
    }
    names = {
        new if new.startswith(f"{name}_") else f"{name}_{new}": (old, kinds[old])
        for old, new in short.items()
    }
    table = named_columns(matches, names)
    table.insert(0, "asas_sn_id", matches["asas_sn_id"])
    return table
