"""Figures of all candidates of a bin."""

from __future__ import annotations

import pandas as pd
import pytest
from click.testing import CliRunner

from malca.cli import main
from malca.cli.project import open_project

STAR = 25770019815
CANDIDATES = {str(STAR), str(STAR + 1), str(STAR + 3)}


def draw(folder, *arguments, workers=1):
    command = ["plot", "--candidates", "-o", folder, "--workers", workers, *arguments]
    return CliRunner().invoke(main, [str(argument) for argument in command])


@pytest.fixture
def here(project, monkeypatch):
    monkeypatch.chdir(project)
    return project


def stems(folder, suffix):
    return {path.stem for path in folder.glob(f"*.{suffix}")}


def test_every_candidate_is_drawn_once(here, tmp_path):
    result = draw(tmp_path, "--format", "png", "--format", "html")
    assert result.exit_code == 0, result.output
    assert stems(tmp_path, "png") == stems(tmp_path, "html") == CANDIDATES
    assert "3 of 3 candidates drawn" in result.stderr
    assert set(result.stdout.split()) == {str(p) for p in tmp_path.iterdir() if p.stem in CANDIDATES}
    page = (tmp_path / f"{STAR}.html").read_text(encoding="utf-8")
    assert "What each filter said" in page
    assert "no RUWE from Gaia" in page
    assert 'src="plotly.min.js"' in page
    assert "sendChartToCloud" in page  # in the list of buttons that are left out
    assert (tmp_path / "plotly.min.js").stat().st_size > 1e6

    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = draw(tmp_path, "--format", "png", "--format", "html")
    assert again.exit_code == 0
    assert again.stdout == ""
    assert "0 of 3 candidates drawn; 3 were there already" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times


def test_what_is_out_of_date_or_cut_off_is_drawn_again(here, tmp_path):
    draw(tmp_path)
    (tmp_path / f"{STAR}.png").write_bytes(b"")
    whole = (tmp_path / f"{STAR + 1}.png").read_bytes()
    # The fingerprint is that of other events, say.
    at = whole.index(b"malca-figure:") + 20
    (tmp_path / f"{STAR + 1}.png").write_bytes(whole[:at] + b"x" + whole[at + 1 :])
    result = draw(tmp_path)
    assert "2 of 3 candidates drawn; 1 were there already" in result.stderr
    assert (tmp_path / f"{STAR + 1}.png").read_bytes() == whole
    assert "3 of 3 candidates drawn" in draw(tmp_path, "--overwrite").stderr


def test_the_best_come_first(here, tmp_path):
    best = open_project(folder=here).catalog.load("candidates").set_index("asas_sn_id")
    best = best[["dipper_score", "jumper_score"]].max(axis=1).idxmax()
    assert draw(tmp_path, "--max", "1").exit_code == 0
    assert stems(tmp_path, "png") == {str(best)}
    assert draw(tmp_path / "none", "--max", "0").exit_code == 0


@pytest.mark.parametrize(("form", "begins"), [("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_vector_formats(here, tmp_path, form, begins):
    draw(tmp_path, "--max", "1", "--format", form)
    (path,) = tmp_path.glob(f"*.{form}")
    assert path.read_bytes().startswith(begins)
    assert "1 were there already" in draw(tmp_path, "--max", "1", "--format", form).stderr


def test_the_default_folder_is_beside_the_summary_page(here):
    result = CliRunner().invoke(main, ["plot", "--candidates", "--max", "1", "--workers", "1"])
    assert result.exit_code == 0, result.output
    (path,) = result.stdout.split()
    assert path.startswith(str(here / "data" / "08_reporting" / "13_13.5" / "candidates"))


def test_strangers_in_the_folder_are_counted_and_left(here, tmp_path):
    (tmp_path / "123.png").write_bytes(b"of another run")
    (tmp_path / "notes.png").write_bytes(b"mine")
    result = draw(tmp_path, "--max", "0")
    assert "1 figures in the folder are of stars that are no candidates now" in result.stderr
    assert (tmp_path / "123.png").exists()


def test_a_candidate_without_light_curve_is_told(here, tmp_path, monkeypatch):
    project = open_project(folder=here)
    manifest = project.catalog.load("manifest")
    manifest.loc[manifest["asas_sn_id"] == STAR, "partition"] = None
    elsewhere = tmp_path / "manifest.parquet"
    manifest.to_parquet(elsewhere)
    local = here / "conf" / "local" / "catalog.yml"
    local.write_text(f"manifest: {{type: pandas.ParquetDataset, filepath: {elsewhere}}}\n")
    try:
        result = draw(tmp_path)
    finally:
        local.unlink()
    assert result.exit_code == 1
    assert f"1 without a light curve here: {STAR}" in result.stderr
    assert stems(tmp_path, "png") == CANDIDATES - {str(STAR)}


def test_no_candidates_is_no_error(here, tmp_path):
    empty = tmp_path / "candidates.parquet"
    pd.read_parquet(open_project(folder=here).path_of("candidates")).iloc[:0].to_parquet(empty)
    local = here / "conf" / "local" / "catalog.yml"
    local.write_text(f"candidates: {{type: pandas.ParquetDataset, filepath: {empty}}}\n")
    try:
        result = draw(tmp_path)
    finally:
        local.unlink()
    assert result.exit_code == 0
    assert "0 of 0 candidates drawn" in result.stderr


def test_a_folder_that_cannot_be_written_is_told(here, tmp_path):
    (tmp_path / f"{STAR}.png").mkdir()
    result = draw(tmp_path)
    assert result.exit_code == 1
    assert f"{STAR}: cannot be written" in result.stderr
    assert "2 of 3 candidates drawn; 1 failed" in result.stderr
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "option", [["x.dat2"], ["--period", "3"], ["--baseline", "gp"], ["--good-only"]]
)
def test_what_belongs_to_files_is_refused(here, tmp_path, option):
    result = draw(tmp_path, *option)
    assert result.exit_code == 2
    assert "--candidates draws what a run found" in result.stderr


@pytest.mark.slow
def test_several_processes_draw_the_same(here, tmp_path):
    draw(tmp_path / "one")
    assert draw(tmp_path / "two", workers=2).exit_code == 0
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / k).iterdir()} for k in ("one", "two"))
    assert one == two
