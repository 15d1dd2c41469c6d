"""Published tables read as a whole: our names and units, whatever the format."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.table import MaskedColumn, Table
from kedro.io import DatasetError
from pydantic import ValidationError

from malca.datasets.catalog_table import CatalogTable

COLUMNS = {
    "cluster": {"column": "Name", "type": "text"},
    "distance_pc": {"column": "dist50", "unit": "kpc"},
    "age_log10yr": "logAge50",
    "pm_ra_masyr": "pmRA",
    "n_members": {"column": "N", "type": "integer"},
    "is_bound": {"column": "bound", "type": "flag"},
}


def clusters() -> Table:
    table = Table(
        {
            "Name": ["Melotte_22", "NGC_188", ""],
            "dist50": MaskedColumn([0.1345, 1.698, 1.0], mask=[False, True, False]),
            "logAge50": [8.0, 9.8, 7.0],
            "pmRA": [19.9, -2.3, np.nan],
            "N": MaskedColumn([1721, 1027, 3], mask=[False, True, False]),
            "bound": [True, False, True],
            "spectra": np.zeros((3, 4)),
        }
    )
    table["dist50"].unit, table["pmRA"].unit = u.kpc, u.mas / u.yr
    return table


@pytest.mark.parametrize("name", ["t.vot", "t.fits", "t.fits.gz", "t.ecsv", "t.csv"])
def test_a_table_has_our_names_units_and_types(tmp_path, name, caplog):
    table = clusters()
    if name == "t.csv":
        table.remove_column("spectra")
    table.write(tmp_path / name, **({"format": "votable"} if name == "t.vot" else {}))
    dataset = CatalogTable(
        filepath=str(tmp_path / name), columns=COLUMNS, required=["cluster"], optional=True
    )
    read = dataset.load()
    expected = pd.DataFrame(
        {"cluster": ["Melotte_22", "NGC_188"], "distance_pc": [134.5, np.nan],
         "age_log10yr": [8.0, 9.8], "pm_ra_masyr": [19.9, -2.3],
         "n_members": pd.array([1721, None], dtype="Int64"),
         "is_bound": pd.array([True, False], dtype="boolean")}
    ).astype({"cluster": "str"})  # fmt: skip
    pd.testing.assert_frame_equal(read, expected)
    assert "1 rows have no cluster, and are left out" in caplog.text
    assert dataset.preview(1)["data"][0][0] == "Melotte_22"
    (tmp_path / name).unlink()
    none = dataset.load()
    assert none.empty
    assert none.dtypes.to_dict() == expected.dtypes.to_dict()
    assert dataset.preview()["data"] == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"columns": {"distance_pc": "dist50"}}, "column dist50: the file says 'kpc', distance_pc is"),
        ({"columns": {"distance_pc": "d"}}, r"has no column d: .*Name, dist50"),
        ({"columns": {"cluster": {"column": "N", "type": "text"}}}, "column N: cluster is declared as"),
        ({"columns": {"n": "spectra"}}, "column spectra: n is declared as number"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, options, problem):
    clusters().write(tmp_path / "t.fits")
    dataset = CatalogTable(filepath=str(tmp_path / "t.fits"), **options)
    with pytest.raises(DatasetError, match=problem):
        dataset.check()


@pytest.mark.parametrize("unit", ["[yr]", "log(yr)", "dex(yr)"])
def test_units_of_logarithms_are_known_by_how_catalogues_write_them(tmp_path, unit):
    text = (
        '<VOTABLE><RESOURCE><TABLE><FIELD name="AgeNN" datatype="double" unit="{}"/><DATA><TABLEDATA>'
        "<TR><TD>8.1</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    (tmp_path / "t.vot").write_text(text.format(unit))
    dataset = CatalogTable(filepath=str(tmp_path / "t.vot"), columns={"age_log10yr": "AgeNN"})
    assert dataset.load()["age_log10yr"].tolist() == [8.1]
    (tmp_path / "t.vot").write_text(text.format("Myr"))
    with pytest.raises(DatasetError, match="AgeNN: the file says 'Myr'"):
        dataset.load()


def test_a_missing_table_is_told(tmp_path):
    dataset = CatalogTable(filepath=str(tmp_path / "t.vot"), columns=COLUMNS)
    with pytest.raises(DatasetError, match=r"there is no .*t\.vot: put it there"):
        dataset.check()
    with pytest.raises(DatasetError, match="read only"):
        dataset.save(1)
    with pytest.raises(ValueError, match="age is not among the columns"):
        CatalogTable(filepath="t.vot", columns=COLUMNS, required=["age"])
    with pytest.raises(ValidationError, match="units"):
        CatalogTable(filepath="t.vot", columns={"a": {"column": "a", "units": "d"}})
