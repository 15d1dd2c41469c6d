"""Read the CSV files of ASAS-SN Sky Patrol: V2, V1 and those its Python client saves.

Bands. The client may save no band column, so the band comes from the camera's name. Cameras
``ba`` to ``bh`` took V images; the others (``bi`` to ``bt``; ``bA`` to ``bH``, the same
cameras with new filters; ``cA`` on) take g images. The V2 files, which carry both, agree:
among 24,872 rows of 14 stars no camera name occurs in both bands and each obeys the rule.

Limits. A 99.99 or ``>14.1`` stands for an upper limit: magnitude and error become NaN and the
row stays. V2 also gives some rows a magnitude but no uncertainty (99.99); the survey's client
counts these as non-detections, and so does this reader.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from malca.datasets.curves import Curve, ReadFailure, make_curve
from malca.datasets.text_table import TextTable, parse, read_bytes, refuse_non_text
from malca.kernels.text import CATEGORY, NUMBER, SKIP, TIME
from malca.lightcurves import BAND_G, BAND_V, Camera

_V_CAMERA = re.compile(r"b[a-h]")
_ASAS_SN_ID = re.compile(r"ASAS-SN SkyPatrol ID:\s*(\d+)")
_GAIA_ID = re.compile(r"Gaia (E?DR\d+):\s*(\d+)")
_COMMA = ord(",")

#: What each column may be called, after lower-casing and dropping all but letters and digits.
_NAMES = {
    "time": ("jd", "hjd"),
    "mag": ("mag",),
    "mag_err": ("magerr", "magerror"),
    "camera": ("camera", "cam"),
    "band": ("filter", "photfilter"),
    "quality": ("quality",),
    "id": ("asassnid",),
}
_ROLES = {"time": TIME, "mag": NUMBER, "mag_err": NUMBER}
_FORMAT_NAMES = {"skypatrol_v2": "Sky Patrol V2", "skypatrol_v1": "Sky Patrol V1"}


def camera_band(name: str) -> int:
    """Band of a camera by its name: V for ``ba`` to ``bh``, else g."""
    return BAND_V if _V_CAMERA.fullmatch(name) else BAND_G


def csv_format(content: bytes) -> str | None:
    """Which Sky Patrol format a file's content has, by its column names; None if none.

    Returns
    -------
    {"skypatrol_v2", "skypatrol_v1", "skypatrol_client", None}
    """
    _, header = _split_header(content)
    names = {_plain(name) for name in header}
    if not ({"mag", "cam"} <= names or {"mag", "camera"} <= names):
        return None
    if "hjd" in names:
        return "skypatrol_v1"
    if "jd" not in names:
        return None
    return "skypatrol_client" if "asassnid" in names else "skypatrol_v2"


def read_skypatrol(path: Path | str, content: bytes | None = None) -> list[Curve]:
    """Read a Sky Patrol CSV of any of the three kinds, one curve a star.

    ======== ================= ====== ============================================
    kind     date              ids    quality
    ======== ================= ====== ============================================
    V2       ``JD``            header ``Quality``: B bad; G good, and U (not yet judged) not bad
    V1       ``HJD``           none   none: all points good
    client   ``jd``            rows   ``quality`` if saved, else all points good
    ======== ================= ====== ============================================

    A V2 or client file without the id in it is named by its file: ``<id>-light-curves.csv``.
    The client's ``gaia_id`` is of DR2, as is the input catalogue that it and V2 serve; V2 says so.

    Raises
    ------
    ReadFailure
        See `malca.datasets.readers.read_lightcurves`.
    """
    path = Path(path)
    if content is None:
        content = read_bytes(path)
    refuse_non_text(content)
    kind = csv_format(content)
    if kind is None:
        raise ReadFailure("wrong_columns", "no header line with date, mag and camera")
    start, header = _split_header(content)
    columns = _columns(header)
    missing = [name for name in ("mag_err",) if name not in columns]
    missing += [name for name in ("band", "quality") if name not in columns and kind == "skypatrol_v2"]
    if missing:
        raise ReadFailure("wrong_columns", f"no column for {', '.join(missing)}")
    roles = [SKIP] * len(header)
    for name, place in columns.items():
        roles[place] = _ROLES.get(name, CATEGORY)
    table = parse(content, roles, start=start, delimiter=_COMMA)
    by_place = sorted(columns, key=columns.__getitem__)
    numeric = [name for name in by_place if name in _ROLES]
    categories = [name for name in by_place if name not in _ROLES]
    mag = table.numbers[numeric.index("mag")]
    mag_err = table.numbers[numeric.index("mag_err")]
    words = {name: table.tokens[i] for i, name in enumerate(categories)}
    codes = {name: table.codes[i] for i, name in enumerate(categories)}
    good = np.ones(len(table), bool)
    if "quality" in words:
        good = np.array([word != "B" for word in words["quality"]])[codes["quality"]]
    point_columns = {
        "jd": table.numbers[numeric.index("time")],
        "mag": mag,
        "mag_err": mag_err,
        "good": good,
        "saturated": np.zeros(len(table), bool),
        "lines": table.lines,
    }
    cameras, point_columns["camera"] = _cameras(words["camera"], codes["camera"], table)
    point_columns["band"] = _bands(words, codes, cameras, point_columns["camera"], table)
    ids, star_of_row = _ids(kind, content[:start], path, words, codes, table)
    gaia_ids = _gaia_ids(content[:start])
    curves = []
    for star, asas_sn_id in enumerate(ids):
        rows = slice(None) if len(ids) == 1 else star_of_row == star
        gaia_id, release = gaia_ids.get(asas_sn_id, gaia_ids.get(None, (None, None)))
        curves.append(
            make_curve(
                name=path.stem if len(ids) == 1 else f"{path.stem}-{asas_sn_id}",
                source=str(path),
                cameras=cameras,
                asas_sn_id=asas_sn_id,
                time_system="HJD" if kind == "skypatrol_v1" else "JD",
                gaia_id=gaia_id,
                gaia_release=release,
                **{name: values[rows] for name, values in point_columns.items()},
            )
        )
    return curves


def peek_asas_sn_ids(content: bytes) -> list[int]:
    """Ids of the stars that the head of a Sky Patrol file names, without reading its points."""
    start, header = _split_header(content)
    match = _ASAS_SN_ID.search(content[:start].decode("utf-8", "replace"))
    if match:
        return [int(match[1])]
    columns = _columns(header)
    if "id" not in columns:
        return []
    words = [row.split(b",") for row in content[start:].splitlines()]
    return sorted({int(row[columns["id"]]) for row in words if len(row) == len(header)})


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _split_header(content: bytes) -> tuple[int, list[str]]:
    """Byte at which the rows begin, and the column names; none if the file is no CSV."""
    place = 0
    while place < len(content):
        stop = content.find(b"\n", place)
        stop = len(content) if stop < 0 else stop
        line = content[place:stop].strip()
        place = stop + 1
        if line and not line.startswith(b"#"):
            return min(place, len(content)), line.decode("utf-8", "replace").split(",")
    return len(content), []


def _columns(header: list[str]) -> dict[str, int]:
    plain = [_plain(name) for name in header]
    return {
        name: next(plain.index(alias) for alias in aliases if alias in plain)
        for name, aliases in _NAMES.items()
        if any(alias in plain for alias in aliases)
    }


def _cameras(words, codes, table: TextTable) -> tuple[list[Camera], np.ndarray]:
    keys: dict[Camera, int] = {}
    key = []
    for code, word in enumerate(words):
        # a few V2 rows read "bF{}": the name and an empty set of something
        name = word.removesuffix("{}")
        if not name:
            line = table.lines[int(np.argmax(codes == code))]
            raise ReadFailure("malformed_row", f"line {line}: the camera is missing")
        key.append(keys.setdefault(Camera(name), len(keys)))
    return list(keys), np.array(key, np.int16)[codes]


def _bands(words, codes, cameras, camera, table: TextTable) -> np.ndarray:
    if "band" not in words:
        return np.array([camera_band(each.name) for each in cameras], np.int8)[camera]
    key = {"g": BAND_G, "V": BAND_V}
    for code, word in enumerate(words["band"]):
        if word not in key:
            line = table.lines[int(np.argmax(codes["band"] == code))]
            raise ReadFailure("malformed_row", f"line {line}: '{word}' is no filter, which is g or V")
    return np.array([key[word] for word in words["band"]], np.int8)[codes["band"]]


def _ids(kind, head, path, words, codes, table) -> tuple[list[int | None], np.ndarray | None]:
    """Ids of the stars in the file, and which star each row belongs to."""
    if "id" in words:
        for code, word in enumerate(words["id"]):
            if not word.isdecimal():
                line = table.lines[int(np.argmax(codes["id"] == code))]
                raise ReadFailure("malformed_row", f"line {line}: '{word}' is no ASAS-SN id")
        return [int(word) for word in words["id"]], codes["id"]
    if kind == "skypatrol_v1":
        return [None], None
    match = _ASAS_SN_ID.search(head.decode("utf-8", "replace"))
    if match:
        return [int(match[1])], None
    stem = path.stem.removesuffix("-light-curves")
    return [int(stem) if stem.isdecimal() else None], None


def _gaia_ids(head: bytes) -> dict[int | None, tuple[int, str]]:
    """(Gaia id, release) by ASAS-SN id, or under None where the file holds one star."""
    lines = [
        line.lstrip("# ") for line in head.decode("utf-8", "replace").splitlines() if line[:1] == "#"
    ]
    match = _GAIA_ID.search("\n".join(lines))
    if match:
        return {None: (int(match[2]), match[1])}
    ids = {}
    for line in lines:
        # the client cuts the braces off its first and last record
        try:
            records = json.loads("[{" + line + "}]")
        except ValueError:
            continue
        for record in records:
            gaia_id = record.get("gaia_id")
            if isinstance(gaia_id, int):
                ids[record.get("asas_sn_id")] = (gaia_id, "DR2")
    return ids
