"""Pages that open anywhere: one HTML file with its pictures in it, nothing fetched."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

#: Pictures are drawn at twice the density they are shown at, so that they stay sharp.
_DPI = 144

#: What plotly's own buttons offer. Its default would also upload the figure to a service.
PLOTLY_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["sendChartToCloud", "sendDataToCloud", "select2d", "lasso2d"],
}


class Column(NamedTuple):
    """Heading of a column of a page's table; text is set to the left, numbers to the right."""

    label: str
    is_text: bool = False


class Cell(NamedTuple):
    """One cell: what is shown, what rows are sorted by, and where a click leads within the page."""

    text: str
    value: str | None = None
    link: str | None = None


class Table(NamedTuple):
    """A table of a page."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def render(template: str, **content: Any) -> str:
    """Fill one of the templates beside this module; whatever comes in is escaped."""
    page = _environment().get_template(template).render(css=_style(), **content)
    return page.strip() + "\n"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("malca.plots"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> Markup:
    return Markup(files("malca.plots").joinpath("templates", "style.css").read_text(encoding="utf-8"))


def embedded(figure: Figure, dpi: float = _DPI) -> str:
    """PNG of a figure in base64; the same figure gives the same text."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def number(value: Any, form: str = "") -> Cell:
    """Cell of a number; empty where it is missing."""
    if value is None or pd.isna(value):
        return Cell("", "")
    text = format(value, form) if math.isfinite(value) else str(value)
    return Cell(text, repr(float(value)))


def words(value: Any) -> Cell:
    """Cell of a text; empty where it is missing."""
    text = "" if value is None or pd.isna(value) else str(value)
    return Cell(text, text)


def pairs_table(pairs: Sequence[tuple[str, str]]) -> Table:
    """Table of names and what they are."""
    return Table(
        (Column("Name", True), Column("Value", True)),
        tuple((words(name), words(text)) for name, text in pairs),
    )


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Leaves of nested mappings as ``a.b.c`` and their text."""
    if isinstance(value, Mapping):
        leaves = []
        for key, below in value.items():
            leaves += flat(below, f"{prefix}.{key}" if prefix else str(key))
        return leaves
    return [(prefix, "" if value is None else str(value))]
