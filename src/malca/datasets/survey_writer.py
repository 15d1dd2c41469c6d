"""Write and read a survey laid out as ASAS-SN lays out its own.

``<root>/<mag_bin>/index<N>.csv`` lists stars; ``<root>/<mag_bin>/lc<N>_cal/<asas_sn_id>.dat2``
and ``.raw2`` hold their points and the statistics of their cameras. ``<root>/survey.json`` says
which survey the root holds, so that two are never mixed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from numba import njit

from malca.datasets.atomic import replacing
from malca.datasets.readers import read_lightcurves
from malca.lightcurves import LightCurves, Star

#: Folder of the tables that were saved with a survey.
TABLES = ".tables"
SURVEY_FILE = "survey.json"
RAW2_HEADER = "# camera median 1sig_low 1sig_high 90_low 90_high\n"

#: Written where a point has no magnitude.
_NO_VALUE_1E4 = 999900
_SHORT_JD_1E6 = 2_450_000 * 1_000_000
_RAW2_PERCENTILES = np.array([50.0, 15.865525393145708, 84.13447460685429, 5.0, 95.0])
# JD 17, magnitude and error 10 each, three flags 2 each, camera number 7: with room to spare.
_LINE_BYTES = 64


@njit(cache=True, nogil=True)
def _put_integer(buffer, at, value, min_digits):
    digits = 1
    power = 10
    while value >= power:
        digits += 1
        power *= 10
    digits = max(digits, min_digits)
    for i in range(at + digits - 1, at - 1, -1):
        buffer[i] = 48 + value % 10
        value //= 10
    return at + digits


@njit(cache=True, nogil=True)
def _put_decimal(buffer, at, scaled, n_decimals):
    if scaled < 0:
        buffer[at] = 45
        at += 1
        scaled = -scaled
    unit = 10**n_decimals
    at = _put_integer(buffer, at, scaled // unit, 1)
    buffer[at] = 46
    at = _put_integer(buffer, at + 1, scaled % unit, n_decimals)
    buffer[at] = 32
    return at + 1


@njit(cache=True, nogil=True)
def _format_points(
    jd, mag, mag_err, camera, band, good, saturated, field,
    camera_number, camera_text, camera_length, field_text, field_length, buffer,
):  # fmt: skip
    at = 0
    for i in range(len(jd)):
        at = _put_decimal(buffer, at, np.int64(np.floor(jd[i] * 1e6 + 0.5)) - _SHORT_JD_1E6, 6)
        for value in (mag[i], mag_err[i]):
            scaled = _NO_VALUE_1E4 if np.isnan(value) else np.int64(np.floor(value * 1e4 + 0.5))
            at = _put_decimal(buffer, at, scaled, 4)
        at = _put_integer(buffer, at, np.int64(good[i]), 1)
        buffer[at] = 32
        at = _put_integer(buffer, at + 1, camera_number[camera[i]], 1)
        buffer[at] = 32
        at = _put_integer(buffer, at + 1, np.int64(band[i]), 1)
        buffer[at] = 32
        at = _put_integer(buffer, at + 1, np.int64(saturated[i]), 1)
        buffer[at] = 32
        at += 1
        for k in range(camera_length[camera[i]]):
            buffer[at] = camera_text[camera[i], k]
            at += 1
        buffer[at] = 47
        at += 1
        for k in range(field_length[field[i]]):
            buffer[at] = field_text[field[i], k]
            at += 1
        buffer[at] = 10
        at += 1
    return at


def _label_table(labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    encoded = [label.encode("ascii") for label in labels] or [b""]
    table = np.zeros((len(encoded), max(1, *(len(label) for label in encoded), 1)), np.uint8)
    for row, label in zip(table, encoded, strict=True):
        row[: len(label)] = np.frombuffer(label, np.uint8)
    return table, np.array([len(label) for label in encoded], np.int64)


class Dat2Formatter:
    """Text of ``.dat2`` and ``.raw2`` files for the stars of one batch."""

    def __init__(self, lightcurves: LightCurves) -> None:
        self._lightcurves = lightcurves
        self._numbers = np.array([camera.number for camera in lightcurves.cameras], np.int64)
        if (self._numbers < 0).any():
            raise ValueError("a .dat2 file needs the number of every camera")
        self._cameras = _label_table([camera.name for camera in lightcurves.cameras])
        self._fields = _label_table(list(lightcurves.fields))

    def dat2(self, i: int) -> bytes:
        """Content of the ``.dat2`` file of star ``i``."""
        star = self._lightcurves.star(i)
        width = _LINE_BYTES + self._cameras[0].shape[1] + self._fields[0].shape[1]
        buffer = np.empty(len(star.jd) * width, np.uint8)
        n_bytes = _format_points(*star, self._numbers, *self._cameras, *self._fields, buffer)
        return buffer[:n_bytes].tobytes()

    def raw2(self, i: int) -> bytes:
        """Content of the ``.raw2`` file of star ``i``: each camera's median, 1σ and 90 % range."""
        lines = [RAW2_HEADER]
        for camera, values in camera_percentiles(self._lightcurves.star(i)):
            lines.append(
                f"{self._numbers[camera]} " + " ".join(f"{value:.4f}" for value in values) + "\n"
            )
        return "".join(lines).encode("ascii")


def camera_percentiles(star: Star) -> Iterator[tuple[int, np.ndarray]]:
    """Median, 15.9, 84.1, 5 and 95 percentile of the finite magnitudes of each camera."""
    finite = np.isfinite(star.mag)
    camera, mag = star.camera[finite], star.mag[finite]
    order = np.argsort(camera, kind="stable")
    camera, mag = camera[order], mag[order].astype(np.float64)
    starts = np.flatnonzero(np.diff(camera, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(camera)], strict=True):
        values = np.sort(mag[start:stop])
        rank = _RAW2_PERCENTILES / 100 * (len(values) - 1)
        yield int(camera[start]), np.interp(rank, np.arange(len(values)), values)


def _write_atomically(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


class SurveyFolder:
    """A survey on disk, read on demand."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def lightcurves(self, rows: pd.DataFrame) -> LightCurves:
        """Light curves of ``rows`` (columns ``mag_bin, index_num, asas_sn_id``), in their order.

        Raises
        ------
        OSError
            One of them cannot be read.
        """
        paths = [
            lightcurve_path(self._root, mag_bin, index_num, asas_sn_id)
            for mag_bin, index_num, asas_sn_id in zip(
                rows["mag_bin"], rows["index_num"], rows["asas_sn_id"], strict=True
            )
        ]
        lightcurves = read_lightcurves(paths)
        failures = lightcurves.failures
        if len(failures):
            raise OSError(
                f"{len(failures)} light curves cannot be read, first {failures.iloc[0].to_dict()}"
            )
        return lightcurves

    def table(self, name: str) -> pd.DataFrame:
        """Table that was saved with the survey, of all index files in their order.

        Raises
        ------
        FileNotFoundError
            The survey has no such table.
        """
        parts = sorted((self._root / TABLES / name).glob("*.parquet"), key=_place)
        if not parts:
            raise FileNotFoundError(f"{self._root} has no table {name}: simulate the survey again")
        return pd.concat([pd.read_parquet(path) for path in parts], ignore_index=True)


def _place(path: Path) -> tuple[str, int]:
    mag_bin, _, index_num = path.stem.rpartition("-")
    return mag_bin, int(index_num)


def lightcurve_path(root: Path, mag_bin: str, index_num: int, asas_sn_id: int) -> Path:
    """Path of a star's light curve below the survey's root."""
    return root / mag_bin / f"lc{index_num}_cal" / f"{asas_sn_id}.dat2"


class SurveyDataset(AbstractDataset[Mapping[str, Any], SurveyFolder]):
    """A survey's folder.

    Each ``save`` adds whole index files: a mapping with ``index`` (table with ``mag_bin``,
    ``index_num`` and the columns of the index files), ``lightcurves`` (its stars in the same
    order), ``fingerprint`` (of what the survey is made from), ``parameters`` (for the reader of
    ``survey.json``) and, if there are any, ``tables`` by name, rows with an ``asas_sn_id``, which are
    kept in a hidden folder. The directory of an index file's light curves appears when it is complete
    and the index file after it; a survey that was cut short is continued when saved again.

    Parameters
    ----------
    filepath : str
        Root of the survey.
    overwrite : bool
        Whether a survey of another fingerprint may be replaced. A folder that no survey of ours
        occupies is never touched.
    metadata : dict, optional
        For plugins.
    """

    def __init__(
        self, *, filepath: str, overwrite: bool = False, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = PurePosixPath(filepath)
        self._overwrite = overwrite
        self.metadata = metadata

    @property
    def _root(self) -> Path:
        return Path(self._filepath)

    def fingerprint(self) -> str | None:
        """Fingerprint of the parameters the survey was simulated with; None: there is no survey."""
        path = self._root / SURVEY_FILE
        return str(json.loads(path.read_text())["fingerprint"]) if path.exists() else None

    def load(self) -> SurveyFolder:
        if not self._exists():
            raise DatasetError(f"{self._root} holds no simulated survey")
        return SurveyFolder(self._root)

    def save(self, data: Mapping[str, Any]) -> None:
        index, lightcurves = data["index"], data["lightcurves"]
        if len(index) != len(lightcurves):
            raise DatasetError(f"{len(index)} rows of the index for {len(lightcurves)} light curves")
        self._claim(data["fingerprint"], data["parameters"], set(index["mag_bin"]))
        tables = data.get("tables", {})
        formatter = Dat2Formatter(lightcurves)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for (mag_bin, index_num), rows in index.groupby(["mag_bin", "index_num"], sort=False):
                parts = {
                    self._root / TABLES / name / f"{mag_bin}-{index_num}.parquet": table[
                        table["asas_sn_id"].isin(rows["asas_sn_id"])
                    ]
                    for name, table in tables.items()
                }
                self._write_index(self._root / mag_bin, int(index_num), rows, formatter, parts, pool)

    def _write_index(
        self,
        folder: Path,
        index_num: int,
        rows: pd.DataFrame,
        formatter: Dat2Formatter,
        parts: Mapping[Path, pd.DataFrame],
        pool: ThreadPoolExecutor,
    ) -> None:
        index_path, lc_dir = folder / f"index{index_num}.csv", folder / f"lc{index_num}_cal"
        if all(path.exists() for path in (index_path, lc_dir, *parts)):
            return
        partial = folder / f".lc{index_num}_cal.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(lc_dir, ignore_errors=True)
        partial.mkdir(parents=True)

        def write(item: tuple[int, int]) -> None:
            i, asas_sn_id = item
            (partial / f"{asas_sn_id}.dat2").write_bytes(formatter.dat2(i))
            (partial / f"{asas_sn_id}.raw2").write_bytes(formatter.raw2(i))

        list(pool.map(write, zip(rows.index, rows["asas_sn_id"], strict=True)))
        partial.replace(lc_dir)
        for path, part in parts.items():
            with replacing(path) as target:
                part.to_parquet(target, index=False)
        text = rows.drop(columns=["mag_bin", "index_num"]).to_csv(index=False, float_format="%.7f")
        _write_atomically(index_path, text.encode())

    def _claim(self, fingerprint: str, parameters: Mapping[str, Any], mag_bins: set[str]) -> None:
        root, path = self._root, self._root / SURVEY_FILE
        held = json.loads(path.read_text()) if path.exists() else None
        if held is None and root.exists() and any(root.iterdir()):
            raise DatasetError(
                f"{root} is not empty and holds no simulated survey; choose another root"
            )
        if held is not None and held["fingerprint"] != fingerprint:
            if not self._overwrite:
                raise DatasetError(
                    f"{root} holds a survey made with other parameters (see {path}); "
                    "choose another root, or run with --params overwrite=true to replace it"
                )
            # survey.json goes last: until then the folder is still known as one of ours
            for folder in (*held["mag_bins"], TABLES):
                shutil.rmtree(root / folder, ignore_errors=True)
            held = None
        known = set(held["mag_bins"]) if held else set()
        if held is None or not mag_bins <= known:
            root.mkdir(parents=True, exist_ok=True)
            content = {
                "fingerprint": fingerprint,
                "mag_bins": sorted(known | mag_bins),
                "parameters": parameters,
            }
            _write_atomically(path, json.dumps(content, indent=2).encode())

    def _exists(self) -> bool:
        return (self._root / SURVEY_FILE).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "overwrite": self._overwrite}


class ReferenceLightCurvesDataset(AbstractDataset[None, tuple[LightCurves, pd.DataFrame]]):
    """Real light curves to compare a simulation with, and their known events.

    Loads a batch (empty when no folder is given) and a table ``source_id, jd_start, jd_end``
    (empty without ``known_events.csv`` in the folder or the one above it).

    Parameters
    ----------
    filepath : str or None
        Folder of Sky Patrol CSV files.
    metadata : dict, optional
        For plugins.
    """

    def __init__(self, *, filepath: str | None = None, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = filepath
        self.metadata = metadata

    def load(self) -> tuple[LightCurves, pd.DataFrame]:
        no_events = pd.DataFrame(columns=["source_id", "jd_start", "jd_end"])
        if self._filepath is None:
            return LightCurves.empty(), no_events
        folder = Path(self._filepath)
        lightcurves = read_lightcurves(sorted(folder.glob("*-light-curves.csv")))
        failures = lightcurves.failures
        if len(failures) or not len(lightcurves):
            raise DatasetError(
                f"{folder} holds {len(lightcurves)} readable light curves, {len(failures)} others"
            )
        for path in (folder / "known_events.csv", folder.parent / "known_events.csv"):
            if path.exists():
                return lightcurves, pd.read_csv(path, usecols=list(no_events.columns))
        return lightcurves, no_events

    def save(self, data: None) -> None:
        raise DatasetError("real light curves are read only")

    def _exists(self) -> bool:
        return self._filepath is not None and Path(self._filepath).is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
