"""Zero-points against what the authors' own code gives, and ecliptic latitudes against astropy."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from malca.astrophysics.parallax_zero_point import (
    ecliptic_latitude_deg,
    effective_wavenumber,
    parallax_zero_point_mas,
)

# G, wavenumber, ecliptic latitude, and mas of gaiadr3-zeropoint 0.1.0 (LGPL; Ramos & Brown), by hand
EXPECTED = {
    5: [
        (10.9, 1.2, 79.7, -0.040643),
        (12.95, 1.8, 72.9, -0.021383),
        (13.05, 1.782, -54.8, -0.032531),
        (7.63, 1.484, 18.5, -0.035453),
        (15.0, 1.451, 34.8, -0.035946),
        (11.77, 1.702, 75.3, -0.060679),
        (17.73, 1.839, 28.2, 0.012995),
        (8.94, 1.409, -62.3, -0.011715),
    ],
    6: [
        (10.9, 1.27, 32.7, -0.039133),
        (12.95, 1.65, 46.0, -0.029409),
        (13.05, 1.378, -52.6, -0.028710),
        (19.92, 1.669, -6.8, -0.024347),
        (11.4, 1.476, -23.5, -0.025578),
        (9.63, 1.557, -56.0, -0.017226),
        (13.81, 1.469, -47.4, -0.036725),
        (15.48, 1.355, 78.6, -0.029813),
    ],
}


@pytest.mark.parametrize("n_parameters", [5, 6])
def test_as_the_authors_have_it(n_parameters):
    g, nu, latitude, expected = np.array(EXPECTED[n_parameters]).T
    found = parallax_zero_point_mas(g, nu, latitude, n_parameters)
    np.testing.assert_allclose(found, expected, rtol=0, atol=6e-7)


def test_out_of_range_is_unknown_but_the_ends_of_magnitude_are_held():
    nu = np.array([1.0, 1.5, 1.95, np.nan])
    found = parallax_zero_point_mas(15.0, nu, 30.0)
    assert np.isfinite(found).tolist() == [False, True, False, False]
    assert parallax_zero_point_mas(2.0, 1.5, 0.0) == parallax_zero_point_mas(6.0, 1.5, 0.0)
    assert np.isnan(parallax_zero_point_mas(np.nan, 1.5, 0.0))


def test_wavenumber_of_the_reference_colour():
    # 1.48 / µm is the middle of Gaia's range, near BP-RP = 1.1; bluer light has the larger wavenumber
    assert np.interp(-1.48, -effective_wavenumber(np.linspace(0, 3, 301)), np.linspace(0, 3, 301)) == (
        pytest.approx(1.14, abs=0.02)
    )
    assert effective_wavenumber(0.0) == 1.76


def test_ecliptic_latitude_is_astropys(rng):
    ra, dec = rng.uniform(0, 360, 100), np.degrees(np.arcsin(rng.uniform(-1, 1, 100)))
    expected = SkyCoord(ra * u.deg, dec * u.deg).barycentricmeanecliptic.lat.deg
    np.testing.assert_allclose(ecliptic_latitude_deg(ra, dec), expected, atol=2e-5)
