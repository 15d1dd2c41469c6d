"""Kedro datasets of light curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from malca.datasets.lightcurve_files import LightCurveFile, LightCurvePartition, ManifestFiles
from malca.lightcurves import POINT_DTYPES

ROWS = "8515.6 12.9 0.004 1 3 0 0 bi/F1\n8516.6 12.8 0.004 1 4 1 0 ba/F1\n"


@pytest.fixture
def curve(tmp_path):
    path = tmp_path / "7.dat2"
    path.write_text(ROWS)
    return path


def test_a_batch_comes_back_from_parquet_whole(curve, tmp_path):
    lightcurves = LightCurveFile(filepath=str(curve)).load()
    dataset = LightCurvePartition(filepath=str(tmp_path / "deep" / "batch.parquet"))
    assert not dataset.exists()
    dataset.save(lightcurves)
    back = dataset.load()
    pd.testing.assert_frame_equal(back.stars, lightcurves.stars)
    for name in POINT_DTYPES:
        np.testing.assert_array_equal(getattr(back, name), getattr(lightcurves, name))
    assert (back.cameras, back.fields) == (lightcurves.cameras, lightcurves.fields)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["batch.parquet"]


def test_another_parquet_file_is_refused(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DatasetError, match="not a light-curve partition"):
        LightCurvePartition(filepath=str(tmp_path / "a.parquet")).load()


def test_a_broken_file_says_why(tmp_path):
    (tmp_path / "7.dat2").write_text("1 2 3\n")
    with pytest.raises(DatasetError, match="wrong_columns: line 1"):
        LightCurveFile(filepath=str(tmp_path / "7.dat2")).load()


def test_manifest_files_give_a_reader(curve):
    rows = pd.DataFrame({"asas_sn_id": [7], "lc_path": [str(curve)], "lc_exists": [True]})
    lightcurves, failures = ManifestFiles(reads="lightcurves", workers=1).load()(rows)
    assert (len(lightcurves), len(failures)) == (1, 0)
    statistics, failures = ManifestFiles(reads="camera_statistics").load()(rows)
    assert (len(statistics), len(failures)) == (0, 1)
    with pytest.raises(DatasetError, match="reads must be one of"):
        ManifestFiles(reads="spectra")


@pytest.mark.parametrize("dataset", [LightCurveFile(filepath="x"), ManifestFiles(reads="lightcurves")])
def test_raw_files_are_never_written(dataset):
    with pytest.raises(DatasetError, match="read-only"):
        dataset.save("anything")
