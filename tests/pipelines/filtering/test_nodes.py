from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from malca.astrophysics.period_consensus import PeriodConsensusParameters
from malca.catalogs import NOT_COVERED
from malca.columns import columns_of
from malca.filters import FilteringParameters
from malca.filters.catalog_tables import agree_on_periods, match_catalogs
from malca.pipelines.filtering import nodes
from malca.pipelines.filtering.nodes import judge, preselect

IDS = np.array([101, 102, 103, 104], dtype=np.int64)


class FakeCatalog:
    """Answers from a mapping of ids; of an id that it has not it says "not_matched"."""

    fingerprint = "fake"

    def __init__(self, outcome="matched", **columns):
        self.columns = columns
        self.outcome = outcome
        self.asked = None

    def match(self, targets):
        self.asked = targets
        ids = targets["asas_sn_id"]
        table = pd.DataFrame({"asas_sn_id": ids.to_numpy(), "outcome": "not_matched", "reason": "",
                              "sep_arcsec": np.nan, "match_by": ""})  # fmt: skip
        for name, values in self.columns.items():
            table[name] = ids.map(values).to_numpy()
            table.loc[ids.isin(values).to_numpy(), "outcome"] = self.outcome
        return table


def partitions(sources, events, statistics, n=3):
    """Tables of a search in partitions of as many stars."""
    tables = {"sources": sources, "events": events, "statistics": statistics}
    ids = sources["asas_sn_id"].tolist()
    loaders = {name: {} for name in tables}
    for k in range(0, len(ids), n):
        for name, table in tables.items():
            part = table[table["asas_sn_id"].isin(ids[k : k + n])].reset_index(drop=True)
            loaders[name][f"b-{k:05d}"] = partial(pa.Table.from_pandas, part)
    return loaders


def in_parts_of(table, n=3):
    """What reads a table in parts of as many rows."""
    return [partial(table.iloc[k : k + n].reset_index, drop=True) for k in range(0, len(table), n)]


def whole(parts):
    return pd.concat([load().to_pandas() for _, load in sorted(parts.items())], ignore_index=True)


def sources(**columns):
    table = {
        "asas_sn_id": IDS,
        "dip_count": [1, 1, 0, 1],
        "jump_count": [0, 0, 0, 1],
        "dip_significant": [True, True, False, True],
        "jump_significant": [False, False, False, True],
        "dipper_score": [2.0, 2.0, np.nan, -3.0],
        "jumper_score": [np.nan, np.nan, np.nan, 1.0],
        "excluded_cameras": ["", "3,17", "", ""],
    }
    return pd.DataFrame(table | columns)


@pytest.fixture
def events():
    row = {
        "jd_start": 2458000.0, "jd_end": 2458010.0, "duration_days": 10.0, "depth_mag": 0.4,
        "n_points": 30, "n_cameras": 3, "n_bands": 1, "n_cameras_observing": 3,
        "n_cameras_confirming": 3,
        "n_bands_confirming": 1, "ln_bf": 80.0, "morphology": "skew_normal", "delta_bic": 99.0,
        "reduced_chi2": 1.0,
    }  # fmt: skip
    stars = [(101, "dip"), (102, "dip"), (104, "dip"), (104, "jump")]
    return pd.DataFrame([{"asas_sn_id": star, "kind": kind, **row} for star, kind in stars])


@pytest.fixture
def statistics():
    return pd.DataFrame(
        {"asas_sn_id": IDS, "file_points_kept_after_filter": 1000, "fainter_3_sigma_fraction": 0.03,
         "beyond_3_sigma_fraction": 0.035}
    )  # fmt: skip


@pytest.fixture
def manifest():
    return pd.DataFrame(
        {
            "asas_sn_id": IDS[::-1],
            "ra_deg": [40.0, 30.0, 20.0, 10.0],
            "dec_deg": 0.0,
            "pm_ra_masyr": [3.0, 3.0, np.nan, 60.0],
            "pm_dec_masyr": [4.0, 4.0, np.nan, 80.0],
            "gaia_id": pd.array([4, 3, None, 1], dtype="Int64"),
            "gaia_release": "DR2",
        }
    )


@pytest.fixture
def vsx_matches():
    return pd.DataFrame(
        {
            "asas_sn_id": IDS,
            "vsx_outcome": ["matched", "unknown", "not_matched", "matched"],
            "vsx_is_variable": pd.array([True, None, None, False], dtype="boolean"),
            "vsx_period_days": [4.0, np.nan, np.nan, 7.0],
            "vsx_class": ["EA", None, None, "EA"],
            "vsx_sep_arcsec": [0.5, np.nan, np.nan, 0.1],
        }
    )


@pytest.fixture
def catalogs():
    return {
        "gaia": FakeCatalog(ruwe={101: 1.0, 104: 2.5}, pm_ra_masyr={102: 6.0}, pm_dec_masyr={102: 8.0}),
        "gaia_eb": FakeCatalog(period_days={}, **{"class": {}}, quality={}),
        "asassn": FakeCatalog(period_days={101: 8.0}, **{"class": {101: "EA"}}, quality={101: 0.5}),
        "ztf": FakeCatalog(outcome="unknown", period_days={102: np.nan}, **{"class": {}}),
        "ogle": FakeCatalog(period_days={}, **{"class": {}}),
    }


def period_table(**columns):
    table = {
        "asas_sn_id": [101, 102, 104],
        "is_periodic": pd.array([False, None, False], dtype="boolean"),
        "period_explains_events": pd.array([None] * 3, dtype="boolean"),
        "lsp_period_days": 5.0,
        "lsp_amplitude_mag": 0.1,
        "lsp_log10_fap": -1.0,
        "periodicity_reason": ["noise", "too few points", "noise"],
        "n_points_used": [900, 30, 900],
    }
    return pd.DataFrame(table | columns)


def test_only_stars_that_the_tables_leave_are_looked_up(events, statistics):
    left = preselect(partitions(sources(), events, statistics), FilteringParameters())
    assert left["asas_sn_id"].tolist() == [101, 102, 104]
    assert left["passed_branch"].tolist() == ["dip", "dip", "jump"]
    assert left["excluded_cameras"].tolist() == ["", "3,17", ""]
    # what catalogues or periods would say is not asked for here, even where it would reject
    strict = FilteringParameters.model_validate(
        {"filters": {"score": {}, "periodicity": {"unknown": "reject"}}}
    )
    assert preselect(partitions(sources(), events, statistics), strict)["asas_sn_id"].tolist() == [
        101,
        102,
        104,
    ]
    weak = events.assign(ln_bf=1.0)
    assert preselect(partitions(sources(), weak, statistics), FilteringParameters()).empty


@pytest.mark.parametrize(("size", "at_once"), [(1, 2), (2, 1), (1, 10)])
def test_it_does_not_matter_how_many_partitions_are_judged_together(
    events, statistics, survivors, monkeypatch, size, at_once
):
    monkeypatch.setattr(nodes, "_PARTITIONS_AT_ONCE", at_once)
    left = preselect(partitions(sources(), events, statistics, size), FilteringParameters())
    pd.testing.assert_frame_equal(left, survivors)


@pytest.fixture
def survivors(events, statistics):
    return preselect(partitions(sources(), events, statistics), FilteringParameters())


def test_matches_follow_the_survivors(survivors, manifest, vsx_matches, catalogs):
    asked = columns_of(match_catalogs)  # what is read for it: here all there is
    assert set(asked["manifest"]) == set(manifest)
    assert set(asked["vsx_matches"]) == set(vsx_matches)
    matches = match_catalogs(survivors, manifest, vsx_matches, **catalogs)
    assert matches["asas_sn_id"].tolist() == [101, 102, 104]
    assert catalogs["ogle"].asked["gaia_id"].tolist() == [1, pd.NA, 4]
    assert matches["gaia_outcome"].tolist() == ["matched", "matched", "matched"]
    np.testing.assert_equal(matches["ruwe"].to_numpy(), [1.0, np.nan, 2.5])
    # 102 has no proper motion in the index: Gaia's
    np.testing.assert_allclose(matches["pm_total_masyr"], [100.0, 10.0, 5.0])
    assert matches["vsx_outcome"].tolist() == ["matched", "unknown", "not_matched"]
    assert matches["ztf_outcome"].tolist() == ["not_matched", "unknown", "not_matched"]
    assert matches["asassn_period_days"].iloc[0] == 8.0
    assert not matches.columns.has_duplicates


def test_a_survivor_that_the_manifest_has_not_is_refused(survivors, manifest, vsx_matches, catalogs):
    with pytest.raises(ValueError, match="1 stars are not in the manifest"):
        match_catalogs(survivors, manifest[manifest["asas_sn_id"] != 104], vsx_matches, **catalogs)


def test_periods_of_all_catalogues_are_weighed(survivors, manifest, vsx_matches, catalogs):
    matches = match_catalogs(survivors, manifest, vsx_matches, **catalogs)
    agreed = agree_on_periods(matches, PeriodConsensusParameters()).set_index("asas_sn_id")
    assert agreed.loc[101, "period_sources"] == "vsx|asassn"
    assert bool(agreed.loc[101, "period_accepted"])  # 4 and 8 d
    assert pd.isna(agreed.loc[102, "period_accepted"])  # VSX and ZTF could not say
    assert not agreed.loc[104, "period_accepted"]  # VSX says it is constant
    # what could not be asked is not waited for
    outside = matches.assign(ztf_outcome=NOT_COVERED)
    agreed = agree_on_periods(outside, PeriodConsensusParameters()).set_index("asas_sn_id")
    assert agreed["period_sources_not_covering"].tolist() == ["ztf"] * 3
    assert not agreed.loc[102, "period_accepted"]
    # the quality of one source may be enough
    sure = PeriodConsensusParameters(single_quality={"asassn": 0.4})
    assert agree_on_periods(matches, sure)["period_single_quality"].iloc[0] == 0.5


@pytest.mark.parametrize("in_parts", [False, True])
def test_everything_together(in_parts, survivors, events, statistics, manifest, vsx_matches, catalogs):
    matches = match_catalogs(survivors, manifest, vsx_matches, **catalogs)
    agreed = agree_on_periods(matches, PeriodConsensusParameters())
    stars = in_parts_of(sources()) if in_parts else sources()
    judged, candidates, rejections, attrition = judge(
        stars, events, statistics, matches, agreed, period_table(), FilteringParameters()
    )
    assert len(judged) == (2 if in_parts else 1)
    judged = whole(judged)
    assert judged["asas_sn_id"].tolist() == IDS.tolist()
    assert candidates["asas_sn_id"].tolist() == [102, 104]
    assert candidates["passed_branch"].tolist() == ["dip", "jump"]
    said = rejections.set_index(["asas_sn_id", "filter", "branch"])
    assert said.loc[(101, "periodic_catalog", "dip"), ["outcome", "reason"]].tolist() == [
        "failed", "4 d (EA) in vsx, asassn",
    ]  # fmt: skip
    assert said.loc[(102, "periodicity", "dip"), "outcome"] == "unknown"
    assert said.loc[(104, "gaia_ruwe", "jump"), ["action", "value"]].tolist() == ["tag", 2.5]
    assert said.loc[(104, "score", "dip"), "value"] == -3.0
    assert attrition.iloc[-1][["stage", "branch", "n_out"]].tolist() == ["candidates", "any", 2]
    # whole numbers stay so beside stars without them, and verdicts come last
    assert str(judged["n_points_used"].dtype) == "Int64"
    assert str(judged["period_n_sources"].dtype) == "Int64"
    assert judged.columns[-1] == "passed_branch"
    assert not judged.columns.has_duplicates


def test_a_periodic_star_is_no_candidate(
    survivors, events, statistics, manifest, vsx_matches, catalogs
):
    matches = match_catalogs(survivors, manifest, vsx_matches, **catalogs)
    agreed = agree_on_periods(matches, PeriodConsensusParameters())
    table = period_table(is_periodic=pd.array([True] * 3, dtype="boolean"))
    _, candidates, rejections, _ = judge(
        sources(), events, statistics, matches, agreed, table, FilteringParameters()
    )
    assert candidates.empty
    assert (rejections["filter"] == "periodicity").sum() == 4


def test_no_survivors(events, statistics, manifest, vsx_matches, catalogs):
    none = preselect(partitions(sources(), events.assign(ln_bf=1.0), statistics), FilteringParameters())
    matches = match_catalogs(none, manifest, vsx_matches, **catalogs)
    agreed = agree_on_periods(matches, PeriodConsensusParameters())
    judged, candidates, *_ = judge(
        sources(), events.assign(ln_bf=1.0), statistics, matches, agreed, period_table().iloc[:0],
        FilteringParameters(),
    )  # fmt: skip
    assert len(whole(judged)) == 4
    assert candidates.empty


def test_parts_say_what_the_whole_says(survivors, events, statistics, manifest, vsx_matches, catalogs):
    matches = match_catalogs(survivors, manifest, vsx_matches, **catalogs)
    rest = (
        events, statistics, matches, agree_on_periods(matches, PeriodConsensusParameters()),
        period_table(), FilteringParameters(),
    )  # fmt: skip
    shuffled = sources().iloc[::-1]  # in whichever order
    at_once, a_part_at_a_time = judge(shuffled, *rest), judge(in_parts_of(shuffled), *rest)
    pd.testing.assert_frame_equal(whole(a_part_at_a_time[0]), whole(at_once[0]))
    for one, other in zip(a_part_at_a_time[1:], at_once[1:], strict=True):
        pd.testing.assert_frame_equal(one, other)
    with pytest.raises(ValueError, match="a star twice"):
        judge([*in_parts_of(shuffled), shuffled.copy], *rest)
    with pytest.raises(ValueError, match="1 events belong to stars that are not"):
        judge(in_parts_of(sources())[:1], events.iloc[[0, 3]], *rest[1:])
