from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

from malca.datasets import locks
from malca.datasets.locks import Holder, Lock, LockedError, is_held

HOLD = """
import sys, time
from pathlib import Path
from malca.datasets.locks import Lock
Lock(Path(sys.argv[1]), "the bin").acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".lock"


@pytest.fixture
def other_process(path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def written_by(path, **changes):
    """A lock somebody wrote."""
    holder = Holder.this_process().model_copy(update={"token": "another", **changes})
    path.write_text(holder.model_dump_json())


def quick(path):
    return Lock(path, "the bin", beat_seconds=0.05, patience_seconds=0.5)


def test_a_lock_is_taken_and_given_back(path):
    with Lock(path, "the bin") as lock:
        assert is_held(path, lock.token)
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()
    assert not is_held(path, "anything")


def test_it_is_given_back_when_work_fails(path):
    with pytest.raises(RuntimeError), Lock(path, "the bin"):
        raise RuntimeError
    assert not path.exists()


def test_the_second_is_refused_in_one_sentence_that_says_who_holds_it(path, other_process):
    with pytest.raises(LockedError) as error:
        Lock(path, "the bin").acquire()
    expected = (
        rf"the bin is being worked on by process {other_process.pid} on {socket.gethostname()} "
        r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(-c .*\): wait for it, or end it"
    )
    assert re.fullmatch(expected, str(error.value))
    assert other_process.poll() is None
    assert json.loads(path.read_text())["pid"] == other_process.pid


def test_two_of_one_process_exclude_each_other(path):
    with Lock(path, "the bin"), pytest.raises(LockedError, match=f"process {os.getpid()} "):
        Lock(path, "the bin").acquire()


def test_the_lock_of_a_killed_process_is_taken_at_once(path, other_process, caplog):
    other_process.kill()
    other_process.wait()
    with Lock(path, "the bin") as lock:
        assert is_held(path, lock.token)
    assert f"the bin was left locked by process {other_process.pid} on" in caplog.text
    assert not list(path.parent.iterdir())


def test_a_process_that_was_given_the_same_number_is_another(path):
    written_by(path, born="1")  # by a process with the number of this one, born long ago
    with quick(path) as lock:
        assert is_held(path, lock.token)


@pytest.mark.parametrize("machine", ["another machine", ""])
def test_a_silent_lock_of_another_machine_is_taken_after_a_while(path, machine):
    written_by(path, machine=machine, host="node7", pid=4711)
    started = time.monotonic()
    with quick(path) as lock:
        assert is_held(path, lock.token)
    assert time.monotonic() - started >= 0.5


def test_a_lock_of_another_machine_that_is_touched_holds(path):
    written_by(path, machine="another machine", host="node7", pid=4711)
    done = threading.Event()

    def touch():
        # The other machine's clock is a year behind, and goes backwards.
        for second in range(10_000, 0, -1):
            os.utime(path, (second, second))
            if done.wait(0.02):
                return

    alive = threading.Thread(target=touch)
    alive.start()
    try:
        with pytest.raises(LockedError, match="worked on by process 4711 on node7 since"):
            quick(path).acquire()
    finally:
        done.set()
        alive.join()
    assert is_held(path, "another")


def test_what_is_no_lock_is_watched_like_one_of_another_machine(path):
    path.touch()  # its writer was killed between making and writing it
    with quick(path) as lock:
        assert is_held(path, lock.token)


def test_a_held_lock_is_touched(path):
    with quick(path):
        os.utime(path, (1, 1))
        ends = time.monotonic() + 10
        while path.stat().st_mtime == 1:
            assert time.monotonic() < ends
            time.sleep(0.01)


def test_a_lock_that_was_taken_over_is_neither_touched_nor_removed(path):
    lock = quick(path)
    lock.acquire()
    written_by(path)
    os.utime(path, (1, 1))
    time.sleep(0.2)
    assert path.stat().st_mtime == 1
    lock.release()
    assert is_held(path, "another")


def taken_by_many(path, number=16):
    """Locks of as many threads that all want the same one at once, and had or were refused it."""
    taken, refused = [], []
    barrier = threading.Barrier(number)

    def take():
        lock = Lock(path, "the bin")
        barrier.wait()
        try:
            lock.acquire()
            taken.append(lock)
        except LockedError:
            refused.append(lock)

    threads = [threading.Thread(target=take) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) + len(refused) == number
    return taken


@pytest.mark.parametrize("time_", range(10))
def test_of_many_that_take_a_stale_lock_one_gets_it(path, time_):
    written_by(path, born="1", token=f"another {time_}")
    (lock,) = taken_by_many(path)
    assert is_held(path, lock.token)
    lock.release()
    assert not list(path.parent.iterdir())


def test_of_many_that_take_a_lock_left_while_it_was_taken_from_another_one_gets_it(path):
    written_by(path, born="1")
    seen, _ = Lock(path, "the bin")._look()
    removing = path.with_name(f"{path.name}.{hashlib.sha256(seen[0]).hexdigest()[:16]}")
    written_by(removing, born="2", token="was killed as well")
    (lock,) = taken_by_many(path)
    assert is_held(path, lock.token)
    lock.release()
    assert not list(path.parent.iterdir())


def test_a_new_lock_is_not_taken_for_the_stale_one_it_replaced(path):
    written_by(path, born="1")
    lock = Lock(path, "the bin")
    seen, _ = lock._look()
    written_by(path, token="new")  # another run was faster
    assert not lock._take_away(seen)
    assert is_held(path, "new")
    assert [each.name for each in path.parent.iterdir()] == [".lock"]


def test_a_lock_taken_while_its_writer_was_held_up_is_not_the_writers(path, monkeypatch):
    write = os.write

    def slowly(file, content):
        monkeypatch.setattr(locks.os, "write", write)
        path.unlink()  # an empty lock seemed stale to another run, which has it now
        written_by(path)
        return write(file, content)

    monkeypatch.setattr(locks.os, "write", slowly)
    with pytest.raises(LockedError):
        Lock(path, "the bin").acquire()
    assert is_held(path, "another")


def test_a_folder_that_cannot_be_written_to(path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(locks.os, "open", refuse)
    with pytest.raises(PermissionError):
        Lock(path, "the bin").acquire()
