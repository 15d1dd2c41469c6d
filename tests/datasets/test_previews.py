from __future__ import annotations

import json

import pandas as pd

from malca.datasets.previews import rows_preview, table_preview


def test_first_rows_of_a_table_as_json(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame(
        {
            "gaia_id": pd.array([4472832130942575872, None, 7], "Int64"),
            "is_periodic": pd.array([True, None, False], "boolean"),
            "depth_mag": [0.123456789012, float("nan"), 0.5],
            "name": ["a", None, "c"],
            "jd": [list(range(100)), [], None],
            "seen": pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
        }
    ).to_parquet(path, row_group_size=3)
    preview = table_preview(path, n_rows=2)
    assert preview["columns"] == ["gaia_id", "is_periodic", "depth_mag", "name", "jd", "seen"]
    first, second = preview["data"]
    assert first[:4] == ["4472832130942575872", True, 0.12345679, "a"]
    assert first[4].startswith("[0, 1, 2")
    assert len(first[4]) == 60
    assert first[5].startswith("2026-01-01")
    assert second == [None, None, None, None, "[]", None]
    assert json.loads(json.dumps(preview, allow_nan=False)) == preview


def test_tables_without_rows_or_files_are_empty(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": pd.array([], "Int64")}).to_parquet(path)
    assert table_preview(path) == {"index": [], "columns": ["a"], "data": []}
    assert table_preview(tmp_path / "none.parquet") == rows_preview([], [])
