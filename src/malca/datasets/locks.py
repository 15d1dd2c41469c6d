"""A lock that is a file: one run at a time, also from several machines with one file system.

The file is created exclusively, which NFS does too. Its holder touches it now and then. A lock is
stale if its process is gone from this machine, or, where that cannot be seen from here, if it is
not touched for long enough; only changes of the file's time are looked for, so that it does not
matter what time the clocks show.

A stale lock is removed by whoever holds a second lock, named after the content of the first. No two
locks ever have the same content, so that of all that see one stale lock one removes it, and a new
lock at its place is never mistaken for it. Should that one be killed as well, its own lock is stale.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from pydantic import BaseModel, ConfigDict, ValidationError

from malca.datasets.processes import born, this_machine

logger = logging.getLogger(__name__)

#: How often a holder touches its lock, s.
BEAT_SECONDS = 10.0
#: A lock of another machine that is not touched for this long is stale, s. Longer than files'
#: attributes are cached by NFS (60 s), and than a machine under load forgets to touch it.
PATIENCE_SECONDS = 90.0
#: How long to wait where another removes the stale lock, s: it takes milliseconds.
_TURN_SECONDS = 0.01


class LockedError(Exception):
    """Somebody else holds the lock; the message says who."""


class Holder(BaseModel):
    """Who holds a lock."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    token: str
    host: str
    pid: int
    started: str
    machine: str
    born: str
    command: str

    @classmethod
    def this_process(cls) -> Holder:
        """Make a new token for this process."""
        return cls(
            token=uuid.uuid4().hex,
            host=socket.gethostname(),
            pid=os.getpid(),
            started=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
            machine=this_machine(),
            born=born(os.getpid()) or "",
            command=" ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200],
        )

    def is_gone(self) -> bool | None:
        """Whether the process has ended; None: it cannot be seen from here."""
        if not self.machine or self.machine != this_machine():
            return None
        return born(self.pid) != self.born

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.started} ({self.command})"


class Lock:
    """A lock on whatever ``path`` is agreed to stand for.

    Parameters
    ----------
    path : Path
        The lock's file; its folder exists.
    what : str
        What it guards, in words.
    """

    def __init__(
        self,
        path: Path,
        what: str,
        *,
        beat_seconds: float = BEAT_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.path, self.what = path, what
        self._beat_seconds, self._patience_seconds = beat_seconds, patience_seconds
        self._ended = threading.Event()
        self._beats: threading.Thread | None = None
        self.token: str | None = None

    def acquire(self) -> None:
        """Take the lock, also from a run that is gone.

        Raises
        ------
        LockedError
            Somebody else has it.
        OSError
            The file cannot be made.
        """
        own = Holder.this_process()
        while not self._create(own):
            seen, holder = self._look()
            if seen is None:
                continue  # it was released meanwhile
            gone = None if holder is None else holder.is_gone()
            if gone is None:
                gone = self._is_silent(seen, holder)
            if not gone:
                raise LockedError(f"{self.what} is being worked on by {holder}: wait for it, or end it")
            if self._take_away(seen):
                logger.warning(
                    "%s was left locked by %s, which is gone", self.what, holder or "something"
                )
            else:
                time.sleep(_TURN_SECONDS)
        for left in self.path.parent.glob(f"{self.path.name}.*"):
            left.unlink(missing_ok=True)  # of one that was killed while it removed a stale lock
        self.token = own.token
        self._ended.clear()
        self._beats = threading.Thread(target=self._beat, name="lock", daemon=True)
        self._beats.start()

    def release(self) -> None:
        """Give the lock back; it is left alone if it is somebody else's by now."""
        if self.token is None:
            return
        self._ended.set()
        if self._beats is not None:
            self._beats.join()
        if is_held(self.path, self.token):
            self.path.unlink(missing_ok=True)
        self.token = None

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _create(self, own: Holder) -> bool:
        try:
            file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        try:
            os.write(file, own.model_dump_json().encode())
            os.fsync(file)
        except OSError:
            self.path.unlink(missing_ok=True)
            raise
        finally:
            os.close(file)
        # False if this process was held up for so long that others took its empty lock for a stale one.
        return is_held(self.path, own.token)

    def _look(self) -> tuple[tuple[bytes, int] | None, Holder | None]:
        """Content and time of change of the file (None: no file), and whom it names."""
        try:
            with open(self.path, "rb") as file:  # opening makes NFS ask for what is new
                content, stat = file.read(), os.fstat(file.fileno())
        except FileNotFoundError:
            return None, None
        try:
            return (content, stat.st_mtime_ns), Holder.model_validate_json(content)
        except ValidationError:
            return (content, stat.st_mtime_ns), None

    def _is_silent(self, seen: tuple[bytes, int], holder: Holder | None) -> bool:
        """Watch a lock whose process cannot be seen from here."""
        logger.info("%s is locked by %s: looking whether it is alive", self.what, holder or "something")
        ends = time.monotonic() + self._patience_seconds
        while time.monotonic() < ends:
            time.sleep(min(self._beat_seconds / 4, max(0.0, ends - time.monotonic())))
            if self._look()[0] != seen:
                return False
        return True

    def _take_away(self, seen: tuple[bytes, int]) -> bool:
        """Remove the lock that was ``seen`` to be stale; whether it was this call that did."""
        turn = Lock(
            self.path.with_name(f"{self.path.name}.{hashlib.sha256(seen[0]).hexdigest()[:16]}"),
            f"the stale lock of {self.what}",
            beat_seconds=self._beat_seconds,
            patience_seconds=self._patience_seconds,
        )
        try:
            with turn:
                if self._look()[0] != seen:
                    return False
                self.path.unlink(missing_ok=True)
                return True
        except LockedError:
            return False

    def _beat(self) -> None:
        while not self._ended.wait(self._beat_seconds):
            try:
                if self.token is not None and is_held(self.path, self.token):
                    os.utime(self.path)
            except OSError as error:
                logger.warning("%s: the lock cannot be touched: %s", self.what, error)


def is_held(path: Path, token: str) -> bool:
    """Whether the lock at ``path`` is still that of ``token``."""
    try:
        return Holder.model_validate_json(path.read_bytes()).token == token
    except (FileNotFoundError, ValidationError):
        return False
