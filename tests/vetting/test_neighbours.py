from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import dblquad

from malca.vetting.neighbours import aperture_share, gather_neighbours, variable_itself
from malca.vetting.parameters import NeighbourParameters

BIG = 5937083312263887616
PARAMETERS = NeighbourParameters()


@pytest.fixture
def stars():
    return pd.DataFrame(
        {
            "asas_sn_id": [1, 2],
            "gaia_dr3_id": pd.array([BIG + 1, None], dtype="Int64"),
            "gaia_g_mag": [13.0, np.nan],
            "dip_best_depth_mag": [0.3, 0.3],
        }
    )


def gaia(star, sep, g, number):
    ids = pd.array([BIG + number], dtype="Int64")[0]
    return {"asas_sn_id": star, "sep_arcsec": sep, "gaia_dr3_id": ids, "g_mag": g, "bp_rp_mag": 1.0}


@pytest.fixture
def catalogs(make_entries):
    answered = {1: "matched", 2: "not_matched"}
    near, far = gaia(1, 6.0, 13.5, 2), gaia(1, 20.0, 12.0, 3)
    eclipsing = {"id": "V1 Lup", "class": "EA", "period_days": 3.1}
    return {
        "gaia": make_entries(answered, [gaia(1, 0.1, 13.0, 1), near, far]),
        "tmass": make_entries(
            answered, [{"asas_sn_id": 1, "sep_arcsec": 0.2}, {"asas_sn_id": 1, "sep_arcsec": 5.0}]
        ),
        "allwise": make_entries(dict.fromkeys(answered, "unknown")),
        "vsx": make_entries(
            answered,
            [
                {"asas_sn_id": 1, "sep_arcsec": 2.0, "id": "itself", "class": "UXOR"},
                {"asas_sn_id": 1, "sep_arcsec": 9.0, "id": "constant", "variability_flag": 2},
                {"asas_sn_id": 1, "sep_arcsec": 22.0, **eclipsing},
            ],
        ),
    }  # fmt: skip


def gathered(stars, catalogs, **parameters):
    long, summary = gather_neighbours(stars, catalogs, NeighbourParameters(**parameters))
    return long, summary.set_index("asas_sn_id")


def test_the_star_itself_is_no_neighbour_and_catalogues_are_not_added_up(stars, catalogs):
    long, summary = gathered(stars, catalogs)
    row = summary.loc[1]
    assert row["neighbours_gaia_count"] == 1  # 20 arcsec are too far for a count
    assert row["neighbours_gaia_nearest_arcsec"] == 6.0
    assert row["neighbours_tmass_count"] == 1
    assert pd.isna(row["neighbours_allwise_count"])
    assert row["neighbours_density_arcmin2"] == pytest.approx(1 / (np.pi * 0.25**2))
    assert long["catalog"].value_counts().to_dict() == {"gaia": 2, "tmass": 1, "vsx": 1}
    # exact, as text
    assert set(long.loc[long["catalog"] == "gaia", "id"]) == {str(BIG + 2), str(BIG + 3)}


def test_no_neighbours_are_none_and_no_answer_is_unknown(stars, catalogs, make_entries):
    catalogs["gaia"] = make_entries({1: "not_matched", 2: "unknown"})
    _, summary = gathered(stars, catalogs)
    assert summary["neighbours_gaia_count"].tolist() == [0, pd.NA]
    assert summary["neighbours_bright_close"].tolist() == [False, pd.NA]
    assert summary.loc[1, "neighbours_light_share"] == 0
    assert np.isnan(summary.loc[2, "neighbours_light_share"])


def test_an_id_tells_the_star_from_a_brighter_neighbour_that_is_nearer(stars, catalogs, make_entries):
    entries = [gaia(1, 0.3, 12.9, 8), gaia(1, 0.9, 13.0, 1)]
    catalogs["gaia"] = make_entries({1: "matched", 2: "matched"}, entries)
    long, summary = gathered(stars, catalogs)
    assert summary.loc[1, "neighbours_gaia_nearest_arcsec"] == 0.3
    assert long.loc[long["catalog"] == "gaia", "id"].tolist() == [str(BIG + 8)]


def test_without_an_id_the_nearest_of_its_brightness_is_the_star(stars, catalogs, make_entries):
    stars["gaia_dr3_id"] = pd.array([None, None], dtype="Int64")
    entries = [gaia(1, 0.2, 18.0, 8), gaia(1, 0.4, 13.2, 9), gaia(2, 0.4, 15.0, 10)]
    catalogs["gaia"] = make_entries({1: "matched", 2: "matched"}, entries)
    long, _ = gathered(stars, catalogs)
    assert long.loc[long["catalog"] == "gaia", "id"].tolist() == [str(BIG + 8)]


@pytest.mark.parametrize(
    ("g", "sep", "bright"),
    [(13.9, 6.0, True), (14.1, 6.0, False), (12.0, 9.0, False), (12.0, 7.9, True)],
)
def test_bright_and_close_are_both_asked(stars, catalogs, make_entries, g, sep, bright):
    catalogs["gaia"] = make_entries({1: "matched", 2: "not_matched"}, [gaia(1, sep, g, 2)])
    _, summary = gathered(stars, catalogs)
    assert summary.loc[1, "neighbours_bright_close"] == bright


def test_share_of_an_aperture_is_the_integral_of_the_gaussian():
    aperture, fwhm, offset = 16.0, 15.0, 11.0
    sigma = fwhm / 2.354820045
    whole, _ = dblquad(
        lambda y, x: np.exp(-((x - offset) ** 2 + y**2) / 2 / sigma**2) / 2 / np.pi / sigma**2,
        -aperture, aperture, lambda x: -np.sqrt(aperture**2 - x**2),
        lambda x: np.sqrt(aperture**2 - x**2), epsabs=1e-6,
    )  # fmt: skip
    assert aperture_share(np.array([offset]), aperture, fwhm)[0] == pytest.approx(whole, abs=1e-5)
    centred = 1 - np.exp(-((aperture / sigma) ** 2) / 2)
    assert aperture_share(np.zeros(1), aperture, fwhm)[0] == pytest.approx(centred)


def test_an_equal_star_at_the_same_place_has_half_the_light(stars, catalogs, make_entries):
    catalogs["gaia"] = make_entries(
        {1: "matched", 2: "not_matched"}, [gaia(1, 0.1, 13.0, 1), gaia(1, 1e-9, 13.0, 2)]
    )
    _, summary = gathered(stars, catalogs)
    assert summary.loc[1, "neighbours_light_share"] == pytest.approx(0.5)
    # when it vanishes half the light is left
    assert summary.loc[1, "neighbours_largest_dip_mag"] == pytest.approx(2.5 * np.log10(2))
    assert summary.loc[1, "neighbours_could_feign_dip"]
    stars["dip_best_depth_mag"] = [0.9, 0.3]
    _, summary = gathered(stars, catalogs)
    assert summary["neighbours_could_feign_dip"].tolist() == [False, pd.NA]


def test_known_variables_nearby_are_neither_the_star_nor_constant(stars, catalogs):
    _, summary = gathered(stars, catalogs)
    row = summary.loc[1]
    assert row["neighbours_known_variable"]
    assert row["neighbours_variable_name"] == "V1 Lup"
    assert row["neighbours_variable_class"] == "EA"
    assert row["neighbours_variable_sep_arcsec"] == 22.0
    assert summary["neighbours_known_variable"].tolist() == [True, False]


def test_vsx_says_what_a_star_itself_is(catalogs):
    own = variable_itself(catalogs["vsx"], PARAMETERS).set_index("asas_sn_id")
    assert own["vsx_outcome"].tolist() == ["matched", "not_matched"]
    assert own.loc[1, "vsx_class"] == "UXOR"


def test_columns_are_the_same_when_nobody_answered(stars, catalogs, make_entries):
    long, summary = gather_neighbours(stars, catalogs, PARAMETERS)
    nothing = {name: make_entries({1: "unknown", 2: "unknown"}) for name in catalogs}
    empty, unknown = gather_neighbours(stars, nothing, PARAMETERS)
    assert unknown.dtypes.to_dict() == summary.dtypes.to_dict()
    assert empty.dtypes.to_dict() == long.dtypes.to_dict()
    assert not len(empty)
