"""Light curves of single stars from the Sky Patrol service, through the ``skypatrol`` package.

The service is asked in two steps: which catalogue entry a target is, then the light curve of
that entry. Each star becomes one file in the package's own CSV form, so that a fetched star and
a star somebody saved with the package are read alike.

Every target ends in exactly one of three outcomes, because "the catalogue has no such star" and
"the service did not answer" lead to different decisions: the first is final, the second is worth
another run.
"""

from __future__ import annotations

import json
import logging
import math
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

FETCHED = "fetched"
NOT_FOUND = "not_found"
FAILED = "failed"
OUTCOMES = (FETCHED, NOT_FOUND, FAILED)

#: Release that the service's ``gaia_id`` belongs to.
GAIA_RELEASE = "DR2"

_POSITION_COLUMNS = ["asas_sn_id", "ra_deg", "dec_deg"]
_CURVE_COLUMNS = ("asas_sn_id", "jd", "mag", "mag_err", "camera")
_IDS_A_QUERY = 1000
_MAX_RADIUS_ARCSEC = 3600.0

logger = logging.getLogger(__name__)


class SkyPatrol(Protocol):
    """What is used of ``pyasassn.client.SkyPatrolClient``."""

    def query_list(self, target_ids: list[int], **options: Any) -> Any:
        """Find catalogue entries by id, or with ``download=True`` their light curves."""

    def cone_search(self, ra_deg: float, dec_deg: float, radius: float, **options: Any) -> Any:
        """Find catalogue entries around a position."""


class ServiceError(RuntimeError):
    """The service did not answer, or answered what cannot be understood."""


@dataclass(frozen=True)
class Target:
    """A star to fetch, named in exactly one way.

    Attributes
    ----------
    asas_sn_id : int, optional
        Sky Patrol's id of the star.
    gaia_id : int, optional
        Gaia DR2 source id, which is the release the service's catalogue was matched to. Most
        DR3 ids are the same number, not all.
    ra_deg, dec_deg : float, optional
        Position, ICRS degrees.

    Raises
    ------
    ValueError
        No id and no position, more than one of them, or a position outside the sky.
    TypeError
        An id that is no integer: a float cannot hold a Gaia id.
    """

    asas_sn_id: int | None = None
    gaia_id: int | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None

    def __post_init__(self) -> None:
        if (self.ra_deg is None) != (self.dec_deg is None):
            raise ValueError("a position needs both ra_deg and dec_deg")
        given = [self.asas_sn_id, self.gaia_id, self.ra_deg]
        if sum(value is not None for value in given) != 1:
            raise ValueError("name a target by one of asas_sn_id, gaia_id, or ra_deg and dec_deg")
        for name in ("asas_sn_id", "gaia_id"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise TypeError(f"{name} must be an integer, not {value!r}")
            object.__setattr__(self, name, int(value))
        if self.ra_deg is None or self.dec_deg is None:
            return
        if not (0 <= self.ra_deg < 360 and abs(self.dec_deg) <= 90):
            raise ValueError(f"no position on the sky: {self.ra_deg}, {self.dec_deg}")

    def __str__(self) -> str:
        if self.asas_sn_id is not None:
            return f"ASAS-SN {self.asas_sn_id}"
        if self.gaia_id is not None:
            return f"Gaia {GAIA_RELEASE} {self.gaia_id}"
        return f"{self.ra_deg:.6f} {self.dec_deg:+.6f}"


def connect() -> SkyPatrol:
    """Open a connection to Sky Patrol.

    Raises
    ------
    ImportError
        The ``skypatrol`` package is not installed.
    """
    try:
        from pyasassn.client import SkyPatrolClient
    except ImportError as error:
        raise ImportError(
            "fetching light curves needs the 'skypatrol' package: "
            f"pip install 'malca[fetch]' (or: pip install skypatrol). Reason: {error}"
        ) from error
    return SkyPatrolClient(verbose=False)


def fetch_lightcurves(
    targets: Iterable[Target],
    folder: str | Path,
    *,
    client: SkyPatrol | Callable[[], SkyPatrol] = connect,
    radius_arcsec: float = 5.0,
    overwrite: bool = False,
    max_tries: int = 3,
    backoff_s: float = 2.0,
    timeout_s: float = 180.0,
    give_up_after: int = 5,
    sleep: Callable[[float], None] = time.sleep,
) -> pd.DataFrame:
    """Fetch light curves and save each as ``<folder>/<asas_sn_id>.csv``.

    Parameters
    ----------
    targets : iterable of Target
    folder : path
        Made if absent. A file is put in place only once it is complete.
    client : SkyPatrol or function that opens one
        Opened only if something has to be asked: connecting already contacts the service.
    radius_arcsec : float
        How far from a given position the nearest catalogue entry may lie. The survey's pixels
        are 8 arcsec wide; the service matches its own catalogues within 2 arcsec.
    overwrite : bool
        Whether stars whose file is there are fetched again.
    max_tries : int
        Attempts a request, with pauses of ``backoff_s``, twice that, and so on between them.
        A request the service refuses (HTTP 4xx) is not repeated.
    timeout_s : float
        Longest wait for one attempt. The package itself waits without limit.
    give_up_after : int
        Number of requests failing one after the other after which the rest is not tried.
    sleep : function
        Used for the pauses.

    Returns
    -------
    DataFrame, a row a target, in the given order
        ``target`` (text), ``asas_sn_id`` and ``gaia_id`` (Int64; what was asked or the catalogue
        says), ``ra_deg``, ``dec_deg``, ``sep_arcsec`` (from the asked position),
        ``n_in_cone`` (Int64), ``outcome`` ("fetched", "not_found" or "failed"), ``reason``,
        ``path`` and ``n_points`` (Int64).

    Raises
    ------
    ImportError
        The ``skypatrol`` package is needed and not installed.
    ValueError
        A parameter out of its bounds.
    """
    if not 0 < radius_arcsec <= _MAX_RADIUS_ARCSEC:
        raise ValueError(f"radius_arcsec must be in (0, {_MAX_RADIUS_ARCSEC:g}], not {radius_arcsec}")
    if max_tries < 1 or give_up_after < 1:
        raise ValueError("max_tries and give_up_after must be at least 1")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [_blank_row(target) for target in targets]
    service = _Service(client, max_tries, backoff_s, timeout_s, give_up_after, sleep)

    if not overwrite:
        _note_present(rows, folder)
    _look_up_ids(rows, service, "asas_sn_id", "master_list")
    _look_up_ids(rows, service, "gaia_id", "stellar_main")
    _look_up_positions(rows, service, radius_arcsec)
    if not overwrite:
        _note_present(rows, folder)
    _download(rows, service, folder)

    table = pd.DataFrame(rows, columns=list(_blank_row(Target(asas_sn_id=0)))).drop(columns="asked")
    integers = ("asas_sn_id", "gaia_id", "n_in_cone", "n_points")
    return table.assign(**{name: pd.array(table[name].tolist(), dtype="Int64") for name in integers})


class _Service:
    """The client, opened when first needed, with time limit and repeated attempts."""

    def __init__(self, client, max_tries, backoff_s, timeout_s, give_up_after, sleep):
        self._client = client if hasattr(client, "query_list") else None
        self._open = client
        self._max_tries = max_tries
        self._backoff_s = backoff_s
        self._timeout_s = timeout_s
        self._give_up_after = give_up_after
        self._n_failed_in_a_row = 0
        self._sleep = sleep

    def ask(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the client; raise ServiceError when all attempts failed."""
        if self._n_failed_in_a_row >= self._give_up_after:
            raise ServiceError(f"not tried after {self._n_failed_in_a_row} failures in a row")
        try:
            answer = self._try(method, *args, **options)
        except ServiceError:
            self._n_failed_in_a_row += 1
            raise
        self._n_failed_in_a_row = 0
        return answer

    def _try(self, method: str, *args: Any, **options: Any) -> Any:
        for attempt in range(1, self._max_tries + 1):
            try:
                if self._client is None:
                    self._client = _within(self._timeout_s, self._open)
                return _within(self._timeout_s, getattr(self._client, method), *args, **options)
            except ImportError:
                raise
            # The package passes on whatever its HTTP, JSON and Parquet layers raise.
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                status = getattr(getattr(error, "response", None), "status_code", None)
                refused = status is not None and 400 <= status < 500
                if attempt == self._max_tries or refused:
                    raise ServiceError(reason) from error
                logger.warning("Sky Patrol, attempt %d of %d: %s", attempt, self._max_tries, reason)
                self._sleep(self._backoff_s * 2 ** (attempt - 1))
        raise AssertionError("unreachable: the last attempt returns or raises")


def _within(timeout_s: float, function: Callable, *args: Any, **options: Any) -> Any:
    # The package's requests carry no time limit, and a thread cannot be stopped: one that hangs
    # is left behind as a daemon, which ends with the process.
    answers: queue.SimpleQueue = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((function(*args, **options), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=run, name="sky-patrol", daemon=True).start()
    try:
        value, error = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise TimeoutError(f"no answer within {timeout_s:g} s") from None
    if error is not None:
        raise error
    return value


def _blank_row(target: Target) -> dict[str, Any]:
    return {
        "target": str(target),
        "asked": target,
        "asas_sn_id": target.asas_sn_id,
        "gaia_id": target.gaia_id,
        "ra_deg": math.nan,
        "dec_deg": math.nan,
        "sep_arcsec": math.nan,
        "n_in_cone": None,
        "outcome": None,
        "reason": "",
        "path": None,
        "n_points": None,
    }


def _open_rows(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (row for row in rows if row["outcome"] is None)


def _close(row: dict[str, Any], outcome: str, reason: str) -> None:
    row["outcome"], row["reason"] = outcome, reason


def _note_present(rows: list[dict[str, Any]], folder: Path) -> None:
    for row in _open_rows(rows):
        path = folder / f"{row['asas_sn_id']}.csv"
        if row["asas_sn_id"] is not None and path.is_file():
            with path.open() as lines:
                n_points = sum(1 for line in lines if not line.startswith("#")) - 1
            if n_points > 0:
                row.update(path=str(path), n_points=n_points)
                _close(row, FETCHED, "was there already")


def _look_up_ids(rows: list[dict[str, Any]], service: _Service, id_column: str, catalog: str) -> None:
    wanted = [row for row in _open_rows(rows) if getattr(row["asked"], id_column) is not None]
    ids = list(dict.fromkeys(getattr(row["asked"], id_column) for row in wanted))
    for start in range(0, len(ids), _IDS_A_QUERY):
        part = ids[start : start + _IDS_A_QUERY]
        columns = list(dict.fromkeys([*_POSITION_COLUMNS, id_column]))
        asked = [row for row in wanted if getattr(row["asked"], id_column) in set(part)]
        try:
            entries = _entries(
                service.ask("query_list", part, id_col=id_column, catalog=catalog, cols=columns),
                columns,
            )
        except ServiceError as error:
            for row in asked:
                _close(row, FAILED, f"catalogue lookup: {error}")
            continue
        by_id = {key: group for key, group in entries.groupby(id_column)}
        for row in asked:
            group = by_id.get(getattr(row["asked"], id_column))
            if group is None:
                _close(row, NOT_FOUND, f"no {id_column} {row[id_column]} in the catalogue")
            else:
                _accept(row, group.sort_values("asas_sn_id").iloc[0])


def _look_up_positions(rows: list[dict[str, Any]], service: _Service, radius_arcsec: float) -> None:
    for row in _open_rows(rows):
        target = row["asked"]
        if target.ra_deg is None:
            continue
        try:
            entries = _entries(
                service.ask(
                    "cone_search",
                    target.ra_deg,
                    target.dec_deg,
                    radius_arcsec,
                    units="arcsec",
                    catalog="master_list",
                    cols=list(_POSITION_COLUMNS),
                ),
                _POSITION_COLUMNS,
            )
        except ServiceError as error:
            _close(row, FAILED, f"catalogue lookup: {error}")
            continue
        separation = separation_arcsec(
            target.ra_deg,
            target.dec_deg,
            entries["ra_deg"].to_numpy(np.float64),
            entries["dec_deg"].to_numpy(np.float64),
        )
        inside = np.flatnonzero(separation <= radius_arcsec)
        row["n_in_cone"] = len(inside)
        if not len(inside):
            _close(row, NOT_FOUND, f"nothing in the catalogue within {radius_arcsec:g} arcsec")
            continue
        nearest = inside[np.argmin(separation[inside])]
        row["sep_arcsec"] = float(separation[nearest])
        _accept(row, entries.iloc[nearest])


def _entries(answer: Any, columns: list[str]) -> pd.DataFrame:
    if answer is None:
        return pd.DataFrame(columns=columns)
    missing = [name for name in columns if name not in getattr(answer, "columns", ())]
    if missing:
        raise ServiceError(f"the catalogue's answer lacks {', '.join(missing)}")
    return answer


def _accept(row: dict[str, Any], entry: pd.Series) -> None:
    row["asas_sn_id"] = int(entry["asas_sn_id"])
    row["ra_deg"], row["dec_deg"] = float(entry["ra_deg"]), float(entry["dec_deg"])


def _download(rows: list[dict[str, Any]], service: _Service, folder: Path) -> None:
    done: dict[int, dict[str, Any]] = {}
    for row in _open_rows(rows):
        star = row["asas_sn_id"]
        if star in done:
            row.update({name: done[star][name] for name in ("outcome", "reason", "path", "n_points")})
            continue
        done[star] = row
        try:
            # One star a request: the service keeps a list by its length, first and last id, so
            # two lists that agree in these would be mixed up.
            points = _curve(
                service.ask("query_list", [star], catalog="master_list", download=True), star
            )
        except ServiceError as error:
            _close(row, FAILED, f"light curve: {error}")
            continue
        if not len(points):
            _close(row, NOT_FOUND, "in the catalogue, but without a light curve")
            continue
        path = folder / f"{star}.csv"
        _write_curve(path, row, points)
        row.update(path=str(path), n_points=len(points))
        _close(row, FETCHED, "")


def _curve(collection: Any, star: int) -> pd.DataFrame:
    points = pd.DataFrame(columns=list(_CURVE_COLUMNS)) if collection is None else collection.data
    missing = [name for name in _CURVE_COLUMNS if name not in points.columns]
    if missing:
        raise ServiceError(f"the light curve lacks {', '.join(missing)}")
    if not (points["asas_sn_id"] == star).all():
        raise ServiceError(f"asked for star {star}, got points of another")
    return points.sort_values("jd", kind="stable")


def _write_curve(path: Path, row: dict[str, Any], points: pd.DataFrame) -> None:
    about = {name: row[name] for name in ("asas_sn_id", "gaia_id", "ra_deg", "dec_deg")}
    about = {name: value for name, value in about.items() if value is not None}
    header = json.dumps(about, separators=(",", ":"))[1:-1]
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with partial.open("w", newline="") as file:
            file.write(f"# {header}\n")
            points.to_csv(file, index=False)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def separation_arcsec(
    ra_deg: float, dec_deg: float, other_ra_deg: np.ndarray, other_dec_deg: np.ndarray
) -> np.ndarray:
    """Great-circle distance between one position and others.

    The haversine form, which keeps its precision at small separations (Sinnott 1984, Sky &
    Telescope 68, 159).

    Parameters
    ----------
    ra_deg, dec_deg : float
    other_ra_deg, other_dec_deg : (n,) arrays, degrees

    Returns
    -------
    (n,) float64 array, arcsec
    """
    ra, dec = np.deg2rad(ra_deg), np.deg2rad(dec_deg)
    other_ra, other_dec = np.deg2rad(other_ra_deg), np.deg2rad(other_dec_deg)
    haversine = (
        np.sin((other_dec - dec) / 2) ** 2
        + np.cos(dec) * np.cos(other_dec) * np.sin((other_ra - ra) / 2) ** 2
    )
    return np.rad2deg(2 * np.arcsin(np.sqrt(np.clip(haversine, 0, 1)))) * 3600
