"""Tables of VizieR (Ochsenbein+ 2000, A&AS 143, 23) through astroquery (Ginsburg+ 2019, AJ 157, 98)."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import requests
from pydantic import Field, model_validator

from malca.datasets.services.client import Answer, Client
from malca.datasets.services.conversion import (
    as_kind,
    check_stated_units,
    entries_of,
    no_entries,
    star_numbers,
)
from malca.datasets.services.credentials import Secret
from malca.datasets.services.dataset import ServiceDataset
from malca.datasets.services.declaration import ServiceDeclaration
from malca.datasets.services.stars import Stars
from malca.datasets.services.transport import RefusedError, ServiceError, ServiceSession

_WIDER = 1.01
#: Column that astroquery asks for: the row of the list, from 1.
_ROW = "_q"


class VizierDeclaration(ServiceDeclaration):
    """A table of VizieR as YAML declares it; see ``VizierCatalog``."""

    table: str = Field(min_length=1)
    batch_size: int = Field(200, ge=1, le=10_000)

    @model_validator(mode="after")
    def _no_expressions(self) -> VizierDeclaration:
        if any(self.expression_of(name) for name in self.raw_kinds()):
            raise ValueError("expression: VizieR's own protocol knows no ADQL; use its TAP service")
        return self


class VizierCatalog(ServiceDataset):
    """A table of VizieR in its own protocol; see ``ServiceDataset``.

    For tables that neither its TAP service nor the cross-match service has, and for columns that are
    computed by VizieR alone. Rows are never limited. A table that is not there is refused, and not
    taken for one without matches.

    Parameters
    ----------
    **declared
        See ``ServiceDataset``; ``urls`` are those of its programs, such as
        ``https://vizier.cds.unistra.fr/viz-bin``.

    YAML
    ----
    ::

        ztf_periodic_catalog:
          type: malca.datasets.services.vizier.VizierCatalog
          urls: https://vizier.cds.unistra.fr/viz-bin
          table: J/ApJS/249/18/table2
          epoch_yr: 2015.5
          position: {ra_deg: RAJ2000, dec_deg: DEJ2000}
          columns:
            period_days: Per

    Python
    ------
    >>> VizierCatalog(urls="https://...", table="II/246/out", ...).load()  # doctest: +SKIP
    """

    declaration: ClassVar[type[ServiceDeclaration]] = VizierDeclaration

    def _client(
        self, declared: VizierDeclaration, session: ServiceSession, secrets: dict[str, Secret]
    ) -> Client:
        return VizierClient(declared, session)


class VizierClient:
    """Asks VizieR."""

    service = "vizier"

    def __init__(self, declared: ServiceDeclaration, session: ServiceSession) -> None:
        self._declared, self._session = declared, session
        self._is_there = False

    def scrub(self, text: str) -> str:
        """Text without credentials."""
        return self._session.scrub(text)

    def ask(self, stars: Stars, *, everything: bool) -> Answer:
        """Ask about a batch of stars; see ``Client``."""
        parts = [no_entries(self._declared)]
        cones = stars.cones_arcsec(self._declared) * _WIDER
        for radius in np.unique(cones[stars.placed]):
            rows = np.flatnonzero(stars.placed & (cones == radius))
            parts.append(self._near(stars, rows, radius))
        return Answer(pd.concat(parts, ignore_index=True), {})

    def _near(self, stars: Stars, rows: np.ndarray, radius_arcsec: float) -> pd.DataFrame:
        import astropy.units as u
        from astropy.coordinates import SkyCoord

        places = SkyCoord(stars.ra_deg[rows] * u.deg, stars.dec_deg[rows] * u.deg)
        problems = []
        for url in self._declared.urls:
            try:
                found = self._asked(
                    url, "query_region", places, radius=radius_arcsec * u.arcsec, frame="icrs"
                )
                if not found and not self._is_there:
                    # of a table that does not exist the answer is as empty
                    self._is_there = bool(self._asked(url, "query_constraints"))
                    if not self._is_there:
                        raise RefusedError(f"VizieR has no table {self._declared.table}")
            except RefusedError:
                raise
            except ServiceError as error:
                problems.append(str(error))
                continue
            self._is_there = True
            return self._entries(found, rows)
        raise ServiceError("; ".join(problems))

    def _asked(self, url: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Tables of an answer, through an instance of astroquery's class of our own."""
        from astroquery.vizier import VizierClass

        limit = {"query_region": -1, "query_constraints": 1}[method]
        columns = list(self._declared.raw_kinds())
        vizier = VizierClass(columns=columns, row_limit=limit)
        vizier.TIMEOUT = None  # the session has its own
        vizier._session = self._session
        vizier._server_to_url = lambda return_type="votable": f"{url}/{return_type}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = getattr(vizier, f"{method}_async")(
                    *arguments, catalog=self._declared.table, cache=False, **options
                )
                if answer.status_code >= 400:
                    raise ServiceError(f"HTTP {answer.status_code}")
                tables = vizier._parse_result(answer, invalid="mask")
        except (ServiceError, requests.RequestException) as error:
            if isinstance(error, ServiceError):
                raise
            raise ServiceError(str(error)) from None
        except Exception as error:  # whatever reading a broken document raises
            raise ServiceError(f"an answer that is no VOTable ({type(error).__name__})") from None
        if tables is None:
            raise ServiceError("an answer that is no VOTable")
        return tables

    def _entries(self, found: Any, rows: np.ndarray) -> pd.DataFrame:
        parts = [no_entries(self._declared)]
        for table in found:
            columns = {name: table[name] for name in table.colnames}
            units = {name: table[name].unit for name in table.colnames}
            check_stated_units(units, self._declared, {})
            if _ROW in columns:
                numbers = as_kind(columns[_ROW], "integer", _ROW)
                star = rows[star_numbers(numbers - 1, len(rows))]
            elif len(rows) == 1:
                star = np.full(len(table), rows[0])
            else:
                raise ServiceError("the answer does not say which star its rows are of")
            parts.append(entries_of(columns, star, self._declared, {}))
        return pd.concat(parts, ignore_index=True)
