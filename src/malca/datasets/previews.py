"""First rows of tables, as Kedro-Viz shows them.

Kedro-Viz goes by the return annotation of a dataset's ``preview``: it must be ``TablePreview``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from kedro_datasets._typing import TablePreview

#: Integers above this lose digits in a browser; Gaia's and some of ASAS-SN's ids are above it.
_LARGEST_EXACT = 2**53
_LONGEST_TEXT = 60


def table_preview(path: Path, n_rows: int = 20) -> TablePreview:
    """First rows of a Parquet table; no more of it is read. A file that is not there has none."""
    if not path.is_file():
        return rows_preview([], [])
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        batch = next(file.iter_batches(batch_size=n_rows), None)
    rows = [] if batch is None else zip(*(column.to_pylist() for column in batch.columns), strict=True)
    return rows_preview(names, rows)


def rows_preview(columns: list[str], rows: Iterable[Iterable[Any]]) -> TablePreview:
    """Rows of plain values as Kedro-Viz takes them."""
    data = [[_shown(value) for value in row] for row in rows]
    return TablePreview({"index": list(range(len(data))), "columns": columns, "data": data})


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST_EXACT:
        return value
    if isinstance(value, float):
        return float(f"{value:.8g}") if math.isfinite(value) else None
    text = str(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
