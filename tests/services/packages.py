"""Debian packages that the services of these tests need, and what happens where they cannot be had."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

TAP_PACKAGES = ("python3-gavo", "postgresql-15", "postgresql-15-q3c", "postgresql-15-pgsphere")
BROWSER_PACKAGES = ("chromium",)

_APT = ("apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq")
_INSTALL_SECONDS = 900


class UnavailableError(RuntimeError):
    """A service that cannot run on this machine; the text says what it needs."""


def required() -> bool:
    """Whether a missing service is a failure ($MALCA_REQUIRE_SERVICES) and no reason to skip."""
    return os.environ.get("MALCA_REQUIRE_SERVICES", "") not in ("", "0")


def ensure(packages: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """Install packages unless the files they bring are there.

    Raises
    ------
    UnavailableError
        They are not there and cannot be installed.
    """
    if all(path.exists() for path in files):
        return
    ask = f"install them as root: apt-get install --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise UnavailableError(f"{_missing(files)} missing, and this is no Debian 12: {ask}")
    if os.geteuid() != 0:
        raise UnavailableError(f"{_missing(files)} missing, and only root can install packages: {ask}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = [*_APT, "install", "-y", "--no-install-recommends", *packages]
    for command in ([*_APT, "update"], install):
        done = subprocess.run(
            command,
            check=False,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
        )
        if done.returncode and command is install:
            said = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise UnavailableError(f"apt-get install failed ({' / '.join(said)}): {ask}")
    if not all(path.exists() for path in files):
        raise UnavailableError(f"{_missing(files)} missing although {' '.join(packages)} is installed")


def _missing(files: tuple[Path, ...]) -> str:
    return ", ".join(str(path) for path in files if not path.exists())
