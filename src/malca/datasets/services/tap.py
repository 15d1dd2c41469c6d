"""Catalogues of TAP services (IVOA, Dowler+ 2019): stars are uploaded and joined with the table."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from malca.astrophysics.astrometry import ARCSEC_PER_RADIAN, unit_vectors
from malca.datasets.services import adql
from malca.datasets.services.client import Answer, Client
from malca.datasets.services.conversion import (
    check_stated_units,
    copy_numbers,
    entries_of,
    no_entries,
    star_numbers,
)
from malca.datasets.services.credentials import Secret
from malca.datasets.services.dataset import ServiceDataset
from malca.datasets.services.declaration import ServiceDeclaration
from malca.datasets.services.stars import Stars
from malca.datasets.services.transport import (
    Manners,
    NoAnswerError,
    RefusedError,
    ServiceError,
    ServiceSession,
    TruncatedError,
)

logger = logging.getLogger(__name__)

#: Servers compute the edge of a circle otherwise than we do; what is beyond it is left out here.
_WIDER = 1.01
_LONGEST_POLL_SECONDS = 10.0


class TapDeclaration(ServiceDeclaration):
    """A table of a TAP service as YAML declares it; see ``TapCatalog``."""

    table: str = Field(min_length=1)
    sync_stars: int = Field(
        500, ge=0, description="Most stars that are asked about in a request that waits for its answer."
    )
    silent_limits: tuple[int, ...] = Field(
        (2000,),
        description="Numbers of rows at which answers to waiting requests are known to be cut without "
        "a word, as those of ESA's Gaia archive are.",
    )
    job_seconds: float = Field(1800.0, gt=0, description="Longest a job may take.")
    poll_seconds: float = Field(1.0, gt=0, description="First pause between looks at a job.")

    @model_validator(mode="after")
    def _positions_of_joins(self) -> TapDeclaration:
        if ";" in self.table or "--" in self.table:
            raise ValueError("table: one name, or what ADQL has between FROM and WHERE")
        return self


class TapCatalog(ServiceDataset):
    """A table of a TAP service; see ``ServiceDataset`` for what all services' datasets have.

    Stars with an id that the table has are uploaded and joined by it, as whole numbers; the others,
    and those whose entry is elsewhere on the sky, by position. Up to ``sync_stars`` in a request that
    waits, more as a job, which is removed afterwards. ``table`` is a name as the service has it
    (``gaiadr3.gaia_source``, ``II/246/out``; delimited if it must be), or joins as they stand after
    FROM; then columns with the same name in two tables have an ``expression``. Write LEFT OUTER
    JOIN, as LEFT JOIN is not understood everywhere.

    Parameters
    ----------
    sync_stars, silent_limits, job_seconds, poll_seconds, **declared
        See ``TapDeclaration`` and ``ServiceDataset``.

    YAML
    ----
    ::

        gaia_eb_catalog:
          type: malca.datasets.services.tap.TapCatalog
          filepath: data/01_raw/catalogs/gaia_eb.parquet
          urls: [https://gea.esac.esa.int/tap-server/tap]
          table: >-
            gaiadr3.vari_eclipsing_binary AS e
            JOIN gaiadr3.gaia_source AS g ON g.source_id = e.source_id
          release: DR3
          epoch_yr: 2016.0
          position:
            ra_deg: {column: ra, expression: g.ra}
            dec_deg: {column: dec, expression: g.dec}
          id_columns: {gaia_id: {DR3: source_id}}
          expressions: {source_id: e.source_id}
          columns:
            period_days: {column: frequency, unit: 1/d}
          cache: {folder: data/05_model_input/service_cache, expires_days: 90}

    Python
    ------
    >>> TapCatalog(urls=["https://..."], table="basic", ...).load().match(manifest)  # doctest: +SKIP
    """

    declaration: ClassVar[type[ServiceDeclaration]] = TapDeclaration

    def _client(
        self, declared: TapDeclaration, session: ServiceSession, secrets: dict[str, Secret]
    ) -> Client:
        return TapClient(declared, session)


class TapClient:
    """Asks TAP services.

    Parameters
    ----------
    declared : TapDeclaration
    session : ServiceSession
    sleep : function
        Used between looks at a job.
    """

    service = "tap"

    def __init__(
        self,
        declared: TapDeclaration,
        session: ServiceSession,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._declared, self._session, self._sleep = declared, session, sleep
        self._urls = list(declared.urls)
        # a job that cannot be removed expires by itself: that is not worth waiting for
        self._hasty = ServiceSession(
            Manners(session.manners.requests_per_second, min(5.0, session.manners.timeout_seconds), 0),
            offline=session.offline,
        )

    def scrub(self, text: str) -> str:
        """Text without credentials."""
        return self._session.scrub(text)

    def ask(self, stars: Stars, *, everything: bool) -> Answer:
        """Ask about a batch of stars; see ``Client``."""
        declared = self._declared
        parts = [no_entries(declared)]
        open_ = stars.placed.copy()
        ids = [(column, stars.gaia_id, stars.gaia_release == release)
               for release, column in declared.id_columns.gaia_id.items()]  # fmt: skip
        if declared.id_columns.asas_sn_id:
            ids.append((declared.id_columns.asas_sn_id, stars.asas_sn_id, np.ones(len(stars), bool)))
        for column, values, there in ids:
            rows = np.flatnonzero(there if everything else there & (open_ | ~stars.placed))
            if not len(rows):
                continue
            found = self._query(
                adql.by_id(declared, column),
                {adql.NUMBER: rows, adql.ID: values[rows]},
                len(stars),
            )
            parts.append(found)
            if not everything:
                open_[self._believed(found, stars)] = False
        search = stars.placed if everything else open_
        for reach in np.unique(stars.reach_arcsec[search]):
            rows = np.flatnonzero(search & (stars.reach_arcsec == reach))
            upload = {
                adql.NUMBER: rows, adql.RA: stars.ra_deg[rows], adql.DEC: stars.dec_deg[rows]
            }  # fmt: skip
            query = adql.by_position(declared, reach * _WIDER)
            parts.append(self._query(query, upload, len(stars)))
        return Answer(_joined(parts), {})

    def _believed(self, found: pd.DataFrame, stars: Stars) -> np.ndarray:
        """Stars whose entry by id is not so far away that it is looked for on the sky after all."""
        star = found["star"].to_numpy(np.int64)
        sky = self._declared.sky()
        ra, dec = (
            column.to_own_unit(name, found[column.column].to_numpy(np.float64))
            for name, column in sky.items()
        )
        step = unit_vectors(stars.ra_deg[star], stars.dec_deg[star]) - unit_vectors(ra, dec)
        chord = np.linalg.norm(step, axis=-1)
        sep = 2 * np.arcsin(np.minimum(chord / 2, 1)) * ARCSEC_PER_RADIAN
        # half of what is believed, so that rounding decides nothing
        return np.asarray(star[sep < 0.5 * self._declared.id_max_sep_arcsec])

    def _query(self, query: adql.Query, upload: dict[str, np.ndarray], n_stars: int) -> pd.DataFrame:
        """Entries of a query, from the first service that answers.

        Raises
        ------
        TruncatedError, ServiceError
        """
        problems = []
        for url in list(self._urls):
            try:
                entries = self._query_at(url, query, upload, n_stars)
            except TruncatedError:
                raise
            except ServiceError as error:
                problems.append(str(error))
                logger.info("%s: %s", url, self.scrub(str(error)))
                continue
            # the one that answered is asked first from now on
            self._urls.remove(url)
            self._urls.insert(0, url)
            return entries
        raise ServiceError("; ".join(dict.fromkeys(problems)))

    def _query_at(
        self, url: str, query: adql.Query, upload: dict[str, np.ndarray], n_stars: int
    ) -> pd.DataFrame:
        from astropy.table import Table
        from pyvo.dal import TAPService

        declared = self._declared
        arguments: dict[str, Any] = {
            "uploads": {adql.UPLOAD: Table({name: _plain(part) for name, part in upload.items()})},
            "maxrec": declared.row_limit,
        }
        service = TAPService(url, session=self._session)
        if len(upload[adql.NUMBER]) <= declared.sync_stars:
            try:
                result = self._answer(lambda: service.run_sync(query.adql, **arguments))
                return self._entries(result, query, n_stars, declared.silent_limits)
            except TruncatedError as error:
                if len(result) >= declared.row_limit:  # as many as we ask for, also of a job
                    raise
                logger.info("%s: %s, asked again as a job", url, error)
        result = self._answer(lambda: self._run_job(service, query.adql, arguments))
        return self._entries(result, query, n_stars, ())

    def _run_job(self, service: Any, text: str, arguments: dict[str, Any]) -> Any:
        """Run a job, look at it now and then, and remove it, whatever happens."""
        job = service.submit_job(text, **arguments)
        try:
            job.run()
            ends = time.monotonic() + self._declared.job_seconds
            pause = self._declared.poll_seconds
            while (phase := job.phase) not in {"COMPLETED", "ABORTED", "ERROR"}:
                if time.monotonic() > ends:
                    raise ServiceError(
                        f"a job was {phase.lower()} for {self._declared.job_seconds:g} s"
                    )
                self._sleep(pause)
                pause = min(1.3 * pause, _LONGEST_POLL_SECONDS)
            job.raise_if_error()
            return job.fetch_result()
        finally:
            self._remove(job.url)

    def _remove(self, url: str) -> None:
        try:
            self._hasty.delete(url, allow_redirects=False)
        except Exception as error:  # what was answered counts, and the service forgets it by itself
            logger.debug("a job could not be removed: %s", type(error).__name__)

    def _answer(self, run: Callable[[], Any]) -> Any:
        """Run a query; once more where what came is no VOTable.

        Raises
        ------
        RefusedError
            The service says that the query is wrong.
        ServiceError
        """
        from pyvo.dal import DALQueryError, DALServiceError

        problem = ""
        for _ in range(2):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # truncation is looked at below, the rest is noise
                    return run()
            except ServiceError:
                raise
            except DALQueryError as error:
                raise RefusedError(f"the service refuses the query: {error.reason}") from None
            except (DALServiceError, NoAnswerError) as error:
                raise ServiceError(_reason(error)) from None
            except Exception as error:  # whatever reading a broken document raises
                cause = getattr(error, "cause", None)
                if isinstance(cause, ServiceError):
                    raise cause from None
                if isinstance(cause, NoAnswerError):
                    raise ServiceError(str(cause)) from None
                problem = f"an answer that is no VOTable ({_reason(error)})"
        raise ServiceError(problem)

    def _entries(
        self, result: Any, query: adql.Query, n_stars: int, silent_limits: tuple[int, ...]
    ) -> pd.DataFrame:
        n = len(result)
        if result.query_status == "OVERFLOW" or n >= self._declared.row_limit:
            raise TruncatedError(f"cut after {n} rows")
        if n in silent_limits:
            raise TruncatedError(f"{n} rows, where this service is known to cut")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = result.to_table()
        if not n:
            return no_entries(self._declared)
        check_stated_units(
            {name: table[name].unit for name in table.colnames}, self._declared, query.names
        )
        columns = {name: table[name] for name in table.colnames}
        star = next(columns[name] for name in columns if name.lower() == adql.NUMBER)
        return entries_of(columns, star_numbers(star, n_stars), self._declared, query.names)


def _plain(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64) if values.dtype.kind == "i" else values


def _reason(error: Exception) -> str:
    """Say what went wrong, as the service said it, without the address."""
    response = getattr(getattr(error, "cause", None), "response", None)
    if response is None:
        return str(getattr(error, "reason", None) or error or type(error).__name__)
    told = response.text if "text/plain" in response.headers.get("Content-Type", "") else ""
    return f"HTTP {response.status_code} {' '.join(told.split())[:150]}".strip()


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """All entries, each pair of a star and an entry once: by id and by position it is the same."""
    seen = [part.assign(_copy=copy_numbers(part)) for part in parts if len(part)]
    if not seen:
        return parts[0]
    together = pd.concat(seen, ignore_index=True)
    return together.drop_duplicates(ignore_index=True).drop(columns="_copy")
