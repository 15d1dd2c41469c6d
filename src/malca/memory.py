"""Memory that nobody uses any more goes back to the machine, where other processes may want it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Give back what was freed: the C library and Arrow keep it, and it still counts as this process's.

    It takes some hundredths of a second, so it is for between partitions and not within.
    """
    arrow = sys.modules.get("pyarrow")  # not imported for it
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    _trim()(0)


@cache
def _trim() -> Callable[[int], int]:
    """Give glibc's function for it; other C libraries have none, and then nothing is done."""
    try:
        return ctypes.CDLL(None).malloc_trim  # type: ignore[no-any-return]
    except (AttributeError, OSError, TypeError):
        return lambda _: 0
