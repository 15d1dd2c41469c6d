from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import psutil
import pytest

from malca.datasets.partition_store import FolderStore
from malca.partitions import ComputeParameters, PartitionMap, fingerprint, run_partitions
from malca.partitions import clusters as clusters_module
from malca.partitions import engines as engines_module
from malca.partitions.clusters import DEADLY, client_of, close_clusters
from malca.partitions.engines import EngineError, Job, _work_remotely, work_on

# Worker processes cannot import a test module by its name.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

DASK = {"engine": "dask", "workers": 2}
VALUES = {f"13_13.5-{i:05d}": i for i in range(8)}


@pytest.fixture(scope="module", autouse=True)
def _clusters_are_closed():
    yield
    close_clusters()


def read(path):
    return int(Path(path).read_text())


def square(key, value, calls, behave=None):
    """Note the call, then square the numbers up to a value."""
    with open(Path(calls) / key, "a") as file:
        file.write(f"{os.getpid()}\n")
    if behave is not None:
        behave(Path(calls) / key)
    numbers = np.arange(value)
    return {
        "squares": pd.DataFrame({"n": numbers, "square": numbers**2.5}),
        "failures": pd.DataFrame({"name": pd.array([], dtype="str")}),
    }


class Plan:
    """Partitions whose inputs are files, a store, and the calls that were made."""

    def __init__(self, folder):
        self.folder = folder
        self.store = FolderStore(folder / "store", ("failures", "squares"))
        self.calls_folder = folder / "calls"
        self.calls_folder.mkdir(parents=True)

    def run(self, behave=None, *, only=None, values=VALUES, **compute):
        tasks = {}
        for key, value in values.items():
            (self.folder / f"{key}.txt").write_text(str(value))
            tasks[key] = {
                "key": key,
                "value": partial(read, self.folder / f"{key}.txt"),
                "calls": str(self.calls_folder),
                "behave": Fixed(behave) if only in {None, key} and behave is not None else None,
            }
        marks = {key: fingerprint(value) for key, value in values.items()}
        work = PartitionMap(
            square, tasks, marks, dict.fromkeys(values, 1), "squaring", ComputeParameters(**compute)
        )
        return run_partitions(work, self.store)

    def calls(self):
        return Counter(
            {path.name: len(path.read_text().split()) for path in self.calls_folder.iterdir()}
        )

    def files(self):
        return {
            path.relative_to(self.store.folder): path.read_bytes()
            for path in self.store.folder.rglob("*.parquet")
        }


class Fixed:
    """A loader that gives a function, so that it is passed on and not called."""

    def __init__(self, value):
        self.value = value

    def __call__(self):
        return self.value


@pytest.fixture
def plan(tmp_path):
    return Plan(tmp_path)


def test_both_engines_write_the_same_files(plan, tmp_path):
    local = Plan(tmp_path / "local")
    assert local.run().done == plan.run(**DASK).done == tuple(VALUES)
    assert local.files() == plan.files()
    assert len(plan.files()) == 2 * len(VALUES)
    report = plan.run()
    assert report.reused == tuple(VALUES)
    assert plan.calls() == Counter(dict.fromkeys(VALUES, 1))
    workers = {pid for path in plan.calls_folder.iterdir() for pid in path.read_text().split()}
    assert str(os.getpid()) not in workers
    assert len(workers) == 2


def die_once(calls):
    if len(calls.read_text().split()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_costs_only_what_it_was_working_on(plan):
    report = plan.run(die_once, only="13_13.5-00003", **DASK)
    assert report.done == tuple(VALUES)
    assert not report.failed
    assert plan.calls()["13_13.5-00003"] == 2
    # Dask hands a partition on before the last is told; no more than that is lost with a worker.
    assert plan.calls().total() <= len(VALUES) + 2


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_partition_that_kills_workers_is_given_up_and_the_others_are_done(plan):
    key = "13_13.5-00003"
    report = plan.run(die, only=key, **DASK)
    assert set(report.done) == set(VALUES) - {key}
    assert report.failed[key].startswith(f"{DEADLY} worker processes died of it, for want of memory")
    assert plan.calls()[key] == DEADLY
    # That may have been for want of memory elsewhere: it is tried again by the next run.
    assert plan.run(**DASK).done == (key,)


def fail(_):
    raise ValueError("cannot")


def test_an_error_fails_its_partition_only_and_lasts(plan):
    report = plan.run(fail, only="13_13.5-00001", **DASK)
    assert dict(report.failed) == {"13_13.5-00001": "ValueError: cannot"}
    assert len(report.done) == len(VALUES) - 1
    assert plan.run(**DASK).failed == report.failed
    assert plan.calls()["13_13.5-00001"] == 2


def no_room(_):
    raise OSError(28, "No space left on device")


def test_what_strikes_every_partition_alike_stops_the_run(plan):
    with pytest.raises(OSError, match="No space left") as error:
        plan.run(no_room, **DASK)
    assert error.value.__notes__ == [f"on {socket.gethostname()}"]
    assert not plan.files()


def test_few_partitions_are_under_way_and_only_receipts_come_back(plan, monkeypatch):
    client = client_of(ComputeParameters(**DASK))
    known, before, submit = [], len(client.futures), client.submit

    def counted(*args, **kwargs):
        known.append(len(client.futures) - before)
        return submit(*args, **kwargs)

    monkeypatch.setattr(client, "submit", counted)
    plan.run(values={str(i): 1 for i in range(30)}, **DASK)
    assert len(known) == 30
    # Two for each worker, and those that have just ended.
    assert max(known) < 8
    task = {"key": "k", "value": 100_000, "calls": str(plan.calls_folder)}
    outcome = work_on(Job("k", square, task, "mark", (), "", plan.store))
    assert len(pickle.dumps(outcome)) < 1000


def workers_of(client):
    return {worker["pid"] for worker in client.run(lambda: {"pid": os.getpid()}).values()}


def test_workers_wait_for_more_after_little_work_and_are_ended_after_much(plan, monkeypatch):
    plan.run(**DASK)
    workers = workers_of(client_of(ComputeParameters(**DASK)))
    assert len(workers) == 2
    monkeypatch.setattr(engines_module, "_LONG_SECONDS", 0.0)
    plan.run(values={"a": 1}, **DASK)
    assert not any(psutil.pid_exists(pid) for pid in workers)
    assert plan.run(values={"a": 2}, **DASK).done == ("a",)


def test_a_worker_with_other_code_is_refused(plan):
    job = Job("k", square, {}, "mark", ("malca.kernels.text",), "other code", plan.store)
    with pytest.raises(EngineError, match="runs another version of MALCA than this process"):
        _work_remotely(job)


# --- schedulers that are there already -----------------------------------------------------------


@pytest.fixture
def scheduler():
    """A scheduler that somebody else started, without workers."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as cluster:
        yield cluster


def test_the_scheduler_at_an_address_is_used(plan, scheduler, monkeypatch):
    scheduler.scale(1)
    monkeypatch.setattr(engines_module, "_LONG_SECONDS", 0.0)
    report = plan.run(engine="dask", address=scheduler.scheduler_address)
    assert report.done == tuple(VALUES)
    assert len(scheduler.scheduler_info["workers"]) == 1
    close_clusters()
    assert len(scheduler.scheduler_info["workers"]) == 1  # it is not ours to end


def test_no_scheduler_at_the_address(plan, monkeypatch):
    monkeypatch.setattr(clusters_module, "_CONNECT_SECONDS", 1.0)
    with pytest.raises(EngineError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        plan.run(engine="dask", address="tcp://127.0.0.1:9")


def test_without_workers_it_gives_up_after_a_while(plan, scheduler):
    waits = {"wait_minutes": 0.02}
    with pytest.raises(EngineError, match=r"there has been no Dask worker for 0\.02 min"):
        plan.run(engine="dask", address=scheduler.scheduler_address, cluster=waits)


def test_a_lost_scheduler_stops_the_run(plan, scheduler):
    scheduler.scale(1)
    client_of(ComputeParameters(engine="dask", address=scheduler.scheduler_address)).wait_for_workers(1)
    end = threading.Timer(1.0, scheduler.close)
    end.start()
    with pytest.raises(EngineError, match="the Dask scheduler is lost"):
        plan.run(sleep, engine="dask", address=scheduler.scheduler_address)
    end.join()


def sleep(_):
    time.sleep(2)
