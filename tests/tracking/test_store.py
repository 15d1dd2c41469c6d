"""What MLflow gets, and what becomes of it when stores, runs or records go wrong."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from malca.tracking import entries
from malca.tracking.record import DatasetState, read_record, record_path, write_record
from malca.tracking.recorder import STORE_MODULE, Recorder, RecorderError, TrackingOptions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # MLflow leaves connections to the collector
]


@pytest.fixture
def options(tmp_path):
    return TrackingOptions(
        tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", artifact_root=str(tmp_path / "artifacts")
    )


@pytest.fixture
def runs(mlflow, options):
    """Every run of the store, oldest first."""

    def search():
        client = mlflow.MlflowClient(tracking_uri=options.tracking_uri)
        experiment = client.get_experiment_by_name("malca").experiment_id
        return client, client.search_runs([experiment], order_by=["attributes.start_time ASC"])

    return search


def ended(record, **changes):
    record.outcome = "finished"
    record.ended = "2026-03-14T15:09:36.500+00:00"
    record.metrics = {"rows.events": 12.0, "rejections.dip.low amplitude!": 3.0}
    record.outputs = {"events": DatasetState(type="T", kind="table", digest="e" * 64, n_rows={"": 12})}
    for name, value in changes.items():
        setattr(record, name, value)
    return record


@pytest.mark.usefixtures("mlflow")
def test_a_run_is_entered_so_that_it_can_be_searched_and_compared(
    make_record, options, runs, tmp_path, mlflow
):
    (tmp_path / "funnel.png").write_bytes(b"png")
    pd.DataFrame({"filter": ["score"], "n_failed": [1]}).to_parquet(tmp_path / "attrition.parquet")
    (tmp_path / "run.patch").write_bytes(b"patch")
    record = ended(make_record(), artifacts=[])
    for name in ("funnel.png", "attrition.parquet", "gone.png"):
        record.artifacts.append(str(tmp_path / name))
    record.code.patch = "run.patch"
    path = tmp_path / "run_x.json"
    run_id = entries.enter(record, path, options)
    client, found = runs()
    assert [run.info.run_id for run in found] == [run_id]
    run = found[0]
    assert run.data.params == {
        "detection.search.trigger_mode": "event",
        "detection.search.event.threshold_sigma": "7.5",
    }
    assert run.data.metrics == {"rows.events": 12.0, "rejections.dip.low amplitude_": 3.0}
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 10_000
    assert run.info.run_name == "13_13.5 detection"
    tags = run.data.tags
    for name, value in {
        "malca.run_id": record.run_id, "mag_bin": "13_13.5", "trigger": "event",
        "pipelines": "detection", "git_revision": "0" * 40, "git_dirty": "false",
        "command": "kedro run --params mag_bin=13_13.5", "outcome": "finished",
        "input.manifest": "d" * 64, "output.events": "e" * 64, "version.python": "3.11",
        "mlflow.user": "me",
    }.items():  # fmt: skip
        assert tags[name] == value
    assert "| events | 12 |" in tags["mlflow.note.content"]
    assert [(i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs] == [
        ("manifest", "d" * 36)
    ]
    kept = tmp_path / "artifacts" / run_id / "artifacts"
    assert {path.name for path in kept.glob("results/*")} == {
        "funnel.png", "attrition.parquet", "attrition.csv",
    }  # fmt: skip
    assert (kept / "results" / "attrition.csv").read_text() == "filter,n_failed\nscore,1\n"
    assert (kept / "code" / "run.patch").exists()
    again = client.download_artifacts(run_id, entries.RECORD_ARTIFACT, str(tmp_path))
    assert read_record(Path(again)) == record
    query = "params.`detection.search.event.threshold_sigma` = '7.5' and tags.mag_bin = '13_13.5'"
    assert len(client.search_runs([run.info.experiment_id], query)) == 1


@pytest.mark.usefixtures("mlflow")
def test_entering_a_record_again_changes_nothing(make_record, options, runs, tmp_path):
    record = ended(make_record())
    ids = {entries.enter(record, tmp_path / "run_x.json", options) for _ in range(2)}
    _, found = runs()
    assert {run.info.run_id for run in found} == ids
    assert len(ids) == 1


@pytest.mark.usefixtures("mlflow")
def test_a_failed_run_says_why(make_record, options, runs, tmp_path):
    record = ended(make_record(), outcome="failed", error="DatasetError: 2 of 9 partitions failed")
    entries.enter(record, tmp_path / "run_x.json", options)
    run = runs()[1][0]
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "DatasetError: 2 of 9 partitions failed"


@pytest.mark.usefixtures("mlflow")
def test_large_files_are_only_named(make_record, options, tmp_path):
    (tmp_path / "large.parquet").write_bytes(b"x" * 2000)
    small = options.model_copy(update={"largest_artifact_mb": 0.001})
    record = ended(make_record(), artifacts=[str(tmp_path / "large.parquet")])
    run_id = entries.enter(record, tmp_path / "run_x.json", small)
    assert not (tmp_path / "artifacts" / run_id / "artifacts" / "results").exists()


@pytest.mark.usefixtures("mlflow")
def test_long_values_and_many_parameters_are_taken(make_record, options, runs, tmp_path):
    record = ended(make_record(), error="e" * 9000)
    record.parameters = {"many": {f"p{k}": k for k in range(250)}, "long": "x" * 9000}
    entries.enter(record, tmp_path / "run_x.json", options)
    run = runs()[1][0]
    assert len(run.data.params) == 251
    assert len(run.data.params["long"]) == 6000
    assert run.data.params["long"].endswith("…")


def told(recorder, event, record, path, options, wait_seconds=120.0):
    write_record(record, path)
    recorder.tell(event, path, options)
    return recorder.answer(event, path, wait_seconds)


@pytest.fixture
def recorder():
    made = Recorder()
    yield made
    made.stop()


def test_one_recorder_serves_several_runs(make_record, options, runs, tmp_path, recorder):
    for _ in range(2):
        record = make_record()
        path = record_path(tmp_path, record.run_id)
        begun = told(recorder, "started", record, path, options)
        assert runs()[0].get_run(begun).info.status == "RUNNING"
        assert told(recorder, "ended", ended(record), path, options) == begun
    assert [run.info.status for run in runs()[1]] == ["FINISHED", "FINISHED"]


def test_a_store_that_cannot_be_opened_is_one_sentence(make_record, tmp_path, recorder):
    (tmp_path / "mlflow.db").write_text("this is no database, and never was one: " * 50)
    options = TrackingOptions(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    record = make_record()
    with pytest.raises(RecorderError, match="file is not a database") as caught:
        told(recorder, "ended", ended(record), record_path(tmp_path, record.run_id), options)
    assert "\n" not in str(caught.value)


def test_a_store_that_does_not_answer_is_given_up(make_record, options, tmp_path, recorder):
    record = make_record()
    path = record_path(tmp_path, record.run_id)
    begun = time.monotonic()
    with pytest.raises(RecorderError, match=r"did not answer within 0\.2 s"):
        told(recorder, "ended", ended(record), path, options, wait_seconds=0.2)
    assert time.monotonic() - begun < 5


def test_a_store_that_others_lock_for_a_while_is_waited_for(
    make_record, options, runs, tmp_path, recorder
):
    first, second = make_record(), make_record()
    told(recorder, "ended", ended(first), record_path(tmp_path, first.run_id), options)
    lock = sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    path = record_path(tmp_path, second.run_id)
    write_record(ended(second), path)
    recorder.tell("ended", path, options)
    time.sleep(7)  # longer than SQLite itself waits
    lock.execute("ROLLBACK")
    lock.close()
    recorder.answer("ended", path, 60)
    assert len(runs()[1]) == 2


def test_several_runs_at_once_share_a_new_store(make_record, options, runs, tmp_path):
    """None of them is lost, and the first to come does not break the others."""
    paths = []
    for _ in range(4):
        record = ended(make_record())
        record.store.uri = options.tracking_uri
        paths.append(record_path(tmp_path, record.run_id))
        write_record(record, paths[-1])
    processes = [
        subprocess.Popen([sys.executable, "-m", STORE_MODULE, str(path)], stdout=subprocess.PIPE)
        for path in paths
    ]
    for process in processes:
        process.communicate(timeout=240)
    assert [process.returncode for process in processes] == [0] * 4
    _, found = runs()
    assert {run.data.tags["malca.run_id"] for run in found} == {
        read_record(path).run_id for path in paths
    }
    assert {run.info.run_id for run in found} == {
        read_record(path).store.mlflow_run_id for path in paths
    }


def test_a_run_that_is_killed_is_recorded_as_killed(make_record, options, runs, tmp_path):
    record = make_record()
    path = record_path(tmp_path, record.run_id)
    write_record(record, path)
    script = (
        "import sys, time; from pathlib import Path\n"
        "from malca.tracking.recorder import Recorder, TrackingOptions\n"
        "recorder = Recorder(); path = Path(sys.argv[1])\n"
        "recorder.tell('started', path, TrackingOptions.model_validate_json(sys.argv[2]))\n"
        "recorder.answer('started', path, 120)\n"
        "print('started', flush=True); time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script, str(path), json.dumps(options.model_dump())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "started\n"
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while read_record(path).outcome == "running" or runs()[1][0].info.status == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert read_record(path).outcome == "killed"
    assert "killed" in read_record(path).error
    assert runs()[1][0].info.status == "KILLED"


def test_relative_stores_are_the_projects(tmp_path):
    options = TrackingOptions(tracking_uri="sqlite:///mlflow.db", artifact_root="kept").below(tmp_path)
    assert options.tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert options.artifact_root == f"{tmp_path}/kept"
    elsewhere = TrackingOptions(tracking_uri="sqlite:////x/a.db", artifact_root="s3://bucket/a")
    assert elsewhere.below(tmp_path) == elsewhere
    server = TrackingOptions(tracking_uri="http://host:5000")
    assert server.below(tmp_path) == server


def test_every_point_of_a_sweep_is_a_run_below_the_sweeps(make_record, options, runs, tmp_path, mlflow):
    table = tmp_path / "sweep_points.parquet"
    pd.DataFrame(
        {
            "setting": ["ours", "theirs"],
            "varied": ["event.threshold_sigma", "points.ln_bf_threshold_dip"],
            "value": [7.5, 5.0],
            "completeness": [0.6, 0.4],
            "false_per_1000": [1.0, float("nan")],
            "wins": [True, False],
        }
    ).to_parquet(table)
    state = DatasetState(type="T", kind="table", digest="e" * 64, path=str(table), n_rows={"": 2})
    record = ended(make_record(), outputs={"sweep_points": state}, artifacts=[])
    path = tmp_path / "run_x.json"
    parent = entries.enter(record, path, options)
    assert entries.enter(record, path, options) == parent  # once more adds nothing
    found = [run for run in runs()[1] if run.info.run_id != parent]
    points = {run.data.params["setting"]: run for run in found}
    assert len(found) == 2
    assert set(points) == {"ours", "theirs"}
    assert points["ours"].data.tags["mlflow.parentRunId"] == parent
    assert points["ours"].data.params["event.threshold_sigma"] == "7.5"
    assert points["ours"].data.metrics["completeness"] == 0.6
    assert "false_per_1000" not in points["theirs"].data.metrics
    assert points["theirs"].info.status == "FINISHED"
