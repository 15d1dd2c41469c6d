"""Read the International Variable Star Index (VSX) in its raw fixed-width form.

Two layouts are about: the one AAVSO-derived files have, with a blank column behind every field
and a spectral type, and the narrower one of CDS catalogue B/vsx (Watson, Henden & Price 2006).
"""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset, DatasetError

logger = logging.getLogger(__name__)

#: First column and end (exclusive, both from 0) of each field.
GAPPED_LAYOUT = {
    "vsx_id": (0, 8), "name": (9, 39), "var_flag": (40, 41), "ra_deg": (42, 51), "dec_deg": (52, 61),
    "vsx_class": (62, 92), "l_max": (93, 94), "mag_max": (95, 102), "u_max": (103, 104),
    "mag_band_max": (105, 112), "f_min": (113, 114), "l_min": (115, 116), "mag_min": (117, 124),
    "u_min": (125, 126), "mag_band_min": (127, 135), "epoch_hjd": (136, 150), "u_epoch": (151, 152),
    "l_period": (153, 154), "period_days": (155, 174), "u_period": (175, 176),
    "spectral_type": (177, 206),
}  # fmt: skip
CDS_LAYOUT = {
    "vsx_id": (0, 7), "name": (8, 38), "var_flag": (39, 40), "ra_deg": (41, 50), "dec_deg": (51, 60),
    "vsx_class": (61, 91), "l_max": (93, 94), "mag_max": (94, 100), "u_max": (100, 101),
    "mag_band_max": (101, 107), "f_min": (108, 109), "l_min": (109, 110), "mag_min": (110, 116),
    "u_min": (116, 117), "mag_band_min": (117, 123), "epoch_hjd": (124, 136), "u_epoch": (136, 137),
    "l_period": (138, 139), "period_days": (139, 155), "u_period": (155, 158),
    "spectral_type": (159, 189),
}  # fmt: skip
LAYOUTS = {"gapped": GAPPED_LAYOUT, "cds": CDS_LAYOUT}

#: Columns of numbers; an epoch, period or magnitude may be missing (NaN).
_NUMBERS = ("ra_deg", "dec_deg", "mag_max", "mag_min", "epoch_hjd", "period_days")
_CHUNK_LINES = 200_000
_SAMPLE_LINES = 200


class VsxCatalogue(NamedTuple):
    """VSX, and the lines that are no entries.

    Attributes
    ----------
    entries : DataFrame
        ``vsx_id`` (int64), ``var_flag`` (Int8: 0 variable, 1 suspected, 2 constant or
        non-existing, 3 possible duplicate), numbers (degrees, mag, days) as float64; all other
        fields, the one-character flags among them, as text ("" when blank).
    problems : DataFrame
        ``line, detail`` of each line left out.
    layout : str
        "gapped", "cds", or "" for no catalogue.
    """

    entries: pd.DataFrame
    problems: pd.DataFrame
    layout: str


def detect_layout(lines: list[bytes]) -> str | None:
    """Layout of some lines of the file by where id, flag and position stand; None if in neither."""
    votes = {name: sum(_fits(line, layout) for line in lines) for name, layout in LAYOUTS.items()}
    best = max(votes, key=votes.__getitem__)
    return best if votes[best] > len(lines) / 2 else None


def _fits(line: bytes, layout: dict[str, tuple[int, int]]) -> bool:
    word = {name: line[slice(*layout[name])] for name in ("vsx_id", "var_flag", "ra_deg", "dec_deg")}
    try:
        ra, dec = float(word["ra_deg"]), float(word["dec_deg"])
    except ValueError:
        return False
    gaps = (layout["var_flag"][0] - 1, layout["var_flag"][1], layout["dec_deg"][0] - 1)
    return (
        word["vsx_id"].strip().isdigit()
        and word["var_flag"].isdigit()
        and all(line[gap : gap + 1] == b" " for gap in gaps)
        and 0 <= ra <= 360
        and -90 <= dec <= 90
    )


def parse_vsx(content: bytes) -> VsxCatalogue:
    """Parse the raw catalogue.

    Raises
    ------
    ValueError
        The text fits neither layout.
    """
    lines = content.splitlines()
    sample = [line for line in lines[:_SAMPLE_LINES] if line.strip()]
    layout = detect_layout(sample) if sample else None
    if layout is None:
        raise ValueError(
            "neither the gapped nor the CDS layout of VSX: ids, flags and positions do not fit"
        )
    entries, problems = [], []
    for start in range(0, len(lines), _CHUNK_LINES):
        frame, bad = _parse_lines(lines[start : start + _CHUNK_LINES], LAYOUTS[layout], start + 1)
        entries.append(frame)
        problems.append(bad)
    return VsxCatalogue(
        pd.concat(entries, ignore_index=True), pd.concat(problems, ignore_index=True), layout
    )


def _parse_lines(
    lines: list[bytes], layout: dict[str, tuple[int, int]], first_line: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    numbers = np.array([k for k, line in enumerate(lines) if line.strip()], np.int64)
    width = max(end for _, end in layout.values())
    padded = b"".join(lines[k][:width].ljust(width) for k in numbers)
    table = np.frombuffer(padded, "S1").reshape(len(numbers), width)
    text = {
        name: pd.Series(
            np.char.strip(np.ascontiguousarray(table[:, start:end]).view(f"S{end - start}")[:, 0])
        ).str.decode("utf-8", errors="replace").astype("str")
        for name, (start, end) in layout.items()
    }  # fmt: skip
    columns: dict[str, Any] = {}
    bad = pd.Series(False, index=range(len(numbers)))
    detail = pd.Series("", index=bad.index, dtype="str")
    for name, words in text.items():
        if name in _NUMBERS:
            columns[name] = pd.to_numeric(words, errors="coerce").astype("float64")
            required = name in {"ra_deg", "dec_deg"}
            wrong = columns[name].isna() & (required | words.ne(""))
        elif name in {"vsx_id", "var_flag"}:
            columns[name] = words
            wrong = ~words.str.fullmatch(r"\d+")
        else:
            columns[name] = words
            continue
        detail = detail.mask(wrong & ~bad, f"{name} '" + words + "' is not a number")
        bad |= wrong
    frame = pd.DataFrame(columns)[~bad]
    frame["vsx_id"] = pd.to_numeric(frame["vsx_id"]).astype("int64")
    frame["var_flag"] = pd.to_numeric(frame["var_flag"]).astype("Int8")
    problems = pd.DataFrame({"line": numbers[bad] + first_line, "detail": detail[bad]})
    return frame.reset_index(drop=True), problems.reset_index(drop=True)


def empty_vsx() -> VsxCatalogue:
    """Make a catalogue without entries."""
    frame, problems = _parse_lines([], GAPPED_LAYOUT, 1)
    return VsxCatalogue(frame, problems, "")


class VsxDataset(AbstractDataset[Any, pd.DataFrame]):
    """Entries of the raw VSX catalogue, of either layout, plain or gzipped; read-only.

    ``filepath: null`` says that there is no catalogue: the table is empty, and a match with it
    has the outcome "unknown". Lines that are no entries are counted in a warning; ``parse_vsx``
    lists them.

    YAML
    ----
    ::

        vsx_catalog:
          type: malca.datasets.vsx.VsxDataset
          filepath: data/01_raw/vsxcat.dat

    Python
    ------
    >>> VsxDataset(filepath="vsxcat.dat").load()  # doctest: +SKIP
    """

    def __init__(self, *, filepath: str | None, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath) if filepath else None
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        if self._path is None:
            return empty_vsx().entries
        if not self._path.is_file():
            raise DatasetError(
                f"there is no VSX catalogue at {self._path}: set vsx_path, or null for none"
            )
        content = self._path.read_bytes()
        if self._path.suffix == ".gz":
            content = gzip.decompress(content)
        try:
            catalogue = parse_vsx(content)
        except ValueError as error:
            raise DatasetError(f"{self._path} is no VSX catalogue: {error}") from error
        if len(catalogue.problems):
            first = catalogue.problems.iloc[0]
            logger.warning(
                "%s: %d lines are no entries, first line %d: %s",
                self._path, len(catalogue.problems), first["line"], first["detail"],
            )  # fmt: skip
        return catalogue.entries

    def save(self, data: Any) -> None:
        raise DatasetError("the VSX catalogue is read-only")

    def _exists(self) -> bool:
        return self._path is None or self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
