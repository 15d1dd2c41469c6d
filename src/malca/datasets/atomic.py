"""Files that are written whole or not at all.

What is being written has a hidden name that says which process writes it, so that what a killed one
left can be told from what another is at.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from malca.datasets.processes import born, this_machine

#: What a process that cannot be seen from here has not touched for this long is abandoned, s.
PATIENCE_SECONDS = 86_400.0


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to; what is there takes the place of ``path`` if nothing was raised.

    The name is hidden, in the same folder and keeps the suffix, which many libraries go by.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_name(path)
    try:
        yield partial
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def partial_name(path: Path) -> Path:
    """Name beside ``path`` under which this process may write what is to take its place."""
    pid = os.getpid()
    writer = f"{_machine_mark()}-{pid}-{born(pid) or 0}-{uuid.uuid4().hex[:8]}"
    return path.with_name(f".{path.stem}.{writer}.partial{path.suffix}")


def remove_abandoned(path: Path) -> None:
    """Remove what was to take the place of ``path`` and whose writer is gone.

    What a process of another machine writes is left alone as long as it may be at it. What cannot
    be removed stays: nobody reads it.
    """
    for left in path.parent.glob(f".{path.stem}.*.partial{path.suffix}"):
        if _is_abandoned(left, path):
            with suppress(OSError):
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _is_abandoned(left: Path, path: Path) -> bool:
    writer = left.name.removeprefix(f".{path.stem}.").removesuffix(f".partial{path.suffix}").split("-")
    if len(writer) == 4 and writer[0] == _machine_mark() and writer[1].isdecimal():
        return born(int(writer[1])) != writer[2]
    try:
        return time.time() - left.stat().st_mtime > PATIENCE_SECONDS
    except FileNotFoundError:
        return False


def _machine_mark() -> str:
    name = this_machine()
    return hashlib.sha256(name.encode()).hexdigest()[:8] if name else "unknown"


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text to ``path``, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
