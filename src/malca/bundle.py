"""What a bundle holds: the part of a run that goes from where the survey is to where people look.

A bundle is a ZIP file. Each member belongs to one dataset of the catalog or tells where the data
come from; ``malca-bundle.json`` lists all of them with their sizes and SHA-256. Members lie
uncompressed in a fixed order with a fixed date, so that the same content is the same file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

FORMAT: Literal["malca-bundle"] = "malca-bundle"
#: Raised whenever an older MALCA would misread what a newer one writes.
FORMAT_VERSION = 1
MANIFEST_NAME = "malca-bundle.json"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class BundleError(Exception):
    """A bundle that is refused, with the reason in one sentence."""


class Member(BaseModel):
    """One file of a bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="Its name in the ZIP file, parts parted by '/'.")
    dataset: str | None = Field(description="The catalog's dataset it belongs to; none: provenance.")
    n_bytes: int = Field(ge=0, description="Its size, bytes.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Its SHA-256, hexadecimal.")

    @model_validator(mode="after")
    def _lies_with_its_dataset(self) -> Member:
        folder = "provenance" if self.dataset is None else f"datasets/{self.dataset}"
        if not self.path.startswith(f"{folder}/"):
            raise ValueError(f"'{self.path}' does not lie in {folder}")
        return self

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        # No part is '..', empty, hidden, a drive or holds a backslash: nothing leads out of a folder.
        if not all(_PART.fullmatch(part) for part in path.split("/")) or path == MANIFEST_NAME:
            raise ValueError(f"'{path}' is no name of a member")
        return path


class Manifest(BaseModel):
    """What is in a bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["malca-bundle"] = FORMAT
    format_version: int = FORMAT_VERSION
    malca_version: str = Field(description="Version of the package that wrote it.")
    mag_bin: str = Field(description="The magnitude bin its tables are of.")
    members: tuple[Member, ...] = Field(description="Every other file, in order of their names.")

    def of_dataset(self, name: str) -> tuple[Member, ...]:
        """Members that make up one dataset."""
        return tuple(member for member in self.members if member.dataset == name)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Datasets it holds, by name."""
        return tuple(sorted({member.dataset for member in self.members if member.dataset is not None}))

    def to_json(self) -> bytes:
        """Text of the manifest file."""
        return to_json(self.model_dump())


def read_manifest(text: bytes, malca_version: str) -> Manifest:
    """Understand a manifest file.

    Parameters
    ----------
    text : bytes
    malca_version : str
        Version of the package that reads.

    Raises
    ------
    BundleError
        The file is none of MALCA's, newer than the reader, or damaged.
    """
    try:
        content = json.loads(text)
    except ValueError:
        raise BundleError(f"it is damaged: its {MANIFEST_NAME} is no JSON") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise BundleError(f"it is not a MALCA bundle: its {MANIFEST_NAME} is of another format")
    version, written_by = content.get("format_version"), content.get("malca_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BundleError(
            f"it is newer than this MALCA: it has format {version}, written by MALCA {written_by}; "
            f"MALCA {malca_version} reads format {FORMAT_VERSION}"
        )
    try:
        manifest = Manifest.model_validate(content)
        newer = Version(manifest.malca_version) > Version(malca_version)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"it is damaged: {MANIFEST_NAME}, {where}: {first['msg']}") from None
    except InvalidVersion as error:
        raise BundleError(f"it is damaged: {MANIFEST_NAME}: {error}") from None
    if newer:
        raise BundleError(
            f"it is newer than this MALCA: {manifest.malca_version} wrote it, this is {malca_version}, "
            "whose filters may judge the same tables differently"
        )
    names = [member.path for member in manifest.members]
    if len(set(names)) < len(names):
        raise BundleError(f"it is damaged: {MANIFEST_NAME} lists a member twice")
    return manifest


class Contents(NamedTuple):
    """Datasets that go into a bundle: files as they are, folders of partitions one by one."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    required: frozenset[str]


def choose_datasets(
    made: Collection[str],
    needed: Collection[str],
    entries: Mapping[str, Mapping[str, Any]],
    more: Collection[str] = (),
) -> Contents:
    """Choose what of the first half of a run the second half, and people, should have.

    Of the datasets ``made`` there all that are single files (tables, figures), and the folders of
    partitions that are ``needed``.

    Parameters
    ----------
    made, needed : collections of str
        What the first half makes, and the second takes.
    entries : mapping
        The catalog's entries.
    more : collection of str
        Other files to take along.

    Raises
    ------
    BundleError
        The second half needs what the catalog keeps nowhere, or ``more`` names what is no file.
    """
    if no_file := sorted(name for name in more if "filepath" not in entries.get(name, ())):
        raise BundleError(f"the catalog has no file {', '.join(no_file)}")
    required = frozenset(made) & frozenset(needed)
    nowhere = sorted(name for name in required if not {"filepath", "path"} & set(entries.get(name, ())))
    if nowhere:
        raise BundleError(f"the catalog keeps {', '.join(nowhere)} in no file, so nothing can carry it")
    files = tuple(sorted(name for name in {*made, *more} if "filepath" in entries.get(name, ())))
    folders = tuple(sorted(name for name in required if "path" in entries[name]))
    return Contents(files, folders, required)


def stars_to_carry(sources: pd.DataFrame, events: pd.DataFrame) -> np.ndarray:
    """Ids of the stars whose light curves a bundle holds: those with an event.

    Candidates are among them, whatever the filters' parameters will be.

    Returns
    -------
    (n,) int64 array, ascending
    """
    significant = sources["dip_significant"] | sources["jump_significant"]
    chosen = pd.concat([sources.loc[significant, "asas_sn_id"], events["asas_sn_id"]])
    return np.unique(chosen.dropna().to_numpy(np.int64))


def cut_to_stars(table: pa.Table, stars: np.ndarray) -> pa.Table:
    """Rows of the chosen stars, if the table holds light curves; any other table whole."""
    if "asas_sn_id" not in table.column_names or "jd" not in table.column_names:
        return table
    return table.filter(pc.is_in(table["asas_sn_id"], value_set=pa.array(stars, pa.int64())))


def carried_fingerprint(fingerprint: str, stars: np.ndarray) -> str:
    """Fingerprint of a carried partition.

    It differs from that of the whole partition, so that a later run with the survey at hand does
    not take the few stars carried for all.
    """
    digest = hashlib.sha256(fingerprint.encode())
    digest.update(np.ascontiguousarray(stars, np.int64).tobytes())
    return f"bundle-{digest.hexdigest()}"


def to_json(value: Any) -> bytes:
    """JSON text of a value of provenance, the same for the same value."""
    return (json.dumps(value, indent=1, sort_keys=True, default=str) + "\n").encode()
