"""How far a star is: the best of several estimates, with its interval and where it comes from.

A distance that is not known stays NaN. The reciprocal of a parallax is biased and has no sensible
interval unless the parallax is known to some 20 % (Bailer-Jones 2015, PASP 127, 994), so it is the
last resort and only above a signal-to-noise ratio.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from malca.astrophysics.parallax_zero_point import (
    MEDIAN_ZERO_POINT_MAS,
    ecliptic_latitude_deg,
    effective_wavenumber,
    parallax_zero_point_mas,
)
from malca.astrophysics.star_table import best_position, numbers, words

PHOTOGEOMETRIC, GEOMETRIC = "bailer_jones_photogeometric", "bailer_jones_geometric"
STARHORSE, PARALLAX, GSP_PHOT = "starhorse", "parallax", "gsp_phot"
#: Sources with the columns of their median and interval (16 to 84 %), pc.
SOURCE_COLUMNS = {
    PHOTOGEOMETRIC: tuple(f"{PHOTOGEOMETRIC}{end}_pc" for end in ("", "_low", "_high")),
    GEOMETRIC: tuple(f"{GEOMETRIC}{end}_pc" for end in ("", "_low", "_high")),
    STARHORSE: tuple(f"starhorse_distance{end}_pc" for end in ("", "_low", "_high")),
    GSP_PHOT: tuple(f"gaia_distance{end}_pc" for end in ("", "_low", "_high")),
}
SOURCES = (PHOTOGEOMETRIC, GEOMETRIC, STARHORSE, PARALLAX, GSP_PHOT)


class DistanceParameters(BaseModel):
    """Which estimates of a distance are believed, and in which order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order: tuple[str, ...] = Field(
        (PHOTOGEOMETRIC, GEOMETRIC, STARHORSE, PARALLAX),
        min_length=1,
        description="Estimates, the most trusted first: photogeometric and geometric of Bailer-Jones+ "
        "2021 (AJ 161, 147), StarHorse (Anders+ 2022, A&A 658, A91), the parallax itself. gsp_phot "
        "(Andrae+ 2023, A&A 674, A27) may be added; beyond 2 kpc it is far too near.",
    )
    max_relative_error: float = Field(
        0.5,
        gt=0,
        description="Half the 16 to 84 % interval over the distance above which an estimate is passed "
        "over: it then tells more of its prior than of the star (assumed).",
    )
    min_parallax_snr: float = Field(
        5.0,
        gt=1,
        description="Parallax over its error from which on its reciprocal is a distance "
        "(Bailer-Jones 2015, PASP 127, 994: not above a relative error of 20 %).",
    )
    max_parallax_ruwe: float | None = Field(
        1.4,
        gt=0,
        description="RUWE above which the parallax alone gives no distance (Lindegren 2018, "
        "GAIA-C3-TN-LU-LL-124); a RUWE that is not known passes; none: no limit.",
    )
    min_starhorse_fidelity: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Least astrometric fidelity of a StarHorse estimate (Rybizki+ 2022, MNRAS 510, "
        "2597); one that is not known passes.",
    )
    starhorse_clean_only: bool = Field(
        True,
        description="Only StarHorse estimates with output flag 0000; a flag that is not known passes.",
    )
    correct_zero_point: bool = Field(
        True,
        description="Subtract the zero-point of Lindegren+ 2021 (A&A 649, A4) from parallaxes; where "
        "colour or magnitude is not known, -0.017 mas, the median of quasars.",
    )

    @field_validator("order")
    @classmethod
    def _known_once(cls, order: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(order)) < len(order) or not set(order) <= set(SOURCES):
            raise ValueError(f"order must name some of {', '.join(SOURCES)}, each once")
        return order


def distance_modulus_mag(distance_pc: np.ndarray) -> np.ndarray:
    """Distance modulus ``5 lg(d / 10 pc)``, mag; NaN where the distance is not positive."""
    distance = np.asarray(distance_pc, float)
    return 5 * np.log10(np.where(distance > 0, distance, np.nan)) - 5


def absolute_magnitude(
    mag: np.ndarray, distance_pc: np.ndarray, extinction_mag: np.ndarray | float = 0.0
) -> np.ndarray:
    """Absolute magnitude of a star of magnitude ``mag`` behind ``extinction_mag`` in that band."""
    return np.asarray(mag, float) - distance_modulus_mag(distance_pc) - extinction_mag


def parallax_distance(
    parallax_mas: np.ndarray, parallax_error_mas: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance from a good parallax, and the distances one error further and nearer.

    Parameters
    ----------
    parallax_mas, parallax_error_mas : (n,) arrays
        The zero-point taken off already.

    Returns
    -------
    distance_pc, low_pc, high_pc : (n,) arrays
        NaN where the parallax is not larger than its error.
    """
    parallax, error = np.asarray(parallax_mas, float), np.asarray(parallax_error_mas, float)
    good = (parallax > error) & (error > 0)
    parallax = np.where(good, parallax, np.nan)
    return 1000 / parallax, 1000 / (parallax + error), 1000 / (parallax - error)


def zero_points_mas(table: pd.DataFrame) -> np.ndarray:
    """Zero-points of the parallaxes of a table, mas, shape (n,).

    From ``gaia_g_mag``, the position, and the colour: ``gaia_wavenumber`` and ``gaia_pseudocolour``
    (1/µm) with ``gaia_params_solved`` where the table has them, else by ``gaia_bp_rp_mag`` as if five
    parameters had been solved for, which holds for nearly all stars that ASAS-SN sees.
    """
    ra, dec = best_position(table)
    latitude = ecliptic_latitude_deg(ra, dec)
    g_mag = numbers(table, "gaia_g_mag")
    used = numbers(table, "gaia_wavenumber")
    by_colour = effective_wavenumber(numbers(table, "gaia_bp_rp_mag"))
    five = parallax_zero_point_mas(g_mag, np.where(np.isfinite(used), used, by_colour), latitude, 5)
    six = parallax_zero_point_mas(g_mag, numbers(table, "gaia_pseudocolour"), latitude, 6)
    zero_point = np.where(numbers(table, "gaia_params_solved") == 95, six, five)
    return np.where(np.isfinite(zero_point), zero_point, MEDIAN_ZERO_POINT_MAS)


def add_distances(table: pd.DataFrame, parameters: DistanceParameters) -> pd.DataFrame:
    """Choose the distance of every star.

    Parameters
    ----------
    table : DataFrame, (n,)
        Columns of ``SOURCE_COLUMNS``, ``starhorse_outflag, starhorse_fidelity``,
        ``gaia_parallax_mas, gaia_parallax_error_mas, gaia_ruwe, gaia_g_mag, gaia_bp_rp_mag`` and a
        position. Those that are missing are unknown.
    parameters : DistanceParameters

    Returns
    -------
    DataFrame, (n,)
        ``distance_pc``, ``distance_low_pc`` and ``distance_high_pc`` (16 and 84 %),
        ``distance_source``, one of ``SOURCES``, empty where the distance is unknown; and
        ``gaia_parallax_zero_point_mas``, what was taken off, NaN where there is no parallax.
    """
    parallax = numbers(table, "gaia_parallax_mas")
    zero_point = zero_points_mas(table) if parameters.correct_zero_point else np.zeros(len(table))
    chosen = np.full((3, len(table)), np.nan)
    source = np.full(len(table), "", dtype=object)
    for name in parameters.order:
        if name == PARALLAX:
            estimate = _by_parallax(table, parallax - zero_point, parameters)
        else:
            estimate = np.stack([numbers(table, column) for column in SOURCE_COLUMNS[name]])
            if name == STARHORSE:
                estimate[:, ~_starhorse_is_good(table, parameters)] = np.nan
        middle, low, high = estimate
        good = (low > 0) & (low <= middle) & (middle <= high) & np.isfinite(high)
        with np.errstate(invalid="ignore"):
            good &= (high - low) / 2 <= parameters.max_relative_error * middle
        take = good & (source == "")
        chosen[:, take] = estimate[:, take]
        source[take] = name
    return pd.DataFrame(
        {
            "distance_pc": chosen[0],
            "distance_low_pc": chosen[1],
            "distance_high_pc": chosen[2],
            "distance_source": pd.Series(source, index=table.index, dtype="str"),
            "gaia_parallax_zero_point_mas": np.where(np.isfinite(parallax), zero_point, np.nan),
        },
        index=table.index,
    )


def _by_parallax(
    table: pd.DataFrame, parallax_mas: np.ndarray, parameters: DistanceParameters
) -> np.ndarray:
    error = numbers(table, "gaia_parallax_error_mas")
    bad = ~(parallax_mas >= parameters.min_parallax_snr * error)
    if parameters.max_parallax_ruwe is not None:
        bad |= numbers(table, "gaia_ruwe") > parameters.max_parallax_ruwe
    estimate = np.stack(parallax_distance(parallax_mas, error))
    estimate[:, bad] = np.nan
    return estimate


def _starhorse_is_good(table: pd.DataFrame, parameters: DistanceParameters) -> np.ndarray:
    good = ~(numbers(table, "starhorse_fidelity") < parameters.min_starhorse_fidelity)
    if parameters.starhorse_clean_only:
        flag = words(table, "starhorse_outflag")
        good &= np.array([not str(word).strip("0 ") for word in flag], bool)
    return good
