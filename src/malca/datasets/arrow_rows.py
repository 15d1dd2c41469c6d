"""A table in Arrow's file format that is mapped into memory, read as Parquet is elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import ipc


class ArrowFile:
    """Batches of an uncompressed Arrow file; what is not asked for is never read from the disc.

    Parameters
    ----------
    path : Path

    Raises
    ------
    pa.ArrowInvalid, OSError
        It is damaged or gone.
    """

    def __init__(self, path: Path) -> None:
        self._map = pa.memory_map(str(path))
        reader = ipc.open_file(self._map)
        self.schema_arrow: pa.Schema = reader.schema
        self._batches = [reader.get_batch(k) for k in range(reader.num_record_batches)]
        self.starts = np.cumsum([0, *(batch.num_rows for batch in self._batches)])

    @property
    def n_rows(self) -> int:
        return int(self.starts[-1])

    def __enter__(self) -> ArrowFile:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what was read stays."""
        self._batches = []
        self._map.close()

    def batches(
        self, columns: list[str], groups: list[int] | None = None
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Batches of some columns, each with the number of its first row."""
        for group in range(len(self._batches)) if groups is None else groups:
            yield int(self.starts[group]), self._batches[group].select(columns)

    def rows(self, columns: list[str], rows: np.ndarray) -> pa.Table:
        """Read some rows, in the order given."""
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        owner = np.unique(np.searchsorted(self.starts, ordered, side="right") - 1)
        parts = []
        for first, batch in self.batches(columns, owner.tolist()):
            part = slice(*np.searchsorted(ordered, [first, first + batch.num_rows]))
            parts.append(batch.take(pa.array(ordered[part] - first)))
        schema = pa.schema([self.schema_arrow.field(name) for name in columns])
        if not parts:
            return schema.empty_table()
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return pa.Table.from_batches(parts, schema).combine_chunks().take(pa.array(back))
