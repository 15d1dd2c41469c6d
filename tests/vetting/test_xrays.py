from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.vetting.parameters import ErositaParameters
from malca.vetting.xrays import describe_xrays


def source(star, sep, **values):
    row = {"name": "1eRASS J1", "position_error_arcsec": 3.0, "likelihood": 20.0, "extent_arcsec": 0.0,
           "flux_cgs": 1e-13}  # fmt: skip
    return {"asas_sn_id": star, "sep_arcsec": sep, **row, **values}


def described(make_entries, outcomes, entries, distances=None, **parameters):
    distances = pd.DataFrame({"asas_sn_id": []}) if distances is None else distances
    table = describe_xrays(make_entries(outcomes, entries), distances, ErositaParameters(**parameters))
    return table.set_index("asas_sn_id")


def test_the_error_of_the_position_decides_and_not_a_fixed_radius(make_entries):
    table = described(
        make_entries,
        dict.fromkeys([1, 2], "matched"),
        [source(1, 9.0, position_error_arcsec=1.0), source(2, 9.0, position_error_arcsec=4.0)],
    )
    assert table["erosita_outcome"].tolist() == ["not_matched", "matched"]
    assert table.loc[2, "erosita_sep_sigma"] == pytest.approx(9 / np.hypot(4, 0.5))


def test_of_two_the_more_likely_one_is_taken(make_entries):
    entries = [
        source(1, 4.0, position_error_arcsec=1.5, name="near"),
        source(1, 8.0, position_error_arcsec=6.0, name="far"),
    ]
    table = described(make_entries, {1: "matched"}, entries)
    assert table.loc[1, "erosita_name"] == "far"


@pytest.mark.parametrize(
    "change", [{"likelihood": 6.0}, {"extent_arcsec": 12.0}, {"likelihood": np.nan}]
)
def test_doubtful_and_extended_sources_count_for_nothing(make_entries, change):
    table = described(make_entries, {1: "matched"}, [source(1, 1.0, **change)])
    assert table.loc[1, "erosita_outcome"] == "not_matched"
    assert pd.isna(table.loc[1, "erosita_flux_cgs"])


def test_a_source_without_an_error_leaves_it_open(make_entries):
    table = described(make_entries, {1: "matched"}, [source(1, 1.0, position_error_arcsec=np.nan)])
    assert table.loc[1, "erosita_outcome"] == "unknown"
    assert "positional error" in table.loc[1, "erosita_reason"]


def test_the_other_half_of_the_sky_is_no_detection_limit(make_entries):
    table = described(make_entries, {1: "not_covered", 2: "not_matched", 3: "unknown"}, None)
    assert table["erosita_outcome"].tolist() == ["not_covered", "not_matched", "unknown"]


def test_luminosity_takes_the_limits_of_the_distance(make_entries):
    distances = pd.DataFrame(
        {
            "asas_sn_id": [1],
            "distance_pc": [100.0],
            "distance_low_pc": [90.0],
            "distance_high_pc": [np.nan],
        }
    )
    table = described(make_entries, {1: "matched"}, [source(1, 1.0)], distances)
    middle, low = (table.loc[1, f"erosita_log10_luminosity{end}"] for end in ("", "_low"))
    assert middle - low == pytest.approx(2 * np.log10(100 / 90))
    assert middle == pytest.approx(np.log10(4 * np.pi * (100 * 3.0857e18) ** 2 * 1e-13), abs=1e-4)
    assert np.isnan(table.loc[1, "erosita_log10_luminosity_high"])
