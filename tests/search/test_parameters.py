from __future__ import annotations

import pytest
from pydantic import ValidationError

from malca.search.baseline import GpParameters, MedianParameters, TrendParameters
from malca.search.event_trigger import EventTriggerParameters
from malca.search.parameters import DetectionParameters, SearchParameters, search_parameters
from malca.search.point_triggers import PointTriggerParameters
from malca.search.star_baseline import StarGpParameters


def test_nothing_changed_gives_the_defaults():
    assert search_parameters({}) == SearchParameters()
    assert isinstance(search_parameters({}).baseline, StarGpParameters)


@pytest.mark.parametrize("family", ["star_gp", "gp", "gp_masked", "trend", "median"])
def test_a_baseline_by_its_family(family):
    found = search_parameters({"baseline": family})
    assert found.baseline.family == family
    assert found == SearchParameters(baseline={"family": family})


def test_a_baseline_as_a_model_or_a_mapping():
    assert search_parameters({"baseline": MedianParameters()}).baseline == MedianParameters()
    found = search_parameters({"baseline": {"family": "trend"}})
    assert isinstance(found.baseline, TrendParameters)


def test_short_names_find_their_part():
    found = search_parameters({"p_points": 20, "threshold_sigma": 9.0, "min_mag_offset": 0.1})
    assert found.points.p_points == 20
    assert found.event.threshold_sigma == 9
    assert found.min_mag_offset == 0.1
    assert found.points.model_copy(update={"p_points": PointTriggerParameters().p_points}) == (
        PointTriggerParameters()
    )


def test_dotted_names():
    found = search_parameters({"event.threshold_sigma": 9, "points.p_points": 20})
    assert found == search_parameters({"threshold_sigma": 9, "p_points": 20})
    found = search_parameters({"baseline.slow_days": 500})
    assert found.baseline == StarGpParameters(slow_days=500)


@pytest.mark.parametrize("names", [("baseline", "baseline.kernel"), ("baseline.kernel", "baseline")])
def test_family_and_its_parameters_in_either_order(names):
    values = {"baseline": "gp", "baseline.kernel": {"kind": "sho", "q": 0.9}}
    found = search_parameters({name: values[name] for name in names})
    assert isinstance(found.baseline, GpParameters)
    assert found.baseline.kernel.q == 0.9


def test_every_parameter_of_the_model_may_be_given_by_dotted_name():
    for part, model in (("event", EventTriggerParameters), ("points", PointTriggerParameters)):
        for name, value in model().model_dump().items():
            assert search_parameters({f"{part}.{name}": value}) == SearchParameters()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"treshold_sigma": 9},
            ["there is no parameter 'treshold_sigma'", "trigger_mode", "min_points"],
        ),
        ({"event.threshold": 9}, ["there is no parameter 'event.threshold'", "threshold_sigma"]),
        ({"trigger_mode": "points"}, ["'trigger_mode' = 'points'", "'event'", "'logbf'"]),
        ({"baseline": "spline"}, ["baseline", "spline", "'star_gp'", "'median'"]),
        ({"min_points": 1}, ["'min_points' = 1", "greater than or equal to 2"]),
        ({"min_points": 2.5}, ["'min_points' = 2.5", "integer"]),
        ({"max_mag_err": 0}, ["'max_mag_err' = 0", "greater than 0"]),
        ({"min_mag_offset": "deep"}, ["'min_mag_offset' = 'deep'", "number"]),
        ({"threshold_sigma": -1}, ["'event.threshold_sigma' = -1", "greater than 0"]),
        ({"longest_days": 1, "shortest_days": 2}, ["longest_days 1", "shortest_days 2"]),
        ({"baseline.slow_days": -5}, ["baseline", "slow_days", "-5", "greater than 0"]),
    ],
)
def test_refusals_name_the_parameter_and_what_is_allowed(changes, told):
    with pytest.raises(ValueError, match=r".") as refusal:
        search_parameters(changes)
    assert not isinstance(refusal.value, ValidationError)
    text = str(refusal.value)
    for part in told:
        assert part in text
    assert "\n" not in text
    assert "https://" not in text


def test_every_wrong_parameter_is_told_at_once():
    with pytest.raises(ValueError, match=r"; ") as refusal:
        search_parameters({"min_points": 1, "nonsense": 2})
    assert "min_points" in str(refusal.value)
    assert "nonsense" in str(refusal.value)


def test_parameters_are_frozen_and_closed():
    parameters = DetectionParameters()
    with pytest.raises(ValidationError, match="frozen"):
        parameters.search.min_points = 3
    with pytest.raises(ValidationError, match="serach"):
        DetectionParameters(serach={})


def test_every_parameter_is_described():
    for model in (SearchParameters, EventTriggerParameters, PointTriggerParameters, StarGpParameters):
        for name, field in model.model_fields.items():
            if name not in {"baseline", "event", "points", "runs", "family"}:
                assert field.description, f"{model.__name__}.{name}"
