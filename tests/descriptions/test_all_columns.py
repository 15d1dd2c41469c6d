"""Every column of the tables that the pipelines make is described, with a unit of astropy."""

from __future__ import annotations

import re

import astropy.units as u

from malca.descriptions.all_columns import DESCRIPTIONS

#: Ends of names, and the unit that they promise.
PROMISED = {
    "_deg": "deg", "_mas": "mas", "_masyr": "mas / yr", "_mag": "mag", "_days": "d", "_pc": "pc",
    "_kpc": "kpc", "_arcsec": "arcsec", "_kms": "km / s", "_au": "AU", "_k": "K", "_msun": "solMass",
    "_rsun": "solRad", "_lsun": "solLum", "_years": "yr", "_magyr": "mag / yr",
}  # fmt: skip


def test_every_column_of_classified_stars_is_described(classified_sky):
    assert [name for name in classified_sky.table if name not in DESCRIPTIONS] == []
    assert len(classified_sky.table.columns) > 400


def test_units_are_those_that_names_promise():
    for name, (unit, text) in DESCRIPTIONS.items():
        parsed = u.Unit(unit)
        assert text, name
        end = re.search(r"_[a-z]+$", name)
        if end and end[0] in PROMISED:
            wanted = u.Unit(PROMISED[end[0]])
            assert parsed == wanted or (end[0] == "_mag" and unit == "mag(AB)"), name
