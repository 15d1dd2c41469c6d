"""What the datasets of a run hold: digests, rows, and counts worth comparing between runs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq
from kedro.io import DatasetError

from malca.datasets.digests import content_of
from malca.datasets.tables import PartitionedTables
from malca.tracking.record import DatasetState, PartitionState

if TYPE_CHECKING:
    from kedro.io import DataCatalog

#: Tables kept with the record whatever their layer, since they say why stars are not candidates.
KEPT = frozenset({"attrition", "failures", "manifest_problems", "rejections"})
REPORTING = "reporting"
#: Columns whose values are counted, by table.
_COUNTED = {
    "failures": ("stage", "reason"),
    "rejections": ("branch", "filter", "outcome"),
    "manifest_problems": ("kind",),
    "vsx_matches": ("vsx_outcome",),
}
_MEASURED = (("level",), ("reached",), ("category",))
_MEASURES = ("n_in_survey", "n_found", "n_false", "recall", "precision", "f1")
#: Summaries: what names a row (of each group the first that is not empty), and which numbers of it
#: are metrics. The others stand in the table, which is kept with the record.
_SUMMARIES = {
    "efficiency_summary": ((("stage",),), ("n_trials", "share", "share_lower", "share_upper")),
    "false_alarm_rates": (
        (("family",), ("stage",), ("by",), ("low",), ("cleaned",)),
        ("n_cases", "n_false", "per_1000"),
    ),
    "contaminant_rates": ((("family",),), ("n_cases", "n_events", "candidate_share")),
    "measured_and_true": ((("quantity",),), ("predicted", "true", "chance")),
    "attrition": ((("branch",), ("filter", "stage")), ("n_in", "n_failed", "n_unknown")),
    "attrition_stages": ((("stage",), ("step", "stage")), ("n_in", "n_failed", "n_unknown", "n_out")),
    "validation_summary": (_MEASURED, _MEASURES),
    "reproduction_summary": (_MEASURED, _MEASURES),
    "detection_rate": ((("quantity",), ("axis",), ("low",)), ("n_stars", "n_with", "rate")),
    "confusion": (
        (("population",),),
        ("n_simulated", "n_found", "n_candidates", "candidate_share", "survival_share"),
    ),
}


def is_persisted(name: str, catalog: DataCatalog) -> bool:
    """Whether a dataset is kept after the run and not a parameter."""
    if name.startswith("params:") or name == "parameters" or name not in catalog:
        return False
    return type(catalog.get(name)).__name__ not in {"MemoryDataset", "SharedMemoryDataset"}


def dataset_state(name: str, catalog: DataCatalog) -> DatasetState:
    """State of a dataset now.

    A dataset that knows better than its files what it holds says so in a method ``fingerprint``,
    which returns text, or None when it cannot tell.
    """
    dataset = catalog.get(name)
    path = path_of(dataset)
    state = DatasetState(
        type=f"{type(dataset).__module__}.{type(dataset).__qualname__}",
        path=None if path is None else str(path),
    )
    own = getattr(dataset, "fingerprint", None)
    if callable(own):
        digest = own()
        return state.model_copy(update={"digest": digest, "kind": None if digest is None else "file"})
    if isinstance(dataset, PartitionedTables):
        return state.model_copy(update=_partitions(dataset))
    content = None if path is None else content_of(path)
    if content is None:
        return state
    n_rows = {} if content.n_rows is None else {"": content.n_rows}
    return state.model_copy(
        update={
            "kind": content.kind,
            "digest": content.digest,
            "n_rows": n_rows,
            "n_bytes": content.n_bytes,
        }
    )


def _partitions(dataset: PartitionedTables) -> dict[str, Any]:
    """Tell what finished partitions hold, from their receipts; nothing, if one is not finished."""
    try:
        partitions = dataset.load()
    except DatasetError:
        return {}
    content = json.dumps(sorted(partitions.fingerprints.items()))
    return {
        "kind": "tables",
        "digest": hashlib.sha256(content.encode()).hexdigest(),
        "n_rows": {table: sum(partitions.n_rows(table).values()) for table in partitions},
    }


def path_of(dataset: Any) -> Path | None:
    """File or folder of a dataset, absolute; None: it has none, or it is no file of this machine."""
    if getattr(dataset, "_version", None) is not None:  # versions are files below the path it tells
        try:
            return Path(dataset._get_load_path()).resolve()
        except DatasetError:
            return None
    described = dataset._describe()
    for key in ("filepath", "path", "root"):
        text = str(described.get(key) or "")
        if text and text != "None":
            return None if "://" in text else Path(text).resolve()
    return None


def layer_of(dataset: Any) -> str | None:
    """Kedro-Viz layer of a dataset."""
    metadata = getattr(dataset, "metadata", None) or {}
    layer = (metadata.get("kedro-viz") or {}).get("layer")
    return None if layer is None else str(layer)


def artifact_of(name: str, dataset: Any) -> Path | None:
    """File to keep with the record: a report, or a table that says why stars drop out."""
    path = path_of(dataset) if name in KEPT or layer_of(dataset) == REPORTING else None
    return path if path is not None and path.is_file() else None


def partition_state(dataset: Any) -> PartitionState | None:
    """Tell what the last save of a partitioned dataset did; None: it is no such dataset."""
    report = getattr(dataset, "last_report", None)
    if report is None:
        return None
    return PartitionState(
        done=len(report.done),
        reused=len(report.reused),
        removed=len(report.removed),
        failed=dict(report.failed),
        reasons=dict(report.reasons),
        n_failures=report.n_failures,
        n_lightcurves=report.n_lightcurves,
        seconds=report.seconds,
    )


def partition_metrics(name: str, state: PartitionState) -> dict[str, float]:
    """Give counts and rate of a partitioned dataset."""
    metrics = {
        f"partitions_done.{name}": float(state.done),
        f"partitions_reused.{name}": float(state.reused),
        f"partitions_failed.{name}": float(len(state.failed)),
        f"lightcurves_computed.{name}": float(state.n_lightcurves),
        f"stars_failed.{name}": float(state.n_failures),
    }
    if state.n_lightcurves and state.seconds > 0:
        metrics[f"lightcurves_per_second.{name}"] = state.n_lightcurves / state.seconds
    return metrics


def content_metrics(name: str, state: DatasetState) -> dict[str, float]:
    """Rows of a dataset's tables, and what its table counts."""
    metrics = {
        f"rows.{name}.{table}" if table else f"rows.{name}": float(n)
        for table, n in state.n_rows.items()
    }
    if state.kind != "table" or state.path is None:
        return metrics
    if name in _COUNTED:
        metrics |= _counts(name, _read(state.path, _COUNTED[name]), _COUNTED[name])
    elif name in _SUMMARIES:
        metrics |= dict(_numbers(name, pd.read_parquet(state.path), *_SUMMARIES[name]))
    return metrics


def _read(path: str, columns: tuple[str, ...]) -> pd.DataFrame:
    there = set(pq.read_schema(path).names)
    return pd.read_parquet(path, columns=[name for name in columns if name in there])


def _counts(name: str, table: pd.DataFrame, columns: tuple[str, ...]) -> dict[str, float]:
    """Rows by value of each column, and of all of them together."""
    there = [column for column in columns if column in table.columns]
    if not there or not len(table):
        return {}
    sizes = table.groupby(there, dropna=False, observed=True).size()
    rows = ((key if isinstance(key, tuple) else (key,), n) for key, n in sizes.items())
    return {".".join([name, *(_word(part) for part in key)]): float(n) for key, n in rows}


def _numbers(
    name: str, table: pd.DataFrame, names: tuple[tuple[str, ...], ...], columns: tuple[str, ...]
) -> Iterator[tuple[str, float]]:
    for row in table.to_dict("records"):
        words = (
            next((row[key] for key in keys if row.get(key) not in ("", None)), None) for keys in names
        )
        label = ".".join([name, *map(_word, words)])
        for column in columns:
            value = row.get(column)
            if value is not None and pd.notna(value) and math.isfinite(value):
                yield f"{label}.{column}", float(value)


def _word(value: Any) -> str:
    return "none" if pd.isna(value) else str(value) or "none"
