from __future__ import annotations

import pytest
from pydantic import ValidationError

from malca.filters import FILTERS, FilteringParameters
from malca.filters.base import Filter


def test_filters_are_asked_in_the_order_they_are_named():
    chosen = FilteringParameters.model_validate(
        {"filters": {"score": None, "evidence": {"min_ln_bf": 12}, "amplitude": {"enabled": False}}}
    )
    assert [one.name for one in chosen.asked] == ["score", "evidence"]
    assert chosen.filters["evidence"].min_ln_bf == 12.0


def test_by_default_every_filter_is_asked():
    assert [one.name for one in FilteringParameters().asked] == list(FILTERS)


def test_filters_that_need_a_table_can_be_left_out():
    names = set(FILTERS) - {"periodicity", "gaia_ruwe", "gaia_pm"}
    assert set(FilteringParameters().without("periodicity", "catalog_matches").filters) == names


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"scores": {}}, "no filter scores; there are significant_detection, evidence"),
        ({"score": {"min_score": 1}}, "score: no parameter 'min_score' .there are enabled, action"),
        ({"gaia_ruwe": {"max_ruwe": -1}}, "gaia_ruwe: 'max_ruwe' = -1: input should be greater than 0"),
        ({"score": {"action": "drop"}}, "score: 'action' = 'drop'"),
        (["score"], "must be a mapping"),
    ],
)
def test_what_is_wrong_is_said(filters, message):
    with pytest.raises(ValidationError, match=message):
        FilteringParameters.model_validate({"filters": filters})


def test_every_parameter_enters_the_record():
    """Fingerprints of partitions are made of this text."""
    one = FilteringParameters.model_validate({"filters": {"score": {"min_dipper_score": 0.1}}})
    other = FilteringParameters.model_validate({"filters": {"score": {"min_dipper_score": 0.2}}})
    assert one.model_dump_json() != other.model_dump_json()
    assert FilteringParameters.model_validate_json(one.model_dump_json()) == one


@pytest.mark.parametrize("kind", FILTERS.values(), ids=FILTERS)
def test_parameters_say_what_they_mean(kind: type[Filter]):
    assert kind.__doc__
    for name, field in kind.model_fields.items():
        assert field.description, f"{kind.name}.{name}"
    with pytest.raises(ValidationError):
        kind().enabled = False  # frozen
