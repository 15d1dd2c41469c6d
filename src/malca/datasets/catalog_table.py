"""A published table that is read as a whole: clusters with their parameters and the like."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from kedro.io import AbstractDataset, DatasetError
from pydantic import BaseModel, ConfigDict

from malca.datasets.catalog_checks import as_floats, check_declared_unit, check_type, declared_units
from malca.datasets.catalog_declaration import DTYPES, Column
from malca.datasets.previews import TablePreview
from malca.datasets.table_sources import Source, open_source, preview_source

logger = logging.getLogger(__name__)

_KINDS = {"number": pa.float64(), "integer": pa.int64(), "text": pa.string(), "flag": pa.bool_()}


class TableDeclaration(BaseModel):
    """A table as YAML declares it; see ``CatalogTable``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filepath: Path
    columns: dict[str, Column]
    required: tuple[str, ...] = ()
    optional: bool = False


class CatalogTable(AbstractDataset[None, pd.DataFrame]):
    """A table in Parquet, FITS, VOTable, CSV or ECSV under our names and in our units; read only.

    For what stars are looked up in there is ``malca.datasets.catalogs.LocalCatalog``.

    Parameters
    ----------
    filepath : str
    columns : dict
        Our columns, each with the ``column`` of the file, its ``type`` ("number", "integer",
        "text" or "flag") and ``unit``. The name says the unit it is given in; a unit that the file
        states must be the one that is declared.
    required : list of str, optional
        Columns of ours without which a row says nothing: it is left out, and counted in a warning.
    optional : bool
        Whether the file may be missing; the table is empty then, and a warning says so.
    metadata : dict, optional
        For plugins.

    YAML
    ----
    ::

        hunt_reffert_clusters:
          type: malca.datasets.catalog_table.CatalogTable
          filepath: data/01_raw/catalogs/hunt_reffert_clusters.vot
          columns:
            cluster: {column: Name, type: text}
            distance_pc: dist50
          required: [cluster]

    Python
    ------
    >>> CatalogTable(filepath="clusters.vot", columns={...}).load()  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        filepath: str,
        columns: dict[str, Any],
        required: list[str] | None = None,
        optional: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._declared = TableDeclaration.model_validate(
            {"filepath": filepath, "columns": columns, "required": required or (), "optional": optional}
        )
        missing = sorted(set(self._declared.required) - set(self._declared.columns))
        if missing:
            raise ValueError(f"required: {', '.join(missing)} is not among the columns")
        for name, column in self._declared.columns.items():
            if column.type == "number":
                column.check_unit(name)
        self.metadata = metadata

    def check(self) -> None:
        """Refuse, before work starts, a table that cannot be used.

        Raises
        ------
        DatasetError
            In one sentence the file, the column and what to do.
        """
        if self._declared.filepath.is_file():
            self._open()
        elif not self._declared.optional:
            raise DatasetError(
                f"there is no {self._declared.filepath}: put it there, or declare it optional"
            )

    def load(self) -> pd.DataFrame:
        declared = self._declared
        self.check()
        if not declared.filepath.is_file():
            logger.warning("there is no %s: its table is empty", declared.filepath)
            return _empty(declared.columns)
        source = self._open()
        names = list(dict.fromkeys(column.column for column in declared.columns.values()))
        read = pa.Table.from_batches(
            source.read(names),
            pa.schema([source.schema.field(name).remove_metadata() for name in names]),
        )
        table = pd.DataFrame(
            {name: _values(read, name, column) for name, column in declared.columns.items()}
        )
        lacking = table[list(declared.required)].isna().any(axis=1)
        if lacking.any():
            logger.warning(
                "%s: %d rows have no %s, and are left out",
                declared.filepath, lacking.sum(), " or ".join(declared.required),
            )  # fmt: skip
        return table[~lacking].reset_index(drop=True)

    def _open(self) -> Source:
        declared = self._declared
        kinds = {column.column: _KINDS[column.type] for column in declared.columns.values()}
        source = open_source(declared.filepath, kinds).renamed(list(kinds))
        missing = [name for name in kinds if name not in source.schema.names]
        if missing:
            raise DatasetError(
                f"{declared.filepath} has no column {', '.join(missing)}: declare the columns it has "
                f"({', '.join(source.schema.names)}), or fetch it with these"
            )
        units = declared_units(source.schema)
        for name, column in declared.columns.items():
            check_type(name, column, source.schema, declared.filepath)
            if column.type == "number":
                check_declared_unit(name, column, units, declared.filepath)
        return source

    def save(self, data: None) -> None:
        raise DatasetError("catalogues are read only")

    def preview(self, nrows: int = 20) -> TablePreview:
        """First rows for Kedro-Viz, with the file's own columns."""
        return preview_source(self._declared.filepath, nrows)

    def _exists(self) -> bool:
        return self._declared.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._declared.filepath)}


def _values(table: pa.Table, name: str, column: Column) -> pd.Series:
    values = table.column(column.column)
    if column.type == "number":
        own = column.to_own_unit(name, as_floats(values))
        return pd.Series(np.where(np.isfinite(own), own, np.nan))
    return pd.Series(pd.array(values.cast(_KINDS[column.type]).to_pylist(), dtype=DTYPES[column.type]))


def _empty(columns: dict[str, Column]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.Series(dtype=DTYPES[column.type]) for name, column in columns.items()}
    )
