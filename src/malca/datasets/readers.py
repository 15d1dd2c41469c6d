"""Read light curves of every kind into one batch; what cannot be read is a row with its reason."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pandas as pd

from malca.datasets.curves import (
    Curve,
    ReadFailure,
    assemble,
    failure_row,
    failures_table,
)
from malca.datasets.dat2 import read_dat2
from malca.datasets.skypatrol import csv_format, read_skypatrol
from malca.datasets.text_table import read_bytes, refuse_non_text
from malca.lightcurves import LightCurves

#: Fewer files than this are read faster by one thread than a pool is started.
_WORTH_A_POOL = 64


def detect_format(path: Path | str) -> str:
    """Tell a light curve's format by its name (``.dat2``) or, failing that, its content.

    Returns
    -------
    {"dat2", "skypatrol_v2", "skypatrol_v1", "skypatrol_client"}

    Raises
    ------
    ReadFailure
        The file is missing, empty, binary, not UTF-8, or of none of these formats.
    """
    path = Path(path)
    return "dat2" if path.suffix == ".dat2" else _content_format(read_bytes(path))


def _content_format(content: bytes) -> str:
    refuse_non_text(content)
    kind = csv_format(content)
    if kind is not None:
        return kind
    rows = [line for line in content[:4096].splitlines() if line.strip() and not line.startswith(b"#")]
    if rows and b"," not in rows[0] and len(rows[0].split()) == 8:
        return "dat2"
    raise ReadFailure("wrong_columns", "neither a .dat2 nor a Sky Patrol CSV")


def read_curves(path: Path | str) -> list[Curve]:
    """Read one file of any known format: one curve, or several from a client's CSV.

    Raises
    ------
    ReadFailure
        The file cannot be read; see `read_lightcurves` for the reasons.
    """
    if not isinstance(path, Path):
        path = Path(path)
    if path.suffix == ".dat2":
        return [read_dat2(path)]
    content = read_bytes(path)
    if _content_format(content) == "dat2":
        return [read_dat2(path)]
    return read_skypatrol(path, content)


def read_lightcurve(path: Path | str) -> LightCurves:
    """Read one file of any known format as a batch (of one star, mostly).

    Raises
    ------
    ReadFailure
        The file cannot be read; see `read_lightcurves` for the reasons.
    """
    return assemble(read_curves(path))


def read_lightcurves(paths: Iterable[Path | str], *, workers: int | None = None) -> LightCurves:
    """Read many light curves; a file that cannot be read leaves the others unharmed.

    Parameters
    ----------
    paths : iterable of path
    workers : int, optional
        Threads; by default as many as the machine has processors.

    Returns
    -------
    LightCurves
        In the order of ``paths``, points sorted by date; points at equal dates keep the file's
        order. Its ``failures`` have a row a file that could not be read: ``name, source,
        asas_sn_id, stage, reason, detail``. Reasons: ``missing_file``, ``unreadable_file``,
        ``empty``, ``binary``, ``not_utf8``, ``wrong_columns`` (not the format's columns),
        ``malformed_row`` (with its line), ``truncated`` (the last line is cut short),
        ``no_finite_magnitudes``.
    """
    curves, failures = _read_all([Path(path) for path in paths], workers)
    lightcurves = assemble([curve for group in curves for curve in group])
    return replace(lightcurves, failures=failures_table(failures))


def read_manifest_lightcurves(
    rows: pd.DataFrame, *, workers: int | None = None
) -> tuple[LightCurves, pd.DataFrame]:
    """Read the light curves of a part of the manifest.

    Ids are the manifest's: a file that says it is another star's is a failure (``id_mismatch``).

    Parameters
    ----------
    rows : DataFrame
        Rows of the manifest: ``asas_sn_id, lc_path`` and, if present, ``gaia_id, gaia_release``.
        Rows whose ``lc_exists`` is false are passed over: they are counted in the manifest's
        problems.
    workers : int, optional
        Threads; by default as many as the machine has processors.

    Returns
    -------
    lightcurves, failures
        As from `read_lightcurves`, apart; together they account for every existing file.
    """
    if "lc_exists" in rows:
        rows = rows[rows["lc_exists"]]
    paths = [Path(path) for path in rows["lc_path"]]
    ids = [int(asas_sn_id) for asas_sn_id in rows["asas_sn_id"]]
    groups, failures = _read_all(paths, workers, ids)
    gaia_ids = list(rows["gaia_id"]) if "gaia_id" in rows else [None] * len(rows)
    releases = list(rows["gaia_release"]) if "gaia_release" in rows else [None] * len(rows)
    chosen = []
    for path, asas_sn_id, gaia_id, release, group in zip(
        paths, ids, gaia_ids, releases, groups, strict=True
    ):
        own = [curve for curve in group if curve.asas_sn_id in {asas_sn_id, None}]
        if group and not own:
            found = ", ".join(str(curve.asas_sn_id) for curve in group[:3])
            failure = ReadFailure("id_mismatch", f"the file is of {found}, not {asas_sn_id}")
            failures.append(failure_row(path, failure, asas_sn_id))
        for curve in own[:1]:
            curve.asas_sn_id = asas_sn_id
            if not pd.isna(gaia_id):
                curve.gaia_id = int(str(gaia_id))
                curve.gaia_release = None if pd.isna(release) else str(release)
            chosen.append(curve)
    return assemble(chosen), failures_table(failures)


def _read_all(
    paths: Sequence[Path], workers: int | None, ids: Sequence[int] | None = None
) -> tuple[list[list[Curve]], list[dict]]:
    """Curves of each path (none where it failed), and a failure row of each that failed."""

    def read(path: Path) -> list[Curve] | ReadFailure:
        try:
            return read_curves(path)
        except ReadFailure as failure:
            return failure

    workers = workers or os.cpu_count() or 1
    if workers > 1 and len(paths) >= _WORTH_A_POOL:
        with ThreadPoolExecutor(workers) as pool:
            outcomes = list(pool.map(read, paths))
    else:
        outcomes = [read(path) for path in paths]
    curves: list[list[Curve]] = []
    failures: list[dict] = []
    for i, (path, outcome) in enumerate(zip(paths, outcomes, strict=True)):
        curves.append([] if isinstance(outcome, ReadFailure) else outcome)
        if isinstance(outcome, ReadFailure):
            stem = path.stem.removesuffix("-light-curves")
            known = ids[i] if ids is not None else int(stem) if stem.isdecimal() else None
            failures.append(failure_row(path, outcome, known))
    return curves, failures
