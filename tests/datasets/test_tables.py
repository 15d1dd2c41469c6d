from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError

from malca.datasets import atomic
from malca.datasets.locks import Lock
from malca.datasets.partition_store import FINGERPRINT_KEY, FolderStore
from malca.datasets.tables import GATHERED_KEY, PartitionedTables, StreamedTable, write_atomically
from malca.partitions import ComputeParameters, PartitionMap, fingerprint

TABLES = ["squares", "notes"]
VALUES = {"one": 1, "two": 2, "three": 3}


class Work:
    def __init__(self, failing=()):
        self.calls, self.failing = Counter(), failing

    def __call__(self, key, value):
        self.calls[key] += 1
        if key in self.failing:
            raise ArithmeticError(f"{key} does not work")
        return {
            "squares": pd.DataFrame({"n": np.arange(value), "square": np.arange(value) ** 2}),
            "notes": pa.table({"note": [f"up to {value}"]}),
        }

    def plan(self, values):
        return PartitionMap(
            self,
            {key: {"key": key, "value": value} for key, value in values.items()},
            {key: fingerprint(value) for key, value in values.items()},
            dict(values),
            "squaring",
        )


@pytest.fixture
def store(tmp_path):
    return PartitionedTables(path=str(tmp_path / "store"), tables=TABLES)


@pytest.fixture
def filled(store):
    store.save(Work().plan(VALUES))
    return store


def partials(folder):
    return [path for path in folder.rglob("*") if "partial" in path.name]


def test_what_is_saved_is_loaded(filled, tmp_path):
    loaded = filled.load()
    assert list(loaded) == TABLES
    assert len(loaded) == 2
    assert set(loaded["squares"]) == set(VALUES)
    assert loaded["squares"]["three"]().to_pydict() == {"n": [0, 1, 2], "square": [0, 1, 4]}
    assert loaded["notes"]["two"]().to_pydict() == {"note": ["up to 2"]}
    assert loaded.n_rows("squares") == {"one": 1, "two": 2, "three": 3}
    assert set(loaded.fingerprints) == set(VALUES)
    assert not partials(tmp_path)


def test_equal_content_has_equal_fingerprints_whatever_it_was_made_from(filled, tmp_path):
    other = PartitionedTables(path=str(tmp_path / "other"), tables=TABLES)
    plan = Work().plan(VALUES)
    other.save(replace(plan, fingerprints={key: fingerprint(key, "other") for key in VALUES}))
    assert other.load().fingerprints == filled.load().fingerprints
    other.save(Work().plan({**VALUES, "two": 5}))
    changed, before = other.load().fingerprints, filled.load().fingerprints
    assert {key for key in VALUES if changed[key] != before[key]} == {"two"}


def test_a_table_that_is_not_kept_is_told(filled):
    with pytest.raises(KeyError, match="no table 'events' here; there are squares, notes"):
        filled.load()["events"]


def test_nothing_is_computed_twice(filled, tmp_path):
    # Another object, as another run has.
    again, work = PartitionedTables(path=str(tmp_path / "store"), tables=TABLES), Work()
    again.save(work.plan(VALUES))
    assert not work.calls
    assert again.last_report.reused == tuple(VALUES)


def test_only_what_changed_is_computed(filled):
    work = Work()
    filled.save(work.plan({**VALUES, "two": 5}))
    assert work.calls == Counter(two=1)
    assert filled.load().n_rows("squares") == {"one": 1, "two": 5, "three": 3}


def test_partitions_of_no_input_are_removed(filled, tmp_path):
    work = Work()
    filled.save(work.plan({"two": 2}))
    assert not work.calls
    assert filled.last_report.removed == ("one", "three")
    assert sorted(path.name for path in (tmp_path / "store").rglob("*.parquet")) == ["two.parquet"] * 2


def test_a_failing_partition_is_reported_and_the_others_kept(store):
    work = Work(failing=("two",))
    with pytest.raises(DatasetError) as error:
        store.save(work.plan(VALUES))
    text = str(error.value)
    assert text.startswith("squaring: 1 of 3 partitions failed, first two: ArithmeticError: two does")
    assert "\n" not in text
    assert work.calls == Counter(one=1, two=2, three=1)
    with pytest.raises(DatasetError, match=r"partitions two in .* are missing, since they failed"):
        store.load()
    # It would fail again: it is tried again only when that is asked for.
    work = Work()
    with pytest.raises(DatasetError, match="1 of 3 partitions failed, first two"):
        store.save(work.plan(VALUES))
    assert not work.calls
    store.save(replace(work.plan(VALUES), compute=ComputeParameters(retry_failed=True)))
    assert work.calls == Counter(two=1)
    assert set(store.load()["notes"]) == set(VALUES)


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def without_mark(path):
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def of_another_run(path):
    table = pq.read_table(path)
    marked = {**(table.schema.metadata or {}), FINGERPRINT_KEY: b"another"}
    pq.write_table(table.replace_schema_metadata(marked), path)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "damage",
    [truncate, without_mark, of_another_run, lambda path: path.unlink(), lambda p: p.write_bytes(b"")],
    ids=["truncated", "rewritten", "other_run", "deleted", "emptied"],
)
def test_damaged_partitions_are_seen_and_done_again(filled, tmp_path, table, damage):
    damage(tmp_path / "store" / table / "two.parquet")
    for refuse in (filled.load, filled.check):
        with pytest.raises(DatasetError, match=r"partitions two in .* are unfinished or damaged: run"):
            refuse()
    work = Work()
    filled.save(work.plan(VALUES))
    assert work.calls == Counter(two=1)
    assert filled.load()["notes"]["two"]().to_pydict() == {"note": ["up to 2"]}


def edit(path):
    """Change a value by hand and keep everything else, the size of the file too."""
    table, size = pq.read_table(path), path.stat().st_size
    name = table.column_names[-1]
    values = table[name].to_pylist()
    values[0] = "UP TO 2" if name == "note" else 7
    field = table.schema.field(name)
    edited = table.set_column(table.num_columns - 1, field, pa.array(values, field.type))
    pq.write_table(edited.replace_schema_metadata(table.schema.metadata), path, compression="zstd")
    assert path.stat().st_size == size


@pytest.mark.parametrize("table", TABLES)
def test_a_partition_edited_by_hand_is_refused_when_it_is_read(filled, tmp_path, table):
    edit(tmp_path / "store" / table / "two.parquet")
    load = filled.load()[table]
    assert load["one"]().num_rows == 1
    with pytest.raises(DatasetError, match=rf"{table}/two\.parquet is damaged, or was changed since"):
        StreamedTable(filepath=str(tmp_path / "t.parquet")).save(load)
    assert not (tmp_path / "t.parquet").exists()
    # Reading all through costs time, and so is done when asked for.
    work = Work()
    filled.save(work.plan(VALUES))
    assert not work.calls
    filled.save(replace(work.plan(VALUES), compute=ComputeParameters(verify=True)))
    assert work.calls == Counter(two=1)
    assert filled.load()["notes"]["two"]().to_pydict() == {"note": ["up to 2"]}


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_damaged_receipts_and_plans_are_seen(filled, tmp_path, content):
    (tmp_path / "store" / "receipts" / "two.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"partitions two in .* are unfinished or damaged"):
        filled.load()
    work = Work()
    filled.save(work.plan(VALUES))
    assert work.calls == Counter(two=1)
    (tmp_path / "store" / "plan.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"plan\.json is damaged: run the pipeline"):
        filled.load()
    filled.save(work.plan(VALUES))
    assert set(filled.load()["notes"]) == set(VALUES)


class KilledError(BaseException):
    """What a kill is to a process: nothing in it handles that."""


class KilledAt(Work):
    """Is killed when it comes to a partition."""

    def __init__(self, key):
        super().__init__()
        self.key = key

    def __call__(self, key, value):
        if key == self.key:
            raise KilledError
        return super().__call__(key, value)


def test_partitions_of_two_runs_are_not_read_as_one_table(filled):
    """They are whole each, but were made with other inputs."""
    other = {"one": 4, "two": 5, "three": 6}
    with pytest.raises(KilledError):
        filled.save(KilledAt("two").plan(other))
    with pytest.raises(
        DatasetError, match=r"partitions two, three in .* are not of the last run, which"
    ):
        filled.load()
    work = KilledAt("none")
    filled.save(work.plan(other))
    assert work.calls == Counter(two=1, three=1)
    assert filled.load().n_rows("squares") == other


def test_partitions_not_yet_made_are_missed(store):
    with pytest.raises(KilledError):
        store.save(KilledAt("two").plan(VALUES))
    with pytest.raises(DatasetError, match=r"partitions two, three in .* are unfinished or damaged"):
        store.load()
    work = KilledAt("none")
    store.save(work.plan(VALUES))
    assert work.calls == Counter(two=1, three=1)


def test_killed_at_any_step_of_writing_a_partition_is_old_new_or_unfinished(tmp_path, monkeypatch):
    """Between any two changes of the file system."""
    before = {"squares": pa.table({"n": [1]}), "notes": pa.table({"note": ["old"]})}
    after = {"squares": pa.table({"n": [2]}), "notes": pa.table({"note": ["new"]})}
    seen = Counter()
    steps = 0
    while True:
        folder = FolderStore(tmp_path / str(steps), tuple(TABLES))
        # Under one and the same fingerprint: a star that could not be read before now can.
        folder.write("one", "mark", before)
        left = iter(range(steps))
        with monkeypatch.context() as patch:
            for name in ("replace", "unlink", "fsync"):
                patch.setattr(os, name, dying(getattr(os, name), left))
            patch.setattr(Path, "unlink", dying(Path.unlink, left))
            try:
                folder.write("one", "mark", after)
                killed = False
            except KilledError:
                killed = True
        receipt = folder.receipts().get("one")
        if receipt is None:
            seen["unfinished"] += 1
        else:
            tables = {name: folder.loader(name, "one", receipt)() for name in TABLES}
            assert tables in (before, after)
            seen["old" if tables == before else "new"] += 1
        if not killed:
            break
        steps += 1
    assert steps > 6
    assert min(seen["old"], seen["new"], seen["unfinished"]) > 0


def dying(function, left):
    def call(*args, **kwargs):
        if next(left, None) is None:
            raise KilledError
        return function(*args, **kwargs)

    return call


def test_several_bins_share_a_store(store):
    work = Work()
    for mag_bin in ("12_12.5", "12.5_13"):
        plan = work.plan({f"{mag_bin}-{i:05d}": i + 1 for i in range(2)})
        store.save(replace(plan, groups=(mag_bin,)))
    assert sorted(store.load()["notes"]) == [
        "12.5_13-00000", "12.5_13-00001", "12_12.5-00000", "12_12.5-00001",
    ]  # fmt: skip


def test_what_a_bundle_brought_needs_no_receipts(filled, tmp_path):
    """Its files name the fingerprint of what they were made from, and nothing else."""
    brought = PartitionedTables(path=str(tmp_path / "brought"), tables=TABLES)
    for name, loaders in filled.load().items():
        for key, load in loaders.items():
            table = load().replace_schema_metadata({FINGERPRINT_KEY: f"bundle-{key}".encode()})
            write_atomically(table, tmp_path / "brought" / name / f"{key}.parquet")
    assert brought.load().fingerprints == {key: f"bundle-{key}" for key in VALUES}
    assert brought.load()["notes"]["two"]().to_pydict() == {"note": ["up to 2"]}
    (tmp_path / "brought" / "notes" / "two.parquet").unlink()
    with pytest.raises(DatasetError, match=r"partitions two in .* are unfinished or damaged"):
        brought.load()


def test_a_second_run_is_refused_and_says_who_is_at_work(filled, tmp_path):
    work = Work()
    with Lock(tmp_path / "store" / ".lock", "store"), pytest.raises(DatasetError) as error:
        filled.save(work.plan({**VALUES, "one": 9}))
    assert not work.calls
    start = f"squaring: {tmp_path}/store is being worked on by process {os.getpid()} on "
    assert str(error.value).startswith(start)
    assert "\n" not in str(error.value)
    assert set(filled.load()["notes"]) == set(VALUES)


def test_a_run_whose_lock_was_taken_over_writes_no_more(store, tmp_path):
    class Overtaken(Work):
        def __call__(self, key, value):
            if key == "two":
                (tmp_path / "store" / ".lock").unlink()
            return super().__call__(key, value)

    with pytest.raises(DatasetError, match="squaring stopped: another run has taken this folder over"):
        store.save(Overtaken().plan(VALUES))
    assert sorted(path.stem for path in (tmp_path / "store" / "receipts").iterdir()) == ["one"]


def test_leftovers_of_killed_runs_are_removed(filled, tmp_path):
    for name in ("notes/.two.0123abcd.partial.parquet", "receipts/.two.0123abcd.partial.json",
                 ".plan.0123abcd.partial.json"):  # fmt: skip
        (tmp_path / "store" / name).write_bytes(b"half")
    assert set(filled.load()["notes"]) == set(VALUES)
    filled.save(Work().plan(VALUES))
    assert not partials(tmp_path)


def test_leftovers_of_workers_that_died_are_removed_by_the_same_run(store, tmp_path):
    class Dying(Work):
        def __call__(self, key, value):
            (tmp_path / "store" / "receipts").mkdir(exist_ok=True)
            (tmp_path / "store" / "receipts" / ".one.0123abcd.partial.json").write_bytes(b"half")
            return super().__call__(key, value)

    store.save(Dying().plan(VALUES))
    assert set(store.load()["notes"]) == set(VALUES)
    assert not partials(tmp_path)


def test_leftovers_beside_tables_and_stores_are_removed(tmp_path, monkeypatch):
    table, store, other = (tmp_path / name for name in ("t.parquet", "store", "other.parquet"))
    for path in (table, other):
        atomic.partial_name(path).write_bytes(b"half")
    atomic.partial_name(store).mkdir()
    monkeypatch.setattr(atomic, "born", lambda pid: None)  # their writer is gone
    StreamedTable(filepath=str(table)).remove_leftovers()
    PartitionedTables(path=str(store), tables=["notes"]).remove_leftovers()
    (left,) = partials(tmp_path)
    assert left.name.startswith(".other.")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.EROFS, "Read-only file system"), "[Errno 30] Read-only file system"),
        (OSError(errno.EIO, "Input/output error", "/data/x"), "Input/output error: /data/x"),
        (MemoryError(), "there is not enough memory for a partition of this size"),
    ],
)
def test_what_stops_a_run_is_told_in_one_sentence(store, error, why):
    class Stopped(Work):
        def __call__(self, key, value):
            if key == "two":
                raise error
            return super().__call__(key, value)

    with pytest.raises(DatasetError) as raised:
        store.save(Stopped().plan(VALUES))
    assert str(raised.value).startswith(f"squaring stopped: {why}")
    assert "\n" not in str(raised.value)
    work = Work()
    store.save(work.plan(VALUES))
    assert work.calls == Counter(two=1, three=1)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
import pyarrow as pa
from malca.datasets.tables import PartitionedTables
from malca.partitions import PartitionMap, fingerprint

def make(n):
    return {"squares": pa.table({"n": np.random.default_rng(1).random(n)})}

keys = {"a": 1000, "b": 200_000, "c": 1000}
work = PartitionMap(make, {k: {"n": n} for k, n in keys.items()},
                    {k: fingerprint(n) for k, n in keys.items()}, keys, "squaring")
if sys.argv[2] == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
PartitionedTables(path=sys.argv[1], tables=["squares"]).save(work)
"""


def test_no_room_for_a_file_leaves_no_part_of_it(tmp_path):
    """The kernel refuses to write on: what a full disk does, at another limit."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "store")]
    stopped = subprocess.run([*command, "full"], check=False, capture_output=True, text=True)
    assert stopped.returncode == 1
    last = stopped.stderr.splitlines()[-1]
    assert "DatasetError: squaring stopped: " in last
    assert "File too large" in last
    assert f"what is finished in {tmp_path}/store is kept" in last
    store = PartitionedTables(path=str(tmp_path / "store"), tables=["squares"])
    assert [path.name for path in (tmp_path / "store" / "squares").iterdir()] == ["a.parquet"]
    with pytest.raises(DatasetError, match=r"partitions b, c in .* are unfinished"):
        store.load()
    subprocess.run([*command, "roomy"], check=True)
    assert store.load().n_rows("squares") == {"a": 1000, "b": 200_000, "c": 1000}


def test_a_full_disk_while_replacing_keeps_the_old_partition(filled, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)  # some file systems tell only then
        with pytest.raises(DatasetError, match="No space left on device"):
            filled.save(Work().plan({**VALUES, "two": 5}))
    store = FolderStore(Path(filled._describe()["path"]), tuple(TABLES))
    receipt = store.receipts()["two"]
    assert store.loader("notes", "two", receipt)().to_pydict() == {"note": ["up to 2"]}


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):  # nothing is read-only to the superuser

        def refuse(path, *_args, **_kwargs):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        monkeypatch.setattr(Path, "mkdir", refuse)
    store, work = PartitionedTables(path=str(folder / "store"), tables=TABLES), Work()
    with pytest.raises(DatasetError, match=rf"squaring stopped: Permission denied: {folder}"):
        store.save(work.plan(VALUES))
    assert not work.calls


def test_no_decision_depends_on_the_clock(filled, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)
    for second, path in enumerate((tmp_path / "store").rglob("*")):
        os.utime(path, (second, second))
    work = Work()
    filled.save(work.plan({**VALUES, "two": 5}))
    assert work.calls == Counter(two=1)
    assert filled.load().n_rows("squares") == {"one": 1, "two": 5, "three": 3}


def test_an_empty_store_says_what_to_do(store):
    assert not store.exists()
    for refuse in (store.load, store.check):
        with pytest.raises(DatasetError, match=r"no finished partition in .*: run the pipeline"):
            refuse()


def test_check_of_a_whole_store_is_silent(filled):
    assert filled.exists()
    filled.check()


# --- one file -----------------------------------------------------------------------------------


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "deep" / "table.parquet"
    write_atomically(pa.table({"a": [1]}), path)

    def parts():
        yield pa.table({"a": [2]})
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_atomically(parts(), path)
    assert pq.read_table(path).to_pydict() == {"a": [1]}
    assert [each.name for each in path.parent.iterdir()] == ["table.parquet"]


def test_an_interrupted_first_write_leaves_nothing(tmp_path):
    def parts():
        yield pa.table({"a": [2]})
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_atomically(parts(), tmp_path / "table.parquet")
    assert not list(tmp_path.iterdir())


def test_streamed_table_from_a_frame(tmp_path):
    frame = pd.DataFrame(
        {"asas_sn_id": pd.array([2**60 + 1, None], "Int64"), "name": pd.array(["a", None], "str")},
        index=[7, 3],
    )
    table = StreamedTable(filepath=str(tmp_path / "t.parquet"))
    assert not table.exists()
    with pytest.raises(DatasetError, match=r"there is no .*t\.parquet: run the pipeline that makes it"):
        table.check()
    table.save(frame)
    table.check()
    assert table.exists()
    pd.testing.assert_frame_equal(table.load(), frame.reset_index(drop=True))


def test_streamed_table_from_loaders_joins_them_in_order_of_their_keys(tmp_path):
    frames = {
        key: pd.DataFrame({"key": pd.array([key] * n, "str"), "id": pd.array([n] * n, "Int64")})
        for key, n in (("b", 2), ("a", 3), ("c", 0))
    }
    loads = Counter()

    def loader(key):
        def load():
            loads[key] += 1
            return pa.Table.from_pandas(frames[key], preserve_index=False).replace_schema_metadata(
                {b"malca.fingerprint": key.encode()}
            )

        return load

    table = StreamedTable(filepath=str(tmp_path / "t.parquet"))
    table.save({key: loader(key) for key in frames})
    loaded = table.load()
    assert list(loaded["key"]) == ["a"] * 3 + ["b"] * 2
    assert list(loaded["id"]) == [3] * 3 + [2] * 2
    assert loads == Counter(a=1, b=1, c=1)
    assert b"malca.fingerprint" not in (pq.read_metadata(tmp_path / "t.parquet").metadata or {})


def test_streamed_table_takes_what_a_store_gives(filled, tmp_path):
    table = StreamedTable(filepath=str(tmp_path / "t.parquet"), load_args={"columns": ["square"]})
    table.save(filled.load()["squares"])
    assert list(table.load()["square"]) == [0, 0, 1, 4, 0, 1]
    assert table.preview(nrows=1)["columns"] == ["n", "square"]


def test_a_failing_loader_leaves_the_old_table(tmp_path):
    table = StreamedTable(filepath=str(tmp_path / "t.parquet"))
    table.save(pd.DataFrame({"a": [1]}))

    def fail():
        raise RuntimeError("gone")

    with pytest.raises(DatasetError, match="gone"):
        table.save({"a": lambda: pa.table({"a": [2]}), "b": fail})
    assert list(table.load()["a"]) == [1]
    assert not partials(tmp_path)


def test_what_was_gathered_from_the_same_partitions_is_left_alone(filled, tmp_path):
    path = tmp_path / "t.parquet"
    StreamedTable(filepath=str(path)).save(filled.load()["squares"])
    first = path.stat()
    filled.save(replace(Work().plan(VALUES), compute=ComputeParameters(overwrite=True)))
    StreamedTable(filepath=str(path)).save(filled.load()["squares"])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    filled.save(Work().plan({**VALUES, "two": 5}))
    StreamedTable(filepath=str(path)).save(filled.load()["squares"])
    assert path.stat().st_ino != first.st_ino
    assert len(StreamedTable(filepath=str(path)).load()) == 9


@pytest.mark.parametrize("damage", [truncate, lambda path: path.write_bytes(b""), Path.unlink])
def test_a_damaged_table_is_refused_and_gathered_again(filled, tmp_path, damage):
    path = tmp_path / "t.parquet"
    table = StreamedTable(filepath=str(path))
    table.save(filled.load()["squares"])
    whole = path.read_bytes()
    damage(path)
    with pytest.raises(DatasetError, match=r"t\.parquet is damaged: run the pipeline|No such file"):
        table.load()
    table.save(filled.load()["squares"])
    assert path.read_bytes() == whole


def test_a_table_edited_by_hand_is_gathered_again(filled, tmp_path):
    path = tmp_path / "t.parquet"
    StreamedTable(filepath=str(path)).save(filled.load()["squares"])
    whole, table = path.read_bytes(), pq.read_table(path)
    table = table.set_column(0, "n", pa.array(np.arange(6)))
    metadata = pq.read_metadata(path).metadata
    assert GATHERED_KEY in metadata
    del metadata[b"ARROW:schema"]
    pq.write_table(table.replace_schema_metadata(metadata), path)
    assert pq.read_metadata(path).metadata[GATHERED_KEY] == metadata[GATHERED_KEY]
    StreamedTable(filepath=str(path)).save(filled.load()["squares"])
    assert path.read_bytes() == whole
