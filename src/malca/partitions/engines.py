"""Work on partitions: one after the other here, or as many as a Dask cluster has workers."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from malca.memory import give_back, keep_for_next
from malca.partitions.compute import ComputeParameters
from malca.partitions.fingerprints import code_of
from malca.partitions.receipts import DamagedError, Receipt

if TYPE_CHECKING:
    import distributed

_TRIES = 2
#: Partitions handed to Dask for each worker: one to work on, one that need not be waited for.
_IN_FLIGHT = 2
#: After so long at work, starting workers again costs little, and keeping them idle costs memory.
_LONG_SECONDS = 60.0


class EngineError(Exception):
    """The workers, and not a partition, are why work cannot go on."""


class PartitionWriter(Protocol):
    """What a worker needs of a store. It is sent to other processes."""

    def write(
        self, key: str, fingerprint: str, tables: Mapping[str, Any], *, seconds: float
    ) -> Receipt:
        """Keep a partition's tables, all or none."""


@dataclass(frozen=True)
class Job:
    """One partition to be worked on.

    Attributes
    ----------
    key : str
    function : callable
        Takes the task's keyword arguments, returns the partition's tables.
    task : mapping
        Callables among the values are loaders.
    fingerprint : str
        What the partition is made from.
    modules : tuple of str
        Modules of MALCA the function and the loaders are in.
    code : str
        Fingerprint of these modules where the run was started.
    store : PartitionWriter
    """

    key: str
    function: Callable[..., Mapping[str, Any]]
    task: Mapping[str, Any]
    fingerprint: str
    modules: tuple[str, ...]
    code: str
    store: PartitionWriter

    def load(self) -> dict[str, Any]:
        """Arguments of the function, read from files."""
        arguments = {name: value() if callable(value) else value for name, value in self.task.items()}
        give_back()  # reading takes several times what is read
        return arguments


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a receipt, or the error of its last try.

    Attributes
    ----------
    key : str
    receipt : Receipt, optional
    errors : tuple of str
        One for every try that failed.
    lasting : bool
        The function itself failed: with the same inputs it would again.
    """

    key: str
    receipt: Receipt | None
    errors: tuple[str, ...] = ()
    lasting: bool = False


class Engine(Protocol):
    """Something that works on jobs."""

    def run(self, jobs: Sequence[Job]) -> Generator[Outcome]:
        """Give outcomes as they come, in any order."""


def engine_of(compute: ComputeParameters) -> Engine:
    """Engine that the parameters ask for."""
    return LocalEngine() if compute.engine == "local" else DaskEngine(compute)


def work_on(job: Job, load: Callable[[], dict[str, Any]] | None = None) -> Outcome:
    """Compute and keep one partition; one that raises is tried once more.

    Raises
    ------
    OSError, MemoryError
        A full disk or a lost mount strikes every partition alike: work should stop.
    """
    errors: list[str] = []
    lasting = True
    for _ in range(_TRIES):
        started = time.monotonic()
        try:
            tables = job.function(**(load or job.load)())
            receipt = job.store.write(
                job.key, job.fingerprint, tables, seconds=time.monotonic() - started
            )
        except (OSError, MemoryError):
            raise
        except DamagedError as error:
            # Its input can be made again under the same fingerprint, so this need not last.
            errors, lasting = [*errors, str(error)], False
        except Exception as error:
            errors, lasting = [*errors, f"{type(error).__name__}: {error}"], True
        else:
            return Outcome(job.key, receipt, tuple(errors))
        load = None
    return Outcome(job.key, None, tuple(errors), lasting)


class LocalEngine:
    """Partitions one after the other; compiled code works on each in threads.

    The next partition is read while one is computed: compiled code leaves Python free.
    """

    def run(self, jobs: Sequence[Job]) -> Generator[Outcome]:
        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
            ahead: deque[Future[dict[str, Any]]] = deque()
            for i, job in enumerate(jobs):
                if not ahead:
                    ahead.append(reader.submit(job.load))
                current = ahead.popleft()
                if i + 1 < len(jobs):
                    ahead.append(reader.submit(jobs[i + 1].load))
                outcome = work_on(job, current.result)
                del current  # it holds what was read
                give_back()
                yield outcome


class DaskEngine:
    """Partitions on the workers of a Dask cluster.

    Workers read and write the shared files themselves; the scheduler sees jobs and receipts. A
    partition whose worker dies is given to another one.
    """

    def __init__(self, compute: ComputeParameters) -> None:
        self._compute = compute

    def run(self, jobs: Sequence[Job]) -> Generator[Outcome]:
        if not jobs:
            return
        from malca.partitions.clusters import client_of, end_local_workers

        client = client_of(self._compute)
        todo, running = deque(jobs), dict[Any, Job]()
        started = alone_since = time.monotonic()
        patience = 60 * self._compute.cluster.wait_minutes
        try:
            while todo or running:
                with _scheduler_is_needed():
                    n_workers = len(client.nthreads())
                    while todo and len(running) < _IN_FLIGHT * max(1, n_workers):
                        job = todo.popleft()
                        running[client.submit(_work_remotely, job, pure=False)] = job
                yield from _outcomes_of_ended(running)
                if n_workers:
                    alone_since = time.monotonic()
                elif time.monotonic() - alone_since > patience:
                    raise EngineError(f"there has been no Dask worker for {patience / 60:g} min")
        finally:
            if running and client.status == "running":
                client.cancel(list(running))
        if time.monotonic() - started > _LONG_SECONDS:
            end_local_workers(self._compute)


@contextmanager
def _scheduler_is_needed() -> Iterator[None]:
    try:
        yield
    except (OSError, CancelledError) as error:
        raise EngineError("the Dask scheduler is lost") from error


def _outcomes_of_ended(running: dict[distributed.Future, Job]) -> Iterator[Outcome]:
    """Take what has ended out of ``running``; workers keep results while somebody holds a future."""
    with _scheduler_is_needed():
        ended = [(each, each.exception()) for each in _ended(list(running))]
    for future, error in ended:
        yield _outcome(running.pop(future), future, error)


def _ended(futures: list[distributed.Future]) -> list[distributed.Future]:
    """Futures that are done, after a while at the latest: workers may come and go meanwhile."""
    from distributed import wait

    try:
        return list(wait(futures, timeout=5, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []


def _outcome(job: Job, future: distributed.Future, error: BaseException | None) -> Outcome:
    from distributed import KilledWorker

    if error is None:
        outcome: Outcome = future.result()
        return outcome
    if isinstance(error, KilledWorker):
        why = (
            f"{error.allowed_failures + 1} worker processes died of it, for want of memory perhaps: "
            "compute.stars_per_partition makes partitions smaller"
        )
        return Outcome(job.key, None, (why,))
    raise error


def _work_remotely(job: Job) -> Outcome:
    """Work on a job in a worker process.

    Raises
    ------
    EngineError
        The worker runs other code than the process that planned the job.
    """
    host = socket.gethostname()
    if code_of(job.modules) != job.code:
        raise EngineError(f"the worker on {host} runs another version of MALCA than this process")
    keep_for_next()
    try:
        return work_on(job)
    except OSError as error:
        error.add_note(f"on {host}")
        raise
    finally:
        give_back()
