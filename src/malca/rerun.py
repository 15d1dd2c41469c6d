"""Repeat a run from its record alone, and tell whether it makes the same tables."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from malca.hooks import RefusedError
from malca.tracking.beginning import to_plain
from malca.tracking.circumstances import code_state, versions
from malca.tracking.entries import fetch_record
from malca.tracking.hooks import REPORTS, TrackingHooks
from malca.tracking.record import (
    RecordError,
    RunRecord,
    find_record,
    flatten,
    read_record,
)
from malca.tracking.recorder import TrackingOptions

if TYPE_CHECKING:
    from kedro.framework.session import KedroSession
    from kedro.io import DataCatalog

_TABLES = frozenset({"table", "tables"})


@dataclass(frozen=True)
class TableComparison:
    """A table that both runs made.

    Attributes
    ----------
    name : str
    rows_before, rows_now : int
    equal : bool
        The same rows in the same order, value by value.
    """

    name: str
    rows_before: int
    rows_now: int
    equal: bool


@dataclass(frozen=True)
class RerunReport:
    """What repeating a run came to.

    Attributes
    ----------
    original, repeated : RunRecord
    tables : tuple of TableComparison
    missing : tuple of str
        Tables of the original run that this one did not make, or the reverse.
    unchecked : tuple of str
        Inputs of which the original's record holds no digest.
    other_versions : dict of str to tuple
        Versions of libraries then and now, where they differ.
    """

    original: RunRecord
    repeated: RunRecord
    tables: tuple[TableComparison, ...]
    missing: tuple[str, ...]
    unchecked: tuple[str, ...]
    other_versions: dict[str, tuple[str | None, str | None]]

    @property
    def equal(self) -> bool:
        """Whether both runs made the same tables."""
        return not self.missing and all(table.equal for table in self.tables)

    def describe(self) -> str:
        """Text for people."""
        differing = [table for table in self.tables if not table.equal]
        lines = [f"run {self.repeated.run_id} repeats {self.original.run_id}"]
        if self.equal:
            lines.append(f"all {len(self.tables)} tables are equal, value by value")
        else:
            lines.append(f"{len(differing)} of {len(self.tables)} tables differ:")
            lines += [f"  {t.name}: {t.rows_before} rows then, {t.rows_now} now" for t in differing]
        lines += [f"  {name}: made by one of the two runs only" for name in self.missing]
        if self.unchecked:
            lines.append(f"inputs without a digest, not compared: {', '.join(self.unchecked)}")
        lines += [
            f"{name} was {then or 'absent'}, is {now or 'absent'}"
            for name, (then, now) in self.other_versions.items()
        ]
        return "\n".join(lines)


def rerun(
    run_id: str,
    *,
    allow_different_code: bool = False,
    allow_different_inputs: bool = False,
    reuse: bool = False,
    project: Path | None = None,
    conf_source: Path | None = None,
) -> RerunReport:
    """Repeat a run: the same pipelines, nodes, environment and parameters.

    Its tables are written where they were. The parameters are those of the record, whatever the
    configuration says now; where data are is what the configuration says.

    Parameters
    ----------
    run_id : str
        The run's id or MLflow's, or the beginning of either, or the path of a record.
    allow_different_code, allow_different_inputs : bool
        Go on where code or inputs are no longer those of the run.
    reuse : bool
        Use partitions that are finished under the same fingerprint instead of doing all again.
    project, conf_source : Path, optional
        Project and configuration in which the record is looked for; default: of the working folder.

    Raises
    ------
    RefusedError
        There is no such record, or code or inputs differ: one sentence, before any work.
    """
    from kedro.framework.session import KedroSession

    folder = _open_project(project)
    try:
        record = _look_up(run_id, folder, conf_source)
    except RecordError as error:
        raise RefusedError(str(error)) from None
    if record.outcome == "running":
        raise RefusedError(f"run {record.run_id} has not ended, as far as its record says")
    if not allow_different_code:
        _check_code(record)
    recorded = Path(record.selection.conf_source or "")
    session = KedroSession.create(
        project_path=folder,
        env=record.selection.env,
        conf_source=str(recorded) if record.selection.conf_source and recorded.is_dir() else None,
        runtime_params=_runtime_params(record, reuse),
    )
    with session:
        catalog = _catalog(session, record)
        _check_parameters(record, catalog)
        unchecked = _check_inputs(record, catalog, allow_different_inputs)
        hooks = _tracking()
        hooks.rerun_of, hooks.last_record = record.run_id, None
        session.run(**_arguments(record))
    if hooks.last_record is None:
        raise RuntimeError("the run was repeated, but could not be recorded: nothing to compare")
    return _compare(record, hooks.last_record, unchecked)


def _open_project(project: Path | None) -> Path:
    from kedro.framework.startup import bootstrap_project
    from kedro.utils import find_kedro_project

    start = (project or Path.cwd()).resolve()
    folder = find_kedro_project(start)
    if folder is None:
        raise RefusedError(f"{start} is in no MALCA project: go to one")
    bootstrap_project(folder)
    return Path(folder)


def _look_up(run_id: str, folder: Path, conf_source: Path | None) -> RunRecord:
    """Record of a run: a file of this name, one beside the results, or one that MLflow has."""
    from kedro.config import OmegaConfigLoader

    from malca.settings import CONFIG_LOADER_ARGS

    if run_id.endswith(".json"):
        return read_record(Path(run_id))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # omegaconf's notes about Kedro's calls
        loader: Any = OmegaConfigLoader(
            conf_source=str(conf_source or folder / "conf"), **CONFIG_LOADER_ARGS
        )
        reports = folder / str(loader["globals"]["data_root"]) / REPORTS
        try:
            return read_record(find_record(run_id, reports))
        except RecordError:
            options = TrackingOptions.model_validate(dict(loader["mlflow"])).below(folder)
            kept = None if options.tracking_uri is None else fetch_record(run_id, options)
            if kept is None:
                raise
            return kept


def _check_code(record: RunRecord) -> None:
    state, _ = code_state()
    then, now = record.code.revision, state.revision
    if state.fingerprint != record.code.fingerprint:
        at = f" of revision {then[:12]}" if then else ""
        patched = " with its patch" if record.code.dirty else ""
        raise RefusedError(
            f"the code is not that of run {record.run_id}: go back to the code{at}{patched}, or allow "
            "different code"
        )
    if then != now:
        raise RefusedError(
            f"run {record.run_id} was of revision {then or 'none'}, this is {now or 'none'} (the "
            "package's own source is the same): go back to it, or allow different code"
        )


def _runtime_params(record: RunRecord, reuse: bool) -> dict[str, Any]:
    params: dict[str, Any] = copy.deepcopy(record.selection.runtime_params)
    # Whole parameter sets: what conf/ says now, and what defaults are now, has no say.
    params |= copy.deepcopy(record.parameters)
    params["overwrite"] = not reuse
    if "compute" in params:
        params["compute"]["overwrite"] = not reuse
    return params


def _arguments(record: RunRecord) -> dict[str, Any]:
    from kedro import runner

    chosen = record.selection
    names = ("tags", "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "namespaces")
    return {
        "pipeline_names": chosen.pipelines,
        "runner": getattr(runner, chosen.runner, runner.SequentialRunner)(),
        "load_versions": chosen.load_versions or None,
        "only_missing_outputs": chosen.only_missing_outputs,
        **{name: getattr(chosen, name) for name in names},
    }


def _catalog(session: KedroSession, record: RunRecord) -> DataCatalog:
    from kedro.framework.project import pipelines
    from kedro.validation.exceptions import ParameterValidationError

    pipelines.set_requested(record.selection.pipelines)
    try:
        return session.load_context().catalog  # type: ignore[return-value]
    except ParameterValidationError as error:
        reason = " ".join(str(error).split())
        raise RefusedError(f"the parameters of run {record.run_id} no longer exist: {reason}") from None


def _check_parameters(record: RunRecord, catalog: DataCatalog) -> None:
    """Refuse to repeat a run whose parameters cannot be had again: dictionaries only grow."""
    now = flatten(
        {
            name: to_plain(catalog.load(f"params:{name}"))
            for name in record.parameters
            if f"params:{name}" in catalog
        }
    )
    then = flatten(record.parameters)
    differing = sorted(
        name
        for name in now.keys() | then.keys()
        if now.get(name) != then.get(name) and name != "compute.overwrite"
    )
    if differing:
        raise RefusedError(
            f"conf/ says something about {', '.join(differing)} that run {record.run_id} did not know"
        )


def _check_inputs(record: RunRecord, catalog: DataCatalog, allow: bool) -> tuple[str, ...]:
    """Refuse inputs that are not those of the record; names of those without a digest."""
    from malca.tracking.contents import dataset_state

    unchecked, gone, changed = [], [], []
    for name, then in record.inputs.items():
        if then.digest is None:
            unchecked.append(name)
            continue
        now = dataset_state(name, catalog) if name in catalog else None
        if now is None or now.digest is None:
            gone.append(name)
        elif now.digest != then.digest:
            changed.append(name)
    if (gone or changed) and not allow:
        told = [f"{', '.join(gone)} is gone"] if gone else []
        told += [f"{', '.join(changed)} has changed"] if changed else []
        raise RefusedError(
            f"the inputs are not those of run {record.run_id}: {' and '.join(told)}; bring them back, "
            "or allow different inputs"
        )
    return tuple(unchecked)


def _tracking() -> TrackingHooks:
    from kedro.framework.project import settings

    return next(hooks for hooks in settings.HOOKS if isinstance(hooks, TrackingHooks))


def _compare(original: RunRecord, repeated: RunRecord, unchecked: tuple[str, ...]) -> RerunReport:
    then, now = (
        {k: s for k, s in r.outputs.items() if s.kind in _TABLES} for r in (original, repeated)
    )
    tables = tuple(
        TableComparison(
            name,
            sum(then[name].n_rows.values()),
            sum(now[name].n_rows.values()),
            then[name].n_rows == now[name].n_rows and then[name].digest == now[name].digest,
        )
        for name in sorted(then.keys() & now.keys())
    )
    missing = tuple(sorted(then.keys() ^ now.keys()))
    current = versions()
    return RerunReport(
        original, repeated, tables, missing, unchecked, dict(_differences(original.versions, current))
    )


def _differences(
    then: dict[str, str], now: dict[str, str]
) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            yield name, (then.get(name), now.get(name))
