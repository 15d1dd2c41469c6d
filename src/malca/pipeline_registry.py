"""Which pipelines there are, and what runs by default."""

from __future__ import annotations

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

#: The default run, in order: from raw light curves to scored events.
DEFAULT = ("ingest", "detection")


def register_pipelines() -> dict[str, Pipeline]:
    """Every pipeline by name; ``__default__`` joins those of ``DEFAULT``.

    Kedro imports only the pipelines a run names, so the default is there only if its parts are.
    """
    found = find_pipelines(raise_errors=True)
    if all(name in found for name in DEFAULT):
        found["__default__"] = sum((found[name] for name in DEFAULT), Pipeline([]))
    return found
