"""Camera statistics."""

from __future__ import annotations

import pandas as pd
import pytest

from malca.datasets.raw2 import STATISTICS_DTYPES, read_camera_statistics


def manifest(folder, **files):
    rows = []
    for name, content in files.items():
        asas_sn_id = int(name[1:])
        if content is not None:
            (folder / f"{asas_sn_id}.raw2").write_bytes(content)
        rows.append(
            {"asas_sn_id": asas_sn_id, "lc_path": str(folder / f"{asas_sn_id}.dat2"), "lc_exists": True}
        )
    return pd.DataFrame(rows)


def test_statistics_of_each_camera(tmp_path):
    rows = manifest(
        tmp_path, s5=b"# camera median\n1 13.2 13.1 13.3 13.0 13.4 # trailing\n\n12 14 13 15 12 16\n"
    )
    table, failures = read_camera_statistics(rows)
    assert failures.empty
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == STATISTICS_DTYPES
    assert table.to_numpy().tolist() == [
        [5, 1, 13.2, 13.1, 13.3, 13.0, 13.4],
        [5, 12, 14.0, 13.0, 15.0, 12.0, 16.0],
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "missing_file"),
        (b"", "empty"),
        (b"# only a comment\n", "empty"),
        (b"\x00\x01", "binary"),
        (b"1 13 \xe9\n", "not_utf8"),
        (b"1 13.2\n", "wrong_columns"),
        (b"1 13 13 13 13 13\n2 13\n", "malformed_row"),
        (b"1 13 x 13 13 13\n", "malformed_row"),
        (b"bi 13 13 13 13 13\n", "malformed_row"),
        (b"1 nan nan nan nan nan\n", "no_finite_magnitudes"),
    ],
)
def test_a_broken_file_is_one_row(tmp_path, content, reason):
    rows = manifest(tmp_path, s5=content, s6=b"1 13.2 13.1 13.3 13.0 13.4\n")
    table, failures = read_camera_statistics(rows)
    assert list(table["asas_sn_id"]) == [6]
    assert failures[["asas_sn_id", "stage", "reason"]].to_numpy().tolist() == [
        [5, "camera_statistics", reason]
    ]


def test_only_existing_dat2_files_have_statistics(tmp_path):
    rows = pd.DataFrame(
        {
            "asas_sn_id": [1, 2],
            "lc_path": [str(tmp_path / "1.csv"), str(tmp_path / "2.dat2")],
            "lc_exists": [True, False],
        }
    )
    table, failures = read_camera_statistics(rows)
    assert table.empty
    assert failures.empty
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == STATISTICS_DTYPES
