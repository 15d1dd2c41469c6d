"""How much dust there is up to a star: three-dimensional maps of reddening.

The map of Wang+ (2025, doi:10.12149/101620) comes with the package ``dustmaps3d``, whose formulas
are used and whose loading is not: it reads the whole file twice a call, gives its answers in the
order of pixels and not of stars, downloads without being asked, and removes files that it does not
know. Maps of the package ``dustmaps`` (Green 2018, JOSS 3, 695) can take its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any, Protocol

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix
from kedro.io import AbstractDataset, DatasetError

from malca.catalogs import MATCHED, NOT_COVERED, UNKNOWN
from malca.datasets.dust_download import URLS, fetch_map
from malca.datasets.fits_tables import MappedTable

logger = logging.getLogger(__name__)

FILE = "data_v3.fits"
_NSIDE = 1024
_COLUMNS = (
    "b_lim", "bubble", "diffuse_dust_rho", "h",
    *(f"{name}_{k}" for name in ("distance", "span", "Cum_EBV") for k in range(1, 5)),
    "sigma", "sigma_0_2", "sigma_1_4", "sigma_2_max", "max_distance",
)  # fmt: skip
_NO_MAP, _NO_POSITION, _NO_DISTANCE = "no dust map", "no position", "no distance"
_OUTSIDE, _CUT = "outside the dust map", "the file of the dust map ends before this part of the sky"
_MATCHED_NUMBERS = ("ebv_mag", "ebv_error_mag", "density_mag_per_kpc", "max_distance_pc")


class _Reddening(Protocol):
    """A map that is asked for finite positions at finite distances only."""

    fingerprint: str

    def reddening(
        self, l_deg: np.ndarray, b_deg: np.ndarray, distance_pc: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Numbers by their columns, and the reason where there are none, shape (n,) each."""


class DustMap:
    """A map that is asked for many stars at once; what ``DustMap3D`` loads.

    Attributes
    ----------
    fingerprint : str
        Text that changes when the same stars could be answered differently.
    """

    def __init__(self, reddening: _Reddening | None) -> None:
        self._map = reddening
        self.fingerprint = "" if reddening is None else reddening.fingerprint

    def query(self, l_deg: np.ndarray, b_deg: np.ndarray, distance_pc: np.ndarray) -> pd.DataFrame:
        """Reddening between us and each star.

        Parameters
        ----------
        l_deg, b_deg : (n,) arrays
            Galactic coordinates, degrees.
        distance_pc : (n,) array
            Parsec.

        Returns
        -------
        DataFrame, (n,)
            ``ebv_mag``, E(B-V) up to the star, and ``ebv_error_mag``; ``density_mag_per_kpc``, of
            E(B-V) where the star is; ``max_distance_pc`` up to which the map is based on data;
            ``beyond_map``, whether the star is further than that, so that the map is extrapolated;
            ``outcome`` and ``reason``. NaN where the outcome is not "matched".
        """
        l_deg, b_deg, distance_pc = (np.asarray(x, float) for x in (l_deg, b_deg, distance_pc))
        if not len(l_deg) == len(b_deg) == len(distance_pc):
            raise ValueError("l_deg, b_deg and distance_pc differ in length")
        placed = np.isfinite(l_deg) & np.isfinite(b_deg)
        reason = np.where(placed, "", _NO_POSITION).astype(object)
        reason[placed & ~(np.isfinite(distance_pc) & (distance_pc > 0))] = _NO_DISTANCE
        if self._map is None:
            reason[:] = _NO_MAP
        asked = np.flatnonzero(reason == "")
        table = pd.DataFrame({name: np.full(len(l_deg), np.nan) for name in _MATCHED_NUMBERS})
        if self._map is not None and len(asked):
            numbers, told = self._map.reddening(l_deg[asked], b_deg[asked], distance_pc[asked])
            told = np.where((told == "") & ~np.isfinite(numbers["ebv_mag"]), _OUTSIDE, told)
            reason[asked] = told
            for name, values in numbers.items():
                table.loc[asked, name] = np.where(told == "", values, np.nan)
        known = reason == ""
        limit = table["max_distance_pc"].to_numpy()
        table["beyond_map"] = pd.array(distance_pc > limit, dtype="boolean")
        table.loc[np.isnan(limit), "beyond_map"] = pd.NA
        outcome = np.where(known, MATCHED, np.where(reason == _OUTSIDE, NOT_COVERED, UNKNOWN))
        table["outcome"] = pd.Series(outcome, dtype="str")
        table["reason"] = pd.Series(reason, dtype="str")
        if len(table):
            counts = table["outcome"].value_counts()
            logger.info("dust map: %s", ", ".join(f"{n} {name}" for name, n in counts.items()))
        return table


class _Wang2025:
    """The file of ``dustmaps3d``, of which only the pixels with stars are read."""

    def __init__(self, path: Path) -> None:
        self._table = MappedTable(path)
        self._healpix = HEALPix(nside=_NSIDE, order="ring")
        missing = [name for name in _COLUMNS if name not in self._table.names]
        if missing:
            raise ValueError(f"it has no column {', '.join(missing)}")
        self.fingerprint = _sampled_digest(path)

    @property
    def is_whole(self) -> bool:
        return self._table.n_rows >= self._healpix.npix

    def reddening(
        self, l_deg: np.ndarray, b_deg: np.ndarray, distance_pc: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        from dustmaps3d.core import read_map

        pixel = self._healpix.lonlat_to_healpix(l_deg * u.deg, b_deg * u.deg)
        there = np.flatnonzero(pixel < self._table.n_rows)
        reason = np.full(len(l_deg), _CUT, object)
        reason[there] = ""
        numbers = {name: np.full(len(l_deg), np.nan) for name in _MATCHED_NUMBERS}
        rows = pd.DataFrame(self._table.rows(_COLUMNS, pixel[there]))
        rows["distance"] = distance_pc[there] / 1000
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of pixels without data
            found = read_map(rows)
        # positions and not the index of what comes back say which star it is of
        ebv, density, sigma, limit = (np.asarray(values, float) for values in found)
        numbers["ebv_mag"][there], numbers["ebv_error_mag"][there] = ebv, sigma
        numbers["density_mag_per_kpc"][there] = density
        numbers["max_distance_pc"][there] = 1000 * limit
        return numbers, reason


class _Dustmaps:
    """A map of the package ``dustmaps``."""

    def __init__(
        self, query: str, options: dict[str, Any], call: dict[str, Any], ebv_per_unit: float
    ) -> None:
        module, _, name = query.rpartition(".")
        with contextlib.redirect_stdout(io.StringIO()):
            self._query = getattr(importlib.import_module(module), name)(**options)
        self._call, self._ebv_per_unit = call, ebv_per_unit
        words = repr((query, sorted(options.items()), sorted(call.items()), ebv_per_unit))
        self.fingerprint = hashlib.sha256(words.encode()).hexdigest()

    def reddening(
        self, l_deg: np.ndarray, b_deg: np.ndarray, distance_pc: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        places = SkyCoord(
            l=l_deg * u.deg, b=b_deg * u.deg, distance=distance_pc * u.pc, frame="galactic"
        )
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            found = self._ebv_per_unit * np.asarray(self._query(places, **self._call), float)
        numbers = {name: np.full(len(l_deg), np.nan) for name in _MATCHED_NUMBERS}
        if found.ndim == 2:  # percentiles 16, 50, 84
            numbers["ebv_error_mag"] = (found[:, 2] - found[:, 0]) / 2
            found = found[:, 1]
        numbers["ebv_mag"] = found
        return numbers, np.full(len(l_deg), "", object)


class DustMap3D(AbstractDataset[None, DustMap]):
    """A three-dimensional map of the reddening by dust; loads as an object with ``query``.

    Parameters
    ----------
    folder : str, optional
        Where ``data_v3.fits`` is; by default where the package dustmaps3d puts it.
    optional : bool
        Whether the map may be missing; every star is "unknown" then, and a warning says so.
    download : bool
        Whether to fetch the map, 400 MB, where it is missing.
    offline : bool
        Forbids that.
    urls : list of str, optional
        Where to fetch it from, in order.
    query : str, optional
        A map of the package dustmaps instead, as "dustmaps.bayestar.BayestarQuery".
    options, call : dict, optional
        What this is made and asked with, as ``{mode: percentile, pct: [16, 50, 84]}``.
    ebv_per_unit : float
        E(B-V) of a unit of this map; papers of maps have it, and it is not 1 for all.
    metadata : dict, optional
        For plugins.

    YAML
    ----
    ::

        dust_map:
          type: malca.datasets.dust.DustMap3D
          folder: data/01_raw/catalogs
          optional: true

    Python
    ------
    >>> DustMap3D(folder="maps").load().query([10.0], [5.0], [800.0])  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        folder: str | None = None,
        optional: bool = False,
        download: bool = False,
        offline: bool = False,
        urls: list[str] | None = None,
        query: str | None = None,
        options: dict[str, Any] | None = None,
        call: dict[str, Any] | None = None,
        ebv_per_unit: float = 1.0,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if query is not None and (not query.startswith("dustmaps.") or "Web" in query):
            raise ValueError(f"query: '{query}' is no class of dustmaps that reads a file")
        self._folder = Path(folder) if folder else None
        self._optional, self._download = optional, download and not offline
        self._urls = tuple(urls or URLS)
        self._query = query
        self._options, self._call = dict(options or {}), dict(call or {})
        self._ebv_per_unit = ebv_per_unit
        self.metadata = metadata

    @property
    def path(self) -> Path:
        """File of the map of Wang+ 2025."""
        if self._folder is not None:
            return self._folder / FILE
        from platformdirs import user_data_dir

        return Path(user_data_dir("dustmaps3d")) / FILE

    def check(self) -> None:
        """Refuse, before work starts, a map that is missing or damaged.

        Raises
        ------
        DatasetError
            In one sentence where to get it and where to put it.
        """
        self._open()

    def load(self) -> DustMap:
        return DustMap(self._open())

    def _open(self) -> _Reddening | None:
        if self._query is not None:
            return self._open_other(self._query)
        path = self.path
        if not path.is_file() and self._download:
            fetch_map(self._urls, path)
        if not path.is_file():
            packed = path.with_name(f"{FILE}.gz")
            told = (
                f"there is no dust map: unpack {packed} with gunzip"
                if packed.is_file()
                else f"there is no dust map: fetch {self._urls[0]} (400 MB), unpack it with gunzip and "
                f"put it at {path}, or set download: true"
            )
            self._go_without(told)
            return None
        try:
            found = _Wang2025(path)
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"{path} is no dust map ({error}): remove it, fetch {self._urls[0]} (400 MB), unpack "
                "it with gunzip and put it there"
            ) from None
        if not found.is_whole:
            logger.warning("%s is a part of a dust map: stars elsewhere are unknown to it", path)
        return found

    def _open_other(self, query: str) -> _Reddening | None:
        module = query.rpartition(".")[0]
        try:
            return _Dustmaps(query, self._options, self._call, self._ebv_per_unit)
        except ModuleNotFoundError:
            self._go_without(f"there is no {module}: install the package dustmaps")
        except OSError as error:
            self._go_without(
                f"there is no dust map for {query} ({error}): fetch it once with {module}.fetch()"
            )
        return None

    def _go_without(self, told: str) -> None:
        if not self._optional:
            raise DatasetError(f"{told}; or declare it optional")
        logger.warning("%s; the reddening of every star is unknown", told)

    def save(self, data: None) -> None:
        raise DatasetError("maps are read only")

    def _exists(self) -> bool:
        return self._query is not None or self.path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"query": self._query} if self._query else {"filepath": str(self.path)}


def _sampled_digest(path: Path) -> str:
    """Digest of a long file's length and of some parts of it."""
    size = path.stat().st_size
    mark = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for place in np.linspace(0, max(0, size - 65536), 33).astype(int):
            file.seek(int(place))
            mark.update(file.read(65536))
    return mark.hexdigest()
