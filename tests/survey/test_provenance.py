"""The record of real runs: in a project of its own, with `kedro run` as people type it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import time
import warnings

import pytest
import yaml

pytestmark = [
    pytest.mark.survey,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # MLflow leaves connections to the collector
]

BINS = ("13_13.5", "13.5_14")
SEARCH = "ingest,detection"


@pytest.fixture(scope="module")
def survey(new_survey):
    made = new_survey(60, BINS)
    shutil.rmtree(made.folder / "mlartifacts")
    for path in made.folder.glob("mlflow.db*"):
        path.unlink()
    return made


@pytest.fixture(scope="module")
def searched(survey):
    """Both bins searched by two runs at once, the first that their store sees."""
    runs = [
        survey.start("-X", "importtime", "-m", "kedro", "run", "--pipelines", SEARCH,
                     "--params", f"mag_bin={mag_bin},compute.stars_per_partition=10")
        for mag_bin in BINS
    ]  # fmt: skip
    for run in runs:
        _, err = run.communicate(timeout=280)
        assert run.returncode == 0, err
        imported = {line.rpartition("|")[2].strip() for line in err.splitlines()}
        assert "malca.tracking.recorder" in imported
        assert "mlflow" not in imported
    return survey


@pytest.fixture
def store(searched):
    """Runs of the store, by their id in the record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=f"sqlite:///{searched.folder}/mlflow.db")

    def runs():
        experiment = client.get_experiment_by_name("malca").experiment_id
        return {run.data.tags["malca.run_id"]: run for run in client.search_runs([experiment])}

    return runs


def test_two_runs_at_once_are_both_in_the_store(searched, store):
    for mag_bin in BINS:
        record = searched.records(mag_bin)[0]
        run = store()[record.run_id]
        assert (run.info.run_id, run.info.status) == (record.store.mlflow_run_id, "FINISHED")
        assert run.data.tags["mag_bin"] == mag_bin
        assert run.data.tags["trigger"] == "event"
        assert f"--params mag_bin={mag_bin}" in run.data.tags["command"]
        assert run.data.params["detection.search.event.threshold_sigma"] == "7.5"
        assert run.data.params["compute.stars_per_partition"] == "10"
        n_stars = record.outputs["manifest"].n_rows[""]
        assert run.data.metrics["rows.tags"] == n_stars > 5
        assert run.data.metrics["lightcurves_per_second.detections"] > 0
        assert run.data.metrics["seconds.detect_events"] > 0
        assert {i.dataset.name for i in run.inputs.dataset_inputs} >= {"vsx_catalog"}
    names = [set(store()[searched.records(mag_bin)[0].run_id].data.params) for mag_bin in BINS]
    assert names[0] == names[1]


def test_a_run_is_repeated_from_its_record_alone(searched):
    """Also when the configuration has changed since: the record's parameters count."""
    original = searched.records()[0]
    changed = searched.folder / "conf" / "local" / "parameters_detection.yml"
    changed.write_text(yaml.safe_dump({"detection": {"search": {"min_mag_offset": 5.0}}}))
    try:
        done = searched.rerun(original.run_id[:20])
    finally:
        changed.unlink()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == f"True {original.run_id}"
    assert any(line.startswith("all ") and "equal, value by value" in line for line in lines)
    repeated = searched.records()[0]
    assert repeated.parameters["detection"] == original.parameters["detection"]
    assert repeated.partitions["detections"].done == original.partitions["detections"].done > 1


def test_the_command_repeats_a_whole_run(searched):
    """Every node of the default run, from the survey's files to the summary page."""
    done = searched.kedro("--params", f"mag_bin={BINS[1]},compute.stars_per_partition=10")
    assert done.returncode == 0, done.stderr
    original = searched.records(BINS[1])[0]
    assert original.partitions["detections"].reused == original.partitions["lightcurves"].reused > 1
    repeated = searched.malca("rerun", original.run_id)
    assert repeated.returncode == 0, repeated.stdout + repeated.stderr
    record = searched.records(BINS[1])[0]
    assert record.rerun_of == original.run_id
    assert record.partitions["detections"].done == original.partitions["detections"].reused
    (told,) = [line for line in repeated.stdout.splitlines() if "equal, value by value" in line]
    n_tables = int(told.split()[1])
    assert n_tables == sum(state.kind in {"table", "tables"} for state in record.outputs.values())
    assert {"manifest", "lightcurves", "sources", "events", "candidates", "candidate_pictures"} <= set(
        record.outputs
    )


def test_other_inputs_are_refused_unless_allowed(searched):
    original = searched.records()[0]
    vsx = searched.folder / "data/01_raw/survey/vsxcat.dat"
    before = vsx.read_bytes()
    vsx.write_bytes(before.splitlines(keepends=True)[0])
    try:
        refused = searched.rerun(original.run_id)
        allowed = searched.rerun(original.run_id, allow_different_inputs=True, reuse=True)
    finally:
        vsx.write_bytes(before)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("refused: the inputs are not those of run")
    assert "vsx_catalog has changed" in refused.stderr
    assert "vsx_matches: " in allowed.stdout
    assert allowed.stdout.splitlines()[-1] == f"False {original.run_id}"


def test_other_code_is_refused(searched):
    path = next((searched.folder / "data/08_reporting" / BINS[1]).glob("run_*.json"))
    record = json.loads(path.read_text())
    record["code"]["fingerprint"] = "0" * 64
    foreign = searched.folder / "foreign.json"
    foreign.write_text(json.dumps(record))
    done = searched.rerun(str(foreign))
    assert done.returncode == 1
    assert "refused: the code is not that of run" in done.stderr


def test_a_refused_run_is_not_recorded(searched):
    n = len(searched.records())
    done = searched.kedro("--pipelines", "detection", "--params", "detections.sigma=3")
    assert done.returncode != 0
    assert "there is no such parameter" in done.stderr
    assert len(searched.records()) == n


def test_a_failed_run_is_recorded_with_its_error(searched, store):
    events = searched.folder / "data/07_model_output" / BINS[0] / "events.parquet"
    kept = events.read_bytes()
    events.unlink()
    events.mkdir()  # nothing can be written there
    try:
        done = searched.kedro("--pipelines", "detection")
    finally:
        events.rmdir()
        events.write_bytes(kept)
    assert done.returncode != 0
    record = searched.records()[0]
    assert record.outcome == "failed"
    assert "events.parquet" in record.error
    assert "tags" in record.outputs
    run = store()[record.run_id]
    assert run.info.status == "FAILED"
    assert "events.parquet" in run.data.tags["error"]


def test_a_killed_run_is_recorded_as_killed(searched, store):
    n = len(searched.records())
    run = searched.start(
        "-m", "kedro", "run", "--pipelines", SEARCH,
        "--params", "overwrite=true,compute.stars_per_partition=1,compute.workers=1",
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(searched.records()) == n:
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.05)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=60)
    while searched.records()[0].outcome == "running" or (
        searched.records()[0].run_id not in store()
        or store()[searched.records()[0].run_id].info.status == "RUNNING"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert searched.records()[0].outcome == "killed"
    assert store()[searched.records()[0].run_id].info.status == "KILLED"


def test_a_locked_store_costs_a_run_nothing_but_one_warning(searched):
    settings = searched.folder / "conf" / "local" / "mlflow.yml"
    settings.write_text("wait_seconds: 1\n")
    lock = sqlite3.connect(searched.folder / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        done = searched.kedro("--pipelines", "detection")
    finally:
        lock.execute("ROLLBACK")
        lock.close()
        settings.unlink()
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stdout.splitlines() if " WARNING " in line]
    assert len(warned) == 1
    assert "has no complete record of this run: the store did not answer within 1 s" in warned[0]
    record = searched.records()[0]
    assert (record.outcome, record.store.mlflow_run_id) == ("finished", None)
