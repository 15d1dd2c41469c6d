"""What a killed writer leaves is told from what another is writing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from malca.datasets import atomic
from malca.datasets.atomic import partial_name, remove_abandoned, replacing, write_text

WRITER = """
import os, signal, sys
from pathlib import Path
from malca.datasets.atomic import replacing

with replacing(Path(sys.argv[1])) as partial:
    partial.write_text("half")
    print(flush=True)
    if sys.argv[2] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def begin(path, how):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    writer.stdout.readline()
    return writer


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.parquet"
    write_text("old", path)
    return path


def names(path):
    return sorted(each.name for each in path.parent.iterdir())


def test_what_a_killed_process_left_is_removed(path):
    with begin(path, "dies") as writer:
        assert writer.wait(30) == -signal.SIGKILL
    assert len(names(path)) == 2
    remove_abandoned(path.with_name("b.parquet"))
    remove_abandoned(path.with_suffix(".json"))
    assert len(names(path)) == 2
    remove_abandoned(path)
    assert names(path) == ["a.parquet"]
    assert path.read_text() == "old"


def test_what_another_process_writes_is_left_alone(path):
    with begin(path, "waits") as writer:
        remove_abandoned(path)
        assert len(names(path)) == 2
        writer.communicate(timeout=30)
    assert writer.returncode == 0
    assert path.read_text() == "half"
    with replacing(path) as partial:
        partial.write_text("new")
        remove_abandoned(path)
    assert path.read_text() == "new"


@pytest.mark.parametrize("writer", ["00000000-1-1-01234567", "0123abcd"])
def test_what_cannot_be_told_from_here_is_abandoned_after_a_day(path, writer):
    left = path.with_name(f".a.{writer}.partial.parquet")
    left.write_text("half")
    remove_abandoned(path)
    assert left.exists()
    day_ago = time.time() - atomic.PATIENCE_SECONDS - 60
    os.utime(left, (day_ago, day_ago))
    remove_abandoned(path)
    assert names(path) == ["a.parquet"]


def test_folders_are_removed_with_what_is_in_them(tmp_path, monkeypatch):
    store = tmp_path / "store"
    partial = partial_name(store)
    (partial / "deep").mkdir(parents=True)
    (partial / "deep" / "x").write_text("half")
    remove_abandoned(store)
    assert partial.exists()  # this process is at it
    monkeypatch.setattr(atomic, "born", lambda pid: None)
    remove_abandoned(store)
    assert not partial.exists()
