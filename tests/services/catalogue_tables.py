"""Tables for a TAP server made of what catalogues declare and of their local twins.

A twin has the columns of a whole query, the service the tables that are joined in it. Here the twin is
taken apart again: by the expressions of its columns (``t.j_m``) and by what the tables are joined on.
Numbers that join two tables and are in no twin are made up, as the services' own mean nothing either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from tests.services.served_tables import ServedTable

from malca.datasets.catalog_declaration import Column
from malca.datasets.services.declaration import ServiceDeclaration

_TABLE = r'(?:"[^"]+"|[\w./+-]+)'
_FIRST = re.compile(rf"\s*({_TABLE})(?:\s+(?:AS\s+)?(\w+))?\s*", re.IGNORECASE)
_JOINED = re.compile(
    rf"\s*(?:INNER\s+|LEFT\s+OUTER\s+)?JOIN\s+({_TABLE})(?:\s+(?:AS\s+)?(?!ON\b|USING\b)(\w+))?"
    r"\s+(?:ON\s+\(?(.*?)\)?|USING\s*\((\w+)\))\s*(?=$|(?:INNER|LEFT|JOIN)\b)",
    re.IGNORECASE | re.DOTALL,
)
_EQUAL = re.compile(r'(\w+)\.("[^"]+"|\w+)\s*=\s*(\w+)\.("[^"]+"|\w+)')
_PLAIN = re.compile(r'(?:(\w+)\.)?("[^"]+"|\w+)')

#: A column of one of the joined tables: alias of the table, name.
Place = tuple[str, str]


@dataclass
class Joined:
    """What stands after FROM: tables by alias, and columns that are equal."""

    tables: dict[str, str]
    equal: list[tuple[Place, Place]]

    @classmethod
    def of(cls, text: str) -> Joined:
        first = _FIRST.match(text)
        if first is None:
            raise ValueError(f"no table: {text}")
        tables = {first[2] or first[1]: first[1]}
        equal: list[tuple[Place, Place]] = []
        at = first.end()
        if (first[2] or "").upper() in ("JOIN", "LEFT", "INNER"):
            tables, at = {first[1]: first[1]}, first.end(1)
        while at < len(text):
            join = _JOINED.match(text, at)
            if join is None:
                raise ValueError(f"not understood: {text[at:]}")
            alias = join[2] or join[1]
            if join[4]:
                equal.append(((next(iter(tables)), join[4]), (alias, join[4])))
            else:
                found = _EQUAL.findall(join[3])
                if not found:
                    raise ValueError(f"no equal columns: {join[3]}")
                equal += [((a, _bare(b)), (c, _bare(d))) for a, b, c, d in found]
            tables[alias] = join[1]
            at = join.end()
        return cls(tables, equal)


@dataclass
class _Part:
    """Columns of one table as one twin has them, row by row."""

    columns: dict[str, pd.Series] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    position: tuple[str, str] | None = None


def _bare(name: str) -> str:
    return name.strip('"')


def split_twin(declared: ServiceDeclaration, twin: pd.DataFrame) -> dict[str, _Part]:
    """Parts of the service's tables that a twin holds, by the tables' names.

    Raises
    ------
    ValueError
        A column is given by an expression that cannot be undone.
    """
    joined = Joined.of(declared.table)
    places: dict[Place, str] = {}
    for raw in declared.raw_kinds():
        expression = declared.expression_of(raw)
        found = _PLAIN.fullmatch(expression or f'"{raw}"')
        if found is None:
            raise ValueError(f"{declared.table}: '{expression}' cannot be undone for a table")
        alias = found[1] or next(iter(joined.tables))
        places[alias, _bare(found[2])] = raw
    values = {place: twin[raw] for place, raw in places.items()}
    groups: list[set[Place]] = []
    for one, other in joined.equal:
        touched = [group for group in groups if group & {one, other}]
        groups = [group for group in groups if group not in touched]
        groups.append({one, other}.union(*touched))
    for group in groups:
        known = next((values[place] for place in sorted(group) if place in values), None)
        if known is None:
            known = pd.Series(np.arange(1, len(twin) + 1), index=twin.index)
        values |= dict.fromkeys(group, known)
    ids = set(declared.id_columns.columns().values())
    units = _units(declared)
    sky = [declared.position.ra_deg.column, declared.position.dec_deg.column]
    parts = {name: _Part() for name in joined.tables.values()}
    for (alias, name), column in values.items():
        part = parts[joined.tables[alias]]
        part.columns[name] = column
        raw = places.get((alias, name), "")
        if units.get(raw):
            part.units[name] = units[raw]
        if raw in ids or any((alias, name) in group for group in groups):
            part.keys.add(name)
    at = {raw: place for place, raw in places.items()}
    (alias, ra), (other, dec) = (at[column] for column in sky)
    if alias == other:
        parts[joined.tables[alias]].position = (ra, dec)
    return parts


def _units(declared: ServiceDeclaration) -> dict[str, str]:
    columns: dict[str, Column] = {**declared.sky(), **declared.values()}  # type: ignore[dict-item]
    return {
        column.column: column.file_unit(own).to_string("vounit")
        for own, column in columns.items()
        if column.type == "number"
    }


def served_tables(catalogues: Iterable[ServiceDeclaration]) -> list[ServedTable]:
    """Tables of services of which these catalogues have local twins.

    Parameters
    ----------
    catalogues : iterable of ServiceDeclaration
        Those without a twin are left out.
    """
    found: dict[str, dict[Path, _Part]] = {}
    for declared in catalogues:
        path = declared.filepath
        if path is None or not path.is_file():
            continue
        for name, part in split_twin(declared, pd.read_parquet(path)).items():
            known = found.setdefault(name, {}).setdefault(path, _Part())
            known.columns.update(part.columns)
            known.units.update(part.units)
            known.keys |= part.keys
            known.position = known.position or part.position
    return [_merged(name, list(parts.values())) for name, parts in sorted(found.items())]


def _nullable(values: pd.Series) -> pd.Series:
    """Column that stays what it is where a value is missing."""
    if pd.api.types.is_bool_dtype(values):
        return values.astype("boolean")
    return values.astype("Int64") if pd.api.types.is_integer_dtype(values) else values


def _merged(name: str, parts: list[_Part]) -> ServedTable:
    frames = [pd.DataFrame(part.columns) for part in parts]
    keys = set.intersection(*(part.keys for part in parts))
    # of several columns that join, the one that tells most rows apart
    key = max(sorted(keys), key=lambda column: frames[0][column].nunique(), default=None)
    if key is None and len(frames) > 1:
        raise ValueError(f"{name} is in several twins, and no column tells which rows are the same")
    table = pd.concat([frame.apply(_nullable) for frame in frames], ignore_index=True)
    if key is not None:
        table = table[table[key].notna()]
        if len(frames) > 1:
            table = table.groupby(key, as_index=False, sort=False).first()
    table = table.drop_duplicates(ignore_index=True)
    unique = key is not None and table[key].is_unique
    position = next((part.position for part in parts if part.position), (None, None))
    units = {column: unit for part in parts for column, unit in part.units.items()}
    return ServedTable(name, table, units, position[0], position[1], key if unique else None)
