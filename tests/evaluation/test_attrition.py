from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.attrition import (
    OVERLAP_DTYPES,
    STAGE_DTYPES,
    attrition_stages,
    overlap_of_cuts,
)
from malca.filters import FilteringParameters, judge_stars
from malca.lightcurves import FAILURE_DTYPES

USES = {"sparse": "filter", "single_camera": "off", "vsx": "tag"}


@pytest.fixture
def run(rng):
    """300 stars that end at every stage, judged by two filters."""
    n = 300
    ids = np.arange(n) + 10**12
    manifest = pd.DataFrame({"asas_sn_id": ids, "lc_exists": np.arange(n) >= 10})
    failures = pd.DataFrame(
        [("a", "a", ids[10 + k], "read", ("empty", "truncated")[k % 2], "") for k in range(5)]
        + [("b", "b", ids[60 + k], "detection", "too_few_points", "") for k in range(3)],
        columns=list(FAILURE_DTYPES),
    ).astype(FAILURE_DTYPES)
    readable = ids[17:]  # 15 and 16: nothing is known of why they were not read
    tags = pd.DataFrame(
        {
            "asas_sn_id": pd.array(readable, dtype="Int64"),
            "failed_sparse": readable < ids[37],
            "failed_single_camera": True,
            "failed_vsx": readable % 7 == 0,
            "vsx_outcome": pd.array(np.where(readable < ids[100], "unknown", "matched"), dtype="str"),
        }
    )
    searched = np.concatenate([ids[37:60], ids[63:]])
    count = rng.integers(0, 3, len(searched))
    sources = pd.DataFrame(
        {
            "asas_sn_id": pd.array(searched, dtype="Int64"),
            "dip_count": count,
            "jump_count": 0,
            "dip_n_below_min_mag_offset": rng.integers(0, 2, len(searched)),
            "jump_n_below_min_mag_offset": 0,
            "dipper_score": rng.normal(0, 1, len(searched)),
            "jumper_score": np.nan,
        }
    )
    star = np.repeat(searched, count)
    events = pd.DataFrame(
        {"asas_sn_id": star, "kind": "dip", "depth_mag": rng.uniform(0.05, 0.4, len(star))}
    )
    filters = FilteringParameters(
        filters={"amplitude": {"min_depth_mag": 0.2}, "score": {"min_dipper_score": 0.0}}
    )
    judged, _, attrition = judge_stars(sources, events, filters.asked)
    return manifest, tags, failures, judged, attrition


def test_each_stage_takes_what_the_last_left_and_loses_nobody(run):
    table = attrition_stages(*run, USES)
    assert list(table) == list(STAGE_DTYPES)
    assert table["stage"].tolist() == [
        "listed", "light_curve", "readable", "tag", "tag", "searched", "triggered", "deep_enough",
        "filter", "filter", "candidates",
    ]  # fmt: skip
    parts = table["n_passed"] + table["n_failed"] + table["n_unknown"]
    assert (parts == table["n_in"]).all()
    assert (table["n_in"].iloc[1:].to_numpy() == table["n_out"].iloc[:-1]).all()
    assert table["n_in"].iloc[0] == 300
    assert table["n_stopped"].sum() == 300 - table["n_out"].iloc[-1]
    assert table["share_of_listed"].iloc[-1] == table["n_out"].iloc[-1] / 300


def test_numbers_are_those_of_a_count_by_hand(run):
    _, tags, _, judged, _ = run
    table = attrition_stages(*run, USES).set_index(["stage", "step"])
    counts = ["n_in", "n_passed", "n_failed", "n_unknown", "n_out"]
    assert table.loc[("light_curve", ""), counts].tolist() == [300, 290, 10, 0, 290]
    assert table.loc[("readable", ""), counts].tolist() == [290, 283, 5, 2, 283]
    assert table.loc[("readable", ""), "why"] == "3 empty, 2 truncated"
    assert table.loc[("tag", "sparse"), counts].tolist() == [283, 263, 20, 0, 263]
    left = tags[~tags["failed_sparse"]]
    fails = left["failed_vsx"]
    unknown = ~fails & (left["vsx_outcome"] == "unknown")
    marked = table.loc[("tag", "vsx")]
    assert marked[counts].tolist() == [
        263,
        263 - (fails | unknown).sum(),
        fails.sum(),
        unknown.sum(),
        263,
    ]
    assert marked["action"] == "tag"
    assert table.loc[("searched", ""), counts].tolist() == [263, 260, 3, 0, 260]
    assert table.loc[("searched", ""), "why"] == "3 too_few_points"
    has = judged["dip_count"] > 0
    some = has | (judged["dip_n_below_min_mag_offset"] > 0)
    assert table.loc[("triggered", ""), "n_out"] == some.sum()
    assert table.loc[("deep_enough", ""), "n_out"] == has.sum()
    assert (
        table.loc[("filter", "amplitude"), "n_failed"] == judged["failed_amplitude"].fillna(False).sum()
    )
    assert table.loc[("candidates", ""), "n_out"] == judged["passed_branch"].notna().sum() > 0


def test_tables_of_different_runs_are_refused(run):
    manifest, tags, failures, judged, attrition = run
    with pytest.raises(ValueError, match="1 tagged stars are not in the manifest"):
        attrition_stages(manifest.drop(index=299), tags, failures, judged[:-1], attrition, USES)
    lost = judged.index[judged["dip_count"] > 0][:2]
    with pytest.raises(ValueError, match="not of one run"):
        attrition_stages(manifest, tags, failures, judged.drop(index=lost), attrition, USES)
    with pytest.raises(ValueError, match="judged has a star twice"):
        attrition_stages(manifest, tags, failures, judged.iloc[[0, 0]], attrition, USES)


def test_an_empty_survey_has_no_shares(run):
    manifest, tags, failures, judged, _ = run
    sources = judged.iloc[:0]
    nothing = pd.DataFrame({"asas_sn_id": [], "kind": [], "depth_mag": []}).astype(
        {"asas_sn_id": "int64", "kind": "str", "depth_mag": "float64"}
    )
    _, _, attrition = judge_stars(sources, nothing, FilteringParameters(filters={}).asked)
    table = attrition_stages(
        manifest.iloc[:0], tags.iloc[:0], failures.iloc[:0], sources, attrition, USES
    )
    assert (table["n_in"] == 0).all()
    assert table["share_of_listed"].isna().all()


def test_pairs_are_those_of_a_product_of_flags(run):
    _, tags, _, judged, attrition = run
    overlap = overlap_of_cuts(tags, judged, attrition, USES)
    assert list(overlap) == list(OVERLAP_DTYPES)
    assert set(overlap.loc[overlap["group"] == "tag", "first"]) == {"sparse", "vsx"}
    flags = judged[["failed_amplitude", "failed_score"]].astype("boolean").fillna(False)
    product = flags.to_numpy(int).T @ flags.to_numpy(int)
    own = overlap[overlap["group"] == "filter"].set_index(["first", "second"])
    assert len(own) == 3
    assert own.loc[("amplitude", "amplitude"), "n_both"] == product[0, 0]
    assert own.loc[("score", "score"), "n_both"] == product[1, 1]
    pair = own.loc[("amplitude", "score")]
    assert pair["n_both"] == product[0, 1] > 0
    assert pair["n_either"] == product[0, 0] + product[1, 1] - product[0, 1]
    assert pair["share"] == pair["n_both"] / pair["n_either"]
