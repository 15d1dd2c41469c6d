"""Do every partition that is not finished, and say what became of each."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol

from malca.partitions.compute import ComputeParameters
from malca.partitions.engines import EngineError, Job, PartitionWriter, engine_of
from malca.partitions.fingerprints import code_of, modules_of, own_modules, what_differs, with_code
from malca.partitions.receipts import Receipt
from malca.progress import Progress

logger = logging.getLogger(__name__)

_NEW = "new"
_FOREIGN = "made by another version of MALCA, or brought by a bundle"


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
    groups : tuple of str, optional
        The map answers for these groups of partitions only, such as magnitude bins: a key's group
        is what precedes its last "-". Others that share the store are left alone. None: there
        are no others.
    """

    function: Callable[..., Mapping[str, Any]]
    tasks: Mapping[str, Mapping[str, Any]]
    fingerprints: Mapping[str, str]
    sizes: Mapping[str, int]
    title: str
    compute: ComputeParameters = field(default_factory=ComputeParameters)
    groups: tuple[str, ...] | None = None

    def answers_for(self, key: str) -> bool:
        """Whether a partition of the store is this map's."""
        return self.groups is None or key.rpartition("-")[0] in self.groups


class PartitionStore(PartitionWriter, Protocol):
    """Where finished partitions are kept."""

    def present(self) -> Iterable[str]:
        """Every partition there is anything of."""

    def receipts(self) -> Mapping[str, Receipt]:
        """Receipts of the partitions that are finished or have failed; not of damaged ones."""

    def plan(self, fingerprints: Mapping[str, str], answers_for: Callable[[str], bool]) -> None:
        """Note which partitions, of those a map answers for, there are to be: else it is not whole."""

    def is_sound(self, key: str, receipt: Receipt) -> bool:
        """Whether a finished partition holds what was written."""

    def note_failure(self, key: str, fingerprint: str, error: str) -> None:
        """Note that a partition failed, and would again."""

    def remove(self, key: str) -> None:
        """Forget a partition."""


@dataclass(frozen=True)
class PartitionReport:
    """What became of the partitions of one run.

    Attributes
    ----------
    done, reused, removed : tuple of str
    failed : mapping of str to str
        Errors of the partitions that failed, now or in an earlier run.
    n_lightcurves : int
        Of the partitions that were worked on.
    seconds : float
    reasons : mapping of str to int
        Partitions worked on, by why.
    n_failures : int
        Stars that failed, in all finished partitions.
    """

    done: tuple[str, ...]
    reused: tuple[str, ...]
    removed: tuple[str, ...]
    failed: Mapping[str, str]
    n_lightcurves: int
    seconds: float
    reasons: Mapping[str, int] = field(default_factory=dict)
    n_failures: int = 0


def run_partitions(work: PartitionMap, store: PartitionStore) -> PartitionReport:
    """Do every partition that is not finished under its fingerprint.

    Partitions of the store that the map answers for and does not name are removed: they belong to
    inputs that are gone. A partition that raises is tried once more, then reported in ``failed``;
    the others go on.

    Raises
    ------
    EngineError
        There are no workers, or they were lost.
    OSError, MemoryError
        What strikes every partition alike: a full disk, a lost mount.
    """
    started = time.monotonic()
    modules = modules_of(work.function, work.tasks.values(), store)
    code = code_of(modules)
    marks = {key: with_code(mark, code) for key, mark in work.fingerprints.items()}
    store.plan(marks, work.answers_for)
    removed = tuple(key for key in store.present() if key not in marks and work.answers_for(key))
    for key in removed:
        store.remove(key)
    choice = _choose(marks, work.compute, store)
    _tell(work.title, len(marks), choice, len(removed))
    ours = own_modules(modules)
    code = code_of(ours)
    jobs = [
        Job(key, work.function, work.tasks[key], marks[key], ours, code, store)
        for key in choice.reasons
    ]
    failed = dict(choice.failed_before)
    done = []
    progress = Progress(work.title, sum(work.sizes[job.key] for job in jobs))
    with closing(engine_of(work.compute).run(jobs)) as outcomes:
        for outcome in outcomes:
            key = outcome.key
            if outcome.receipt is not None:
                done.append(key)
                for error in outcome.errors:
                    logger.warning("%s: partition %s failed, then did not: %s", work.title, key, error)
            else:
                failed[key] = outcome.errors[-1]
                logger.error("%s: partition %s failed: %s", work.title, key, failed[key])
                if outcome.lasting:
                    store.remove(key)
                    store.note_failure(key, marks[key], failed[key])
            progress.advance(work.sizes[key])
    progress.finish()
    kept = store.receipts()
    finished = [*choice.reused, *done]
    for key in finished:
        if key not in kept or kept[key].fingerprint != marks[key]:
            raise EngineError(f"partition {key} was changed or removed during the run, not by it")
    order = {key: i for i, key in enumerate(marks)}
    return PartitionReport(
        done=tuple(sorted(done, key=order.__getitem__)),
        reused=tuple(choice.reused),
        removed=removed,
        failed=failed,
        n_lightcurves=progress.done,
        seconds=time.monotonic() - started,
        reasons=Counter(choice.reasons.values()),
        n_failures=sum(kept[key].n_failures for key in finished),
    )


@dataclass
class _Choice:
    """What to do with each partition: work on it, for a reason, or not."""

    reasons: dict[str, str] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)
    failed_before: dict[str, str] = field(default_factory=dict)


def _choose(marks: Mapping[str, str], compute: ComputeParameters, store: PartitionStore) -> _Choice:
    receipts, there = store.receipts(), set(store.present())
    choice = _Choice()
    for key, mark in marks.items():
        receipt = receipts.get(key)
        if receipt is None:
            choice.reasons[key] = "incomplete or damaged" if key in there else _NEW
        elif compute.overwrite:
            choice.reasons[key] = "overwrite is set"
        elif receipt.fingerprint != mark:
            differs = what_differs(receipt.fingerprint, mark)
            choice.reasons[key] = f"{' and '.join(differs)} changed" if differs else _FOREIGN
        elif compute.retry_failed and (receipt.error is not None or receipt.n_failures):
            choice.reasons[key] = "they failed, or stars of them"
        elif receipt.error is not None:
            choice.failed_before[key] = receipt.error
        else:
            choice.reused.append(key)
    if compute.verify and choice.reused:
        with ThreadPoolExecutor(compute.n_threads) as pool:
            kept = [receipts[key] for key in choice.reused]
            sound = dict(zip(choice.reused, pool.map(store.is_sound, choice.reused, kept), strict=True))
        choice.reused = [key for key in choice.reused if sound[key]]
        # In the order of the map, whatever the reason.
        reasons = choice.reasons | {key: "damaged" for key, good in sound.items() if not good}
        choice.reasons = {key: reasons[key] for key in marks if key in reasons}
    return choice


def _tell(title: str, n_partitions: int, choice: _Choice, n_removed: int) -> None:
    """Say what is reused and what is not, and why; nothing where all is new."""
    counts = Counter(choice.reasons.values())
    parts = [f"{len(choice.reused)} of {n_partitions} partitions are finished and reused"]
    parts += [
        f"{n} are new" if reason == _NEW else f"{n} are done again: {reason}"
        for reason, n in counts.items()
    ]
    if choice.failed_before:
        parts.append(
            f"{len(choice.failed_before)} failed before and are not tried again, which "
            "compute.retry_failed=true would do"
        )
    if n_removed:
        parts.append(f"{n_removed} belong to nothing any more and are removed")
    if n_removed or set(counts) != {_NEW} or choice.reused or choice.failed_before:
        logger.info("%s: %s", title, "; ".join(parts))
