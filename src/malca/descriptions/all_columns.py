"""Every column that is described, of all tables together."""

from __future__ import annotations

from malca.descriptions import ColumnDescription
from malca.descriptions.candidates import COLUMNS as _CANDIDATES
from malca.descriptions.characterized import COLUMNS as _CHARACTERIZED
from malca.descriptions.classified import COLUMNS as _CLASSIFIED
from malca.descriptions.vetted import COLUMNS as _VETTED

DESCRIPTIONS: dict[str, ColumnDescription] = {
    **_CANDIDATES, **_CHARACTERIZED, **_VETTED, **_CLASSIFIED
}  # fmt: skip
