"""Populations against the published formula, integration by brute force, and known stars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.stats import norm

from malca.astrophysics.galactic import KMS_PER_MASYR_PC, SkyMotion, galactocentric_kpc, sky_axes
from malca.astrophysics.population import (
    PopulationParameters,
    add_population,
    population_probabilities,
)

DEFAULT = PopulationParameters()
SUN = np.array(DEFAULT.sun_velocity_kms)
NO_METALLICITY = np.array([np.nan])


def bensby(u, v, w):
    """Normalised X f of Bensby+ 2014, equation A.1, of velocities from the local standard of rest."""
    weights = np.array(
        [
            x * norm.pdf(u, 0, su) * norm.pdf(v, drift, sv) * norm.pdf(w, 0, sw)
            for x, su, sv, sw, drift in (
                (0.85, 35, 20, 16, -15), (0.09, 67, 38, 35, -46), (0.0015, 160, 90, 90, -220),
            )
        ]
    )  # fmt: skip
    return weights / weights.sum(axis=0)


def seen(uvw, axes, known=(True, True, True)):
    """Velocity along the axes of the sky of a heliocentric one, without errors."""
    velocity = np.stack([np.einsum("ni,ni->n", axis, uvw) for axis in axes], axis=-1)
    velocity[:, ~np.array(known)] = np.nan
    covariance = np.zeros((len(uvw), 3, 3))
    unknown = np.isnan(velocity)
    covariance[unknown[:, :, None] | unknown[:, None, :]] = np.nan
    return SkyMotion(velocity, covariance)


def near_the_sun(rng, n):
    ra, dec = rng.uniform(0, 360, n), rng.uniform(-80, 80, n)
    return sky_axes(ra, dec), galactocentric_kpc(ra, dec, np.full(n, 1e-3))


def test_near_the_sun_it_is_the_published_formula(rng):
    lsr = np.concatenate(
        [
            rng.normal(0, 40, (60, 3)),
            rng.normal([0, -46, 0], 60, (60, 3)),
            rng.normal(-100, 90, (60, 3)),
        ]
    )
    axes, place = near_the_sun(rng, len(lsr))
    p = population_probabilities(
        axes,
        seen(lsr - SUN, axes),
        place,
        np.full(len(lsr), np.nan),
        np.full(len(lsr), np.nan),
        DEFAULT,
    )
    np.testing.assert_allclose(p, bensby(*lsr.T).T, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_without_a_radial_velocity_it_is_integrated_over(rng):
    lsr = np.array([[60.0, -70.0, 45.0]])
    axes, place = near_the_sun(rng, 1)
    args = (place, NO_METALLICITY, NO_METALLICITY, DEFAULT)
    found = population_probabilities(axes, seen(lsr - SUN, axes, (True, True, False)), *args)
    radial = np.linspace(-1500, 1500, 6001)
    path = lsr + (radial[:, None] - axes.outward @ (lsr - SUN)[0]) * axes.outward
    weights = np.array(
        [
            x * np.sum(np.prod(norm.pdf(path, (0, d, 0), (a, b, c)), axis=1))
            for x, a, b, c, d in (
                (0.85, 35, 20, 16, -15), (0.09, 67, 38, 35, -46), (0.0015, 160, 90, 90, -220),
            )
        ]
    )  # fmt: skip
    np.testing.assert_allclose(found[0], weights / weights.sum(), rtol=1e-4)


def test_with_nothing_the_local_fractions_remain(rng):
    axes, place = near_the_sun(rng, 1)
    nothing = seen(np.zeros((1, 3)), axes, (False, False, False))
    p = population_probabilities(axes, nothing, place, NO_METALLICITY, NO_METALLICITY, DEFAULT)
    np.testing.assert_allclose(p[0], np.array([0.85, 0.09, 0.0015]) / 0.9415, rtol=1e-5)
    # 1 kpc above the plane the discs are nearly even: 0.85 exp(-1000/300) to 0.09 exp(-1000/900)
    above = np.array([[-8.122, 0.0, 1.0]])
    p = population_probabilities(axes, nothing, above, NO_METALLICITY, NO_METALLICITY, DEFAULT)
    assert p[0, 0] / p[0, 1] == pytest.approx(
        0.85 / 0.09 * np.exp(-979.2 * (1 / 300 - 1 / 900)), rel=1e-5
    )


def test_a_star_on_a_circular_orbit_is_thin_wherever_it_is():
    """3 kpc away differential rotation alone looks like a fast star, seen from the Sun."""
    ra, dec, distance = np.array([350.0]), np.array([60.0]), np.array([3000.0])
    place, axes = galactocentric_kpc(ra, dec, distance), sky_axes(ra, dec)
    x, y = place[0, :2]
    radius = np.hypot(x, y)
    speed = 229.0 - 1.7 * (radius - 8.122)
    uvw = np.array([[y / radius * speed, -x / radius * speed, 0.0]]) - SUN - [0, 229.0, 0]
    assert np.abs(uvw).max() > 50
    p = population_probabilities(axes, seen(uvw, axes), place, NO_METALLICITY, NO_METALLICITY, DEFAULT)
    assert p[0, 0] > 0.98


def star(distance_pc, tangential_kms, rv_kms, metallicity=np.nan, error=0.03):
    """A star towards the north Galactic pole (velocity U, V on the sky, W along the line of sight)."""
    axes = sky_axes(np.array([192.85948]), np.array([27.12825]))
    pm = [
        float(tangential_kms @ axis[0]) / (KMS_PER_MASYR_PC * distance_pc)
        for axis in (axes.east, axes.north)
    ]
    return {
        "ra_deg": 192.85948, "dec_deg": 27.12825, "distance_pc": distance_pc,
        "distance_low_pc": distance_pc * (1 - error), "distance_high_pc": distance_pc * (1 + error),
        "gaia_pm_ra_masyr": pm[0], "gaia_pm_dec_masyr": pm[1], "gaia_rv_kms": rv_kms,
        "gaia_rv_error_kms": 1.0, "starhorse_met_dex": metallicity,
    }  # fmt: skip


def test_labels():
    halo, slow, between = (
        np.array([150.0, -300.0, 0]),
        np.array([-10.0, -20.0, 0]),
        np.array([70.0, -80.0, 0]),
    )
    table = pd.DataFrame(
        [
            star(100.0, slow, 5.0),
            star(100.0, slow, np.nan),
            star(100.0, between, 60.0),
            star(100.0, between, np.nan),
            star(200.0, halo, 120.0),
            star(100.0, slow, np.nan) | {"distance_pc": np.nan},
            star(100.0, slow, np.nan, metallicity=-1.3) | {"distance_pc": np.nan},
            star(100.0, between, np.nan, metallicity=-0.8),
        ],
        index=range(10, 18),
    )
    found = add_population(table, DEFAULT)
    assert found["population"].tolist() == [
        "thin_disk", "thin_disk", "thick_disk", "uncertain", "halo", "unknown", "uncertain",
        "thick_disk",
    ]  # fmt: skip
    assert found["population_by"].tolist() == [
        "velocity", "tangential_velocity", "velocity", "tangential_velocity", "velocity", "",
        "metallicity", "tangential_velocity|metallicity",
    ]  # fmt: skip
    np.testing.assert_allclose(found.filter(like="population_p_").sum(axis=1), 1)
    assert list(found.index) == list(table.index)


def test_a_poor_distance_widens():
    halo = np.array([150.0, -300.0, 0])
    table = pd.DataFrame([star(200.0, halo, 20.0, error=e) for e in (0.01, 0.4)])
    p = add_population(table, DEFAULT)["population_p_halo"]
    assert p[1] < p[0]


def test_parameters():
    with pytest.raises(ValidationError):
        PopulationParameters(metallicity_order=("guess",))
    none = PopulationParameters(metallicity_order=())
    table = pd.DataFrame([star(100.0, np.zeros(3), np.nan, metallicity=-2.5) | {"distance_pc": np.nan}])
    assert add_population(table, none)["population"].item() == "unknown"
