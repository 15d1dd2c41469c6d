"""What the datasets of all services have in common: declaration, local twin, credentials."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from kedro.io import AbstractDataset, DatasetError

from malca.catalogs import Catalog
from malca.datasets.catalogs import LocalCatalog
from malca.datasets.previews import TablePreview
from malca.datasets.services.client import Client, ServiceCatalog
from malca.datasets.services.credentials import Secret, secrets_of
from malca.datasets.services.declaration import ServiceDeclaration
from malca.datasets.services.transport import Manners, ServiceSession

logger = logging.getLogger(__name__)


class ServiceDataset(AbstractDataset[None, Catalog]):
    """A catalogue of a service, or its local twin; loads as an object with ``match(targets)``.

    Parameters
    ----------
    credentials : dict, optional
        From ``conf/local/credentials.yml``, by the name that the catalog's ``credentials`` gives.
    metadata : dict, optional
        For plugins.
    **declared
        What ``malca.datasets.catalogs.LocalCatalog`` has, for a local twin and the service alike,
        with the twin's ``filepath`` if there is one; and

        - ``urls``: addresses of the service, tried in order;
        - ``table``: its table; a column or position may have an ``expression`` beside its
          ``column``, ids theirs in ``expressions``;
        - ``twin_only``: columns of ids that only the local twin has;
        - ``source``: "local", "service", or "auto": the twin where its file is there;
        - ``offline``: no request is ever made; what is kept is still known, all else "unknown";
        - ``cache``: ``folder`` and ``expires_days``; none: nothing is kept;
        - ``release``, ``citation``;
        - ``batch_size``, ``requests_per_second``, ``timeout_seconds``, ``retries``, ``row_limit``,
          ``give_up_after`` (batches in a row that fail before the rest is not tried).
    """

    #: Environment variable of each credential that the service knows.
    variables: ClassVar[Mapping[str, str]] = {}
    #: What the declaration is checked by.
    declaration: ClassVar[type[ServiceDeclaration]] = ServiceDeclaration

    def __init__(
        self,
        *,
        credentials: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        **declared: Any,
    ) -> None:
        self._declared = self.declaration.model_validate(declared)
        try:
            self._secrets = secrets_of(credentials, self.variables)
        except ValueError as error:
            raise DatasetError(str(error)) from None
        path = self._declared.filepath
        self._twin = None if path is None else LocalCatalog(**self._declared.twin())
        self._warned = False
        self.metadata = metadata

    # Kedro keeps the arguments of every dataset under this name, credentials too, in order to write
    # the catalog down again. Here they are kept without.
    @property
    def _init_args(self) -> dict[str, Any]:
        return self.__dict__.get("_arguments", {})

    @_init_args.setter
    def _init_args(self, given: dict[str, Any]) -> None:
        # those of subclasses arrive as the arguments of a wrapper
        flat = {**given, **given.get("kwargs", {}), **given.get("declared", {})}
        hidden = {"args", "kwargs", "declared", "credentials"}
        self._arguments = {name: value for name, value in flat.items() if name not in hidden}

    @abstractmethod
    def _client(self, declared: Any, session: ServiceSession, secrets: dict[str, Secret]) -> Client:
        """Make the client that asks the service."""

    def uses_twin(self) -> bool:
        """Whether the local twin answers and not the service."""
        declared = self._declared
        if declared.source == "auto":
            return declared.filepath is not None and declared.filepath.is_file()
        return declared.source == "local"

    def check(self) -> None:
        """Refuse, before work starts, what cannot be used; the service is not asked for that.

        Raises
        ------
        DatasetError
            In one sentence what is wrong and what to do.
        """
        if self._twin is not None and self.uses_twin():
            self._twin.check()
        elif self._declared.offline and not self._warned:
            logger.warning(
                "%s: offline and without a local twin: only what is kept of earlier answers is known",
                self._name(),
            )
            self._warned = True

    def load(self) -> Catalog:
        self.check()
        if self._twin is not None and self.uses_twin():
            return self._twin.load()
        declared = self._declared.of_service()
        session = ServiceSession(
            Manners(declared.requests_per_second, declared.timeout_seconds, declared.retries),
            offline=declared.offline,
            secrets=self._secrets.values(),
            seed=declared.seed,
        )
        return ServiceCatalog(self._name(), declared, self._client(declared, session, self._secrets))

    def index(self) -> Path:
        """Make the local twin ready for matching in seconds, once; where its index is.

        Raises
        ------
        DatasetError
            There is none, or it cannot be indexed.
        """
        if self._twin is None:
            raise DatasetError("it has no filepath of a local twin")
        return self._twin.index()

    def local_state(self) -> str:
        """Say in words who answers: the local twin or the service."""
        state = "no local twin" if self._twin is None else self._twin.local_state()
        if self.uses_twin():
            return state
        return f"{'nobody, offline' if self._declared.offline else 'the service'}; {state}"

    def save(self, data: None) -> None:
        raise DatasetError("catalogues are read only")

    def preview(self, nrows: int = 20) -> TablePreview:
        """First rows of the local twin for Kedro-Viz; none without it."""
        if self._twin is None or not self._twin._exists():
            return TablePreview({"index": [], "columns": [], "data": []})
        return self._twin.preview(nrows)

    def _name(self) -> str:
        declared = self._declared
        if declared.filepath is not None:
            return declared.filepath.stem
        return f"{type(self).__name__.removesuffix('Catalog')} {declared.table}"[:60]

    def _exists(self) -> bool:
        return not self.uses_twin() or (self._twin is not None and self._twin._exists())

    def _describe(self) -> dict[str, Any]:
        declared = self._declared
        return {
            "filepath": None if declared.filepath is None else str(declared.filepath),
            "urls": list(declared.urls),
            "table": declared.table,
            "source": declared.source,
            "offline": declared.offline,
            "epoch_yr": declared.epoch_yr,
        }
