"""Open a page in a real browser without a window: what it becomes, how it looks, what goes wrong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.services.packages import BROWSER_PACKAGES, ensure

_PROGRAM = Path("/usr/bin/chromium")
_SECONDS = 120
# Nothing of the machine, nothing of the network: a page that needs either is to fail here.
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr", "--v=0",
)  # fmt: skip
_MESSAGE = re.compile(r'CONSOLE[:(]\d+\)?\] "(.*)", source: (.*) \((\d+)\)', re.DOTALL)


@dataclass(frozen=True)
class Page:
    """A page as the browser made it.

    Attributes
    ----------
    dom : str
        HTML after scripts ran.
    messages : tuple of str
        What the page said on its console: errors of scripts, files that are missing.
    screenshot : Path
        PNG.
    """

    dom: str
    messages: tuple[str, ...]
    screenshot: Path

    @property
    def text(self) -> str:
        """Text of the page, without tags, scripts and styles."""
        bare = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", self.dom)
        return " ".join(bare.split())


class Browser:
    """Chromium, from Debian's packages.

    Parameters
    ----------
    folder : Path
        For screenshots.

    Raises
    ------
    UnavailableError
        It is not there and cannot be installed.
    """

    def __init__(self, folder: Path) -> None:
        self._program = next(
            (Path(found) for name in ("chromium", "chromium-browser", "google-chrome")
             if (found := shutil.which(name))),
            _PROGRAM,
        )  # fmt: skip
        ensure(BROWSER_PACKAGES, (self._program,))
        self._folder = folder

    def open(self, path: Path, *, width: int = 1280, height: int = 2400, wait_ms: int = 3000) -> Page:
        """Open an HTML file and let its scripts run for a while.

        Parameters
        ----------
        path : Path
        width, height : int
            Of the window [px].
        wait_ms : int
            Time given to scripts [ms], by the browser's own clock.
        """
        screenshot = self._folder / f"{path.stem}.png"
        with tempfile.TemporaryDirectory(prefix="malca-browser-") as profile:
            command = [
                str(self._program), *_OPTIONS, f"--user-data-dir={profile}",
                f"--window-size={width},{height}", f"--virtual-time-budget={wait_ms}",
            ]  # fmt: skip
            url = path.resolve().as_uri()
            dump = self._run([*command, "--dump-dom", url], profile)
            self._run([*command, f"--screenshot={screenshot}", url], profile)
        messages = tuple(
            f"{text} ({source}:{line})"
            for text, source, line in map(_found, _lines(dump.stderr))
            if text
        )
        return Page(dump.stdout, messages, screenshot)

    def _run(self, command: list[str], profile: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": profile, "LANG": "C.UTF-8"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if done.returncode:
            raise RuntimeError(
                f"{self._program.name} ended with {done.returncode}: {done.stderr[-2000:]}"
            )
        return done


def _lines(log: str) -> list[str]:
    """Messages of the log, each from its bracket to the next."""
    return re.split(r"(?m)^(?=\[)", log)


def _found(message: str) -> tuple[str, str, str]:
    found = _MESSAGE.search(message)
    return (found[1], found[2], found[3]) if found else ("", "", "")
