"""Mass, radius, temperature and luminosity of stars from what is known of them, with honest errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.astrophysics.main_sequence import along_sequence, offset_from_sequence

#: Nominal solar values (IAU 2015 resolution B3; Prša+ 2016, AJ 152, 41): temperature, bolometric
#: magnitude, and log10 of surface gravity in cm/s².
TEFF_SUN_K, M_BOL_SUN_MAG, LOGG_SUN_DEX = 5772.0, 4.74, 4.438

#: Columns that ``stellar_parameters`` adds.
COLUMNS = (
    "star_teff_k", "star_teff_source", "star_luminosity_lsun", "star_radius_rsun",
    "star_radius_low_rsun", "star_radius_high_rsun", "star_radius_source", "star_mass_msun",
    "star_mass_low_msun", "star_mass_high_msun", "star_mass_source",
)  # fmt: skip

# Brighter than the sequence by more than this: evolved or young; a binary of two alike is 0.75 mag.
_ON_SEQUENCE_MAG = (-1.0, 1.0)
# Relative 1σ of each way to a radius and a mass.
_RADIUS_ERROR = {"luminosity": 0.12, "gravity": 0.25, "main sequence": 0.20}
_MASS_ERROR = {"starhorse": 0.15, "main sequence": 0.15}
# Field giants of a magnitude-limited survey: most of 1 to 2 Msun (Pinsonneault+ 2018, ApJS 239, 32).
_GIANT_MASS_MSUN = (1.3, 0.8, 3.0)


def bolometric_correction_g(teff_k: np.ndarray) -> np.ndarray:
    """M_bol − M_G of main-sequence stars by temperature, mag (Pecaut & Mamajek 2013).

    Giants of the same temperature differ by 0.1–0.3 mag below 4,500 K (Andrae+ 2018, A&A 616, A8).
    """
    teff_k = np.asarray(teff_k, float)
    bolometric = along_sequence("teff_k", "m_bol_mag", teff_k)
    return bolometric - along_sequence("teff_k", "abs_g_mag", teff_k)


def luminosity(abs_g0_mag: np.ndarray, teff_k: np.ndarray) -> np.ndarray:
    """Bolometric luminosity, Lsun, from the dereddened absolute G magnitude."""
    m_bol = np.asarray(abs_g0_mag, float) + bolometric_correction_g(teff_k)
    return 10 ** (0.4 * (M_BOL_SUN_MAG - m_bol))


def radius_from_luminosity(luminosity_lsun: np.ndarray, teff_k: np.ndarray) -> np.ndarray:
    """Radius, Rsun, by Stefan and Boltzmann's law."""
    return np.sqrt(luminosity_lsun) * (TEFF_SUN_K / np.asarray(teff_k, float)) ** 2


def radius_from_gravity(mass_msun: np.ndarray, logg_dex: np.ndarray) -> np.ndarray:
    """Radius, Rsun, from mass and surface gravity (log10 of cm/s²)."""
    return np.sqrt(np.asarray(mass_msun, float)) * 10 ** (0.5 * (LOGG_SUN_DEX - np.asarray(logg_dex)))


def stellar_parameters(table: pd.DataFrame) -> pd.DataFrame:
    """Estimate mass and radius of every star, from the best that is known of it.

    Temperature: StarHorse, Gaia GSP-Phot, else that of a main-sequence star of the same colour.
    Radius: from luminosity and temperature, else from gravity and mass, else that of a main-sequence
    star of the same colour. Mass: StarHorse, else that of a main-sequence star of the same absolute
    magnitude within 1 mag of the sequence, else, well above it, that of a field giant: 1.3 (0.8–3)
    Msun. Without a distance nobody knows whether a star is a dwarf; the main sequence is then taken,
    with limits of a factor of 2 in mass and 3 in radius, and the source says "assumed".

    Parameters
    ----------
    table : DataFrame, (n,)
        Of ``starhorse_mass_msun, starhorse_teff_k, starhorse_logg_dex, gaia_teff_k, gaia_logg_dex,
        abs_g0_mag, bp_rp0_mag`` those that are known.

    Returns
    -------
    DataFrame, (n,)
        ``COLUMNS``, with the index of ``table``; limits are 1σ. NaN, source "", where nothing is
        known.
    """
    n = len(table)
    colour, absolute = _numbers(table, "bp_rp0_mag"), _numbers(table, "abs_g0_mag")
    teff, teff_source = _first(
        n,
        starhorse=_numbers(table, "starhorse_teff_k"),
        gaia=_numbers(table, "gaia_teff_k"),
        colour=along_sequence("bp_rp_mag", "teff_k", colour),
    )
    offset = offset_from_sequence(colour, absolute)
    low, high = _ON_SEQUENCE_MAG
    on_sequence, above = (offset >= low) & (offset <= high), offset < low
    assumed = np.isnan(offset)
    by_colour = along_sequence("bp_rp_mag", "mass_msun", colour)
    giant, giant_low, giant_high = _GIANT_MASS_MSUN
    mass, mass_source = _first(
        n,
        **{
            "starhorse": _numbers(table, "starhorse_mass_msun"),
            "main sequence": np.where(
                on_sequence, along_sequence("abs_g_mag", "mass_msun", absolute), np.nan
            ),
            "giant": np.where(above, giant, np.nan),
            "assumed main sequence": np.where(assumed, by_colour, np.nan),
        },
    )
    error = np.select(
        [mass_source == name for name in _MASS_ERROR], list(_MASS_ERROR.values()), default=np.nan
    )
    mass_low, mass_high = mass * (1 - error), mass * (1 + error)
    is_giant, is_assumed = mass_source == "giant", mass_source == "assumed main sequence"
    mass_low = np.where(is_giant, giant_low, np.where(is_assumed, mass / 2, mass_low))
    mass_high = np.where(is_giant, giant_high, np.where(is_assumed, mass * 2, mass_high))

    shining = luminosity(absolute, teff)
    gravity, _ = _first(
        n,
        starhorse=_numbers(table, "starhorse_logg_dex"),
        gaia=_numbers(table, "gaia_logg_dex"),
    )
    sequence_radius = along_sequence("bp_rp_mag", "radius_rsun", colour)
    radius, radius_source = _first(
        n,
        **{
            "luminosity": radius_from_luminosity(shining, teff),
            "gravity": radius_from_gravity(mass, gravity),
            "main sequence": np.where(on_sequence, sequence_radius, np.nan),
            "assumed main sequence": np.where(assumed, sequence_radius, np.nan),
        },
    )
    spread = np.select(
        [radius_source == name for name in _RADIUS_ERROR], list(_RADIUS_ERROR.values()), default=np.nan
    )
    guessed = radius_source == "assumed main sequence"
    return pd.DataFrame(
        {
            "star_teff_k": teff,
            "star_teff_source": pd.array(teff_source, dtype="str"),
            "star_luminosity_lsun": shining,
            "star_radius_rsun": radius,
            "star_radius_low_rsun": np.where(guessed, radius / 3, radius * (1 - spread)),
            "star_radius_high_rsun": np.where(guessed, radius * 3, radius * (1 + spread)),
            "star_radius_source": pd.array(radius_source, dtype="str"),
            "star_mass_msun": mass,
            "star_mass_low_msun": mass_low,
            "star_mass_high_msun": mass_high,
            "star_mass_source": pd.array(mass_source, dtype="str"),
        },
        index=table.index,
    )


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """Give a column as float64, NaN where unknown or not there at all."""
    if name not in table:
        return np.full(len(table), np.nan)
    return table[name].to_numpy(float, na_value=np.nan)


def _first(n: int, **choices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take the first finite positive value of each star, and name its source."""
    value, name = np.full(n, np.nan), np.full(n, "", dtype=object)
    for source, values in choices.items():
        new = np.isnan(value) & np.isfinite(values) & (values > 0)
        value[new], name[new] = values[new], source
    return value, name
