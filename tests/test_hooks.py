"""A run that cannot succeed is refused in one sentence, and not recorded."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from malca.datasets import atomic
from malca.datasets.tables import StreamedTable
from malca.hooks import ProjectHooks, RefusedError
from malca.settings import HOOKS
from malca.tracking.hooks import TrackingHooks

PIPELINE = Pipeline([Node(lambda sources: sources, "sources", "candidates", name="copy")])


class Loader(dict):
    conf_source = ""


@pytest.fixture
def session(tmp_path):
    """Begin a run of the project's hooks as Kedro would, with a configuration of two parameters."""
    (tmp_path / "conf" / "base").mkdir(parents=True)
    (tmp_path / "conf" / "base" / "parameters.yml").write_text("compute: {workers: 0}\n")
    (tmp_path / "conf" / "base" / "parameters_detection.yml").write_text("detection: {}\n")
    manager = _create_hook_manager()
    for hooks in (TrackingHooks(), ProjectHooks()):
        manager.register(hooks)
    loader = Loader(globals={"data_root": "data"}, mlflow={})
    loader.conf_source = str(tmp_path / "conf")
    catalog = DataCatalog(
        {
            "sources": StreamedTable(filepath=str(tmp_path / "sources.parquet")),
            "candidates": StreamedTable(filepath=str(tmp_path / "candidates.parquet")),
            "params:mag_bin": MemoryDataset("13_13.5"),
        }
    )

    def begin(runtime_params=None):
        manager.hook.after_context_created(
            context=SimpleNamespace(project_path=tmp_path, config_loader=loader)
        )
        run_params = {"runtime_params": runtime_params or {}, "pipeline_names": None}
        manager.hook.before_pipeline_run(run_params=run_params, pipeline=PIPELINE, catalog=catalog)

    yield SimpleNamespace(begin=begin, folder=tmp_path)
    for hooks in manager.get_plugins():
        hooks._run = None


def records(folder):
    return list(folder.glob("data/08_reporting/*/run_*.json"))


def test_a_parameter_that_does_not_exist_is_refused(session):
    with pytest.raises(RefusedError, match=r"--params sigma: there is no such parameter; there are "):
        session.begin({"sigma": 3})
    assert not records(session.folder)


def test_a_missing_input_is_refused_by_name(session):
    with pytest.raises(
        RefusedError, match=r"^sources: there is no .*sources.parquet: run the pipeline"
    ):
        session.begin()
    assert not records(session.folder)


def test_a_run_that_can_begin_is_recorded(session):
    pd.DataFrame({"a": [1]}).to_parquet(session.folder / "sources.parquet")
    session.begin({"mag_bin": 1313.5, "overwrite": True, "detection": {}})
    assert len(records(session.folder)) == 1


def test_what_killed_runs_left_of_inputs_and_outputs_is_removed(session, monkeypatch):
    pd.DataFrame({"a": [1]}).to_parquet(session.folder / "sources.parquet")
    for name in ("sources", "candidates", "others"):
        atomic.partial_name(session.folder / f"{name}.parquet").write_bytes(b"half")
    session.begin()
    assert len(list(session.folder.glob(".*.partial.parquet"))) == 3  # this process may be at it
    monkeypatch.setattr(atomic, "born", lambda pid: None)
    session.begin()
    (left,) = session.folder.glob(".*.partial.parquet")
    assert left.name.startswith(".others.")


def test_refusals_come_before_records():
    """Kedro calls the hooks it was given last first."""
    kinds = [type(hooks) for hooks in HOOKS]
    assert kinds.index(ProjectHooks) > kinds.index(TrackingHooks)
