"""What is known of a run before it does anything."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from malca.magnitude_bins import resolve_bin
from malca.tracking import circumstances
from malca.tracking.record import CodeState, RunRecord, Selection, new_run_id

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline


def new_record(
    run_params: Mapping[str, Any], pipeline: Pipeline, catalog: DataCatalog, settings: dict[str, Any]
) -> RunRecord:
    """Begin the record of a run; which code runs is left to be filled in."""
    mag_bin = resolve_bin(catalog.load("params:mag_bin"))
    return RunRecord(
        run_id=new_run_id(),
        started=now(),
        command=circumstances.command_line(),
        mag_bin=mag_bin,
        selection=_selection(run_params),
        parameters={"mag_bin": mag_bin} | _parameters(pipeline, catalog),
        settings=to_plain(settings),
        code=CodeState(revision=None, dirty=None, fingerprint=""),
        versions=circumstances.versions(),
        machine=circumstances.machine(),
    )


def _selection(run_params: Mapping[str, Any]) -> Selection:
    names = ("tags", "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "namespaces")
    runner = re.search(r"(\w+) object at|^(\w+)$", str(run_params.get("runner") or ""))
    return Selection(
        env=run_params.get("env"),
        pipelines=sorted(run_params.get("pipeline_names") or ["__default__"]),
        **{name: list(run_params.get(name) or ()) for name in names},
        load_versions=dict(run_params.get("load_versions") or {}),
        only_missing_outputs=bool(run_params.get("only_missing_outputs")),
        runner=(runner[1] or runner[2]) if runner else "SequentialRunner",
        runtime_params=to_plain(dict(run_params.get("runtime_params") or {})),
    )


def _parameters(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, Any]:
    """Every parameter the nodes take, whole, by its name without ``params:``."""
    names = sorted(name for name in pipeline.inputs() if name.startswith("params:"))
    return {name.removeprefix("params:"): to_plain(catalog.load(name)) for name in names}


def to_plain(value: Any) -> Any:
    """Value as JSON has it; models with every field, given or default."""
    return json.loads(json.dumps(to_jsonable_python(value, fallback=str)))


def now() -> str:
    """Time, as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
