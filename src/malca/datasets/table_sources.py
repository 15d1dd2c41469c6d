"""Tables in the formats of astronomy, read a batch at a time as Arrow with the units they state.

Parquet, FITS, VOTable, CSV and ECSV, also gzipped. Missing values are null whatever the format
writes for them, and ids stay whole numbers.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from astropy.table.meta import get_header_from_yaml
from kedro.io import DatasetError

from malca.datasets.catalog_checks import BATCH_ROWS, declared_units
from malca.datasets.fits_tables import fits_source
from malca.datasets.previews import TablePreview, rows_preview
from malca.datasets.votables import votable_source

#: Formats by the end of a file's name, which ".gz" may follow.
FORMATS = {
    ".parquet": "parquet", ".pq": "parquet", ".fits": "fits", ".fit": "fits", ".fts": "fits",
    ".vot": "votable", ".votable": "votable", ".xml": "votable", ".csv": "csv", ".tsv": "csv",
    ".ecsv": "ecsv",
}  # fmt: skip
#: What text formats write for a missing value. "NA" is a class of novae (VSX).
_NULLS = ["", "null", "NULL", "nan", "NaN", "N/A", "--"]
_BLOCK_BYTES = 8 << 20
_ECSV_MARK, _MASK = "%ECSV", ".mask"


_Read = tuple[pa.Schema, Callable[[list[str]], Iterator[pa.RecordBatch]]]


@dataclass(frozen=True)
class Source:
    """A table of some format.

    Attributes
    ----------
    path : Path
    schema : Schema
        Its columns; a field's metadata has the ``unit`` the file states. Columns of arrays are lists.
    read : callable
        ``read(names)`` gives batches of some columns.
    """

    path: Path
    schema: pa.Schema
    read: Callable[[list[str]], Iterator[pa.RecordBatch]]

    def renamed(self, wanted: list[str]) -> Source:
        """Give columns that differ from wanted ones in capitals alone the names that are wanted.

        VOTables and FITS files of one table differ in that; a name two columns could mean is left.
        """
        names: dict[str, str] = {}
        for name in wanted:
            alike = [there for there in self.schema.names if there.lower() == name.lower()]
            if name not in self.schema.names and len(alike) == 1 and alike[0] not in names:
                names[alike[0]] = name
        if not names:
            return self
        own = {new: old for old, new in names.items()}
        fields = [field.with_name(names.get(field.name, field.name)) for field in self.schema]

        def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
            for batch in self.read([own.get(column, column) for column in columns]):
                yield batch.rename_columns(columns)

        return Source(self.path, pa.schema(fields, self.schema.metadata), read)


def table_format(path: Path) -> str:
    """Tell a file's format by its name.

    Raises
    ------
    DatasetError
        The name tells none.
    """
    name = path.name.lower().removesuffix(".gz")
    for suffix, kind in FORMATS.items():
        if name.endswith(suffix):
            return kind
    raise DatasetError(
        f"{path} is of no known format: name it .parquet, .fits, .vot, .xml, .csv or .ecsv "
        "(all but the first also with .gz)"
    )


def open_source(path: Path, types: Mapping[str, pa.DataType] | None = None) -> Source:
    """Open a table.

    Parameters
    ----------
    path : Path
    types : mapping, optional
        Types of columns; of use to CSV alone, which does not say them.

    Raises
    ------
    DatasetError
        It is damaged, or of no known format.
    """
    kind = table_format(path)
    with _refusing(path, kind):
        if kind == "parquet":
            schema, read = _parquet_source(path)
        elif kind == "fits":
            schema, read = fits_source(path)
        elif kind == "votable":
            schema, read = votable_source(path)
        else:
            schema, read = _text_source(path, types or {})

    def guarded(columns: list[str]) -> Iterator[pa.RecordBatch]:
        with _refusing(path, kind):
            yield from read(columns)

    return Source(path, schema, guarded)


def preview_source(path: Path, n_rows: int) -> TablePreview:
    """First rows of a table of any format, without columns of arrays; of no file there are none."""
    if not path.is_file():
        return rows_preview([], [])
    source = open_source(path)
    names = [field.name for field in source.schema if not pa.types.is_nested(field.type)]
    first = next(source.read(names), None)
    columns = [] if first is None else [column[:n_rows].to_pylist() for column in first.columns]
    return rows_preview(names, zip(*columns, strict=True))


@contextmanager
def _refusing(path: Path, kind: str) -> Iterator[None]:
    """Tell in one sentence what is wrong with a file."""
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException, ValueError) as error:
        words = " ".join(str(error).split())
        raise DatasetError(f"{path} is no readable {kind} table: fetch it again ({words})") from None


def masks_of(schema: pa.Schema) -> dict[str, str]:
    """Columns that say which values of another are missing, by that one, as astropy writes them."""
    masks = {name.removesuffix(_MASK): name for name in schema.names if name.endswith(_MASK)}
    return {name: mask for name, mask in masks.items() if name in schema.names}


def _parquet_source(path: Path) -> _Read:
    schema = pq.read_schema(path)
    units, masks = declared_units(schema), masks_of(schema)
    fields = [
        field.with_metadata({"unit": units[field.name]}) if field.name in units else field
        for field in schema
        if field.name not in masks.values()
    ]

    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        wanted = [*columns, *(masks[name] for name in columns if name in masks)]
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
                arrays = [
                    pc.if_else(batch.column(masks[name]), None, batch.column(name))
                    if name in masks
                    else batch.column(name)
                    for name in columns
                ]
                yield pa.RecordBatch.from_arrays(arrays, columns)

    return pa.schema(fields), read


# --- CSV and ECSV -------------------------------------------------------------------------------


def _text_source(path: Path, types: Mapping[str, pa.DataType]) -> _Read:
    header = _Header.of(path)
    known = {**types, **header.types}
    alike = {name.lower(): kind for name, kind in known.items()}
    kinds = {name: known.get(name, alike.get(name.lower())) for name in header.names}
    fixed = {name: kind for name, kind in kinds.items() if kind is not None}
    fields = [
        pa.field(name, fixed.get(name, pa.string())).with_metadata(
            {"unit": header.units[name]} if name in header.units else None
        )
        for name in header.names
    ]

    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        chosen = {name: fixed.get(name, pa.string()) for name in columns}
        with pa.input_stream(str(path)) as stream:
            try:
                yield from _csv_batches(stream, header, chosen)
            except pa.ArrowInvalid as error:
                raise ValueError(_named(str(error), header.names)) from None

    return pa.schema(fields), read


def _csv_batches(
    stream: pa.NativeFile, header: _Header, types: Mapping[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    yield from pacsv.open_csv(
        stream,
        pacsv.ReadOptions(
            block_size=_BLOCK_BYTES, skip_rows=header.n_lines, column_names=header.names,
            use_threads=False,
        ),
        pacsv.ParseOptions(delimiter=header.delimiter),
        pacsv.ConvertOptions(
            column_types=dict(types), include_columns=list(types), null_values=_NULLS,
            strings_can_be_null=True, quoted_strings_can_be_null=True,
        ),
    )  # fmt: skip


def _named(message: str, columns: list[str]) -> str:
    """Put the name of a column for its number into a message of pyarrow."""
    number = re.search(r"CSV column #(\d+):", message)
    if number is None:
        return message
    return message.replace(f"In {number[0]}", f"column {columns[int(number[1])]}:")


@dataclass(frozen=True)
class _Header:
    """What stands above the rows of a text table, in how many lines, and what it says."""

    n_lines: int
    names: list[str]
    delimiter: str
    types: dict[str, pa.DataType]
    units: dict[str, str]

    @classmethod
    def of(cls, path: Path) -> _Header:
        with _text(path) as lines:
            comments = []
            for line in lines:
                if not line.startswith("#"):
                    break
                comments.append(line[1:].strip("\r\n").removeprefix(" "))
            else:
                raise ValueError("it has no line with the names of its columns")
        types: dict[str, pa.DataType] = {}
        units: dict[str, str] = {}
        delimiter = "\t" if "\t" in line and "," not in line else ","
        if comments and comments[0].startswith(_ECSV_MARK):
            meta = get_header_from_yaml(comments)
            delimiter = meta.get("delimiter", " ")
            for column in meta["datatype"]:
                types[column["name"]] = _ecsv_type(column)
                if column.get("unit"):
                    units[column["name"]] = str(column["unit"])
        elif ";" in line and delimiter not in line:
            delimiter = ";"
        first = pacsv.read_csv(
            io.BytesIO(line.encode()), pacsv.ReadOptions(autogenerate_column_names=True),
            pacsv.ParseOptions(delimiter=delimiter), pacsv.ConvertOptions(strings_can_be_null=False),
        )  # fmt: skip
        names = [str(name).strip() for row in first.to_pylist() for name in row.values()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"it has several columns {', '.join(twice)}")
        return cls(len(comments) + 1, names, delimiter, types, units)


def _text(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig")
    return open(path, encoding="utf-8-sig")


def _ecsv_type(column: Mapping[str, str]) -> pa.DataType:
    if column.get("subtype"):
        return pa.list_(pa.float64())
    kind = column["datatype"]
    try:
        return {"bool": pa.bool_(), "string": pa.string()}.get(kind) or pa.type_for_alias(kind)
    except ValueError:
        return pa.string()
