from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from malca.datasets.survey_writer import (
    SURVEY_FILE,
    Dat2Formatter,
    ReferenceLightCurvesDataset,
    SurveyDataset,
    camera_percentiles,
)
from malca.lightcurves import STAR_DTYPES, Camera, LightCurves


def batch(rng: np.random.Generator, n_stars: int = 3, n: int = 50) -> LightCurves:
    total = n_stars * n
    jd = np.sort(rng.uniform(2456200, 2460841, (n_stars, n))).ravel()
    mag = rng.uniform(9.5, 17, total).round(4).astype(np.float32)
    mag_err = rng.uniform(0.0001, 0.3, total).round(4).astype(np.float32)
    mag[::17] = mag_err[::17] = np.nan
    stars = pd.DataFrame(
        {
            "asas_sn_id": 68720274411 + np.arange(n_stars),
            "name": "",
            "time_system": "JD",
            "gaia_id": pd.NA,
            "gaia_release": "",
            "source": "",
        }
    )
    return LightCurves(
        stars=stars.astype(STAR_DTYPES),
        offsets=n * np.arange(n_stars + 1, dtype=np.int64),
        jd=np.floor(jd * 1e6 + 0.5) / 1e6,
        mag=mag,
        mag_err=mag_err,
        camera=rng.integers(0, 2, total).astype(np.int16),
        band=rng.integers(0, 2, total).astype(np.int8),
        good=rng.random(total) < 0.8,
        saturated=rng.random(total) < 0.1,
        field=rng.integers(0, 2, total).astype(np.int16),
        cameras=(Camera("ba", 1), Camera("bq", 25)),
        fields=("F0000+01", "F1204-40"),
    )


def portion(
    lightcurves: LightCurves, fingerprint: str = "one", mag_bin: str = "13_13.5", index_num: int = 1
) -> dict:
    index = pd.DataFrame(
        {
            "mag_bin": mag_bin,
            "index_num": index_num,
            "asas_sn_id": lightcurves.stars["asas_sn_id"],
            "ra_deg": 12.5,
        }
    )
    return {
        "index": index,
        "lightcurves": lightcurves,
        "fingerprint": fingerprint,
        "parameters": {"seed": 1},
    }


def test_dat2_text_is_what_python_would_format(rng) -> None:
    lightcurves = batch(rng)
    star, lines = lightcurves.star(1), []
    for jd, mag, err, camera, band, good, saturated, field in zip(*star, strict=True):
        values = [99.99 if np.isnan(value) else value for value in (mag, err)]
        label = lightcurves.cameras[camera]
        lines.append(
            f"{jd - 2450000:.6f} {values[0]:.4f} {values[1]:.4f} {int(good)} {label.number} {band} "
            f"{int(saturated)} {label.name}/{lightcurves.fields[field]}\n"
        )
    assert Dat2Formatter(lightcurves).dat2(1).decode() == "".join(lines)


def test_raw2_holds_percentiles(rng) -> None:
    lightcurves = batch(rng, n=400)
    star = lightcurves.star(0)
    for camera, values in camera_percentiles(star):
        own = star.mag[(star.camera == camera) & np.isfinite(star.mag)].astype(float)
        np.testing.assert_allclose(values[[0, 3, 4]], np.percentile(own, [50, 5, 95]))
        np.testing.assert_allclose(values[1:3], np.percentile(own, [15.8655, 84.1345]), atol=1e-4)
    lines = Dat2Formatter(lightcurves).raw2(0).decode().splitlines()
    assert lines[0].startswith("#")
    assert [line.split()[0] for line in lines[1:]] == ["1", "25"]


def test_a_survey_is_read_back_exactly(tmp_path: Path, rng) -> None:
    lightcurves = batch(rng)
    dataset = SurveyDataset(filepath=str(tmp_path / "survey"))
    dataset.save(portion(lightcurves))
    assert (tmp_path / "survey" / "13_13.5" / "lc1_cal" / "68720274412.dat2").exists()
    index = pd.read_csv(tmp_path / "survey" / "13_13.5" / "index1.csv")
    assert index.columns.tolist() == ["asas_sn_id", "ra_deg"]
    back = dataset.load().lightcurves(portion(lightcurves)["index"])
    assert back.stars["asas_sn_id"].tolist() == lightcurves.stars["asas_sn_id"].tolist()
    for name in ("jd", "mag", "mag_err", "band", "good", "saturated"):
        np.testing.assert_array_equal(getattr(back, name), getattr(lightcurves, name), err_msg=name)
    assert [back.cameras[k] for k in back.camera] == [
        lightcurves.cameras[k] for k in lightcurves.camera
    ]
    assert not list(tmp_path.rglob("*.partial"))


def test_two_surveys_are_never_mixed(tmp_path: Path, rng) -> None:
    root = tmp_path / "survey"
    SurveyDataset(filepath=str(root)).save(portion(batch(rng)))
    other = portion(batch(rng, n_stars=2), fingerprint="two", mag_bin="14_14.5")
    with pytest.raises(DatasetError, match="overwrite=true"):
        SurveyDataset(filepath=str(root)).save(other)
    assert not (root / "14_14.5").exists()
    SurveyDataset(filepath=str(root), overwrite=True).save(other)
    assert not (root / "13_13.5").exists()
    assert len(list((root / "14_14.5" / "lc1_cal").glob("*.dat2"))) == 2


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, rng, overwrite: bool) -> None:
    (tmp_path / "13_13.5").mkdir()
    (tmp_path / "13_13.5" / "index1.csv").write_text("asas_sn_id\n1\n")
    with pytest.raises(DatasetError, match="not empty"):
        SurveyDataset(filepath=str(tmp_path), overwrite=overwrite).save(portion(batch(rng)))
    assert (tmp_path / "13_13.5" / "index1.csv").read_text() == "asas_sn_id\n1\n"


def test_a_survey_cut_short_is_continued(tmp_path: Path, rng) -> None:
    dataset = SurveyDataset(filepath=str(tmp_path / "survey"))
    first, second = batch(rng), batch(rng)
    dataset.save(portion(first))
    folder = tmp_path / "survey" / "13_13.5"
    kept = (folder / "lc1_cal" / "68720274411.dat2").stat().st_mtime_ns
    (folder / ".lc2_cal.partial").mkdir()
    (folder / ".lc2_cal.partial" / "1.dat2").write_text("cut sho")
    dataset.save(portion(first))
    dataset.save(portion(second, index_num=2))
    assert (folder / "lc1_cal" / "68720274411.dat2").stat().st_mtime_ns == kept
    assert sorted(path.name for path in folder.iterdir()) == [
        "index1.csv",
        "index2.csv",
        "lc1_cal",
        "lc2_cal",
    ]
    assert not (folder / "lc2_cal" / "1.dat2").exists()


def test_no_survey_is_an_error(tmp_path: Path) -> None:
    dataset = SurveyDataset(filepath=str(tmp_path))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="no simulated survey"):
        dataset.load()


def test_cameras_need_numbers(rng) -> None:
    lightcurves = batch(rng)
    nameless = dataclasses.replace(lightcurves, cameras=(Camera("ba"), Camera("bb")))
    with pytest.raises(ValueError, match="number"):
        Dat2Formatter(nameless)


def test_reference_curves(tmp_path: Path) -> None:
    lightcurves, events = ReferenceLightCurvesDataset().load()
    assert len(lightcurves) == 0
    assert len(events) == 0
    with pytest.raises(DatasetError, match="0 readable"):
        ReferenceLightCurvesDataset(filepath=str(tmp_path)).load()
    with pytest.raises(DatasetError, match="read only"):
        ReferenceLightCurvesDataset(filepath=str(tmp_path)).save((lightcurves, events))
    assert SURVEY_FILE == "survey.json"


def test_tables_are_kept_with_the_index_files_they_belong_to(tmp_path, rng):
    root = tmp_path / "survey"
    stars = batch(rng)
    ids = stars.stars["asas_sn_id"].to_numpy(np.int64)
    truth = pd.DataFrame({"asas_sn_id": ids, "depth_mag": np.arange(len(ids), dtype=float)})
    one = {**portion(stars), "tables": {"truth": truth}}
    SurveyDataset(filepath=str(root)).save(one)
    survey = SurveyDataset(filepath=str(root)).load()
    found = survey.table("truth").sort_values("asas_sn_id", ignore_index=True)
    pd.testing.assert_frame_equal(found, truth.sort_values("asas_sn_id", ignore_index=True))
    with pytest.raises(FileNotFoundError, match="has no table events"):
        survey.table("events")
    # What is there is not written again; what a killed run left out is.
    part = next((root / ".tables" / "truth").glob("*.parquet"))
    part.unlink()
    SurveyDataset(filepath=str(root)).save(one)
    assert len(survey.table("truth")) == len(truth)
