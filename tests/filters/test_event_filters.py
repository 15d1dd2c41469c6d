from __future__ import annotations

import numpy as np
import pytest

from malca.filters.base import OUTCOME_NAMES
from malca.filters.event_filters import Amplitude, Evidence, Morphology, OneCamera, RunRobustness


def outcomes(verdict):
    return [OUTCOME_NAMES[code] for code in verdict.outcome.tolist()]


def test_evidence_is_that_of_the_best_event_of_the_branch(make_tables):
    stars = make_tables(
        [{"ln_bf": 12.0}, {"ln_bf": 31.0}],
        [{"ln_bf": 29.9}, {"ln_bf": 99.0, "kind": "jump"}],
        [{"ln_bf": 30.0}],
    )
    verdict = Evidence().judge(stars, "dip")
    assert outcomes(verdict) == ["passed", "failed", "passed"]
    assert verdict.value.tolist() == [31.0, 29.9, 30.0]
    assert verdict.threshold.tolist() == [30.0, 30.0, 30.0]
    assert "29.9" in verdict.reason[1]
    assert outcomes(Evidence().judge(stars, "jump"))[1] == "passed"


def test_one_event_must_have_points_and_cameras_together(make_tables):
    many_points = {"n_points": 9, "n_cameras": 1, "n_cameras_observing": 4}
    many_cameras = {"n_points": 2, "n_cameras": 2, "n_cameras_observing": 2}
    stars = make_tables([many_points, many_cameras], [many_points | many_cameras | {"n_points": 5}])
    verdict = RunRobustness(min_points=5).judge(stars, "dip")
    assert outcomes(verdict) == ["failed", "passed"]


def test_cameras_that_did_not_observe_cannot_be_asked_for(make_tables):
    alone = {"n_cameras": 1, "n_cameras_observing": 1}
    stars = make_tables([alone], [alone | {"n_cameras_observing": 2}], [alone | {"n_points": 1}])
    verdict = RunRobustness().judge(stars, "dip")
    assert outcomes(verdict) == ["unknown", "failed", "failed"]
    assert verdict.threshold.tolist() == [2.0, 2.0, 2.0]
    assert verdict.value.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("kind", "shape", "gain", "expected"),
    [
        ("dip", "skew_normal", 10.0, "passed"),
        ("dip", "gaussian", 9.9, "failed"),
        ("dip", "paczynski", 500.0, "failed"),
        ("dip", "flat", 3.0, "failed"),
        ("dip", "undetermined", np.nan, "unknown"),
        ("jump", "paczynski", 10.0, "passed"),
        ("jump", "fred", 10.0, "passed"),
    ],
)
def test_shapes(make_tables, kind, shape, gain, expected):
    stars = make_tables([{"kind": kind, "morphology": shape, "delta_bic": gain}])
    verdict = Morphology().judge(stars, kind)
    assert outcomes(verdict) == [expected]
    np.testing.assert_equal(verdict.value, [gain])


def test_a_jump_does_not_lend_its_amplitude_to_a_dip(make_tables):
    stars = make_tables([{"depth_mag": 0.02}, {"depth_mag": 0.9, "kind": "jump"}])
    assert outcomes(Amplitude().judge(stars, "dip")) == ["failed"]
    assert outcomes(Amplitude().judge(stars, "jump")) == ["passed"]


def test_one_camera_alone_is_unknown_unless_its_neighbourhood_contradicts(make_tables):
    alone = {"n_cameras": 1, "n_cameras_observing": 1, "n_cameras_confirming": 1}
    stars = make_tables(
        [alone],
        [alone | {"reduced_chi2": 50.0}],
        [alone | {"reduced_chi2": np.nan}],
        [alone | {"n_cameras": 3, "n_cameras_observing": 3}],
        [{}],
        [{}, alone | {"reduced_chi2": 50.0}],
    )
    verdict = OneCamera().judge(stars, "dip")
    assert outcomes(verdict) == ["unknown", "failed", "unknown", "failed", "passed", "passed"]
    assert (verdict.value[1], verdict.threshold[1]) == (50.0, 10.0)
    assert (verdict.value[3], verdict.threshold[3]) == (1.0, 2.0)


def test_both_bands_can_be_asked_for_where_both_observed(make_tables):
    asked = OneCamera(min_bands_confirming=2)
    stars = make_tables([{"n_bands": 2, "n_bands_confirming": 1}], [{"n_bands": 1}])
    assert outcomes(asked.judge(stars, "dip")) == ["failed", "passed"]


def test_a_star_without_such_events_is_unknown(make_tables):
    stars = make_tables([{"kind": "jump"}], [])
    for one in (Evidence(), RunRobustness(), Morphology(), Amplitude(), OneCamera()):
        assert outcomes(one.judge(stars, "dip")) == ["unknown", "unknown"]
