"""Which columns of a table a function needs, so that of wide and long tables only these are read.

A node says it in the type of its argument, named as the table is in the catalog::

    def draw(sources: Annotated[pd.DataFrame, Columns("ra_deg", "dec_deg")]) -> Figure: ...

The project's hooks note it before the table is loaded, and the table's dataset goes by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any, get_type_hints


class Columns:
    """Columns a function needs of a table; those that the table has not are left to the function."""

    def __init__(self, *names: str) -> None:
        self.names = names


#: Columns wanted of the table that is about to be loaded in this thread; None: all.
wanted_columns: ContextVar[tuple[str, ...] | None] = ContextVar("wanted_columns", default=None)


@cache
def columns_of(function: Callable[..., Any]) -> Mapping[str, tuple[str, ...]]:
    """Columns a function needs, by argument; of arguments that are not named here it needs all."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # types that are not there when it runs, or no plain function
        return {}
    return {
        name: mark.names
        for name, hint in hints.items()
        for mark in getattr(hint, "__metadata__", ())
        if isinstance(mark, Columns)
    }
