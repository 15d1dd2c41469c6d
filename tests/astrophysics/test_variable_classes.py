"""Classes of variables: types, families, dippers."""

from __future__ import annotations

import pytest

from malca.astrophysics.variable_classes import FAMILIES, class_families, class_types, is_dipper_class


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("EA/D:+UXOR", ("EA", "UXOR")),
        ("EA/RS", ("EA", "RS")),
        ("RRAB/BL", ("RRAB", "BL")),
        ("UG(SU)+E", ("UG", "E")),
        ("M|SR,LB;L:", ("M", "SR", "LB", "L")),
        ("PUL", ("PULS",)),
        (" dip ", ("DIP",)),
        ("R", ("R",)),
        ("", ()),
    ],
)
def test_types(text, types):
    assert class_types(text) == types


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("EA/SD", ("eclipsing",)),
        ("DSCT+EA", ("pulsating", "eclipsing")),
        ("UGSU", ("cataclysmic",)),
        ("SN Ia", ("supernova_transient",)),
        ("SLSN-I", ("supernova_transient",)),
        ("SNIIn:", ("supernova_transient",)),
        ("BY", ("rotating",)),
        ("QSO", ("compact_extragalactic",)),
        ("VAR", ("generic",)),
        ("XYZZY", ("other",)),
        ("", ()),
    ],
)
def test_families(text, families):
    assert class_families(text) == families


@pytest.mark.parametrize(
    ("text", "dips"), [("DIP", True), ("UXOR:", True), ("RCB", True), ("YSO", False), ("EA", False)]
)
def test_dippers_are_told_from_other_young_stars(text, dips):
    assert is_dipper_class(text) is dips
    assert ("dipper" in class_families(text)) is dips


def test_no_type_can_be_lost_to_separators():
    # a type with a separator or bracket in it could never match
    for types in FAMILIES.values():
        for name in types:
            assert class_types(name) == (name,) or name in {"MINOR_PLANET", "NSIN_ELL"}
