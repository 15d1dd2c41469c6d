"""What the strongest dip of each star says of what passes in front of it, as columns of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics import occulter
from malca.astrophysics.extinction import dereddened_mag
from malca.astrophysics.occulter_dust import (
    WISE_UM,
    DustLimit,
    dust_limit,
    equilibrium_temperature,
    ring_luminosity,
)
from malca.astrophysics.star_table import numbers, words

#: Columns of ``dip_geometry``.
COLUMNS = (
    "occulter_radius_rsun", "occulter_speed_kms", "occulter_semi_major_axis_au",
    "occulter_semi_major_axis_low_au", "occulter_semi_major_axis_high_au", "occulter_period_years",
    "occulter_transit_probability", "occulter_speed_min_kms", "occulter_semi_major_axis_max_au",
    "occulter_period_min_days", "occulter_semi_major_axis_min_au", "occulter_radius_max_rsun",
    "occulter_eccentricity_min",
    "occulter_hill_mass_mjup", "occulter_temperature_k", "occulter_ring_luminosity",
    "occulter_dust_luminosity_max", "occulter_dust_band", "occulter_ring_excluded",
    "occulter_excess_sigma", "occulter_excess_band",
)  # fmt: skip


_DAYS_PER_YEAR = 365.25
# AllWISE cc_flags, a letter a band: spike, persistence, halo, ghost; small letters only warn.
_ARTEFACTS = ("D", "P", "H", "O")


class OcculterParameters(BaseModel):
    """What is assumed of orbits, stars and dust."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_eccentricity: float = Field(
        0.5, ge=0, lt=1, description="Largest eccentricity of the range of semi-major axes."
    )
    max_impact: float = Field(
        0.9, ge=0, lt=1, description="Largest impact parameter of that range, in units of R + S."
    )
    limb_darkening: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Linear limb darkening of the star in g or V; 0.6 for the Sun, 0.8 for a K5 dwarf "
        "(Claret & Bloemen 2011, A&A 529, A75).",
    )
    stable_share_of_hill: float = Field(
        occulter.STABLE_SHARE_OF_HILL,
        gt=0,
        le=1,
        description="Share of the Hill radius within which a disc lasts (Quillen & Trilling 1998, ApJ "
        "508, 707).",
    )
    excess_sigma: float = Field(
        3.0, gt=0, description="Standard deviations at which WISE sets limits to dust."
    )


def dip_geometry(
    table: pd.DataFrame,
    dips: pd.DataFrame,
    stars: pd.DataFrame,
    parameters: OcculterParameters | None = None,
) -> pd.DataFrame:
    """Say of every star what its strongest dip would be if something passed in front of it.

    Parameters
    ----------
    table : DataFrame, (n,)
        ``dip_count, jd_first, jd_last``, magnitudes of 2MASS Ks and of WISE with errors,
        ``allwise_cc_flags, av_mag``; any may be missing.
    dips : DataFrame, (n,)
        ``malca.astrophysics.dip_quantities.strongest_dips``.
    stars : DataFrame, (n,)
        ``malca.astrophysics.stellar_parameters.stellar_parameters``.
    parameters : OcculterParameters, optional

    Returns
    -------
    DataFrame, (n,)
        ``COLUMNS``; what each is, is in ``malca.descriptions.classified``. All of it supposes an opaque
        body on a bound orbit about a star whose own light is all that is seen: of a binary of two
        bright stars, a spotted or a cataclysmic one it means nothing.
    """
    parameters = parameters or OcculterParameters()
    duration, depth = numbers(dips, "dip_duration_days"), numbers(dips, "dip_depth_mag")
    mass, radius = numbers(stars, "star_mass_msun"), numbers(stars, "star_radius_rsun")
    size = occulter.occulter_radius(depth, radius)
    speed = occulter.transverse_speed(duration, radius, size)
    axis = occulter.axis_of_speed(speed, mass)
    span = occulter.axis_range(axis, parameters.max_eccentricity, parameters.max_impact)
    # a is as M / R²: the star's own limits widen the range
    lighter = numbers(stars, "star_mass_low_msun") / mass
    lighter = lighter * (radius / numbers(stars, "star_radius_high_rsun")) ** 2
    heavier = numbers(stars, "star_mass_high_msun") / mass
    heavier = heavier * (radius / numbers(stars, "star_radius_low_rsun")) ** 2
    fastest = occulter.speed_of_gradient(
        numbers(dips, "dip_steepest_flux_per_day"), radius, parameters.limb_darkening
    )
    least_period = occulter.least_period(
        numbers(dips, "dip_jd"),
        numbers(table, "jd_first"),
        numbers(table, "jd_last"),
        numbers(table, "dip_count") == 1,
    )
    nearest = occulter.axis_of_period(least_period, mass)
    teff = numbers(stars, "star_teff_k")
    warmth = equilibrium_temperature(axis, teff, radius)
    ring = ring_luminosity(axis, size)
    dust = _dust(table, warmth, teff, parameters.excess_sigma)
    known = np.isfinite(ring) & np.isfinite(dust.luminosity_ratio_max)
    columns: dict[str, Any] = {
        "occulter_radius_rsun": size,
        "occulter_speed_kms": speed,
        "occulter_semi_major_axis_au": axis,
        "occulter_semi_major_axis_low_au": span.low_au * lighter,
        "occulter_semi_major_axis_high_au": span.high_au * heavier,
        "occulter_period_years": occulter.orbital_period(axis, mass) / _DAYS_PER_YEAR,
        "occulter_transit_probability": occulter.transit_probability(axis, radius, size),
        "occulter_speed_min_kms": fastest,
        "occulter_semi_major_axis_max_au": occulter.axis_of_speed(fastest, mass),
        "occulter_period_min_days": least_period,
        "occulter_semi_major_axis_min_au": nearest,
        "occulter_radius_max_rsun": occulter.largest_radius(duration, nearest, mass, radius),
        "occulter_eccentricity_min": occulter.least_eccentricity(fastest, nearest, mass),
        "occulter_hill_mass_mjup": occulter.least_companion_mass(
            size, axis, mass, parameters.stable_share_of_hill
        ),
        "occulter_temperature_k": warmth,
        "occulter_ring_luminosity": ring,
        # no dust gives back more than all of the star's light
        "occulter_dust_luminosity_max": np.minimum(dust.luminosity_ratio_max, 1.0),
        "occulter_dust_band": pd.array(dust.band, dtype="str"),
        "occulter_ring_excluded": pd.arrays.BooleanArray(ring > dust.luminosity_ratio_max, ~known),
        "occulter_excess_sigma": dust.excess_sigma,
        "occulter_excess_band": pd.array(dust.excess_band, dtype="str"),
    }
    return pd.DataFrame(columns, index=table.index)


def _dust(table: pd.DataFrame, warmth: np.ndarray, teff: np.ndarray, n_sigma: float) -> DustLimit:
    """Limits of dust at the occulter's distance; bands with an artefact's flag are not looked at."""
    av = numbers(table, "av_mag")
    flags = words(table, "allwise_cc_flags")
    magnitudes, errors = {}, {}
    for k, band in enumerate(WISE_UM):
        spurious = np.array([str(flag)[k : k + 1] in _ARTEFACTS for flag in flags])
        mag = dereddened_mag(numbers(table, f"allwise_{band}_mag"), av, band)
        magnitudes[band] = np.where(spurious, np.nan, mag)
        errors[band] = numbers(table, f"allwise_{band}_error_mag")
    ks0 = dereddened_mag(numbers(table, "tmass_ks_mag"), av, "ks")
    return dust_limit(warmth, teff, ks0, magnitudes, errors, n_sigma)
