from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.filters import FILTERS, FilteringParameters, judge_stars
from malca.filters.event_filters import Amplitude, Evidence, OneCamera, RunRobustness
from malca.filters.funnel import ATTRITION_DTYPES
from malca.filters.judge import REJECTION_DTYPES, star_outcome
from malca.filters.match_filters import GaiaRuwe
from malca.filters.star_filters import SameEvent, Score, SignificantDetection


def judged(stars, *filters, **others):
    return judge_stars(stars.sources, stars.events, filters, others)


@pytest.fixture
def survey(make_tables, rng):
    """Two hundred stars with random events and scores."""
    stars = []
    for _ in range(200):
        events = [
            {
                "kind": str(rng.choice(["dip", "jump"])),
                "ln_bf": rng.uniform(0, 60),
                "depth_mag": rng.uniform(0, 0.4),
                "n_cameras": int(rng.integers(1, 4)),
                "n_cameras_observing": 3,
            }
            for _ in range(rng.integers(0, 4))
        ]
        stars.append((events, {"dipper_score": rng.choice([np.nan, -2.0, 1.0])}))
    return make_tables(*stars)


FEW = (SignificantDetection(), Evidence(), RunRobustness(), Amplitude(action="tag"), SameEvent(),
       Score(unknown="reject"))  # fmt: skip


def test_branches_stand_alone(make_tables):
    weak, strong = {"ln_bf": 1.0}, {"kind": "jump", "ln_bf": 90.0}
    stars = make_tables([weak, strong], [{}, {"kind": "jump", "ln_bf": 1.0}], [{}, strong], [weak], [])
    table = judged(stars, Evidence()).judged
    assert table["passed_branch"].fillna("-").tolist() == ["jump", "dip", "both", "-", "-"]
    assert table["dip_passed"].tolist() == [False, True, True, False, False]
    assert table["failed_any"].tolist() == [False, False, False, True, True]
    assert table["failed_evidence"].astype(object).tolist() == [False, False, False, True, pd.NA]


def test_evidence_of_one_branch_and_cameras_of_the_other_are_no_candidate(make_tables):
    stars = make_tables([{"ln_bf": 1.0}, {"kind": "jump", "n_cameras": 1}])
    result = judged(stars, Evidence(), RunRobustness())
    assert result.judged["passed_branch"].isna().all()
    # each filter is passed by a branch, but none by the same
    assert not result.judged[["failed_evidence", "failed_run_robustness"]].any(axis=None)


def test_one_event_must_pass_all_filters_of_events(make_tables):
    deep = {"depth_mag": 0.5, "ln_bf": 5.0}
    sure = {"depth_mag": 0.05, "ln_bf": 90.0}
    stars = make_tables([deep, sure], [deep | {"ln_bf": 90.0}])
    filters = (Evidence(), Amplitude())
    assert judged(stars, *filters).judged["passed_branch"].notna().tolist() == [True, True]
    together = judged(stars, *filters, SameEvent())
    assert together.judged["passed_branch"].notna().tolist() == [False, True]
    assert together.judged["failed_same_event"].tolist() == [True, False]
    tagged = judged(stars, Evidence(), Amplitude(action="tag"), SameEvent())
    assert tagged.judged["passed_branch"].notna().tolist() == [True, True]


def test_a_tag_marks_and_does_not_reject(make_tables):
    stars = make_tables([{"ln_bf": 1.0}])
    result = judged(stars, Evidence(action="tag"))
    assert result.judged["failed_evidence"].tolist() == [True]
    assert result.judged["passed_branch"].tolist() == ["dip"]
    assert result.rejections[["outcome", "action"]].to_numpy().tolist() == [["failed", "tag"]]


def test_unknown_passes_unless_told_otherwise_and_is_counted(make_tables):
    stars = make_tables(([{}], {"dipper_score": np.nan}))
    for unknown, expected in (("pass", ["dip"]), ("reject", ["-"])):
        result = judged(stars, Score(unknown=unknown))
        assert result.judged["passed_branch"].fillna("-").tolist() == expected
        assert result.judged["failed_score"].isna().all()
        row = result.attrition.query("filter == 'score' and branch == 'dip'").iloc[0]
        assert row["n_unknown"] == 1
        assert row["n_out"] == len(expected) - expected.count("-")


def test_rejections_tell_value_and_threshold(make_tables):
    stars = make_tables([{"ln_bf": 7.25}, {"kind": "jump"}], [{}], [])
    rejections = judged(stars, Evidence(), OneCamera()).rejections
    assert len(rejections) == 1
    row = rejections.iloc[0]
    assert row[["asas_sn_id", "filter", "branch", "outcome"]].tolist() == [
        100, "evidence", "dip", "failed",
    ]  # fmt: skip
    assert (row["value"], row["threshold"]) == (7.25, 30.0)
    assert row["reason"] == "7.25 ln Bayes factor, at least 30 is asked"


def test_a_table_that_is_not_there_makes_unknown(make_tables):
    result = judged(make_tables([{}]), GaiaRuwe())
    assert result.rejections["reason"].tolist() == ["there is no table catalog_matches"]
    assert result.attrition.query("filter == 'gaia_ruwe'")["n_unknown"].tolist() == [1, 0, 1]


def test_a_star_that_was_not_looked_up_is_unknown_but_no_news(make_tables):
    matches = pd.DataFrame({"asas_sn_id": [100, 102], "ruwe": [9.0, np.nan]})
    result = judged(make_tables([{}], [{}], [{}]), GaiaRuwe(), catalog_matches=matches)
    assert result.judged["failed_gaia_ruwe"].astype(object).tolist() == [True, pd.NA, pd.NA]
    assert result.rejections["asas_sn_id"].tolist() == [100, 102]


def test_what_was_judged_can_be_judged_again(survey):
    first = judged(survey, *FEW)
    again = judge_stars(first.judged, survey.events, FEW)
    pd.testing.assert_frame_equal(again.judged, first.judged)


def test_nothing_is_dropped_and_the_order_is_kept(survey):
    before = survey.sources.copy()
    result = judged(survey, *FEW)
    pd.testing.assert_frame_equal(result.judged[before.columns.to_list()], before)
    pd.testing.assert_frame_equal(survey.sources, before)


def test_who_is_a_candidate_does_not_depend_on_the_order(survey, rng):
    filters = [one for one in FEW if one.name != "same_event"]
    expected = judged(survey, *filters).judged["passed_branch"]
    for _ in range(5):
        mixed = [filters[k] for k in rng.permutation(len(filters))]
        pd.testing.assert_series_equal(judged(survey, *mixed).judged["passed_branch"], expected)


def test_the_funnel_adds_up(survey):
    result = judged(survey, *FEW)
    table, attrition = result.judged, result.attrition
    rows = attrition[attrition["stage"] == "filter"]
    assert (rows["n_in"] == rows["n_passed"] + rows["n_failed"] + rows["n_unknown"]).all()
    assert (rows["n_out"] == rows["n_in"] - rows["n_stopped"]).all()
    assert (rows.loc[rows["action"] == "tag", "n_stopped"] == 0).all()
    for branch, own in attrition.groupby("branch"):
        assert (own["n_in"].iloc[1:].to_numpy() == own["n_out"].iloc[:-1].to_numpy()).all()
        found = table["passed_branch"].notna() if branch == "any" else table[f"{branch}_passed"]
        assert own["n_out"].iloc[-1] == found.sum()
    assert 0 < table["dip_passed"].sum() < (table["dip_count"] > 0).sum()
    first = attrition[attrition["stage"] == "search"].set_index("branch")
    assert first.loc["any", "n_in"] == len(table)
    assert first.loc["jump", "n_out"] == (table["jump_count"] > 0).sum()


def test_stopped_by_one_alone_is_what_is_gained_without_it(survey):
    """``n_only`` against judging again with each filter left out."""
    filters = [one for one in FEW if one.name != "same_event"]
    result = judged(survey, *filters)
    with_all = result.judged["passed_branch"].notna()
    for one in filters:
        rest = [other for other in filters if other is not one]
        without = judged(survey, *rest).judged
        alone = result.attrition.query("filter == @one.name").set_index("branch")["n_only"]
        assert alone["any"] == (without["passed_branch"].notna() & ~with_all).sum()
        for branch in ("dip", "jump"):
            gained = without[f"{branch}_passed"] & ~result.judged[f"{branch}_passed"]
            assert alone[branch] == gained.sum()
    assert result.attrition["n_only"].max() > 0


def test_outcome_of_a_star_from_its_branches():
    p, f, u = 1, 0, -1
    dip = np.array([p, f, f, u, f, p])
    jump = np.array([f, p, u, f, f, u])
    both = np.ones(6, bool)
    assert star_outcome(dip, jump, both, both).tolist() == [p, p, u, u, f, p]
    none = np.zeros(6, bool)
    assert star_outcome(dip, jump, both, none).tolist() == [p, f, f, u, f, p]
    assert star_outcome(dip, jump, none, none).tolist() == [u] * 6


def test_no_stars_no_events_no_filters(make_tables):
    some = make_tables([], [])
    result = judged(some, *FEW)
    assert result.judged["passed_branch"].isna().all()
    assert result.rejections.dtypes.astype(str).to_dict() == REJECTION_DTYPES
    assert result.attrition.dtypes.astype(str).to_dict() == ATTRITION_DTYPES
    empty = judge_stars(some.sources.iloc[:0], some.events, FEW)
    assert len(empty.judged) == 0
    unfiltered = judged(make_tables([{}], []))
    assert unfiltered.judged["passed_branch"].fillna("-").tolist() == ["dip", "-"]


def test_every_filter_runs_on_what_the_search_makes(make_tables):
    stars = make_tables([{}, {"kind": "jump"}])
    result = judged(stars, *FilteringParameters().asked)
    assert [name for name in FILTERS if f"failed_{name}" not in result.judged] == []


def test_bad_tables_are_refused(make_tables):
    stars = make_tables([{}])
    with pytest.raises(TypeError, match="sources table is a float"):
        judge_stars(stars.sources.astype({"asas_sn_id": float}), stars.events, FEW)
    with pytest.raises(ValueError, match="a star twice"):
        judge_stars(pd.concat([stars.sources] * 2), stars.events, FEW)
    with pytest.raises(ValueError, match="1 events belong to stars that are not"):
        judge_stars(stars.sources, stars.events.assign(asas_sn_id=7), FEW)
    with pytest.raises(ValueError, match="events table lacks ln_bf"):
        judge_stars(stars.sources, stars.events.drop(columns="ln_bf"), FEW)
    with pytest.raises(ValueError, match="no such table: gaia"):
        judge_stars(stars.sources, stars.events, FEW, {"gaia": stars.sources})
