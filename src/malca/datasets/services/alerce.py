"""Objects of the ALeRCE broker (Förster+ 2021, AJ 161, 242), and what its classifiers make of them."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

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
    TruncatedError,
)

#: Columns that come from the list of probabilities.
_OF_CLASSES = {"classifier_name", "classifier_version", "class_name", "class_probability"}
_PAGE = 100
_MOST_PAGES = 20


class AlerceDeclaration(RestDeclaration):
    """Objects of ALeRCE as YAML declares them; see ``AlerceCatalog``."""

    table: str = "objects"
    classifiers: tuple[str, ...] = Field(
        ("lc_classifier", "stamp_classifier"),
        description="The first of these that has judged an object gives its class.",
    )


class AlerceCatalog(ServiceDataset):
    """Objects of the ALeRCE broker of ZTF alerts; see ``ServiceDataset``.

    Columns are those of the service's list of objects (``oid``, ``meanra``, ``meandec``, ``ndet``,
    ``firstmjd`` …) and, of the class that is most probable to the first of ``classifiers`` that has
    judged the object, ``classifier_name``, ``classifier_version``, ``class_name`` and
    ``class_probability``.

    Parameters
    ----------
    classifiers, threads, **declared
        See ``AlerceDeclaration`` and ``ServiceDataset``.

    YAML
    ----
    ::

        alerce_catalog:
          type: malca.datasets.services.alerce.AlerceCatalog
          urls: https://api.alerce.online/ztf/v1
          epoch_yr: 2019.0
          position: {ra_deg: meanra, dec_deg: meandec}
          columns:
            oid: {column: oid, type: text}
            n_detections: {column: ndet, type: integer}
            class: {column: class_name, type: text}
            class_probability: class_probability

    Python
    ------
    >>> AlerceCatalog(urls="https://...", ...).load().match(manifest)  # doctest: +SKIP
    """

    declaration: ClassVar[type[ServiceDeclaration]] = AlerceDeclaration

    def _client(
        self, declared: AlerceDeclaration, session: ServiceSession, secrets: dict[str, Secret]
    ) -> Client:
        return AlerceClient(declared, session)


class AlerceClient(RestClient):
    """Asks ALeRCE."""

    service = "alerce"

    def __init__(self, declared: AlerceDeclaration, session: ServiceSession) -> None:
        super().__init__(declared, session)
        self._classifiers = declared.classifiers
        self._with_classes = bool(_OF_CLASSES & set(declared.raw_kinds()))

    def _ask_one(self, ra_deg: float, dec_deg: float, radius_arcsec: float) -> list[dict[str, Any]]:
        objects: list[dict[str, Any]] = []
        for page in range(1, _MOST_PAGES + 1):
            place = {"ra": f"{ra_deg:.8f}", "dec": f"{dec_deg:.8f}", "radius": f"{radius_arcsec:.4f}"}
            # without the last slash the service has answered with nothing
            answer = self._json(
                "GET", "/objects/", params={**place, "page": page, "page_size": _PAGE, "count": "false"}
            )
            if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
                raise ServiceError("an answer without a list of objects")
            objects += answer["items"]
            if len(answer["items"]) < _PAGE:
                break
        else:
            raise TruncatedError(f"more than {len(objects)} objects")
        if not self._with_classes:
            return objects
        return [{**dict.fromkeys(_OF_CLASSES), **entry, **self._classes(entry)} for entry in objects]

    def _classes(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Tell what the first of the classifiers that has judged an object thinks most probable."""
        oid = quote(str(entry.get("oid")), safe="")
        try:
            answer = self._json("GET", f"/objects/{oid}/probabilities")
        except RefusedError as error:
            if str(error).startswith("HTTP 404"):
                return {}  # nothing has judged it
            raise
        judged = answer.get("items", []) if isinstance(answer, dict) else answer
        for classifier in self._classifiers:
            own = [row for row in judged if row.get("classifier_name") == classifier]
            if own:
                best = max(own, key=lambda row: float(row.get("probability") or 0.0))
                return {
                    "classifier_name": classifier,
                    "classifier_version": best.get("classifier_version"),
                    "class_name": best.get("class_name"),
                    "class_probability": best.get("probability"),
                }
        return {}
