"""Read the parameter table of BANYAN Σ, which its authors publish and MALCA does not carry."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from astropy.table import Table
from kedro.io import AbstractDataset, DatasetError

from malca.astrophysics.banyan_model import BanyanModel, banyan_model

logger = logging.getLogger(__name__)

WHERE_TO_GET_IT = (
    "it is data/banyan_sigma_parameters.fits (42 kB) of the public repository "
    "jgagneastro/banyan_sigma (Gagné+ 2018, ApJ 856, 23)"
)


class BanyanParametersDataset(AbstractDataset[Any, BanyanModel | None]):
    """Models of BANYAN Σ's associations and field from the authors' FITS table; read-only.

    Without the file, or with ``filepath: null``, it gives None and says where to get it: every star's
    membership is then unknown. ``required: true`` makes that an error.

    YAML
    ----
    ::

        banyan_parameters:
          type: malca.datasets.banyan.BanyanParametersDataset
          filepath: data/01_raw/catalogs/banyan_sigma_parameters.fits

    Python
    ------
    >>> BanyanParametersDataset(filepath="banyan_sigma_parameters.fits").load()  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        filepath: str | None,
        required: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = Path(filepath) if filepath else None
        self._required = required
        self.metadata = metadata

    def load(self) -> BanyanModel | None:
        if self._path is None or not self._path.is_file():
            missing = f"no parameter table of BANYAN Σ at {self._path}: {WHERE_TO_GET_IT}"
            if self._required:
                raise DatasetError(missing)
            if self._path is not None:
                logger.warning("%s; memberships are unknown without", missing)
            return None
        try:
            return banyan_model(Table.read(self._path, format="fits"))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{self._path} is no parameter table of BANYAN Σ: {error}") from error

    def save(self, data: Any) -> None:
        raise DatasetError("the parameter table of BANYAN Σ is read-only")

    def _exists(self) -> bool:
        # None is an answer too
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path) if self._path else None, "required": self._required}
