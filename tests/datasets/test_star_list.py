from __future__ import annotations

import pandas as pd
import pytest
from kedro.io import DatasetError

from malca.datasets.star_list import StarList

IDS = [377957522430, 9007199254740993]


def test_ids_are_exact_whatever_the_file(tmp_path):
    table = pd.DataFrame({"asas_sn_id": [*IDS, IDS[0]], "kind": ["jump", "jump", "dip"]})
    table.to_parquet(tmp_path / "a.parquet")
    table.to_csv(tmp_path / "a.csv", index=False)
    for name in ("a.parquet", "a.csv"):
        found = StarList(filepath=str(tmp_path / name)).load()
        assert found["asas_sn_id"].tolist() == IDS
        assert found["asas_sn_id"].dtype == "int64"
        dips = StarList(filepath=str(tmp_path / name), where={"kind": "dip", "other": "x"}).load()
        assert dips["asas_sn_id"].tolist() == IDS[:1]


def test_without_a_file_nobody_is_on_it():
    assert len(StarList(filepath=None).load()) == 0
    StarList(filepath=None).check()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("star\n1\n", "has no column asas_sn_id"),
        ("asas_sn_id\n1.5\n", r"'1\.5' is no id"),
        ("asas_sn_id,kind\n,jump\n", "1 rows have no asas_sn_id"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, message):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(DatasetError, match=message):
        StarList(filepath=str(path)).load()


def test_a_file_that_is_not_there_or_of_another_kind_is_refused_before_work(tmp_path):
    with pytest.raises(DatasetError, match="there is no list of stars"):
        StarList(filepath=str(tmp_path / "a.csv")).check()
    with pytest.raises(DatasetError, match=r"ends in \.parquet or \.csv"):
        StarList(filepath=str(tmp_path / "a.txt")).check()
    with pytest.raises(DatasetError, match="is not written"):
        StarList(filepath=None).save(pd.DataFrame())
