"""Write down what a run does, while it does it. Nothing here can stop a run."""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.hooks import hook_impl

from malca.memory import give_back
from malca.tracking.recorder import Recorder, RecorderError, TrackingOptions

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

    from malca.tracking.record import DatasetState, Outcome, RunRecord

logger = logging.getLogger(__name__)

#: Folder below data_root and a bin's folder where records are.
REPORTS = "08_reporting"


def _never_in_the_way(function: Callable[..., None]) -> Callable[..., None]:
    """Tell once that a run cannot be recorded, and let it go on."""

    @functools.wraps(function)
    def guarded(self: TrackingHooks, *args: Any, **kwargs: Any) -> None:
        try:
            function(self, *args, **kwargs)
        except Exception as error:
            self._run = None
            logger.warning("this run is not recorded: %s: %s", type(error).__name__, error)
            logger.debug("", exc_info=True)

    return guarded


@dataclass
class _Run:
    """A run that is being recorded."""

    record: RunRecord
    path: Path
    catalog: DataCatalog
    options: TrackingOptions
    pid: int = field(default_factory=os.getpid)
    clock: float = field(default_factory=time.monotonic)
    # Contents are read aside, while nodes work: reading and hashing leave Python free.
    reader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    inputs: dict[str, Future[DatasetState]] = field(default_factory=dict)
    outputs: dict[str, Future[tuple[DatasetState, dict[str, float]]]] = field(default_factory=dict)
    node_started: dict[str, float] = field(default_factory=dict)
    told: bool = False


class TrackingHooks:
    """Records runs, see ``malca.tracking``."""

    #: Pluggy registers this object under the name of kedro-mlflow's hook, which it replaces: that
    #: one imports MLflow before a run begins and enters parameter models as one text.
    __name__ = "mlflow_hook"

    def __init__(self) -> None:
        self._run: _Run | None = None
        self._context: KedroContext | None = None
        self._recorder = Recorder()
        self._ends_at_exit = False
        #: Record of the last run of this process that has ended.
        self.last_record: RunRecord | None = None
        #: Id of the run that the next one repeats.
        self.rerun_of: str | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep what knows the configuration; MLflow is imported elsewhere while pipelines are here."""
        self._context = context
        command = click.get_current_context(silent=True)
        if command is not None and command.info_name == "run":
            with contextlib.suppress(OSError):
                self._recorder.start()

    @hook_impl
    @_never_in_the_way
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Begin the record: what is known before any work."""
        from malca.tracking.beginning import new_record
        from malca.tracking.circumstances import code_state
        from malca.tracking.contents import dataset_state, is_persisted
        from malca.tracking.record import record_path

        self._run = None
        context = self._context
        assert context is not None
        settings = dict(context.config_loader["globals"])
        record = new_record(run_params, pipeline, catalog, settings)
        record.selection.conf_source = str(Path(context.config_loader.conf_source).resolve())
        record.rerun_of, self.rerun_of = self.rerun_of, None
        record.code, patch = code_state()
        folder = context.project_path / str(settings["data_root"]) / REPORTS / record.mag_bin
        path = record_path(folder.resolve(), record.run_id)
        if patch:
            record.code.patch = path.with_suffix(".patch").name
        run = _Run(record, path, catalog, self._options(context))
        record.store.uri = run.options.tracking_uri
        _write(run)
        if patch:
            path.with_suffix(".patch").write_bytes(patch)
        self._run = run
        if not self._ends_at_exit:
            atexit.register(self._end_at_exit)
            self._ends_at_exit = True
        for name in sorted(pipeline.inputs()):
            if is_persisted(name, catalog):
                run.inputs[name] = run.reader.submit(dataset_state, name, catalog)
        self._tell_start(run, pipeline)

    def _options(self, context: KedroContext) -> TrackingOptions:
        """Read the settings of the store; a mistake in them leaves the run without a store."""
        try:
            options = TrackingOptions.model_validate(dict(context.config_loader["mlflow"]))
            return options.below(context.project_path)
        except Exception as error:
            reason = " ".join(str(error).split())
            logger.warning("mlflow.yml cannot be used, MLflow gets no record of this run: %s", reason)
            return TrackingOptions()

    def _tell_start(self, run: _Run, pipeline: Pipeline) -> None:
        from malca.tracking.entries import open_run

        if run.options.tracking_uri is None:
            return
        try:
            self._recorder.tell("started", run.path, run.options)
            run.told = True
            if _uses_mlflow(pipeline, run.catalog):
                run_id = self._recorder.answer("started", run.path, run.options.wait_seconds)
                open_run(run.options.tracking_uri, run_id)
        except RecorderError as error:
            _warn(run, error)

    @hook_impl
    @_never_in_the_way
    def before_dataset_loaded(self, node: Node) -> None:
        """Start a node's clock: its time includes loading."""
        self._start_clock(node)

    @hook_impl
    @_never_in_the_way
    def before_node_run(self, node: Node) -> None:
        """Start the clock of a node without inputs."""
        self._start_clock(node)

    def _start_clock(self, node: Node) -> None:
        if run := self._current():
            run.node_started.setdefault(node.name, time.monotonic())

    @hook_impl
    @_never_in_the_way
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Read what was saved, and stop the node's clock: its time includes saving."""
        from malca.tracking.contents import is_persisted

        run = self._current()
        if run is None:
            return
        seconds = time.monotonic() - run.node_started.get(node.name, time.monotonic())
        run.record.nodes[node.short_name] = round(seconds, 4)
        if is_persisted(dataset_name, run.catalog):
            run.outputs[dataset_name] = run.reader.submit(_output, dataset_name, run.catalog)
            _note_partitions(run, dataset_name)
        if dataset_name == node.outputs[-1]:
            _write(run)

    @hook_impl
    @_never_in_the_way
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        """Complete the record of a run that has done all it should."""
        self._end("finished", pipeline=pipeline)

    @hook_impl
    @_never_in_the_way
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline) -> None:
        """Complete the record of a run that has failed."""
        self._end("failed", f"{type(error).__name__}: {error}", pipeline)

    def _end_at_exit(self) -> None:
        # Ctrl-C and sys.exit() reach no hook.
        if self._current() is not None:
            _never_in_the_way(TrackingHooks._end)(self, "killed", "interrupted")

    def _current(self) -> _Run | None:
        """Give the run; none in a worker process that has inherited it."""
        return self._run if self._run is not None and self._run.pid == os.getpid() else None

    def _end(
        self, outcome: Outcome, error: str | None = None, pipeline: Pipeline | None = None
    ) -> None:
        from malca.tracking.beginning import now
        from malca.tracking.contents import is_persisted
        from malca.tracking.entries import close_run

        run = self._current()
        if run is None:
            return
        self._run = None
        record = run.record
        for name in sorted(pipeline.all_outputs()) if pipeline is not None else []:
            # Nodes of other processes tell nothing: what they saved is looked at now.
            if is_persisted(name, run.catalog):
                _note_partitions(run, name)
                if outcome == "finished" and name not in run.outputs:
                    run.outputs[name] = run.reader.submit(_output, name, run.catalog)
        _gather(run)
        record.outcome, record.error = outcome, error
        record.ended = now()
        record.seconds = round(time.monotonic() - run.clock, 3)
        record.metrics |= {f"seconds.{name}": s for name, s in record.nodes.items()}
        record.metrics["seconds.total"] = record.seconds
        record.metrics["memory_peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        # Tables first: MLflow's pages begin with what comes first.
        rows = {name: n for name, n in record.metrics.items() if name.startswith("rows.")}
        record.metrics = rows | dict(sorted(record.metrics.items()))
        _write(run)
        close_run()
        self._tell_end(run)
        self.last_record = record

    def _tell_end(self, run: _Run) -> None:
        record = run.record
        if not run.told:
            logger.info("recorded in %s", run.path)
            return
        try:
            self._recorder.tell("ended", run.path, run.options)
            record.store.mlflow_run_id = self._recorder.answer(
                "ended", run.path, run.options.wait_seconds
            )
            _write(run)
            logger.info("recorded as run %s, in MLflow %s", record.run_id, record.store.mlflow_run_id)
        except RecorderError as error:
            _warn(run, error)


def _output(name: str, catalog: DataCatalog) -> tuple[DatasetState, dict[str, float]]:
    from malca.tracking.contents import content_metrics, dataset_state

    state = dataset_state(name, catalog)
    metrics = content_metrics(name, state)
    give_back()  # here too: Arrow keeps memory by thread
    return state, metrics


def _note_partitions(run: _Run, name: str) -> None:
    from malca.tracking.contents import partition_metrics, partition_state

    state = partition_state(run.catalog.get(name))
    if state is not None:
        run.record.partitions[name] = state
        run.record.metrics |= partition_metrics(name, state)


def _gather(run: _Run) -> None:
    """Put what was read aside into the record; what could not be read is told, not hidden."""
    from malca.tracking.contents import artifact_of

    record = run.record
    for name, future in run.inputs.items():
        try:
            record.inputs[name] = future.result()
        except Exception as error:
            logger.warning("the record lacks the input %s: %s", name, error)
    for name, saved in run.outputs.items():
        try:
            record.outputs[name], metrics = saved.result()
            record.metrics |= metrics
            path = artifact_of(name, run.catalog.get(name))
        except Exception as error:
            logger.warning("the record lacks the output %s: %s", name, error)
            continue
        if path is not None:
            record.artifacts.append(str(path))
    run.reader.shutdown()


def _write(run: _Run) -> None:
    from malca.tracking.record import write_record

    write_record(run.record, run.path)


def _warn(run: _Run, error: RecorderError) -> None:
    run.told = False
    run.record.store.problem = str(error)
    _write(run)
    logger.warning(
        "MLflow (%s) has no complete record of this run: %s. It is recorded in %s; "
        "`python -m malca.tracking.store` with this file enters it later.",
        run.options.tracking_uri, error, run.path,
    )  # fmt: skip


def _uses_mlflow(pipeline: Pipeline, catalog: DataCatalog) -> bool:
    """Whether a dataset of the run writes to MLflow itself."""
    names = [name for name in pipeline.datasets() if name in catalog]
    return any(type(catalog.get(name)).__module__.startswith("kedro_mlflow") for name in names)
