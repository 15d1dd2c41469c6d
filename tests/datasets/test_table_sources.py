"""Tables of every format: the same values, units, nulls and ids whatever wrote them."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import writeto
from astropy.table import MaskedColumn, Table
from kedro.io import DatasetError

from malca.datasets.table_sources import open_source

BIG = 2009803630912285825  # as a float it is ...952
FORMATS = [
    "t.fits", "t.fits.gz", "t.vot", "binary.vot", "t.vot.gz", "t.ecsv", "comma.ecsv", "t.ecsv.gz",
    "t.csv", "t.csv.gz", "t.tsv", "t.parquet",
]  # fmt: skip
CSV_TYPES = {
    "source_id": pa.int64(), "dr2": pa.int64(), "pmra": pa.float64(), "j": pa.float64(),
    "variable": pa.bool_(), "n": pa.int64(),
}  # fmt: skip


def sample() -> Table:
    table = Table(
        {
            "source_id": np.array([BIG, 5, -3]),
            "dr2": MaskedColumn([7, BIG, 0], mask=[False, False, True]),
            "pmra": [1.25, np.nan, -0.1],
            "j": MaskedColumn(np.array([11.5, 12.25, 99.0], "f4"), mask=[False, False, True]),
            "class": ["EA", "", "SR/ß"[:2]],
            "variable": [True, False, True],
            "n": np.array([1, 2, 3], "i2"),
        }
    )
    table["pmra"].unit, table["j"].unit = u.mas / u.yr, u.mag
    return table


def write(table: Table, path: Path) -> None:
    name = path.name.removesuffix(".gz")
    plain = path.with_name(name)
    if name == "binary.vot":
        writeto(table, str(plain), tabledata_format="binary2")
    elif name == "comma.ecsv":
        table.write(plain, delimiter=",")
    elif name.endswith("tsv"):
        table.write(plain, format="ascii.tab")
    else:
        table.write(plain, **({"format": "votable"} if name.endswith("vot") else {}))
    if path != plain:
        with open(plain, "rb") as source, gzip.open(path, "wb") as packed:
            shutil.copyfileobj(source, packed)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_the_same(tmp_path, name):
    write(sample(), tmp_path / name)
    source = open_source(tmp_path / name, CSV_TYPES)
    assert not {"dr2.mask", "j.mask"} & set(source.schema.names)
    names = ["n", "source_id", "dr2", "pmra", "j", "class", "variable"]
    read = pa.Table.from_batches(source.read(names))
    assert read.column_names == names
    values = {name: read.column(name).to_pylist() for name in names}
    if name == "t.parquet":  # keeps NaN and "" apart from null
        values["pmra"][1] = None if np.isnan(values["pmra"][1]) else 0
        values["class"][1] = values["class"][1] or None
    assert values == {
        "n": [1, 2, 3], "source_id": [BIG, 5, -3], "dr2": [7, BIG, None], "pmra": [1.25, None, -0.1],
        "j": [11.5, 12.25, None], "class": ["EA", None, "SR"], "variable": [True, False, True],
    }  # fmt: skip
    for column in ("source_id", "dr2"):
        assert pa.types.is_integer(read.schema.field(column).type)
    if not name.startswith(("t.csv", "t.tsv")):
        units = {field.name: (field.metadata or {}).get(b"unit") for field in source.schema}
        assert units["pmra"] == b"mas / yr"
        assert units["j"] == b"mag"
        assert units["n"] is None


def test_scaled_and_unsigned_fits_columns_are_those_of_astropy(tmp_path):
    columns = [
        fits.Column("scaled", "I", null=-1, array=np.array([3, -1, 125], np.int16)),
        fits.Column("u64", "K", bzero=2**63, array=np.array([0, 2**63 + 5, 7], np.uint64)),
        fits.Column("u16", "I", bzero=2**15, array=np.array([0, 65535, 7], np.uint16)),
        fits.Column("byte", "B", null=9, array=np.array([1, 9, 255], np.uint8)),
        fits.Column("flag", "L", array=np.array([True, False, True])),
        fits.Column("spectrum", "3E", array=np.ones((3, 3), np.float32)),
    ]
    table = fits.BinTableHDU.from_columns(columns)
    table.header["TSCAL1"], table.header["TZERO1"] = 0.01, 5.0
    table.writeto(tmp_path / "t.fits")
    source = open_source(tmp_path / "t.fits")
    assert pa.types.is_list(source.schema.field("spectrum").type)
    read = pa.Table.from_batches(source.read(["scaled", "u64", "u16", "byte", "flag"])).to_pydict()
    with fits.open(tmp_path / "t.fits") as file:
        for name in ("u64", "u16", "flag"):
            assert read[name] == file[1].data[name].tolist()
    assert read["scaled"] == [pytest.approx(5.03), None, pytest.approx(6.25)]
    assert read["byte"] == [1, None, 255]
    assert read["u64"][1] == 2**63 + 5


def test_long_tables_come_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("malca.datasets.fits_tables.BATCH_ROWS", 100)
    monkeypatch.setattr("malca.datasets.votables.BATCH_ROWS", 100)
    monkeypatch.setattr("malca.datasets.table_sources._BLOCK_BYTES", 4000)
    table = Table({"k": np.arange(950) + BIG, "x": np.linspace(0, 1, 950)})
    for name in ("t.fits", "t.vot", "t.csv", "t.ecsv"):
        write(table, tmp_path / name)
        parts = list(open_source(tmp_path / name, {"k": pa.int64()}).read(["k"]))
        assert len(parts) > 5
        assert pa.Table.from_batches(parts).column("k").to_pylist() == table["k"].tolist()


def test_names_are_found_whatever_their_capitals(tmp_path):
    write(
        Table({"SOURCE_ID": [1], "rgeo": [2.0], "b_rgeo": [3.0], "B_rgeo": [4.0]}), tmp_path / "t.vot"
    )
    source = open_source(tmp_path / "t.vot").renamed(["source_id", "b_rgeo", "RGEO", "B_RGEO"])
    assert source.schema.names == ["source_id", "RGEO", "b_rgeo", "B_rgeo"]
    read = next(iter(source.read(["RGEO", "source_id", "B_rgeo"]))).to_pydict()
    assert read == {"RGEO": [2.0], "source_id": [1], "B_rgeo": [4.0]}


HEAD = '<VOTABLE><RESOURCE type="results">'
FIELD = '<TABLE><FIELD name="a" datatype="int"/><DATA>'
CASES = {
    "cut.fits": "byte long, its header says",
    "text.fits": "no readable fits table",
    "empty.fits": "it has no binary table",
    "text.vot": "no readable votable table",
    "error.vot": "holds the error of a service",
    "cut.vot": "cut it at its limit of rows",
    "elsewhere.vot": "its rows are elsewhere",
    "none.vot": "has no table",
    "cut.csv.gz": "no readable csv table",
    "empty.csv": "no line with the names",
    "twice.csv": "several columns a",
    "table.dat": "is of no known format",
    "floats.csv": "column a: Row #2: CSV conversion error to int64: invalid value '1.5e3'",
}


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_read_is_told(tmp_path, name):
    path = tmp_path / name
    status = '<INFO name="QUERY_STATUS" value="{}"/>'
    texts = {
        "text.fits": "SIMPLE", "text.vot": "<html><body/></html>", "empty.csv": "", "table.dat": "1 2",
        "twice.csv": "a,b,a\n1,2,3\n", "floats.csv": "b,a\n2,1.5e3\n",
        "error.vot": HEAD + status.format("ERROR") + "</RESOURCE></VOTABLE>",
        "cut.vot": HEAD + status.format("OK") + FIELD + "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>"
        "</DATA></TABLE>" + status.format("OVERFLOW") + "</RESOURCE></VOTABLE>",
        "elsewhere.vot": HEAD + FIELD + '<BINARY><STREAM href="http://x.org/t"/></BINARY></DATA></TABLE>'
        "</RESOURCE></VOTABLE>",
        "none.vot": HEAD + "</RESOURCE></VOTABLE>",
    }  # fmt: skip
    if name in texts:
        path.write_text(texts[name])
    elif name == "empty.fits":
        fits.PrimaryHDU(np.zeros((3, 3))).writeto(path)
    else:
        write(Table({"a": np.arange(5000), "x": np.random.default_rng(1).random(5000)}), path)
        path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(DatasetError, match=CASES[name]) as refusal:
        list(open_source(path, {"a": pa.int64()}).read(["a"]))
    assert str(path) in str(refusal.value)


def test_masks_of_parquet_are_heeded(tmp_path):
    write(sample(), tmp_path / "t.parquet")
    assert "j.mask" in pq.read_schema(tmp_path / "t.parquet").names
    read = next(iter(open_source(tmp_path / "t.parquet").read(["j"])))
    assert read.column(0).to_pylist() == [11.5, 12.25, None]
