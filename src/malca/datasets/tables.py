"""Parquet tables: partitioned stores that resume, and single tables written a part at a time."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import AbstractDataset, DatasetError

from malca.partitions import PartitionMap, PartitionReport, run_partitions

_FINGERPRINT = b"malca.fingerprint"
_COMPRESSION = "zstd"


def write_atomically(table: pa.Table | Iterable[pa.Table], path: Path) -> None:
    """Write Parquet so that ``path`` either keeps what it had or holds the whole new table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        tables = iter([table] if isinstance(table, pa.Table) else table)
        first = next(tables)
        with pq.ParquetWriter(partial, first.schema, compression=_COMPRESSION) as writer:
            writer.write_table(first)
            for more in tables:
                writer.write_table(more)
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


class Partitions(Mapping[str, Mapping[str, Callable[[], pa.Table]]]):
    """Loaders of a store's finished partitions: ``partitions[table][key]()`` is an Arrow table."""

    def __init__(self, folder: Path, tables: tuple[str, ...], fingerprints: Mapping[str, str]) -> None:
        self._folder, self._tables = folder, tables
        self.fingerprints = dict(fingerprints)

    def __getitem__(self, table: str) -> dict[str, Callable[[], pa.Table]]:
        if table not in self._tables:
            raise KeyError(f"no table '{table}' here; there are {', '.join(self._tables)}")
        return {key: _Loader(self._folder / table / f"{key}.parquet") for key in self.fingerprints}

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def n_rows(self, table: str) -> dict[str, int]:
        """Rows of every partition of one table, from the files' footers."""
        return {
            key: pq.ParquetFile(self._folder / table / f"{key}.parquet").metadata.num_rows
            for key in self.fingerprints
        }


class _Loader:
    """Reads one Parquet file when called (an object and not a closure: other processes take it)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> pa.Table:
        return pq.read_table(self.path, partitioning=None)


class _FolderStore:
    """One folder a table, one Parquet file a partition; the last table's file completes it."""

    def __init__(self, folder: Path, tables: tuple[str, ...]) -> None:
        self.folder, self.tables = folder, tables

    def _path(self, table: str, key: str) -> Path:
        return self.folder / table / f"{key}.parquet"

    def fingerprint(self, key: str) -> str | None:
        marks = set()
        for table in self.tables:
            try:
                marks.add((pq.read_metadata(self._path(table, key)).metadata or {}).get(_FINGERPRINT))
            except (OSError, pa.ArrowInvalid):
                return None
        mark = marks.pop()
        return mark.decode() if mark is not None and not marks else None

    def write(self, key: str, fingerprint: str, tables: Mapping[str, Any]) -> None:
        for name in self.tables:
            table = tables[name]
            if isinstance(table, pd.DataFrame):
                table = pa.Table.from_pandas(table, preserve_index=False)
            metadata = {**(table.schema.metadata or {}), _FINGERPRINT: fingerprint.encode()}
            write_atomically(table.replace_schema_metadata(metadata), self._path(name, key))

    def remove(self, key: str) -> None:
        # The last table completes a partition, so it goes first.
        for name in reversed(self.tables):
            self._path(name, key).unlink(missing_ok=True)

    def keys(self) -> list[str]:
        return sorted(
            {path.stem for name in self.tables for path in (self.folder / name).glob("*.parquet")}
        )


class PartitionedTables(AbstractDataset[PartitionMap, Partitions]):
    """A folder of Parquet partitions, several tables side by side, that is filled by doing work.

    Saving a ``PartitionMap`` does the partitions that are not finished under its fingerprints;
    loading gives loaders. Only whole partitions whose tables carry one and the same fingerprint
    exist for a reader.

    YAML
    ----
    ::

        detections:
          type: malca.datasets.tables.PartitionedTables
          path: data/04_feature/13_13.5/detections
          tables: [tags, events, failures, sources]

    Python
    ------
    >>> store = PartitionedTables(path="detections", tables=["events", "sources"])
    >>> store.save(partition_map)  # doctest: +SKIP
    >>> store.load()["events"]["13_13.5-00000"]()  # doctest: +SKIP
    """

    def __init__(self, *, path: str, tables: list[str], metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self._tables = tuple(tables)
        self.metadata = metadata
        self.last_report: PartitionReport | None = None

    def save(self, data: PartitionMap) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.last_report = run_partitions(data, _FolderStore(self._folder, self._tables))
        if self.last_report.failed:
            key, reason = next(iter(self.last_report.failed.items()))
            raise DatasetError(
                f"{data.title}: {len(self.last_report.failed)} of {len(data.tasks)} partitions failed, "
                f"first {key}: {reason}. The others are kept; run again to do these only."
            )

    def load(self) -> Partitions:
        store = _FolderStore(self._folder, self._tables)
        marks = {key: store.fingerprint(key) for key in store.keys()}  # noqa: SIM118 (no mapping)
        broken = [key for key, mark in marks.items() if mark is None]
        if broken:
            raise DatasetError(
                f"partitions {', '.join(broken[:5])} in {self._folder} are incomplete or damaged: run "
                "the pipeline that makes them again, it will do only these"
            )
        if not marks:
            raise DatasetError(
                f"no finished partition in {self._folder}: run the pipeline that makes them"
            )
        finished = {key: mark for key, mark in marks.items() if mark is not None}
        return Partitions(self._folder, self._tables, finished)

    def check(self) -> None:
        """Refuse, before work starts, what ``load`` would refuse."""
        self.load()

    def _exists(self) -> bool:
        return bool(_FolderStore(self._folder, self._tables).keys())

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder), "tables": list(self._tables)}


class StreamedTable(AbstractDataset[Any, pd.DataFrame]):
    """One Parquet file, written whole or not at all, from a frame or from many parts.

    Saving takes a DataFrame, or a mapping of loaders as ``Partitions`` gives for one table:
    parts are written one after the other (a row group each), so memory stays that of a part.

    YAML
    ----
    ::

        events:
          type: malca.datasets.tables.StreamedTable
          filepath: data/04_feature/13_13.5/events.parquet

    Python
    ------
    >>> StreamedTable(filepath="events.parquet").save(pd.DataFrame({"a": [1]}))  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        filepath: str,
        load_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = Path(filepath)
        self._load_args = dict(load_args or {})
        self.metadata = metadata

    def save(self, data: pd.DataFrame | Mapping[str, Callable[[], pa.Table]]) -> None:
        if isinstance(data, pd.DataFrame):
            write_atomically(pa.Table.from_pandas(data, preserve_index=False), self._path)
            return
        write_atomically(_aligned(data), self._path)

    def load(self) -> pd.DataFrame:
        return pd.read_parquet(self._path, **self._load_args)

    def check(self) -> None:
        """Refuse, before work starts, a table that is not there."""
        if not self._path.exists():
            raise DatasetError(f"there is no {self._path}: run the pipeline that makes it first")

    def preview(self, nrows: int = 20) -> dict[str, Any]:
        """First rows for Kedro-Viz."""
        head = pq.ParquetFile(self._path).read_row_group(0).slice(0, nrows).to_pandas()
        return head.to_dict(orient="split")

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


def _aligned(parts: Mapping[str, Callable[[], pa.Table]]) -> Iterator[pa.Table]:
    """Parts with one schema and without the marks of their partitions, in order of their keys."""
    schema = None
    for key in sorted(parts):
        table = parts[key]()
        table = table.replace_schema_metadata(
            {k: v for k, v in (table.schema.metadata or {}).items() if k == b"pandas"}
        )
        if schema is None:
            schema = table.schema
        yield table.cast(schema)
