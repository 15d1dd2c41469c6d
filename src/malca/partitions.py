"""Work split into partitions: what is to be done, what is done already, and doing the rest.

A partition (about 2,000 stars) is the unit of memory, of resume and of failure. A
``PartitionMap`` says what to do for each; ``run_partitions`` does what is not done yet. A
finished partition carries a fingerprint of everything it was made from: its inputs, the
parameters and the code. It is used again only if that fingerprint still agrees.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

logger = logging.getLogger(__name__)


class ComputeParameters(BaseModel):
    """Where and how partitions are worked on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int = Field(
        default=0,
        ge=0,
        description="Threads over light curves; 0 takes every core the process may use.",
    )
    stars_per_partition: int = Field(
        default=2000,
        ge=1,
        description="Light curves a partition: bounds memory, sets the grain of resume.",
    )
    overwrite: bool = Field(
        default=False, description="Do finished partitions again even where their fingerprint agrees."
    )

    @property
    def n_threads(self) -> int:
        """Threads to use here."""
        return self.workers or len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class PartitionMap:
    """What to do for each partition.

    Attributes
    ----------
    function : callable
        Takes the keyword arguments of one task, returns a table (DataFrame or Arrow table) for
        every name the store keeps. Top-level, so that other processes can import it.
    tasks : mapping of str to mapping
        Keyword arguments of each partition, by its key. Callables among them are loaders, called
        when the partition's turn comes, so that only what is worked on is in memory.
    fingerprints : mapping of str to str
        What each partition is made from, see ``fingerprint``.
    sizes : mapping of str to int
        Light curves of each partition, for progress.
    title : str
        What is done, for progress messages.
    compute : ComputeParameters
    """

    function: Callable[..., Mapping[str, Any]]
    tasks: Mapping[str, Mapping[str, Any]]
    fingerprints: Mapping[str, str]
    sizes: Mapping[str, int]
    title: str
    compute: ComputeParameters = field(default_factory=ComputeParameters)


class PartitionStore(Protocol):
    """Where finished partitions are kept."""

    def fingerprint(self, key: str) -> str | None:
        """Fingerprint the finished partition carries; None when it is absent or incomplete."""

    def write(self, key: str, fingerprint: str, tables: Mapping[str, Any]) -> None:
        """Keep a partition's tables, all or none."""

    def remove(self, key: str) -> None:
        """Forget a partition."""

    def keys(self) -> list[str]:
        """Every partition kept."""


@dataclass(frozen=True)
class PartitionReport:
    """What became of the partitions of one run."""

    done: tuple[str, ...]
    reused: tuple[str, ...]
    removed: tuple[str, ...]
    failed: Mapping[str, str]
    n_lightcurves: int
    seconds: float


@cache
def code_fingerprint() -> str:
    """Fingerprint of the package's own source: another version's results are not reused."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        if "review" not in path.parts and "plots" not in path.parts:
            digest.update(str(path.relative_to(root)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def fingerprint(*parts: Any) -> str:
    """SHA-256 of the code and of ``parts``: parameter models, frames, other marks, numbers, text."""
    digest = hashlib.sha256(code_fingerprint().encode())
    for part in parts:
        if isinstance(part, BaseModel):
            digest.update(part.model_dump_json().encode())
        elif isinstance(part, pd.DataFrame):
            digest.update(json.dumps([list(part.columns), [str(t) for t in part.dtypes]]).encode())
            digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
        else:
            digest.update(json.dumps(part, sort_keys=True, default=str).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def run_partitions(work: PartitionMap, store: PartitionStore) -> PartitionReport:
    """Do every partition that is not finished under its fingerprint.

    Partitions of the store that the map does not name are removed: they belong to inputs that
    are gone. A partition that raises is tried once more, then reported in ``failed``; the others
    go on.
    """
    started = time.monotonic()
    removed = tuple(key for key in store.keys() if key not in work.tasks)  # noqa: SIM118 (no mapping)
    for key in removed:
        store.remove(key)
    reused, todo, stale = [], [], []
    for key in work.tasks:
        kept = None if work.compute.overwrite else store.fingerprint(key)
        if kept == work.fingerprints[key]:
            reused.append(key)
            continue
        todo.append(key)
        if kept is not None:
            stale.append(key)
    if reused or stale or removed:
        logger.info(
            "%s: %d of %d partitions are finished and reused, %d were made from other inputs, "
            "parameters or code and are done again, %d belong to nothing any more and are removed",
            work.title, len(reused), len(work.tasks), len(stale), len(removed),
        )  # fmt: skip
    progress = _Progress(work.title, sum(work.sizes[key] for key in todo))
    failed: dict[str, str] = {}
    done = []
    # The next partition is read while this one is computed; compiled code leaves Python free.
    with ThreadPoolExecutor(1) as reader:
        ahead = [reader.submit(_load, work.tasks[key]) for key in todo[:1]]
        for i, key in enumerate(todo):
            current = ahead.pop()
            ahead = [reader.submit(_load, work.tasks[key]) for key in todo[i + 1 : i + 2]]
            error = _try(work, store, key, current.result)
            if error is not None:
                logger.warning("%s: partition %s failed and is tried again: %s", work.title, key, error)
                error = _try(work, store, key, partial(_load, work.tasks[key]))
            if error is None:
                done.append(key)
            else:
                failed[key] = error
                logger.error("%s: partition %s failed twice: %s", work.title, key, error)
            progress.advance(work.sizes[key])
    progress.finish()
    return PartitionReport(
        tuple(done), tuple(reused), removed, failed, progress.done, time.monotonic() - started
    )


def _load(task: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value() if callable(value) else value for name, value in task.items()}


def _try(
    work: PartitionMap, store: PartitionStore, key: str, load: Callable[[], dict[str, Any]]
) -> str | None:
    """Compute and keep one partition; the error's text where that failed."""
    try:
        store.write(key, work.fingerprints[key], work.function(**load()))
    except (OSError, MemoryError):
        # A full disk or a lost mount strikes every partition alike: stop instead of failing each.
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


class _Progress:
    """Says now and then how far a long job is, how fast it goes and how long it will take."""

    def __init__(self, title: str, total: int, every_seconds: float = 5.0) -> None:
        self.title, self.total, self.every_seconds = title, total, every_seconds
        self.done = 0
        self.started = self.said = time.monotonic()

    def advance(self, n: int) -> None:
        self.done += n
        if time.monotonic() - self.said >= self.every_seconds and self.done < self.total:
            self.said = time.monotonic()
            rate = self.done / (self.said - self.started)
            left = (self.total - self.done) / rate
            logger.info(
                "%s: %s of %s light curves (%.0f %%), %.0f a second, %s left",
                self.title, f"{self.done:,}", f"{self.total:,}", 100 * self.done / self.total, rate,
                _clock(left),
            )  # fmt: skip

    def finish(self) -> None:
        seconds = time.monotonic() - self.started
        if self.done:
            logger.info(
                "%s: %s light curves in %s, %.0f a second",
                self.title, f"{self.done:,}", _clock(seconds), self.done / max(seconds, 1e-9),
            )  # fmt: skip


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"
