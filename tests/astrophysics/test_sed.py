"""Spectral energy distributions against astropy's units and a black body."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.modeling.models import BlackBody

from malca.astrophysics.sed import BANDS, sed_points

TABLE = pd.DataFrame(
    {
        "asas_sn_id": [11, 12, 13],
        "gaia_g_mag": [12.0, 13.0, np.nan],
        "tmass_j_mag": [10.0, 11.0, np.nan], "tmass_j_error_mag": [0.02, 0.02, np.nan],
        "allwise_w3_mag": [9.0, 9.5, np.nan], "allwise_w3_error_mag": [0.1, np.nan, np.nan],
        "allwise_w4_mag": [7.0, 8.0, np.nan], "allwise_w4_error_mag": [0.3, 0.3, np.nan],
        "allwise_quality": ["AABB", "AAAU", None], "av_mag": [1.0, np.nan, 1.0],
    }
)  # fmt: skip


def test_fluxes_are_those_of_astropy():
    points = sed_points(TABLE)
    assert points["asas_sn_id"].tolist() == [11] * 4 + [12] * 4  # nothing of the one without magnitudes
    assert points["band"].tolist() == ["Gaia G", "2MASS J", "WISE W3", "WISE W4"] * 2
    j = points[points["band"] == "2MASS J"].iloc[0]
    assert j["flux_jy"] == pytest.approx(0.1594)
    expected = (0.1594 * u.Jy * (1.235 * u.um).to(u.Hz, u.spectral())).to_value(u.W / u.m**2)
    assert j["nu_f_nu_wm2"] == pytest.approx(expected)
    assert j["nu_f_nu_error_wm2"] / j["nu_f_nu_wm2"] == pytest.approx(0.02 * np.log(10) / 2.5)


def test_limits_and_what_is_not_known():
    points = sed_points(TABLE).set_index(["asas_sn_id", "band"])
    assert points["upper_limit"].to_dict() == {
        (star, band): (star == 12 and band.startswith("WISE"))
        for star in (11, 12)
        for band in ("Gaia G", "2MASS J", "WISE W3", "WISE W4")
    }
    assert np.isnan(points.loc[(12, "WISE W4"), "flux_error_jy"])
    ratio = points["dereddened_nu_f_nu_wm2"] / points["nu_f_nu_wm2"]
    assert ratio[11, "2MASS J"] == pytest.approx(10 ** (0.4 * 0.243))
    assert ratio[12].isna().all()  # of unknown extinction, not of none


def test_vega_like_colours_fall_as_a_hot_black_body_does():
    """Magnitude 0 in every Vega band is a star of 9500 K, give or take some ten per cent."""
    vega = [band for band in BANDS if band.label != "ASAS-SN g" and band.wavelength_um > 0.6]
    table = pd.DataFrame({"asas_sn_id": [1]} | {band.column: [0.0] for band in vega})
    points = sed_points(table)
    body = BlackBody(9500 * u.K)((points["wavelength_um"].to_numpy() * u.um).to(u.Hz, u.spectral()))
    ratio = points["flux_jy"] / body.value
    np.testing.assert_allclose(ratio / ratio.median(), 1.0, atol=0.12)


def test_bands_are_in_order_and_cited():
    wavelengths = [band.wavelength_um for band in BANDS]
    assert wavelengths == sorted(wavelengths)
    assert all(band.source for band in BANDS)


def test_no_magnitudes():
    points = sed_points(pd.DataFrame({"asas_sn_id": [1, 2]}))
    assert len(points) == 0
    assert points.columns.tolist() == sed_points(TABLE).columns.tolist()
