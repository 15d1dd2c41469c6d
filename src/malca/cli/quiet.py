"""What a command says while pipelines run within it: a line a catalogue, not a line a node."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Loggers whose lines say what others say too, or nothing to somebody with a table.
_SILENT = ("malca.datasets.catalogs", "malca.datasets.catalog_matching", "kedro")


class _Told(logging.Handler):
    """Hands messages on; warnings with a word before them."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING and record.name.startswith(_SILENT):
            return
        prefix = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        self._tell(f"  {prefix}{record.getMessage()}")


@contextmanager
def progress_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Hand what MALCA logs to ``tell``, a line at a time; of others only warnings."""
    # Kedro sets logging up when this is first imported, and says so.
    logging.disable(logging.INFO)
    try:
        importlib.import_module("kedro.framework.project")
    finally:
        logging.disable(logging.NOTSET)
    ours, kedro = logging.getLogger("malca"), logging.getLogger("kedro")
    levels, propagate = (ours.level, kedro.level), ours.propagate
    handler = _Told(tell)
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    kedro.setLevel(logging.WARNING)
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.propagate = propagate
        ours.setLevel(levels[0])
        kedro.setLevel(levels[1])
