"""Local catalogues: tables that stars are looked up in."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
from kedro.io import AbstractDataset, DatasetError

from malca.catalogs import Catalog
from malca.datasets.catalog_checks import check_catalogue
from malca.datasets.catalog_declaration import Declaration
from malca.datasets.catalog_index import check_note, ensure_index, find_index, open_rows
from malca.datasets.catalog_matching import ParquetCatalog
from malca.datasets.previews import TablePreview
from malca.datasets.table_sources import preview_source

logger = logging.getLogger(__name__)

_ORIGIN, _SIMULATED = b"malca.origin", b"simulated"
_BAND_DEG = 1.0
_ROWS_PER_GROUP = 1 << 16


class LocalCatalog(AbstractDataset[None, Catalog]):
    """A catalogue in a table; loads as an object with ``match(targets) -> table``.

    The table is read as it was downloaded, in Parquet, FITS, VOTable, CSV or ECSV (all but the first
    also gzipped): the declaration says which columns it has, and in which units. What is no Parquet
    is indexed once, which for a table of hundreds of millions of rows takes its time.

    Parameters
    ----------
    filepath : str
    columns : dict
        The columns of a match, each with the ``column`` of the file, its ``type`` ("number",
        "integer", "text" or "flag") and ``unit``. The name says the unit it is given in
        (``period_days``, ``pm_ra_masyr``); the file's is converted to it, also 1/d to a period.
    position : dict
        The file's ``ra_deg`` and ``dec_deg``, ICRS, declared in the same way.
    epoch_yr : float
        Epoch of these positions, Julian year, to which stars are moved.
    id_columns : dict, optional
        ``gaia_id``, a column for each Gaia release that the file has ids of, and ``asas_sn_id``.
    target_epoch_yr : float
        Epoch of the stars' positions, Julian year.
    radius_arcsec : float
        Largest separation of a match on the sky.
    id_max_sep_arcsec : float
        Largest separation at which an id is believed.
    ids_must_agree : bool
        Whether an entry whose Gaia id is known to be another is no match on the sky. For what is
        of one star alone; a variable beside a star varies in the same pixel.
    many_per_id : bool
        Whether several entries may have one id, as the epochs of a source do.
    proper_motion : dict, optional
        The file's ``pm_ra_masyr`` and ``pm_dec_masyr``, declared in the same way. With these the
        entries are moved to ``target_epoch_yr`` for stars whose own motion is not known.
    indexed : bool, optional
        Whether to match through an index, which is made once. By default: for what is no Parquet,
        and for Parquet where ``index()`` has made one. True pays for tables of millions of rows.
    index_folder : str, optional
        Where indices are kept; by default ``.indexed`` beside the file.
    coverage : dict, optional
        Where the catalogue would list a star: ``min_dec_deg``, ``max_dec_deg``, ``regions``.
        Elsewhere one that is not found is "unknown".
    quality : str or dict, optional
        Column of a quality from 0 to 1, given as ``quality``.
    required : list of str, optional
        Columns of ours without which an entry says nothing: the outcome is "unknown".
    optional : bool
        Whether the file may be missing; every star is "unknown" then, and a warning says so.
    metadata : dict, optional
        For plugins.

    YAML
    ----
    ::

        ztf_periodic_catalog:
          type: malca.datasets.catalogs.LocalCatalog
          filepath: data/01_raw/catalogs/ztf_periodic.parquet
          epoch_yr: 2015.5
          position: {ra_deg: RAJ2000, dec_deg: DEJ2000}
          columns:
            period_days: Per
            class: {column: Type, type: text}
          required: [period_days]
          coverage: {min_dec_deg: -13.0}

    Python
    ------
    >>> LocalCatalog(filepath="ztf.parquet", ...).load().match(manifest)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        filepath: str,
        columns: dict[str, Any],
        position: dict[str, Any],
        epoch_yr: float,
        id_columns: dict[str, Any] | None = None,
        target_epoch_yr: float = 2016.0,
        radius_arcsec: float = 3.0,
        id_max_sep_arcsec: float = 10.0,
        ids_must_agree: bool = False,
        many_per_id: bool = False,
        proper_motion: dict[str, Any] | None = None,
        indexed: bool | None = None,
        index_folder: str | None = None,
        coverage: dict[str, Any] | None = None,
        quality: str | dict[str, Any] | None = None,
        required: list[str] | None = None,
        optional: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._declared = Declaration.model_validate(
            {
                "filepath": filepath,
                "columns": columns,
                "position": position,
                "epoch_yr": epoch_yr,
                "id_columns": id_columns or {},
                "target_epoch_yr": target_epoch_yr,
                "radius_arcsec": radius_arcsec,
                "id_max_sep_arcsec": id_max_sep_arcsec,
                "ids_must_agree": ids_must_agree,
                "many_per_id": many_per_id,
                "proper_motion": proper_motion,
                "indexed": indexed,
                "index_folder": index_folder,
                "coverage": coverage or {},
                "quality": quality,
                "required": tuple(required or ()),
                "optional": optional,
            }
        )
        self._checked: tuple[int, int, int] | None = None
        self._warned = False
        self.metadata = metadata

    def check(self) -> None:
        """Refuse, before work starts, a file that cannot be used.

        Raises
        ------
        DatasetError
            In one sentence the file, the column and what to do.
        """
        path = self._declared.filepath
        if not path.is_file():
            if path.exists():
                raise DatasetError(f"{path} is no file: give a table")
            if not self._declared.optional:
                raise DatasetError(f"there is no {path}: put it there, or declare it optional")
            if not self._warned:
                logger.warning("there is no %s: every star is unknown to it", path)
                self._warned = True
            return
        stat = path.stat()
        mark = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
        if mark == self._checked:
            return
        try:
            note = check_note(self._declared)
            if note is None or not note.exists():
                with open_rows(self._declared) as file:
                    check_catalogue(file, self._declared)
                if note is not None:
                    with suppress(OSError):  # an index that may only be read is looked over each time
                        note.touch()
        except (OSError, pa.ArrowInvalid) as error:
            raise DatasetError(
                f"{path} is no readable Parquet table: fetch it again ({error})"
            ) from None
        self._checked = mark

    def load(self) -> ParquetCatalog:
        self.check()
        return ParquetCatalog(self._declared)

    def index(self) -> Path:
        """Make the table ready for matching in seconds, once; where its index is.

        Raises
        ------
        DatasetError
            There is no table, or it cannot be used or indexed.
        """
        if not self._declared.filepath.is_file():
            raise DatasetError(f"there is no {self._declared.filepath}: nothing to index")
        return ensure_index(self._declared)

    def local_state(self) -> str:
        """Say in words what there is of the table."""
        path = self._declared.filepath
        if not path.is_file():
            return f"no table at {path}"
        try:
            index = find_index(self._declared)
        except DatasetError as error:
            return str(error)
        return f"{path}{'' if index is None else f', indexed as {index.name}'}"

    def save(self, data: None) -> None:
        raise DatasetError("catalogues are read only")

    def preview(self, nrows: int = 20) -> TablePreview:
        """First rows for Kedro-Viz, with the file's own columns."""
        return preview_source(self._declared.filepath, nrows)

    def _exists(self) -> bool:
        return self._declared.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._declared.filepath), "epoch_yr": self._declared.epoch_yr}
