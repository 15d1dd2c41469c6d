"""Memory that nobody uses any more goes back to the machine, where other processes may want it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache

# Options of mallopt(3), and what the C library comes to by itself where nobody sets either: it takes
# arrays of up to so many bytes from the memory it keeps.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST_BYTES = 32 * 2**20


def give_back() -> None:
    """Give back what was freed: the C library and Arrow keep it, and it still counts as this process's.

    It takes some hundredths of a second, so it is for between partitions and not within.
    """
    arrow = sys.modules.get("pyarrow")  # not imported for it
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    _of_glibc("malloc_trim")(0)


@cache
def keep_for_next() -> None:
    """Have this process keep the memory of freed arrays for the next ones, until it is given back.

    Dask starts workers with ``MALLOC_TRIM_THRESHOLD_``, with which the C library fetches every array of
    128 kiB or more from the machine and returns it when it is freed. Of a test for periods, which makes
    many, that takes a fifth of the time, and more if somebody looks at the process's memory meanwhile.
    """
    set_option = _of_glibc("mallopt")
    set_option(_MMAP_THRESHOLD, _MOST_BYTES)
    set_option(_TRIM_THRESHOLD, 2 * _MOST_BYTES)


@cache
def _of_glibc(name: str) -> Callable[..., int]:
    """Give a function of glibc; other C libraries lack it, and then nothing is done."""
    try:
        return getattr(ctypes.CDLL(None), name)  # type: ignore[no-any-return]
    except (AttributeError, OSError, TypeError):
        return lambda *_: 0
