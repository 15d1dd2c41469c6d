"""Forced photometry of ATLAS (Tonry+ 2018, PASP 130, 064505; Smith+ 2020, PASP 132, 085002)."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import requests
from pydantic import Field

from malca.datasets.atomic import write_text
from malca.datasets.services.client import Answer, Client
from malca.datasets.services.conversion import entries_of, no_entries
from malca.datasets.services.credentials import Secret
from malca.datasets.services.dataset import ServiceDataset
from malca.datasets.services.declaration import ServiceDeclaration
from malca.datasets.services.rest import answered, asked_json
from malca.datasets.services.stars import Stars
from malca.datasets.services.transport import (
    RefusedError,
    ServiceError,
    ServiceSession,
    StoppedError,
)

logger = logging.getLogger(__name__)

_NOT_FOUND = 404
_THROTTLED = re.compile(r"available in (\d+) (second|minute)")
_LONGEST_POLL_SECONDS = 60.0


class AtlasDeclaration(ServiceDeclaration):
    """Forced photometry of ATLAS as YAML declares it; see ``AtlasCatalog``."""

    table: str = "forced photometry"
    batch_size: int = Field(50, ge=1, le=100, description="Tasks in the service's queue at once.")
    mjd_min: float | None = Field(None, description="First date, MJD; none: all there are.")
    mjd_max: float | None = Field(None, description="Last date, MJD.")
    use_reduced: bool = Field(False, description="Photometry of the images, not of differences.")
    job_seconds: float = Field(3600.0, gt=0, description="Longest wait for the tasks of a batch.")
    poll_seconds: float = Field(10.0, gt=0, description="First pause between looks at the tasks.")


class AtlasCatalog(ServiceDataset):
    """Forced photometry of ATLAS, an entry a measurement; see ``ServiceDataset``.

    Each star is a task in the service's queue, where many wait at once; a task that is not done in
    time is remembered in the cache's folder and looked at again in the next run, not queued anew. Needs
    the token of an account, ``token`` under ``credentials`` or ``MALCA_ATLAS_TOKEN`` in the
    environment. Columns are those of its result (``MJD``, ``uJy``, ``duJy``, ``F``, ``mag5sig`` …).
    Negative magnitudes stand for negative fluxes: use ``uJy``.

    Parameters
    ----------
    mjd_min, mjd_max, use_reduced, job_seconds, poll_seconds, **declared
        See ``AtlasDeclaration`` and ``ServiceDataset``.

    YAML
    ----
    ::

        atlas_catalog:
          type: malca.datasets.services.atlas.AtlasCatalog
          urls: https://fallingstar-data.com/forcedphot
          credentials: atlas
          epoch_yr: 2020.0
          position: {ra_deg: RA, dec_deg: Dec}
          columns:
            mjd: MJD
            flux_ujy: uJy
            flux_error_ujy: duJy
            band: {column: F, type: text}

    Python
    ------
    >>> AtlasCatalog(urls="https://...", ...).load().match_all(manifest)  # doctest: +SKIP
    """

    variables: ClassVar = {"token": "MALCA_ATLAS_TOKEN"}
    declaration: ClassVar[type[ServiceDeclaration]] = AtlasDeclaration

    def _client(
        self, declared: AtlasDeclaration, session: ServiceSession, secrets: dict[str, Secret]
    ) -> Client:
        return AtlasClient(declared, session, secrets)


class AtlasClient:
    """Asks the forced photometry server of ATLAS."""

    service = "atlas"

    def __init__(
        self,
        declared: AtlasDeclaration,
        session: ServiceSession,
        secrets: dict[str, Secret],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._declared, self._session, self._sleep = declared, session, sleep
        self._token = secrets.get("token")
        self._url = declared.urls[0]
        session.headers["Accept"] = "application/json"
        session.pause_of = throttled_seconds
        cache = declared.cache
        self._tasks = None if cache is None else cache.folder / "atlas_tasks"

    def scrub(self, text: str) -> str:
        """Text without credentials."""
        return self._session.scrub(text)

    def ask(self, stars: Stars, *, everything: bool) -> Answer:
        """Ask about a batch of stars; see ``Client``."""
        if self._token is None:
            raise StoppedError(
                "needs a token: give it in conf/local/credentials.yml or as MALCA_ATLAS_TOKEN"
            )
        rows = np.flatnonzero(stars.placed).tolist()
        tasks: dict[int, str] = {}
        failures: dict[int, str] = {}
        in_a_row = 0
        for k in rows:
            if in_a_row >= self._declared.give_up_after:
                failures[k] = f"service failed: not asked, after {in_a_row} failures in a row"
                continue
            try:
                tasks[k] = self._queued(float(stars.ra_deg[k]), float(stars.dec_deg[k]))
                in_a_row = 0
            except StoppedError:
                raise
            except ServiceError as error:
                failures[k] = f"service failed: {error}"
                in_a_row += 1
        parts = [no_entries(self._declared)]
        ends = time.monotonic() + self._declared.job_seconds
        pause = self._declared.poll_seconds
        while tasks:
            for k, url in list(tasks.items()):
                place = float(stars.ra_deg[k]), float(stars.dec_deg[k])
                try:
                    result = self._result(url)
                    if result is None:
                        continue
                    parts.append(self._entries(result, k, place))
                    self._forget(place)
                except ServiceError as error:
                    failures[k] = f"service failed: {error}"
                    if isinstance(error, RefusedError):  # such a task is of no use later
                        self._forget(place)
                del tasks[k]
            if not tasks:
                break
            if time.monotonic() > ends:
                waiting = "in its queue, and looked at again next time"
                failures |= dict.fromkeys(tasks, f"service failed: not done in time, {waiting}")
                break
            logger.info("atlas: %d of %d tasks are waiting", len(tasks), len(rows))
            self._sleep(pause)
            pause = min(1.5 * pause, _LONGEST_POLL_SECONDS)
        return Answer(pd.concat(parts, ignore_index=True), failures)

    def _headers(self) -> dict[str, str]:
        # with each request and not with the session, which follows addresses to results elsewhere
        assert self._token is not None
        return {"Authorization": f"Token {self._token.reveal()}"}

    def _queued(self, ra_deg: float, dec_deg: float) -> str:
        """Address of the task of a star: one that was queued before, or a new one."""
        known = self._remembered((ra_deg, dec_deg))
        if known is not None and known.startswith(self._url):
            return known
        declared = self._declared
        form = {
            "ra": f"{ra_deg:.7f}",
            "dec": f"{dec_deg:.7f}",
            "send_email": "false",
            "use_reduced": str(declared.use_reduced).lower(),
        }
        form |= {
            name: str(value)
            for name, value in [("mjd_min", declared.mjd_min), ("mjd_max", declared.mjd_max)]
            if value is not None
        }
        try:
            told = asked_json(
                self._session, "POST", f"{self._url}/queue/", data=form, headers=self._headers()
            )
        except RefusedError as error:
            if str(error).startswith(("HTTP 401", "HTTP 403")):
                raise StoppedError("the service does not accept the token") from None
            raise
        url = told.get("url") if isinstance(told, dict) else None
        if not isinstance(url, str) or not url.startswith(self._url):
            raise ServiceError("an answer without the address of the task")
        self._remember((ra_deg, dec_deg), url)
        return url

    def _result(self, url: str) -> str | None:
        """Table of a task; None while it waits."""
        task = asked_json(self._session, "GET", url, headers=self._headers())
        if not isinstance(task, dict):
            raise ServiceError("an answer that is no task")
        if not task.get("finishtimestamp"):
            return None
        result = task.get("result_url")
        told = self.scrub(str(task.get("error_msg") or ""))
        if not result:
            if "no data" in told.lower():
                return ""
            raise RefusedError(f"the task failed: {told[:100] or 'without a reason'}")
        headers = self._headers() if str(result).startswith(self._url) else {}
        response = answered(lambda: self._session.get(str(result), headers=headers))
        if response.status_code >= 400:
            raise ServiceError(f"HTTP {response.status_code} for a result")
        return response.text

    def _entries(self, text: str, star: int, place: tuple[float, float]) -> pd.DataFrame:
        table = read_result(text)
        if not len(table):
            return no_entries(self._declared)
        columns = {name: table[name].to_numpy(object) for name in table}
        # the measurement is made where it was asked for; the table has the position rounded
        sky = self._declared.position
        columns[sky.ra_deg.column] = np.full(len(table), place[0])
        columns[sky.dec_deg.column] = np.full(len(table), place[1])
        return entries_of(columns, np.full(len(table), star), self._declared, {})

    def _task_file(self, place: tuple[float, float]) -> Path | None:
        if self._tasks is None:
            return None
        declared = self._declared
        asked = [*place, declared.mjd_min, declared.mjd_max, declared.use_reduced, self._url]
        return self._tasks / f"{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]}.json"

    def _remembered(self, place: tuple[float, float]) -> str | None:
        path = self._task_file(place)
        try:
            return None if path is None else str(json.loads(path.read_text("utf-8"))["url"])
        except (FileNotFoundError, ValueError, KeyError):
            return None

    def _remember(self, place: tuple[float, float], url: str) -> None:
        path = self._task_file(place)
        if path is not None:
            write_text(json.dumps({"url": url}), path)

    def _forget(self, place: tuple[float, float]) -> None:
        path = self._task_file(place)
        if path is not None:
            path.unlink(missing_ok=True)


def read_result(text: str) -> pd.DataFrame:
    """Table of a result, as text; its header is the line that begins with ``###``.

    Raises
    ------
    ServiceError
        It has no such line, or rows of another length.
    """
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        return pd.DataFrame()
    if not lines[0].startswith("###"):
        raise ServiceError("a result without its header")
    names = lines[0].removeprefix("###").split()
    rows = [line.split() for line in lines[1:] if line.strip()]
    if any(len(row) != len(names) for row in rows):
        raise ServiceError("a result with rows of another length than its header")
    return pd.DataFrame(rows, columns=names, dtype=object)


def throttled_seconds(response: requests.Response) -> float | None:
    """Seconds after which the service takes requests again, as its text says; None: it does not."""
    try:
        told: Any = response.json()
    except ValueError:
        return None
    found = _THROTTLED.search(str(told.get("detail", ""))) if isinstance(told, dict) else None
    if found is None:
        return None
    return float(found[1]) * (60.0 if found[2] == "minute" else 1.0)
