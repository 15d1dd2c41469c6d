from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from malca.datasets.known_objects import KnownObjects, read_known_objects
from malca.known_objects import KNOWN_DTYPES

CSV = """source_id,name,category,jd_start,jd_end,depth_mag,quality,confidence
9000000000000001,one,dipper,2458000,2458010.5,0.40,G,clear
9000000000000001,one,dipper,2458100,2458110,0.10,B,likely
9000000000000003,two,single_eclipse,2458000,2458001,,G,artefact
9000000000000005,three,constant,,,,G,no_event
"""
MRT = """Title: Made-up dippers
Authors: Nobody N.
Table: Made-up objects in the form of the published table
================================================================================
Byte-by-byte Description of file: made_up.txt
--------------------------------------------------------------------------------
   Bytes Format Units Label      Explanations
--------------------------------------------------------------------------------
   1- 19 I19    ---   source_id  Gaia DR3 source_ID
  21- 28 F8.4   deg   RAdeg      Right Ascension
  30- 37 F8.4   deg   DEdeg      Declination
  39- 42 F4.2   kpc   dist50     Distance
  44- 52 F9.3   d     t0dip      Modified Julian Date
  54- 54 I1     ---   Ndips      Number of dips
--------------------------------------------------------------------------------
9007199254740993123 288.4388  13.3694 2.09 58643.299 1
 446400591305341056   4.0259 -54.0903 0.30 59055.5   4
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="known.txt"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_list_of_events(written):
    table = read_known_objects(written(CSV))
    assert table["label"].tolist() == ["event", "uncertain", "false", "false"]
    assert table["asas_sn_id"].tolist()[0] == 9000000000000001
    assert table["jd_end"].tolist()[0] == 2458010.5
    assert table["jd_start"].isna().tolist() == [False, False, False, True]
    assert table["depth_mag"].isna().tolist() == [False, False, True, True]
    assert table.dtypes.astype(str).to_dict() == {k: v for k, v in KNOWN_DTYPES.items()}


def test_a_machine_readable_table(written):
    table = read_known_objects(written(MRT))
    # one that no float holds
    assert table["gaia_id"].tolist() == [9007199254740993123, 446400591305341056]
    assert table["jd_start"].tolist() == pytest.approx([2458643.799, 2459056.0], abs=1e-6)
    assert table["distance_kpc"].tolist() == [2.09, 0.3]
    assert table["dec_deg"].tolist() == [13.3694, -54.0903]
    assert table["n_known_dips"].tolist() == [1, 4]
    assert table["asas_sn_id"].isna().all()
    assert set(table["label"]) == {"event"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("confidence\n", "sureness\n", "lacks the column confidence"),
        (",clear", ",sure", r"row 1 \(9000000000000001\) has a confidence that is none of clear"),
        ("9000000000000003", "9.000000000000003e15", "source_id of row 3.*no whole number"),
        ("2458000,2458010.5", "58000,58010.5", "row 1 .*jd_start that is no Julian Date"),
        ("2458000,2458010.5", "2458000,2457000", "ends before it begins"),
        ("2458000,2458010.5", "2458000,", "only one of jd_start and jd_end"),
        ("0.40", "deep", "has a depth_mag that is no number"),
        ("0.40", "-0.40", "depth_mag that is not positive"),
        (CSV.split("\n", 1)[1], "", "it has no rows"),
        (CSV, "\n", "it is empty"),
    ],
)
def test_a_bad_list_is_refused_by_name(written, old, new, message):
    assert old in CSV
    dataset = KnownObjects(filepath=str(written(CSV.replace(old, new, 1))))
    with pytest.raises(DatasetError, match=message) as caught:
        dataset.check()
    assert "known.txt is no table of known objects" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("F4.2   kpc   dist50", "F4.2   pc    dist50", "dist50 is in pc, not in kpc"),
        ("F8.4   deg   RAdeg", "F8.4   rad   RAdeg", "RAdeg is in rad, not in deg"),
        ("I19    ---   source_id", "F19.0  ---   source_id", "source_id is no column of whole numbers"),
        ("t0dip ", "tdip  ", "lacks the column t0dip"),
        ("59055.5  ", "2459056.0", "t0dip of row 2.*is not an MJD"),
        ("-54.0903", "-94.0903", "DEdeg of row 2, -94.09.*from -90 to 90"),
        (" 0.30 ", "      ", "dist50 of row 2 is missing"),
        ("9007199254740993123", " 446400591305341056", "source_id occurs twice"),
        ("9007199254740993123", "9.00719925474099e18", "do not fit its header"),
    ],
)
def test_a_bad_machine_readable_table_is_refused_by_name(written, old, new, message):
    assert old in MRT
    with pytest.raises(ValueError, match=message):
        read_known_objects(written(MRT.replace(old, new)))


def test_none_given_is_an_empty_table():
    dataset = KnownObjects(filepath=None)
    dataset.check()
    table = dataset.load()
    assert len(table) == 0
    assert table.dtypes.astype(str).to_dict() == KNOWN_DTYPES


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"there is no .*absent\.csv"):
        KnownObjects(filepath=str(tmp_path / "absent.csv")).check()
    with pytest.raises(DatasetError, match="read-only"):
        KnownObjects(filepath=None).save(pd.DataFrame())


@pytest.mark.real_data
def test_the_published_dippers(real_data):
    path = real_data / "tzanidakis2025_table.txt"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the real data")
    table = read_known_objects(path)
    assert len(table) == 81
    assert table["n_known_dips"].value_counts().to_dict() == {1: 61, 2: 12, 3: 7, 4: 1}
    assert table["jd_start"].min() == pytest.approx(58217.5 + 2400000.5, abs=0.1)
    assert table["jd_start"].max() == pytest.approx(60357.3 + 2400000.5, abs=0.1)
    assert str(table["gaia_id"].iloc[0]) in path.read_text().split("---\n")[-1].split("\n")[0]
    assert np.isfinite(table[["ra_deg", "dec_deg", "distance_kpc"]].to_numpy()).all()


@pytest.mark.real_data
def test_the_known_events_of_real_light_curves(real_data):
    table = read_known_objects(real_data / "known_events.csv")
    assert table["label"].value_counts().to_dict() == {"event": 22, "uncertain": 5}
    assert table.loc[table["label"] == "event", "known_id"].nunique() == 13
