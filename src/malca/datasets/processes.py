"""Which process of which machine it was, also for others that share a file system."""

from __future__ import annotations

import os
from pathlib import Path


def this_machine() -> str:
    """Tell this machine, since it was started, and its processes from others; empty: unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def born(pid: int) -> str | None:
    """When a process of this machine was started, in ticks since the boot; None: there is none.

    A number may be given to another process later; it was not born at the same moment.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name of the program, in brackets, may hold anything.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]
