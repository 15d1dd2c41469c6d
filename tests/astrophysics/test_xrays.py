from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.constants import L_sun

from malca.astrophysics.xrays import chance_probability, log10_luminosity, separation_in_sigma


def test_luminosity_is_that_of_astropy_units():
    flux, distance = 3e-14 * u.erg / u.s / u.cm**2, 250 * u.pc
    expected = (4 * np.pi * distance**2 * flux).to_value(u.erg / u.s)
    assert log10_luminosity([3e-14], [250.0])[0] == pytest.approx(np.log10(expected), rel=1e-12)


def test_the_sun_at_one_au_gives_the_solar_luminosity():
    flux = 1.361e6  # erg/s/cm², total solar irradiance
    distance = (1 * u.au).to_value(u.pc)
    assert log10_luminosity([flux], [distance])[0] == pytest.approx(
        np.log10(L_sun.to_value(u.erg / u.s)), abs=1e-3
    )


def test_unknown_distances_and_fluxes_stay_unknown():
    flux = np.array([np.nan, 1e-14, 0.0, -1e-14])
    assert np.isnan(log10_luminosity(flux, [100.0, np.nan, 100.0, 100.0])).all()


def test_separations_of_true_counterparts_follow_a_rayleigh_distribution():
    rng = np.random.default_rng(7)
    error, sky, n = rng.uniform(1, 6, 200_000), 0.5, 200_000
    off = rng.normal(size=(2, n)) * np.hypot(error, sky)
    x = separation_in_sigma(np.hypot(*off), error, sky)
    for limit in (1.0, 2.0, 3.44):
        assert np.mean(x > limit) == pytest.approx(np.exp(-(limit**2) / 2), rel=0.1)


def test_chance_is_the_density_times_the_area_where_it_is_small():
    # 45 sources a square degree within 10 arcsec
    expected = np.pi * (10 / 3600) ** 2 * 45
    assert chance_probability([10.0], 45.0)[0] == pytest.approx(expected, rel=1e-3)
    assert chance_probability([0.0], 45.0)[0] == 0
