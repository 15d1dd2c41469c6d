"""The ZIP file of a bundle: written reproducibly, checked before anything of it is used."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from malca.bundle import MANIFEST_NAME, BundleError, Manifest, Member, read_manifest
from malca.datasets.atomic import partial_name, remove_abandoned, replacing
from malca.datasets.locks import Lock, LockedError
from malca.datasets.partition_store import COMPRESSION, FINGERPRINT_KEY, LOCK

_DATE = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20
_MAX_MANIFEST_BYTES = 1 << 28
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class Item(NamedTuple):
    """Something to be put into a bundle: the content is a file or the bytes themselves."""

    path: str
    dataset: str | None
    content: Path | Callable[[], bytes]


def write_bundle(
    path: Path, items: Iterable[Item], *, malca_version: str, mag_bin: str
) -> tuple[Manifest, bool]:
    """Write a bundle, whole or not at all.

    Returns
    -------
    manifest : Manifest
    changed : bool
        False: exactly this was there already.

    Raises
    ------
    BundleError
        ``path`` is there and no bundle; it is left alone.
    """
    if path.exists() and not _looks_like_bundle(path):
        raise BundleError("there is something of that name that is no bundle")
    remove_abandoned(path)
    with replacing(path) as partial:
        members = []
        with zipfile.ZipFile(partial, "w") as archive:
            for item in sorted(items, key=lambda item: item.path):
                members.append(_put(archive, item))
            manifest = Manifest(malca_version=malca_version, mag_bin=mag_bin, members=tuple(members))
            text = manifest.to_json()
            with archive.open(_info(MANIFEST_NAME, len(text)), "w") as target:
                target.write(text)
        changed = not (path.exists() and _sha256(path) == _sha256(partial))
    return manifest, changed


def _info(name: str, n_bytes: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.file_size = n_bytes
    return info


def _put(archive: zipfile.ZipFile, item: Item) -> Member:
    digest, n_bytes = hashlib.sha256(), 0
    if isinstance(item.content, Path):
        with (
            open(item.content, "rb") as source,
            archive.open(_info(item.path, os.fstat(source.fileno()).st_size), "w") as target,
        ):
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                n_bytes += len(chunk)
                target.write(chunk)
    else:
        content = item.content()
        digest.update(content)
        n_bytes = len(content)
        with archive.open(_info(item.path, n_bytes), "w") as target:
            target.write(content)
    return Member(path=item.path, dataset=item.dataset, n_bytes=n_bytes, sha256=digest.hexdigest())


class BundleFile:
    """A bundle opened for reading; see `open_bundle`."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive, self.manifest = archive, manifest

    def check(self) -> None:
        """Read every member through.

        Raises
        ------
        BundleError
            One is not what the manifest says.
        """
        for member in self.manifest.members:
            for _ in self._chunks(member):
                pass

    def read(self, member: Member) -> bytes:
        """Content of a member, checked."""
        return b"".join(self._chunks(member))

    def extract(self, member: Member, path: Path) -> None:
        """Write a member, checked, to ``path``."""
        with open(path, "wb") as target:
            for chunk in self._chunks(member):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())

    def _chunks(self, member: Member) -> Iterator[bytes]:
        digest, n_bytes = hashlib.sha256(), 0
        try:
            with self._archive.open(member.path) as source:
                # One byte more than promised is enough to know, however much would follow.
                while chunk := source.read(min(_CHUNK, member.n_bytes + 1 - n_bytes)):
                    n_bytes += len(chunk)
                    if n_bytes > member.n_bytes:
                        break
                    digest.update(chunk)
                    yield chunk
        except _DAMAGE as error:
            raise BundleError(f"it is damaged: {member.path}: {error}") from None
        if n_bytes != member.n_bytes or digest.hexdigest() != member.sha256:
            raise BundleError(f"it is damaged: {member.path} is not what its checksum says")


@contextmanager
def open_bundle(path: Path, malca_version: str) -> Iterator[BundleFile]:
    """Open a bundle whose list of members is sound.

    Parameters
    ----------
    path : Path
    malca_version : str
        Version of the package that reads.

    Raises
    ------
    BundleError
        There is none, or it is no bundle, damaged or newer.
    """
    if not path.is_file():
        raise BundleError("there is no such file")
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        with open(path, "rb") as file:
            begins_as_zip = file.read(4) == b"PK\x03\x04"
        raise BundleError(
            "it is damaged: the end of the ZIP file is missing; copy it again"
            if begins_as_zip
            else "it is not a MALCA bundle: it is no ZIP file"
        ) from None
    with archive:
        names = archive.namelist()
        if MANIFEST_NAME not in names:
            raise BundleError(f"it is not a MALCA bundle: it holds no {MANIFEST_NAME}")
        if archive.getinfo(MANIFEST_NAME).file_size > _MAX_MANIFEST_BYTES:
            raise BundleError(f"it is damaged: its {MANIFEST_NAME} is too large")
        try:
            text = archive.read(MANIFEST_NAME)
        except _DAMAGE as error:
            raise BundleError(f"it is damaged: {MANIFEST_NAME}: {error}") from None
        manifest = read_manifest(text, malca_version)
        _compare(names, manifest)
        yield BundleFile(archive, manifest)


def _looks_like_bundle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST_NAME in archive.namelist()
    except (OSError, *_DAMAGE):
        return False


def _compare(names: list[str], manifest: Manifest) -> None:
    listed = {member.path for member in manifest.members} | {MANIFEST_NAME}
    if missing := sorted(listed - set(names)):
        raise BundleError(f"it is damaged: {missing[0]} is missing")
    if more := sorted(set(names) - listed):
        raise BundleError(f"it is damaged: {more[0]} is not in its list")
    if len(names) > len(listed):
        raise BundleError("it is damaged: a member is there twice")


@contextmanager
def no_run_in(folders: Iterable[Path]) -> Iterator[None]:
    """Keep runs from writing to folders of partitions for a while.

    Raises
    ------
    BundleError
        A run is writing to one of them.
    """
    with ExitStack() as locks:
        for folder in folders:
            if not folder.is_dir():
                continue
            try:
                locks.enter_context(Lock(folder / LOCK, str(folder)))
            except LockedError as error:
                raise BundleError(f"it has to wait: {error}") from None
            except OSError as error:
                # Where nothing can be written, no run is writing.
                if error.errno not in {errno.EROFS, errno.EACCES, errno.EPERM}:
                    raise
        yield


class Target(NamedTuple):
    """Where a dataset lies: one file, or a folder of partitions."""

    path: Path
    is_folder: bool


class ImportReport(NamedTuple):
    """What an import did: names of datasets."""

    written: tuple[str, ...]
    same: tuple[str, ...]


def import_datasets(
    bundle: BundleFile, targets: Mapping[str, Target], *, overwrite: bool = False
) -> ImportReport:
    """Lay a bundle's datasets out: all of them, or none where one cannot be.

    Every member is written beside its place and checked first; only then is anything moved.
    What differs is taken away before the first new dataset is in place: killed in between, some
    are missing, and importing again completes them, but never are two runs mixed.

    Parameters
    ----------
    bundle : BundleFile
    targets : mapping of str to Target
        Place of every dataset of the bundle.
    overwrite : bool
        Replace other data that are there.

    Raises
    ------
    BundleError
        A member is damaged, or other data are there and ``overwrite`` is not set.
    """
    names = bundle.manifest.datasets
    for name in names:
        if not targets[name].is_folder and len(bundle.manifest.of_dataset(name)) > 1:
            raise BundleError(f"it does not fit this project: {name} is one file here, several in it")
    bundle.check()
    with no_run_in(targets[name].path for name in names if targets[name].is_folder):
        return _lay_out(bundle, targets, overwrite)


def _lay_out(bundle: BundleFile, targets: Mapping[str, Target], overwrite: bool) -> ImportReport:
    names = bundle.manifest.datasets
    same = tuple(name for name in names if _is_there(bundle.manifest.of_dataset(name), targets[name]))
    todo = [name for name in names if name not in same]
    different = [name for name in todo if _occupied(targets[name])]
    if different and not overwrite:
        first = targets[different[0]].path
        raise BundleError(
            f"other data are there: {', '.join(different)} (first {first}); --overwrite replaces them"
        )
    for name in names:
        remove_abandoned(targets[name].path)  # by an import that was killed
    staged: dict[str, Path] = {}
    try:
        for name in todo:
            target = targets[name].path
            target.parent.mkdir(parents=True, exist_ok=True)
            staged[name] = partial_name(target)
            for member in bundle.manifest.of_dataset(name):
                place = staged[name]
                if targets[name].is_folder:
                    place = place / _inside(member)
                    place.parent.mkdir(parents=True, exist_ok=True)
                bundle.extract(member, place)
        for name in different:
            _remove(targets[name].path)
        for name in todo:
            _remove(targets[name].path)  # a folder may be there that holds nothing
            staged[name].rename(targets[name].path)
    finally:
        for path in staged.values():
            _remove(path)
    return ImportReport(tuple(todo), same)


def member_path(dataset: str, *parts: str) -> str:
    """Name a dataset's file has in a bundle."""
    return "/".join(("datasets", dataset, *parts))


def partition_bytes(table: pa.Table, fingerprint: str) -> bytes:
    """Parquet file of a partition that carries a fingerprint of its own."""
    buffer = io.BytesIO()
    metadata = {**(table.schema.metadata or {}), FINGERPRINT_KEY: fingerprint.encode()}
    pq.write_table(table.replace_schema_metadata(metadata), buffer, compression=COMPRESSION)
    return buffer.getvalue()


def _inside(member: Member) -> Path:
    """Path of a member within its dataset's folder."""
    return Path(*member.path.split("/")[2:])


def _is_there(members: tuple[Member, ...], target: Target) -> bool:
    if not target.is_folder:
        return len(members) == 1 and _equal(members[0], target.path)
    there = set(_files(target.path))
    wanted = {target.path / _inside(member): member for member in members}
    return there == set(wanted) and all(_equal(member, path) for path, member in wanted.items())


def _equal(member: Member, path: Path) -> bool:
    return path.is_file() and path.stat().st_size == member.n_bytes and _sha256(path) == member.sha256


def _files(folder: Path) -> list[Path]:
    # Hidden files are leftovers of a writer that was killed; nobody reads them.
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]


def _occupied(target: Target) -> bool:
    if target.is_folder:
        return bool(_files(target.path))
    return target.path.exists()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
