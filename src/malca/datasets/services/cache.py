"""Answers of a service, kept on disk: also that there was nothing, never that nobody answered.

A folder for each query holds parts, Parquet files that are written whole or not at all and never
changed. So a run that is killed leaves every answer that was complete, any number of processes may
write at once without knowing of each other, and all of it works on a network file system too, where
a database with a shared log would not. Many small parts are now and then put together: the new part
is there before the old ones go, and who reads meanwhile looks again.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from malca.datasets.atomic import remove_abandoned, replacing
from malca.datasets.services.conversion import ENTRY_DTYPES, no_entries
from malca.datasets.services.declaration import ServiceDeclaration

logger = logging.getLogger(__name__)

#: Columns of a part besides those of the entries: what the answer is to, when it was given (UTC, s
#: since 1970), and which of its entries the row is (-1: the answer has none).
_KEY, _ANSWERED, _NUMBER = "_key", "_answered_s", "_number"
_NONE = -1
_DAY = 86_400.0
#: Parts beyond which they are put together.
_MANY_PARTS = 64
_ATTEMPTS = 5
_ARROW = {"number": pa.float64(), "integer": pa.int64(), "text": pa.string(), "flag": pa.bool_()}


class AnswerCache:
    """Answers to one query of one service.

    Parameters
    ----------
    folder : Path
        Of all answers.
    name : str
        Of the catalogue, so that people find it.
    declared : ServiceDeclaration
    service : str
        Kind of the service.
    rule : str
        What is asked for: single matches or all entries.
    clock : function
        Seconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        declared: ServiceDeclaration,
        *,
        service: str,
        rule: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        digest = declared.query_digest(service, rule)
        self.folder = folder / f"{plain_name(name)}-{rule}-{digest[:20]}"
        self._declared, self._clock = declared, clock
        expires = declared.cache.expires_days if declared.cache else 0.0
        self._lifetime_seconds = expires * _DAY
        kinds = declared.raw_kinds()
        self._schema = pa.schema(
            [(_KEY, pa.string()), (_ANSWERED, pa.float64()), (_NUMBER, pa.int32())]
            + [(raw, _ARROW[kind]) for raw, kind in kinds.items()]
        )

    def get(self, keys: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
        """Answers that are there.

        Parameters
        ----------
        keys : list of str, (n,)

        Returns
        -------
        known : (n,) bool array
            Which have an answer that has not expired.
        entries : DataFrame
            Their entries, with ``star``, the number of the key.
        """
        stored = self._read(keys)
        known = np.isin(np.array(keys, object), stored[_KEY].unique())
        if not known.any():
            return known, no_entries(self._declared)
        # the newest answer to each counts, whole
        newest = stored.groupby(_KEY)[_ANSWERED].transform("max")
        stored = stored[stored[_ANSWERED].eq(newest)].drop_duplicates([_KEY, _NUMBER])
        stored = stored[stored[_NUMBER] != _NONE]
        wanted = pd.DataFrame({_KEY: keys, "star": np.arange(len(keys))})
        entries = wanted.merge(stored, on=_KEY).sort_values(["star", _NUMBER], ignore_index=True)
        return known, entries[list(no_entries(self._declared))]

    def put(self, keys: list[str], entries: pd.DataFrame) -> None:
        """Keep the complete answers to some keys.

        Parameters
        ----------
        keys : list of str, (n,)
        entries : DataFrame
            With ``star``, the number of the key. A key without entries has none.
        """
        if not keys:
            return
        now = self._clock()
        star = entries["star"].to_numpy()
        rows = entries.drop(columns="star").reset_index(drop=True)
        rows.insert(0, _KEY, np.array(keys, object)[star])
        rows.insert(1, _ANSWERED, now)
        rows.insert(2, _NUMBER, entries.groupby("star").cumcount().to_numpy())
        table = pa.Table.from_pandas(rows, schema=self._schema, preserve_index=False)
        empty = sorted(set(range(len(keys))) - set(star.tolist()))
        nothing = pa.table(
            {
                _KEY: pa.array([keys[k] for k in empty], pa.string()),
                _ANSWERED: pa.array([now] * len(empty), pa.float64()),
                _NUMBER: pa.array([_NONE] * len(empty), pa.int32()),
                **{field.name: pa.nulls(len(empty), field.type) for field in self._schema if
                   field.name not in {_KEY, _ANSWERED, _NUMBER}},
            },
            schema=self._schema,
        )  # fmt: skip
        self._write(pa.concat_tables([table, nothing]))

    def tidy(self) -> None:
        """Put many small parts together, without what has expired; remove what a killed run left."""
        for left in self.folder.glob(".part-*"):
            remove_abandoned(self.folder / f"{left.name.split('.')[1]}.parquet")
        parts = self._parts()
        if len(parts) < _MANY_PARTS:
            return
        try:
            whole = pa.concat_tables([pq.read_table(part, schema=self._schema) for part in parts])
        except FileNotFoundError:
            return  # another process is at it
        self._write(whole.filter(self._fresh(whole)))
        for part in parts:
            part.unlink(missing_ok=True)

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.parquet"))

    def _fresh(self, table: pa.Table) -> pa.Array:
        return pc.greater(table.column(_ANSWERED), self._clock() - self._lifetime_seconds)

    def _write(self, table: pa.Table) -> None:
        with replacing(self.folder / f"part-{uuid.uuid4().hex}.parquet") as partial:
            pq.write_table(table, partial)

    def _read(self, keys: list[str]) -> pd.DataFrame:
        """Rows of the keys that have not expired, from all parts."""
        wanted = pa.array(sorted(set(keys)), pa.string())
        for _ in range(_ATTEMPTS):
            try:
                tables = [self._rows(part, wanted) for part in self._parts()]
                break
            except FileNotFoundError:
                continue  # parts were put together meanwhile: the new one has all of theirs
        else:
            tables = []
        whole = pa.concat_tables([self._schema.empty_table(), *tables])
        frame: pd.DataFrame = whole.to_pandas(ignore_metadata=True, integer_object_nulls=True)
        kinds = self._declared.raw_kinds()
        return frame.astype({raw: ENTRY_DTYPES[kind] for raw, kind in kinds.items()})

    def _rows(self, part: Path, wanted: pa.Array) -> pa.Table:
        try:
            table = pq.read_table(part, schema=self._schema)
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            logger.warning("%s cannot be read, and is asked for again: %s", part, error)
            return self._schema.empty_table()
        known = pc.is_in(table.column(_KEY), value_set=wanted)
        return table.filter(pc.and_(known, self._fresh(table)))


def plain_name(name: str) -> str:
    """Name of a catalogue that files can be called by."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:40]
