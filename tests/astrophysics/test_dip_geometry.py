"""The columns about the occulter, put together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.astrophysics import occulter
from malca.astrophysics.dip_geometry import COLUMNS, OcculterParameters, dip_geometry
from malca.astrophysics.occulter_dust import photosphere
from malca.astrophysics.stellar_parameters import stellar_parameters

SUN = {"bp_rp0_mag": 0.823, "abs_g0_mag": 4.635, "gaia_teff_k": 5770.0, "av_mag": 0.0}


def geometry(star, dip, parameters=None):
    table = pd.DataFrame([star], index=[4])
    dips = pd.DataFrame([dip], index=[4])
    found = dip_geometry(table, dips, stellar_parameters(table), parameters)
    assert tuple(found.columns) == COLUMNS
    return found.iloc[0]


def test_a_single_dip_of_a_star_like_the_sun():
    dip = {"dip_depth_mag": 0.5, "dip_duration_days": 10.0, "dip_jd": 1000.0}
    row = geometry(SUN | {"dip_count": 1, "jd_first": 0.0, "jd_last": 3000.0}, dip)
    size = 1.0 * np.sqrt(1 - 10**-0.2)
    assert row["occulter_radius_rsun"] == pytest.approx(size, rel=0.03)
    axis = row["occulter_semi_major_axis_au"]
    assert axis == pytest.approx(occulter.semi_major_axis(10.0, 1.0, 1.0, size), rel=0.08)
    assert row["occulter_semi_major_axis_low_au"] < axis / 3
    assert row["occulter_semi_major_axis_high_au"] > axis * 3
    assert row["occulter_period_min_days"] == 2000.0
    assert row["occulter_semi_major_axis_min_au"] == pytest.approx(3.107, rel=0.02)
    # 16.9 km/s for five days, less the star: between the least and the largest
    assert row["occulter_radius_max_rsun"] == pytest.approx(9.5, rel=0.05)
    # without a slope nothing is said of the speed, and without WISE nothing of dust
    assert np.isnan(row["occulter_eccentricity_min"])
    assert row["occulter_ring_excluded"] is pd.NA
    assert row["occulter_dust_band"] == ""


def test_a_steep_dip_needs_an_eccentric_orbit():
    dip = {"dip_depth_mag": 3.0, "dip_duration_days": 50.0, "dip_jd": 1000.0,
           "dip_steepest_flux_per_day": 3.0}  # fmt: skip
    row = geometry(SUN | {"dip_count": 1, "jd_first": 0.0, "jd_last": 3000.0}, dip)
    assert row["occulter_semi_major_axis_max_au"] < row["occulter_semi_major_axis_min_au"]
    assert 0.5 < row["occulter_eccentricity_min"] < 0.9


def test_wise_rules_a_ring_out_or_does_not():
    # a dip of 0.75 mag in half a day: near the star, and warm
    dip = {"dip_depth_mag": 0.75, "dip_duration_days": 1.0, "dip_jd": 1000.0}
    teff, ks = np.array([5770.0]), np.array([8.0])
    bare = {f"allwise_{b}_mag": photosphere(b, ks, teff)[0] for b in ("w1", "w2", "w3", "w4")}
    errors = {f"allwise_{b}_error_mag": 0.02 for b in ("w1", "w2", "w3", "w4")}
    star = SUN | {"dip_count": 5, "tmass_ks_mag": 8.0} | bare | errors
    row = geometry(star, dip)
    assert row["occulter_ring_excluded"] is True or row["occulter_ring_excluded"] == True  # noqa: E712
    assert row["occulter_ring_luminosity"] > row["occulter_dust_luminosity_max"]
    dusty = star | {"allwise_w3_mag": star["allwise_w3_mag"] - 2, "allwise_w4_mag": 2.0}
    row = geometry(dusty, dip)
    assert row["occulter_excess_sigma"] > 10
    # of unknown extinction nothing is said, nor of a band that shows a neighbour's spike
    assert np.isnan(geometry(star | {"av_mag": np.nan}, dip)["occulter_dust_luminosity_max"])
    spiked = geometry(dusty | {"allwise_cc_flags": "00DD"}, dip)
    assert abs(spiked["occulter_excess_sigma"]) < 1


def test_without_dips_or_stars_all_is_missing():
    nothing = {"dip_depth_mag": np.nan, "dip_duration_days": np.nan, "dip_jd": np.nan}
    row = geometry({"dip_count": 0}, nothing, OcculterParameters(max_eccentricity=0.2))
    texts = ["occulter_dust_band", "occulter_excess_band"]
    assert row.drop(texts).isna().all()
    assert (row[texts] == "").all()
