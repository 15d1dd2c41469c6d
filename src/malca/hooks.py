"""What the project does around a run: say what is wrong before work starts, end runs cleanly."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import yaml
from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError

from malca.columns import columns_of, in_parts, wanted_columns, wanted_in_parts
from malca.magnitude_bins import resolve_bin
from malca.memory import give_back

logger = logging.getLogger(__name__)


#: What --params may also say: it shapes the configuration and is no node's parameter.
_NOT_PARAMETERS = frozenset({"mag_bin", "overwrite"})


class RefusedError(Exception):
    """A run that cannot succeed, told in one sentence before it starts."""


class ProjectHooks:
    """Reports a run's bin and duration, and closes tracking runs left open."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._parameters: set[str] = set()

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Note which parameters the project's files declare; Kedro takes any name on --params."""
        files = Path(context.config_loader.conf_source).glob("*/parameters*.yml")
        declared = (yaml.safe_load(path.read_text(encoding="utf-8")) or {} for path in files)
        self._parameters = set(_NOT_PARAMETERS).union(*declared)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """Refuse what cannot succeed, remove what killed runs left, say what is about to run.

        Raises
        ------
        RefusedError
            An input that can be looked at without being read says that it is not there.
        """
        self._started = time.monotonic()
        unknown = sorted(set(run_params.get("runtime_params") or {}) - self._parameters)
        if unknown:
            raise RefusedError(
                f"--params {', '.join(unknown)}: there is no such parameter; there are "
                f"{', '.join(sorted(self._parameters))}"
            )
        for name in sorted(pipeline.inputs()):
            try:
                check = getattr(catalog.get(name), "check", None)
                if check is not None:
                    check()
            except DatasetError as error:
                raise RefusedError(f"{name}: {' '.join(str(error).split())}") from None
        for name in sorted(pipeline.datasets()):
            clean = getattr(catalog.get(name), "remove_leftovers", None)
            if clean is not None:
                clean()
        names = run_params.get("pipeline_names") or ["__default__"]
        # Kedro lays --params over the resolved parameters, so a bare bin is a number here again.
        mag_bin = resolve_bin(catalog.load("params:mag_bin"))
        logger.info("pipeline %s, magnitude bin %s", ", ".join(names), mag_bin)

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str, node: Any) -> None:
        """Have only those columns of a table read that the node needs, in parts if it says so."""
        wanted_columns.set(columns_of(node.func).get(dataset_name))
        wanted_in_parts.set(dataset_name in in_parts(node.func))

    @hook_impl
    def after_dataset_loaded(self) -> None:
        """Have whole tables read again, whoever loads one."""
        wanted_columns.set(None)
        wanted_in_parts.set(False)

    @hook_impl
    def after_dataset_saved(self) -> None:
        """Keep no memory of tables that are written; workers may want it."""
        give_back()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Say how long it took."""
        logger.info("finished in %.1f s", time.monotonic() - self._started)
