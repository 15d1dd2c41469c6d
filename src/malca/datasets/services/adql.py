"""ADQL of look-ups: uploaded stars joined with a table, by id or on the sky."""

from __future__ import annotations

import re
from typing import NamedTuple

from malca.datasets.services.declaration import ServiceDeclaration

#: Names of the uploaded table and of its columns, such as nobody else uses, nor a declaration's joins.
UPLOAD, ALIAS = "targets", "asked"
NUMBER, RA, DEC, ID = "target_no", "target_ra", "target_dec", "target_id"

# Words of ADQL 2.0 (IVOA recommendation of 2008, section 2.1.2) that a column may well be called. DEC
# is left out: every service takes it for the declination, and some only when it is not delimited.
_RESERVED = frozenset({
    "ALL", "AREA", "AVG", "BIT", "BOX", "CENTROID", "CHECK", "CIRCLE", "CLOSE", "COLUMN", "CONNECTION",
    "COUNT", "CURRENT", "DATE", "DAY", "DEFAULT", "DEGREES", "DESCRIPTION", "DISTANCE", "DOMAIN", "END",
    "EXP", "EXTERNAL", "FIRST", "FLOAT", "GLOBAL", "GROUP", "HOUR", "IDENTITY", "IN", "INNER", "INPUT",
    "KEY", "LANGUAGE", "LAST", "LEFT", "LEVEL", "LOCAL", "LOG", "LOG10", "LOWER", "MATCH", "MAX", "MIN",
    "MINUTE", "MOD", "MODULE", "MONTH", "NAMES", "NATIONAL", "NO", "NUMERIC", "ON", "OPEN", "OPTION",
    "OR", "ORDER", "OUTER", "OUTPUT", "PAD", "PARTIAL", "PI", "POINT", "POLYGON", "POSITION", "POWER",
    "PRECISION", "PRIMARY", "PRIOR", "PUBLIC", "REGION", "RELATIVE", "RIGHT", "ROUND", "ROWS", "SCHEMA",
    "SECOND", "SECTION", "SESSION", "SET", "SIZE", "SPACE", "SUM", "SYSTEM", "TABLE", "TIME",
    "TIMESTAMP", "TO", "TOP", "UNIQUE", "UNKNOWN", "UPPER", "USAGE", "USER", "VALUE", "VIEW", "WHEN",
    "WORK", "YEAR", "ZONE",
})  # fmt: skip
_REGULAR = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
#: What joins are written with, and a table's name is not.
_IS_EXPRESSION = re.compile(r'[\s"]')


class Query(NamedTuple):
    """A query, and what its answer's columns are called.

    Attributes
    ----------
    adql : str
    names : dict of str to str
        Name in the answer of each column that is declared. They are made up, as services differ in
        what they make of the case of others, and two columns may differ in nothing else.
    """

    adql: str
    names: dict[str, str]


def quoted(name: str) -> str:
    """Name of a column as ADQL takes it, delimited where it has to be."""
    if _REGULAR.fullmatch(name) and name.upper() not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def table_of(table: str) -> str:
    """Write what stands after FROM for a plain table's name; joins stay as they are."""
    if _IS_EXPRESSION.search(table):
        return table
    return f"{table if _TABLE.fullmatch(table) else quoted(table)} AS c"


def _column(name: str, declared: ServiceDeclaration) -> str:
    expression = declared.expression_of(name)
    if expression is not None:
        return expression
    raw = declared.raw_kinds()
    # only delimited names keep their case
    twins = [other for other in raw if other != name and other.lower() == name.lower()]
    text = f'"{name}"' if twins else quoted(name)
    return text if _IS_EXPRESSION.search(declared.table) else f"c.{text}"


def _select(declared: ServiceDeclaration, condition: str) -> Query:
    names = {raw: f"v_{k}" for k, raw in enumerate(declared.raw_kinds())}
    columns = [f"{ALIAS}.{NUMBER} AS {NUMBER}"]
    columns += [f"{_column(raw, declared)} AS {name}" for raw, name in names.items()]
    # so and not as a join, and with the comparison this way round: IRSA is asked in no other way
    adql = (
        f"SELECT {', '.join(columns)} FROM {table_of(declared.table)}, "
        f"TAP_UPLOAD.{UPLOAD} AS {ALIAS} WHERE {condition}"
    )
    return Query(adql, names)


def by_position(declared: ServiceDeclaration, radius_arcsec: float) -> Query:
    """Entries within a radius of the uploaded positions."""
    sky = declared.sky()
    ra, dec = (_column(sky[name].column, declared) for name in ("ra_deg", "dec_deg"))
    return _select(
        declared,
        f"CONTAINS(POINT('ICRS', {ra}, {dec}), "
        f"CIRCLE('ICRS', {ALIAS}.{RA}, {ALIAS}.{DEC}, {radius_arcsec / 3600:.12f})) = 1",
    )


def by_id(declared: ServiceDeclaration, column: str) -> Query:
    """Entries that have one of the uploaded ids."""
    return _select(declared, f"{_column(column, declared)} = {ALIAS}.{ID}")
