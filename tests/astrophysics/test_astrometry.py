"""Proper motion and neighbours against astropy."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord, search_around_sky
from astropy.time import Time

from malca.astrophysics.astrometry import pairs_within, propagate_proper_motion


def test_motion_equals_astropy_space_motion(rng):
    n = 200
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    pm_ra, pm_dec = rng.normal(0, 500, (2, n))
    new_ra, new_dec, moved = propagate_proper_motion(ra, dec, pm_ra, pm_dec, 2016.0, 2000.0)
    # far enough for no perspective, near enough for astropy not to complain
    start = SkyCoord(
        ra * u.deg, dec * u.deg, distance=100 * u.pc,
        pm_ra_cosdec=pm_ra * u.mas / u.yr, pm_dec=pm_dec * u.mas / u.yr,
        radial_velocity=0 * u.km / u.s, obstime=Time(2016.0, format="jyear"),
    )  # fmt: skip
    reached = start.apply_space_motion(new_obstime=Time(2000.0, format="jyear"))
    separation = reached.separation(SkyCoord(new_ra * u.deg, new_dec * u.deg)).to_value(u.mas)
    assert moved.all()
    assert separation.max() < 1.0


def test_motion_there_and_back(rng):
    ra, dec = rng.uniform(0, 360, 50), rng.uniform(-89, 89, 50)
    pm = np.full(50, 80.0)
    there = propagate_proper_motion(ra, dec, pm, pm, 2016.0, 2000.0)
    back = propagate_proper_motion(there[0], there[1], pm, pm, 2000.0, 2016.0)
    first, second, separation = pairs_within(ra, dec, back[0], back[1], 0.01)
    np.testing.assert_array_equal(first, second)
    assert len(separation) == 50


def test_unknown_motion_is_none():
    ra, dec, moved = propagate_proper_motion(
        np.array([10.0, 20.0, -1.0]),
        np.array([5.0, 6.0, 7.0]),
        np.array([np.nan, 10.0, np.nan]),
        np.array([3.0, np.nan, np.nan]),
        2016.0,
        2000.0,
    )
    np.testing.assert_array_equal(ra, [10.0, 20.0, 359.0])
    np.testing.assert_array_equal(dec, [5.0, 6.0, 7.0])
    assert not moved.any()


def test_motion_across_zero_hours_stays_in_range():
    ra, _, _ = propagate_proper_motion([0.0], [0.0], [1000.0], [0.0], 2016.0, 2000.0)
    np.testing.assert_allclose(ra, 360 - 16 / 3600, atol=1e-9)


def test_pairs_equal_astropy_search(rng):
    centre_ra, centre_dec = np.array([0.0005, 120.0, 45.0]), np.array([-30.0, 89.999, 10.0])
    ra = np.repeat(centre_ra, 40) + rng.normal(0, 0.002, 120)
    dec = np.clip(np.repeat(centre_dec, 40) + rng.normal(0, 0.002, 120), -90, 90)
    first, second, separation = pairs_within(ra[::2] % 360, dec[::2], ra[1::2] % 360, dec[1::2], 3.0)
    one = SkyCoord(ra[::2] * u.deg, dec[::2] * u.deg)
    other = SkyCoord(ra[1::2] * u.deg, dec[1::2] * u.deg)
    i, j, expected, _ = search_around_sky(one, other, 3.0 * u.arcsec)
    assert len(i) > 10
    found = {(a, b): s for a, b, s in zip(first, second, separation, strict=True)}
    assert set(found) == set(zip(i.tolist(), j.tolist(), strict=True))
    for a, b, s in zip(i, j, expected.arcsec, strict=True):
        assert abs(found[a, b] - s) < 1e-6


def test_positions_that_are_none_have_no_neighbours():
    pairs = pairs_within(
        np.array([np.nan, 1.0]), np.array([0.0, np.nan]), np.array([1.0]), np.array([0.0]), 9
    )
    assert len(pairs.first) == 0
