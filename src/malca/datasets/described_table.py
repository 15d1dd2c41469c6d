"""A table as people pass it on: Parquet, CSV, VOTable and ECSV, with units and descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Column, MaskedColumn, Table
from kedro.io import AbstractDataset, DatasetError

from malca.datasets.atomic import remove_abandoned, replacing
from malca.datasets.previews import TablePreview, table_preview
from malca.datasets.tables import write_atomically

#: Key of ``DataFrame.attrs``: by column its unit, as astropy writes it, and its description.
DESCRIPTIONS = "descriptions"
FORMATS = ("parquet", "csv", "vot", "ecsv")


class DescribedTable(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """A table in several formats at once, its columns described in those that can.

    ``DataFrame.attrs["descriptions"]`` says what the columns are: a mapping of names to unit and
    description. Ids stay whole numbers in every format; what is missing is null, NaN or empty.

    Parameters
    ----------
    filepath : str
        Of the Parquet file; the others lie beside it with their own endings.
    formats : list of str
        Of ``parquet, csv, vot, ecsv``.
    title : str
        What the table is of, for the formats that can say it.
    metadata : dict, optional
        For plugins.

    YAML
    ----
    ::

        candidate_table:
          type: malca.datasets.described_table.DescribedTable
          filepath: data/08_reporting/13_13.5/candidate_table.parquet
          title: Candidates

    Python
    ------
    >>> DescribedTable(filepath="candidate_table.parquet").save(table)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        filepath: str,
        formats: list[str] | None = None,
        title: str = "",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = Path(filepath)
        self._formats = tuple(formats or FORMATS)
        unknown = sorted(set(self._formats) - set(FORMATS))
        if unknown or "parquet" not in self._formats or self._path.suffix != ".parquet":
            raise DatasetError(
                f"{filepath}: a .parquet file, and formats of {', '.join(FORMATS)} with parquet among "
                "them"
            )
        self._title = title
        self.metadata = metadata

    def path(self, form: str) -> Path:
        """File of one format."""
        return self._path.with_suffix(f".{form}")

    def save(self, data: pd.DataFrame) -> None:
        described: Mapping[str, tuple[str, str]] = data.attrs.get(DESCRIPTIONS, {})
        # pandas copies attrs deeply with every column that is looked at
        data = data.copy(deep=False)
        data.attrs = {}
        for form in self._formats:
            if form == "parquet":
                write_atomically(_as_arrow(data, described, self._title), self._path)
                continue
            with replacing(self.path(form)) as partial:
                if form == "csv":
                    data.to_csv(partial, index=False)
                elif form == "vot":
                    units = {name: _for_votable(*one) for name, one in described.items()}
                    as_astropy(data, units, self._title).write(
                        partial, format="votable", overwrite=True
                    )
                else:
                    as_astropy(data, described, self._title).write(
                        partial, format="ascii.ecsv", overwrite=True
                    )

    def load(self) -> pd.DataFrame:
        if not self._path.is_file():
            raise DatasetError(f"there is no {self._path}")
        table = pq.read_table(self._path)
        data = table.to_pandas()
        data.attrs[DESCRIPTIONS] = {
            field.name: tuple(
                (field.metadata or {}).get(key, b"").decode() for key in (b"unit", b"description")
            )
            for field in table.schema
        }
        return data

    def preview(self, nrows: int = 20) -> TablePreview:
        """First rows for Kedro-Viz."""
        return table_preview(self._path, nrows)

    def remove_leftovers(self) -> None:
        """Remove what a killed run left half written."""
        for form in self._formats:
            remove_abandoned(self.path(form))

    def _exists(self) -> bool:
        return all(self.path(form).is_file() for form in self._formats)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "formats": self._formats}


def _as_arrow(data: pd.DataFrame, described: Mapping[str, tuple[str, str]], title: str) -> pa.Table:
    table = pa.Table.from_pandas(data, preserve_index=False)
    fields = []
    for field in table.schema:
        unit, text = described.get(field.name, ("", ""))
        own = {key: word for key, word in ((b"unit", unit), (b"description", text)) if word}
        fields.append(field.with_metadata(own) if own else field)
    metadata = {**(table.schema.metadata or {}), **({b"title": title.encode()} if title else {})}
    return table.cast(pa.schema(fields, metadata))


def _for_votable(unit: str, description: str) -> tuple[str, str]:
    """Write a unit as VOUnit knows it; one of logarithms, which it does not, into the description."""
    known = u.Unit(unit) if unit else None
    if isinstance(known, u.function.FunctionUnitBase) or unit == "dex":
        return "", f"{description} [{unit}]"
    if known == u.erg / u.s / u.cm**2:
        return "mW / m2", description
    return unit, description


def as_astropy(
    data: pd.DataFrame, described: Mapping[str, tuple[str, str]] | None = None, title: str = ""
) -> Table:
    """Table of astropy with units and descriptions; integers and flags are masked where missing.

    Parameters
    ----------
    data : DataFrame
    described : mapping of str to (unit, description), optional
    title : str
        Goes into the table's metadata as ``description``.
    """
    table = Table(meta={"description": title} if title else {})
    for name, values in data.items():
        unit, text = (described or {}).get(str(name), ("", ""))
        table.add_column(_column(values), name=str(name))
        table[str(name)].unit = unit or None
        table[str(name)].description = text or None
    return table


def _column(values: pd.Series) -> Column:
    missing = values.isna().to_numpy()
    kind = values.dtype
    if pd.api.types.is_bool_dtype(kind):
        plain = values.astype("boolean").fillna(False).to_numpy(bool)
    elif pd.api.types.is_integer_dtype(kind):
        plain = values.fillna(0).to_numpy(np.int64)
    elif pd.api.types.is_float_dtype(kind):
        return Column(values.to_numpy(np.float64, na_value=np.nan))
    else:
        return Column(values.astype(object).where(~missing, "").astype("str").to_numpy("str"))
    return MaskedColumn(plain, mask=missing) if missing.any() else Column(plain)
