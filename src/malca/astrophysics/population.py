"""Thin disc, thick disc or halo: probabilities from motion, height and metallicity.

Velocity ellipsoids and local fractions of Bensby, Feltzing & Oey 2014 (A&A 562, A71, Table A.1; after
Bensby, Feltzing & Lundström 2003, A&A 410, 527). Three things go beyond them, as stars of ASAS-SN are
not all within 100 pc: velocities are taken from the circular orbit at the star's own place; local
fractions change with the height above the plane; and what is not measured is integrated over, so that
without a radial velocity the two tangential ones speak alone and with nothing the fractions remain.
The Hercules stream of the paper (6 %) is left out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from malca.astrophysics.galactic import (
    SUN_HEIGHT_PC,
    SUN_RADIUS_KPC,
    Axes,
    SkyMotion,
    galactocentric_kpc,
    sky_axes,
    sky_motion_of,
)
from malca.astrophysics.star_table import best_position, numbers

THIN, THICK, HALO = "thin_disk", "thick_disk", "halo"
POPULATIONS = (THIN, THICK, HALO)
UNCERTAIN, UNKNOWN = "uncertain", "unknown"
#: Columns of metallicities by their source.
METALLICITY_COLUMNS = {"starhorse": "starhorse_met_dex", "gsp_phot": "gaia_mh_dex"}

# A variance, (km/s)², so much larger than any ellipsoid's that a velocity with it says nothing.
_NOTHING_KNOWN = 1e10


class Population(BaseModel):
    """One of the populations; velocities are from the circular orbit at the place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    local_fraction: float = Field(gt=0, description="Share of the stars near the Sun.")
    sigma_u_kms: float = Field(gt=0, description="Dispersion towards the Galactic centre, km/s.")
    sigma_v_kms: float = Field(gt=0, description="Dispersion along the rotation, km/s.")
    sigma_w_kms: float = Field(gt=0, description="Dispersion across the plane, km/s.")
    drift_kms: float = Field(le=0, description="Mean velocity along the rotation, km/s.")
    scale_height_pc: float | None = Field(
        gt=0, description="Height, pc, over which its density falls by e; none: it does not."
    )
    mean_metallicity_dex: float = Field(description="Mean [M/H], dex.")
    sigma_metallicity_dex: float = Field(gt=0, description="Dispersion of [M/H], dex.")


class PopulationParameters(BaseModel):
    """What the populations are like, and from which probability on a star is given to one.

    Metallicities: Robin+ 2003, A&A 409, 523, Tables 1 and 3 (thin disc: its seven ages by their local
    density). Scale heights: Jurić+ 2008, ApJ 673, 864.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    thin_disk: Population = Population(
        local_fraction=0.85, sigma_u_kms=35, sigma_v_kms=20, sigma_w_kms=16, drift_kms=-15,
        scale_height_pc=300, mean_metallicity_dex=-0.13, sigma_metallicity_dex=0.23,
    )  # fmt: skip
    thick_disk: Population = Population(
        local_fraction=0.09, sigma_u_kms=67, sigma_v_kms=38, sigma_w_kms=35, drift_kms=-46,
        scale_height_pc=900, mean_metallicity_dex=-0.78, sigma_metallicity_dex=0.30,
    )  # fmt: skip
    halo: Population = Population(
        local_fraction=0.0015, sigma_u_kms=160, sigma_v_kms=90, sigma_w_kms=90, drift_kms=-220,
        scale_height_pc=None, mean_metallicity_dex=-1.78, sigma_metallicity_dex=0.50,
    )  # fmt: skip
    sun_velocity_kms: tuple[float, float, float] = Field(
        (11.1, 12.24, 7.25),
        description="U, V, W of the Sun from the circular orbit at its place, km/s (Schönrich, Binney "
        "& Dehnen 2010, MNRAS 403, 1829).",
    )
    circular_velocity_kms: float = Field(
        229.0, gt=0, description="Circular velocity at the Sun, km/s (Eilers+ 2019, ApJ 871, 120)."
    )
    circular_velocity_slope: float = Field(
        -1.7, description="Its change outwards, km/s/kpc (Eilers+ 2019, ApJ 871, 120)."
    )
    metallicity_order: tuple[str, ...] = Field(
        ("starhorse",),
        description="Metallicities that are used, the most trusted first: starhorse, gsp_phot; empty: "
        "none. GSP-Phot's is far off for many stars (Andrae+ 2023, A&A 674, A27).",
    )
    metallicity_error_dex: float = Field(
        0.30, gt=0, description="Error of a photometric [M/H], dex, with its zero-point (assumed)."
    )
    min_probability: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="Least probability at which a star is given to a population, else it is "
        "'uncertain'. Above the thin disc's local fraction, so that something must be known.",
    )

    @field_validator("metallicity_order")
    @classmethod
    def _known_sources(cls, order: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(order)) < len(order) or not set(order) <= set(METALLICITY_COLUMNS):
            raise ValueError(
                f"metallicity_order must name some of {', '.join(METALLICITY_COLUMNS)}, each once"
            )
        return order

    @property
    def populations(self) -> tuple[Population, ...]:
        """In the order of ``POPULATIONS``."""
        return (self.thin_disk, self.thick_disk, self.halo)


def population_probabilities(
    axes: Axes,
    motion: SkyMotion,
    position_kpc: np.ndarray,
    metallicity_dex: np.ndarray,
    metallicity_error_dex: np.ndarray,
    parameters: PopulationParameters,
) -> np.ndarray:
    """Probabilities that stars belong to the populations.

    Parameters
    ----------
    axes : Axes
        Directions of the sky at the stars.
    motion : SkyMotion
        Velocities along them; NaN is integrated over.
    position_kpc : (n, 3) array
        From the Galactic centre. NaN: as near the Sun, and velocities say nothing.
    metallicity_dex, metallicity_error_dex : (n,) arrays
        [M/H]; NaN: not known.
    parameters : PopulationParameters

    Returns
    -------
    (n, 3) array
        In the order of ``POPULATIONS``; rows sum to one.
    """
    there = np.isfinite(position_kpc).all(axis=-1)
    sun = np.array([-SUN_RADIUS_KPC, 0.0, SUN_HEIGHT_PC / 1000])
    place = np.where(there[:, None], position_kpc, sun)
    height = np.abs(place[:, 2]) * 1000 - SUN_HEIGHT_PC
    turn, rest = _local_rest(place, parameters)
    # rows: the axes of the sky; what is seen is a velocity along them, from the Sun
    sky = np.stack(axes, axis=-2)
    velocity, covariance = motion
    unknown = np.isnan(velocity) | ~there[:, None]
    seen = np.where(unknown, 0.0, velocity)
    errors = np.where(unknown[:, :, None] | unknown[:, None, :], 0.0, covariance)
    errors[:, range(3), range(3)] += np.where(unknown, _NOTHING_KNOWN, 0.0)
    ln_p = np.empty((len(place), len(POPULATIONS)))
    for k, population in enumerate(parameters.populations):
        ln_p[:, k] = np.log(population.local_fraction)
        if population.scale_height_pc is not None:
            ln_p[:, k] -= height / population.scale_height_pc
        mean = rest + turn[:, :, 1] * population.drift_kms
        dispersion = np.array([population.sigma_u_kms, population.sigma_v_kms, population.sigma_w_kms])
        ellipsoid = (turn * dispersion**2) @ np.swapaxes(turn, 1, 2)
        total = sky @ ellipsoid @ np.swapaxes(sky, 1, 2) + errors
        off = np.where(unknown, 0.0, seen - np.einsum("nij,nj->ni", sky, mean))
        ln_p[:, k] -= 0.5 * np.einsum("ni,ni->n", off, np.linalg.solve(total, off[..., None])[..., 0])
        ln_p[:, k] -= 0.5 * np.linalg.slogdet(total)[1]
        variance = population.sigma_metallicity_dex**2 + np.nan_to_num(metallicity_error_dex) ** 2
        ln_metallicity = -0.5 * (
            (metallicity_dex - population.mean_metallicity_dex) ** 2 / variance + np.log(variance)
        )
        ln_p[:, k] += np.where(np.isfinite(metallicity_dex), ln_metallicity, 0.0)
    ln_p -= ln_p.max(axis=1, keepdims=True)
    p = np.exp(ln_p)
    return p / p.sum(axis=1, keepdims=True)


def _local_rest(
    place_kpc: np.ndarray, parameters: PopulationParameters
) -> tuple[np.ndarray, np.ndarray]:
    """Axes of U, V and W at places, as columns, and the heliocentric velocity of the circular orbit."""
    x, y = place_kpc[:, 0], place_kpc[:, 1]
    radius = np.maximum(np.hypot(x, y), 1e-6)
    turn = np.zeros((len(x), 3, 3))
    turn[:, 0, 0], turn[:, 1, 0] = -x / radius, -y / radius
    turn[:, 0, 1], turn[:, 1, 1] = y / radius, -x / radius
    turn[:, 2, 2] = 1.0
    circular = parameters.circular_velocity_kms + parameters.circular_velocity_slope * (
        radius - SUN_RADIUS_KPC
    )
    sun = np.array(parameters.sun_velocity_kms)
    sun[1] += parameters.circular_velocity_kms
    return turn, turn[:, :, 1] * circular[:, None] - sun


def add_population(table: pd.DataFrame, parameters: PopulationParameters) -> pd.DataFrame:
    """Say which population each star belongs to.

    Parameters
    ----------
    table : DataFrame, (n,)
        As of ``malca.astrophysics.galactic.add_galactic``, with the metallicities of
        ``METALLICITY_COLUMNS``.
    parameters : PopulationParameters

    Returns
    -------
    DataFrame, (n,)
        ``population``: one of ``POPULATIONS``, "uncertain", or "unknown" where neither motion nor
        metallicity is known; ``population_p_thin``, ``population_p_thick`` and ``population_p_halo``,
        which sum to one; ``population_by``: what of the star is known, joined by ``|`` ("velocity",
        "tangential_velocity", "radial_velocity", "metallicity").
    """
    ra, dec = best_position(table)
    position = galactocentric_kpc(ra, dec, numbers(table, "distance_pc"))
    motion = sky_motion_of(table)
    metallicity = np.full(len(table), np.nan)
    for source in parameters.metallicity_order:
        column = numbers(table, METALLICITY_COLUMNS[source])
        metallicity = np.where(np.isfinite(metallicity), metallicity, column)
    axes = sky_axes(np.nan_to_num(ra), np.nan_to_num(dec))
    error = np.full(len(table), parameters.metallicity_error_dex)
    p = population_probabilities(axes, motion, position, metallicity, error, parameters)
    there = np.isfinite(position).all(axis=1)
    tangential = there & np.isfinite(motion.velocity[:, :2]).all(axis=1)
    radial = there & np.isfinite(motion.velocity[:, 2])
    by = np.select(
        [tangential & radial, tangential, radial],
        ["velocity", "tangential_velocity", "radial_velocity"],
        default="",
    ).astype(object)
    with_metallicity = np.isfinite(metallicity)
    by = np.where(with_metallicity & (by != ""), by + "|metallicity", by)
    by = np.where(with_metallicity & (by == ""), "metallicity", by)
    best = np.argmax(p, axis=1)
    name = np.array(POPULATIONS, dtype=object)[best]
    name = np.where(p.max(axis=1) >= parameters.min_probability, name, UNCERTAIN)
    name = np.where(by == "", UNKNOWN, name)
    columns = {f"population_p_{short}": p[:, k] for k, short in enumerate(("thin", "thick", "halo"))}
    return pd.DataFrame(
        {
            "population": pd.Series(name, index=table.index, dtype="str"),
            **columns,
            "population_by": pd.Series(by, index=table.index, dtype="str"),
        },
        index=table.index,
    )
