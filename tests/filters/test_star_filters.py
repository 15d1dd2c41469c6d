from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.filters.base import OUTCOME_NAMES
from malca.filters.star_filters import (
    BriefRecurrent,
    Score,
    SignificantDetection,
    SymmetricVariability,
    UnexplainedVariation,
    medians,
)


def outcomes(verdict):
    return [OUTCOME_NAMES[code] for code in verdict.outcome.tolist()]


def test_medians_are_those_of_pandas(rng):
    values = rng.normal(size=200)
    values[rng.integers(0, 200, 30)] = np.nan
    group = rng.integers(0, 40, 200)
    expected = pd.Series(values).groupby(group).median().reindex(range(45)).to_numpy()
    np.testing.assert_allclose(medians(values, group, 45), expected)


def test_a_detection_needs_events_and_the_flag(make_tables):
    stars = make_tables([{}], [{}] * 3, ([{}], {"dip_significant": False}), [{"kind": "jump"}])
    assert outcomes(SignificantDetection().judge(stars, "dip")) == [
        "passed", "passed", "failed", "failed",
    ]  # fmt: skip
    limited = SignificantDetection(max_events=2).judge(stars, "dip")
    assert outcomes(limited) == ["passed", "failed", "failed", "failed"]
    assert limited.threshold.tolist() == [1.0, 2.0, 1.0, 1.0]


def test_no_score_is_unknown_and_minus_infinity_fails(make_tables):
    stars = make_tables(
        ([{}], {"dipper_score": np.nan}),
        ([{}], {"dipper_score": -np.inf}),
        ([{}], {"dipper_score": -0.5}),
        ([{"kind": "jump"}], {"jumper_score": -1.9}),
    )
    assert outcomes(Score().judge(stars, "dip")) == ["unknown", "failed", "passed", "unknown"]
    assert outcomes(Score().judge(stars, "jump"))[3] == "passed"


def test_many_events_of_hours_are_a_close_binary_few_may_not_be(make_tables):
    brief = {"duration_days": 0.2}
    stars = make_tables(
        [brief] * 4, [brief] * 3, [brief] * 2 + [{}] * 2, [brief | {"kind": "jump"}] * 4
    )
    verdict = BriefRecurrent().judge(stars, "dip")
    assert outcomes(verdict) == ["failed", "passed", "passed", "unknown"]
    assert verdict.value[0] == 0.2
    assert verdict.value[2] == pytest.approx(5.1)
    assert outcomes(BriefRecurrent().judge(stars, "jump"))[3] == "passed"
    assert outcomes(BriefRecurrent(judge_jumps=True).judge(stars, "jump"))[3] == "failed"


def statistics(*rows):
    names = ("asas_sn_id", "file_points_kept_after_filter", "fainter_3_sigma_fraction",
             "beyond_3_sigma_fraction")  # fmt: skip
    return pd.DataFrame(rows, columns=list(names))


def test_faint_points_belong_into_events(make_tables):
    event = [{"n_points": 50}]
    stars = make_tables(
        event, event, event, event,
        statistics=statistics(
            (100, 1000, 0.055, 0.060),  # 5 faint points outside, 5 bright ones: noise
            (101, 1000, 0.150, 0.160),  # 100 outside, 10 bright
            (102, 1000, 0.150, 0.250),  # 100 outside, 100 bright: noise again
        ),
    )  # fmt: skip
    verdict = UnexplainedVariation().judge(stars, "dip")
    assert outcomes(verdict) == ["passed", "failed", "passed", "unknown"]
    np.testing.assert_allclose(verdict.value[:3], [0.0, 0.09, 0.0], atol=1e-12)
    # 8 too many among 12: a share of 2 % but no more than counting noise
    few = make_tables([{"n_points": 0}], statistics=statistics((100, 400, 0.025, 0.030)))
    assert outcomes(UnexplainedVariation().judge(few, "dip")) == ["passed"]


def test_without_statistics_nothing_is_known(make_tables):
    assert outcomes(UnexplainedVariation().judge(make_tables([{}]), "dip")) == ["unknown"]


def test_what_goes_both_ways_is_variability(make_tables):
    up = {"kind": "jump", "depth_mag": 0.3}
    stars = make_tables([{}, up, up], [{}, up], [{}, {}, {}, up, up], [{}])
    verdict = SymmetricVariability().judge(stars, "dip")
    assert outcomes(verdict) == ["failed", "passed", "passed", "passed"]
    np.testing.assert_allclose(verdict.value, [1.5, 0.75, 0.5, 0.0])
    # the jumps of the first star have a single dip against them
    assert outcomes(SymmetricVariability().judge(stars, "jump"))[0] == "passed"
