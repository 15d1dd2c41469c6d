"""Tables of objects whose events are known, as their authors write them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.io import ascii as ascii_tables
from astropy.io.ascii import InconsistentTableError
from astropy.table import Table
from kedro.io import AbstractDataset, DatasetError

from malca.datasets.curves import JD_RANGE
from malca.known_objects import EVENT, KNOWN_DTYPES, LABEL_OF_CONFIDENCE, no_known_objects

#: Julian Date of MJD 0.
MJD_ZERO = 2_400_000.5
#: A line of the header of a machine-readable table (MRT) of the journals.
_MRT_MARK = "Byte-by-byte Description"
_CSV_COLUMNS = ("source_id", "name", "category", "jd_start", "jd_end", "depth_mag", "confidence")
_MRT_UNITS = {
    "source_id": None, "RAdeg": u.deg, "DEdeg": u.deg, "dist50": u.kpc, "t0dip": u.d, "Ndips": None,
}  # fmt: skip


def read_known_events(path: Path) -> pd.DataFrame:
    """Read a CSV of known events, a row an event.

    ``source_id`` (ASAS-SN), ``name``, ``category``, ``jd_start``, ``jd_end`` (both empty: no date is
    known), ``depth_mag`` (may be empty) and ``confidence``: "clear" (must be found), "likely",
    "ambiguous", "absent_in_good_data" (nothing is asked), "artefact" (a dip there is false), "no_event"
    (a dip anywhere in the star is). Other columns may be there.

    Raises
    ------
    ValueError
        One sentence that names what is wrong, and where.
    """
    table = pd.read_csv(
        path, dtype="str", encoding="utf-8-sig", keep_default_na=False, skipinitialspace=True
    )
    _need(list(table.columns), _CSV_COLUMNS)
    if not len(table):
        raise ValueError("it has no rows")
    start, end, depth = (_numbers(table, name) for name in ("jd_start", "jd_end", "depth_mag"))
    _refuse(table, start.isna() != end.isna(), "has only one of jd_start and jd_end")
    _refuse(table, end < start, "ends before it begins")
    for name, dates in (("jd_start", start), ("jd_end", end)):
        wrong = dates.notna() & ~dates.between(*JD_RANGE)
        _refuse(table, wrong, f"has a {name} that is no Julian Date of the survey")
    _refuse(table, depth <= 0, "has a depth_mag that is not positive")
    labels = table["confidence"].map(LABEL_OF_CONFIDENCE)
    known = ", ".join(LABEL_OF_CONFIDENCE)
    _refuse(table, labels.isna(), f"has a confidence that is none of {known}")
    ids = _ids(table["source_id"], "source_id")
    made = pd.DataFrame(
        {
            "known_id": table["source_id"], "name": table["name"], "asas_sn_id": ids,
            "category": table["category"], "confidence": table["confidence"], "label": labels,
            "jd_start": start, "jd_end": end, "depth_mag": depth,
        }
    )  # fmt: skip
    return _completed(made)


def read_dipper_table(path: Path) -> pd.DataFrame:
    """Read the dippers of Tzanidakis et al. (2025) from their machine-readable table.

    Byte columns and units are those of the file's own header. A row becomes a known event at the time
    of the deepest dip (Modified Julian Date there, Julian Date here), labelled as an event.

    Raises
    ------
    ValueError
        One sentence that names what is wrong.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", u.UnitsWarning)
            table = ascii_tables.read(path.read_text(encoding="utf-8"), format="mrt")
    except (InconsistentTableError, ValueError, IndexError) as error:
        raise ValueError(f"its rows do not fit its header: {' '.join(str(error).split())}") from error
    _need(table.colnames, tuple(_MRT_UNITS))
    if not len(table):
        raise ValueError("it has no rows")
    for name, unit in _MRT_UNITS.items():
        if unit is not None and table[name].unit != unit:
            raise ValueError(f"{name} is in {table[name].unit or 'no unit'}, not in {unit}")
    for name in ("source_id", "Ndips"):
        if table[name].dtype.kind != "i":
            raise ValueError(f"{name} is no column of whole numbers: long ids would lose digits")
    ra, dec, distance, mjd = (_values(table, name) for name in ("RAdeg", "DEdeg", "dist50", "t0dip"))
    for name, wrong, what in (
        ("RAdeg", (ra < 0) | (ra > 360), "from 0 to 360 deg"),
        ("DEdeg", np.abs(dec) > 90, "from -90 to 90 deg"),
        ("dist50", distance <= 0, "positive, in kpc"),
        ("t0dip", (mjd + MJD_ZERO <= JD_RANGE[0]) | (mjd + MJD_ZERO >= JD_RANGE[1]), "an MJD"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(f"{name} of row {row + 1}, {float(table[name][row]):g}, is not {what}")
    ids = np.asarray(table["source_id"], np.int64)
    if len(np.unique(ids)) < len(ids):
        raise ValueError("a source_id occurs twice")
    names = [f"Gaia DR3 {one}" for one in ids.tolist()]
    made = pd.DataFrame(
        {
            "known_id": names, "name": names, "gaia_id": ids, "gaia_release": "DR3", "ra_deg": ra,
            "dec_deg": dec, "category": "dipper", "confidence": "published", "label": EVENT,
            "jd_start": mjd + MJD_ZERO, "jd_end": mjd + MJD_ZERO, "distance_kpc": distance,
            "n_known_dips": np.asarray(table["Ndips"], np.int64),
        }
    )  # fmt: skip
    return _completed(made)


def read_known_objects(path: Path) -> pd.DataFrame:
    """Read a table of known objects of either form, told apart by its content.

    Returns
    -------
    DataFrame
        Columns of ``malca.known_objects.KNOWN_DTYPES``; of dippers ``distance_kpc, n_known_dips`` too.

    Raises
    ------
    ValueError
        One sentence that names what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8 text") from None
    if not text.strip():
        raise ValueError("it is empty")
    return read_dipper_table(path) if _MRT_MARK in text else read_known_events(path)


class KnownObjects(AbstractDataset[Any, pd.DataFrame]):
    """Known objects and their events, from a CSV of events or the table of Tzanidakis et al. (2025).

    ``filepath: null`` says that none are given: the table is empty.

    YAML
    ----
    ::

        known_objects:
          type: malca.datasets.known_objects.KnownObjects
          filepath: known_events.csv

    Python
    ------
    >>> KnownObjects(filepath="known_events.csv").load()  # doctest: +SKIP
    """

    def __init__(self, *, filepath: str | None, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath) if filepath else None
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        if self._path is None:
            return no_known_objects()
        if not self._path.is_file():
            raise DatasetError(
                f"there is no {self._path}: set known_objects, or null for no known objects"
            )
        try:
            return read_known_objects(self._path)
        except ValueError as error:
            raise DatasetError(f"{self._path} is no table of known objects: {error}") from error

    def check(self) -> None:
        """Refuse, before work starts, a table that cannot be used; it is small."""
        self.load()

    def save(self, data: Any) -> None:
        raise DatasetError("known objects are read-only")

    def _exists(self) -> bool:
        return self._path is None or self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": None if self._path is None else str(self._path)}


def _completed(made: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that this form does not have, and set all types."""
    made["kind"] = "dip"
    empty = {"str": "", "Int64": pd.NA, "float64": np.nan}
    for name, dtype in KNOWN_DTYPES.items():
        if name not in made:
            made[name] = pd.Series(empty[dtype], index=made.index, dtype=dtype)
    return made[[*KNOWN_DTYPES, *(name for name in made if name not in KNOWN_DTYPES)]].astype(
        KNOWN_DTYPES
    )


def _need(there: list[str], needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in there]
    if missing:
        raise ValueError(f"it lacks the column {', '.join(missing)}; it has {', '.join(there)}")


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    words = table[name].str.strip()
    numbers = pd.to_numeric(words, errors="coerce").astype("float64")
    _refuse(table, numbers.isna() & (words != ""), f"has a {name} that is no number")
    return numbers


def _refuse(table: pd.DataFrame, wrong: pd.Series, what: str) -> None:
    """Refuse the table for its first wrong row."""
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy(bool)))
        raise ValueError(f"row {row + 1} ({table['source_id'].iloc[row] or 'no id'}) {what}")


def _ids(words: pd.Series, name: str) -> pd.Series:
    wrong = ~words.str.fullmatch(r"\d{1,18}")
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy(bool)))
        raise ValueError(
            f"{name} of row {row + 1}, '{words.iloc[row]}', is no whole number: a float id has lost "
            "its last digits, and an id of another catalogue cannot be matched"
        )
    return words.astype("int64").astype("Int64")


def _values(table: Table, name: str) -> np.ndarray:
    values = np.ma.filled(np.ma.asarray(table[name], np.float64), np.nan)
    if np.isnan(values).any():
        raise ValueError(f"{name} of row {int(np.argmax(np.isnan(values))) + 1} is missing")
    return values
