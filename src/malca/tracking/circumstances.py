"""What a run ran with: code, libraries, machine, command."""

from __future__ import annotations

import getpass
import os
import platform
import shlex
import socket
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import malca
from malca.partitions.fingerprints import code_fingerprint
from malca.tracking.record import CodeState

#: Libraries whose versions may change numbers.
LIBRARIES = (
    "astropy", "celerite2", "kedro", "lightgbm", "llvmlite", "matplotlib", "mlflow", "numba", "numpy",
    "pandas", "pyarrow", "pydantic", "scipy",
)  # fmt: skip
#: A patch is for changes of code; whoever changed more has something else to say.
_LARGEST_PATCH = 5_000_000
_TIMEOUT_SECONDS = 20.0


def versions() -> dict[str, str]:
    """Versions of Python, MALCA and the main libraries that are installed."""
    found = {"python": platform.python_version(), "malca": malca.__version__}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Where the run runs."""
    return {
        "host": socket.gethostname(),
        "user": _user(),
        "pid": os.getpid(),
        "system": platform.platform(),
        "processors": len(os.sched_getaffinity(0)),
    }


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number without a name
        return None


def command_line(arguments: list[str] | None = None) -> str:
    """Give the command that started this process, as one would type it."""
    words = list(sys.argv if arguments is None else arguments) or ["python"]
    program = Path(words[0])
    if " -m " in words[0]:  # Kedro and click write `python -m kedro` there
        start = words[0].split()
    elif program.name == "__main__.py":
        start = ["python", "-m", program.parent.name]
    else:
        start = [program.name]
    return shlex.join([*start, *words[1:]])


def code_state() -> tuple[CodeState, bytes | None]:
    """Which code runs, and the patch that makes it of its git revision.

    Returns
    -------
    state : CodeState
        ``patch`` is not set: whoever writes the patch says where.
    patch : bytes or None
        What differs from the revision, new files of the project's own folders included; None: no
        difference, no repository, or more than 5 MB of it.
    """
    fingerprint = code_fingerprint()
    package = Path(malca.__file__).parent
    # An installed package may lie inside a repository that is not its own.
    tracked = _git(package, "ls-files", "--error-unmatch", "__init__.py")
    top = _git(package, "rev-parse", "--show-toplevel") if tracked else None
    if not top:
        return CodeState(revision=None, dirty=None, fingerprint=fingerprint), None
    root = Path(os.fsdecode(top.rstrip(b"\n")))
    revision = _git(root, "rev-parse", "HEAD")
    status = _git(root, "status", "--porcelain")
    if revision is None or status is None:
        return CodeState(revision=None, dirty=None, fingerprint=fingerprint), None
    state = CodeState(
        revision=revision.decode().strip(), dirty=bool(status.strip()), fingerprint=fingerprint
    )
    if not state.dirty:
        return state, None
    patch = (_git(root, "diff", "HEAD", "--binary") or b"") + _new_files(root)
    return state, patch if 0 < len(patch) <= _LARGEST_PATCH else None


def _new_files(root: Path) -> bytes:
    """Patch that adds the files git does not know yet, of code and configuration only."""
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", "src", "conf") or b""
    patch = b""
    for name in filter(None, listed.split(b"\0")):
        # git answers 1 where files differ, and these do.
        added = _git(
            root, "diff", "--no-index", "--binary", "--", os.devnull, os.fsdecode(name), answers=(0, 1)
        )
        patch += added or b""
        if len(patch) > _LARGEST_PATCH:
            break
    return patch


def _git(folder: Path, *arguments: str, answers: tuple[int, ...] = (0,)) -> bytes | None:
    """Give what git says; None where it cannot say anything."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode in answers else None
