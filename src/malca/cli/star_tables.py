"""Tables of stars of one's own: whatever the format, with our names, degrees and whole ids."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from malca.cli.project import Refusal

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: What a table calls a position, a motion or an id, besides our names; in small letters.
_ALIASES = {
    "asas_sn_id": ("asassn_id", "asas-sn_id"),
    "ra_deg": ("ra", "raj2000", "ra_icrs", "_ra", "raj2016"),
    "dec_deg": ("dec", "de", "dej2000", "de_icrs", "_de", "dej2016"),
    "pm_ra_masyr": ("pmra", "pm_ra", "pmra_masyr"),
    "pm_dec_masyr": ("pmdec", "pmde", "pm_dec", "pmdec_masyr"),
    "gaia_dr3_id": ("gaia_dr3_source_id", "gaiadr3", "gaia_dr3", "dr3_source_id", "gaia_edr3_id"),
    "gaia_dr2_id": ("gaia_dr2_source_id", "gaiadr2", "gaia_dr2", "dr2_source_id"),
    "gaia_id": ("source_id", "gaia_source_id", "gaia", "source"),
}
_IDS = ("asas_sn_id", "gaia_id", "gaia_dr2_id", "gaia_dr3_id")
#: Units that numbers are taken to be in, and the largest ones they may have.
_UNITS = {"ra_deg": "deg", "dec_deg": "deg", "pm_ra_masyr": "mas/yr", "pm_dec_masyr": "mas/yr"}
_RANGES = {"ra_deg": (0.0, 360.0), "dec_deg": (-90.0, 90.0)}
_DESIGNATION = re.compile(r"\s*Gaia\s+E?DR\d\s+(\d{1,19})\s*", re.IGNORECASE)

#: Digits of a float: what pandas writes for ids once one of them is missing.
_FLOAT = r"\d+(?:\.\d*|(?:\.\d+)?[eE]\+?\d+)"


class StarTable(NamedTuple):
    """Stars as the pipelines take them.

    Attributes
    ----------
    stars : DataFrame
        ``asas_sn_id, ra_deg, dec_deg`` and all else the table has. Without ids of ASAS-SN, rows are
        numbered from -1 down: no such id exists, so that none is taken for another star's.
    units : dict of str to str
        Units that the file states for its columns, as astropy writes them.
    """

    stars: pd.DataFrame
    units: dict[str, str]


def read_stars(path: Path, gaia_release: str | None = None) -> StarTable:
    """Read a table of stars, whatever its format, with our names for positions and ids.

    Parameters
    ----------
    path : Path
    gaia_release : str, optional
        Release of a column ``gaia_id`` or ``source_id``, where the table does not say it.

    Raises
    ------
    Refusal
        It cannot be read, has no rows or no positions, or ids that are floats or occur twice.
    """
    import pandas as pd
    import pyarrow as pa
    from kedro.io import DatasetError

    from malca.datasets.table_sources import open_source

    try:
        source = open_source(path)
        batches = list(source.read(source.schema.names))
    except DatasetError as error:
        raise Refusal(str(error)) from None
    arrow = pa.Table.from_batches(batches) if batches else source.schema.empty_table()
    stars = arrow.to_pandas(
        types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get
    )
    names = _our_names(list(stars))
    stars = stars.rename(columns=names)
    units = {names.get(name, name): unit for name, unit in _units(source.schema).items()}
    if not len(stars):
        raise Refusal(f"{path} holds no stars")
    missing = [name for name in ("ra_deg", "dec_deg") if name not in stars]
    if missing:
        raise Refusal(f"{path} has no {' and no '.join(missing)}: there are {', '.join(stars)}")
    for name, unit in _UNITS.items():
        if name in stars:
            stars[name] = _numbers(path, stars[name], units.pop(name, unit), unit)
    _check_ids(path, stars)
    _settle_gaia(path, stars, gaia_release)
    return StarTable(stars.astype({"asas_sn_id": "int64"}), units)


def _our_names(columns: list[str]) -> dict[str, str]:
    lower = {name.lower(): name for name in reversed(columns)}
    names: dict[str, str] = {}
    for ours, others in _ALIASES.items():
        found = next((lower[other] for other in (ours, *others) if other in lower), None)
        if ours not in columns and found is not None and found not in names:
            names[found] = ours
    return names


def _units(schema: pa.Schema) -> dict[str, str]:
    """Units that a file states, those that astropy knows."""
    import astropy.units as u

    from malca.datasets.table_units import unit_in_words

    units = {}
    for field in schema:
        unit = unit_in_words((field.metadata or {}).get(b"unit", b"").decode())
        try:
            u.Unit(unit)
        except ValueError:
            continue
        if unit:
            units[field.name] = unit
    return units


def _numbers(path: Path, values: pd.Series, unit: str, wanted: str) -> pd.Series:
    """Numbers in our unit, NaN where there is none, within their range."""
    import astropy.units as u
    import pandas as pd

    name = str(values.name)
    try:
        numbers = pd.to_numeric(values).astype("float64")
    except (TypeError, ValueError):
        first = next(str(one) for one in values.dropna() if not _is_number(one))
        raise Refusal(f"{path}: {name} is to be numbers in {wanted}, not '{first}'") from None
    try:
        numbers = numbers * u.Unit(unit).to(wanted)
    except u.UnitConversionError:
        raise Refusal(f"{path}: {name} is in {unit}, which is not {wanted}") from None
    low, high = _RANGES.get(name, (float("-inf"), float("inf")))
    outside = numbers[(numbers < low) | (numbers > high)]
    if len(outside):
        raise Refusal(
            f"{path}: {name} is {outside.iloc[0]:g} in row {int(outside.index[0]) + 1}, "
            f"and lies between {low:g} and {high:g}"
        )
    return numbers


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _check_ids(path: Path, stars: pd.DataFrame) -> None:
    """Make ids whole numbers, and give stars without ids of ASAS-SN numbers that are none of its."""
    import pandas as pd

    from malca.catalogs import integer_ids

    for name in _IDS:
        if name not in stars:
            continue
        values = stars[name]
        if name.startswith("gaia") and values.dtype.kind not in "iuf":
            values = values.astype("string").str.replace(_DESIGNATION, r"\1", regex=True)
            values = values.replace("", None).rename(name)
            if values.str.fullmatch(_FLOAT).any():
                values = pd.to_numeric(values, errors="coerce").astype("float64")
        try:
            ids, there = integer_ids(values)
        except (TypeError, ValueError) as error:
            raise Refusal(f"{path}: {error}") from None
        stars[name] = ids.astype("Int64").where(there)
    if "asas_sn_id" not in stars:
        stars.insert(0, "asas_sn_id", range(-1, -len(stars) - 1, -1))
    ids = stars["asas_sn_id"]
    if ids.isna().any():
        row = int(ids.isna().to_numpy().argmax()) + 1
        raise Refusal(f"{path}: the star of row {row} has no asas_sn_id: give it one, or leave all out")
    if ids.duplicated().any():
        twice = ids[ids.duplicated()].iloc[0]
        raise Refusal(f"{path}: asas_sn_id {twice} occurs twice: every star needs one of its own")


def _settle_gaia(path: Path, stars: pd.DataFrame, gaia_release: str | None) -> None:
    """Say of which release each Gaia id is; one of an unknown release is looked up by nobody."""
    import pandas as pd

    if "gaia_dr2_id" in stars and "gaia_id" not in stars:
        stars["gaia_id"] = stars["gaia_dr2_id"]
        dr2 = pd.Series("DR2", index=stars.index)
        stars["gaia_release"] = dr2.where(stars["gaia_id"].notna(), None)
    if "gaia_id" in stars and "gaia_release" not in stars and gaia_release is not None:
        stars["gaia_release"] = pd.Series(gaia_release, index=stars.index, dtype="str")
    elif gaia_release is not None and "gaia_id" not in stars:
        raise Refusal(f"{path} has no gaia_id or source_id that --gaia-release could be of")
