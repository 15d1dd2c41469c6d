"""Galactic coordinates and velocities against astropy, errors against draws."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import Galactocentric, SkyCoord

from malca.astrophysics.galactic import (
    add_galactic,
    galactic_coordinates,
    galactocentric_kpc,
    sky_axes,
    sky_motion,
    space_velocity,
)


def directions(rng, n):
    return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))


def test_coordinates_are_astropys(rng):
    ra, dec = directions(rng, 300)
    stars = SkyCoord(ra * u.deg, dec * u.deg).galactic
    longitude, latitude = galactic_coordinates(ra, dec)
    found = SkyCoord(longitude * u.deg, latitude * u.deg, frame="galactic")
    assert found.separation(stars).arcsec.max() < 0.1
    assert (longitude >= 0).all()
    assert (longitude < 360).all()


def test_place_and_velocity_are_astropys(rng):
    n = 200
    ra, dec = directions(rng, n)
    distance, rv = rng.uniform(10, 4000, n), rng.normal(0, 50, n)
    pm_ra, pm_dec = rng.normal(0, 20, (2, n))
    stars = SkyCoord(
        ra * u.deg, dec * u.deg, distance * u.pc, pm_ra_cosdec=pm_ra * u.mas / u.yr,
        pm_dec=pm_dec * u.mas / u.yr, radial_velocity=rv * u.km / u.s,
    )  # fmt: skip
    zero = np.zeros(n)
    motion = sky_motion(distance, zero, pm_ra, zero, pm_dec, zero, rv, zero)
    velocity, error = space_velocity(sky_axes(ra, dec), motion)
    np.testing.assert_allclose(
        velocity, stars.galactic.velocity.d_xyz.to_value(u.km / u.s).T, atol=1e-3
    )
    np.testing.assert_allclose(error, 0, atol=1e-12)
    frame = Galactocentric(galcen_distance=8.122 * u.kpc, z_sun=20.8 * u.pc)
    expected = stars.transform_to(frame).cartesian.xyz.to_value(u.kpc).T
    np.testing.assert_allclose(galactocentric_kpc(ra, dec, distance), expected, atol=1e-9)


def test_errors_are_the_spread_of_draws(rng):
    values = {
        "distance": (400.0, 20.0),
        "pm_ra": (30.0, 0.5),
        "pm_dec": (-45.0, 0.7),
        "rv": (12.0, 3.0),
    }
    flat = [number for pair in values.values() for number in pair]
    axes = sky_axes(np.array([75.0]), np.array([33.0]))
    _, error = space_velocity(axes, sky_motion(*np.array(flat)[:, None]))
    drawn = {name: rng.normal(*pair, 200_000) for name, pair in values.items()}
    zero = np.zeros(200_000)
    many = sky_motion(
        drawn["distance"], zero, drawn["pm_ra"], zero, drawn["pm_dec"], zero, drawn["rv"], zero
    )
    spread = space_velocity(axes, many)[0].std(axis=0)
    np.testing.assert_allclose(error[0], spread, rtol=0.01)


def test_what_is_not_known_stays_unknown():
    table = pd.DataFrame(
        {
            "ra_deg": [10.0, 10.0, 10.0, np.nan],
            "dec_deg": [20.0, 20.0, 20.0, np.nan],
            "distance_pc": [500.0, 500.0, np.nan, 500.0],
            "distance_low_pc": [490.0, 490.0, np.nan, 490.0],
            "distance_high_pc": [510.0, 510.0, np.nan, 510.0],
            "gaia_pm_ra_masyr": [3.0, 3.0, 3.0, 3.0],
            "gaia_pm_dec_masyr": [4.0, 4.0, 4.0, 4.0],
            "gaia_pm_ra_error_masyr": 0.0,
            "gaia_pm_dec_error_masyr": 0.0,
            "gaia_rv_kms": [10.0, np.nan, 10.0, 10.0],
            "gaia_rv_error_kms": 1.0,
        }
    )
    found = add_galactic(table)
    assert np.isfinite(found["u_kms"]).tolist() == [True, False, False, False]
    assert np.isfinite(found["tangential_velocity_kms"]).tolist() == [True, True, False, True]
    assert found.loc[1, "tangential_velocity_kms"] == pytest.approx(4.74047e-3 * 500 * 5)
    assert found.loc[1, "tangential_velocity_error_kms"] == pytest.approx(4.74047e-3 * 10 * 5)
    assert np.isfinite(found["galactic_x_kpc"]).tolist() == [True, True, False, False]
    assert np.isfinite(found["galactic_l_deg"]).tolist() == [True, True, True, False]
    assert np.isfinite(add_galactic(table[["ra_deg", "dec_deg"]])["galactic_b_deg"].iloc[0])


def test_gaias_position_goes_before_the_surveys():
    table = pd.DataFrame({"ra_deg": [10.0, 10.0], "dec_deg": 0.0, "gaia_ra_deg": [50.0, np.nan],
                          "gaia_dec_deg": [5.0, 5.0]})  # fmt: skip
    longitude, _ = galactic_coordinates(np.array([50.0, 10.0]), np.array([5.0, 0.0]))
    np.testing.assert_allclose(add_galactic(table)["galactic_l_deg"], longitude)
