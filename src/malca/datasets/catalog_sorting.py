"""Sort tables longer than memory by zones of the sky and by ids.

Rows are sorted a few hundred megabytes at a time and put down; what was put down is mapped into
memory and merged, one range of the sky after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from kedro.io import DatasetError
from pyarrow import ipc

from malca.datasets.arrow_rows import ArrowFile
from malca.datasets.catalog_checks import as_floats, as_ids, read_batches
from malca.datasets.catalog_declaration import Declaration
from malca.datasets.catalog_sky import zone_key
from malca.datasets.table_sources import Source

TABLE, SKY, KEY = "table.arrow", "sky.npy", "key.npy"
#: Rows that are sorted at a time are no more than this, bytes.
RUN_BYTES = 256 << 20
#: Ids sorted at a time.
IDS_AT_A_TIME = 10_000_000
_ROWS_PER_BATCH = 1 << 16
_MERGED_ROWS = 1 << 18
_SAMPLE_STEP = 256
_TEMPORARY = "malca.ra", "malca.dec", "malca.key"


class Sorted(NamedTuple):
    """How many rows were written, how many have a position, and the largest motion, mas/yr."""

    n_rows: int
    n_placed: int
    fastest_masyr: float


def write_sorted(source: Source, declared: Declaration, folder: Path) -> Sorted:
    """Write the columns that a declaration needs in the order of zones, and where the rows lie.

    Files are ``table.arrow``, to be mapped into memory; ``sky.npy``, right ascension and declination
    in degrees, (n, 2); and ``key.npy``, what rows are sorted by, (n,). Rows without position come
    last, rows of one key in the order of the source.
    """
    names = [name for name in source.schema.names if name in declared.types()]
    schema = pa.schema([source.schema.field(name) for name in names])
    runs, fastest = _write_runs(source, declared, names, folder)
    n_rows = sum(len(run) for run in runs)
    sky = np.lib.format.open_memmap(folder / SKY, "w+", np.float64, (n_rows, 2))
    keys = np.lib.format.open_memmap(folder / KEY, "w+", np.float64, (n_rows,))
    first = 0
    with pa.OSFile(str(folder / TABLE), "wb") as sink, ipc.new_file(sink, schema) as writer:
        for part in _merged(runs):
            ra, dec, key = (part.column(name).to_numpy() for name in _TEMPORARY)
            last = first + len(part)
            sky[first:last, 0], sky[first:last, 1], keys[first:last] = ra, dec, key
            writer.write_table(part.select(names).cast(schema), _ROWS_PER_BATCH)
            first = last
    n_placed = int(np.searchsorted(keys, np.inf)) if n_rows else 0
    sky.flush()
    keys.flush()
    del runs
    for left in folder.glob("run-*.arrow"):
        left.unlink()
    return Sorted(n_rows, n_placed, fastest)


def _write_runs(
    source: Source, declared: Declaration, names: list[str], folder: Path
) -> tuple[list[pa.Table], float]:
    """Sorted runs of the rows with their positions and keys; several are mapped from files."""
    runs: list[pa.Table] = []
    waiting: list[pa.RecordBatch] = []
    n_bytes, fastest = 0, 0.0
    for batch in source.read(names):
        placed = _with_places(batch, declared)
        waiting.append(placed)
        n_bytes += placed.nbytes
        fastest = max(fastest, _fastest(batch, declared))
        if n_bytes > RUN_BYTES:
            runs.append(_put_down(_in_order(waiting), folder / f"run-{len(runs)}.arrow"))
            waiting, n_bytes = [], 0
    if waiting:
        last = _in_order(waiting)
        runs.append(_put_down(last, folder / f"run-{len(runs)}.arrow") if runs else last)
    return runs, fastest


def _with_places(batch: pa.RecordBatch, declared: Declaration) -> pa.RecordBatch:
    ra, dec = (
        column.to_own_unit(name, as_floats(batch.column(column.column)))
        for name, column in declared.sky().items()
    )
    arrays = [pa.array(values) for values in (ra, dec, zone_key(ra, dec))]
    return pa.RecordBatch.from_arrays([*batch.columns, *arrays], [*batch.schema.names, *_TEMPORARY])


def _fastest(batch: pa.RecordBatch, declared: Declaration) -> float:
    moving = declared.motion()
    if not moving or not batch.num_rows:
        return 0.0
    motions = [
        column.to_own_unit(name, as_floats(batch.column(column.column)))
        for name, column in moving.items()
    ]
    speed = np.hypot(*motions)
    return float(np.max(speed, initial=0.0, where=np.isfinite(speed)))


def _in_order(batches: list[pa.RecordBatch]) -> pa.Table:
    table = pa.Table.from_batches(batches)
    order = np.argsort(table.column(_TEMPORARY[-1]).to_numpy(), kind="stable")
    return table.take(pa.array(order)).combine_chunks()


def _put_down(table: pa.Table, path: Path) -> pa.Table:
    """Write a run and map it into memory."""
    with pa.OSFile(str(path), "wb") as sink, ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return ipc.open_file(pa.memory_map(str(path))).read_all()


def _merged(runs: list[pa.Table]) -> Iterator[pa.Table]:
    """All rows in the order of their keys, some at a time."""
    if not runs:
        return
    keys = [run.column(_TEMPORARY[-1]).to_numpy() for run in runs]
    sample = np.sort(np.concatenate([key[::_SAMPLE_STEP] for key in keys]))
    edges = np.unique(sample[:: max(1, _MERGED_ROWS // _SAMPLE_STEP)])[1:]
    cuts = [np.r_[0, np.searchsorted(key, edges), len(key)] for key in keys]
    for k in range(len(edges) + 1):
        parts = [run.slice(cut[k], cut[k + 1] - cut[k]) for run, cut in zip(runs, cuts, strict=True)]
        table = pa.concat_tables(parts)
        if len(runs) > 1:
            order = np.argsort(table.column(_TEMPORARY[-1]).to_numpy(), kind="stable")
            table = table.take(pa.array(order))
        if len(table):
            yield table


def write_id_arrays(table: Path, column: str, path: Path, source: Path) -> None:
    """Write the ids of a column in order, with the rows that have them, as one int64 array (2, n).

    Rows of one id are in order. Long columns are sorted a range of ids at a time.

    Raises
    ------
    DatasetError
        Ids are text that is no whole number.
    """
    with ArrowFile(table) as file:
        sample, n_there = [], 0
        for _, ids, there in _ids(file, column, source):
            n_there += int(there.sum())
            sample.append(ids[there][::_SAMPLE_STEP])
        array = np.lib.format.open_memmap(path, "w+", np.int64, (2, n_there))
        n_passes = 1 + n_there // IDS_AT_A_TIME
        ordered = np.sort(np.concatenate(sample)) if sample else np.empty(0, np.int64)
        edges = np.unique(ordered[[len(ordered) * k // n_passes for k in range(1, n_passes)]])
        filled = 0
        for k in range(len(edges) + 1):
            parts = []
            for first, ids, there in _ids(file, column, source):
                wanted = there & (np.searchsorted(edges, ids, side="right") == k)
                rows = np.flatnonzero(wanted)
                parts.append(np.stack([ids[rows], first + rows]))
            pairs = np.concatenate(parts, axis=1) if parts else np.empty((2, 0), np.int64)
            del parts
            order = np.argsort(pairs[0], kind="stable")
            array[:, filled : filled + len(order)] = pairs[:, order]
            filled += len(order)
        array.flush()


def _ids(file: ArrowFile, column: str, source: Path) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    for first, batch in read_batches(file, [column]):
        try:
            yield first, *as_ids(batch.column(0))
        except pa.ArrowInvalid:
            raise DatasetError(
                f"{source}, column {column}: some ids are no whole numbers; write them as int64, or as "
                "digits only"
            ) from None
