from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from malca.datasets.known_lightcurves import KnownLightCurves
from malca.datasets.readers import read_lightcurves
from malca.datasets.tables import PartitionedTables, StreamedTable
from malca.partitions import ComputeParameters, PartitionMap

HEADER = "JD,Flux,Flux Error,Mag,Mag Error,Limit,FWHM,Filter,Quality,Camera\n"


def write_star(path, star, n=5):
    rows = "".join(f"{2458000 + k},1,0.1,13.{k},0.02,17,1.5,g,G,bi\n" for k in range(n))
    path.write_text(f"# ASAS-SN SkyPatrol ID: {star}\n{HEADER}{rows}")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "curves"
    folder.mkdir()
    write_star(folder / "11-light-curves.csv", 11)
    write_star(folder / "12-light-curves.csv", 12, 7)
    (folder / "13-light-curves.csv").write_text("")
    return folder


def pack(part):
    return part


@pytest.fixture
def survey(tmp_path, folder):
    """The same two stars, packed a partition each; star 14 is listed without a light curve."""
    home = tmp_path / "bin"
    batch = read_lightcurves(sorted(folder.glob("*.csv")))
    tasks = {
        f"p{k}": {"part": {"lightcurves": batch.take([k]).to_table(), "failures": batch.failures[k:]}}
        for k in (0, 1)
    }
    store = PartitionedTables(path=str(home / "lightcurves"), tables=["failures", "lightcurves"])
    marks = dict.fromkeys(tasks, "mark")
    store.save(
        PartitionMap(
            pack, tasks, marks, dict.fromkeys(tasks, 1), "packing", ComputeParameters(workers=1)
        )
    )
    manifest = pd.DataFrame(
        {
            "asas_sn_id": [11, 12, 13, 14], "mag_bin": "13_13.5", "ra_deg": [1.0, 2.0, 3.0, 4.0],
            "dec_deg": 0.0, "lc_exists": [True, True, True, False],
            "partition": ["p0", "p1", "p0", None],
        }
    )  # fmt: skip
    tables = {
        "manifest": manifest,
        "vsx_matches": pd.DataFrame({"asas_sn_id": [11, 12, 13, 14], "vsx_class": "EA"}),
        "camera_statistics": pd.DataFrame({"asas_sn_id": [11, 11, 12], "camera": [1, 2, 1]}),
    }
    for name, table in tables.items():
        StreamedTable(filepath=str(home / f"{name}.parquet")).save(table)
    return home


def test_a_folder_gives_the_stars_asked_for(folder):
    source = KnownLightCurves(folder=str(folder), packed="unused").load()
    assert sorted(source.stars["asas_sn_id"]) == [11, 12, 13]
    assert source.stars["asas_sn_id"].dtype == "int64"
    curves = source.read([12, 13, 99])
    assert curves.lightcurves.stars["asas_sn_id"].tolist() == [12]
    assert np.diff(curves.lightcurves.offsets).tolist() == [7]
    assert curves.failures[["asas_sn_id", "reason"]].to_numpy().tolist() == [[13, "empty"]]
    assert curves.vsx_matches is None


def test_packed_light_curves_come_with_what_the_survey_knows(survey):
    source = KnownLightCurves(folder=None, packed=str(survey)).load()
    assert source.stars["lc_exists"].tolist() == [True, True, True, False]
    curves = source.read([12, 13, 14])
    assert curves.lightcurves.stars["asas_sn_id"].tolist() == [12]
    assert np.diff(curves.lightcurves.offsets).tolist() == [7]
    assert curves.lightcurves.cameras[curves.lightcurves.camera[0]].name == "bi"
    assert curves.failures["asas_sn_id"].tolist() == [13]
    assert curves.vsx_matches["asas_sn_id"].tolist() == [12, 13, 14]
    assert curves.camera_statistics["asas_sn_id"].tolist() == [12]
    assert len(source.read([14]).lightcurves) == 0


def test_what_cannot_be_is_refused(folder, tmp_path):
    with pytest.raises(DatasetError, match=r"no folder .*absent"):
        KnownLightCurves(folder=str(tmp_path / "absent"), packed="unused").check()
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DatasetError, match=r"holds no \*\.csv"):
        _ = KnownLightCurves(folder=str(tmp_path / "nothing"), packed="unused").load().stars
    write_star(folder / "again.csv", 11)
    with pytest.raises(DatasetError, match="holds star 11 twice"):
        _ = KnownLightCurves(folder=str(folder), packed="unused").load().stars
