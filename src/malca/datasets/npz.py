"""Arrays by name in one ``.npz`` file, such as an efficiency cube or a fitted model."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from kedro.io import AbstractVersionedDataset, DatasetError, Version

from malca.datasets.atomic import replacing

#: Name of the array that tells of which parameters the others are.
FINGERPRINT = "fingerprint"
_DAMAGE = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)


def read_npz(path: Path, fingerprint: str | None = None) -> dict[str, np.ndarray]:
    """Read all arrays of a file, each one checked.

    Parameters
    ----------
    path : Path
    fingerprint : str, optional
        Refuse a file whose array ``fingerprint`` is another one.

    Raises
    ------
    DatasetError
        There is no such file, it is damaged or no ``.npz`` file, holds Python objects, or is of other
        parameters.
    """
    if not path.is_file():
        raise DatasetError(f"there is no {path}: run the pipeline that makes it first")
    if not zipfile.is_zipfile(path):
        raise DatasetError(f"{path} is damaged or no .npz file: run the pipeline that makes it again")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _DAMAGE as error:
        raise DatasetError(
            f"{path} is damaged or holds something other than arrays ({error}): run the pipeline that "
            "makes it again"
        ) from error
    if fingerprint is not None and (found := _fingerprint_of(arrays)) != fingerprint:
        raise DatasetError(
            f"{path} is of other parameters: its fingerprint is {found or 'missing'}, not {fingerprint}"
        )
    return arrays


def write_npz(arrays: Mapping[str, Any], path: Path) -> None:
    """Write arrays by name, whole or not at all; the same arrays give the same bytes.

    Raises
    ------
    DatasetError
        A name is no text or something is no array of numbers, truth values or text.
    """
    checked = {}
    for name, value in arrays.items():
        array = np.asarray(value)
        if not isinstance(name, str) or not name or "/" in name:
            raise DatasetError(f"{name!r} cannot name an array in {path}")
        if array.dtype.hasobject:
            raise DatasetError(f"{name} is no array of numbers or text and cannot be written to {path}")
        checked[name] = array
    with replacing(path) as partial, open(partial, "wb") as target:
        np.savez_compressed(target, allow_pickle=False, **checked)


def _fingerprint_of(arrays: Mapping[str, np.ndarray]) -> str:
    return str(arrays[FINGERPRINT]) if FINGERPRINT in arrays else ""


class NpzDataset(AbstractVersionedDataset[Mapping[str, Any], dict[str, np.ndarray]]):
    """A mapping of arrays in one ``.npz`` file, written whole or not at all.

    With ``fingerprint`` both ways are checked: arrays of other parameters are neither saved nor
    loaded. A file that is there stays as it is when saving fails.

    YAML
    ----
    ::

        efficiency_cube:
          type: malca.datasets.npz.NpzDataset
          filepath: data/07_model_output/13_13.5/efficiency_cube.npz
          versioned: true

    Python
    ------
    >>> NpzDataset(filepath="cube.npz").save({"trials": np.zeros((20, 20, 10))})  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        filepath: str,
        fingerprint: str | None = None,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=PurePosixPath(filepath), version=version)
        self._fingerprint = fingerprint
        self.metadata = metadata

    def save(self, data: Mapping[str, Any]) -> None:
        if not isinstance(data, Mapping):
            raise DatasetError(f"arrays by name can be saved, but not {type(data).__name__}")
        if self._fingerprint is not None:
            found = _fingerprint_of(data)
            if found != self._fingerprint:
                raise DatasetError(
                    f"arrays of other parameters are not saved: their fingerprint is "
                    f"{found or 'missing'}, not {self._fingerprint}"
                )
        write_npz(data, Path(self._get_save_path()))

    def load(self) -> dict[str, np.ndarray]:
        return read_npz(Path(self._get_load_path()), self._fingerprint)

    def check(self) -> None:
        """Refuse, before work starts, a file that is not there."""
        if not self._exists():
            raise DatasetError(f"there is no {self._filepath}: run the pipeline that makes it first")

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).is_file()
        except DatasetError:  # no version of it
            return False

    def _describe(self) -> dict[str, Any]:
        return {
            "filepath": str(self._filepath),
            "fingerprint": self._fingerprint,
            "version": self._version,
        }
