"""Which stars a survey has and where their light curves are, from its folders.

A survey is a tree ``<root>/<mag_bin>/index<N>.csv`` with light curves in
``<root>/<mag_bin>/lc<N>_cal/``, or a flat folder of light-curve files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from malca.datasets.curves import ReadFailure
from malca.datasets.skypatrol import peek_asas_sn_ids
from malca.datasets.text_table import read_bytes
from malca.magnitude_bins import ALL_BINS, bin_edges

#: Names of a flat folder's stars whose bin nobody tells.
UNKNOWN_BIN = "unknown"

PROBLEM_DTYPES = {
    "kind": "str",
    "where": "str",
    "asas_sn_id": "Int64",
    "n_stars": "int64",
    "detail": "str",
}
#: Columns every star has, whatever its index file has besides.
STAR_COLUMNS = (
    "asas_sn_id", "mag_bin", "index_num", "ra_deg", "dec_deg", "pm_ra_masyr", "pm_dec_masyr",
    "gaia_id", "lc_path", "lc_exists", "lc_bytes", "lc_modified_ns", "raw2_bytes", "raw2_modified_ns",
    "index_path",
)  # fmt: skip
#: Those that tell whether a light curve, or the camera statistics beside it, has changed.
_FILE_COLUMNS = ("lc_bytes", "lc_modified_ns", "raw2_bytes", "raw2_modified_ns")

_INDEX_NAME = re.compile(r"index(\d+)\.csv", re.IGNORECASE)
_MASKED_NAME = re.compile(r"index\d+_masked\.csv", re.IGNORECASE)
_BIN_NAME = re.compile(r"\d+(\.\d+)?_\d+(\.\d+)?")
_RENAMED = {"pm_ra": "pm_ra_masyr", "pm_dec": "pm_dec_masyr", "ra": "ra_deg", "dec": "dec_deg"}
_NUMBERS = ("ra_deg", "dec_deg", "pm_ra_masyr", "pm_dec_masyr")
_LIGHTCURVE_SUFFIXES = (".dat2", ".csv")
_N_NAMED = 5


class SurveyIndex(NamedTuple):
    """What a survey's index says and its folders hold.

    Attributes
    ----------
    stars : DataFrame
        A row an index entry with a usable id, in order of bin, index number and line: the
        columns of ``STAR_COLUMNS`` and the index's photometry as it comes. Ids may recur.
        ``lc_bytes`` and ``lc_modified_ns`` (Int64) tell whether a light curve has changed,
        ``raw2_bytes`` and ``raw2_modified_ns`` whether its ``.raw2`` has; missing: there is none.
    problems : DataFrame
        ``kind, where, asas_sn_id, n_stars, detail``. Kinds: ``unreadable_index``,
        ``malformed_row``, ``empty_index``, ``unnumbered_index``, ``missing_column``, ``bad_id``,
        ``bad_gaia_id``, ``bad_coordinates``, ``missing_folder``, ``missing_lightcurve``,
        ``unindexed_lightcurve``; ``n_stars`` counts the stars each row stands for.
    """

    stars: pd.DataFrame
    problems: pd.DataFrame


class _Problems(list):
    def note(
        self, kind: str, where: Path | str, detail: str, asas_sn_id: int | None = None, n: int = 1
    ):
        self.append((kind, str(where), asas_sn_id, n, detail))


def problems_table(rows: Iterable[tuple]) -> pd.DataFrame:
    """Problems as a typed table, also when there are none."""
    rows = list(rows)
    columns = zip(*rows, strict=True) if rows else [()] * len(PROBLEM_DTYPES)
    return pd.DataFrame(
        {
            name: pd.array(list(values), dtype=dtype)
            for (name, dtype), values in zip(PROBLEM_DTYPES.items(), columns, strict=True)
        }
    ).astype(PROBLEM_DTYPES)


def chosen_bins(root: Path | str, mag_bin: str) -> list[str]:
    """Bins to work on, in order of brightness.

    Raises
    ------
    ValueError
        The folder is missing, holds no bins, or not the one asked for.
    """
    root = Path(root)
    if not isinstance(mag_bin, str):
        raise ValueError(f"mag_bin must be text such as '13_13.5', not the number {mag_bin}")
    if not root.is_dir():
        raise ValueError(
            f"there is no survey at {root}: set survey_root to the folder of its magnitude bins"
        )
    bins = sorted(
        (
            entry.name
            for entry in os.scandir(root)
            if entry.is_dir() and _BIN_NAME.fullmatch(entry.name)
        ),
        key=bin_edges,
    )
    if not bins:
        raise ValueError(f"{root} holds no magnitude bins (folders such as 13_13.5)")
    if mag_bin == ALL_BINS:
        return bins
    if mag_bin not in bins:
        raise ValueError(f"there is no magnitude bin '{mag_bin}' in {root}; it has {', '.join(bins)}")
    return [mag_bin]


def read_index_tree(
    root: Path | str,
    mag_bin: str = ALL_BINS,
    *,
    lightcurve_root: Path | str | None = None,
    id_column: str = "asas_sn_id",
    suffix: str = ".dat2",
) -> SurveyIndex:
    """Read the index files of one bin or all, and list the light-curve folders once each.

    Raises
    ------
    ValueError
        The folder is missing, holds no bins, or not the one asked for.
    """
    bins = chosen_bins(root, mag_bin)
    problems = _Problems()
    parts = []
    for name in bins:
        folder = Path(lightcurve_root or root) / name
        for number, path in _index_files(Path(root) / name, problems):
            stars = _read_index(path, id_column, problems)
            if stars is None:
                continue
            stars = stars.assign(mag_bin=name, index_num=number, index_path=str(path))
            parts.append(_locate(stars, folder / f"lc{number}_cal", suffix, problems))
    return SurveyIndex(_stars_table(parts), problems_table(problems))


def read_flat_folder(
    folder: Path | str,
    mag_bin: str = ALL_BINS,
    *,
    index_file: Path | str | None = None,
    id_column: str = "asas_sn_id",
) -> SurveyIndex:
    """List a folder of light curves of any format, and join an index file if there is one.

    A star's id is its file's name (``<id>.dat2``, ``<id>-light-curves.csv``, ``<id>.csv``) or
    else what the file says; coordinates and bin (column ``mag_bin``) come from the index file.

    Raises
    ------
    ValueError
        The folder or the index file is missing, or the folder holds no light curves.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"there is no folder of light curves at {folder}")
    index_path = Path(index_file) if index_file else None
    if index_path is not None and not index_path.is_file():
        raise ValueError(f"there is no index file at {index_path}")
    problems = _Problems()
    listing = _listing(folder)
    files = [
        name
        for name in listing
        if name.endswith(_LIGHTCURVE_SUFFIXES)
        and not _INDEX_NAME.fullmatch(name)
        and (index_path is None or folder / name != index_path)
    ]
    if not files:
        raise ValueError(f"{folder} holds no light curves (files *.dat2 or *.csv)")
    found = _identified(folder, {name: _state(name, listing) for name in files}, problems)
    indexed = None if index_path is None else _read_index(index_path, id_column, problems)
    if indexed is None:
        stars = _completed(found)
    else:
        stars = indexed.merge(found, on="asas_sn_id", how="outer", indicator=True)
        for asas_sn_id in stars.loc[stars["_merge"] == "left_only", "asas_sn_id"]:
            problems.note("missing_lightcurve", folder, "no file of this star", asas_sn_id)
        extra = stars.loc[stars["_merge"] == "right_only", "asas_sn_id"]
        if len(extra):
            problems.note("unindexed_lightcurve", folder, _some(extra), n=len(extra))
        stars = _completed(stars.drop(columns="_merge"))
    if "mag_bin" not in stars:
        stars["mag_bin"] = UNKNOWN_BIN if mag_bin == ALL_BINS else mag_bin
    stars["mag_bin"] = stars["mag_bin"].fillna(UNKNOWN_BIN).astype("str")
    stars = stars.assign(index_num=0, index_path=str(index_path or ""))
    if mag_bin != ALL_BINS:
        if not (stars["mag_bin"] == mag_bin).any():
            known = ", ".join(sorted(stars["mag_bin"].unique()))
            raise ValueError(
                f"no star in {folder} is of the magnitude bin '{mag_bin}'; there are {known}"
            )
        stars = stars[stars["mag_bin"] == mag_bin]
    return SurveyIndex(_stars_table([stars]), problems_table(problems))


def _index_files(folder: Path, problems: _Problems) -> list[tuple[int, Path]]:
    numbered = []
    for path in sorted(folder.glob("*.csv")):
        match = _INDEX_NAME.fullmatch(path.name)
        if match:
            numbered.append((int(match[1]), path))
        elif path.name.lower().startswith("index") and not _MASKED_NAME.fullmatch(path.name):
            problems.note("unnumbered_index", path, "not named index<N>.csv, passed over", n=0)
    if not numbered:
        problems.note("unreadable_index", folder, "the bin has no index<N>.csv", n=0)
    return sorted(numbered)


def _read_index(path: Path, id_column: str, problems: _Problems) -> pd.DataFrame | None:
    """Stars of one index file with typed ids and positions; None if it cannot be read."""
    options: dict[str, Any] = {"dtype": {id_column: str, "gaia_id": str}, "encoding": "utf-8-sig"}
    try:
        try:
            table = pd.read_csv(path, low_memory=False, **options)
        except pd.errors.ParserError:
            # a row with too many fields: the slow parser goes on behind it
            bad_rows: list[list[str]] = []
            table = pd.read_csv(path, engine="python", on_bad_lines=bad_rows.append, **options)
            for row in bad_rows:
                problems.note("malformed_row", path, f"{len(row)} fields: {','.join(row)[:80]}")
    except (OSError, UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        problems.note("unreadable_index", path, " ".join(str(error).split()), n=0)
        return None
    if id_column not in table:
        problems.note("unreadable_index", path, f"no column '{id_column}'", n=0)
        return None
    if table.empty:
        problems.note("empty_index", path, "a header and no stars", n=0)
    ids = table[id_column].astype("str").str.strip()
    usable = ids.str.fullmatch(r"\d{1,18}").fillna(False).astype(bool)
    for line, word in ids[~usable].items():
        detail = f"row {line + 1}: '{'' if pd.isna(word) else word}' is no ASAS-SN id"
        problems.note("bad_id", path, detail)
    table = table.rename(columns={id_column: "asas_sn_id", **_RENAMED})[usable].reset_index(drop=True)
    table["asas_sn_id"] = pd.to_numeric(ids[usable]).astype("int64").to_numpy()
    missing = [name for name in ("ra_deg", "dec_deg") if name not in table]
    if missing:
        problems.note("missing_column", path, f"no {' and '.join(missing)}", n=len(table))
    table = _completed(table)
    _check_positions(table, path, problems, reported=bool(missing))
    table["gaia_id"] = _gaia_ids(table, path, problems)
    return table


def _completed(table: pd.DataFrame) -> pd.DataFrame:
    for name in _NUMBERS:
        table[name] = (
            pd.to_numeric(table[name], errors="coerce").astype("float64") if name in table else np.nan
        )
    if "gaia_id" not in table:
        table["gaia_id"] = pd.array([pd.NA] * len(table), dtype="Int64")
    return table


def _check_positions(table: pd.DataFrame, path: Path, problems: _Problems, *, reported: bool) -> None:
    right = table["ra_deg"].between(0, 360) & table["dec_deg"].between(-90, 90)
    if not reported:
        for asas_sn_id in table.loc[~right, "asas_sn_id"]:
            problems.note("bad_coordinates", path, "ra_deg, dec_deg are no position", asas_sn_id)
    table.loc[~right, ["ra_deg", "dec_deg"]] = np.nan


def _gaia_ids(table: pd.DataFrame, path: Path, problems: _Problems) -> pd.Series:
    """Gaia ids as integers. One written as a float has lost its last digits: it is another star's."""
    words = table["gaia_id"].astype("str").str.strip()
    given = words.notna() & ~words.isin(["", "0", "-1", "nan", "<NA>", "None"])
    usable = given & words.str.fullmatch(r"\d{1,18}|[1-8]\d{18}").fillna(False).astype(bool)
    for word, asas_sn_id in zip(
        words[given & ~usable], table.loc[given & ~usable, "asas_sn_id"], strict=True
    ):
        problems.note("bad_gaia_id", path, f"'{word}' is no whole number", asas_sn_id)
    ids = pd.Series(pd.NA, index=table.index, dtype="Int64")
    # An array and not a Series: aligning one with the gaps of the others would go through floats.
    ids[usable] = pd.to_numeric(words[usable]).astype("int64").to_numpy()
    return ids


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of each file in a folder, from one listing; empty without a folder."""
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry.stat() for entry in entries if entry.is_file()}
    except FileNotFoundError:
        return {}
    return {name: (found[name].st_size, found[name].st_mtime_ns) for name in sorted(found)}


def _locate(stars: pd.DataFrame, folder: Path, suffix: str, problems: _Problems) -> pd.DataFrame:
    files = _listing(folder)
    names = [f"{asas_sn_id}{suffix}" for asas_sn_id in stars["asas_sn_id"]]
    exists = [name in files for name in names]
    if not folder.is_dir():
        problems.note(
            "missing_folder", folder, "no folder of light curves for this index", n=len(stars)
        )
    else:
        for name, asas_sn_id, there in zip(names, stars["asas_sn_id"], exists, strict=True):
            if not there:
                problems.note("missing_lightcurve", folder / name, "no such file", asas_sn_id)
        indexed = set(names)
        extra = [name for name in files if name.endswith(suffix) and name not in indexed]
        if extra:
            problems.note("unindexed_lightcurve", folder, _some(extra), n=len(extra))
    states = [_state(name, files) for name in names]
    return stars.assign(
        lc_path=pd.array([os.path.join(folder, name) for name in names], dtype="str"),
        lc_exists=pd.array(exists, dtype="bool"),
        **{
            column: pd.array([state[k] for state in states], dtype="Int64")
            for k, column in enumerate(_FILE_COLUMNS)
        },
    )


def _state(name: str, files: dict[str, tuple[int, int]]) -> tuple[Any, ...]:
    """Values of ``_FILE_COLUMNS`` of a light curve, as its folder's listing tells."""
    none = (pd.NA, pd.NA)
    return *files.get(name, none), *files.get(f"{os.path.splitext(name)[0]}.raw2", none)


def _identified(folder: Path, files: dict[str, tuple[Any, ...]], problems: _Problems) -> pd.DataFrame:
    """Stars of the files of a folder, whose ``_FILE_COLUMNS`` are given."""
    rows: list[tuple] = []
    for name, state in files.items():
        stem = Path(name).stem.removesuffix("-light-curves")
        ids = [int(stem)] if stem.isdecimal() else []
        if not ids:
            try:
                ids = peek_asas_sn_ids(read_bytes(folder / name))
            except (ReadFailure, ValueError):
                ids = []
        if not ids:
            problems.note("bad_id", folder / name, "neither the name nor the file gives an ASAS-SN id")
        rows.extend((asas_sn_id, str(folder / name), True, *state) for asas_sn_id in ids)
    names = {"asas_sn_id": "int64", "lc_path": "str", "lc_exists": "bool"}
    names |= dict.fromkeys(_FILE_COLUMNS, "Int64")
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pd.DataFrame(
        {
            name: pd.array(list(values), dtype=dtype)
            for (name, dtype), values in zip(names.items(), columns, strict=True)
        }
    )


def _stars_table(parts: list[pd.DataFrame]) -> pd.DataFrame:
    parts = [part for part in parts if len(part)]
    if not parts:
        parts = [pd.DataFrame(columns=list(STAR_COLUMNS))]
    stars = pd.concat(parts, ignore_index=True)
    stars["lc_exists"] = stars["lc_exists"].astype("boolean").fillna(False).astype("bool")
    types = dict.fromkeys(("mag_bin", "lc_path", "index_path"), "str") | dict.fromkeys(
        _NUMBERS, "float64"
    )
    types |= dict.fromkeys(("asas_sn_id", "index_num"), "int64")
    types |= dict.fromkeys(("gaia_id", *_FILE_COLUMNS), "Int64")
    others = [name for name in stars.columns if name not in STAR_COLUMNS]
    return stars.astype(types)[[*STAR_COLUMNS, *others]]


def _some(values: Iterable) -> str:
    values = [str(value) for value in values]
    more = f" and {len(values) - _N_NAMED} more" if len(values) > _N_NAMED else ""
    return ", ".join(values[:_N_NAMED]) + more
