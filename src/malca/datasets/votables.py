"""VOTables (Ochsenbein+ 2013, arXiv:1110.0524) read as Arrow.

astropy reads such a table as a whole, so memory is that of the columns asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.io import votable
from astropy.utils.xml.iterparser import get_xml_iterator

from malca.datasets.catalog_checks import BATCH_ROWS
from malca.datasets.table_units import unit_in_words

_TYPES = {
    "boolean": pa.bool_(), "bit": pa.bool_(), "unsignedByte": pa.uint8(), "short": pa.int16(),
    "int": pa.int32(), "long": pa.int64(), "float": pa.float32(), "double": pa.float64(),
    "char": pa.string(), "unicodeChar": pa.string(),
}  # fmt: skip
_CUT = "OVERFLOW"


def votable_source(path: Path) -> tuple[pa.Schema, Callable[[list[str]], Iterator[pa.RecordBatch]]]:
    """Tell the schema of a file's first table, and give what reads some of its columns.

    Raises
    ------
    ValueError
        It is no VOTable, has no table, an error's message instead of it, or data elsewhere.
    """
    fields = _fields(path)
    schema = pa.schema([_arrow_field(field) for field in fields])
    if len(set(schema.names)) < len(schema.names):
        raise ValueError("several of its columns have one name")

    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        numbers = [schema.names.index(column) for column in columns]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is written against the standard
            # in any other order astropy gives binary columns each other's values
            file = votable.parse(path, columns=sorted(numbers), verify="ignore")
            _check_complete(file)
            table = file.get_first_table()
            names = [field.ID for field in table.fields]
        types = [schema.field(column).type for column in columns]
        values = table.array
        places = [names.index(table.all_fields[number].ID) for number in numbers]
        for first in range(0, len(values), BATCH_ROWS):
            part = values[first : first + BATCH_ROWS]
            arrays = [
                _array(part[names[place]], kind) for place, kind in zip(places, types, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, columns)

    return schema, read


def _fields(path: Path) -> list[dict[str, str]]:
    """Attributes of the fields of the first table, read without its rows."""
    fields: list[dict[str, str]] = []
    started = False
    with get_xml_iterator(str(path)) as tags:
        for start, tag, attributes, _ in tags:
            started |= start and tag == "VOTABLE"
            if start and tag == "INFO" and attributes.get("name") == "QUERY_STATUS":
                _check_status(attributes.get("value", ""))
            elif start and tag == "FIELD":
                fields.append(dict(attributes))
            elif start and tag == "STREAM" and attributes.get("href"):
                raise ValueError(f"its rows are elsewhere ({attributes['href']})")
            elif tag in {"TABLEDATA", "STREAM"} or (tag == "TABLE" and not start):
                break
    if not started:
        raise ValueError("it is no VOTable")
    if not fields:
        raise ValueError("it has no table")
    return fields


def _check_status(status: str) -> None:
    if status.upper() == "ERROR":
        raise ValueError("it holds the error of a service and no table")
    if status.upper() == _CUT:
        raise ValueError("the service has cut it at its limit of rows (QUERY_STATUS is OVERFLOW)")


def _check_complete(file: Any) -> None:
    """Look at marks behind the table too, where that of a cut one stands (DALI 1.1, section 4.4.1)."""
    for part in (file, *file.resources):
        for info in part.infos:
            if info.name == "QUERY_STATUS":
                _check_status(str(info.value))


def _arrow_field(field: dict[str, str]) -> pa.Field:
    name = field.get("name") or field.get("ID") or ""
    kind = _TYPES.get(field.get("datatype", ""), pa.list_(pa.float64()))
    size = field.get("arraysize", "1")
    if "x" in size or (size != "1" and not pa.types.is_string(kind)):
        kind = pa.list_(pa.float64())
    unit = unit_in_words(field.get("unit"))
    return pa.field(name, kind).with_metadata({"unit": unit} if unit else None)


def _array(values: np.ma.MaskedArray, kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind):
        return pa.nulls(len(values), kind)
    data, missing = np.ma.getdata(values), np.ma.getmaskarray(values)
    if pa.types.is_string(kind):
        words = [str(word).strip() or None for word in data]
        return pa.array(words, kind)
    if pa.types.is_floating(kind):
        missing = missing | np.isnan(data)
    return pa.array(np.ascontiguousarray(data), mask=np.ascontiguousarray(missing)).cast(kind)
