"""Read ``.dat2``, the survey's own light-curve files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from malca.datasets.curves import (
    JD_RANGE,
    SENTINEL,
    Curve,
    ReadFailure,
    make_curve,
    sort_by_time,
)
from malca.datasets.text_table import TextTable, parse, parse_plain, read_bytes
from malca.kernels.plain_curve import spread
from malca.kernels.text import NUMBER, REST, TIME
from malca.lightcurves import BAND_G, BAND_V, POINT_DTYPES, Camera

_ROLES = (TIME, NUMBER, NUMBER, REST)
_N_FIELDS = 8
_SPREAD = ("camera", "field", "band", "good", "saturated")
_BANDS = {"0": BAND_G, "1": BAND_V}


class _Circumstances(NamedTuple):
    """What the last five fields of a row say; few combinations occur, each in many rows."""

    good: bool
    camera: Camera
    band: int
    saturated: bool
    field: str


def read_dat2(path: Path | str) -> Curve:
    """Read one ``.dat2`` file.

    The file has no header and eight fields a row, parted by blanks: date (JD - 2450000, or a
    full JD), magnitude, error (mag), quality (1 good), camera number, band (0 g, 1 V),
    saturation (0 not saturated) and ``camera name/field name``. The star's id is the file's name.

    Raises
    ------
    ReadFailure
        See `malca.datasets.readers.read_lightcurves`.
    """
    if not isinstance(path, Path):
        path = Path(path)
    return _read_plain(path) or _read_any(path)


def _read_any(path: Path) -> Curve:
    table = parse(read_bytes(path), _ROLES, short_jd=True)
    kinds = []
    for code, words in enumerate(table.tokens[0]):
        try:
            kinds.append(_circumstances(words))
        except ValueError as error:
            raise _bad_row(table, code, str(error)) from None
    return make_curve(
        **_identity(path),
        **_columns(kinds, table.codes[0]),
        lines=table.lines,
        jd=table.numbers[0],
        mag=table.numbers[1],
        mag_err=table.numbers[2],
    )


def _read_plain(path: Path) -> Curve | None:
    """Curve of a file that holds nothing unusual, which takes half the time; None of any other."""
    rows = parse_plain(path, JD_RANGE, SENTINEL)
    if rows is None:
        return None
    try:
        kinds = [_circumstances_of_bytes(words) for words in rows.tokens]
    except ValueError:
        return None
    curve = Curve(
        **_identity(path),
        **_columns(kinds, rows.codes),
        jd=rows.jd,
        mag=rows.mag,
        mag_err=rows.mag_err,
    )
    if not rows.ascending:
        sort_by_time(curve)
    return curve


def _identity(path: Path) -> dict[str, Any]:
    name = path.stem
    return {
        "name": name,
        "source": str(path),
        "asas_sn_id": int(name) if name.isdecimal() else None,
    }


def _columns(kinds: list[_Circumstances], codes: np.ndarray) -> dict[str, Any]:
    """Columns of `Curve` that the last five fields of the rows tell."""
    cameras: dict[Camera, int] = {}
    fields: dict[str, int] = {}
    table = np.array(
        [
            (
                cameras.setdefault(kind.camera, len(cameras)),
                fields.setdefault(kind.field, len(fields)),
                kind.band,
                kind.good,
                kind.saturated,
            )
            for kind in kinds
        ],
        np.int16,
    )
    n = len(codes)
    columns = {name: np.empty(n, POINT_DTYPES[name]) for name in _SPREAD}
    spread(codes, table, *columns.values())
    return {**columns, "cameras": list(cameras), "fields": list(fields)}


@lru_cache(maxsize=65_536)
def _circumstances_of_bytes(words: bytes) -> _Circumstances:
    return _circumstances(words.decode("ascii"))


@lru_cache(maxsize=65_536)
def _circumstances(words: str) -> _Circumstances:
    fields = words.split()
    if len(fields) != _N_FIELDS - 3:
        raise ValueError(f"{len(fields) + 3} fields instead of {_N_FIELDS}")
    good, number, band, saturated, cam_field = fields
    if band not in _BANDS:
        raise ValueError(f"'{band}' is no band, which is 0 (g) or 1 (V)")
    for word, meaning in ((good, "quality"), (number, "camera number"), (saturated, "saturation")):
        if not word.removeprefix("-").isdecimal():
            raise ValueError(f"'{word}' is no {meaning}")
    name, _, field = cam_field.partition("/")
    return _Circumstances(
        int(good) == 1, Camera(name, int(number)), _BANDS[band], int(saturated) != 0, field
    )


def _bad_row(table: TextTable, code: int, detail: str) -> ReadFailure:
    row = int(np.argmax(table.codes[0] == code))
    wrong_count = "instead of" in detail
    if table.unterminated and row == len(table) - 1 and wrong_count:
        return ReadFailure("truncated", f"line {table.lines[row]}: {detail}, and no line end")
    reason = "wrong_columns" if wrong_count and row == 0 else "malformed_row"
    return ReadFailure(reason, f"line {table.lines[row]}: {detail}")
