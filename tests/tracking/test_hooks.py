"""What a run writes down of itself, with Kedro's own runner and no project around it."""

from __future__ import annotations

import logging
import os
from types import SimpleNamespace
from typing import Annotated

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner, ThreadRunner
from kedro_datasets.json import JSONDataset
from pydantic import BaseModel, ConfigDict, Field

from malca.datasets.digests import content_of
from malca.datasets.tables import PartitionedTables, StreamedTable
from malca.partitions import PartitionMap
from malca.tracking.hooks import TrackingHooks
from malca.tracking.record import read_record, records_below

REPORTING = {"kedro-viz": {"layer": "reporting"}}


class Cuts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sigma: float = 7.5
    names: tuple[str, ...] = ("ruwe", "score")
    limits: dict[str, Annotated[float, Field(gt=0)]] = {"ruwe": 1.4}


def cut(sources: pd.DataFrame, cuts: Cuts):
    rejected = sources[sources["sigma"] < cuts.sigma]
    rejections = pd.DataFrame(
        {"branch": "dip", "filter": "score", "outcome": "failed", "asas_sn_id": rejected["asas_sn_id"]}
    )
    attrition = pd.DataFrame(
        {
            "stage": ["search", "filter", "filter"],
            "branch": "dip",
            "filter": ["", "score", "ruwe"],
            "order": [-1, 0, 1],
            "n_in": [5, 3, 2],
            "n_failed": [2, 1, 0],
        }
    )
    left = sources[sources["sigma"] >= cuts.sigma]
    return left, rejections, attrition, float(len(left))


def search(candidates: pd.DataFrame) -> PartitionMap:
    tasks = {key: {"stars": candidates, "key": key} for key in ("p0", "p1")}
    marks = {key: key for key in tasks}
    return PartitionMap(search_partition, tasks, marks, dict.fromkeys(tasks, 10), "searching")


def search_partition(stars: pd.DataFrame, key: str):
    if key in stars["fails_in"].to_numpy():
        raise ValueError("bad luck")
    return {"events": stars[["asas_sn_id"]], "failures": stars.iloc[:0]}


PIPELINE = Pipeline(
    [
        Node(
            cut,
            ["sources", "params:filtering"],
            ["candidates", "rejections", "attrition", "report"],
            name="cut",
        ),
        Node(search, "candidates", "detections", name="search"),
    ]
)


class Context:
    """What hooks are given of a Kedro context."""

    def __init__(self, folder, mlflow):
        self.project_path = folder
        self.config_loader = Loader({"globals": {"data_root": "data"}, "mlflow": mlflow})


class Loader(dict):
    conf_source = "conf"


@pytest.fixture
def project(tmp_path):
    """Run the pipeline as a session of Kedro does, in a folder of its own."""
    hooks = TrackingHooks()
    manager = _create_hook_manager()
    manager.register(hooks)

    def run(*, fails_in="", runner=None, mlflow=None, params=None, mag_bin="13_13.5", report=None):
        data = tmp_path / "data"
        sources = pd.DataFrame(
            {"asas_sn_id": [1, 2, 3], "sigma": [5.0, 9.0, 8.0], "fails_in": ["", fails_in, ""]}
        )
        StreamedTable(filepath=str(data / "sources.parquet")).save(sources)
        catalog = DataCatalog(
            {
                "sources": StreamedTable(filepath=str(data / "sources.parquet")),
                "candidates": StreamedTable(filepath=str(data / "candidates.parquet")),
                "rejections": StreamedTable(filepath=str(data / "rejections.parquet")),
                "attrition": StreamedTable(filepath=str(data / "attrition.parquet")),
                "report": report or JSONDataset(filepath=str(data / "report.json"), metadata=REPORTING),
                "detections": PartitionedTables(
                    path=str(data / "detections"), tables=["failures", "events"]
                ),
                "params:filtering": MemoryDataset(Cuts()),
                "params:mag_bin": MemoryDataset(mag_bin),
            }
        )
        run_params = {
            "pipeline_names": ["filtering"], "env": "demo", "tags": ("a",),
            "runner": "SequentialRunner", "runtime_params": params or {},
        }  # fmt: skip
        manager.hook.after_context_created(context=Context(tmp_path, mlflow or {}))
        common = {"run_params": run_params, "pipeline": PIPELINE, "catalog": catalog}
        manager.hook.before_pipeline_run(**common)
        try:
            (runner or SequentialRunner()).run(PIPELINE, catalog, manager)
        except Exception as error:
            manager.hook.on_pipeline_error(error=error, **common)
            raise
        manager.hook.after_pipeline_run(run_result={}, **common)
        return read_record(next(records_below(tmp_path / "data" / "08_reporting")))

    yield SimpleNamespace(run=run, folder=tmp_path, hooks=hooks, manager=manager)
    hooks._run = None
    hooks._recorder.stop()


def last(project):
    return read_record(next(records_below(project.folder / "data" / "08_reporting")))


def test_a_run_is_written_down(project):
    record = project.run(params={"mag_bin": 1313.5})
    assert record == project.hooks.last_record
    assert record.outcome == "finished"
    assert (record.selection.pipelines, record.selection.env) == (["filtering"], "demo")
    assert record.selection.tags == ["a"]
    assert record.selection.runtime_params == {"mag_bin": 1313.5}
    assert record.parameters["filtering"] == {
        "sigma": 7.5, "names": ["ruwe", "score"], "limits": {"ruwe": 1.4},
    }  # fmt: skip
    data = project.folder / "data"
    assert set(record.inputs) == {"sources"}
    assert record.inputs["sources"].digest == content_of(data / "sources.parquet").digest
    assert set(record.outputs) == {"candidates", "rejections", "attrition", "report", "detections"}
    assert record.outputs["candidates"].n_rows == {"": 2}
    assert record.outputs["candidates"].digest == content_of(data / "candidates.parquet").digest
    assert record.outputs["detections"].n_rows == {"events": 4, "failures": 0}
    assert set(record.nodes) == {"cut", "search"}
    assert record.partitions["detections"].done == 2
    assert {os.path.basename(path) for path in record.artifacts} == {
        "rejections.parquet", "attrition.parquet", "report.json",
    }  # fmt: skip
    assert len(record.code.fingerprint) == 64
    assert record.machine["pid"] == os.getpid()


def test_counts_are_metrics(project):
    metrics = project.run().metrics
    expected = {
        "rows.candidates": 2, "rows.detections.events": 4, "rejections.dip.score.failed": 1,
        "attrition.dip.score.n_failed": 1, "attrition.dip.search.n_in": 5, "attrition.dip.ruwe.n_in": 2,
        "partitions_done.detections": 2, "partitions_reused.detections": 0,
        "lightcurves_computed.detections": 20,
    }  # fmt: skip
    assert {name: metrics[name] for name in expected} == expected
    assert metrics["lightcurves_per_second.detections"] > 20
    assert metrics["seconds.total"] >= metrics["seconds.cut"] > 0
    assert metrics["memory_peak_mb"] > 10


def test_two_runs_have_the_same_names_and_digests(project):
    first, second = project.run(), project.run()
    assert first.run_id != second.run_id
    assert {k: s.digest for k, s in first.outputs.items()} == {
        k: s.digest for k, s in second.outputs.items()
    }
    assert second.partitions["detections"].reused == 2
    assert first.metrics.keys() - second.metrics.keys() == {"lightcurves_per_second.detections"}


def test_nodes_in_threads_are_written_down(project):
    record = project.run(runner=ThreadRunner(max_workers=2))
    assert set(record.nodes) == {"cut", "search"}
    assert record.outputs["candidates"].n_rows == {"": 2}


def test_a_failed_run_says_what_it_had_done(project):
    with pytest.raises(Exception, match="1 of 2 partitions failed"):
        project.run(fails_in="p1")
    record = last(project)
    assert record.outcome == "failed"
    assert "partitions failed, first p1: ValueError: bad luck" in record.error
    assert record.outputs["candidates"].n_rows == {"": 2}
    assert "detections" not in record.outputs
    assert record.partitions["detections"].failed == {"p1": "ValueError: bad luck"}
    assert record.metrics["partitions_failed.detections"] == 1


def test_a_run_that_is_left_alone_is_interrupted(project, monkeypatch):
    """Ctrl-C: Kedro calls no hook."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(PartitionedTables, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        project.run()
    assert last(project).outcome == "running"
    assert last(project).nodes.keys() == {"cut"}
    project.hooks._end_at_exit()
    assert (last(project).outcome, last(project).error) == ("killed", "interrupted")
    assert last(project).outputs["candidates"].n_rows == {"": 2}


def test_a_worker_process_does_not_write_the_record(project, monkeypatch):
    """Forked workers inherit the run, and their nodes call the same hooks."""
    monkeypatch.setattr("malca.tracking.hooks.os.getpid", iter(range(1, 10_000)).__next__)
    record = project.run()
    assert record.outcome == "running"
    assert record.nodes == {}


def test_what_workers_saved_is_looked_at_in_the_end(project, monkeypatch):
    monkeypatch.setattr(TrackingHooks, "after_dataset_saved", lambda *_: None)
    hooks = TrackingHooks()
    manager = _create_hook_manager()
    manager.register(hooks)
    monkeypatch.setattr(project.manager, "hook", manager.hook)
    record = project.run()
    assert record.nodes == {}
    assert record.outputs["candidates"].n_rows == {"": 2}
    assert record.outputs["detections"].n_rows == {"events": 4, "failures": 0}


def test_a_folder_that_cannot_be_written_stops_nothing(project, caplog):
    (project.folder / "data" / "08_reporting").mkdir(parents=True)
    (project.folder / "data" / "08_reporting" / "13_13.5").write_text("a file where the folder goes")
    with caplog.at_level(logging.WARNING), pytest.raises(StopIteration):
        project.run()  # the run is done; there is no record to read
    assert (project.folder / "data" / "candidates.parquet").exists()
    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert warned[0].startswith("this run is not recorded: ")


def test_mistaken_settings_of_the_store_stop_nothing(project, caplog):
    with caplog.at_level(logging.WARNING):
        record = project.run(mlflow={"server": {"uri": "x"}})
    assert record.outcome == "finished"
    assert "mlflow.yml cannot be used" in caplog.text
    assert "server" in caplog.text


def test_an_input_that_cannot_be_read_is_told(project, caplog, monkeypatch):
    def broken(*_):
        raise OSError("stale file handle")

    monkeypatch.setattr("malca.tracking.contents.content_of", broken)
    with caplog.at_level(logging.WARNING):
        record = project.run()
    assert record.outcome == "finished"
    assert record.inputs == {}
    assert "lacks the input sources: stale file handle" in caplog.text


@pytest.mark.slow
def test_a_broken_store_is_one_warning_and_the_record_says_so(project, caplog):
    (project.folder / "mlflow.db").write_text("no database " * 100)
    with caplog.at_level(logging.WARNING):
        record = project.run(mlflow={"tracking_uri": "sqlite:///mlflow.db"})
    assert record.outcome == "finished"
    assert "file is not a database" in record.store.problem
    warned = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert "has no complete record of this run" in warned[0]


@pytest.mark.slow
def test_two_runs_of_a_process_are_two_runs_of_the_store(project):
    mlflow = {"tracking_uri": "sqlite:///mlflow.db", "artifact_root": "kept", "wait_seconds": 120}
    records = [project.run(mlflow=mlflow, mag_bin=mag_bin) for mag_bin in ("13_13.5", "14_14.5")]
    records[0] = read_record(next((project.folder / "data/08_reporting/13_13.5").glob("*.json")))
    assert len({record.store.mlflow_run_id for record in records}) == 2
    assert {record.mag_bin for record in records} == {"13_13.5", "14_14.5"}
    assert all(record.store.problem is None for record in records)
    for record in records:
        kept = project.folder / "kept" / record.store.mlflow_run_id / "artifacts" / "results"
        assert (kept / "attrition.parquet").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # importing MLflow and kedro-mlflow warns about their own
def test_datasets_of_kedro_mlflow_write_to_the_run(project, mlflow):
    from kedro_mlflow.io.metrics import MlflowMetricDataset

    settings = {"tracking_uri": "sqlite:///mlflow.db", "artifact_root": "kept", "wait_seconds": 120}
    record = project.run(mlflow=settings, report=MlflowMetricDataset(key="n_left"))
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{project.folder}/mlflow.db")
    run = client.get_run(record.store.mlflow_run_id)
    assert run.data.metrics["n_left"] == 2
    assert run.data.metrics["rows.candidates"] == 2
    assert run.info.status == "FINISHED"
    assert mlflow.active_run() is None
