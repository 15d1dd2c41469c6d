"""Transients of the Transient Name Server (IAU; Gal-Yam 2021, AAS 237, 423.05)."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pydantic import Field

from malca.datasets.services.client import Client
from malca.datasets.services.credentials import Secret
from malca.datasets.services.dataset import ServiceDataset
from malca.datasets.services.declaration import ServiceDeclaration
from malca.datasets.services.rest import RestClient, RestDeclaration
from malca.datasets.services.transport import (
    RefusedError,
    ServiceError,
    ServiceSession,
    StoppedError,
)

#: What the service's objects are called in its public list, whose names a local twin has.
_OF_OBJECT = {
    "objid": ("objid",),
    "name_prefix": ("name_prefix",),
    "name": ("objname",),
    "ra": ("radeg",),
    "declination": ("decdeg",),
    "redshift": ("redshift",),
    "typeid": ("object_type", "id"),
    "type": ("object_type", "name"),
    "reporting_group": ("reporting_group", "group_name"),
    "discoverydate": ("discoverydate",),
    "discoverymag": ("discoverymag",),
    "filter": ("discmagfilter", "name"),
    "internal_names": ("internal_names",),
}


class TnsDeclaration(RestDeclaration):
    """The Transient Name Server as YAML declares it; see ``TnsCatalog``."""

    table: str = "objects"
    threads: int = Field(1, ge=1, le=4)
    requests_per_second: float = Field(0.5, gt=0, le=10)


class TnsCatalog(ServiceDataset):
    """Transients of the Transient Name Server; see ``ServiceDataset``.

    Asked with the key of a bot that one registers there: ``api_key``, ``tns_id`` and ``name``, under
    ``credentials`` or in the environment as ``MALCA_TNS_API_KEY``, ``MALCA_TNS_ID`` and
    ``MALCA_TNS_NAME``. Without these every star is "unknown". The service counts requests a minute:
    one for each star, one more for each transient. For many stars its public list is the better way: as
    a local twin, without its first line (a date). Columns are called as there.

    Parameters
    ----------
    threads, **declared
        See ``TnsDeclaration`` and ``ServiceDataset``.

    YAML
    ----
    ::

        tns_catalog:
          type: malca.datasets.services.tns.TnsCatalog
          filepath: data/01_raw/catalogs/tns_public_objects.csv
          urls: https://www.wis-tns.org
          credentials: tns
          epoch_yr: 2016.0
          position: {ra_deg: ra, dec_deg: declination}
          columns:
            name: {column: name, type: text}
            class: {column: type, type: text}
            redshift: redshift

    Python
    ------
    >>> TnsCatalog(urls="https://www.wis-tns.org", ...).load().match(manifest)  # doctest: +SKIP
    """

    variables: ClassVar = {
        "api_key": "MALCA_TNS_API_KEY",
        "tns_id": "MALCA_TNS_ID",
        "name": "MALCA_TNS_NAME",
    }
    declaration: ClassVar[type[ServiceDeclaration]] = TnsDeclaration

    def _client(
        self, declared: TnsDeclaration, session: ServiceSession, secrets: dict[str, Secret]
    ) -> Client:
        return TnsClient(declared, session, secrets)


class TnsClient(RestClient):
    """Asks the Transient Name Server."""

    service = "tns"

    def __init__(
        self, declared: TnsDeclaration, session: ServiceSession, secrets: dict[str, Secret]
    ) -> None:
        super().__init__(declared, session)
        self._secrets = secrets
        self._missing = [name for name in TnsCatalog.variables if name not in secrets]
        if not self._missing:
            marker = {
                "tns_id": secrets["tns_id"].reveal(),
                "type": "bot",
                "name": secrets["name"].reveal(),
            }
            # the service answers no others
            session.headers["User-Agent"] = f"tns_marker{json.dumps(marker, separators=(',', ':'))}"

    def _ask_one(self, ra_deg: float, dec_deg: float, radius_arcsec: float) -> list[dict[str, Any]]:
        if self._missing:
            names = ", ".join(self._missing)
            variables = ", ".join(TnsCatalog.variables[name] for name in self._missing)
            raise StoppedError(
                f"needs credentials ({names}): in conf/local/credentials.yml or as {variables}"
            )
        place = {
            "ra": f"{ra_deg:.7f}",
            "dec": f"{dec_deg:.7f}",
            "radius": f"{radius_arcsec:.3f}",
            "units": "arcsec",
        }
        found = self._posted("/api/get/search", place)
        if not isinstance(found, list):
            raise ServiceError("an answer without a list of objects")
        return [self._object(str(entry["objname"])) for entry in found]

    def _object(self, name: str) -> dict[str, Any]:
        told = self._posted("/api/get/object", {"objname": name, "photometry": "0", "spectra": "0"})
        if not isinstance(told, dict):
            raise ServiceError("an answer without an object")
        return {column: _inside(told, path) for column, path in _OF_OBJECT.items()}

    def _posted(self, path: str, asked: dict[str, str]) -> Any:
        """Answer to a question, from within its envelope."""
        form = {"api_key": self._secrets["api_key"].reveal(), "data": json.dumps(asked)}
        try:
            answer = self._json("POST", path, data=form)
        except RefusedError as error:
            if str(error).startswith(("HTTP 401", "HTTP 403")):
                raise StoppedError("the service does not accept the credentials") from None
            raise
        data = answer.get("data") if isinstance(answer, dict) else None
        return data["reply"] if isinstance(data, dict) and "reply" in data else data


def _inside(told: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        told = told.get(name) if isinstance(told, dict) else None
    return told
