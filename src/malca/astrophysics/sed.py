"""Spectral energy distributions: fluxes at reference wavelengths from the magnitudes of a table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.constants import c as SPEED_OF_LIGHT

from malca.astrophysics.extinction import extinction_mag
from malca.astrophysics.star_table import numbers, words

_AB_JY = 3631.0
_MAG_PER_RELATIVE_ERROR = 2.5 / np.log(10)


class SedBand(NamedTuple):
    """A band of a spectral energy distribution.

    Attributes
    ----------
    label : str
        Survey and band.
    column : str
        Column of the magnitude; that of its error is the same with ``_error`` before ``_mag``.
    wavelength_um : float
        Reference wavelength, µm.
    zero_point_jy : float
        Flux of magnitude 0, Jy.
    extinction : str
        Name in ``extinction.COEFFICIENTS``.
    quality : str
        Column of a quality string, and ``place`` the band's character in it; "U" is an upper limit.
    place : int
    source : str
        Of wavelength and zero point.
    """

    label: str
    column: str
    wavelength_um: float
    zero_point_jy: float
    extinction: str
    quality: str = ""
    place: int = 0
    source: str = ""


_SVO = "SVO Filter Profile Service (Rodrigo & Solano 2020): {}"
_COHEN, _JARRETT = "Cohen+ 2003, AJ 126, 1090", "Jarrett+ 2011, ApJ 735, 112"

#: Bands, the shortest wavelength first.
BANDS = (
    SedBand("ASAS-SN g", "asassn_g_mag", 0.4770, _AB_JY, "asassn_g", source="AB system"),
    SedBand(
        "Gaia BP", "gaia_bp_mag", 0.5036, 3552.01, "bp", source=_SVO.format("GAIA/GAIA3.Gbp")
    ),
    SedBand(
        "ASAS-SN V", "asassn_v_mag", 0.5450, 3636.0, "v",
        source="Bessell, Castelli & Plez 1998, A&A 333, 231",
    ),
    SedBand("Gaia G", "gaia_g_mag", 0.5822, 3228.75, "g", source=_SVO.format("GAIA/GAIA3.G")),
    SedBand(
        "Gaia RP", "gaia_rp_mag", 0.7620, 2554.95, "rp", source=_SVO.format("GAIA/GAIA3.Grp")
    ),
    SedBand("2MASS J", "tmass_j_mag", 1.235, 1594.0, "j", "tmass_quality", 0, _COHEN),
    SedBand("2MASS H", "tmass_h_mag", 1.662, 1024.0, "h", "tmass_quality", 1, _COHEN),
    SedBand("2MASS Ks", "tmass_ks_mag", 2.159, 666.7, "ks", "tmass_quality", 2, _COHEN),
    SedBand("WISE W1", "allwise_w1_mag", 3.3526, 309.540, "w1", "allwise_quality", 0, _JARRETT),
    SedBand("WISE W2", "allwise_w2_mag", 4.6028, 171.787, "w2", "allwise_quality", 1, _JARRETT),
    SedBand("WISE W3", "allwise_w3_mag", 11.5608, 31.674, "w3", "allwise_quality", 2, _JARRETT),
    SedBand("WISE W4", "allwise_w4_mag", 22.0883, 8.363, "w4", "allwise_quality", 3, _JARRETT),
)  # fmt: skip


def sed_points(table: pd.DataFrame, bands: tuple[SedBand, ...] = BANDS) -> pd.DataFrame:
    """Fluxes of each star in every band that it has a magnitude in.

    The flux of a broad band is given at its reference wavelength as for a spectrum like Vega's; for a
    cold source in W3 or W4 it can be off by a tenth and more (Wright+ 2010, AJ 140, 1868).

    Parameters
    ----------
    table : DataFrame, (n,)
        ``asas_sn_id``, and what it has of the bands' columns; ``av_mag`` for the dereddened fluxes.
    bands : tuple of SedBand

    Returns
    -------
    DataFrame
        A row a star and band, in the order of the stars and of wavelength: ``asas_sn_id, band,
        wavelength_um, mag, mag_error_mag, flux_jy, flux_error_jy, nu_f_nu_wm2, nu_f_nu_error_wm2,
        dereddened_nu_f_nu_wm2`` (W/m2; NaN where the extinction is unknown), ``upper_limit``. An error
        that is not known is NaN: of 2MASS and WISE that, or quality "U", marks an upper limit.
    """
    av = numbers(table, "av_mag")
    parts = []
    for order, band in enumerate(bands):
        mag = numbers(table, band.column)
        there = np.flatnonzero(np.isfinite(mag))
        if not len(there):
            continue
        mag, error = mag[there], numbers(table, band.column.replace("_mag", "_error_mag"))[there]
        error = np.where(error > 0, error, np.nan)
        flux = band.zero_point_jy * 10 ** (-0.4 * mag)
        nu_f_nu = flux * 1e-26 * SPEED_OF_LIGHT / (band.wavelength_um * 1e-6)
        limit = np.zeros(len(there), bool)
        if band.quality:
            letters = [
                str(text)[band.place : band.place + 1] for text in words(table, band.quality)[there]
            ]
            limit = np.isnan(error) | (np.array(letters, dtype=object) == "U")
        relative = np.where(limit, np.nan, error / _MAG_PER_RELATIVE_ERROR)
        extinction = extinction_mag(av[there], band.extinction)
        parts.append(
            pd.DataFrame(
                {
                    "row": there,
                    "order": order,
                    "asas_sn_id": table["asas_sn_id"].to_numpy()[there],
                    "band": band.label,
                    "wavelength_um": band.wavelength_um,
                    "mag": mag,
                    "mag_error_mag": np.where(limit, np.nan, error),
                    "flux_jy": flux,
                    "flux_error_jy": flux * relative,
                    "nu_f_nu_wm2": nu_f_nu,
                    "nu_f_nu_error_wm2": nu_f_nu * relative,
                    "dereddened_nu_f_nu_wm2": nu_f_nu * 10 ** (0.4 * extinction),
                    "upper_limit": limit,
                }
            )
        )
    if not parts:
        return _no_points(table)
    points = pd.concat(parts, ignore_index=True).sort_values(["row", "order"], kind="stable")
    return points.drop(columns=["row", "order"]).reset_index(drop=True)


def _no_points(table: pd.DataFrame) -> pd.DataFrame:
    floats = (
        "wavelength_um", "mag", "mag_error_mag", "flux_jy", "flux_error_jy", "nu_f_nu_wm2",
        "nu_f_nu_error_wm2", "dereddened_nu_f_nu_wm2",
    )  # fmt: skip
    empty = table[["asas_sn_id"]].iloc[:0].reset_index(drop=True).assign(band=pd.array([], dtype="str"))
    return empty.assign(**dict.fromkeys(floats, 0.0), upper_limit=False).astype(
        dict.fromkeys(floats, "float64") | {"upper_limit": "bool"}
    )
