"""Light curves of some stars: from a folder of files, or from the packed ones of a survey."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from kedro.io import AbstractDataset, DatasetError

from malca.datasets.readers import read_lightcurves
from malca.datasets.tables import PartitionedTables, StreamedTable
from malca.lightcurves import LightCurves, concatenate, no_failures

logger = logging.getLogger(__name__)

_PATTERNS = ("*.csv", "*.dat2")


class StarCurves(NamedTuple):
    """Light curves of some stars, and what the survey knows of these.

    Attributes
    ----------
    lightcurves : LightCurves
    failures : DataFrame
        Those that could not be read.
    vsx_matches, camera_statistics : DataFrame or None
        Rows of these stars; None: there is no survey.
    """

    lightcurves: LightCurves
    failures: pd.DataFrame
    vsx_matches: pd.DataFrame | None
    camera_statistics: pd.DataFrame | None


class CurveSource(Protocol):
    """Where light curves of known objects come from."""

    @property
    def stars(self) -> pd.DataFrame:
        """``asas_sn_id, mag_bin, ra_deg, dec_deg`` (and ``lc_exists``) of every star there is."""

    def read(self, asas_sn_ids: Iterable[int]) -> StarCurves:
        """Read those of some stars."""


class FolderCurves:
    """Light curves of a folder's ``.csv`` (Sky Patrol) and ``.dat2`` files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _all(self) -> LightCurves:
        paths = sorted(path for pattern in _PATTERNS for path in self._folder.glob(pattern))
        if not paths:
            raise DatasetError(f"{self._folder} holds no {' or '.join(_PATTERNS)}")
        found = read_lightcurves(paths)
        ids = found.stars["asas_sn_id"]
        if nameless := int(ids.isna().sum()):
            logger.warning("%s: %d light curves do not say whose they are", self._folder, nameless)
        twice = ids[ids.duplicated() & ids.notna()]
        if len(twice):
            raise DatasetError(
                f"{self._folder} holds star {twice.iloc[0]} twice: remove one of its files"
            )
        return found

    @property
    def stars(self) -> pd.DataFrame:
        ids = pd.concat([self._all.stars["asas_sn_id"], self._all.failures["asas_sn_id"]]).dropna()
        table = pd.DataFrame({"asas_sn_id": ids.astype("int64").drop_duplicates().to_numpy()})
        return table.assign(mag_bin="", ra_deg=np.nan, dec_deg=np.nan)

    def read(self, asas_sn_ids: Iterable[int]) -> StarCurves:
        wanted = set(asas_sn_ids)
        own = self._all.stars["asas_sn_id"].isin(wanted).to_numpy(bool)
        failures = self._all.failures
        failures = failures[failures["asas_sn_id"].isin(wanted).to_numpy(bool)].reset_index(drop=True)
        return StarCurves(self._all.take(np.flatnonzero(own)), failures, None, None)


class PackedCurves:
    """Light curves that a survey's run has packed."""

    def __init__(self, packed: PartitionedTables, tables: dict[str, StreamedTable]) -> None:
        self._packed, self._tables = packed, tables

    @cached_property
    def stars(self) -> pd.DataFrame:
        columns = ["asas_sn_id", "mag_bin", "ra_deg", "dec_deg", "lc_exists", "partition"]
        for table in self._tables.values():
            table.check()
        return self._tables["manifest"].load()[columns]

    def read(self, asas_sn_ids: Iterable[int]) -> StarCurves:
        wanted = sorted(set(asas_sn_ids))
        rows = self.stars[self.stars["asas_sn_id"].isin(wanted)]
        partitions = self._packed.load()
        batches, failures = [], []
        for key in rows["partition"].dropna().unique():
            table = partitions["lightcurves"][key]()
            own = table.filter(pc.is_in(table["asas_sn_id"], value_set=_as_set(wanted, table)))
            batches.append(LightCurves.from_table(own.replace_schema_metadata(table.schema.metadata)))
            failures.append(partitions["failures"][key]().to_pandas())
        failed = pd.concat(failures, ignore_index=True) if failures else no_failures()
        failed = failed.astype({"asas_sn_id": "Int64"})
        vsx, cameras = (
            table[table["asas_sn_id"].isin(wanted)].reset_index(drop=True)
            for table in (self._tables[name].load() for name in ("vsx_matches", "camera_statistics"))
        )
        failed = failed[failed["asas_sn_id"].isin(wanted).to_numpy(bool)].reset_index(drop=True)
        return StarCurves(concatenate(batches), failed, vsx, cameras)


def _as_set(ids: list[int], table: Any) -> Any:
    import pyarrow as pa

    return pa.array(ids, type=table.schema.field("asas_sn_id").type)


class KnownLightCurves(AbstractDataset[Any, CurveSource]):
    """Light curves of known objects: of ``folder``, or, where that is null, the packed ones.

    Nothing is read before it is asked for.

    YAML
    ----
    ::

        known_lightcurves:
          type: malca.datasets.known_lightcurves.KnownLightCurves
          folder: null
          packed: data/02_intermediate/13_13.5

    Python
    ------
    >>> KnownLightCurves(folder="skypatrol2", packed="unused").load().stars  # doctest: +SKIP

    Parameters
    ----------
    folder : str or None
        Folder of light-curve files.
    packed : str
        Folder of a bin with ``lightcurves`` and the tables ``manifest``, ``vsx_matches`` and
        ``camera_statistics``.
    metadata : dict, optional
        For plugins.
    """

    def __init__(
        self, *, folder: str | None, packed: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._folder = Path(folder) if folder else None
        self._bin = Path(packed)
        self.metadata = metadata

    def load(self) -> CurveSource:
        if self._folder is not None:
            return FolderCurves(self._folder)
        make: Callable[[str], StreamedTable] = lambda name: StreamedTable(  # noqa: E731
            filepath=str(self._bin / f"{name}.parquet")
        )
        return PackedCurves(
            PartitionedTables(path=str(self._bin / "lightcurves"), tables=["failures", "lightcurves"]),
            {name: make(name) for name in ("manifest", "vsx_matches", "camera_statistics")},
        )

    def check(self) -> None:
        """Refuse, before work starts, a folder that is not there."""
        if self._folder is not None and not self._folder.is_dir():
            raise DatasetError(
                f"there is no folder {self._folder}: set known_lightcurves, or null for the survey's"
            )

    def save(self, data: Any) -> None:
        raise DatasetError("light curves of known objects are read-only")

    def _exists(self) -> bool:
        return (self._folder or self._bin).is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder or self._bin)}
