"""Members of clusters: which catalogue speaks, and motions against the catalogued ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.astrophysics.open_clusters import (
    OpenClusterParameters,
    add_open_clusters,
    cluster_table,
    pm_offset_sigma,
)

DEFAULT = OpenClusterParameters()
# the Pleiades and NGC 2264 about as the catalogues have them, under their own names
HUNT = pd.DataFrame(
    {
        "Name": ["Melotte_22", "NGC_2264", "Nonsense_1"], "Type": ["o", "o", "r"],
        "pmRA": [19.96, -1.8, 1.0], "s_pmRA": [1.28, 0.35, 0.1], "e_pmRA": [0.03, 0.02, 0.01],
        "pmDE": [-45.46, -3.7, 1.0], "s_pmDE": [1.53, 0.33, 0.1], "e_pmDE": [0.04, 0.02, 0.01],
        "dist50": [135.0, 704.0, 900.0], "logAge16": [7.9, 6.6, 8.0], "logAge50": [8.1, 6.9, 8.2],
        "logAge84": [8.3, 7.1, 8.4], "RV": [5.7, 17.0, np.nan],
    }
)  # fmt: skip
CANTAT = pd.DataFrame(
    {
        "Cluster": ["Melotte_22", "UBC_1"], "pmRA*": [20.08, -2.4], "e_pmRA*": [1.34, 0.3],
        "pmDE": [-45.5, 3.8], "e_pmDE": [1.48, 0.3], "AgeNN": [7.89, 8.8], "DistPc": [128.0, 320.0],
    }
)  # fmt: skip


def matches(outcome, name=None, probability=None, catalog="hunt") -> pd.DataFrame:
    columns = ("Name", "Prob") if catalog == "hunt" else ("Cluster", "Proba")
    n = len(outcome)
    return pd.DataFrame(
        {
            "outcome": outcome,
            columns[0]: [None] * n if name is None else name,
            columns[1]: [np.nan] * n if probability is None else probability,
        }
    )


def stars(n, **pm) -> pd.DataFrame:
    columns = {
        "ra_masyr": 20.0,
        "ra_error_masyr": 0.05,
        "dec_masyr": -45.0,
        "dec_error_masyr": 0.05,
    } | pm
    return pd.DataFrame(
        {f"gaia_pm_{name}": [value] * n for name, value in columns.items()}, index=range(5, 5 + n)
    )


def test_hunt_and_reffert_go_first():
    m, no, unknown = "matched", "not_matched", "unknown"
    hunt = matches(
        [m, no, no, unknown, no, m, m],
        ["Melotte 22", None, None, None, None, "Melotte_22", "Nonsense_1"],
        [0.99, np.nan, np.nan, np.nan, np.nan, 0.3, 0.9],
    )
    cantat = matches(
        [m, m, no, no, unknown, no, no],
        ["Melotte_22", "UBC_1", None, None, None, None, None],
        [1.0, 0.8, np.nan, np.nan, np.nan, np.nan, np.nan],
        "cantat",
    )
    table = stars(7)
    found = add_open_clusters(table, hunt, cantat, HUNT, CANTAT, DEFAULT)
    assert list(found.index) == list(table.index)
    assert found["cluster_outcome"].tolist() == [m, m, no, unknown, unknown, no, no]
    assert found["cluster_name"].tolist() == ["Melotte_22", "UBC_1", "", "", "", "", ""]
    assert found["cluster_catalog"].tolist() == ["hunt_reffert", "cantat_gaudin", "", "", "", "", ""]
    np.testing.assert_array_equal(found["cluster_age_log10yr"].iloc[:3], [8.1, 8.8, np.nan])
    np.testing.assert_array_equal(found["cluster_distance_pc"].iloc[:3], [135.0, 320.0, np.nan])
    assert found["cluster_type"].tolist()[:2] == ["o", ""]
    assert found["cluster_probability"].tolist()[:2] == [0.99, 0.8]
    assert found["cluster_members_agree"].tolist()[0] is True
    assert found["cluster_members_agree"].iloc[1:].isna().all()
    assert found["cluster_pm_offset_sigma"].iloc[0] < 1
    assert found["cluster_pm_offset_sigma"].iloc[1] > 30
    assert found["cluster_pm_offset_sigma"].iloc[2:].isna().all()


def test_without_the_tables_of_clusters_the_name_remains():
    found = add_open_clusters(
        stars(1), matches(["matched"], ["NGC_2264"], [0.9]), matches(["unknown"], catalog="cantat"),
        None, None, DEFAULT,
    ).iloc[0]  # fmt: skip
    assert (found["cluster_outcome"], found["cluster_name"]) == ("matched", "NGC_2264")
    assert np.isnan(found["cluster_pm_offset_sigma"])
    assert np.isnan(found["cluster_age_log10yr"])


def test_offset_of_members_is_that_of_chance(rng):
    n = 40_000
    cluster = cluster_table(HUNT, "hunt_reffert").loc[["Melotte_22"] * n]
    error = 0.5
    pm_ra = rng.normal(19.96, np.sqrt(1.28**2 + 0.03**2 + error**2), n)
    pm_dec = rng.normal(-45.46, np.sqrt(1.53**2 + 0.04**2 + error**2), n)
    offset = pm_offset_sigma(pm_ra, np.full(n, error), pm_dec, np.full(n, error), cluster)
    assert (offset**2).mean() == pytest.approx(2, rel=0.03)
    assert (offset > 3.4398).mean() == pytest.approx(0.0027, abs=0.0008)


def test_offset_by_hand_and_unknown():
    cluster = cluster_table(CANTAT, "cantat_gaudin").loc[["UBC_1", "UBC_1"]]
    offset = pm_offset_sigma([-2.4, np.nan], [0.4, 0.4], [4.3, 4.3], [0.4, 0.4], cluster)
    assert offset[0] == pytest.approx(1.0)
    assert np.isnan(offset[1])
    tight = cluster.assign(pm_dec_dispersion_masyr=0.0, pm_ra_dispersion_masyr=np.nan)
    assert pm_offset_sigma([-2.4], [0.0], [3.9], [0.0], tight.iloc[:1], 0.05)[0] == pytest.approx(2.0)


def test_a_table_that_is_empty_has_the_columns():
    assert {"pm_ra_masyr", "age_log10yr", "type"} <= set(cluster_table(None, "hunt_reffert"))
    assert cluster_table(HUNT, "hunt_reffert").loc["NGC_2264", "rv_kms"] == 17.0
