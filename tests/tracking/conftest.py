from __future__ import annotations

import warnings

import pytest

from malca.tracking.record import CodeState, DatasetState, RunRecord, Selection, new_run_id


@pytest.fixture(scope="session")
def mlflow():
    """MLflow, whose import warns about its own."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.store.tracking.sqlalchemy_store

        yield mlflow


@pytest.fixture
def make_record():
    """Maker of records of runs that have just begun."""

    def make(**changes) -> RunRecord:
        record = RunRecord(
            run_id=new_run_id(),
            started="2026-03-14T15:09:26.500+00:00",
            command="kedro run --params mag_bin=13_13.5",
            mag_bin="13_13.5",
            selection=Selection(pipelines=["detection"], runtime_params={"mag_bin": "13_13.5"}),
            parameters={
                "detection": {"search": {"trigger_mode": "event", "event": {"threshold_sigma": 7.5}}}
            },
            code=CodeState(revision="0" * 40, dirty=False, fingerprint="f"),
            versions={"python": "3.11"},
            machine={"host": "here", "user": "me"},
        )
        record.inputs = {"manifest": DatasetState(type="T", path="/m", kind="table", digest="d" * 64)}
        for name, value in changes.items():
            setattr(record, name, value)
        return record

    return make
