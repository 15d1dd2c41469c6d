"""How far a long job is, said in the log."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger(__name__)


class Progress:
    """Says now and then how far a long job is, how fast it goes and how long it will take.

    Parameters
    ----------
    title : str
    total : int
        How much there is to do.
    what : str
        Of what, in the plural.
    every_seconds : float
        How often it is said.
    """

    def __init__(
        self, title: str, total: int, what: str = "light curves", every_seconds: float = 5.0
    ) -> None:
        self.title, self.total, self.what, self.every_seconds = title, total, what, every_seconds
        self.done = 0
        self.started = self.said = time.monotonic()

    def advance(self, n: int = 1) -> None:
        """Note that so much more is done."""
        self.done += n
        if time.monotonic() - self.said >= self.every_seconds and self.done < self.total:
            self.said = time.monotonic()
            rate = self.done / (self.said - self.started)
            left = (self.total - self.done) / max(rate, 1e-9)
            logger.info(
                "%s: %s of %s %s (%.0f %%), %.3g a second, %s left",
                self.title, f"{self.done:,}", f"{self.total:,}", self.what,
                100 * self.done / self.total, rate, clock(left),
            )  # fmt: skip

    def finish(self) -> None:
        """Say how long it took."""
        seconds = time.monotonic() - self.started
        if self.done:
            logger.info(
                "%s: %s %s in %s, %.3g a second",
                self.title, f"{self.done:,}", self.what, clock(seconds),
                self.done / max(seconds, 1e-9),
            )  # fmt: skip


def clock(seconds: float) -> str:
    """Write a duration as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"
