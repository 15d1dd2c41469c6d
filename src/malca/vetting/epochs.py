"""Photometry of single epochs, told by numbers that one bad epoch cannot spoil."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.catalogs import MATCHED, NOT_MATCHED, Entries
from malca.lookups import named_columns
from malca.vetting.parameters import AtlasParameters, EpochParameters

_GAIA_BANDS = ("g", "bp", "rp")
_ATLAS_BANDS = ("c", "o")
#: Magnitude of 1 µJy in the AB system (Oke & Gunn 1983, ApJ 266, 713).
_AB_MICROJANSKY_MAG = 23.9
#: Standard deviation of a Gaussian in units of its median absolute deviation.
_SIGMA_OF_MAD = 1.4826


def spread(asas_sn_id: pd.Series, values: np.ndarray, parameters: EpochParameters) -> pd.DataFrame:
    """Median, range and scatter of each star's values; those that are not finite are left out.

    Parameters
    ----------
    asas_sn_id : Series, (n,)
    values : (n,) array
    parameters : EpochParameters

    Returns
    -------
    DataFrame
        By ``asas_sn_id``: ``n``; ``median``; ``low, high``, the quantiles ``tail_share`` from
        either end; ``scatter``, 1.4826 times the median absolute deviation. NaN, but for ``n``,
        of stars with fewer than ``min_epochs``.
    """
    finite = np.isfinite(values)
    kept = pd.Series(values[finite])
    stars = pd.Series(asas_sn_id.to_numpy("int64")[finite], name="asas_sn_id")
    by_star = kept.groupby(stars)
    table = by_star.count().to_frame("n")
    for name, share in {
        "median": 0.5, "low": parameters.tail_share, "high": 1 - parameters.tail_share,
    }.items():  # fmt: skip
        table[name] = by_star.quantile(share)
    deviation = (kept - stars.map(table["median"])).abs()
    table["scatter"] = _SIGMA_OF_MAD * deviation.groupby(stars).median()
    table.loc[table["n"] < parameters.min_epochs, ["median", "low", "high", "scatter"]] = np.nan
    return table


def describe_gaia_epochs(
    gaia: Entries, has_photometry: pd.Series, parameters: EpochParameters
) -> pd.DataFrame:
    """Tell how much a star varies in Gaia's own epochs, band by band.

    No difference of first and last epoch is told, which would be that of two single transits.

    Parameters
    ----------
    gaia : Entries
        ``g_mag, bp_mag, rp_mag, noisy`` (1: a flag of Gaia's photometry says so), a row a transit.
    has_photometry : Series
        By ``asas_sn_id`` whether Gaia DR3 published epochs of the star, <NA> where not known.
    parameters : EpochParameters

    Returns
    -------
    DataFrame, (n,)
        ``asas_sn_id, gaia_epoch_outcome, gaia_epoch_reason, gaia_epoch_available`` and of each band
        ``gaia_epoch_n_g, gaia_epoch_g_median_mag, gaia_epoch_g_range_mag, gaia_epoch_g_scatter_mag``.
    """
    table = _outcomes(gaia, "gaia_epoch")
    stars = table["asas_sn_id"]
    listed = table["gaia_epoch_outcome"]
    available = stars.map(has_photometry).astype("boolean")
    table["gaia_epoch_available"] = available.fillna(
        listed.map({MATCHED: True, NOT_MATCHED: False}).astype("boolean")
    )
    ids = gaia.entries["asas_sn_id"]
    names = {f"{band}_mag": (f"{band}_mag", "float64") for band in _GAIA_BANDS}
    epochs = named_columns(gaia.entries, {**names, "noisy": ("noisy", "Int64")})
    good = (epochs["noisy"].fillna(0) == 0).to_numpy(bool)
    for band in _GAIA_BANDS:
        values = np.where(good, epochs[f"{band}_mag"].to_numpy(), np.nan)
        told = spread(ids, values, parameters).reindex(stars)
        table[f"gaia_epoch_n_{band}"] = _counts(told["n"], listed)
        table[f"gaia_epoch_{band}_median_mag"] = told["median"].to_numpy()
        table[f"gaia_epoch_{band}_range_mag"] = (told["high"] - told["low"]).to_numpy()
        table[f"gaia_epoch_{band}_scatter_mag"] = told["scatter"].to_numpy()
    return table


def describe_atlas(atlas: Entries, parameters: AtlasParameters) -> pd.DataFrame:
    """Tell detections and variation in forced photometry, by its fluxes, which may be negative.

    Parameters
    ----------
    atlas : Entries
        ``filter`` ("c" or "o"), ``flux_ujy, flux_error_ujy`` (µJy), a row an exposure.
    parameters : AtlasParameters

    Returns
    -------
    DataFrame, (n,)
        ``asas_sn_id, atlas_outcome, atlas_reason`` and of each band ``atlas_n_c,
        atlas_n_detections_c, atlas_c_mag`` (of the median flux, AB), ``atlas_c_range_mag`` (NaN
        where the faint end is not positive).
    """
    table = _outcomes(atlas, "atlas")
    stars, listed = table["asas_sn_id"], table["atlas_outcome"]
    ids = atlas.entries["asas_sn_id"]
    epochs = named_columns(
        atlas.entries,
        {
            "filter": ("filter", "str"),
            "flux": ("flux_ujy", "float64"),
            "error": ("flux_error_ujy", "float64"),
        },
    )
    error = epochs["error"].to_numpy()
    flux = np.where(error > 0, epochs["flux"].to_numpy(), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        detected = flux / error >= parameters.min_snr
    for band in _ATLAS_BANDS:
        own = epochs["filter"].eq(band).to_numpy(bool, na_value=False)
        told = spread(ids, np.where(own, flux, np.nan), parameters).reindex(stars)
        n_detected = pd.Series(own & detected).groupby(ids.to_numpy("int64")).sum()
        table[f"atlas_n_{band}"] = _counts(told["n"], listed)
        table[f"atlas_n_detections_{band}"] = _counts(n_detected.reindex(stars), listed)
        with np.errstate(invalid="ignore", divide="ignore"):
            median, ratio = told["median"].to_numpy(), (told["high"] / told["low"]).to_numpy()
            magnitude = _AB_MICROJANSKY_MAG - 2.5 * np.log10(median)
            range_mag = 2.5 * np.log10(ratio)
        table[f"atlas_{band}_mag"] = np.where(median > 0, magnitude, np.nan)
        table[f"atlas_{band}_range_mag"] = np.where(told["low"] > 0, range_mag, np.nan)
    return table


def _outcomes(entries: Entries, prefix: str) -> pd.DataFrame:
    names = {"outcome": f"{prefix}_outcome", "reason": f"{prefix}_reason"}
    return entries.outcomes[["asas_sn_id", *names]].rename(columns=names).reset_index(drop=True)


def _counts(n: pd.Series, outcome: pd.Series) -> pd.Series:
    """Whole numbers of stars that were answered about; 0 where nothing was listed."""
    counts = pd.Series(n.to_numpy(float), index=outcome.index)
    counts = counts.where(counts.notna() | ~outcome.isin([MATCHED, NOT_MATCHED]), 0.0)
    return counts.astype("Int64")
