"""Binary tables of FITS files (Pence+ 2010, A&A 524, A42), mapped into memory and read as Arrow."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from malca.datasets.catalog_checks import BATCH_ROWS
from malca.datasets.table_units import unit_in_words

# Columns of a few letters that hold numbers: TFORM's letter, and the Arrow type.
_TYPES = {
    "L": pa.bool_(), "B": pa.uint8(), "I": pa.int16(), "J": pa.int32(), "K": pa.int64(),
    "E": pa.float32(), "D": pa.float64(), "A": pa.string(),
}  # fmt: skip
_UNSIGNED_ZERO = {"I": 1 << 15, "J": 1 << 31, "K": 1 << 63}
_UNSIGNED = {"I": pa.uint16(), "J": pa.uint32(), "K": pa.uint64()}


def fits_source(path: Path) -> tuple[pa.Schema, Callable[[list[str]], Iterator[pa.RecordBatch]]]:
    """Tell the schema of a file's first table, and give what reads some of its columns.

    A gzipped file is unpacked to a temporary one while it is read.

    Raises
    ------
    ValueError
        There is no table, or it is shorter than its header says.
    OSError
        It is no FITS file.
    """
    with _unpacked(path, header_only=True) as name, _opened(name) as file:
        schema = pa.schema([_field(column) for column in _table(file).columns])

    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        with _unpacked(path) as name, _opened(name) as file:
            table = _table(file)
            _check_length(table, name)
            types = [schema.field(column).type for column in columns]
            for first in range(0, table.header["NAXIS2"], BATCH_ROWS):
                raw = table.data[first : first + BATCH_ROWS].view(np.ndarray)
                arrays = [
                    _array(raw[column], table.columns[column], kind)
                    for column, kind in zip(columns, types, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, columns)

    return schema, read


class MappedTable:
    """The first table of a FITS file, of which single rows are read.

    Parameters
    ----------
    path : Path
        Not gzipped.

    Raises
    ------
    OSError, ValueError
        It is no FITS file, has no table, or is shorter than its header says.
    """

    def __init__(self, path: Path) -> None:
        with _opened(path) as file:
            table = _table(file)
            _check_length(table, path)
            self._columns = {column.name: column for column in table.columns}
            self.n_rows = int(table.header["NAXIS2"])
            stored = table.columns.dtype.newbyteorder(">")
            self._rows = np.memmap(path, stored, "r", table.fileinfo()["datLoc"], (self.n_rows,))

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the table."""
        return tuple(self._columns)

    def rows(self, columns: Sequence[str], rows: np.ndarray) -> dict[str, np.ndarray]:
        """Numbers of some rows by their columns, shape (n,), as precise as the file has them.

        Missing ones are NaN.
        """
        raw = self._rows[rows]
        values = {}
        for name in columns:
            kind = _type(self._columns[name])
            array = _array(raw[name], self._columns[name], kind)
            array = array if pa.types.is_floating(kind) else array.cast(pa.float64())
            values[name] = np.asarray(array.to_numpy(zero_copy_only=False))
        return values


@contextmanager
def _opened(path: Path) -> Iterator[fits.HDUList]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)  # of a file that was cut, which is refused
        with fits.open(path, memmap=True) as file:
            yield file


class _unpacked:
    """Name of a file that can be mapped into memory: itself, or what a gzipped one is unpacked to."""

    def __init__(self, path: Path, *, header_only: bool = False) -> None:
        self._path, self._header_only = path, header_only
        self._copy: Any = None

    def __enter__(self) -> Path:
        with open(self._path, "rb") as file:
            if file.read(2) != b"\x1f\x8b" or self._header_only:
                return self._path
        self._copy = tempfile.NamedTemporaryFile(suffix=".fits")
        with gzip.open(self._path) as packed:
            shutil.copyfileobj(packed, self._copy, 1 << 20)
        self._copy.flush()
        return Path(self._copy.name)

    def __exit__(self, *raised: object) -> None:
        if self._copy is not None:
            self._copy.close()


def _table(file: fits.HDUList) -> Any:
    for part in file:
        if isinstance(part, fits.BinTableHDU):
            return part
    raise ValueError("it has no binary table")


def _check_length(table: Any, path: Path) -> None:
    wanted = table.fileinfo()["datLoc"] + table.header["NAXIS1"] * table.header["NAXIS2"]
    if path.stat().st_size < wanted:
        raise ValueError(f"it is {path.stat().st_size} byte long, its header says {wanted} or more")


def _field(column: Any) -> pa.Field:
    unit = unit_in_words(column.unit)
    return pa.field(column.name, _type(column)).with_metadata({"unit": unit} if unit else None)


def _type(column: Any) -> pa.DataType:
    letter, repeat = column.format.format, column.format.repeat
    if letter not in _TYPES:
        return pa.list_(pa.float64())
    if letter != "A" and (column.dim is not None or repeat != 1):
        return pa.list_(_TYPES[letter])
    zero, scale = column.bzero or 0, 1 if column.bscale is None else column.bscale
    if letter in "BIJK" and (zero, scale) != (0, 1):
        if scale == 1 and zero == _UNSIGNED_ZERO.get(letter):
            return _UNSIGNED[letter]
        return pa.int8() if (letter, scale, zero) == ("B", 1, -128) else pa.float64()
    if letter in "ED" and (zero, scale) != (0, 1):
        return pa.float64()
    return _TYPES[letter]


def _array(raw: np.ndarray, column: Any, kind: pa.DataType) -> pa.Array:
    """Values of a column as the file has them, in big-endian order and unscaled, as Arrow."""
    letter = column.format.format
    if pa.types.is_list(kind):
        return pa.nulls(len(raw), kind)
    if letter == "A":
        return _texts(raw)
    if letter == "L":
        return pa.array(raw == ord("T"), mask=(raw != ord("T")) & (raw != ord("F")))
    values = raw.astype(raw.dtype.newbyteorder("="))
    missing = np.isnan(values) if letter in "ED" else np.zeros(len(values), bool)
    if letter in "BIJK" and column.null is not None:
        missing |= values == column.null
    if kind == pa.uint64():
        values = values.view(np.uint64) ^ np.uint64(1 << 63)
    elif pa.types.is_unsigned_integer(kind) or kind == pa.int8():
        values = values.astype(np.int64) + int(column.bzero or 0)
    elif pa.types.is_float64(kind):
        scale = 1.0 if column.bscale is None else column.bscale
        values = values.astype(np.float64)
        if (scale, column.bzero or 0) != (1, 0):
            values = values * scale + (column.bzero or 0)
    return pa.array(values, mask=missing).cast(kind)


def _texts(raw: np.ndarray) -> pa.Array:
    """Texts without what fills them up; empty ones are null."""
    words = pc.cast(pa.array(raw.tolist(), pa.binary()), pa.string(), safe=False)
    words = pc.utf8_trim_whitespace(words)
    return pc.if_else(pc.equal(words, ""), pa.scalar(None, pa.string()), words)
