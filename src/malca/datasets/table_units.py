"""Units as the formats of tables write them, in the words astropy reads by itself."""

from __future__ import annotations

from typing import Any

import astropy.units as u

_FORMATS = (None, "vounit", "cds", "fits")


def unit_in_words(unit: Any) -> str:
    """Write a unit in astropy's generic format; as it stands if it is unknown there, none as ""."""
    if unit is None or str(unit).strip() in {"", "-", "---"}:
        return ""
    if isinstance(unit, u.UnitBase):
        return "" if unit == u.dimensionless_unscaled else unit.to_string()
    for name in _FORMATS:
        try:
            return u.Unit(unit, format=name).to_string()
        except ValueError:
            continue
    return str(unit)
