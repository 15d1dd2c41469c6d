"""Facts of the run that is going on, as a dataset: nodes know neither the clock nor git."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from malca import __version__
from malca.tracking.circumstances import code_state


class RunFacts(AbstractDataset[Any, dict[str, str]]):
    """When, and with which code: ``written`` (UTC), ``MALCA``, ``git revision``. Read-only.

    YAML
    ----
    ::

        run_facts:
          type: malca.datasets.run_facts.RunFacts

    Python
    ------
    >>> RunFacts().load()["MALCA"]  # doctest: +SKIP
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        state, _ = code_state()
        facts = {"written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "MALCA": __version__}
        if state.revision is not None:
            changed = ", with changes that are not committed" if state.dirty else ""
            facts["git revision"] = state.revision[:12] + changed
        return facts

    def save(self, data: Any) -> None:
        raise DatasetError("facts of a run are read-only")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {}
