"""Tables that a TAP server serves, and DaCHS's description of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd

from malca.datasets.services.adql import quoted


@dataclass(frozen=True)
class ServedTable:
    """A table under the name it has at a real service.

    Parameters
    ----------
    named : str
        As queries name it: ``gaiadr3.gaia_source``, or VizieR's ``"II/321/iphas2"`` with the quotes.
    frame : DataFrame
        Columns under the names they have there.
    units : dict, optional
        By column, as VOTable writes them.
    ra, dec : str, optional
        Columns of the ICRS position [deg].
    key : str, optional
        Column of an id that is unique.
    """

    named: str
    frame: pd.DataFrame = field(repr=False)
    units: dict[str, str] = field(default_factory=dict)
    ra: str | None = None
    dec: str | None = None
    key: str | None = None

    @property
    def name(self) -> str:
        """Where the server has it: VizieR's names, which it cannot have, in a schema of their own."""
        if "/" in self.named:
            return "vizier." + re.sub(r"[^a-z0-9]", "_", self.named.strip('"').lower())
        return self.named.lower() if "." in self.named else f"public.{self.named.lower()}"

    @property
    def schema(self) -> str:
        return self.name.split(".")[0]


_TYPES = {
    "i1": "smallint", "i2": "smallint", "u1": "smallint", "i4": "integer", "u2": "integer",
    "i8": "bigint", "u4": "bigint", "f4": "real", "f8": "double precision", "b1": "boolean",
}  # fmt: skip


def _type(values: pd.Series) -> str:
    kind = values.dtype
    kind = getattr(kind, "numpy_dtype", kind)  # nullable ones
    code = f"{kind.kind}{kind.itemsize}" if isinstance(kind, np.dtype) else ""
    return _TYPES.get(code, "unicode")


def descriptor(schema: str, tables: list[ServedTable]) -> str:
    """DaCHS's resource descriptor of the tables of a schema; they are made empty."""
    parts = [_table(table) for table in tables]
    return (
        f'<resource schema="{schema}" resdir="{schema}">\n'
        f'<meta name="title">{schema}</meta><meta name="description">Tables of tests</meta>\n'
        '<meta name="creationDate">2026-01-01T00:00:00Z</meta><meta name="subject">surveys</meta>\n'
        '<meta name="creator">MALCA</meta>\n' + "\n".join(parts) + "\n</resource>\n"
    )


def _table(table: ServedTable) -> str:
    own = table.name.split(".", 1)[1]
    lines = [f'<table id="{own}" onDisk="True" adql="True">']
    if table.ra and table.dec:
        lines.append("<mixin>//scs#q3cindex</mixin>")
    if table.key:
        lines.append(f"<primary>{table.key}</primary>")
    for column in table.frame:
        ucd = {table.ra: "pos.eq.ra;meta.main", table.dec: "pos.eq.dec;meta.main",
               table.key: "meta.id;meta.main"}.get(column, "")  # fmt: skip
        kind = _type(table.frame[column])
        name = f"quoted/{column}" if _delimited(column, table) else column
        known = 'required="True"' if column == table.key else ""
        lines.append(
            f"<column name={quoteattr(name)} type={quoteattr(kind)} ucd={quoteattr(ucd)} "
            f"unit={quoteattr(table.units.get(column, ''))} {known}/>"
        )
    lines += ["</table>", f'<data id="make_{own}"><make table="{own}"><rowmaker/></make></data>']
    return "\n".join(lines)


def _delimited(column: str, table: ServedTable) -> bool:
    """Whether queries have to delimit a column's name, which then keeps its case."""
    alike = sum(other.lower() == column.lower() for other in table.frame)
    return alike > 1 or quoted(column) != column


def column_names(table: ServedTable) -> list[str]:
    """Columns as SQL names them."""
    return [f'"{column}"' if _delimited(column, table) else column.lower() for column in table.frame]


def rows_as_csv(table: ServedTable) -> str:
    """All rows, numbers exactly, unknown ones as \\N."""
    return table.frame.to_csv(index=False, header=False, na_rep="\\N")
