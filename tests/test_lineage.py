"""The graph that Kedro-Viz shows: layers that can be drawn one below the other."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from malca.pipeline_registry import register_pipelines
from malca.settings import CONFIG_LOADER_ARGS

PROJECT = Path(__file__).resolve().parents[1]
PIPELINES = register_pipelines()


@pytest.fixture(scope="module")
def layers() -> dict[str, str]:
    loader = OmegaConfigLoader(conf_source=str(PROJECT / "conf"), **CONFIG_LOADER_ARGS)
    return {name: entry["metadata"]["kedro-viz"]["layer"] for name, entry in loader["catalog"].items()}


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_layers_follow_each_other(name, layers):
    """Kedro-Viz leaves all layers out if data ever go back to an earlier one."""
    before: dict[str, set[str]] = {}
    for node in PIPELINES[name].nodes:
        given = {layers[d] for d in node.inputs if not d.startswith("params:")}
        for made in node.outputs:
            before.setdefault(layers[made], set()).update(given - {layers[made]})
    order = list(TopologicalSorter(before).static_order())  # raises CycleError, which names the cycle
    assert set(order) >= set(before)
