"""What is looked at before a local catalogue is used: columns, ids, units, values.

A unit is read from the file where it says one, as ``unit`` among the metadata of a Parquet field or
in the header astropy writes; where it says none, values that no such catalogue has betray it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from astropy.table.meta import get_header_from_yaml
from kedro.io import DatasetError

from malca.datasets.arrow_rows import ArrowFile
from malca.datasets.catalog_declaration import Column, Declaration

BATCH_ROWS = 1 << 18
# Ids looked through for duplicates at a time, 8 byte each.
_IDS_AT_A_TIME = 5_000_000
_SAMPLE_BATCHES = 8
# Fewer values than these say nothing of a unit.
_MIN_SAMPLE = 100


class Limits(NamedTuple):
    """What values of a column can be, and what to do where they are not."""

    low: float
    high: float
    advice: str


#: Units of what has none, and how catalogues write that of a logarithm, as "[yr]" or "log(cm.s**-2)".
_PLAIN = (u.dimensionless_unscaled, u.dex)
_LOGARITHM = re.compile(r"\[.*\]$|log\b|log10\b|dex\b", re.IGNORECASE)

_NULLS = "write missing values as null"
_LIMITS = {
    "ra_deg": Limits(0.0, 360.0, "write right ascensions in degrees from 0 to 360"),
    "dec_deg": Limits(-90.0, 90.0, "write declinations in degrees, and see that they are not swapped"),
    "ruwe": Limits(0.0, 1e4, _NULLS),
    "quality": Limits(0.0, 1.0, "scale it to 0–1, or declare no quality"),
}
#: The fastest star moves by 10.4 arcsec a year (Barnard 1916, AJ 29, 181).
_LIMITS_OF_SUFFIX = {
    "_masyr": Limits(-1.1e4, 1.1e4, "no star moves as fast: write mas/yr, missing values as null"),
    "_mas": Limits(-2e3, 2e3, f"no star is as near: write mas, and {_NULLS}"),
    "_mag": Limits(-40.0, 50.0, f"{_NULLS}, not as a number such as -999 or 99.99"),
    "_days": Limits(1e-6, 1e6, f"it must be positive; {_NULLS}"),
}


def read_batches(
    file: pq.ParquetFile | ArrowFile, columns: list[str], groups: list[int] | None = None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches of some columns, each with the number of its first row in the file."""
    if isinstance(file, ArrowFile):
        yield from file.batches(columns, groups)
        return
    counts = [file.metadata.row_group(k).num_rows for k in range(file.metadata.num_row_groups)]
    starts = np.concatenate([[0], np.cumsum(counts)])
    for group in range(len(counts)) if groups is None else groups:
        first = int(starts[group])
        for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns):
            yield first, batch
            first += batch.num_rows


def as_floats(array: Any) -> np.ndarray:
    """Arrow numbers as float64, missing ones NaN, shape (n,)."""
    values = pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float64)


def as_ids(array: Any) -> tuple[np.ndarray, np.ndarray]:
    """Arrow ids as int64, and which of them are there (the others are 0), shape (n,) each.

    Raises
    ------
    pa.ArrowInvalid
        Text among them is no number.
    """
    if _is_text(array.type):
        array = pc.utf8_trim_whitespace(pc.cast(array, pa.string()))
    there = pc.is_valid(array).to_numpy(zero_copy_only=False)
    ids = pc.fill_null(pc.cast(array, pa.int64()), 0).to_numpy(zero_copy_only=False)
    return np.asarray(ids, np.int64), np.asarray(there, bool)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_kind(kind) for is_kind in text)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def n_rows_and_groups(file: pq.ParquetFile | ArrowFile) -> tuple[int, int]:
    """Count the rows, and the groups they are kept in."""
    if isinstance(file, ArrowFile):
        return file.n_rows, len(file.starts) - 1
    return file.metadata.num_rows, file.metadata.num_row_groups


def check_catalogue(file: pq.ParquetFile | ArrowFile, declared: Declaration) -> None:
    """Look a catalogue over.

    Raises
    ------
    DatasetError
        It cannot be used: in one sentence the file, the column and what to do.
    """
    path = declared.filepath
    if not n_rows_and_groups(file)[0]:
        if (file.schema_arrow.metadata or {}).get(b"malca.origin") == b"simulated":
            return  # of a few simulated stars none need be in a cluster
        raise DatasetError(f"{path} holds no entries: fetch it again, or remove it to go without")
    check_columns(file.schema_arrow, declared)
    units = declared_units(file.schema_arrow)
    numbers = {
        name: column
        for name, column in {**declared.sky(), **declared.motion(), **declared.values()}.items()
        if column.type == "number"
    }
    for name, column in numbers.items():
        check_declared_unit(name, column, units, declared.filepath)
    _check_limits(file, numbers, declared)
    _check_plausible(file, numbers, units, declared)
    for ids in dict.fromkeys(declared.id_columns.columns().values()):
        _check_ids(file, ids, declared)


def check_columns(schema: pa.Schema, declared: Declaration) -> None:
    """Look at the names and types of a catalogue's columns.

    Raises
    ------
    DatasetError
        One is missing or cannot be what it is declared as.
    """
    path = declared.filepath
    ids = declared.id_columns.columns()
    values = {**declared.sky(), **declared.motion(), **declared.values()}
    wanted = [*(column.column for column in values.values()), *ids.values()]
    missing = [name for name in dict.fromkeys(wanted) if name not in schema.names]
    if missing:
        raise DatasetError(
            f"{path} has no column {', '.join(missing)}: declare the columns it has "
            f"({', '.join(schema.names)}), or fetch it with these"
        )
    for name in ids.values():
        kind = schema.field(name).type
        if pa.types.is_floating(kind):
            raise DatasetError(
                f"{path}, column {name}: ids are floats, which cannot hold 19 digits; write the "
                "table again from its source with ids as int64 or text"
            )
        if not (pa.types.is_integer(kind) or _is_text(kind)):
            raise DatasetError(f"{path}, column {name}: ids are {kind}; write them as int64 or text")
    for name, column in values.items():
        check_type(name, column, schema, path)


def check_type(name: str, column: Column, schema: pa.Schema, path: Path) -> None:
    """Refuse a column of the file that cannot be what our column ``name`` is declared as.

    Raises
    ------
    DatasetError
    """
    fits = {
        "number": _is_number, "integer": pa.types.is_integer, "text": _is_text,
        "flag": pa.types.is_boolean,
    }  # fmt: skip
    kind = schema.field(column.column).type
    if not fits[column.type](kind):
        raise DatasetError(
            f"{path}, column {column.column}: {name} is declared as {column.type}, but the file "
            f"holds {kind}; write it as {column.type}, or declare what it is"
        )


def declared_units(schema: pa.Schema) -> dict[str, str]:
    """Units that a file states, by its columns."""
    units: dict[str, str] = {}
    header = (schema.metadata or {}).get(b"table_meta_yaml")
    if header is not None:
        meta = get_header_from_yaml(header.decode().split("\n"))
        units |= {row["name"]: str(row["unit"]) for row in meta["datatype"] if row.get("unit")}
    for field in schema:
        stated = {key.lower(): text for key, text in (field.metadata or {}).items()}
        unit = stated.get(b"unit") or stated.get(b"units")
        if unit:
            units[field.name] = unit.decode()
    return units


def check_declared_unit(name: str, column: Column, units: dict[str, str], path: Path) -> None:
    """Refuse a unit of the file that is not the one declared for our column ``name``.

    Raises
    ------
    DatasetError
    """
    given, wanted = units.get(column.column), column.file_unit(name)
    where = f"{path}, column {column.column}"
    if given is None:
        title = column.column.lower()
        if wanted.physical_type == "time" and title.startswith(("freq", "nu")):
            raise DatasetError(
                f"{where}: its name is that of a frequency, but {name} is declared in {wanted}; "
                "declare unit: 1/d, or write a period"
            )
        return
    if wanted in _PLAIN and _LOGARITHM.match(given):
        return
    try:
        stated = u.Unit(given)
    except ValueError:
        raise DatasetError(
            f"{where}: the file says its unit is '{given}', which astropy does not know; write it as "
            f"'{wanted}' or the like"
        ) from None
    if stated != wanted:
        raise DatasetError(
            f"{where}: the file says '{given}', {name} is declared in '{wanted or 'no unit'}'; declare "
            "the unit that the file has, or convert the column"
        )


def _limits(name: str) -> Limits | None:
    if name in _LIMITS:
        return _LIMITS[name]
    return next((lim for suffix, lim in _LIMITS_OF_SUFFIX.items() if name.endswith(suffix)), None)


def _check_limits(
    file: pq.ParquetFile | ArrowFile, numbers: dict[str, Column], declared: Declaration
) -> None:
    for name, column in numbers.items():
        limits = _limits(name)
        if limits is None:
            continue
        low, high = column_extremes(file, column.column)
        if not low <= high:
            continue  # nothing but nulls
        values = column.to_own_unit(name, np.array([low, high])) + 0.0  # no "-0" in messages
        wrong = ~((values >= limits.low) & (values <= limits.high))
        if wrong.any():
            raise DatasetError(
                f"{declared.filepath}, column {column.column}: {name} of {values[wrong][0]:.6g} is not "
                f"between {limits.low:g} and {limits.high:g}: {limits.advice}"
            )


def column_extremes(file: pq.ParquetFile | ArrowFile, column: str) -> tuple[float, float]:
    """Least and largest value, from the file's statistics where it has them, NaN left out."""
    low, high, unknown = np.inf, -np.inf, []
    for group in range(n_rows_and_groups(file)[1]):
        ends = None
        if not isinstance(file, ArrowFile):
            ends = group_extremes(file, group, column_index(file, column))
        if ends is None:
            unknown.append(group)
        else:
            low, high = min(low, ends[0]), max(high, ends[1])
    for _, batch in read_batches(file, [column], unknown):
        values = as_floats(batch.column(0))
        values = values[~np.isnan(values)]
        if len(values):
            low, high = min(low, values.min()), max(high, values.max())
    return float(low), float(high)


def column_index(file: pq.ParquetFile, column: str) -> int:
    """Find the number of a column among the file's leaves, which its statistics go by."""
    names = [file.schema.column(k).path for k in range(len(file.schema))]
    return names.index(column)


def group_extremes(file: pq.ParquetFile, group: int, index: int) -> tuple[float, float] | None:
    """Least and largest value of a column in a row group as its statistics say; None: they do not."""
    statistics = file.metadata.row_group(group).column(index).statistics
    if statistics is None or not statistics.has_min_max:
        return None
    try:
        ends = float(statistics.min), float(statistics.max)
    except (TypeError, ValueError):
        return None
    return None if np.isnan(ends).any() else ends


def _check_plausible(
    file: pq.ParquetFile | ArrowFile,
    numbers: dict[str, Column],
    units: dict[str, str],
    declared: Declaration,
) -> None:
    """Refuse values that betray another unit, where the file does not say which it has."""
    names = [name for name, column in numbers.items() if column.column not in units]
    sample = _sample(file, list(dict.fromkeys(numbers[name].column for name in names)))
    values = {}
    for name in names:
        inside = sample[numbers[name].column]
        values[name] = numbers[name].to_own_unit(name, inside[np.isfinite(inside)])
    for name in names:
        doubt = _other_unit(name, values)
        if doubt:
            column = numbers[name]
            unit = column.file_unit(name) or "what it is declared as"
            raise DatasetError(
                f"{declared.filepath}, column {column.column}: {name} looks like {doubt}, not "
                f"'{unit}'; declare the unit the file has, or convert it (a file that states its "
                "units is believed)"
            )


def _sample(file: pq.ParquetFile | ArrowFile, columns: list[str]) -> dict[str, np.ndarray]:
    """Values of a few batches from all over the file."""
    if not columns:
        return {}
    n_groups = n_rows_and_groups(file)[1]
    groups = sorted(set(np.linspace(0, n_groups - 1, _SAMPLE_BATCHES).astype(int).tolist()))
    parts = [next(read_batches(file, columns, [group]))[1] for group in groups]
    return {name: np.concatenate([as_floats(part.column(name)) for part in parts]) for name in columns}


def _other_unit(name: str, sample: dict[str, np.ndarray]) -> str:
    """Say what a sample of values, in the unit of its name, looks like instead; empty: all is well."""
    values = sample[name]
    if len(values) < _MIN_SAMPLE:
        return ""
    if name == "ra_deg":
        return _other_angle(values, sample.get("dec_deg"))
    size = float(np.median(np.abs(values)))
    if name.endswith("_masyr"):
        # Stars of the Magellanic Clouds move by 1–2 mas/yr (van der Marel+ 2002, AJ 124, 2639).
        return "arcsec/yr or deg/yr" if 0 < size < 0.05 else ""
    if name == "parallax_mas":
        return "arcsec" if 0 < size < 0.003 else ""
    if name == "ruwe":
        return "no RUWE, whose median is about 1" if not 0.5 < size < 3 else ""
    if name == "period_days":
        # Hardly a variable has a period below half an hour, many one of months.
        if np.mean(values < 0.02) > 0.005 and values.max() < 50:
            return "a frequency"
        return "seconds or minutes" if size > 2000 else ""
    return ""


def _other_angle(ra: np.ndarray, dec: np.ndarray | None) -> str:
    """Tell hours and radians of a table of the whole sky; a small field cannot be told from it."""
    if dec is None or not len(dec):
        return ""
    if ra.max() <= 2 * np.pi + 1e-6 and np.ptp(ra) > 5.5 and np.abs(dec).max() <= np.pi / 2 + 1e-6:
        return "radians"
    return "hours" if ra.max() <= 24 and np.ptp(ra) > 20 and np.ptp(dec) > 60 else ""


def _check_ids(file: pq.ParquetFile | ArrowFile, column: str, declared: Declaration) -> None:
    """Refuse ids that occur twice; the ids of a long table are looked through in several passes."""
    n_passes = 1 + n_rows_and_groups(file)[0] // _IDS_AT_A_TIME
    where = f"{declared.filepath}, column {column}"
    for turn in range(n_passes):
        parts = []
        for _, batch in read_batches(file, [column]):
            try:
                ids, there = as_ids(batch.column(0))
            except pa.ArrowInvalid:
                raise DatasetError(
                    f"{where}: some ids are no whole numbers; write them as int64, or as digits only"
                ) from None
            ids = ids[there]
            if declared.many_per_id:
                continue
            parts.append(ids[ids % n_passes == turn] if n_passes > 1 else ids)
        if declared.many_per_id:
            return
        ids = np.concatenate(parts)
        del parts
        ids.sort()
        twice = np.flatnonzero(ids[1:] == ids[:-1])
        if len(twice):
            raise DatasetError(
                f"{where}: {len(np.unique(ids[twice]))} ids occur more than once, first {ids[twice[0]]}"
                "; keep one entry an id, or declare many_per_id where an id has many entries"
            )
