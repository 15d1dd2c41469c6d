"""What the columns of the tables that people read mean: unit and meaning, for files that carry them.

A module a table: ``candidates``, ``characterized``, ``vetted``, ``classified``, each with a mapping
``COLUMNS``. Tables are written with these as metadata, and pages show them.
"""

from __future__ import annotations

from typing import NamedTuple


class ColumnDescription(NamedTuple):
    """Meaning of a column.

    Attributes
    ----------
    unit : str
        As astropy writes it; empty: none.
    description : str
        One line, with the source of a formula or catalogue where it has one.
    """

    unit: str
    description: str
