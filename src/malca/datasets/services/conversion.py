"""Columns of a service's answer in the types a local twin has them, however they came."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd

from malca.datasets.services.declaration import Kind, ServiceDeclaration
from malca.datasets.services.transport import ServiceError

#: Types of the columns of entries.
ENTRY_DTYPES: dict[Kind, str] = {
    "number": "float64", "integer": "Int64", "text": "str", "flag": "boolean",
}  # fmt: skip
#: Beyond it not every whole number is a float.
_LARGEST_EXACT = 2**53
_FLAGS = {
    "true": True, "t": True, "1": True, "yes": True, "y": True,
    "false": False, "f": False, "0": False, "no": False, "n": False,
}  # fmt: skip


def as_kind(values: Any, kind: Kind, name: str) -> pd.Series:
    """Values of a column as a service gave them, in the type they are kept in.

    Parameters
    ----------
    values : array_like, (n,)
        Numbers or text, also masked; empty text is missing.
    kind : str
        "number", "integer", "text" or "flag".
    name : str
        Of the column, for messages.

    Returns
    -------
    (n,) Series
        float64 (missing: NaN), Int64, str or boolean.

    Raises
    ------
    ServiceError
        They are nothing of the kind; above all ids of 19 digits that came as floats.
    """
    array = np.asarray(np.ma.getdata(values))
    missing = np.ma.getmaskarray(np.ma.asarray(values)).copy()
    if array.dtype.kind in "SUO":
        words = [_word(value) for value in array]
        missing |= np.array([word is None for word in words], bool)
        array = np.array(words, object)
    elif array.dtype.kind == "f":
        missing |= np.isnan(array)
    try:
        return _CONVERSIONS[kind](array, missing).rename(name)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ServiceError(f"column {name} holds what is no {kind}: {error}") from None


def _word(value: Any) -> Any:
    """Text without padding, None where there is none; what is no text as it is."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.strip() or None
    if value is None or value is pd.NA or value is np.ma.masked:
        return None
    if isinstance(value, float | np.floating) and np.isnan(value):
        return None
    return value


def _numbers(array: np.ndarray, missing: np.ndarray) -> pd.Series:
    numbers = np.full(len(array), np.nan)
    numbers[~missing] = array[~missing].astype(np.float64)
    return pd.Series(numbers)


def _integers(array: np.ndarray, missing: np.ndarray) -> pd.Series:
    there = array[~missing]
    if array.dtype.kind == "O":
        there = np.array([_whole(value) for value in there], np.int64)
    elif array.dtype.kind == "f":
        there = np.array([_whole(float(value)) for value in there], np.int64)
    integers = pd.Series(pd.array(np.zeros(len(array), np.int64), dtype="Int64"))
    integers[~missing] = there.astype(np.int64)
    integers[missing] = pd.NA
    return integers


def _whole(value: Any) -> int:
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?\d+", value):
            raise ValueError(f"'{value}'")
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        if not (number.is_integer() and abs(number) < _LARGEST_EXACT):
            raise ValueError(f"{value}, a float, has lost digits or never was whole")
    return int(value)


def _texts(array: np.ndarray, missing: np.ndarray) -> pd.Series:
    texts = [None if gone else str(value) for value, gone in zip(array, missing, strict=True)]
    return pd.Series(pd.array(texts, dtype="str"))


def _flags(array: np.ndarray, missing: np.ndarray) -> pd.Series:
    flags = [
        None if gone else _FLAGS[str(value).lower()] for value, gone in zip(array, missing, strict=True)
    ]
    return pd.Series(pd.array(flags, dtype="boolean"))


_CONVERSIONS = {"number": _numbers, "integer": _integers, "text": _texts, "flag": _flags}


def entries_of(
    columns: Mapping[str, Any], star: Any, declared: ServiceDeclaration, names: Mapping[str, str]
) -> pd.DataFrame:
    """Entries of an answer, with the columns a local twin has.

    Parameters
    ----------
    columns : mapping
        Columns of the answer, by the names they have there.
    star : (n,) array of int
        Star of the batch that each entry is of.
    declared : ServiceDeclaration
    names : mapping
        Name in the answer of each column that is declared; case counts only where two names differ
        in nothing else.

    Returns
    -------
    DataFrame, (n,)
        ``star``, then the declared columns.

    Raises
    ------
    ServiceError
        The answer lacks a column, or holds something else than was declared.
    """
    table: dict[str, Any] = {"star": np.asarray(star, np.int64)}
    for raw, kind in declared.raw_kinds().items():
        values = columns[_named(columns, names.get(raw, raw))]
        table[raw] = as_kind(values, kind, raw)
    return pd.DataFrame(table)


def star_numbers(values: Any, n_stars: int) -> np.ndarray:
    """Numbers of the stars that rows of an answer are of, as they were sent and came back.

    Raises
    ------
    ServiceError
        They are none of the numbers that were sent.
    """
    numbers = as_kind(values, "integer", "of the star's number")
    if numbers.isna().any() or not numbers.between(0, n_stars - 1).all():
        raise ServiceError("the answer does not say which star its rows are of")
    return numbers.to_numpy(np.int64)


def no_entries(declared: ServiceDeclaration) -> pd.DataFrame:
    """Entries of an answer that has none."""
    kinds = declared.raw_kinds()
    types = {"star": "int64", **{raw: ENTRY_DTYPES[kind] for raw, kind in kinds.items()}}
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in types.items()})


def copy_numbers(entries: pd.DataFrame) -> np.ndarray:
    """Count, for each entry of a star, the ones before it that are the same, shape (n,)."""
    if not len(entries):
        return np.empty(0, np.int64)
    # rows are told apart by a hash of 64 bit: grouping by all columns takes four times as long
    key = pd.util.hash_pandas_object(entries.drop(columns="star"), index=False)
    pairs = pd.DataFrame({"star": entries["star"].to_numpy(), "key": key.to_numpy()})
    return pairs.groupby(["star", "key"]).cumcount().to_numpy()


def _named(columns: Mapping[str, Any], name: str) -> str:
    """Find the name a column has in an answer, of which services change case and odd characters."""
    if name in columns:
        return name
    for plain in (str.lower, _letters):
        alike = [other for other in columns if plain(other) == plain(name)]
        if len(alike) == 1:
            return alike[0]
    there = ", ".join(list(columns)[:20])
    raise ServiceError(f"the answer has no column {name}; it has {there}")


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def check_stated_units(
    units: Mapping[str, Any], declared: ServiceDeclaration, names: Mapping[str, str]
) -> None:
    """Refuse an answer whose units are of the declared kind but others.

    Raises
    ------
    ServiceError
        Converted as declared, its values would be wrong.
    """
    lower = {name.lower(): unit for name, unit in units.items() if unit}
    for own, column in {**declared.sky(), **declared.values()}.items():
        unit = lower.get(names.get(column.column, column.column).lower())
        if column.type != "number" or not unit:
            continue
        stated = u.Unit(unit, parse_strict="silent")
        wanted = column.file_unit(own)
        if isinstance(stated, u.UnrecognizedUnit) or not stated.is_equivalent(wanted):
            continue
        if not np.isclose(stated.to(wanted), 1.0):
            raise ServiceError(
                f"column {column.column} is in '{stated}', and is declared in '{wanted}'"
            )
