"""The cross-match service of the CDS (Boch+ 2012, ASPC 461, 291): a list of positions, one table."""

from __future__ import annotations

import io
import threading
import warnings
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from malca.datasets.services.client import Answer, Client
from malca.datasets.services.conversion import (
    check_stated_units,
    entries_of,
    no_entries,
    star_numbers,
)
from malca.datasets.services.credentials import Secret
from malca.datasets.services.dataset import ServiceDataset
from malca.datasets.services.declaration import ServiceDeclaration
from malca.datasets.services.stars import Stars
from malca.datasets.services.transport import (
    NoAnswerError,
    RefusedError,
    ServiceError,
    ServiceSession,
    StoppedError,
    TruncatedError,
)

#: Names of the uploaded columns, such as no table has.
_NUMBER, _RA, _DEC = "malca_no", "malca_ra", "malca_dec"
#: The service takes no larger radius.
_WIDEST_ARCSEC = 180.0
#: The service computes distances otherwise than we do; what is beyond the radius is left out here.
_WIDER = 1.01
_FORBIDDEN = 403
#: Of all catalogues of this process, whatever runs them.
_ONE_AT_A_TIME = threading.Lock()


class XMatchDeclaration(ServiceDeclaration):
    """A table of the cross-match service as YAML declares it; see ``XMatchCatalog``."""

    table: str = Field(min_length=1)
    radius_arcsec: float = Field(3.0, gt=0, le=_WIDEST_ARCSEC / _WIDER)

    @model_validator(mode="after")
    def _no_expressions(self) -> XMatchDeclaration:
        if any(self.expression_of(name) for name in self.raw_kinds()):
            raise ValueError("expression: the cross-match service knows no ADQL")
        return self


class XMatchCatalog(ServiceDataset):
    """A VizieR table, or SIMBAD, of the CDS cross-match service; see ``ServiceDataset``.

    Positions are sent, a batch at a time and never two at once: the service shuts out addresses that
    ask in parallel. Where it says so, nothing more is asked in this run. It compares the positions of
    its own choice, for Gaia those of 2000.0: give ``epoch_yr`` and ``position`` accordingly. Ids are
    compared among the entries near a star.

    Parameters
    ----------
    **declared
        See ``ServiceDataset``; ``table`` is a name of VizieR (``II/246/out``) or ``simbad``.

    YAML
    ----
    ::

        ztf_periodic_catalog:
          type: malca.datasets.services.xmatch.XMatchCatalog
          urls: http://cdsxmatch.u-strasbg.fr/xmatch/api/v1/sync
          table: J/ApJS/249/18/table2
          epoch_yr: 2015.5
          position: {ra_deg: RAJ2000, dec_deg: DEJ2000}
          columns:
            period_days: Per
            class: {column: Type, type: text}
          batch_size: 5000
          requests_per_second: 0.5

    Python
    ------
    >>> XMatchCatalog(urls="http://...", table="II/246/out", ...).load()  # doctest: +SKIP
    """

    declaration: ClassVar[type[ServiceDeclaration]] = XMatchDeclaration

    def _client(
        self, declared: XMatchDeclaration, session: ServiceSession, secrets: dict[str, Secret]
    ) -> Client:
        return XMatchClient(declared, session)


class XMatchClient:
    """Asks the cross-match service."""

    service = "xmatch"

    def __init__(self, declared: ServiceDeclaration, session: ServiceSession) -> None:
        self._declared, self._session = declared, session

    def scrub(self, text: str) -> str:
        """Text without credentials."""
        return self._session.scrub(text)

    def ask(self, stars: Stars, *, everything: bool) -> Answer:
        """Ask about a batch of stars; see ``Client``."""
        parts = [no_entries(self._declared)]
        cones = np.minimum(stars.cones_arcsec(self._declared) * _WIDER, _WIDEST_ARCSEC)
        for radius in np.unique(cones[stars.placed]):
            rows = np.flatnonzero(stars.placed & (cones == radius))
            parts.append(self._near(stars, rows, radius))
        return Answer(pd.concat(parts, ignore_index=True), {})

    def _near(self, stars: Stars, rows: np.ndarray, radius_arcsec: float) -> pd.DataFrame:
        sent = pd.DataFrame({_NUMBER: rows, _RA: stars.ra_deg[rows], _DEC: stars.dec_deg[rows]})
        table = self._declared.table
        named = table if table == "simbad" or table.startswith("vizier:") else f"vizier:{table}"
        form = {
            "request": "xmatch",
            "distMaxArcsec": f"{radius_arcsec:.4f}",
            "selection": "all",
            "RESPONSEFORMAT": "votable",
            "MAXREC": str(self._declared.row_limit),
            "cat2": named,
            "colRA1": _RA,
            "colDec1": _DEC,
        }
        problems = []
        for url in self._declared.urls:
            files = {"cat1": ("stars.csv", sent.to_csv(index=False, float_format="%.9f"), "text/csv")}
            try:
                with _ONE_AT_A_TIME:
                    response = self._session.post(url, data=form, files=files)
            except NoAnswerError as error:
                problems.append(str(error))
                continue
            if response.status_code == _FORBIDDEN:
                raise StoppedError(
                    "the cross-match service shuts this address out (HTTP 403), as it does after too "
                    "many parallel requests: wait, or write to cds-question@unistra.fr"
                )
            if response.status_code >= 400:
                told = told_of(response.content)
                problem = f"HTTP {response.status_code} {told}".strip()
                if response.status_code < 500:
                    raise RefusedError(f"the service refuses {named}: {problem}")
                problems.append(problem)
                continue
            return self._entries(response.content, len(stars))
        raise ServiceError("; ".join(problems))

    def _entries(self, content: bytes, n_stars: int) -> pd.DataFrame:
        columns, units, cut = read_columns(content)
        n = len(next(iter(columns.values()), ()))
        if cut or n >= self._declared.row_limit:
            raise TruncatedError(f"cut after {n} rows")
        if not n:
            return no_entries(self._declared)
        check_stated_units(units, self._declared, {})
        if _NUMBER not in columns:
            raise ServiceError("the answer does not say which star its rows are of")
        star = star_numbers(columns[_NUMBER], n_stars)
        return entries_of(columns, star, self._declared, {})


def read_columns(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Columns of a VOTable or CSV, their units, and whether rows are missing.

    Raises
    ------
    ServiceError
        It is neither, or says that something went wrong.
    """
    if not content.lstrip().startswith(b"<"):
        try:
            text = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        except (ValueError, UnicodeDecodeError) as error:
            raise ServiceError(f"an answer that is no table ({error})") from None
        return {name: text[name].to_numpy(object) for name in text}, {}, False
    from astropy.io import votable

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            document = votable.parse(io.BytesIO(content))
            states = [info for part in document.resources for info in part.infos]
            status = {
                info.value.upper(): info.content for info in states if info.name == "QUERY_STATUS"
            }
            if "ERROR" in status:
                raise ServiceError(f"the service says: {status['ERROR']}")
            table = document.get_first_table().to_table(use_names_over_ids=True)
    except ServiceError:
        raise
    except Exception as error:  # whatever reading a broken document raises
        raise ServiceError(f"an answer that is no VOTable ({type(error).__name__})") from None
    units = {name: table[name].unit for name in table.colnames}
    return {name: table[name] for name in table.colnames}, units, "OVERFLOW" in status


def told_of(content: bytes) -> str:
    """Read what the service says of a request it refuses, as a VOTable or as text."""
    try:
        read_columns(content)
    except ServiceError as error:
        if "the service says" in str(error):
            return str(error)
    return " ".join(content.decode("utf-8", "replace").split())[:150]
