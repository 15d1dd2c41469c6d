"""A run carried from where the survey is to where people look at it."""

from __future__ import annotations

import json
import shutil
import zipfile

import pandas as pd
import pytest
from click.testing import CliRunner

from malca import __version__
from malca.bundle import MANIFEST_NAME
from malca.cli import main
from malca.cli.project import open_project
from malca.datasets.bundle_file import Item, write_bundle
from malca.datasets.locks import Lock
from malca.datasets.partition_store import LOCK
from malca.pipeline_registry import register_pipelines

JUDGED = ("judged", "candidates", "rejections", "attrition")
BIN = "13_13.5"
STAR = 25770019815


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    (sentence,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return sentence


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def bundle(cluster, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "run.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cluster)
        result = run("bundle", "export", path)
    assert result.exit_code == 0, result.output
    return path


@pytest.mark.survey
def test_the_home_half_gives_what_the_undivided_run_gives(bundle, home, project, run_pipelines):
    result = run("bundle", "import", bundle, "--into", home)
    assert result.exit_code == 0, result.output
    assert "kedro run --pipelines home" in result.output
    run_pipelines(home, "home")
    here, there = open_project(folder=home), open_project(folder=project)
    assert len(there.catalog.load("candidates")) == 3
    for name in JUDGED:
        pd.testing.assert_frame_equal(here.catalog.load(name), there.catalog.load(name))
    page = here.path_of("summary_page").read_text()
    assert page.count("<article") == page.count("data:image/png;base64,") - 5 == 3


def test_the_halves_make_what_the_whole_makes():
    pipelines = register_pipelines()
    cluster, home, whole = (pipelines[name] for name in ("cluster", "home", "__default__"))
    assert set(cluster.nodes) | set(home.nodes) == set(whole.nodes)
    assert not set(cluster.nodes) & set(home.nodes)
    assert not home.all_outputs() & cluster.inputs()
    survey = {"survey_index", "raw_lightcurves", "raw_camera_statistics"}
    assert survey <= cluster.inputs()
    assert not survey & home.inputs()


def test_export_twice_is_the_same_file(bundle, cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(cluster)
    again = tmp_path / "again.zip"
    assert run("bundle", "export", again).exit_code == 0
    assert again.read_bytes() == bundle.read_bytes()
    assert "unchanged" in run("bundle", "export", again).output


def test_import_twice_changes_nothing(bundle, home):
    run("bundle", "import", bundle, "--into", home)
    before = {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file()}
    result = run("bundle", "import", bundle, "--into", home)
    assert result.exit_code == 0
    assert "are there already" in result.output
    assert {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file()} == before


def test_only_stars_with_events_are_carried_and_not_taken_for_all(bundle, cluster, home):
    run("bundle", "import", bundle, "--into", home)
    whole = open_project(folder=cluster).catalog.load("lightcurves")
    carried = open_project(folder=home).catalog.load("lightcurves")
    (key,) = whole.fingerprints
    assert carried["lightcurves"][key]()["asas_sn_id"].to_pylist() == [STAR, STAR + 1, STAR + 3]
    assert len(whole["lightcurves"][key]()) == 4
    assert carried.fingerprints[key].startswith("bundle-")
    assert carried.fingerprints[key] != whole.fingerprints[key]


def test_provenance_goes_along(bundle, home):
    run("bundle", "import", bundle, "--into", home)
    record = json.loads(open_project(folder=home).path_of("imported_bundle").read_text())
    assert record["manifest"]["mag_bin"] == BIN
    assert record["provenance"]["versions"]["malca"] == __version__
    assert record["provenance"]["parameters"]["detection"]["search"]["trigger_mode"] == "event"


def test_a_catalogue_is_carried_when_named(cluster, home, tmp_path, monkeypatch):
    there = open_project(folder=cluster).path_of("ogle_catalog")
    there.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"a": [1]}).to_parquet(there)
    monkeypatch.chdir(cluster)
    out = tmp_path / "run.zip"
    try:
        assert run("bundle", "export", out, "--with", "ogle_catalog").exit_code == 0
        assert "the catalog has no file nothing" in refused(
            "bundle", "export", out, "--with", "nothing"
        )
        assert "there is no " in refused("bundle", "export", out, "--with", "gaia_catalog")
    finally:
        shutil.rmtree(there.parent)
    run("bundle", "import", out, "--into", home)
    assert pd.read_parquet(open_project(folder=home).path_of("ogle_catalog"))["a"].tolist() == [1]


def test_nothing_is_exported_before_the_run(home, tmp_path, monkeypatch):
    monkeypatch.chdir(home)
    sentence = refused("bundle", "export", tmp_path / "run.zip")
    assert f"first kedro run --pipelines cluster --params mag_bin={BIN}" in sentence
    assert "bin 14_14.5 has no" in refused(
        "bundle", "export", tmp_path / "x.zip", "--mag-bin", "14_14.5"
    )
    assert "'14-15' is not a magnitude bin" in refused(
        "bundle", "export", tmp_path / "x.zip", "--mag-bin", "14-15"
    )
    assert not list(tmp_path.glob("*.zip"))


def test_other_data_are_not_overwritten_unasked(bundle, home):
    run("bundle", "import", bundle, "--into", home)
    events = open_project(folder=home).path_of("events")
    events.write_bytes(b"of another run")
    before = files(home)
    assert "other data are there: events" in refused("bundle", "import", bundle, "--into", home)
    assert files(home) == before
    assert run("bundle", "import", bundle, "--into", home, "--overwrite").exit_code == 0
    assert len(pd.read_parquet(events)) >= 3


def test_damaged_foreign_and_newer_bundles_change_nothing(bundle, home, tmp_path):
    before = files(home)
    whole = bundle.read_bytes()
    path = tmp_path / "x.zip"

    def reason(content):
        path.write_bytes(content)
        return refused("bundle", "import", path, "--into", home)

    at = len(whole) // 2
    assert "damaged" in reason(whole[:at])
    assert "damaged" in reason(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert "not a MALCA bundle" in reason(b"asas_sn_id\n")
    assert "there is no such file" in refused("bundle", "import", tmp_path / "none.zip", "--into", home)
    with zipfile.ZipFile(bundle) as archive:
        manifest = json.loads(archive.read(MANIFEST_NAME))
    for change, told in (
        ({"format_version": 99}, "newer"),
        ({"malca_version": "99.0"}, "newer"),
        ({"mag_bin": "../.."}, "not a magnitude bin"),
    ):
        with zipfile.ZipFile(bundle) as archive, zipfile.ZipFile(path, "w") as other:
            for name in archive.namelist():
                if name != MANIFEST_NAME:
                    other.writestr(name, archive.read(name))
            other.writestr(MANIFEST_NAME, json.dumps(manifest | change))
        assert told in refused("bundle", "import", path, "--into", home)
    assert files(home) == before


def test_datasets_this_project_does_not_keep_are_refused(home, tmp_path):
    path = tmp_path / "x.zip"
    write_bundle(
        path, [Item("datasets/unheard_of/a.parquet", "unheard_of", lambda: b"a")],
        malca_version=__version__, mag_bin=BIN,
    )  # fmt: skip
    assert "keeps no unheard_of" in refused("bundle", "import", path, "--into", home)


def test_outside_a_project_there_is_nothing_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "is in no MALCA project" in refused("bundle", "export", "x.zip")


def test_a_full_disk_is_told(bundle, home, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", str(home / "data"))

    monkeypatch.setattr("malca.datasets.bundle_file.import_datasets", full)
    sentence = refused("bundle", "import", bundle, "--into", home)
    assert sentence.endswith(f"cannot be imported: {home / 'data'}: No space left on device")


def test_nothing_is_exported_while_a_run_writes(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(cluster)
    folder = open_project(folder=cluster).path_of("detections")
    with Lock(folder / LOCK, "the folder"):
        assert "has to wait" in refused("bundle", "export", tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()
