"""Of wide tables only what a node needs is read, and nodes say what they need of which table."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner, ThreadRunner

from malca.columns import (
    Columns,
    InParts,
    columns_of,
    in_parts,
    parts_of,
    wanted_columns,
    wanted_in_parts,
)
from malca.datasets.tables import StreamedTable
from malca.hooks import ProjectHooks
from malca.pipeline_registry import register_pipelines

PIPELINES = register_pipelines()


def narrow(sources: Annotated[pd.DataFrame, Columns("b", "a", "not there")], events: pd.DataFrame):
    return list(sources), list(events)


def whole(sources: pd.DataFrame):
    return list(sources)


def parted(sources: Annotated[Any, Columns("a"), InParts()], events: pd.DataFrame):
    parts = [load() for load in parts_of(sources)]
    return [part["a"].tolist() for part in parts], list(parts[0]), list(events)


RUNNERS = {
    "sequential": SequentialRunner(),
    "async": SequentialRunner(is_async=True),
    "threads": ThreadRunner(max_workers=2),
}


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_node_gets_the_columns_it_asks_for(tmp_path, runner):
    tables = {
        name: StreamedTable(filepath=str(tmp_path / f"{name}.parquet"))
        for name in ("sources", "events")
    }
    for table in tables.values():
        table.save(pd.DataFrame({"a": [1], "b": ["x"], "c": [2.0]}))
    results = {name: MemoryDataset() for name in ("of_narrow", "of_whole")}
    manager = _create_hook_manager()
    manager.register(ProjectHooks())
    pipeline = Pipeline(
        [
            Node(narrow, ["sources", "events"], "of_narrow", name="narrow"),
            Node(whole, "sources", "of_whole", name="whole"),
        ]
    )
    RUNNERS[runner].run(pipeline, DataCatalog(tables | results), manager)
    assert results["of_narrow"].load() == (["b", "a"], ["a", "b", "c"])
    assert results["of_whole"].load() == ["a", "b", "c"]
    assert wanted_columns.get() is None
    assert list(tables["sources"].load()) == ["a", "b", "c"]


def test_a_node_gets_a_table_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("malca.datasets.tables._ROWS_OF_PART", 3)
    tables = {
        name: StreamedTable(filepath=str(tmp_path / f"{name}.parquet"))
        for name in ("sources", "events")
    }
    pieces = [pa.table({"a": rows, "b": ["x"] * len(rows)}) for rows in ([1, 2], [3, 4], [5], [6, 7])]
    tables["sources"].save({str(k): lambda piece=piece: piece for k, piece in enumerate(pieces)})
    tables["events"].save(pd.DataFrame({"c": [1]}))
    result = MemoryDataset()
    manager = _create_hook_manager()
    manager.register(ProjectHooks())
    pipeline = Pipeline([Node(parted, ["sources", "events"], "result", name="parted")])
    SequentialRunner().run(pipeline, DataCatalog(tables | {"result": result}), manager)
    assert result.load() == ([[1, 2, 3, 4], [5, 6, 7]], ["a"], ["c"])
    assert not wanted_in_parts.get()
    # a table in memory, and one without a row, have one part
    assert parted(pd.DataFrame({"a": [1]}), pd.DataFrame()) == ([[1]], ["a"], [])
    tables["sources"].save(pd.DataFrame({"a": pd.array([], dtype="int64")}))
    wanted_in_parts.set(True)
    try:
        (part,) = tables["sources"].load()
    finally:
        wanted_in_parts.set(False)
    assert str(part()["a"].dtype) == "int64"


def test_what_has_no_types_needs_everything():
    assert columns_of(narrow) == {"sources": ("b", "a", "not there")}
    assert columns_of(whole) == {}
    assert columns_of(partial(whole)) == {}
    assert columns_of(lambda sources: sources) == {}


def test_columns_are_asked_of_tables_by_their_names():
    """Of an argument that is not named as its table is nothing would be known."""
    asked = set()
    for pipeline in PIPELINES.values():
        for node in pipeline.nodes:
            arguments = list(inspect.signature(node.func).parameters)
            for name in {*columns_of(node.func), *in_parts(node.func)}:
                assert node.inputs[arguments.index(name)] == name, node.name
                asked.add((node.short_name, name))
    assert {("write_summary", "sources"), ("match_catalogs", "manifest"), ("judge", "sources")} < asked
