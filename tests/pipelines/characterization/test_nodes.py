"""Characterization: one table, whatever catalogues answer, and nothing unknown taken for a no."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from malca.descriptions import candidates as of_candidates
from malca.descriptions.characterized import COLUMNS
from malca.pipelines.characterization.parameters import (
    CATALOG_NAMES,
    CharacterizationParameters,
)

from .conftest import ID, STARS, FakeCatalog


def test_a_star_that_all_know(run, catalogs):
    star = run(catalogs).set_index("asas_sn_id").loc[101]
    assert star["gaia_dr3_id"] == ID
    assert star["dip_count"] == 1
    assert star["distance_source"] == "bailer_jones_geometric"
    assert star["distance_pc"] == 500.0
    assert star["av_source"] == "dust_map"
    assert star["av_mag"] == pytest.approx(0.31)
    assert star["abs_g0_mag"] == pytest.approx(13.0 - 5 * np.log10(50.0) - 0.789 * 0.31)
    assert star["yso_class"] == "no excess"
    assert star["cluster_name"].replace("_", " ") == "NGC 1"
    assert star["tmass_quality"] == "AAA"


def test_infrared_light_makes_a_young_star(run, catalogs):
    table = run(catalogs).set_index("asas_sn_id")
    assert table["yso_class"].tolist() == ["no excess", "Class II", "no excess", "unknown"]


def test_a_star_that_nobody_knows_is_unknown_and_not_nothing(run, catalogs):
    star = run(catalogs).set_index("asas_sn_id").loc[104]
    assert star["gaia_outcome"] == "not_matched"
    assert star["dust_outcome"] == "unknown"
    assert np.isnan(star["av_mag"])
    assert star["av_source"] == ""
    assert np.isnan(star["distance_pc"])
    assert star["population"] == "unknown"
    assert star["yso_class"] == "unknown"
    assert pd.isna(star["midir_variable"])
    assert pd.isna(star["dip_reddens"])


@pytest.mark.parametrize("name", [name for name in CATALOG_NAMES if name != "dust_map"])
def test_one_that_fails_costs_no_other(run, catalogs, name):
    whole = run(catalogs)
    failing = {**catalogs, name: FakeCatalog(catalogs[name].rows, fails=OSError("cable cut"))}
    table = run(failing)
    assert table["asas_sn_id"].tolist() == list(STARS)
    assert list(table) == list(whole)
    assert table.dtypes.equals(whole.dtypes)
    prefix = {"gaia_source": "gaia", "iphas": "halpha", "unwise_epochs": "midir"}.get(name, name)
    if f"{prefix}_outcome" in table:
        assert set(table[f"{prefix}_outcome"]) == {"unknown"}
        assert table[f"{prefix}_reason"].str.contains("cable cut").all()
    if name != "gaia_source":
        assert table["gaia_dr3_id"].equals(whole["gaia_dr3_id"])


def test_what_is_switched_off_is_not_asked(run, catalogs):
    table = run(catalogs, CharacterizationParameters(switched_off=("tmass", "dust_map")))
    assert not catalogs["tmass"].asked
    assert set(table["tmass_reason"]) == {"switched off"}
    assert set(table["dust_outcome"]) == {"unknown"}
    assert set(table["av_source"]) == {"starhorse", ""}
    with pytest.raises(ValidationError, match="switched_off"):
        CharacterizationParameters(switched_off=("nonsense",))


def test_ids_of_dr2_are_never_asked_of_dr3(run, catalogs):
    run(catalogs)
    by_index, by_gaia = catalogs["cantat_gaudin_members"].asked[0], catalogs["tmass"].asked[0]
    assert by_index["gaia_id"].tolist() == [11, 12, pd.NA, 14]
    assert by_index["gaia_release"].dropna().eq("DR2").all()
    assert by_gaia["gaia_id"].tolist()[:3] == [ID, ID + 1, ID + 2]
    assert by_gaia["gaia_release"].tolist()[:3] == ["DR3"] * 3
    # the last is in Gaia DR3 no more: its id stays what it is, one of DR2
    assert (by_gaia["gaia_id"].iloc[3], by_gaia["gaia_release"].iloc[3]) == (14, "DR2")


def test_an_id_of_dr3_that_a_table_has_is_used_and_kept(run, catalogs, candidates):
    stated = candidates.assign(gaia_dr3_id=pd.array([5, 6, ID + 2, ID + 3], "Int64"))
    table = run(catalogs, candidates=stated).set_index("asas_sn_id")
    asked = catalogs["gaia_source"].asked[-1]
    # the third has none in the index
    assert asked["gaia_id"].tolist() == [11, 12, ID + 2, 14]
    assert asked["gaia_release"].tolist() == ["DR2", "DR2", "DR3", "DR2"]
    assert table["gaia_dr3_id"].tolist() == [ID, ID + 1, ID + 2, ID + 3]  # Gaia does not know the last


def test_every_column_is_described(run, catalogs, candidates):
    table = run(catalogs)
    assert [name for name in table if name not in COLUMNS | of_candidates.COLUMNS] == []
    assert set(candidates) <= set(table)


def test_no_candidates_give_no_rows(run, catalogs, candidates):
    full = run(catalogs)
    empty = run(catalogs, candidates=candidates.iloc[:0])
    assert len(empty) == 0
    assert set(full) == set(empty)
