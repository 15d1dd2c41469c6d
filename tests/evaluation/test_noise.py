from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.noise import MAG_PER_RELATIVE_FLUX, ErrorModel, binned_errors, fit_error_model
from malca.evaluation.parameters import NoiseParameters
from malca.lightcurves import BAND_G, BAND_V, Camera, LightCurves


def lightcurve(mag, mag_err, band=BAND_G):
    n = len(mag)
    return LightCurves(
        stars=pd.DataFrame(
            {
                "asas_sn_id": pd.array([1], "Int64"), "name": pd.array(["1"], "str"),
                "time_system": pd.array(["JD"], "str"), "gaia_id": pd.array([None], "Int64"),
                "gaia_release": pd.array([""], "str"), "source": pd.array([""], "str"),
            }
        ),
        offsets=np.array([0, n]), jd=2457000.0 + np.arange(n), mag=np.asarray(mag, np.float32),
        mag_err=np.asarray(mag_err, np.float32), camera=np.zeros(n, np.int16),
        band=np.full(n, band, np.int8), good=np.ones(n, bool), saturated=np.zeros(n, bool),
        field=np.zeros(n, np.int16), cameras=(Camera("ba", 1),),
    )  # fmt: skip


def test_the_variance_is_that_of_the_ccd_equation():
    model = ErrorModel(np.array([[1e-6, 2e-5, 3e-4], [0.0, 0.0, 1.0]]))
    # One magnitude fainter is 2.512 times less flux.
    flux = 10**-0.4
    assert model.variance(np.array([16.0]), np.array([BAND_G]))[0] == pytest.approx(
        1e-6 + 2e-5 / flux + 3e-4 / flux**2
    )
    assert model.variance(np.array([15.0]), np.array([BAND_V]))[0] == pytest.approx(1.0)


def test_known_errors_are_fitted(rng):
    true = ErrorModel(np.array([[4e-6, 3e-5, 2e-4], [4e-6, 3e-5, 2e-4]]))
    mag = rng.uniform(12.0, 15.5, 60_000)
    err = np.sqrt(true.variance(mag, np.zeros(len(mag), int)))
    model = fit_error_model(
        pd.concat([binned_errors(lightcurve(mag, err)), binned_errors(lightcurve(mag, err, BAND_V))]),
        NoiseParameters(limit_g_mag=limit_of(true), limit_v_mag=limit_of(true)),
    )
    grid = np.linspace(12.0, 18.0, 60)
    for band in (BAND_G, BAND_V):
        fitted = model.variance(grid, np.full(60, band))
        np.testing.assert_allclose(fitted, true.variance(grid, np.zeros(60, int)), rtol=0.05)


def limit_of(model):
    grid = np.linspace(15, 20, 50_001)
    err = np.sqrt(model.variance(grid, np.zeros(len(grid), int)))
    return float(grid[np.argmin(np.abs(err - MAG_PER_RELATIVE_FLUX / 5))])


def test_stars_of_one_magnitude_reach_the_limit_at_the_limit(rng):
    mag = rng.normal(13.2, 0.02, 3000)
    model = fit_error_model(
        binned_errors(lightcurve(mag, np.full(3000, 0.004))), NoiseParameters(limit_g_mag=18.0)
    )
    err = np.sqrt(model.variance(np.array([13.2, 18.0]), np.array([BAND_G, BAND_G])))
    np.testing.assert_allclose(err, [0.004, MAG_PER_RELATIVE_FLUX / 5], rtol=0.02)
    assert (model.coefficients >= 0).all()


def test_no_errors_no_model():
    with pytest.raises(ValueError, match=r"no 0.25 mag has as many as 30 points"):
        fit_error_model(binned_errors(lightcurve([13.0], [0.01])), NoiseParameters())
