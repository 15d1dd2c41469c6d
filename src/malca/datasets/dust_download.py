"""Fetch the map of dust of Wang+ (2025), where that is asked for."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import requests
from kedro.io import DatasetError

from malca.datasets.atomic import remove_abandoned, replacing
from malca.datasets.fits_tables import MappedTable
from malca.datasets.locks import Lock, LockedError

logger = logging.getLogger(__name__)

#: As in dustmaps3d 2.2.13: GitHub, and the Chinese National Astronomical Data Center.
URLS = (
    "https://github.com/Grapeknight/dustmaps3d/releases/download/v3/data_v3.fits.gz",
    "https://nadc.china-vo.org/res/file_upload/download?id=51939",
)
_TIMEOUT_SECONDS = 60
_CHUNK_BYTES = 1 << 20
_LOG_BYTES = 50 << 20
_TURN_SECONDS = 1.0


def fetch_map(urls: Sequence[str], path: Path) -> None:
    """Fetch a gzipped FITS table and unpack it, whole or not at all; wait for another that does.

    Raises
    ------
    DatasetError
        No address gave it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while not path.is_file():
        try:
            with Lock(path.with_name(f"{path.name}.lock"), str(path)):
                if not path.is_file():
                    remove_abandoned(path)
                    _fetch(urls, path)
        except LockedError as error:
            logger.info("%s", error)
            time.sleep(_TURN_SECONDS)


def _fetch(urls: Sequence[str], path: Path) -> None:
    failures = []
    for url in urls:
        logger.info("fetching the dust map from %s (400 MB)", url)
        try:
            with replacing(path) as partial:
                _unpack(url, partial)
                MappedTable(partial)
            return
        except (requests.RequestException, OSError, ValueError, zlib.error) as error:
            logger.warning("%s gave no dust map: %s", url, error)
            failures.append(f"{url}: {error}")
    raise DatasetError(f"the dust map could not be fetched ({'; '.join(failures)})")


def _unpack(url: str, path: Path) -> None:
    unpacker = zlib.decompressobj(wbits=31)
    n_bytes = told = 0
    headers = {"Accept-Encoding": "identity"}  # the file itself is what is packed
    with (
        requests.get(url, stream=True, timeout=_TIMEOUT_SECONDS, headers=headers) as answer,
        path.open("wb") as file,
    ):
        answer.raise_for_status()
        for chunk in answer.iter_content(_CHUNK_BYTES):
            file.write(unpacker.decompress(chunk))
            n_bytes += len(chunk)
            if n_bytes - told >= _LOG_BYTES:
                told = n_bytes
                logger.info("dust map: %d MB", n_bytes >> 20)
        file.write(unpacker.flush())
    if not unpacker.eof:
        raise ValueError("it ends before its end")
