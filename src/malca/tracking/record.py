"""The record of a run: a JSON file beside its results that says all that is needed to repeat it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from malca.datasets.atomic import write_text

#: Raised whenever an older MALCA would misread what a newer one writes.
RECORD_VERSION = 1
_PREFIX, _SUFFIX = "run_", ".json"

Outcome = Literal["running", "finished", "failed", "killed"]


class RecordError(Exception):
    """A record that is not there or cannot be used, with the reason in one sentence."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Selection(_Part):
    """What was asked of Kedro: the arguments of its session and run."""

    env: str | None = Field(default=None, description="Environment of conf/.")
    conf_source: str | None = Field(default=None, description="Folder of the configuration.")
    pipelines: list[str] = Field(default=["__default__"], description="Names of the pipelines.")
    tags: list[str] = Field(default=[], description="Only nodes with one of these tags.")
    node_names: list[str] = Field(default=[], description="Only these nodes.")
    from_nodes: list[str] = Field(default=[], description="Only from these nodes on.")
    to_nodes: list[str] = Field(default=[], description="Only up to these nodes.")
    from_inputs: list[str] = Field(default=[], description="Only what follows from these datasets.")
    to_outputs: list[str] = Field(default=[], description="Only what leads to these datasets.")
    namespaces: list[str] = Field(default=[], description="Only nodes of these namespaces.")
    load_versions: dict[str, str] = Field(default={}, description="Versions of datasets to load.")
    only_missing_outputs: bool = Field(default=False, description="Only nodes without results.")
    runner: str = Field(default="SequentialRunner", description="Class of Kedro's runner.")
    runtime_params: dict[str, Any] = Field(default={}, description="What --params said.")


class CodeState(_Part):
    """Which code ran."""

    revision: str | None = Field(description="Git revision; none: the code is in no repository.")
    dirty: bool | None = Field(description="Files differ from that revision; none: not known.")
    fingerprint: str = Field(description="SHA-256 of the package's own source.")
    patch: str | None = Field(default=None, description="File beside the record: what differs.")


class DatasetState(_Part):
    """What a dataset held when the run read it, or after the run made it."""

    type: str = Field(description="Class of the dataset.")
    path: str | None = Field(default=None, description="Where it is.")
    kind: str | None = Field(default=None, description="'table', 'tables' or 'file'.")
    digest: str | None = Field(default=None, description="SHA-256 of the content; none: not taken.")
    n_rows: dict[str, int] = Field(default={}, description="Rows by table; '' for a single table.")
    n_bytes: int | None = Field(default=None, description="Size, bytes.")


class PartitionState(_Part):
    """What became of the partitions of one dataset."""

    done: int = Field(description="Partitions computed.")
    reused: int = Field(description="Partitions kept from an earlier run.")
    removed: int = Field(description="Partitions of inputs that are gone.")
    failed: dict[str, str] = Field(description="Reason by partition.")
    reasons: dict[str, int] = Field(default={}, description="Partitions computed, by why.")
    n_failures: int = Field(default=0, description="Stars that failed, in all finished partitions.")
    n_lightcurves: int = Field(description="Light curves in the partitions computed.")
    seconds: float = Field(description="Time for them, s.")


class StoreState(_Part):
    """The run's entry in MLflow."""

    uri: str | None = Field(default=None, description="The store; none: none was asked for.")
    mlflow_run_id: str | None = Field(default=None, description="MLflow's id of the run.")
    problem: str | None = Field(default=None, description="Why the run is not, or not all, there.")


class RunRecord(_Part):
    """All that is known of one run. Times are ISO 8601, UTC."""

    version: int = RECORD_VERSION
    run_id: str = Field(description="Time and a random part: unique, and sorts by time.")
    outcome: Outcome = "running"
    error: str | None = Field(default=None, description="What ended a failed run.")
    started: str
    ended: str | None = None
    seconds: float | None = Field(default=None, description="From the first check to the end, s.")
    command: str = Field(description="The full command line.")
    rerun_of: str | None = Field(default=None, description="The run that this one repeats.")
    mag_bin: str
    selection: Selection
    parameters: dict[str, Any] = Field(description="Every parameter the nodes take, with defaults.")
    settings: dict[str, Any] = Field(default={}, description="What globals.yml says: where data are.")
    code: CodeState
    versions: dict[str, str] = Field(description="Of Python, MALCA and the main libraries.")
    machine: dict[str, Any] = Field(description="Host, process, processors.")
    inputs: dict[str, DatasetState] = {}
    outputs: dict[str, DatasetState] = {}
    nodes: dict[str, float] = Field(default={}, description="Seconds of each node that ended.")
    partitions: dict[str, PartitionState] = {}
    metrics: dict[str, float] = Field(default={}, description="Counts and rates, by name.")
    artifacts: list[str] = Field(default=[], description="Files worth keeping with the record.")
    store: StoreState = StoreState()

    @property
    def title(self) -> str:
        """Bin and pipelines, for people."""
        names = ["default" if name == "__default__" else name for name in self.selection.pipelines]
        return f"{self.mag_bin} {'+'.join(names)}"


def new_run_id(now: datetime | None = None) -> str:
    """Id of a run that starts now, to the millisecond, such as ``20260314T150926535-3f9a1c``."""
    return f"{(now or datetime.now(UTC)).strftime('%Y%m%dT%H%M%S%f')[:-3]}-{os.urandom(3).hex()}"


def record_path(folder: Path, run_id: str) -> Path:
    """Where in ``folder`` the record of a run is."""
    return folder / f"{_PREFIX}{run_id}{_SUFFIX}"


def write_record(record: RunRecord, path: Path) -> None:
    """Write a record, whole or not at all."""
    write_text(record.model_dump_json(indent=1) + "\n", path)


def read_record(path: Path) -> RunRecord:
    """Read a record.

    Raises
    ------
    RecordError
        It is not there, damaged, or of a newer MALCA.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"there is no record at {path}: {error.strerror}") from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise RecordError(f"{path} is damaged: it is not a record of a run")
    version = content.get("version")
    if isinstance(version, int) and version > RECORD_VERSION:
        raise RecordError(
            f"{path} was written by a newer MALCA (record version {version}, this one reads "
            f"{RECORD_VERSION})"
        )
    try:
        return RunRecord.model_validate(content)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise RecordError(
            f"{path} is damaged: {where or 'it'} is not what a record has there"
        ) from None


def records_below(folder: Path) -> Iterator[Path]:
    """List records of every bin below a folder of reports, newest first."""
    found = folder.glob(f"*/{_PREFIX}*{_SUFFIX}")
    return iter(sorted(found, key=lambda path: path.name, reverse=True))


def find_record(run_id: str, folder: Path) -> Path:
    """Find the record of a run by its id, MLflow's id, or the beginning of either.

    Raises
    ------
    RecordError
        There is none, or more than one.
    """
    own: list[Path] = []
    others: list[Path] = []
    for path in records_below(folder):
        name = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        if name == run_id:
            return path
        (own if name.startswith(run_id) else others).append(path)
    found = own or [path for path in others if (_mlflow_run_id(path) or "").startswith(run_id)]
    if not found:
        raise RecordError(f"no run {run_id} is recorded in {folder}")
    if len(found) > 1:
        raise RecordError(f"{len(found)} runs begin with {run_id}: give more of the id")
    return found[0]


def _mlflow_run_id(path: Path) -> str | None:
    try:
        store = json.loads(path.read_text(encoding="utf-8"))["store"]
        return None if store["mlflow_run_id"] is None else str(store["mlflow_run_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one with dotted names.

    Items of a list of mappings go by their ``name`` where each has its own, else by their number;
    other lists stay one value.
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{name}.")
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            names = [item.get("name") for item in value]
            if not all(isinstance(each, str) for each in names) or len({*names}) < len(names):
                names = [str(k) for k in range(len(value))]
            for each, item in zip(names, value, strict=True):
                flat |= flatten(item, f"{name}.{each}.")
        else:
            flat[name] = value
    return flat
