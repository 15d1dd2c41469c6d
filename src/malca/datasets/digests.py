"""What a file or folder holds, as a digest that does not depend on how it is stored.

Tables are digested by their values: the same rows in the same order give the same digest whatever
the row groups, compression, version of pyarrow or fingerprints in the file's metadata. Other
files are digested by their bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

#: Key of a Parquet file's metadata under which its writer may leave ``table_digest``.
DIGEST_KEY = b"malca.digest"
#: Key under which a partition says what it was made from.
_FINGERPRINT = b"malca.fingerprint"
#: Metadata that say how a table came to be and not what it holds.
_NOT_CONTENT = frozenset({b"pandas", b"ARROW:schema", _FINGERPRINT, DIGEST_KEY})
_ROWS_AT_ONCE = 8_192


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes
    ----------
    kind : str
        "table" (Parquet) or "file".
    digest : str
        SHA-256, hexadecimal: of a table's values, of another file's bytes.
    n_rows : int or None
        Of a table.
    n_bytes : int
    """

    kind: str
    digest: str
    n_rows: int | None
    n_bytes: int


def content_of(path: Path) -> Content | None:
    """Read a file to tell what it holds; None: there is none."""
    if not path.is_file():
        return None
    n_bytes = path.stat().st_size
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            digest = table_digest(file.iter_batches(_ROWS_AT_ONCE), file.schema_arrow)
            return Content("table", digest, file.metadata.num_rows, n_bytes)
    with path.open("rb") as file:
        return Content("file", hashlib.file_digest(file, "sha256").hexdigest(), None, n_bytes)


def table_digest(batches: Iterable[pa.RecordBatch | pa.Table], schema: pa.Schema) -> str:
    """SHA-256 of a table's column names, types, values and own metadata, hexadecimal.

    Parameters
    ----------
    batches : iterable of RecordBatch or Table
        The rows, in order, cut as you like.
    schema : Schema
    """
    total = hashlib.sha256()
    for key, value in sorted((schema.metadata or {}).items()):
        if key not in _NOT_CONTENT:
            total.update(key + b"\0" + value + b"\0")
    columns = [_Values() for _ in schema]
    for batch in batches:
        for values, column in zip(columns, batch.columns, strict=True):
            for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
                values.add(chunk)
    for field, values in zip(schema, columns, strict=True):
        total.update(f"{field.name}\0{_plain(field.type)}\0".encode() + values.digest())
    return total.hexdigest()


class _Values:
    """Digest of an array that comes in pieces; where it is cut makes no difference.

    Each part of it (where nulls are, lengths, bytes, what is nested) has a digest of its own, so
    that pieces can be fed as they come.
    """

    def __init__(self) -> None:
        self._n = 0
        self._nulls, self._data = hashlib.sha256(), hashlib.sha256()
        self._nested: dict[str, _Values] = {}

    def add(self, array: pa.Array) -> None:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if array.null_count:
            where = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
            self._nulls.update((where + self._n).astype("<i8").tobytes())
        self._n += len(array)
        kind = array.type
        if pa.types.is_null(kind):
            return
        if pa.types.is_struct(kind):
            for field, values in zip(kind, array.flatten(), strict=True):
                self._part(field.name).add(values)
        elif _is_list(kind):
            self._numbers(pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64()))
            self._part("item").add(array.flatten())
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            self._texts(array)
        elif pa.types.is_binary(kind):
            self._texts(array.view(pa.string()))  # the same bytes; none is decoded
        elif pa.types.is_boolean(kind):
            self._numbers(pc.fill_null(array, False).cast(pa.uint8()))
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
            self._numbers(pc.fill_null(array, pa.scalar(0, pa.int8()).cast(kind)))
        else:
            # Times, decimals, binary: rare here, and text keeps every digit of them.
            self._texts(array.cast(pa.string()))

    def _numbers(self, array: pa.Array) -> None:
        self._data.update(np.ascontiguousarray(array.to_numpy(zero_copy_only=False)).tobytes())

    def _texts(self, array: pa.Array) -> None:
        array = pc.fill_null(array, "")
        self._part("length")._numbers(pc.binary_length(array).cast(pa.int64()))
        width = np.int64 if pa.types.is_large_string(array.type) else np.int32
        _, offsets, data = array.buffers()
        if data is None or not len(array):
            return
        edges = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1]
        self._data.update(memoryview(data)[int(edges[0]) : int(edges[-1])])

    def _part(self, name: str) -> _Values:
        return self._nested.setdefault(name, _Values())

    def digest(self) -> bytes:
        total = hashlib.sha256(str(self._n).encode() + self._nulls.digest() + self._data.digest())
        for name in sorted(self._nested):
            total.update(name.encode() + b"\0" + self._nested[name].digest())
        return total.digest()


def _is_list(kind: Any) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _plain(kind: Any) -> str:
    """Name of a type without how Arrow stores it: dictionaries and large types are the plain ones."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind):
        return "string"
    if _is_list(kind):
        return f"list<{_plain(kind.value_type)}>"
    return str(kind)


def files_digest(paths: Iterable[Path], root: Path) -> str:
    """SHA-256 of the names below ``root`` and the bytes of several files, hexadecimal."""
    total = hashlib.sha256()
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in paths):
        with path.open("rb") as file:
            total.update(name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
