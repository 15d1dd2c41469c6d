"""One light curve as a reader hands it over, and how many become a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from malca.lightcurves import FAILURE_DTYPES, POINT_DTYPES, STAR_DTYPES, Camera, LightCurves

#: The survey writes 99.99 where it has no value, and as the error of an upper limit.
SENTINEL = 99.0

#: Dates outside are not of this survey (1979 to 2088): a Modified Julian Date, or a wrong column.
JD_RANGE = (2_444_000.0, 2_484_000.0)


class ReadFailure(Exception):
    """A light curve that cannot be read.

    Attributes
    ----------
    reason : str
        Short, countable: ``empty``, ``malformed_row``, ...
    detail : str
        What exactly is wrong, with the line number where there is one.
    """

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(eq=False)
class Curve:
    """The points of one star, with its own camera and field keys; see `LightCurves`."""

    name: str
    source: str
    jd: np.ndarray
    mag: np.ndarray
    mag_err: np.ndarray
    camera: np.ndarray
    band: np.ndarray
    good: np.ndarray
    saturated: np.ndarray
    cameras: Sequence[Camera]
    field: np.ndarray | None = None
    fields: Sequence[str] = ("",)
    asas_sn_id: int | None = None
    time_system: str = "JD"
    gaia_id: int | None = None
    gaia_release: str | None = None


def make_curve(*, lines: np.ndarray | None = None, **columns) -> Curve:
    """Check the columns of a file and turn them into a `Curve` sorted by time.

    Magnitudes and errors beyond ``SENTINEL`` are upper limits: both become NaN, the row stays.

    Parameters
    ----------
    lines : (n_points,) int array, optional
        Line number of each point, for the message.
    **columns
        Fields of `Curve`; ``mag`` and ``mag_err`` may be float64.

    Raises
    ------
    ReadFailure
        No finite magnitude, or a date that is missing or not of this survey.
    """
    jd, mag, mag_err = columns["jd"], columns["mag"], columns["mag_err"]
    limit = ~(np.abs(mag) < SENTINEL) | (mag_err >= SENTINEL)
    if limit.all():
        raise ReadFailure("no_finite_magnitudes", f"none of {len(mag)} rows has a finite magnitude")
    mag = np.where(limit, np.nan, mag).astype(np.float32)
    mag_err = np.where(limit, np.nan, mag_err).astype(np.float32)
    if not (jd.min() > JD_RANGE[0] and jd.max() < JD_RANGE[1]):
        first = int(np.argmax(~((jd > JD_RANGE[0]) & (jd < JD_RANGE[1]))))
        where = f"line {lines[first]}: " if lines is not None else ""
        raise ReadFailure(
            "malformed_row", f"{where}the date {float(jd[first])} is no Julian Date of the survey"
        )
    camera = columns["camera"].astype(np.int16, copy=False)
    fields = columns.get("field")
    points = {
        "jd": jd,
        "mag": mag,
        "mag_err": mag_err,
        "camera": camera,
        "band": columns["band"].astype(np.int8, copy=False),
        "good": columns["good"],
        "saturated": columns["saturated"],
        "field": np.zeros(len(jd), np.int16) if fields is None else fields.astype(np.int16, copy=False),
    }
    curve = Curve(**{**columns, **points})
    if (jd[1:] < jd[:-1]).any():
        sort_by_time(curve)
    return curve


def sort_by_time(curve: Curve) -> None:
    """Put the points in order of time, points at equal dates as they are."""
    order = np.argsort(curve.jd, kind="stable")
    for name in POINT_DTYPES:
        setattr(curve, name, getattr(curve, name)[order])


def assemble(curves: Sequence[Curve]) -> LightCurves:
    """One batch of all curves, with their camera and field keys merged."""
    if not curves:
        return LightCurves.empty()
    cameras: dict[Camera, int] = {}
    fields: dict[str, int] = {}
    camera_codes, field_codes = [], []
    for curve in curves:
        key = np.array([cameras.setdefault(camera, len(cameras)) for camera in curve.cameras], np.int16)
        camera_codes.append(key[curve.camera])
        key = np.array([fields.setdefault(name, len(fields)) for name in curve.fields], np.int16)
        field_codes.append(key[curve.field])
    points = {
        name: np.concatenate([getattr(curve, name) for curve in curves])
        for name in POINT_DTYPES
        if name not in {"camera", "field"}
    }
    lengths = [len(curve.jd) for curve in curves]
    stars = {
        name: pd.array([getattr(curve, name) for curve in curves], dtype=dtype)
        for name, dtype in STAR_DTYPES.items()
    }
    return LightCurves(
        stars=pd.DataFrame(stars),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        cameras=tuple(cameras),
        fields=tuple(fields),
        camera=np.concatenate(camera_codes),
        field=np.concatenate(field_codes),
        **points,
    )


def failure_row(path: Path, failure: ReadFailure, asas_sn_id: int | None = None) -> dict:
    """Row of the failures table for one file."""
    return {
        "name": path.stem,
        "source": str(path),
        "asas_sn_id": asas_sn_id,
        "stage": "read",
        "reason": failure.reason,
        "detail": failure.detail,
    }


def failures_table(rows: Sequence[dict]) -> pd.DataFrame:
    """Failures as a typed table (``FAILURE_DTYPES``), also when there are none."""
    return pd.DataFrame(list(rows), columns=list(FAILURE_DTYPES)).astype(FAILURE_DTYPES)
