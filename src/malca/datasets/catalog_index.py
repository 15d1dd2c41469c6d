"""A table on the sky made ready for matching, once: sorted by zones, with its ids in order.

Beside the table, in ``.indexed``, is a folder for each form of it that is asked for: the columns
needed in the order of the sky, and arrays in which a position or an id is found. All are mapped
into memory, so that only what is asked for is read. The folder's name is a digest of what the table
holds and of the part of the declaration it depends on; it appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import DatasetError
from pydantic import BaseModel, ConfigDict, ValidationError

from malca.datasets.arrow_rows import ArrowFile
from malca.datasets.atomic import partial_name, remove_abandoned, write_text
from malca.datasets.catalog_checks import check_columns
from malca.datasets.catalog_declaration import Declaration
from malca.datasets.catalog_sorting import TABLE, write_id_arrays, write_sorted
from malca.datasets.locks import Lock, LockedError
from malca.datasets.table_sources import masks_of, open_source, table_format

logger = logging.getLogger(__name__)

FOLDER = ".indexed"
FACTS = "index.json"
_VERSION = 1
_TURN_SECONDS = 0.2
_READ_BYTES = 1 << 20


class Facts(BaseModel):
    """What an index says of itself.

    Attributes
    ----------
    source : str
        Path of the table, as it was given.
    digest : str
        Of what the table holds.
    n_rows, n_placed : int
        Rows, and those with a position, which come first.
    fastest_masyr : float
        Largest proper motion of an entry, where motions are declared.
    ids : dict of str to str
        File of each column of ids.
    n_bytes : dict of str to int
        Length of each file.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    digest: str
    n_rows: int
    n_placed: int
    fastest_masyr: float
    ids: dict[str, str]
    n_bytes: dict[str, int]


def needs_index(declared: Declaration) -> bool:
    """Whether a table cannot be matched as it is: it is no Parquet, or has values that are masked."""
    if declared.indexed is not None and declared.indexed:
        return True
    if table_format(declared.filepath) != "parquet":
        return True
    try:
        masks = masks_of(pq.read_schema(declared.filepath))
    except (OSError, pa.ArrowInvalid):
        return False  # the check tells what is wrong with it
    return bool(masks.keys() & declared.types().keys())


def find_index(declared: Declaration) -> Path | None:
    """Folder of the index of a table as it is now; None: there is none, or it is damaged."""
    folder = _folder(declared)
    return folder if folder.is_dir() and read_facts(folder) is not None else None


def ensure_index(declared: Declaration) -> Path:
    """Make the index of a table, unless it is there; wait where another process is at it.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    DatasetError
        The table cannot be read or does not fit its declaration, or there is no place to write to.
    """
    folder = _folder(declared)
    told = False
    while read_facts(folder) is None:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with Lock(folder.with_name(f"{folder.name}.lock"), f"the index of {declared.filepath}"):
                remove_abandoned(folder)
                if read_facts(folder) is None:
                    if folder.exists():
                        logger.warning("%s is damaged and is made again", folder)
                        shutil.rmtree(folder)
                    _make(declared, folder)
                    _remove_outdated(folder)
        except LockedError as error:
            if not told:
                logger.info("%s", error)
                told = True
            time.sleep(_TURN_SECONDS)
        except OSError as error:
            raise DatasetError(
                f"{declared.filepath} cannot be indexed in {folder.parent} ({error}): make room there, "
                "or set index_folder to a folder that can be written to"
            ) from None
    return folder


def open_rows(declared: Declaration) -> pq.ParquetFile | ArrowFile:
    """Open a table as it is matched, to look it over; its index is made where it needs one."""
    if needs_index(declared):
        return ArrowFile(ensure_index(declared) / TABLE)
    return pq.ParquetFile(declared.filepath, pre_buffer=False, buffer_size=1 << 20)


def check_note(declared: Declaration) -> Path | None:
    """File in an index that says that it was looked over as it is declared; None: there is no index."""
    if not needs_index(declared):
        return None
    words = declared.model_dump_json(exclude={"filepath", "optional", "indexed", "index_folder"})
    return ensure_index(declared) / f"checked-{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def read_facts(folder: Path) -> Facts | None:
    """Read what an index says of itself; None: it is not there, or not whole."""
    try:
        facts = Facts.model_validate_json((folder / FACTS).read_bytes())
        sizes = {name: (folder / name).stat().st_size for name in facts.n_bytes}
    except (OSError, ValidationError):
        return None
    return facts if sizes == facts.n_bytes else None


def source_digest(declared: Declaration) -> str:
    """Digest of what a table holds: of Parquet its length and footer, else of every byte.

    The latter is remembered as long as the file's length and time of change stay what they are.
    """
    path = declared.filepath
    if table_format(path) == "parquet":
        return hashlib.sha256(parquet_footer(path)).hexdigest()
    stat = path.stat()
    mark = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
    where = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    note = _root(declared) / f"{path.name}-{where}.digest.json"
    try:
        noted = json.loads(note.read_bytes())
        if noted["mark"] == mark:
            return str(noted["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        write_text(json.dumps({"mark": mark, "digest": digest}), note)
    except OSError as error:
        logger.debug("the digest of %s is not kept: %s", path, error)
    return digest


def parquet_footer(path: Path) -> bytes:
    """Length of a Parquet file and its footer.

    The footer holds offsets, sizes and extremes of every column of every row group; unlike the time
    of its change it stays what it is when the file is copied.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - 8 - length))
        return str(size).encode() + file.read()


def _root(declared: Declaration) -> Path:
    return declared.index_folder or declared.filepath.parent / FOLDER


def _shape(declared: Declaration) -> dict[str, Any]:
    """Tell what of a declaration an index depends on: not radius, epoch or coverage."""
    position = {name: column.model_dump() for name, column in declared.sky().items()}
    motion = {name: column.model_dump() for name, column in declared.motion().items()}
    types = {name: str(kind) for name, kind in sorted(declared.types().items())}
    ids = sorted(set(declared.id_columns.columns().values()))
    return {
        "version": _VERSION, "position": position, "motion": motion, "types": types, "ids": ids
    }  # fmt: skip


def _folder(declared: Declaration) -> Path:
    words = json.dumps([source_digest(declared), _shape(declared)], sort_keys=True)
    key = hashlib.sha256(words.encode()).hexdigest()[:16]
    return _root(declared) / f"{declared.filepath.name}-{key}"


def _make(declared: Declaration, folder: Path) -> None:
    started = time.monotonic()
    path, types = declared.filepath, declared.types()
    source = open_source(path, types).renamed(list(types))
    check_columns(source.schema, declared)
    partial = partial_name(folder)
    partial.mkdir()
    try:
        done = write_sorted(source, declared, partial)
        if not done.n_rows:
            raise DatasetError(f"{path} holds no entries: fetch it again, or remove it to go without")
        ids = {}
        for k, column in enumerate(dict.fromkeys(declared.id_columns.columns().values())):
            ids[column] = f"ids-{k}.npy"
            write_id_arrays(partial / TABLE, column, partial / ids[column], path)
        facts = Facts(
            source=str(path), digest=source_digest(declared), n_rows=done.n_rows,
            n_placed=done.n_placed, fastest_masyr=done.fastest_masyr, ids=ids,
            n_bytes={part.name: part.stat().st_size for part in sorted(partial.iterdir())},
        )  # fmt: skip
        write_text(facts.model_dump_json(indent=1), partial / FACTS)
        os.replace(partial, folder)
    except pa.ArrowException as error:
        raise DatasetError(f"{path} is damaged: fetch it again ({error})") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    size = sum(facts.n_bytes.values()) / 1e6
    logger.info(
        "%s: %d rows (%.1f MB) indexed in %.1f s as %s (%.1f MB)",
        path, done.n_rows, path.stat().st_size / 1e6, time.monotonic() - started, folder, size,
    )  # fmt: skip


def _remove_outdated(folder: Path) -> None:
    """Remove indices of the same table as it was before it changed."""
    made = read_facts(folder)
    for other in folder.parent.iterdir():
        facts = read_facts(other) if other.is_dir() and not other.name.startswith(".") else None
        if made and facts and facts.source == made.source and facts.digest != made.digest:
            logger.info("%s is of a table that has changed, and is removed", other)
            shutil.rmtree(other, ignore_errors=True)
