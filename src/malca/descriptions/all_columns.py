"""Every column that is described, of all tables together."""

from __future__ import annotations

from malca.descriptions import ColumnDescription, candidates, characterized, classified, vetted

DESCRIPTIONS: dict[str, ColumnDescription] = {
    **candidates.COLUMNS, **characterized.COLUMNS, **vetted.COLUMNS, **classified.COLUMNS
}  # fmt: skip
