"""A list of stars that people keep, of those with some property."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

from malca.catalogs import integer_ids

_READERS = {".parquet": pd.read_parquet, ".csv": pd.read_csv}


class StarList(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """Ids in the column ``asas_sn_id`` of a Parquet or CSV file; without a file, of nobody.

    Parameters
    ----------
    filepath : str or None
    where : dict of str to str, optional
        Only rows with these values, of columns that the file has.

    YAML
    ----
    ::

        known_brightenings:
          type: malca.datasets.star_list.StarList
          filepath: brightenings.csv
          where: {kind: jump}

    Python
    ------
    >>> StarList(filepath=None).load()["asas_sn_id"].tolist()
    []
    """

    def __init__(
        self,
        *,
        filepath: str | None,
        where: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = None if filepath is None else Path(filepath)
        self._where = dict(where or {})
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        if self._path is None:
            return pd.DataFrame({"asas_sn_id": pd.Series([], dtype="int64")})
        self.check()
        try:
            options = {"dtype": {"asas_sn_id": "str"}} if self._path.suffix == ".csv" else {}
            table = _READERS[self._path.suffix](self._path, **options)
            for name, value in self._where.items():
                if name in table:
                    table = table[table[name] == value]
            missing = int(table["asas_sn_id"].isna().sum())
            ids, _ = integer_ids(table["asas_sn_id"].dropna())
        except KeyError:
            raise DatasetError(f"{self._path} has no column asas_sn_id") from None
        except (OSError, ValueError, TypeError) as error:
            raise DatasetError(f"{self._path} is no list of stars: {error}") from error
        if missing:
            raise DatasetError(f"{self._path}: {missing} rows have no asas_sn_id")
        return pd.DataFrame({"asas_sn_id": ids.drop_duplicates().to_numpy()})

    def save(self, data: pd.DataFrame) -> None:
        raise DatasetError("a list that people keep is not written")

    def check(self) -> None:
        """Refuse, before work starts, a file that is not there or of another kind."""
        if self._path is None:
            return
        if self._path.suffix not in _READERS:
            raise DatasetError(f"{self._path}: a list of stars ends in {' or '.join(_READERS)}")
        if not self._path.is_file():
            raise DatasetError(f"there is no list of stars {self._path}")

    def _exists(self) -> bool:
        return self._path is None or self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": None if self._path is None else str(self._path), "where": self._where}
