"""Which columns of a table a function needs, so that of wide and long tables only these are read.

A node says it in the type of its argument, named as the table is in the catalog::

    def draw(sources: Annotated[pd.DataFrame, Columns("ra_deg", "dec_deg")]) -> Figure: ...

One that works on a table without having it in memory is given parts of it, whole rows, each read when
it is called::

    def judge(sources: Annotated[Any, InParts()]) -> ...:
        for load in parts_of(sources):
            part = load()

The project's hooks note it before the table is loaded, and the table's dataset goes by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    import pandas as pd


class Columns:
    """Columns a function needs of a table; those that the table has not are left to the function."""

    def __init__(self, *names: str) -> None:
        self.names = names


class InParts:
    """A function takes a table in parts."""


def parts_of(
    table: pd.DataFrame | Sequence[Callable[[], pd.DataFrame]],
) -> Sequence[Callable[[], pd.DataFrame]]:
    """Give what reads the parts of a table; one that is in memory has one."""
    return table if isinstance(table, Sequence) else [lambda: table]


#: Columns wanted of the table that is about to be loaded in this thread; None: all.
wanted_columns: ContextVar[tuple[str, ...] | None] = ContextVar("wanted_columns", default=None)
#: Whether that table is wanted in parts.
wanted_in_parts: ContextVar[bool] = ContextVar("wanted_in_parts", default=False)


@cache
def columns_of(function: Callable[..., Any]) -> Mapping[str, tuple[str, ...]]:
    """Columns a function needs, by argument; of arguments that are not named here it needs all."""
    return {name: mark.names for name, mark in _marks(function) if isinstance(mark, Columns)}


@cache
def in_parts(function: Callable[..., Any]) -> frozenset[str]:
    """Arguments of a function that are tables in parts."""
    return frozenset(name for name, mark in _marks(function) if isinstance(mark, InParts))


def _marks(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # types that are not there when it runs, or no plain function
        return []
    return [(name, mark) for name, hint in hints.items() for mark in getattr(hint, "__metadata__", ())]
