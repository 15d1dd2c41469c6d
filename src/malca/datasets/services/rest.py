"""Services that are asked about one star at a time, by some threads at once."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import Field

from malca.datasets.services.client import Answer
from malca.datasets.services.conversion import entries_of, no_entries
from malca.datasets.services.declaration import ServiceDeclaration
from malca.datasets.services.stars import Stars
from malca.datasets.services.transport import (
    NoAnswerError,
    RefusedError,
    ServiceError,
    ServiceSession,
    StoppedError,
)

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_WIDER = 1.01


class RestDeclaration(ServiceDeclaration):
    """A service that is asked about a star at a time."""

    batch_size: int = Field(100, ge=1, le=100_000, description="Stars whose answers are kept at once.")
    threads: int = Field(4, ge=1, le=8, description="Requests under way at once.")


class RestClient:
    """Asks a service about each star of a batch, in threads; what fails costs no other star.

    Parameters
    ----------
    declared : RestDeclaration
    session : ServiceSession
    """

    service = "rest"

    def __init__(self, declared: RestDeclaration, session: ServiceSession) -> None:
        self._declared, self._session = declared, session

    def scrub(self, text: str) -> str:
        """Text without credentials."""
        return self._session.scrub(text)

    @abstractmethod
    def _ask_one(self, ra_deg: float, dec_deg: float, radius_arcsec: float) -> list[dict[str, Any]]:
        """Rows, by the names of a local twin's columns, within a radius.

        Raises
        ------
        StoppedError
            Nothing more is to be asked.
        ServiceError
            No answer.
        """

    def ask(self, stars: Stars, *, everything: bool) -> Answer:
        """Ask about a batch of stars; see ``Client``."""
        cones = stars.cones_arcsec(self._declared) * _WIDER
        rows = np.flatnonzero(stars.placed).tolist()
        found: dict[int, list[dict[str, Any]]] = {}
        failures: dict[int, str] = {}
        in_a_row, stop = 0, threading.Event()

        def ask_one(k: int) -> list[dict[str, Any]]:
            if stop.is_set():
                raise ServiceError(f"not asked, after {self._declared.give_up_after} failures in a row")
            try:
                return self._ask_one(float(stars.ra_deg[k]), float(stars.dec_deg[k]), float(cones[k]))
            except StoppedError:
                stop.set()
                raise

        with ThreadPoolExecutor(self._declared.threads, thread_name_prefix=self.service) as pool:
            futures = {pool.submit(ask_one, k): k for k in rows}
            for future in as_completed(futures):
                try:
                    found[futures[future]] = future.result()
                    in_a_row = 0
                except StoppedError:
                    raise
                except ServiceError as error:
                    failures[futures[future]] = f"service failed: {error}"
                    in_a_row += 1
                except Exception as error:  # an answer that is not as it should be
                    failures[futures[future]] = (
                        f"service failed: an answer that cannot be used ({type(error).__name__})"
                    )
                    in_a_row += 1
                if in_a_row >= self._declared.give_up_after:
                    stop.set()
        if failures:
            logger.warning(
                "%s: no answer for %d of %d stars (%s)", self.service, len(failures), len(rows),
                self.scrub(next(iter(failures.values()))),
            )  # fmt: skip
        return Answer(self._entries(found), failures)

    def _entries(self, found: dict[int, list[dict[str, Any]]]) -> pd.DataFrame:
        star = [k for k in sorted(found) for _ in found[k]]
        if not star:
            return no_entries(self._declared)
        rows = [row for k in sorted(found) for row in found[k]]
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = {}
        for name in names:
            values = np.empty(len(rows), object)
            values[:] = [row.get(name) for row in rows]
            columns[name] = values
        return entries_of(columns, star, self._declared, {})

    def _json(self, method: str, path: str, **options: Any) -> Any:
        """JSON of an answer, from the first address that gives one.

        Raises
        ------
        RefusedError
            The service says that the request is wrong.
        ServiceError
        """
        problems = []
        for url in self._declared.urls:
            try:
                return asked_json(self._session, method, f"{url}{path}", **options)
            except StoppedError:
                raise
            except RefusedError:
                raise
            except ServiceError as error:
                problems.append(str(error))
        raise ServiceError("; ".join(dict.fromkeys(problems)))


def asked_json(session: ServiceSession, method: str, url: str, **options: Any) -> Any:
    """JSON of an answer, asked for again where it is none.

    Raises
    ------
    RefusedError
        HTTP 4xx.
    ServiceError
    """
    problem = ""
    for _ in range(2):
        response = answered(lambda: session.request(method, url, **options))
        if response.status_code >= 400:
            # a credential that is cut is no longer found
            told = " ".join(session.scrub(response.text).split())[:100]
            kind = RefusedError if response.status_code < 500 else ServiceError
            raise kind(f"HTTP {response.status_code} {told}".strip())
        try:
            return response.json()
        except ValueError:
            problem = "an answer that is no JSON"
    raise ServiceError(problem)


def answered(ask: Callable[[], _T]) -> _T:
    """Give the result of a request; one without an answer is a ``ServiceError``."""
    try:
        return ask()
    except NoAnswerError as error:
        raise ServiceError(str(error)) from None
