"""Kedro datasets of a survey's files: index, light curves of every format, camera statistics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow.parquet as pq
from kedro.io import AbstractDataset, DatasetError

from malca.datasets.digests import files_digest
from malca.datasets.manifest import SurveyIndex, chosen_bins, read_flat_folder, read_index_tree
from malca.datasets.raw2 import read_camera_statistics
from malca.datasets.readers import ReadFailure, read_lightcurve, read_manifest_lightcurves
from malca.datasets.tables import write_atomically
from malca.lightcurves import LightCurves
from malca.magnitude_bins import ALL_BINS

#: Takes rows of the manifest, gives a table and its failures.
ManifestReader = Callable[..., tuple[Any, pd.DataFrame]]


class SurveyIndexDataset(AbstractDataset[Any, SurveyIndex]):
    """Index of a survey: its stars, where their light curves are, and what is wrong with it.

    Read-only. A missing root or an unknown bin is refused with one sentence, by ``load`` and,
    before any work, by ``check``.

    YAML
    ----
    ::

        survey_index:
          type: malca.datasets.lightcurve_files.SurveyIndexDataset
          root: data/01_raw/survey
          mag_bin: "13_13.5"      # or all
          layout: bins            # flat: a folder of light curves, with an index_file or without

    Python
    ------
    >>> dataset = SurveyIndexDataset(root="survey", mag_bin="13_13.5")
    >>> dataset.load().problems  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        root: str,
        mag_bin: str = ALL_BINS,
        layout: str = "bins",
        lightcurve_root: str | None = None,
        index_file: str | None = None,
        id_column: str = "asas_sn_id",
        suffix: str = ".dat2",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if layout not in {"bins", "flat"}:
            raise DatasetError(f"layout must be 'bins' or 'flat', not '{layout}'")
        self._root, self._mag_bin, self._layout = Path(root), mag_bin, layout
        self._lightcurve_root, self._index_file = lightcurve_root, index_file
        self._id_column, self._suffix = id_column, suffix
        self.metadata = metadata

    def check(self) -> None:
        """Refuse a missing root or an unknown bin.

        Raises
        ------
        DatasetError
            One sentence that says what is wrong and what there is.
        """
        try:
            if self._layout == "bins":
                chosen_bins(self._root, self._mag_bin)
            elif not self._root.is_dir():
                raise ValueError(f"there is no folder of light curves at {self._root}")
        except ValueError as error:
            raise DatasetError(str(error)) from error

    def load(self) -> SurveyIndex:
        self.check()
        try:
            if self._layout == "flat":
                return read_flat_folder(
                    self._root, self._mag_bin, index_file=self._index_file, id_column=self._id_column
                )
            return read_index_tree(
                self._root,
                self._mag_bin,
                lightcurve_root=self._lightcurve_root,
                id_column=self._id_column,
                suffix=self._suffix,
            )
        except ValueError as error:
            raise DatasetError(str(error)) from error

    def fingerprint(self) -> str | None:
        """SHA-256 of the index files, for the record of a run; None: light curves without an index."""
        if self._layout == "flat":
            index = None if self._index_file is None else Path(self._index_file)
            return None if index is None else files_digest([index], index.parent)
        bins = chosen_bins(self._root, self._mag_bin)
        return files_digest(
            (path for name in bins for path in (self._root / name).glob("index*.csv")), self._root
        )

    def save(self, data: Any) -> None:
        raise DatasetError("a survey's index is read-only")

    def _exists(self) -> bool:
        return self._root.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"root": str(self._root), "mag_bin": self._mag_bin, "layout": self._layout}


class LightCurveFile(AbstractDataset[Any, LightCurves]):
    """One light curve as its survey or service wrote it (``.dat2``, Sky Patrol CSV); read-only.

    YAML
    ----
    ::

        j225702:
          type: malca.datasets.lightcurve_files.LightCurveFile
          filepath: data/01_raw/25770019815-light-curves.csv

    Python
    ------
    >>> LightCurveFile(filepath="25770019815-light-curves.csv").load()  # doctest: +SKIP
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> LightCurves:
        try:
            return read_lightcurve(self._path)
        except ReadFailure as failure:
            raise DatasetError(f"{self._path}: {failure}") from failure

    def save(self, data: Any) -> None:
        raise DatasetError("raw light curves are read-only")

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


class LightCurvePartition(AbstractDataset[LightCurves, LightCurves]):
    """One batch of light curves as a Parquet file, a row a star, written whole or not at all.

    YAML
    ----
    ::

        known_dippers:
          type: malca.datasets.lightcurve_files.LightCurvePartition
          filepath: data/02_intermediate/known_dippers.parquet

    Python
    ------
    >>> LightCurvePartition(filepath="batch.parquet").save(LightCurves.empty())  # doctest: +SKIP
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> LightCurves:
        try:
            return LightCurves.from_table(pq.read_table(self._path, partitioning=None))
        except ValueError as error:
            raise DatasetError(f"{self._path}: {error}") from error

    def save(self, data: LightCurves) -> None:
        write_atomically(data.to_table(), self._path)

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


class ManifestFiles(AbstractDataset[Any, ManifestReader]):
    """Files that a manifest points to: loading gives a function that reads those of some rows.

    Nodes stay free of files that way, and choose which rows they need at a time. ``reads:
    lightcurves`` gives `read_manifest_lightcurves`, ``reads: camera_statistics`` (the ``.raw2``
    files beside the light curves) `read_camera_statistics`.

    YAML
    ----
    ::

        raw_camera_statistics:
          type: malca.datasets.lightcurve_files.ManifestFiles
          reads: camera_statistics

    Python
    ------
    >>> read = ManifestFiles(reads="lightcurves").load()
    >>> lightcurves, failures = read(manifest)  # doctest: +SKIP
    """

    _READERS: ClassVar[dict[str, ManifestReader]] = {
        "lightcurves": read_manifest_lightcurves,
        "camera_statistics": read_camera_statistics,
    }

    def __init__(
        self, *, reads: str, workers: int | None = None, metadata: dict[str, Any] | None = None
    ):
        if reads not in self._READERS:
            raise DatasetError(f"reads must be one of {', '.join(self._READERS)}, not '{reads}'")
        self._reads, self._workers = reads, workers
        self.metadata = metadata

    def load(self) -> ManifestReader:
        return partial(self._READERS[self._reads], workers=self._workers)

    def save(self, data: Any) -> None:
        raise DatasetError("raw files are read-only")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"reads": self._reads, "workers": self._workers}
