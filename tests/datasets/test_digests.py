from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from malca.datasets.digests import content_of, files_digest, table_digest


@pytest.fixture
def table() -> pa.Table:
    n = 500
    rng = np.random.default_rng(3)
    return pa.table(
        {
            "asas_sn_id": pa.array([None if k % 7 == 0 else k for k in range(n)], pa.int64()),
            "depth_mag": rng.normal(size=n),
            "band": pa.array(rng.integers(0, 2, n), pa.int8()),
            "kind": [None if k % 11 == 0 else "dip" * (k % 3) for k in range(n)],
            "good": [None if k % 5 == 0 else k % 2 == 0 for k in range(n)],
            "jd": [None if k % 13 == 0 else list(range(k % 4)) for k in range(n)],
            "seen": pa.array(rng.integers(0, 10**9, n), pa.timestamp("us")),
            "fit": [{"t0": float(k), "name": str(k)} for k in range(n)],
        }
    )


def digest(table: pa.Table) -> str:
    return table_digest([table], table.schema)


def changed(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    values = table[column].to_pylist()
    assert values[row] != value
    values[row] = value
    at = table.column_names.index(column)
    return table.set_column(at, column, pa.array(values, table.schema.field(column).type))


@pytest.mark.parametrize("rows", [1, 37, 499])
def test_where_a_table_is_cut_makes_no_difference(table, rows):
    assert table_digest(table.to_batches(max_chunksize=rows), table.schema) == digest(table)
    assert digest(pa.concat_tables([table.slice(0, rows), table.slice(rows)])) == digest(table)


def test_how_a_table_is_stored_makes_no_difference(table, tmp_path):
    a, b = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(table, a, compression="zstd", row_group_size=100)
    other = table.set_column(3, "kind", table["kind"].dictionary_encode())
    pq.write_table(other.replace_schema_metadata({"malca.fingerprint": "x"}), b, compression="none")
    assert a.read_bytes() != b.read_bytes()
    assert content_of(a).digest == content_of(b).digest == digest(table)
    assert content_of(a).n_rows == 500


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("asas_sn_id", 3, 4), ("asas_sn_id", 3, None), ("asas_sn_id", 7, 0), ("depth_mag", 0, 0.5),
        ("kind", 4, "dap"), ("kind", 11, ""), ("kind", 3, None), ("good", 1, True), ("good", 5, False),
        ("jd", 3, [0, 1, 3]), ("jd", 2, []), ("jd", 13, []), ("fit", 9, {"t0": 9.0, "name": "8"}),
    ],
)  # fmt: skip
def test_every_value_counts(table, column, row, value):
    assert digest(changed(table, column, row, value)) != digest(table)


def test_order_names_types_and_own_metadata_count(table):
    assert digest(table.take([1, 0, *range(2, 500)])) != digest(table)
    assert digest(table.rename_columns(["id", *table.column_names[1:]])) != digest(table)
    assert digest(table.set_column(2, "band", table["band"].cast(pa.int16()))) != digest(table)
    assert digest(table.replace_schema_metadata({"malca.cameras": "ba,bb"})) != digest(table)


def test_lengths_are_kept_apart():
    one, other = pa.table({"a": ["ab", "c"]}), pa.table({"a": ["a", "bc"]})
    assert digest(one) != digest(other)
    assert digest(pa.table({"a": [[1, 2], [3]]})) != digest(pa.table({"a": [[1], [2, 3]]}))


def test_a_frame_read_back_is_the_same(tmp_path):
    frame = pd.DataFrame({"name": ["a", None], "x": [1.0, np.nan], "n": pd.array([1, None], "Int64")})
    first = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(first, tmp_path / "t.parquet")
    again = pa.Table.from_pandas(pd.read_parquet(tmp_path / "t.parquet"), preserve_index=False)
    assert digest(again) == content_of(tmp_path / "t.parquet").digest


def test_other_files_go_by_their_bytes(tmp_path):
    path = tmp_path / "vsxcat.dat"
    assert content_of(path) is None
    path.write_bytes(b"entries\n")
    content = content_of(path)
    assert content.digest == hashlib.sha256(b"entries\n").hexdigest()
    assert (content.kind, content.n_rows, content.n_bytes) == ("file", None, 8)


def test_several_files_go_by_names_and_bytes(tmp_path):
    for name in ("13_13.5/index0.csv", "13_13.5/index1.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    paths = sorted(tmp_path.rglob("*.csv"))
    first = files_digest(paths, tmp_path)
    assert files_digest(reversed(paths), tmp_path) == first
    paths[0].rename(tmp_path / "13_13.5" / "index2.csv")
    assert files_digest(tmp_path.rglob("*.csv"), tmp_path) != first
