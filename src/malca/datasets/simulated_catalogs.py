"""Simulated catalogues of a whole sky in one folder, in the files that the real ones would lie in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import AbstractDataset, DatasetError

from malca.datasets.atomic import remove_abandoned
from malca.datasets.tables import write_atomically

#: Keys of ``DataFrame.attrs``: units by column, and the columns of the position.
UNITS, POSITION = "units", "position"
_ORIGIN, _SIMULATED = b"malca.origin", b"simulated"
_BAND_DEG = 1.0
_ROWS_PER_GROUP = 1 << 16


def write_simulated(table: pd.DataFrame, path: Path) -> None:
    """Write a simulated catalogue, sorted by position, never over a file that is not simulated.

    Parameters
    ----------
    table : DataFrame
        ``attrs["position"]`` names right ascension and declination, degrees, ``attrs["units"]``
        the units of columns; a table without position is written as it is.
    path : Path

    Raises
    ------
    DatasetError
        There is a file of another origin.
    """
    if path.exists() and not is_simulated(path):
        raise DatasetError(
            f"{path} is no simulated catalogue, and is not written over: set catalogs_root to another "
            "folder"
        )
    units: Mapping[str, str] = table.attrs.get(UNITS, {})
    position = table.attrs.get(POSITION)
    ordered = table
    if position and len(table):
        ra, dec = (table[name].to_numpy(float) for name in position)
        ordered = table.iloc[np.lexsort([ra, np.floor(dec / _BAND_DEG)])]
    arrow = pa.Table.from_pandas(ordered, preserve_index=False)
    fields = [
        field.with_metadata({"unit": units[field.name]}) if field.name in units else field
        for field in arrow.schema
    ]
    metadata = {**(arrow.schema.metadata or {}), _ORIGIN: _SIMULATED}
    arrow = arrow.cast(pa.schema(fields, metadata))
    parts = [arrow.slice(k, _ROWS_PER_GROUP) for k in range(0, max(len(arrow), 1), _ROWS_PER_GROUP)]
    write_atomically(parts, path)


def is_simulated(path: Path) -> bool:
    """Whether a Parquet file says that it is simulated."""
    try:
        return (pq.read_schema(path).metadata or {}).get(_ORIGIN) == _SIMULATED
    except (OSError, pa.ArrowInvalid):
        return False


class SimulatedCatalogs(AbstractDataset[Mapping[str, pd.DataFrame], dict[str, pd.DataFrame]]):
    """Simulated catalogues by name, each in ``<folder>/<name>.parquet``; see ``write_simulated``.

    YAML
    ----
    ::

        simulated_sky:
          type: malca.datasets.simulated_catalogs.SimulatedCatalogs
          path: data/01_raw/catalogs
          names: [tmass, allwise]

    Python
    ------
    >>> SimulatedCatalogs(path="catalogs", names=["tmass"]).save({"tmass": table})  # doctest: +SKIP
    """

    def __init__(self, *, path: str, names: list[str], metadata: dict[str, Any] | None = None) -> None:
        self._folder, self._names = Path(path), tuple(names)
        self.metadata = metadata

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.parquet"

    def save(self, data: Mapping[str, pd.DataFrame]) -> None:
        if set(data) != set(self._names):
            wrong = ", ".join(sorted(set(data) ^ set(self._names)))
            raise DatasetError(f"{self._folder}: declared and made catalogues differ in {wrong}")
        for name in self._names:
            write_simulated(data[name], self._path(name))

    def load(self) -> dict[str, pd.DataFrame]:
        return {name: pd.read_parquet(self._path(name)) for name in self._names}

    def remove_leftovers(self) -> None:
        """Remove what killed runs left half written."""
        for name in self._names:
            remove_abandoned(self._path(name))

    def _exists(self) -> bool:
        return all(self._path(name).is_file() for name in self._names)

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder), "names": self._names}
