"""Masses and radii against stars that are known better than our estimates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.astrophysics.main_sequence import along_sequence, main_sequence, offset_from_sequence
from malca.astrophysics.stellar_parameters import (
    COLUMNS,
    luminosity,
    radius_from_gravity,
    radius_from_luminosity,
    stellar_parameters,
)


def test_the_table_obeys_stefan_and_boltzmann():
    s = main_sequence()
    np.testing.assert_allclose(
        radius_from_luminosity(10**s.log10_l_lsun, s.teff_k), s.radius_rsun, rtol=0.09
    )
    # Mbol = 4.74 - 2.5 log L, as far as its authors keep their columns consistent
    np.testing.assert_allclose(s.m_bol_mag, 4.74 - 2.5 * s.log10_l_lsun, atol=0.22)


def test_the_sun_is_what_it_is():
    # Casagrande & VandenBerg 2018 (MNRAS 479, L102): M_G = 4.67, BP-RP = 0.82
    star = stellar_parameters(pd.DataFrame({"bp_rp0_mag": [0.82], "abs_g0_mag": [4.67]})).iloc[0]
    assert star["star_mass_msun"] == pytest.approx(1.0, abs=0.02)
    assert star["star_radius_rsun"] == pytest.approx(1.0, abs=0.03)
    assert star["star_luminosity_lsun"] == pytest.approx(1.0, abs=0.05)
    assert radius_from_gravity(1.0, 4.438) == pytest.approx(1.0)


def test_a_giant_is_no_dwarf():
    # Arcturus: M_G about -0.95, BP-RP 1.5, 4286 K, 25.4 Rsun, 1.08 Msun (Ramírez & Allende Prieto 2011,
    # ApJ 743, 135); the bolometric correction is that of dwarfs
    star = stellar_parameters(
        pd.DataFrame({"bp_rp0_mag": [1.5], "abs_g0_mag": [-0.95], "gaia_teff_k": [4286.0]})
    ).iloc[0]
    assert star["star_radius_rsun"] == pytest.approx(25.4, rel=0.15)
    assert star["star_mass_source"] == "giant"
    assert star["star_mass_low_msun"] <= 1.08 <= star["star_mass_high_msun"]


def test_au_mic_is_larger_than_a_dwarf_of_its_colour():
    # Plavchan+ 2020 (Nature 582, 497): 0.50 Msun, 0.75 Rsun, 0.09 Lsun at 3700 K; 9.72 pc
    star = stellar_parameters(
        pd.DataFrame({"bp_rp0_mag": [2.11], "abs_g0_mag": [7.90], "gaia_teff_k": [3700.0]})
    ).iloc[0]
    assert star["star_radius_rsun"] == pytest.approx(0.75, rel=0.12)
    assert star["star_mass_msun"] == pytest.approx(0.50, abs=0.12)


def test_what_is_known_better_goes_first_and_nothing_known_gives_nothing():
    table = pd.DataFrame(
        {
            "starhorse_mass_msun": [2.0, np.nan, np.nan],
            "starhorse_teff_k": [5000.0, np.nan, np.nan],
            "starhorse_logg_dex": [3.0, np.nan, np.nan],
            "bp_rp0_mag": [np.nan, 0.823, np.nan],
        },
        index=[7, 8, 9],
    )
    found = stellar_parameters(table)
    assert tuple(found.columns) == COLUMNS
    assert found.index.tolist() == [7, 8, 9]
    assert found["star_mass_source"].tolist() == ["starhorse", "assumed main sequence", ""]
    assert found["star_radius_source"].tolist() == ["gravity", "assumed main sequence", ""]
    assert found.loc[7, "star_radius_rsun"] == pytest.approx(radius_from_gravity(2.0, 3.0))
    # of unknown distance: anything within a factor of three
    assert found.loc[8, "star_radius_high_rsun"] == pytest.approx(3 * 1.012)
    assert (
        found.loc[9].drop(["star_teff_source", "star_radius_source", "star_mass_source"]).isna().all()
    )


def test_outside_the_sequence_nothing_is_made_up():
    assert np.isnan(along_sequence("bp_rp_mag", "teff_k", np.array([-0.5, 6.0, np.nan]))).all()
    assert offset_from_sequence(0.823, 4.635) == pytest.approx(0)
    assert np.isnan(luminosity(4.0, 50_000.0))
    with pytest.raises(ValueError, match="does not rise or fall"):
        along_sequence("w1_w2_mag", "teff_k", np.array([0.0]))
