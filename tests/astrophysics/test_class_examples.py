"""Known stars come out as what they are, from published numbers and without lists of variables.

Absolute magnitudes and colours in G are of the main sequence at the published temperature, moved to the
published luminosity, where papers give these and not Gaia's.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.astrophysics.classify import classify
from malca.astrophysics.dip_quantities import strongest_dips
from malca.astrophysics.main_sequence import along_sequence
from malca.astrophysics.stellar_parameters import bolometric_correction_g


def in_the_cmd(luminosity_lsun, teff_k):
    teff = np.array([teff_k])
    m_g = 4.74 - 2.5 * np.log10(luminosity_lsun) - bolometric_correction_g(teff)[0]
    return {"abs_g0_mag": m_g, "bp_rp0_mag": along_sequence("teff_k", "bp_rp_mag", teff)[0]}


def dips(depth_mag, duration_days, count, asymmetry=np.nan):
    return {
        "dip_count": count, "dip_depth_mag": depth_mag, "dip_duration_days": duration_days,
        "dip_asymmetry": asymmetry,
    }  # fmt: skip


def period(days, makes_dips):
    return {
        "is_periodic": True, "lsp_period_days": days, "period_explains_events": makes_dips,
        "period_accepted": False, "period_consensus_days": np.nan,
    }  # fmt: skip


NO_PERIOD = {"is_periodic": False, "period_explains_events": False, "period_accepted": False}

STARS = {
    # Rotation 4.84 d, spots of 0.1 mag and more, flares (Torres & Ferraz Mello 1973, A&A 27, 231;
    # Plavchan+ 2020, Nature 582, 497); 0.102 Lsun, 3665 K (Donati+ 2023, MNRAS 525, 455). A member of
    # the β Pic moving group, 23 Myr old, with a debris disc that WISE does not see: it is young but
    # no T Tauri star, and what dims it are spots.
    "AU Mic": in_the_cmd(0.102, 3665.0) | dips(0.1, 2.4, 60, 0.0) | period(4.84, True)
    | {"banyan_field_probability": 0.001, "distance_pc": 9.71, "yso_class": "no excess",
       "jump_count": 3, "halpha_emitter": False, "gaia_ruwe": 1.0},
    # Dips of 1.4 mag that come and go with 8.2 d (Bouvier+ 1999, A&A 349, 619), 0.8 Lsun, 4060 K; a
    # member of Taurus at 135 pc that accretes, with a full disc.
    "AA Tau": in_the_cmd(0.8, 4060.0) | dips(1.4, 3.0, 40, 0.1) | period(8.2, True)
    | {"banyan_field_probability": 0.02, "distance_pc": 135.0, "sfr_member": True, "jump_count": 1,
       "yso_class": "Class II", "halpha_emitter": True, "dip_reddens": True},
    # 0.3336 d, 7.75 to 8.48 mag (GCVS); 1.557 + 0.978 Lsun at 6450 and 6170 K (Gazeas+ 2021,
    # MNRAS 501, 2897); no youth, no excess.
    "W UMa": in_the_cmd(2.535, 6350.0) | dips(0.73, 0.1, 300, 0.0) | period(0.3336, True)
    | {"banyan_field_probability": 0.99, "distance_pc": 51.9, "yso_class": "no excess",
       "jump_count": 0},
    # Nova-like of VY Scl type: falls for months to years from 12.2 mag by 5 (GCVS), B-V of -0.2
    # (Rosino, Romano & Marziani 1993, PASP 105, 51), 505 pc (Hoard+ 2004, ApJ 604, 346).
    "MV Lyr": dips(5.0, 300.0, 4, 0.2) | NO_PERIOD
    | {"abs_g0_mag": 3.7, "bp_rp0_mag": -0.1, "jump_count": 2, "yso_class": "no excess",
       "banyan_field_probability": 1.0, "distance_pc": 505.0},
    # A red giant, 3 kpc away, that a disc hides by 4.5 mag for 3.45 yr, once in 69 yr (Rodriguez+
    # 2016, AJ 151, 123); its place in the diagram is left open.
    "TYC 2505-672-1": dips(4.5, 1260.0, 1, 0.0) | NO_PERIOD
    | {"jump_count": 0, "yso_class": "no excess", "banyan_field_probability": 1.0,
       "distance_pc": 3000.0},
    # A giant of 58 Rsun and 3850 K behind a disc: 4.5 mag, over 6.5 yr, none other in 66 yr
    # (Tzanidakis+ 2023, ApJ 955, 69).
    "Gaia17bpp": in_the_cmd(58**2 * (3850 / 5772) ** 4, 3850.0) | dips(4.5, 2370.0, 1, 0.1) | NO_PERIOD
    | {"jump_count": 0, "distance_pc": 8500.0},
    # F supergiant behind a disc: 0.75 mag, 670 d, every 27.1 yr (Kloppenborg+ 2010, Nature 464, 870).
    "eps Aur": dips(0.75, 670.0, 1, 0.0) | NO_PERIOD
    | {"abs_g0_mag": -9.1, "bp_rp0_mag": 0.75, "jump_count": 0, "distance_pc": 1000.0},
    # A young star, 16 Myr, that rings hide by 3.3 mag for 56 d; no infrared excess, rotation 3.2 d
    # (Mamajek+ 2012, AJ 143, 72), K5, 133 pc. Young and behind a disc: both are right, a binary is not.
    "J1407": dips(3.3, 56.0, 1, 0.0) | period(3.21, False)
    | {"bp_rp0_mag": 1.43, "abs_g0_mag": 6.3, "jump_count": 0, "yso_class": "no excess",
       "banyan_field_probability": 0.05, "distance_pc": 133.0},
    # A young M star, 0.0273 Lsun at 2960 K, of Upper Scorpius; 80 % of its light is gone for a day,
    # once, the egress twice as long as the ingress (Rappaport+ 2019, MNRAS 485, 2681).
    "EPIC 204376071": in_the_cmd(0.0273, 2960.0) | dips(1.75, 1.0, 1, 0.33) | period(1.63, False)
    | {"jump_count": 5, "banyan_field_probability": 0.05, "distance_pc": 135.0},
    # A star like the Sun of which nothing is to be told.
    "quiet": in_the_cmd(1.0, 5772.0) | dips(np.nan, np.nan, 0) | NO_PERIOD
    | {"banyan_field_probability": 1.0, "distance_pc": 300.0, "yso_class": "no excess", "jump_count": 0,
       "halpha_emitter": False, "gaia_ruwe": 1.0, "gaia_non_single_star": 0, "sfr_member": False},
}  # fmt: skip


@pytest.fixture(scope="module")
def classified():
    table = pd.DataFrame(list(STARS.values()), index=list(STARS))
    flags = (
        "is_periodic",
        "period_explains_events",
        "period_accepted",
        "halpha_emitter",
        "dip_reddens",
    )
    table = table.astype(dict.fromkeys(flags, "boolean"))
    given = table[["dip_depth_mag", "dip_duration_days", "dip_asymmetry"]]
    assert not any(name.endswith("_class") and name != "yso_class" for name in table)
    return classify(table, strongest_dips(table).assign(**given))


@pytest.mark.parametrize(
    ("star", "final", "least"),
    [
        ("AU Mic", "starspot", 0.9),
        ("AA Tau", "YSO (Class II)", 0.9),
        ("W UMa", "eclipsing binary", 0.9),
        ("MV Lyr", "cataclysmic variable", 0.6),
        ("TYC 2505-672-1", "disc occultation", 0.5),
        ("Gaia17bpp", "disc occultation", 0.5),
        ("eps Aur", "disc occultation", 0.6),
    ],
)
def test_stars_come_out_as_what_they_are(classified, star, final, least):
    row = classified.loc[star]
    assert row["final_class"] == final, row["class_evidence"]
    assert row[f"p_{row['class_best']}"] > least, row["class_evidence"]


@pytest.mark.parametrize("star", ["J1407", "EPIC 204376071"])
def test_dust_about_a_young_star_is_no_binary(classified, star):
    row = classified.loc[star]
    assert row["p_circumstellar_disc"] + row["p_yso"] > 0.8, row["class_evidence"]
    assert row["p_eclipsing_binary"] < 0.05


def test_a_quiet_star_is_no_dipper(classified):
    row = classified.loc["quiet"]
    assert row["final_class"] == "no dip"
    # and nothing makes it young, cataclysmic or spotted
    assert row[["p_yso", "p_cataclysmic"]].max() < 0.05
