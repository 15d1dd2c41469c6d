from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError

from malca.datasets.tables import PartitionedTables, StreamedTable, write_atomically
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
    marked = {**(table.schema.metadata or {}), b"malca.fingerprint": b"another"}
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
