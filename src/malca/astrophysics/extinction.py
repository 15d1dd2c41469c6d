"""Interstellar extinction: how much each band loses, and how much of it there is before a star.

Coefficients are of the mean Galactic law with R_V = 3.1 that Wang & Chen 2019 (ApJ 877, 116) measured
with red-clump stars. In broad bands they depend on the star's colour and on the extinction itself: A_G
of hot and of cool stars differs from the value here by up to some 15 % each way.

An extinction that is not known stays NaN, and so does all that is made with it: a star is never
dereddened by a 0 that stands for "unknown", and what is done to one star does not depend on others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from malca.astrophysics.distances import absolute_magnitude, distance_modulus_mag
from malca.astrophysics.star_table import numbers, truths, words
from malca.catalogs import MATCHED

#: A_V over E(B-V) in the diffuse medium (Cardelli, Clayton & Mathis 1989, ApJ 345, 245).
R_V = 3.1
_TABLE = "Wang & Chen 2019, ApJ 877, 116, Table 3"
_LAW = "Wang & Chen 2019, ApJ 877, 116, equation 9, at the filter's central wavelength"


class Coefficient(NamedTuple):
    """Extinction in a band over that in V, and its source."""

    a_over_av: float
    source: str


def optical_law(wavelength_um: np.ndarray) -> np.ndarray:
    """Extinction over A_V, 0.3 to 3.3 µm (Wang & Chen 2019, ApJ 877, 116, equations 9 and 10)."""
    wavelength = np.asarray(wavelength_um, float)
    y = 1 / wavelength - 1.82
    optical = np.polynomial.polynomial.polyval(
        y, (1.0, 0.7499, -0.1086, -0.08909, 0.02905, 0.01069, 0.001707, -0.001002)
    )
    return np.where(wavelength < 1.0, optical, 0.3722 * wavelength**-2.07)


#: Central wavelengths of filters that the table has not, µm: r, H-alpha and i of IPHAS (Barentsen+
#: 2014, MNRAS 444, 3230) and the Sloan g that ASAS-SN uses.
CENTRAL_WAVELENGTHS_UM = {"r": 0.6240, "ha": 0.6568, "i": 0.7743, "asassn_g": 0.4770}
#: Bands: bp, g and rp of Gaia, j, h and ks of 2MASS, w1 to w4 of WISE, and those above.
COEFFICIENTS = {
    "v": Coefficient(1.0, "definition"),
    "bp": Coefficient(1.002, _TABLE),
    "g": Coefficient(0.789, _TABLE),
    "rp": Coefficient(0.589, _TABLE),
    "j": Coefficient(0.243, _TABLE),
    "h": Coefficient(0.131, _TABLE),
    "ks": Coefficient(0.078, _TABLE),
    "w1": Coefficient(0.039, _TABLE),
    "w2": Coefficient(0.026, _TABLE),
    "w3": Coefficient(0.040, _TABLE),
    "w4": Coefficient(0.020, "Indebetouw+ 2005, ApJ 619, 931, as the SVO filter service gives it"),
} | {
    band: Coefficient(float(np.round(optical_law(np.array(wavelength)), 3)), _LAW)
    for band, wavelength in CENTRAL_WAVELENGTHS_UM.items()
}

#: Extinction in each band over A_V.
EXTINCTION_PER_AV = {band: coefficient.a_over_av for band, coefficient in COEFFICIENTS.items()}

DUST_MAP, DUST_MAP_LIMIT, STARHORSE, GSP_PHOT = "dust_map", "dust_map_limit", "starhorse", "gsp_phot"
SOURCES = (DUST_MAP, STARHORSE, GSP_PHOT)

#: Colours that are dereddened: name of the result, bands, and columns of the magnitudes.
COLOURS = {
    "bp_rp0_mag": (("bp", "rp"), ("gaia_bp_mag", "gaia_rp_mag")),
    "j_h0_mag": (("j", "h"), ("tmass_j_mag", "tmass_h_mag")),
    "h_ks0_mag": (("h", "ks"), ("tmass_h_mag", "tmass_ks_mag")),
    "w1_w2_0_mag": (("w1", "w2"), ("allwise_w1_mag", "allwise_w2_mag")),
    "w2_w3_0_mag": (("w2", "w3"), ("allwise_w2_mag", "allwise_w3_mag")),
    "w3_w4_0_mag": (("w3", "w4"), ("allwise_w3_mag", "allwise_w4_mag")),
}


class ExtinctionParameters(BaseModel):
    """Which estimates of the extinction are believed, and in which order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order: tuple[str, ...] = Field(
        SOURCES,
        min_length=1,
        description="Estimates, the most trusted first: the 3-D dust map at the star's distance, "
        "StarHorse (Anders+ 2022, A&A 658, A91; at 5420 Å, which is 2 % more than A_V), GSP-Phot "
        "(Andrae+ 2023, A&A 674, A27).",
    )
    r_v: float = Field(
        R_V, gt=1, description="A_V over E(B-V); the coefficients of the bands are for 3.1."
    )
    min_dust_map_error_mag: float = Field(
        0.03, ge=0, description="Least error of A_V from the dust map, mag (assumed)."
    )
    starhorse_error_mag: float = Field(
        0.25,
        gt=0,
        description="Error of A_V of StarHorse where its interval is not known, mag (assumed).",
    )
    gsp_phot_error_mag: float = Field(
        0.30,
        gt=0,
        description="Error of A_V from GSP-Phot's A_G, mag (assumed; its temperature and extinction "
        "are degenerate).",
    )

    @field_validator("order")
    @classmethod
    def _known_once(cls, order: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(order)) < len(order) or not set(order) <= set(SOURCES):
            raise ValueError(f"order must name some of {', '.join(SOURCES)}, each once")
        return order


def extinction_mag(av_mag: np.ndarray, band: str) -> np.ndarray:
    """Extinction in ``band``, one of ``COEFFICIENTS``, mag."""
    return EXTINCTION_PER_AV[band] * np.asarray(av_mag, float)


def colour_excess_mag(av_mag: np.ndarray, band: str, redder_band: str) -> np.ndarray:
    """Reddening of the colour ``band - redder_band``, mag: E(BP-RP) is 0.413 A_V, E(H-Ks) 0.053 A_V."""
    ratio = EXTINCTION_PER_AV[band] - EXTINCTION_PER_AV[redder_band]
    return ratio * np.asarray(av_mag, float)


def dereddened_mag(mag: np.ndarray, av_mag: np.ndarray, band: str) -> np.ndarray:
    """Magnitude without the extinction; NaN where either is unknown."""
    return np.asarray(mag, float) - extinction_mag(av_mag, band)


def dereddened_colour(
    mag: np.ndarray, redder_mag: np.ndarray, av_mag: np.ndarray, band: str, redder_band: str
) -> np.ndarray:
    """Colour ``mag - redder_mag`` without the reddening; NaN where anything is unknown."""
    colour = np.asarray(mag, float) - np.asarray(redder_mag, float)
    return colour - colour_excess_mag(av_mag, band, redder_band)


def add_extinction(table: pd.DataFrame, parameters: ExtinctionParameters) -> pd.DataFrame:
    """Choose the extinction before every star.

    A star beyond the end of the dust map takes another estimate if there is one, else the map's as a
    lower limit. A negative estimate says that there is none: it is 0, with its error.

    Parameters
    ----------
    table : DataFrame, (n,)
        ``dust_ebv_mag, dust_ebv_error_mag, dust_outcome, dust_beyond_map``, ``starhorse_av_mag,
        starhorse_av_low_mag, starhorse_av_high_mag``, ``gaia_ag_mag``. Those that are missing are
        unknown.
    parameters : ExtinctionParameters

    Returns
    -------
    DataFrame, (n,)
        ``av_mag, av_error_mag, ebv_mag`` and ``av_source``, one of ``SOURCES``, or
        ``dust_map_limit``: at least so much; empty where the extinction is unknown.
    """
    ebv, ebv_error = numbers(table, "dust_ebv_mag"), numbers(table, "dust_ebv_error_mag")
    if "dust_outcome" in table:
        ebv = np.where(words(table, "dust_outcome") == MATCHED, ebv, np.nan)
    map_av = parameters.r_v * ebv
    map_error = np.fmax(parameters.r_v * np.abs(ebv_error), parameters.min_dust_map_error_mag)
    beyond = truths(table, "dust_beyond_map")
    interval = numbers(table, "starhorse_av_high_mag") - numbers(table, "starhorse_av_low_mag")
    estimates = {
        DUST_MAP: (np.where(beyond, np.nan, map_av), map_error),
        STARHORSE: (
            numbers(table, "starhorse_av_mag"),
            np.where(interval > 0, interval / 2, parameters.starhorse_error_mag),
        ),
        GSP_PHOT: (
            numbers(table, "gaia_ag_mag") / EXTINCTION_PER_AV["g"],
            np.full(len(table), parameters.gsp_phot_error_mag),
        ),
    }
    av, error = np.full(len(table), np.nan), np.full(len(table), np.nan)
    source = np.full(len(table), "", dtype=object)
    tried = [(name, *estimates[name]) for name in parameters.order]
    if DUST_MAP in parameters.order:
        tried.append((DUST_MAP_LIMIT, np.where(beyond, map_av, np.nan), map_error))
    for name, value, value_error in tried:
        take = np.isfinite(value) & (source == "")
        av[take] = np.maximum(value[take], 0.0)
        error[take] = value_error[take]
        source[take] = name
    return pd.DataFrame(
        {
            "av_mag": av,
            "av_error_mag": error,
            "ebv_mag": av / parameters.r_v,
            "av_source": pd.Series(source, index=table.index, dtype="str"),
        },
        index=table.index,
    )


def add_intrinsic_photometry(table: pd.DataFrame) -> pd.DataFrame:
    """Absolute magnitude and colours without the extinction.

    Parameters
    ----------
    table : DataFrame, (n,)
        ``av_mag, av_error_mag, distance_pc, distance_low_pc, distance_high_pc`` and magnitudes.

    Returns
    -------
    DataFrame, (n,)
        ``abs_g0_mag``, its error ``abs_g0_error_mag`` from distance and extinction, and the colours
        of ``COLOURS``; NaN where magnitude, distance or extinction is unknown.
    """
    av = numbers(table, "av_mag")
    g_extinction = extinction_mag(av, "g")
    absolute = absolute_magnitude(
        numbers(table, "gaia_g_mag"), numbers(table, "distance_pc"), g_extinction
    )
    modulus_error = 0.5 * (
        distance_modulus_mag(numbers(table, "distance_high_pc"))
        - distance_modulus_mag(numbers(table, "distance_low_pc"))
    )
    error = np.hypot(modulus_error, extinction_mag(numbers(table, "av_error_mag"), "g"))
    columns = {
        "abs_g0_mag": absolute,
        "abs_g0_error_mag": np.where(np.isfinite(absolute), error, np.nan),
    }
    for name, (bands, mags) in COLOURS.items():
        bluer, redder = (numbers(table, mag) for mag in mags)
        columns[name] = dereddened_colour(bluer, redder, av, *bands)
    return pd.DataFrame(columns, index=table.index)
