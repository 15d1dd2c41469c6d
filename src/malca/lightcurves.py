"""One ragged batch of light curves: Arrow on disk, flat numpy arrays in memory.

A batch holds the points of many stars one after the other, sorted by time within each star,
with ``offsets`` marking where each star begins. Every kernel takes this shape; a Parquet
partition holds the same thing as list columns and converts without copying the values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

BAND_G, BAND_V = 0, 1
BAND_NAMES = ("g", "V")

#: Quantities stored a point, in column order, with their numpy types.
POINT_DTYPES: dict[str, Any] = {
    "jd": np.float64,
    "mag": np.float32,
    "mag_err": np.float32,
    "camera": np.int16,
    "band": np.int8,
    "good": np.bool_,
    "saturated": np.bool_,
    "field": np.int16,
}

#: Columns kept a star, with the pandas type each has in memory.
STAR_DTYPES = {
    "asas_sn_id": "Int64",
    "name": "str",
    "time_system": "str",
    "gaia_id": "Int64",
    "gaia_release": "str",
    "source": "str",
}

#: Columns of a table of failures: what could not be read, packed or searched, and why.
FAILURE_DTYPES = {
    "name": "str",
    "source": "str",
    "asas_sn_id": "Int64",
    "stage": "str",
    "reason": "str",
    "detail": "str",
}


def no_failures() -> pd.DataFrame:
    """Table of failures without a row."""
    return _no_failures().copy()


@cache
def _no_failures() -> pd.DataFrame:
    # pandas takes milliseconds for it, a search of one star not much longer.
    return pd.DataFrame(columns=list(FAILURE_DTYPES)).astype(FAILURE_DTYPES)


_STAR_ARROW_TYPES = {
    "asas_sn_id": pa.int64(),
    "name": pa.string(),
    "time_system": pa.string(),
    "gaia_id": pa.int64(),
    "gaia_release": pa.string(),
    "source": pa.string(),
}
_CAMERA_KEY = b"malca.cameras"
_FIELD_KEY = b"malca.fields"


class Camera(NamedTuple):
    """A camera as the files name it.

    ``number`` is the ``camera#`` of a ``.dat2`` file, which ``.raw2`` statistics refer to;
    -1 where a format gives only a name.
    """

    name: str
    number: int = -1


class Star(NamedTuple):
    """The points of one star (views into the batch), shape (n_points,) each."""

    jd: np.ndarray
    mag: np.ndarray
    mag_err: np.ndarray
    camera: np.ndarray
    band: np.ndarray
    good: np.ndarray
    saturated: np.ndarray
    field: np.ndarray


@dataclass(frozen=True, eq=False)
class LightCurves:
    """A batch of light curves.

    Attributes
    ----------
    stars : DataFrame, (n_stars,)
        One row a star, columns of ``STAR_DTYPES``. ``asas_sn_id`` is missing for a file that
        does not tell it; ``name`` is the file's stem. ``time_system`` is "JD" or "HJD" (UTC).
        ``gaia_release`` says which release ``gaia_id`` belongs to.
    offsets : (n_stars + 1,) int64 array
        Points of star ``i`` are ``offsets[i]:offsets[i + 1]``.
    jd : (n_points,) float64 array
        Full Julian (or heliocentric, see ``time_system``) date, days, sorted within a star.
    mag, mag_err : (n_points,) float32 arrays
        Magnitude and its reported error, mag. NaN where the survey gives an upper limit only.
    camera, field : (n_points,) int16 arrays
        Indices into ``cameras`` and ``fields``.
    band : (n_points,) int8 array
        0 for g, 1 for V.
    good, saturated : (n_points,) bool arrays
        The survey's quality flag, and whether the star saturated the detector.
    cameras : tuple of Camera
    fields : tuple of str
    failures : DataFrame
        Files that were asked for and could not be read, columns of ``FAILURE_DTYPES``; the search
        hands them on.
    """

    stars: pd.DataFrame
    offsets: np.ndarray
    jd: np.ndarray
    mag: np.ndarray
    mag_err: np.ndarray
    camera: np.ndarray
    band: np.ndarray
    good: np.ndarray
    saturated: np.ndarray
    field: np.ndarray
    cameras: tuple[Camera, ...]
    fields: tuple[str, ...] = ("",)
    failures: pd.DataFrame = dataclass_field(default_factory=no_failures)

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.stars) + 1:
            raise ValueError(
                f"{len(self.stars)} stars need {len(self.stars) + 1} offsets, got {len(self.offsets)}"
            )
        for name, dtype in POINT_DTYPES.items():
            values = getattr(self, name)
            if len(values) != self.offsets[-1]:
                raise ValueError(f"'{name}' holds {len(values)} points, offsets {self.offsets[-1]}")
            if values.dtype != dtype:
                raise TypeError(f"'{name}' must be {np.dtype(dtype)}, not {values.dtype}")

    def __len__(self) -> int:
        return len(self.stars)

    @property
    def n_points(self) -> int:
        """Points of all stars together."""
        return int(self.offsets[-1])

    def star(self, i: int) -> Star:
        """Points of star ``i`` as views."""
        part = slice(self.offsets[i], self.offsets[i + 1])
        return Star(*(getattr(self, name)[part] for name in POINT_DTYPES))

    def take(self, indices: Sequence[int] | np.ndarray) -> LightCurves:
        """Take the chosen stars, in the given order (copies the points)."""
        indices = np.asarray(indices, dtype=np.int64)
        lengths = np.diff(self.offsets)[indices]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts = np.repeat(self.offsets[indices] - offsets[:-1], lengths)
        points = starts + np.arange(offsets[-1])
        return LightCurves(
            stars=self.stars.iloc[indices].reset_index(drop=True),
            offsets=offsets,
            cameras=self.cameras,
            fields=self.fields,
            **{name: getattr(self, name)[points] for name in POINT_DTYPES},
        )

    def to_table(self) -> pa.Table:
        """Arrow table, a row a star, list columns a quantity; keys in the schema's metadata."""
        columns = {
            name: pa.array(self.stars[name], type=arrow_type, from_pandas=True)
            for name, arrow_type in _STAR_ARROW_TYPES.items()
        }
        columns["n_points"] = pa.array(np.diff(self.offsets), type=pa.int64())
        offsets = pa.array(self.offsets.astype(np.int32))
        for name in POINT_DTYPES:
            columns[name] = pa.ListArray.from_arrays(offsets, pa.array(getattr(self, name)))
        metadata = {
            _CAMERA_KEY: json.dumps([list(camera) for camera in self.cameras]).encode(),
            _FIELD_KEY: json.dumps(list(self.fields)).encode(),
        }
        return pa.table(columns).replace_schema_metadata(metadata)

    @classmethod
    def from_table(cls, table: pa.Table) -> LightCurves:
        """Read the batch in an Arrow table made by ``to_table``.

        Raises
        ------
        ValueError
            The table lacks a column or the camera key: it is no light-curve partition.
        """
        metadata = table.schema.metadata or {}
        missing = [name for name in (*STAR_DTYPES, *POINT_DTYPES) if name not in table.column_names]
        if missing or _CAMERA_KEY not in metadata:
            raise ValueError(
                f"not a light-curve partition: missing {missing or 'the camera key in its metadata'}"
            )
        table = table.combine_chunks()
        lists = {name: _single_chunk(table.column(name)) for name in POINT_DTYPES}
        offsets = lists["jd"].offsets.to_numpy().astype(np.int64)
        points = {}
        for name, dtype in POINT_DTYPES.items():
            values = lists[name].values.slice(offsets[0], offsets[-1] - offsets[0])
            points[name] = values.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
        stars = pd.DataFrame(
            {
                name: pd.array(table.column(name).to_pylist(), dtype=dtype)
                for name, dtype in STAR_DTYPES.items()
            }
        )
        return cls(
            stars=stars,
            offsets=offsets - offsets[0],
            cameras=tuple(Camera(*pair) for pair in json.loads(metadata[_CAMERA_KEY])),
            fields=tuple(json.loads(metadata[_FIELD_KEY])),
            **points,
        )

    @classmethod
    def empty(cls) -> LightCurves:
        """Make a batch of no stars."""
        points: dict[str, Any] = {k: np.empty(0, dtype=v) for k, v in POINT_DTYPES.items()}
        return cls(
            stars=pd.DataFrame({k: pd.array([], dtype=v) for k, v in STAR_DTYPES.items()}),
            offsets=np.zeros(1, dtype=np.int64),
            cameras=(),
            **points,
        )


def concatenate(batches: Iterable[LightCurves]) -> LightCurves:
    """One batch of all stars of ``batches``, with their camera and field keys merged."""
    batches = list(batches)
    if not batches:
        return LightCurves.empty()
    cameras: dict[Any, int] = {}
    fields: dict[Any, int] = {}
    codes: dict[str, list[np.ndarray]] = {"camera": [], "field": []}
    for batch in batches:
        for column, key, labels in (
            ("camera", cameras, batch.cameras),
            ("field", fields, batch.fields),
        ):
            recoded = np.array([key.setdefault(label, len(key)) for label in labels] or [0], np.int16)
            codes[column].append(recoded[getattr(batch, column)])
    points = {
        name: np.concatenate([getattr(batch, name) for batch in batches])
        for name in POINT_DTYPES
        if name not in codes
    }
    lengths = np.concatenate([np.diff(batch.offsets) for batch in batches])
    return LightCurves(
        stars=pd.concat([batch.stars for batch in batches], ignore_index=True),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        cameras=tuple(cameras),
        fields=tuple(fields),
        **points,
        **{column: np.concatenate(parts) for column, parts in codes.items()},
    )


def _single_chunk(column: pa.ChunkedArray) -> pa.ListArray:
    if column.num_chunks == 0:
        return pa.array([], type=column.type)
    return column.chunk(0)
