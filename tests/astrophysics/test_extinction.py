"""Coefficients against the law, and an extinction that is never a 0 for want of a better one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from malca.astrophysics.extinction import (
    COEFFICIENTS,
    EXTINCTION_PER_AV,
    ExtinctionParameters,
    add_extinction,
    add_intrinsic_photometry,
    colour_excess_mag,
    dereddened_colour,
    dereddened_mag,
    optical_law,
)

DEFAULT = ExtinctionParameters()


def test_coefficients_follow_the_law():
    # effective wavelengths, µm; Wang & Chen's Table 3 has PS1 r 0.843, i 0.628, z 0.487, y 0.395
    for wavelength, expected in ((0.6156, 0.843), (0.7504, 0.628), (0.8669, 0.487), (0.9613, 0.395)):
        assert optical_law(wavelength) == pytest.approx(expected, rel=0.015)
    for band, wavelength in {"j": 1.235, "h": 1.662, "ks": 2.159}.items():
        assert EXTINCTION_PER_AV[band] == pytest.approx(float(optical_law(wavelength)), rel=0.035)
    assert optical_law(1 / 1.82) == pytest.approx(1.0)
    assert all(coefficient.source for coefficient in COEFFICIENTS.values())


def test_table_in_units_of_its_own_colour_excess():
    # the same table gives A / E(BP-RP) of each band, as other public codes quote it
    published = {"g": 1.890, "bp": 2.429, "rp": 1.429, "j": 0.582, "h": 0.313, "ks": 0.186, "w1": 0.094,
                 "w2": 0.063}  # fmt: skip
    for band, ratio in published.items():
        assert EXTINCTION_PER_AV[band] / colour_excess_mag(1.0, "bp", "rp") == pytest.approx(
            ratio, rel=0.02
        )


def test_colour_excesses():
    assert colour_excess_mag(1.0, "bp", "rp") == pytest.approx(0.413)
    assert colour_excess_mag(1.0, "h", "ks") == pytest.approx(0.053)
    assert colour_excess_mag(1.0, "w1", "w2") == pytest.approx(0.013)
    # 1.3 E(B-V) (Wang & Chen 2019)
    assert colour_excess_mag(3.1, "bp", "rp") == pytest.approx(1.3, abs=0.03)


def test_dereddening_takes_off_what_reddening_put_on(rng):
    av, h, ks = rng.uniform(0, 8, 50), rng.uniform(8, 14, 50), rng.uniform(8, 14, 50)
    reddened_h, reddened_ks = h + 0.131 * av, ks + 0.078 * av
    np.testing.assert_allclose(dereddened_mag(reddened_h, av, "h"), h)
    np.testing.assert_allclose(dereddened_colour(reddened_h, reddened_ks, av, "h", "ks"), h - ks)


ALL = {
    "dust_ebv_mag": 0.5, "dust_ebv_error_mag": 0.05, "dust_outcome": "matched",
    "dust_beyond_map": False, "starhorse_av_mag": 1.2, "starhorse_av_low_mag": 1.0,
    "starhorse_av_high_mag": 1.4,
    "gaia_ag_mag": 0.789,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "source", "av", "error"),
    [
        ({}, "dust_map", 1.55, 0.155),
        ({"dust_ebv_error_mag": np.nan}, "dust_map", 1.55, 0.03),
        ({"dust_beyond_map": True}, "starhorse", 1.2, 0.2),
        ({"dust_beyond_map": pd.NA}, "dust_map", 1.55, 0.155),
        ({"dust_outcome": "unknown"}, "starhorse", 1.2, 0.2),
        ({"dust_outcome": "not_covered"}, "starhorse", 1.2, 0.2),
        ({"dust_ebv_mag": np.nan, "starhorse_av_low_mag": np.nan}, "starhorse", 1.2, 0.25),
        ({"dust_ebv_mag": np.nan, "starhorse_av_mag": np.nan}, "gsp_phot", 1.0, 0.3),
        ({"dust_beyond_map": True, "starhorse_av_mag": np.nan, "gaia_ag_mag": np.nan},
         "dust_map_limit", 1.55, 0.155),
        ({"dust_ebv_mag": 0.0}, "dust_map", 0.0, 0.155),
        ({"dust_ebv_mag": np.nan, "starhorse_av_mag": -0.1}, "starhorse", 0.0, 0.2),
        ({"dust_ebv_mag": np.nan, "starhorse_av_mag": np.nan, "gaia_ag_mag": np.nan},
         "", np.nan, np.nan),
    ],
)  # fmt: skip
def test_choice_of_the_extinction(changes, source, av, error):
    found = add_extinction(pd.DataFrame([ALL | changes]), DEFAULT).iloc[0]
    assert found["av_source"] == source
    np.testing.assert_allclose(found["av_mag"], av)
    np.testing.assert_allclose(found["av_error_mag"], error)
    np.testing.assert_allclose(found["ebv_mag"], av / 3.1)


def test_one_star_does_not_decide_for_another():
    table = pd.DataFrame(
        {
            "av_mag": [2.0, np.nan, 0.0],
            "av_error_mag": [0.1, np.nan, 0.1],
            "distance_pc": [100.0] * 3, "distance_low_pc": [95.0] * 3, "distance_high_pc": [105.0] * 3,
            "gaia_g_mag": [12.0] * 3, "gaia_bp_mag": [12.6] * 3, "gaia_rp_mag": [11.4] * 3,
        },
        index=[5, 6, 9],
    )  # fmt: skip
    found = add_intrinsic_photometry(table)
    assert list(found.index) == [5, 6, 9]
    np.testing.assert_allclose(found["bp_rp0_mag"], [1.2 - 0.826, np.nan, 1.2])
    np.testing.assert_allclose(found["abs_g0_mag"], [7.0 - 1.578, np.nan, 7.0])
    np.testing.assert_allclose(
        found["abs_g0_error_mag"],
        [np.hypot(0.1087, 0.0789), np.nan, np.hypot(0.1087, 0.0789)],
        rtol=1e-3,
    )
    assert found["w1_w2_0_mag"].isna().all()


def test_a_table_without_anything_is_unknown():
    found = add_extinction(pd.DataFrame({"asas_sn_id": [1, 2]}), DEFAULT)
    assert found["av_mag"].isna().all()
    assert found["av_source"].eq("").all()
    with pytest.raises(ValidationError):
        ExtinctionParameters(order=("guess",))
