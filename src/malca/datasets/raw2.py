"""Read ``.raw2``: the statistics of each camera that come beside a light curve."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pandas as pd

from malca.datasets.curves import ReadFailure, failure_row, failures_table
from malca.datasets.text_table import read_bytes, refuse_non_text

_MAGNITUDES = ("median_mag", "sigma1_low_mag", "sigma1_high_mag", "p90_low_mag", "p90_high_mag")
_FILES_AT_ONCE = 32

#: Columns of the camera statistics.
STATISTICS_DTYPES = {
    "asas_sn_id": "int64",
    "camera": "int64",
    **dict.fromkeys(_MAGNITUDES, "float64"),
}


def read_raw2(path: Path | str) -> list[tuple[int, tuple[float, ...]]]:
    """Read the number and the five magnitudes of each camera.

    The fields are parted by blanks, ``#`` begins a comment: camera number (that of the
    ``.dat2``), median, lower and upper 1-sigma limit, lower and upper 90 per cent limit (mag).

    Raises
    ------
    ReadFailure
        ``missing_file``, ``empty``, ``binary``, ``not_utf8``, ``wrong_columns``,
        ``malformed_row``.
    """
    content = read_bytes(Path(path))
    refuse_non_text(content)
    rows: list[tuple[int, tuple[float, ...]]] = []
    for number, line in enumerate(content.decode().splitlines(), start=1):
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        if len(fields) != 1 + len(_MAGNITUDES):
            reason = "malformed_row" if rows else "wrong_columns"
            raise ReadFailure(reason, f"line {number}: {len(fields)} fields instead of 6")
        try:
            camera = int(fields[0])
            magnitudes = tuple(map(float, fields[1:]))
        except ValueError as error:
            raise ReadFailure("malformed_row", f"line {number}: {error}") from None
        rows.append((camera, magnitudes))
    if not rows:
        raise ReadFailure("empty", "the file holds no rows")
    if not any(math.isfinite(values[0]) for _, values in rows):
        raise ReadFailure("no_finite_magnitudes", "no camera has a finite median")
    return rows


def read_camera_statistics(
    rows: pd.DataFrame, *, workers: int | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Statistics of every camera of the stars in ``rows``.

    Parameters
    ----------
    rows : DataFrame
        Rows of the manifest. The ``.raw2`` is looked for beside each ``.dat2`` that exists;
        light curves of other formats have none.
    workers : int, optional
        Threads; by default as many as the machine has processors.

    Returns
    -------
    statistics : DataFrame
        Columns of ``STATISTICS_DTYPES``, a row a star and camera.
    failures : DataFrame
        A row a file that is missing or cannot be read; stage ``camera_statistics``.
    """
    chosen = rows[rows["lc_exists"] & rows["lc_path"].str.endswith(".dat2")]
    # Text and no paths, and files by the batch: either would cost as much as reading does.
    paths = [f"{path.removesuffix('.dat2')}.raw2" for path in chosen["lc_path"].tolist()]
    ids = [int(asas_sn_id) for asas_sn_id in chosen["asas_sn_id"]]
    batches = [paths[k : k + _FILES_AT_ONCE] for k in range(0, len(paths), _FILES_AT_ONCE)]
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        outcomes = chain.from_iterable(pool.map(_try_read, batches))
    table: list[tuple] = []
    failures: list[dict] = []
    for path, asas_sn_id, outcome in zip(paths, ids, outcomes, strict=True):
        if isinstance(outcome, ReadFailure):
            failure = failure_row(Path(path), outcome, asas_sn_id)
            failures.append({**failure, "stage": "camera_statistics"})
            continue
        table.extend((asas_sn_id, camera, *values) for camera, values in outcome)
    return _typed(table), failures_table(failures)


def _try_read(paths: Sequence[str]) -> list[list | ReadFailure]:
    outcomes: list[list | ReadFailure] = []
    for path in paths:
        try:
            outcomes.append(read_raw2(path))
        except ReadFailure as failure:
            outcomes.append(failure)
    return outcomes


def _typed(table: Sequence[tuple]) -> pd.DataFrame:
    columns = zip(*table, strict=True) if table else [()] * len(STATISTICS_DTYPES)
    return pd.DataFrame(
        {
            name: pd.array(list(values), dtype=dtype)
            for (name, dtype), values in zip(STATISTICS_DTYPES.items(), columns, strict=True)
        }
    ).astype(STATISTICS_DTYPES)
