"""What MLflow is given of a record. No other module uses MLflow, and this one only when called."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from malca.tracking.record import DatasetState, RunRecord, flatten, read_record
from malca.tracking.recorder import SQLITE, TrackingOptions

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

RUN_ID_TAG = "malca.run_id"
#: Name under which a record is kept among the artifacts of its run.
RECORD_ARTIFACT = "run.json"
#: MLflow's pages show a table of runs, and not what language models want.
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
_RESULTS = "results"
#: Tables each row of which is a run of its own: points of a sweep.
POINTS = ("sweep_points",)
_ROWS_TO_SHOW = 1000
#: How long a store that is locked by others is tried, s.
PATIENCE_SECONDS = 60.0
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED", "running": "RUNNING"}
# MLflow's own limits.
_PARAMS_AT_ONCE, _METRICS_AT_ONCE = 100, 1000
_LONGEST_NAME, _LONGEST_PARAM, _LONGEST_TAG, _LONGEST_DIGEST = 250, 6000, 5000, 36


def enter_start(record: RunRecord, options: TrackingOptions) -> str:
    """Begin a run in MLflow, if it is not there yet: its tags and parameters; gives MLflow's id."""
    from mlflow.entities import Param

    run_id = patiently(lambda: _find(record, options) or _create(record, options))
    client = _client(str(options.tracking_uri))
    params = [Param(_name(k), _text(v, _LONGEST_PARAM)) for k, v in flatten(record.parameters).items()]
    for first in range(0, len(params), _PARAMS_AT_ONCE):
        some = params[first : first + _PARAMS_AT_ONCE]
        patiently(lambda some=some: client.log_batch(run_id, params=some))
    return run_id


def _create(record: RunRecord, options: TrackingOptions) -> str:
    client = _client(str(options.tracking_uri))
    run = client.create_run(
        _experiment(client, options),
        start_time=_milliseconds(record.started),
        tags=_tags(record),
        run_name=record.title,
    )
    return str(run.info.run_id)


def enter_end(mlflow_run_id: str, record: RunRecord, path: Path, options: TrackingOptions) -> None:
    """Enter what a run came to: metrics, what it read and made, files; and end it."""
    from mlflow.entities import Metric, RunTag

    client = _client(str(options.tracking_uri))
    now = _milliseconds(record.ended or record.started)
    metrics = [Metric(_name(k), v, now, 0) for k, v in record.metrics.items()]
    for first in range(0, len(metrics), _METRICS_AT_ONCE):
        client.log_batch(mlflow_run_id, metrics=metrics[first : first + _METRICS_AT_ONCE])
    tags = [RunTag(k, v) for k, v in _tags(record).items()]
    client.log_batch(mlflow_run_id, tags=tags)
    _enter_inputs(client, mlflow_run_id, record.inputs)
    for artifact in map(Path, record.artifacts):
        if _small_enough(artifact, options):
            client.log_artifact(mlflow_run_id, str(artifact), _RESULTS)
            if artifact.suffix == ".parquet":
                _enter_csv(client, mlflow_run_id, artifact)
    _enter_points(client, mlflow_run_id, record, options)
    if record.code.patch and (path.parent / record.code.patch).is_file():
        client.log_artifact(mlflow_run_id, str(path.parent / record.code.patch), "code")
    client.log_text(mlflow_run_id, record.model_dump_json(indent=1), RECORD_ARTIFACT)
    client.set_terminated(mlflow_run_id, _STATUS[record.outcome], None if record.ended is None else now)


def _enter_points(
    client: MlflowClient, run_id: str, record: RunRecord, options: TrackingOptions
) -> None:
    """Enter every row of the tables in ``POINTS`` as a run of its own below this one.

    What is text is a parameter, as are the parameter varied and its value; other numbers are
    metrics. A row that is there already is not entered twice.
    """
    import pandas as pd

    experiment = _experiment(client, options)
    for name in POINTS:
        state = record.outputs.get(name)
        if state is None or state.path is None or not Path(state.path).is_file():
            continue
        for k, row in enumerate(pd.read_parquet(state.path).to_dict("records")):
            own = f"{record.run_id}.{name}.{k}"
            if client.search_runs([experiment], f"tags.`{RUN_ID_TAG}` = '{own}'", max_results=1):
                continue
            _enter_point(client, experiment, run_id, own, row, record)


def _enter_point(
    client: MlflowClient, experiment: str, parent: str, own: str, row: dict[str, Any], record: RunRecord
) -> None:
    from mlflow.entities import Metric, Param

    words = {key: value for key, value in row.items() if isinstance(value, str)}
    if "varied" in words:
        words[words["varied"]] = f"{row['value']:.10g}"
    tags = {RUN_ID_TAG: own, "mlflow.parentRunId": parent, "mag_bin": record.mag_bin}
    title = ", ".join([*(row[key] for key in ("setting",) if key in row), f"{row.get('value', '')}"])
    run = client.create_run(
        experiment, start_time=_milliseconds(record.started), tags=tags, run_name=title
    )
    now = _milliseconds(record.ended or record.started)
    numbers = {
        key: float(value)
        for key, value in row.items()
        if not isinstance(value, str) and value is not None and math.isfinite(value)
    }
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(_name(key), value, now, 0) for key, value in numbers.items()],
        params=[Param(_name(key), _text(value, _LONGEST_PARAM)) for key, value in words.items()],
    )
    client.set_terminated(run.info.run_id, "FINISHED", now)


def _enter_csv(client: MlflowClient, mlflow_run_id: str, path: Path) -> None:
    """Enter the beginning of a table as CSV, too: MLflow's pages show it, but no Parquet."""
    import pandas as pd

    head = pd.read_parquet(path).head(_ROWS_TO_SHOW)
    client.log_text(mlflow_run_id, head.to_csv(index=False), f"{_RESULTS}/{path.stem}.csv")


def _small_enough(path: Path, options: TrackingOptions) -> bool:
    return path.is_file() and path.stat().st_size <= options.largest_artifact_mb * 1e6


def _tags(record: RunRecord) -> dict[str, str]:
    """Tags: what to search and compare runs by."""
    trigger = flatten(record.parameters).get("detection.search.trigger_mode")
    tags = {
        RUN_ID_TAG: record.run_id,
        "mag_bin": record.mag_bin,
        "trigger": trigger,
        "pipelines": ",".join(record.selection.pipelines),
        "env": record.selection.env,
        "runtime_params": json.dumps(record.selection.runtime_params) or None,
        "command": record.command,
        "outcome": record.outcome,
        "error": record.error,
        "rerun_of": record.rerun_of,
        "git_revision": record.code.revision,
        "git_dirty": record.code.dirty,
        "code_fingerprint": record.code.fingerprint,
        "host": record.machine.get("host"),
        "mlflow.user": record.machine.get("user"),
        "mlflow.source.name": record.command,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": record.code.revision,
        "mlflow.note.content": _note(record),
        **{f"version.{name}": text for name, text in record.versions.items()},
        **{f"input.{name}": state.digest for name, state in record.inputs.items()},
        **{f"output.{name}": state.digest for name, state in record.outputs.items()},
    }
    return {_name(k): _text(v, _LONGEST_TAG) for k, v in tags.items() if v is not None}


def _note(record: RunRecord) -> str:
    """Say what a run came to, as people read it, in Markdown."""
    lines = [f"`{record.command}`", ""]
    if record.error:
        lines += [f"**{record.outcome}**: {record.error}", ""]
    rows = [
        f"| {name}{'.' if table else ''}{table} | {n:,} |"
        for name, state in record.outputs.items()
        for table, n in state.n_rows.items()
    ]
    if rows:
        lines += ["| table | rows |", "|---|--:|", *rows]
    return "\n".join(lines)


def _enter_inputs(client: MlflowClient, run_id: str, inputs: Mapping[str, DatasetState]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    known = [
        DatasetInput(
            Dataset(
                name=name,
                digest=state.digest[:_LONGEST_DIGEST],
                source_type="local",
                source=json.dumps({"path": state.path}),
                profile=json.dumps({"rows": state.n_rows, "bytes": state.n_bytes}),
            ),
            [InputTag("mlflow.data.context", "input")],
        )
        for name, state in inputs.items()
        if state.digest is not None
    ]
    if known:
        client.log_inputs(run_id, datasets=known)


@cache
def _client(uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    with _alone(uri):  # the first of several runs makes the tables, the others find them
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    return client


@contextlib.contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Keep other runs from opening the same SQLite store at the same time."""
    if not uri.startswith(SQLITE):
        yield
        return
    path = Path(uri.removeprefix(SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _experiment(client: MlflowClient, options: TrackingOptions) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(options.experiment)
    if found is None:
        root = options.artifact_root
        if root is not None and "://" not in root:
            root = Path(root).absolute().as_uri()
        try:
            return str(client.create_experiment(options.experiment, root, _EXPERIMENT_TAGS))
        except MlflowException:
            found = client.get_experiment_by_name(options.experiment)  # another run was faster
            if found is None:
                raise
    return str(found.experiment_id)


def fetch_record(run_id: str, options: TrackingOptions) -> RunRecord | None:
    """Record that the store keeps of a run, by MLflow's id; None: it has none, or is away."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as scratch:
        try:
            client = MlflowClient(tracking_uri=options.tracking_uri)
            path = client.download_artifacts(run_id, RECORD_ARTIFACT, scratch)
        except (MlflowException, OSError):
            return None
        return read_record(Path(path))


def open_run(uri: str, run_id: str) -> None:
    """Let this process write to a run, as datasets of kedro-mlflow do."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.start_run(run_id=run_id)


def close_run() -> None:
    """End what ``open_run`` began, if it did."""
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None and mlflow.active_run():
        mlflow.end_run()


def _find(record: RunRecord, options: TrackingOptions) -> str | None:
    client = _client(str(options.tracking_uri))
    found = client.search_runs(
        [_experiment(client, options)], f"tags.`{RUN_ID_TAG}` = '{record.run_id}'", max_results=1
    )
    return str(found[0].info.run_id) if found else None


def enter(record: RunRecord, path: Path, options: TrackingOptions) -> str:
    """Enter the whole record of a run that has ended; a run that is there already is completed."""
    run_id = enter_start(record, options)
    patiently(lambda: enter_end(run_id, record, path, options))
    return run_id


def _name(text: str) -> str:
    return re.sub(r"[^\w\-. :]", "_", text)[:_LONGEST_NAME]


def _text(value: Any, longest: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def patiently(action: Callable[[], T]) -> T:
    """Do something with the store, again and again while others have it locked."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.1
    while True:
        try:
            return action()
        except Exception as error:
            if "database is locked" not in str(error) or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 2.0)
