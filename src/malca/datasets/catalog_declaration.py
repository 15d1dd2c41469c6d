"""How a local catalogue is declared: its file's columns, units, ids, epoch and coverage."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import astropy.units as u
import numpy as np
import pyarrow as pa
from astropy.coordinates import SkyCoord
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from malca.catalogs import MATCH_DTYPES, normalise_gaia_release

#: Unit a column of ours is in, by the end of its name; dimensionless if none fits.
UNIT_OF_SUFFIX = {
    "_masyr": "mas/yr", "_days": "d", "_arcsec": "arcsec", "_mas": "mas", "_deg": "deg", "_mag": "mag",
    "_kpc": "kpc", "_pc": "pc", "_kms": "km/s", "_k": "K", "_msun": "Msun", "_rsun": "Rsun",
    "jd": "d",
}  # fmt: skip
DTYPES = {"number": "float64", "integer": "Int64", "text": "str", "flag": "boolean"}
QUALITY = "quality"


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def own_unit(name: str) -> str:
    """Tell the unit that a column of ours has by its name."""
    return next((unit for suffix, unit in UNIT_OF_SUFFIX.items() if name.endswith(suffix)), "")


class Column(_Declared):
    """A column of the file, and what it holds."""

    column: str = Field(min_length=1, description="Its name in the file.")
    type: Literal["number", "integer", "text", "flag"] = "number"
    unit: str | None = Field(
        None,
        description="Unit in the file, as astropy writes it; none: that of our column's name. "
        "A frequency (1/d) may stand for a period.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    def file_unit(self, name: str) -> u.UnitBase:
        """Tell the unit in the file, where our column is called ``name``."""
        return u.Unit(own_unit(name) if self.unit is None else self.unit)

    def to_own_unit(self, name: str, values: np.ndarray) -> np.ndarray:
        """Values of the file in the unit of our column ``name``; a frequency becomes a period."""
        given, wanted = self.file_unit(name), u.Unit(own_unit(name))
        if given == wanted:
            return values
        if given.is_equivalent(wanted):
            return values * given.to(wanted)
        with np.errstate(divide="ignore"):
            return (given**-1).to(wanted) / values

    def check_unit(self, name: str) -> None:
        """Refuse a unit that is none, or does not fit the name of our column.

        Raises
        ------
        ValueError
        """
        wanted = u.Unit(own_unit(name))
        given = self.file_unit(name)  # raises ValueError for what is no unit
        reciprocal = given.is_equivalent(wanted**-1) and wanted.physical_type == "time"
        if not (given.is_equivalent(wanted) or reciprocal):
            raise ValueError(f"{name}: unit '{given}' cannot be turned into '{wanted}'")


class Region(_Declared):
    """A part of the sky between two right ascensions or Galactic longitudes and two latitudes.

    Ranges of longitude run eastwards and may cross zero: [350, 10] is 20 degrees wide.
    """

    ra_deg: tuple[float, float] | None = None
    dec_deg: tuple[float, float] | None = None
    l_deg: tuple[float, float] | None = None
    b_deg: tuple[float, float] | None = None
    name: str = ""

    def covers(self, ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
        """Whether finite ICRS positions lie in it, shape (n,) bool."""
        inside = np.ones(len(ra_deg), bool)
        inside &= _between(ra_deg, self.ra_deg, wraps=True) & _between(dec_deg, self.dec_deg)
        if self.l_deg is not None or self.b_deg is not None:
            galactic = SkyCoord(ra_deg * u.deg, dec_deg * u.deg).galactic
            inside &= _between(galactic.l.deg, self.l_deg, wraps=True)
            inside &= _between(galactic.b.deg, self.b_deg)
        return inside


def _between(
    values: np.ndarray, limits: tuple[float, float] | None, *, wraps: bool = False
) -> np.ndarray:
    if limits is None:
        return np.ones(len(values), bool)
    low, high = limits
    if wraps and high - low < 360.0:
        return np.asarray((values - low) % 360.0 <= (high - low) % 360.0)
    return np.asarray((values >= low) & (values <= high))


class Coverage(_Declared):
    """Where the catalogue would list a star; what is not said covers the sky."""

    min_dec_deg: float = Field(-90.0, ge=-90, le=90)
    max_dec_deg: float = Field(90.0, ge=-90, le=90)
    regions: tuple[Region, ...] = Field((), description="Any of these; none: everywhere.")

    def covers(self, ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
        """Whether ICRS positions are covered, shape (n,) bool; one that is not finite is not."""
        inside = np.isfinite(ra_deg) & np.isfinite(dec_deg)
        inside &= (dec_deg >= self.min_dec_deg) & (dec_deg <= self.max_dec_deg)
        if self.regions:
            there = np.flatnonzero(inside)
            parts = [region.covers(ra_deg[there], dec_deg[there]) for region in self.regions]
            inside[there] = np.any(parts, axis=0)
        return inside


class Position(_Declared):
    """Columns of the ICRS position."""

    ra_deg: Column
    dec_deg: Column


class ProperMotion(_Declared):
    """Columns of the entries' proper motion, in right ascension times cos(dec)."""

    pm_ra_masyr: Column
    pm_dec_masyr: Column


class Ids(_Declared):
    """Columns of ids, by which entries are matched before the sky is asked."""

    gaia_id: dict[str, str] = Field(
        default_factory=dict, description="Column of Gaia source ids, by the release they are of."
    )
    asas_sn_id: str | None = None

    @field_validator("gaia_id")
    @classmethod
    def _releases(cls, columns: dict[str, str]) -> dict[str, str]:
        named = {normalise_gaia_release(release): column for release, column in columns.items()}
        if len(named) < len(columns) or "" in named:
            raise ValueError("gaia_id: each release once, by its name, as {DR3: source_id}")
        return named

    def columns(self) -> dict[str, str]:
        """File's columns of ids, by what they are."""
        named = {f"gaia_id of {release}": column for release, column in self.gaia_id.items()}
        return {**named, **({"asas_sn_id": self.asas_sn_id} if self.asas_sn_id else {})}


class Declaration(_Declared):
    """A local catalogue as YAML declares it; see ``LocalCatalog``."""

    filepath: Path
    columns: dict[str, Column]
    position: Position
    epoch_yr: float = Field(ge=1850, le=2150)
    id_columns: Ids = Ids()
    target_epoch_yr: float = Field(2016.0, ge=1850, le=2150)
    radius_arcsec: float = Field(3.0, gt=0, le=3600)
    id_max_sep_arcsec: float = Field(10.0, gt=0)
    ids_must_agree: bool = False
    many_per_id: bool = False
    proper_motion: ProperMotion | None = None
    coverage: Coverage = Coverage()
    quality: Column | None = None
    required: tuple[str, ...] = ()
    optional: bool = False
    indexed: bool | None = None
    index_folder: Path | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Declaration:
        taken = sorted({*MATCH_DTYPES, QUALITY} & set(self.columns))
        if taken:
            raise ValueError(f"columns may not be called {', '.join(taken)}: every match has these")
        missing = sorted(set(self.required) - set(self.columns))
        if missing:
            raise ValueError(f"required: {', '.join(missing)} is not among the columns")
        for name, column in {**self.values(), **self.sky(), **self.motion()}.items():
            if column.type == "number":
                column.check_unit(name)
        return self

    def values(self) -> dict[str, Column]:
        """Columns of a match besides those that every catalogue's has."""
        return {**self.columns, **({QUALITY: self.quality} if self.quality else {})}

    def sky(self) -> dict[str, Column]:
        """Columns of the position."""
        return {"ra_deg": self.position.ra_deg, "dec_deg": self.position.dec_deg}

    def motion(self) -> dict[str, Column]:
        """Columns of the entries' proper motion; none where it is not declared."""
        moved = self.proper_motion
        return (
            {}
            if moved is None
            else {"pm_ra_masyr": moved.pm_ra_masyr, "pm_dec_masyr": moved.pm_dec_masyr}
        )

    def types(self) -> dict[str, pa.DataType]:
        """Arrow types of the file's columns, for formats that do not say them; ids are int64."""
        kinds = {"number": pa.float64(), "integer": pa.int64(), "text": pa.string(), "flag": pa.bool_()}
        columns = [*self.sky().values(), *self.motion().values(), *self.values().values()]
        types = {column.column: kinds[column.type] for column in columns}
        return types | dict.fromkeys(self.id_columns.columns().values(), pa.int64())
