"""Partitions in a folder: one Parquet file for every table and partition, and a receipt for each.

::

    detections/
      plan.json                      which partitions there are to be, and what they are made from
      events/13_13.5-00000.parquet   a table of a partition
      sources/13_13.5-00000.parquet
      receipts/13_13.5-00000.json    written last: the partition is finished

A partition is replaced by taking its receipt away, putting its new files in place and writing a new
receipt, so that a killed run leaves old partitions, new ones and unfinished ones, but none that is
part old and part new. What a bundle brought has no receipts; there the fingerprint that its files
name tells whether a partition is whole.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from malca.datasets.atomic import replacing, write_text
from malca.datasets.digests import DIGEST_KEY, table_digest
from malca.datasets.locks import is_held
from malca.partitions.receipts import DamagedError, Receipt, TableFacts

FINGERPRINT_KEY = b"malca.fingerprint"
COMPRESSION = "zstd"
LOCK = ".lock"
_RECEIPTS, _PLAN = "receipts", "plan.json"
_MARKS = frozenset({FINGERPRINT_KEY, DIGEST_KEY})
#: Small files of a shared file system are mostly waited for.
_READERS = 16


class Loader:
    """Reads one Parquet file when called, and refuses one that is not what was written.

    An object and not a closure: it is sent to other processes.
    """

    def __init__(self, path: Path, digest: str = "") -> None:
        self.path, self.digest = path, digest

    def __call__(self) -> pa.Table:
        try:
            table = pq.read_table(self.path, partitioning=None)
        except (OSError, pa.ArrowException) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise self._damaged() from error
        if self.digest and _digest(table) != self.digest:
            raise self._damaged()
        own = {name: text for name, text in (table.schema.metadata or {}).items() if name not in _MARKS}
        return table.replace_schema_metadata(own)

    def _damaged(self) -> DamagedError:
        return DamagedError(
            f"{self.path} is damaged, or was changed since it was written: run the pipeline that makes "
            "it again, with --params compute.verify=true"
        )


@dataclass(frozen=True)
class FolderStore:
    """Partitions of a folder. It can be sent to other processes.

    Attributes
    ----------
    folder : Path
    tables : tuple of str
        Tables each partition has.
    token : str
        Of the lock under which partitions are written; empty: there is none.
    """

    folder: Path
    tables: tuple[str, ...]
    token: str = ""

    def locked_by(self, token: str) -> FolderStore:
        """Give the same store, written to only as long as the lock is held."""
        return replace(self, token=token)

    def table_path(self, table: str, key: str) -> Path:
        """File of a table of a partition."""
        return self.folder / table / f"{key}.parquet"

    def _receipt_path(self, key: str) -> Path:
        return self.folder / _RECEIPTS / f"{key}.json"

    def present(self) -> list[str]:
        """Every partition there is anything of."""
        return sorted(set(self._listed(_RECEIPTS, ".json")).union(*self._sizes().values()))

    def _sizes(self) -> dict[str, dict[str, int]]:
        return {name: self._listed(name, ".parquet") for name in self.tables}

    def _listed(self, name: str, suffix: str) -> dict[str, int]:
        """Keys and sizes of the files in one of the folders."""
        try:
            with os.scandir(self.folder / name) as entries:
                return {
                    entry.name.removesuffix(suffix): entry.stat().st_size
                    for entry in entries
                    if entry.name.endswith(suffix) and not entry.name.startswith(".")
                }
        except FileNotFoundError:
            return {}

    def receipts(self, keys: Iterable[str] | None = None) -> dict[str, Receipt]:
        """Receipts of the partitions (all by default) that are finished or have failed.

        Damaged ones, whose files are not there or not of the size that was written, have none.
        """
        sizes, written = self._sizes(), self._listed(_RECEIPTS, ".json")

        def read(key: str) -> Receipt | None:
            if key not in written:
                return self._from_footers(key)
            try:
                receipt = Receipt.model_validate_json(self._receipt_path(key).read_bytes())
            except (FileNotFoundError, ValidationError):
                return None
            found = {name: sizes[name].get(key) for name in self.tables}
            told = {name: facts.n_bytes for name, facts in receipt.tables.items()}
            return receipt if receipt.error is not None or found == told else None

        chosen = sorted(set(written).union(*sizes.values())) if keys is None else list(keys)
        with ThreadPoolExecutor(_READERS) as pool:
            found = zip(chosen, pool.map(read, chosen), strict=True)
            return {key: receipt for key, receipt in found if receipt is not None}

    def _from_footers(self, key: str) -> Receipt | None:
        """Receipt of a partition that a bundle brought: its files name one fingerprint."""
        marks, tables = set(), {}
        for name in self.tables:
            path = self.table_path(name, key)
            try:
                footer = pq.read_metadata(path)
            except (OSError, pa.ArrowInvalid):
                return None
            own = footer.metadata or {}
            if DIGEST_KEY in own:
                return None  # written here, and the receipt that would complete it was not
            marks.add(own.get(FINGERPRINT_KEY, b"").decode())
            tables[name] = TableFacts(n_rows=footer.num_rows, n_bytes=path.stat().st_size, digest="")
        mark = marks.pop()
        return Receipt(fingerprint=mark, tables=tables) if mark and not marks else None

    def write(
        self, key: str, fingerprint: str, tables: Mapping[str, Any], *, seconds: float = 0.0
    ) -> Receipt:
        """Keep a partition's tables, all or none.

        Raises
        ------
        KeyError
            A table is missing.
        OSError
            It cannot be written, or the lock is no longer held.
        """
        facts = {}
        with ExitStack() as files:
            for name in self.tables:
                partial = files.enter_context(replacing(self.table_path(name, key)))
                facts[name] = _write(tables[name], partial, fingerprint)
            self._own()
            self._receipt_path(key).unlink(missing_ok=True)
        receipt = Receipt(fingerprint=fingerprint, tables=facts, seconds=round(seconds, 3))
        write_text(receipt.model_dump_json(), self._receipt_path(key))
        return receipt

    def _own(self) -> None:
        if self.token and not is_held(self.folder / LOCK, self.token):
            raise OSError(errno.EBUSY, "another run has taken this folder over", str(self.folder))

    def note_failure(self, key: str, fingerprint: str, error: str) -> None:
        """Note that a partition failed, and would again."""
        self._own()
        receipt = Receipt(fingerprint=fingerprint, error=error)
        write_text(receipt.model_dump_json(), self._receipt_path(key))

    def remove(self, key: str) -> None:
        """Forget a partition."""
        self._own()
        self._receipt_path(key).unlink(missing_ok=True)
        for name in self.tables:
            self.table_path(name, key).unlink(missing_ok=True)

    def is_sound(self, key: str, receipt: Receipt) -> bool:
        """Whether a finished partition holds what was written."""
        try:
            for name in self.tables:
                self.loader(name, key, receipt)()
        except (DamagedError, FileNotFoundError):
            return False
        return True

    def loader(self, table: str, key: str, receipt: Receipt) -> Loader:
        """Give the reader of a table of a finished partition."""
        return Loader(self.table_path(table, key), receipt.tables[table].digest)

    def planned(self) -> dict[str, str] | None:
        """Fingerprints of the partitions there are to be; None: nobody said so.

        Raises
        ------
        DamagedError
        """
        path = self.folder / _PLAN
        try:
            return TypeAdapter(dict[str, str]).validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise DamagedError(f"{path} is damaged: run the pipeline that makes it again") from None

    def plan(self, fingerprints: Mapping[str, str], answers_for: Callable[[str], bool]) -> None:
        """Note which partitions, of those a map answers for, there are to be."""
        self._own()
        try:
            before = self.planned()
        except DamagedError:
            before = None
        others = {key: mark for key, mark in (before or {}).items() if not answers_for(key)}
        plan = others | dict(fingerprints)
        if plan != before:
            write_text(json.dumps(plan, indent=0), self.folder / _PLAN)

    def remove_leftovers(self) -> None:
        """Remove what killed runs left half written. Nobody else may be writing."""
        for folder in (self.folder, *(self.folder / name for name in (*self.tables, _RECEIPTS))):
            for path in folder.glob(".*.partial*"):
                path.unlink(missing_ok=True)


def _digest(table: pa.Table) -> str:
    # A table without rows comes in one empty piece or in none.
    return table_digest((batch for batch in table.to_batches() if batch.num_rows), table.schema)


def _write(table: Any, path: Path, fingerprint: str) -> TableFacts:
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    digest = _digest(table)
    marks = {FINGERPRINT_KEY: fingerprint.encode(), DIGEST_KEY: digest.encode()}
    table = table.replace_schema_metadata((table.schema.metadata or {}) | marks)
    pq.write_table(table, path, compression=COMPRESSION)
    # Some file systems tell only here that there is no room, and the old table is still in place.
    with open(path, "rb") as written:
        os.fsync(written.fileno())
        n_bytes = os.fstat(written.fileno()).st_size
    return TableFacts(n_rows=table.num_rows, n_bytes=n_bytes, digest=digest)
