"""Parquet tables: partitioned stores that resume, and single tables written a part at a time."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import AbstractDataset, DatasetError

from malca.columns import wanted_columns, wanted_in_parts
from malca.datasets.atomic import remove_abandoned, replacing
from malca.datasets.locks import Lock, LockedError
from malca.datasets.partition_store import (
    COMPRESSION,
    FINGERPRINT_KEY,
    LOCK,
    FolderStore,
)
from malca.datasets.previews import TablePreview, rows_preview, table_preview
from malca.partitions import DamagedError, PartitionMap, PartitionReport, Receipt, run_partitions
from malca.partitions.engines import EngineError

logger = logging.getLogger(__name__)

#: Rows a part of a table has at least, where it is wanted in parts.
_ROWS_OF_PART = 5_000

_COMPRESSION, _FINGERPRINT = COMPRESSION, FINGERPRINT_KEY

#: Key of a file's metadata: what it was gathered from, and how long it is without its footer.
GATHERED_KEY = b"malca.gathered"
#: Parquet ends with the length of the footer and the letters PAR1.
_TAIL_BYTES = 8


def write_atomically(
    table: pa.Table | Iterable[pa.Table], path: Path, *, made_from: str | None = None
) -> None:
    """Write Parquet so that ``path`` either keeps what it had or holds the whole new table.

    Parameters
    ----------
    table : Table, or several of one schema
    path : Path
    made_from : str, optional
        What it was gathered from, to be noted in the file.
    """
    with replacing(path) as partial, pa.OSFile(str(partial), "wb") as sink:
        tables = iter([table] if isinstance(table, pa.Table) else table)
        first = next(tables)
        with pq.ParquetWriter(sink, first.schema, compression=COMPRESSION) as writer:
            writer.write_table(first)
            for more in tables:
                writer.write_table(more)
            if made_from is not None:
                n_bytes = sink.tell() + _TAIL_BYTES
                writer.add_key_value_metadata({GATHERED_KEY: _gathered(made_from, n_bytes)})


def _gathered(made_from: str, n_bytes: int) -> bytes:
    return f"{made_from} {n_bytes}".encode()


def _made_from(parts: Mapping[str, Callable[[], pa.Table]]) -> str | None:
    """Tell partitions and digests a table is gathered from; None: not all are known."""
    digests = {key: getattr(part, "digest", "") for key, part in sorted(parts.items())}
    if not all(digests.values()):
        return None
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


class Partitions(Mapping[str, Mapping[str, Callable[[], pa.Table]]]):
    """Loaders of a store's finished partitions: ``partitions[table][key]()`` is an Arrow table.

    Attributes
    ----------
    fingerprints : dict of str to str
        What each partition holds, as a digest: equal for equal content, whatever it was made from.
        (Of what a bundle brought, the fingerprint of what it was made from.)
    """

    def __init__(self, store: FolderStore, receipts: Mapping[str, Receipt]) -> None:
        self._store, self._receipts = store, dict(receipts)
        self.fingerprints = {key: _content(receipt) for key, receipt in self._receipts.items()}

    def __getitem__(self, table: str) -> dict[str, Callable[[], pa.Table]]:
        names = self._store.tables
        if table not in names:
            raise KeyError(f"no table '{table}' here; there are {', '.join(names)}")
        return {key: self._store.loader(table, key, one) for key, one in self._receipts.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.tables)

    def __len__(self) -> int:
        return len(self._store.tables)

    def n_rows(self, table: str) -> dict[str, int]:
        """Rows of every partition of one table."""
        return {key: receipt.tables[table].n_rows for key, receipt in self._receipts.items()}


def _content(receipt: Receipt) -> str:
    digests = {name: facts.digest for name, facts in sorted(receipt.tables.items())}
    if not all(digests.values()):
        return receipt.fingerprint
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


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
        self._store = FolderStore(self._folder, tuple(tables))
        self.metadata = metadata
        self.last_report: PartitionReport | None = None

    def save(self, data: PartitionMap) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with Lock(self._folder / LOCK, str(self._folder)) as lock:
                self._store.remove_leftovers()
                self.last_report = run_partitions(data, self._store.locked_by(lock.token or ""))
                self._store.remove_leftovers()  # of workers that died meanwhile
        except LockedError as error:
            raise DatasetError(f"{data.title}: {error}") from None
        except EngineError as error:
            raise DatasetError(f"{data.title} stopped: {error}; what is finished is kept") from error
        except MemoryError as error:
            raise DatasetError(
                f"{data.title} stopped: there is not enough memory for a partition of this size, which "
                "compute.stars_per_partition would make smaller; what is finished is kept"
            ) from error
        except OSError as error:
            raise DatasetError(
                f"{data.title} stopped: {_in_words(error)}; what is finished in {self._folder} is "
                "kept, run again to do the rest"
            ) from error
        if self.last_report.failed:
            key, reason = next(iter(self.last_report.failed.items()))
            raise DatasetError(
                f"{data.title}: {len(self.last_report.failed)} of {len(data.tasks)} partitions failed, "
                f"first {key}: {reason}. The others are kept; run again to do these only, with "
                "--params compute.retry_failed=true where nothing else changes"
            )

    def load(self) -> Partitions:
        try:
            plan, receipts = self._store.planned(), self._store.receipts()
        except DamagedError as error:
            raise DatasetError(str(error)) from None
        if plan is None:  # a bundle brought it
            marks = {key: receipt.fingerprint for key, receipt in receipts.items()}
            plan = {key: marks.get(key, "") for key in self._store.present()}
        if not plan:
            raise DatasetError(
                f"no finished partition in {self._folder}: run the pipeline that makes them"
            )
        absent = [key for key in plan if key not in receipts]
        stale = [key for key in plan if key in receipts and receipts[key].fingerprint != plan[key]]
        failed = [key for key in plan if key in receipts and receipts[key].error is not None]
        for keys, are in (
            (absent, "unfinished or damaged"),
            (stale, "not of the last run, which did not come to its end"),
            (failed, "missing, since they failed"),
        ):
            if keys:
                more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
                raise DatasetError(
                    f"partitions {', '.join(keys[:5])}{more} in {self._folder} are {are}: run the "
                    "pipeline that makes them again, it will do only these"
                )
        return Partitions(self._store, {key: receipts[key] for key in plan})

    def check(self) -> None:
        """Refuse, before work starts, what ``load`` would refuse."""
        self.load()

    def preview(self) -> TablePreview:
        """Tables with their partitions and rows, for Kedro-Viz."""
        receipts = self._store.receipts().values()
        rows = []
        for name in self._store.tables:
            facts = [receipt.tables[name] for receipt in receipts if name in receipt.tables]
            rows.append((name, len(facts), sum(each.n_rows for each in facts)))
        return rows_preview(["table", "partitions", "rows"], rows)

    def remove_leftovers(self) -> None:
        """Remove folders that killed imports left; what killed runs left goes when it is filled."""
        remove_abandoned(self._folder)

    def _exists(self) -> bool:
        return bool(self._store.present())

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder), "tables": list(self._store.tables)}


def _in_words(error: OSError) -> str:
    text = f"{error.strerror}: {error.filename}" if error.filename and error.strerror else str(error)
    return " ".join([text, *getattr(error, "__notes__", ())])


class StreamedTable(AbstractDataset[Any, Any]):
    """One Parquet file, written whole or not at all, from a frame or from many parts.

    Saving takes a DataFrame, or a mapping of loaders as ``Partitions`` gives for one table:
    parts are written one after the other (a row group each), so memory stays that of a part. A
    file that was gathered from the same partitions is left as it is. Loading reads the columns that
    the node needs, or gives what reads some row groups at a time, see ``malca.columns``.

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
        made_from = _made_from(data)
        if made_from is not None and self._is_made_from(made_from):
            logger.info("%s holds these partitions already", self._path)
            return
        try:
            write_atomically(_aligned(data), self._path, made_from=made_from)
        except DamagedError as error:
            raise DatasetError(str(error)) from error

    def _is_made_from(self, made_from: str) -> bool:
        """Whether the file was gathered from the same partitions, and not changed since."""
        try:
            footer = pq.read_metadata(self._path)
        except (OSError, pa.ArrowInvalid):
            return False
        n_bytes = self._path.stat().st_size - footer.serialized_size
        return (footer.metadata or {}).get(GATHERED_KEY) == _gathered(made_from, n_bytes)

    def load(self) -> Any:
        if wanted_in_parts.get():
            return self._parts()
        with _whole(self._path):
            return pd.read_parquet(self._path, **self._wanted() | self._load_args)

    def _parts(self) -> list[Callable[[], pd.DataFrame]]:
        columns = self._wanted().get("columns")
        with _whole(self._path):
            footer = pq.read_metadata(self._path)
        parts: list[Callable[[], pd.DataFrame]] = []
        groups, n_rows = list[int](), 0
        for k in range(footer.num_row_groups):
            groups.append(k)
            n_rows += footer.row_group(k).num_rows
            if n_rows >= _ROWS_OF_PART or k == footer.num_row_groups - 1:
                parts.append(partial(_row_groups, self._path, groups, columns))
                groups, n_rows = [], 0
        return parts or [partial(_row_groups, self._path, [], columns)]  # no row, but columns

    def _wanted(self) -> dict[str, list[str]]:
        names = wanted_columns.get()
        if names is None:
            return {}
        there = set(pq.read_schema(self._path).names)
        return {"columns": [name for name in names if name in there]}

    def check(self) -> None:
        """Refuse, before work starts, a table that is not there."""
        if not self._path.exists():
            raise DatasetError(f"there is no {self._path}: run the pipeline that makes it first")

    def preview(self, nrows: int = 20) -> TablePreview:
        """First rows for Kedro-Viz."""
        return table_preview(self._path, nrows)

    def remove_leftovers(self) -> None:
        """Remove what killed runs and imports left half written."""
        remove_abandoned(self._path)

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Say in words that a file is damaged."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DatasetError(f"{path} is damaged: run the pipeline that makes it again") from error


def _row_groups(path: Path, groups: list[int], columns: list[str] | None) -> pd.DataFrame:
    with _whole(path), pq.ParquetFile(path) as file:
        return file.read_row_groups(groups, columns=columns).to_pandas()


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
