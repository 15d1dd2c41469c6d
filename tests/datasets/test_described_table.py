"""A table in four formats: what goes in comes out, ids to the last digit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.table import Table
from kedro.io import DatasetError

from malca.datasets.described_table import DESCRIPTIONS, DescribedTable
from malca.descriptions.candidates import COLUMNS

ID = 6_899_999_999_999_999_999


@pytest.fixture
def table() -> pd.DataFrame:
    data = pd.DataFrame(
        {
            "asas_sn_id": pd.array([ID, 2, 3], "Int64"),
            "gaia_dr3_id": pd.array([ID, None, 1], "Int64"),
            "ra_deg": [10.0, np.nan, 30.0],
            "passed_branch": pd.Series(["dip", None, "jump, é"], dtype="str"),
            "is_periodic": pd.array([True, None, False], "boolean"),
            "failed_any": [False, True, False],
        }
    )
    data.attrs[DESCRIPTIONS] = {name: COLUMNS[name] for name in data}
    return data


@pytest.fixture
def dataset(tmp_path, table) -> DescribedTable:
    made = DescribedTable(filepath=str(tmp_path / "t.parquet"), title="Three stars")
    made.save(table)
    return made


def test_parquet_gives_back_values_and_descriptions(dataset, table):
    loaded = dataset.load()
    pd.testing.assert_frame_equal(loaded, table)
    assert loaded.attrs[DESCRIPTIONS]["ra_deg"] == tuple(COLUMNS["ra_deg"])
    assert pq.read_schema(dataset.path("parquet")).field("ra_deg").metadata[b"unit"] == b"deg"


@pytest.mark.parametrize("form", ["vot", "ecsv"])
def test_formats_of_astronomy_keep_ids_gaps_units(dataset, form):
    kind = {"vot": "votable", "ecsv": "ascii.ecsv"}[form]
    read = Table.read(dataset.path(form), format=kind)
    assert int(read["asas_sn_id"][0]) == ID
    assert read["gaia_dr3_id"].dtype == np.int64
    assert int(read["gaia_dr3_id"][0]) == ID
    assert list(read["gaia_dr3_id"].mask) == [False, True, False]
    assert read["ra_deg"].unit == u.deg
    assert np.isnan(np.ma.filled(read["ra_deg"].astype(float), np.nan)[1])
    assert read["ra_deg"].description == COLUMNS["ra_deg"].description
    assert [str(x) for x in np.ma.filled(read["passed_branch"], "")] == ["dip", "", "jump, é"]
    assert list(read["is_periodic"].mask) == [False, True, False]
    assert [bool(x) for x in read["failed_any"]] == [False, True, False]


def test_csv_has_every_digit(dataset):
    lines = dataset.path("csv").read_text().splitlines()
    assert lines[1].startswith(f"{ID},{ID},10.0,dip,True,False")
    assert lines[2] == "2,,,,,True"


def test_a_table_without_rows_can_be_written(tmp_path, table):
    made = DescribedTable(filepath=str(tmp_path / "none.parquet"))
    made.save(table.iloc[:0])
    assert len(made.load()) == 0
    assert len(Table.read(made.path("vot"), format="votable")) == 0


def test_a_format_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="formats of parquet, csv, vot, ecsv"):
        DescribedTable(filepath=str(tmp_path / "t.parquet"), formats=["parquet", "xls"])
