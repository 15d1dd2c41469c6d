"""Where a star is in the Galaxy and how it moves.

Velocities are heliocentric: U towards the Galactic centre, V along the Galactic rotation, W towards the
north Galactic pole.
"""

from __future__ import annotations

from typing import NamedTuple

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import Galactocentric, SkyCoord

from malca.astrophysics.star_table import best_position, distance_error_pc, numbers

#: km/s of a star at 1 pc that moves 1 mas/yr: one au a Julian year.
KMS_PER_MASYR_PC = 4.740470463e-3
#: From the axes of ICRS to those of Galactic coordinates (The Hipparcos and Tycho Catalogues,
#: ESA SP-1200, 1997, volume 1, equation 1.5.11).
TO_GALACTIC = np.array(
    [
        [-0.0548755604, -0.8734370902, -0.4838350155],
        [0.4941094279, -0.4448296300, 0.7469822445],
        [-0.8676661490, -0.1980763734, 0.4559837762],
    ]
)
#: Distance of the Sun from the Galactic centre, kpc (GRAVITY Collaboration 2018, A&A 615, L15), and its
#: height above the plane, pc (Bennett & Bovy 2019, MNRAS 482, 1417).
SUN_RADIUS_KPC, SUN_HEIGHT_PC = 8.122, 20.8


class Axes(NamedTuple):
    """Unit vectors at stars, in Galactic axes, shape (n, 3) each."""

    east: np.ndarray
    north: np.ndarray
    outward: np.ndarray


def sky_axes(ra_deg: np.ndarray, dec_deg: np.ndarray) -> Axes:
    """Directions of growing right ascension and declination and away from the Sun, at ICRS places."""
    ra, dec = np.radians(np.asarray(ra_deg, float)), np.radians(np.asarray(dec_deg, float))
    east = np.stack([-np.sin(ra), np.cos(ra), np.zeros_like(ra)], axis=-1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=-1)
    outward = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
    return Axes(east @ TO_GALACTIC.T, north @ TO_GALACTIC.T, outward @ TO_GALACTIC.T)


def galactic_coordinates(ra_deg: np.ndarray, dec_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Galactic longitude in [0, 360) and latitude, degrees, of ICRS positions."""
    x, y, z = np.moveaxis(sky_axes(ra_deg, dec_deg).outward, -1, 0)
    longitude = np.degrees(np.arctan2(y, x)) % 360.0
    latitude = np.degrees(np.arctan2(z, np.hypot(x, y)))
    return np.where(longitude >= 360.0, 0.0, longitude), latitude


def galactocentric_kpc(ra_deg: np.ndarray, dec_deg: np.ndarray, distance_pc: np.ndarray) -> np.ndarray:
    """Position from the Galactic centre, kpc, shape (n, 3); NaN where something is unknown.

    Axes as in astropy: x from the Sun through the centre, y along the rotation at the Sun, z to the
    north; the Sun is at (-8.122, 0, 0.0208).
    """
    ra, dec, distance = np.broadcast_arrays(
        *(np.asarray(a, float) for a in (ra_deg, dec_deg, distance_pc))
    )
    known = np.isfinite(ra) & np.isfinite(dec) & (distance >= 0)
    stars = SkyCoord(ra[known] * u.deg, dec[known] * u.deg, distance[known] * u.pc)
    frame = Galactocentric(galcen_distance=SUN_RADIUS_KPC * u.kpc, z_sun=SUN_HEIGHT_PC * u.pc)
    position = np.full((*ra.shape, 3), np.nan)
    position[known] = stars.transform_to(frame).cartesian.xyz.to_value(u.kpc).T
    return position


class SkyMotion(NamedTuple):
    """Velocities along the axes of the sky, with their covariance; unknown ones are NaN.

    Attributes
    ----------
    velocity : (n, 3) array
        km/s to the east, to the north and away from the Sun.
    covariance : (n, 3, 3) array
        (km/s)²; of the errors of proper motion, distance and radial velocity. NaN in the rows and
        columns of velocities that are not known.
    """

    velocity: np.ndarray
    covariance: np.ndarray


def sky_motion(
    distance_pc: np.ndarray,
    distance_error_pc: np.ndarray,
    pm_ra_masyr: np.ndarray,
    pm_ra_error_masyr: np.ndarray,
    pm_dec_masyr: np.ndarray,
    pm_dec_error_masyr: np.ndarray,
    rv_kms: np.ndarray,
    rv_error_kms: np.ndarray,
) -> SkyMotion:
    """Velocities from proper motion, distance and radial velocity, shape (n,) each.

    Errors of first order; the distance's makes the two tangential velocities correlate. An error
    that is not known counts as none.
    """
    distance, pm_ra, pm_dec = (np.asarray(a, float) for a in (distance_pc, pm_ra_masyr, pm_dec_masyr))
    distance_error, ra_error, dec_error, rv_error = (
        np.nan_to_num(np.asarray(a, float))
        for a in (distance_error_pc, pm_ra_error_masyr, pm_dec_error_masyr, rv_error_kms)
    )
    rv = np.asarray(rv_kms, float)
    distance, pm_ra, pm_dec, rv = np.broadcast_arrays(distance, pm_ra, pm_dec, rv)
    k = KMS_PER_MASYR_PC
    velocity = np.stack([k * distance * pm_ra, k * distance * pm_dec, rv], axis=-1)
    covariance = np.zeros((*distance.shape, 3, 3))
    spread = distance**2 + distance_error**2
    covariance[..., 0, 0] = k**2 * (spread * ra_error**2 + distance_error**2 * pm_ra**2)
    covariance[..., 1, 1] = k**2 * (spread * dec_error**2 + distance_error**2 * pm_dec**2)
    covariance[..., 0, 1] = covariance[..., 1, 0] = k**2 * distance_error**2 * pm_ra * pm_dec
    covariance[..., 2, 2] = rv_error**2
    unknown = np.isnan(velocity)
    covariance[unknown[..., :, None] | unknown[..., None, :]] = np.nan
    return SkyMotion(velocity, covariance)


def sky_motion_of(table: pd.DataFrame) -> SkyMotion:
    """Velocities of the stars of a table along the axes of the sky."""
    return sky_motion(
        numbers(table, "distance_pc"),
        distance_error_pc(table),
        *(
            numbers(table, f"gaia_{name}")
            for name in (
                "pm_ra_masyr", "pm_ra_error_masyr", "pm_dec_masyr", "pm_dec_error_masyr",
                "rv_kms", "rv_error_kms",
            )
        ),
    )  # fmt: skip


def space_velocity(axes: Axes, motion: SkyMotion) -> tuple[np.ndarray, np.ndarray]:
    """Heliocentric U, V, W, km/s, and their errors, shape (n, 3); NaN without a radial velocity."""
    turn = np.stack(axes, axis=-1)
    velocity = np.einsum("...ij,...j->...i", turn, motion.velocity)
    covariance = turn @ motion.covariance @ np.swapaxes(turn, -1, -2)
    return velocity, np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))


def add_galactic(table: pd.DataFrame) -> pd.DataFrame:
    """Galactic coordinates, place and velocity of every star.

    Parameters
    ----------
    table : DataFrame, (n,)
        ``ra_deg, dec_deg, gaia_ra_deg, gaia_dec_deg``, the distance with its interval, and Gaia's
        proper motion and radial velocity with their errors. Those that are missing are unknown.

    Returns
    -------
    DataFrame, (n,)
        ``galactic_l_deg, galactic_b_deg``; ``galactic_x_kpc, galactic_y_kpc, galactic_z_kpc`` from
        the Galactic centre; ``u_kms, v_kms, w_kms`` with ``_error_kms``, heliocentric, where the radial
        velocity is known; ``tangential_velocity_kms`` with its error, where distance and proper
        motion are.
    """
    ra, dec = best_position(table)
    longitude, latitude = galactic_coordinates(ra, dec)
    position = galactocentric_kpc(ra, dec, numbers(table, "distance_pc"))
    motion = sky_motion_of(table)
    velocity, error = space_velocity(sky_axes(ra, dec), motion)
    tangential = motion.velocity[:, :2]
    speed = np.hypot(*tangential.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        direction = tangential / speed[:, None]
    variance = np.einsum("ni,nij,nj->n", direction, motion.covariance[:, :2, :2], direction)
    columns = {"galactic_l_deg": longitude, "galactic_b_deg": latitude}
    for k, axis in enumerate("xyz"):
        columns[f"galactic_{axis}_kpc"] = position[:, k]
    for k, axis in enumerate("uvw"):
        columns[f"{axis}_kms"], columns[f"{axis}_error_kms"] = velocity[:, k], error[:, k]
    columns["tangential_velocity_kms"] = speed
    columns["tangential_velocity_error_kms"] = np.sqrt(variance)
    return pd.DataFrame(columns, index=table.index)
