"""Classes of young stars: the published boundaries as polygons, and what is not known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.path import Path

from malca.astrophysics.young_stars import YoungStarParameters, classify_young_stars

PARAMETERS = YoungStarParameters()


def stars(w1_w2, w2_w3=0.0, w3_w4=0.0, h_ks=0.1, w1=9.0, **more) -> pd.DataFrame:
    w1_w2, w2_w3, w3_w4, h_ks, w1 = np.broadcast_arrays(
        *map(np.atleast_1d, (w1_w2, w2_w3, w3_w4, h_ks, w1))
    )
    w1 = w1.astype(float)
    mags = {"allwise_w1": w1, "allwise_w2": w1 - w1_w2, "allwise_w3": w1 - w1_w2 - w2_w3}
    mags["allwise_w4"] = mags["allwise_w3"] - w3_w4
    mags |= {"tmass_h": w1 + 0.1 + h_ks, "tmass_ks": w1 + 0.1}
    table = pd.DataFrame({f"{band}_mag": value for band, value in mags.items()})
    for band in mags:
        table[f"{band}_error_mag"] = 0.03
    return table.assign(**more)


def classes(table: pd.DataFrame, parameters=PARAMETERS) -> list[str]:
    return classify_young_stars(table, parameters)["yso_class"].tolist()


def test_wise_classes_equal_the_polygons_of_the_paper(rng):
    x, y = rng.uniform(0, 5.5, 5000), rng.uniform(-0.5, 3.0, 5000)
    # corners are where the published lines cross; the upper ends beyond the points' range
    class_i = Path([[2, 1.36], [2, 9], [4.5, 9], [4.5, 1.17], [3.1 / 0.88, 2.2 - 0.42 * 3.1 / 0.88]])
    corner = (2.17 / 2.21, 0.71 * 2.17 / 2.21 - 0.07)  # the falling and the upper edge
    class_ii = Path([
        corner, (1.85 / 1.5, 0.25), (1.15 / 0.46, 0.25), (4.5, 1.17), (4.5, 0.71 * 4.5 - 0.07),
    ])  # fmt: skip
    points = np.column_stack([x, y])
    in_i = class_i.contains_points(points)
    in_ii = class_ii.contains_points(points) & ~in_i
    # bright W1 and blue H-Ks: neither galaxies nor the second diagram play
    found = np.array(classes(stars(y, x, h_ks=-0.05, w1=8.0)))
    np.testing.assert_array_equal(found == "Class I", in_i)
    np.testing.assert_array_equal(found == "Class II", in_ii)
    assert in_i.sum() > 300
    assert in_ii.sum() > 300
    assert set(found) == {"Class I", "Class II", "no excess"}


def test_tmass_wise_classes_equal_the_polygons_of_the_paper(rng):
    y, h_ks = rng.uniform(-0.2, 2.0, 4000), rng.uniform(-0.3, 2.5, 4000)
    table = stars(y, 0.0, h_ks=h_ks)
    table["allwise_w3_error_mag"] = 0.5  # detected too weakly to be used
    steep = 0.55 / 0.16
    meet = 1.75 / (1.76 + steep)
    inside = Path([
        (meet, 0.9 - 1.76 * meet), (0.9 / 1.76, 0.0), (9, 0), (9, steep * 9 - 0.85),
    ]).contains_points(np.column_stack([y, h_ks]))  # fmt: skip
    first = h_ks > -2.55 * y + 2.3
    result = classify_young_stars(table, PARAMETERS)
    found = result["yso_class"].to_numpy()
    np.testing.assert_array_equal(found == "Class I", inside & first)
    np.testing.assert_array_equal(found == "Class II", inside & ~first)
    assert set(result["yso_method"][inside]) == {"2MASS+WISE"}
    assert set(found) == {"Class I", "Class II", "unknown"}
    assert result["yso_flags"].str.contains("w3_low_snr").all()
    # with a good W3, and fainter than W1 = 13, it does not apply
    assert classes(stars(0.6, 0.0, h_ks=0.4)) == ["no excess"]
    faint = stars(0.6, 0.0, h_ks=0.4, w1=[12.9, 13.1]).assign(allwise_w3_error_mag=0.5)
    assert classes(faint) == ["Class II", "unknown"]


def test_a_photosphere_has_no_excess_and_missing_bands_are_unknown():
    assert classes(stars(0.0, 0.05)) == ["no excess"]
    for band in ("w1", "w2", "w3"):
        table = stars(0.0, 0.05)
        table[f"allwise_{band}_mag"] = np.nan
        result = classify_young_stars(table, PARAMETERS)
        assert result["yso_class"].item() == "unknown"
        assert f"{band}_missing" in result["yso_flags"].item()
    # 2MASS and W4 missing: W1-W2 alone excludes what they could show
    table = stars(0.0, 0.05)
    table[["tmass_h_mag", "allwise_w4_mag"]] = np.nan
    assert classes(table) == ["no excess"]
    # at W1-W2 = 0.2 a transition disc is possible, and only W4 would tell
    table = stars(0.2, 0.3)
    assert classes(table) == ["no excess"]
    table["allwise_w4_mag"] = np.nan
    assert classes(table) == ["unknown"]


def test_limits_bound_a_colour_on_one_side():
    # W4 not detected, and no brighter than W3 by 1.2 mag: no transition disc
    limited = stars(0.2, 0.3, w3_w4=[1.2, 1.8])
    limited["allwise_w4_error_mag"] = np.nan
    assert classes(limited) == ["no excess", "unknown"]
    # W3 fainter than a limit that leaves no room for Class II at W1-W2 = 0.4
    limited = stars(0.4, [0.6, 2.5], h_ks=-0.1)
    limited["allwise_w3_error_mag"] = np.nan
    limited["allwise_w4_mag"] = np.nan
    result = classify_young_stars(limited, PARAMETERS)
    assert result["yso_class"].tolist() == ["unknown", "unknown"]  # a transition disc in either
    limited["allwise_w1_mag"] -= 0.3  # W1-W2 = 0.1
    assert classes(limited) == ["no excess", "no excess"]


def test_transition_disc_needs_w4():
    assert classes(stars(0.2, 0.8, w3_w4=[1.6, 1.4])) == ["transition disc", "no excess"]
    assert classes(stars(0.14, 0.8, w3_w4=1.6)) == ["no excess"]


def test_galaxies_and_nuclei_are_rejected():
    table = stars([0.8, 0.8, 0.3], [2.5, 2.5, 3.5], w1=[9.0, 13.5, 14.0], h_ks=-0.1)
    assert classes(table) == ["Class II", "AGN candidate", "galaxy candidate"]


def test_a_giant_with_dust_is_no_young_star():
    table = stars([0.6, 0.6, 0.6], 1.5, w1=7.0, distance_pc=[150.0, 8000.0, np.nan])
    result = classify_young_stars(table, PARAMETERS)
    assert result["yso_class"].tolist() == ["Class II", "AGB candidate", "Class II"]
    assert result["yso_flags"].str.contains("agb_not_tested").tolist() == [False, False, True]


def test_dereddened_colours_are_used_star_by_star():
    table = stars([0.3, 0.3], 1.3, h_ks=-0.1, w1_w2_0_mag=[0.2, np.nan])
    result = classify_young_stars(table, PARAMETERS)
    assert result["yso_class"].tolist() == ["no excess", "Class II"]
    assert result["yso_flags"].str.contains("not_dereddened").tolist() == [False, True]


@pytest.mark.parametrize(
    ("column", "value", "flag"),
    [
        ("allwise_quality", "AAUA", "w3_limit"),
        ("allwise_cc_flags", "00D0", "w3_artefact"),
        ("allwise_w3_rchi2", 30.0, "w3_poor_fit"),
    ],
)
def test_a_band_that_cannot_be_trusted_is_not_used(column, value, flag):
    table = stars(0.6, 1.5, h_ks=-0.1)
    assert classes(table) == ["Class II"]
    assert classes(table.assign(allwise_cc_flags="00d0", allwise_quality="AABA")) == ["Class II"]
    result = classify_young_stars(table.assign(**{column: value}), PARAMETERS)
    assert result["yso_class"].item() == "unknown"
    assert flag in result["yso_flags"].item().split("|")
