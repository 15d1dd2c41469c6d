"""The ZIP file of a bundle, whole and damaged."""

from __future__ import annotations

import errno
import signal
import struct
import subprocess
import sys
import zipfile

import pytest

from malca.bundle import MANIFEST_NAME, BundleError
from malca.datasets import bundle_file
from malca.datasets.bundle_file import (
    Item,
    Target,
    import_datasets,
    no_run_in,
    open_bundle,
    write_bundle,
)
from malca.datasets.locks import Lock
from malca.datasets.partition_store import LOCK

CONTENT = {
    "datasets/events/events.parquet": ("events", b"three events"),
    "datasets/curves/lightcurves/13_13.5-00000.parquet": ("curves", b"points " * 1000),
    "datasets/curves/failures/13_13.5-00000.parquet": ("curves", b""),
    "provenance/versions.json": (None, b"{}"),
}


def items(tmp_path, content=CONTENT):
    """Half of the members from files, half from memory."""
    for k, (path, (dataset, data)) in enumerate(content.items()):
        source = tmp_path / f"member{k}"
        source.write_bytes(data)
        yield Item(path, dataset, source if k % 2 else lambda data=data: data)


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "out.zip"
    write_bundle(path, items(tmp_path), malca_version="0.1.0", mag_bin="13_13.5")
    return path


@pytest.fixture
def targets(tmp_path):
    home = tmp_path / "home"
    return {
        "events": Target(home / "07" / "events.parquet", False),
        "curves": Target(home / "curves", True),
    }


def load(path, targets, **options):
    with open_bundle(path, "0.1.0") as opened:
        return import_datasets(opened, targets, **options)


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


LAID_OUT = {
    "07/events.parquet": b"three events",
    "curves/lightcurves/13_13.5-00000.parquet": b"points " * 1000,
    "curves/failures/13_13.5-00000.parquet": b"",
}


def test_the_same_content_is_the_same_file(bundle, tmp_path):
    first = bundle.read_bytes()
    _, changed = write_bundle(
        bundle, reversed(list(items(tmp_path))), malca_version="0.1.0", mag_bin="13_13.5"
    )
    assert not changed
    assert bundle.read_bytes() == first
    other = {**CONTENT, "datasets/events/events.parquet": ("events", b"four events")}
    _, changed = write_bundle(bundle, items(tmp_path, other), malca_version="0.1.0", mag_bin="13_13.5")
    assert changed
    assert bundle.read_bytes() != first


def test_any_zip_tool_can_read_it(bundle):
    with zipfile.ZipFile(bundle) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*sorted(CONTENT), MANIFEST_NAME]
        for path, (_, data) in CONTENT.items():
            assert archive.read(path) == data


def test_a_bundle_is_laid_out_once(bundle, targets, tmp_path):
    report = load(bundle, targets)
    assert (report.written, report.same) == (("curves", "events"), ())
    assert files(tmp_path / "home") == LAID_OUT
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "home").rglob("*") if p.is_file()}
    report = load(bundle, targets)
    assert (report.written, report.same) == ((), ("curves", "events"))
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "home").rglob("*") if p.is_file()} == times


def test_an_import_that_was_cut_off_is_completed(bundle, targets, tmp_path):
    load(bundle, targets)
    targets["events"].path.unlink()
    (tmp_path / "home" / "curves" / "lightcurves" / ".x.partial").write_bytes(
        b"left by a killed writer"
    )
    assert load(bundle, targets).written == ("events",)


KILLED_IMPORT = """
import os, signal, sys
from pathlib import Path
from malca.datasets.bundle_file import BundleFile, Target, import_datasets, open_bundle

bundle, home, n = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
events, curves = Target(home / "07" / "events.parquet", False), Target(home / "curves", True)
extract = BundleFile.extract

def extract_some(self, member, path):
    global n
    extract(self, member, path)
    n -= 1
    if n == 0:
        os.kill(os.getpid(), signal.SIGKILL)

BundleFile.extract = extract_some
with open_bundle(bundle, "0.1.0") as opened:
    import_datasets(opened, {"events": events, "curves": curves})
"""


@pytest.mark.parametrize("n_members", [1, 3])
def test_the_next_import_removes_what_a_killed_one_left(bundle, targets, tmp_path, n_members):
    home = tmp_path / "home"
    command = [sys.executable, "-c", KILLED_IMPORT, str(bundle), str(home), str(n_members)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    left = {path.name.split(".")[1] for path in home.rglob(".*.partial*")}
    assert left == ({"curves"} if n_members == 1 else {"curves", "events"})
    assert load(bundle, targets).written == ("curves", "events")
    assert files(home) == LAID_OUT
    assert not list(home.rglob(".*.partial*"))


@pytest.mark.parametrize("place", ["07/events.parquet", "curves/lightcurves/13_13.5-00001.parquet"])
def test_other_data_are_replaced_only_when_asked(bundle, targets, tmp_path, place):
    other = tmp_path / "home" / place
    other.parent.mkdir(parents=True)
    other.write_bytes(b"of another run")
    with pytest.raises(BundleError, match=r"other data are there: .*--overwrite"):
        load(bundle, targets)
    assert files(tmp_path / "home") == {place: b"of another run"}
    load(bundle, targets, overwrite=True)
    assert files(tmp_path / "home") == LAID_OUT


def test_nothing_changes_where_writing_fails(bundle, targets, tmp_path, monkeypatch):
    other = targets["events"].path
    other.parent.mkdir(parents=True)
    other.write_bytes(b"of another run")

    def full(member, path):
        raise OSError(28, "No space left on device", str(path))

    with open_bundle(bundle, "0.1.0") as opened:
        monkeypatch.setattr(opened, "extract", full)
        with pytest.raises(OSError, match="No space left"):
            import_datasets(opened, targets, overwrite=True)
    assert files(tmp_path / "home") == {"07/events.parquet": b"of another run"}


def refusal(path, targets=None):
    with pytest.raises(BundleError) as refused:
        load(path, targets or {})
    return str(refused.value)


def test_every_changed_byte_of_the_content_is_noticed(bundle, targets, tmp_path):
    whole = bundle.read_bytes()
    for data in (b"three events", b"points points"):
        at = whole.index(data) + 5
        bundle.write_bytes(whole[:at] + b"X" + whole[at + 1 :])
        assert "damaged" in refusal(bundle, targets)
    assert not (tmp_path / "home").exists()


def test_a_checksum_is_compared_though_the_zip_is_sound(tmp_path, targets, bundle):
    with zipfile.ZipFile(bundle) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["datasets/events/events.parquet"] = b"four! events"
    with zipfile.ZipFile(bundle, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    assert "events.parquet is not what its checksum says" in refusal(bundle, targets)
    assert not (tmp_path / "home").exists()


def test_a_truncated_bundle_is_refused_wherever_it_ends(bundle, targets, tmp_path):
    whole = bundle.read_bytes()
    for length in (0, 3, 40, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        bundle.write_bytes(whole[:length])
        assert ("damaged" if length > 3 else "no ZIP file") in refusal(bundle, targets)
    assert not (tmp_path / "home").exists()


def test_foreign_files_are_told_what_they_are(tmp_path):
    assert "no such file" in refusal(tmp_path / "nothing.zip")
    (tmp_path / "text.zip").write_text("asas_sn_id,ra_deg\n")
    assert "not a MALCA bundle: it is no ZIP file" in refusal(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    assert f"not a MALCA bundle: it holds no {MANIFEST_NAME}" in refusal(tmp_path / "other.zip")


@pytest.mark.parametrize(
    ("name", "told"),
    [("../outside.txt", "not in its list"), ("datasets/events/more.parquet", "not in its list")],
)
def test_members_that_the_list_does_not_name_are_refused(bundle, targets, tmp_path, name, told):
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr(name, b"x")
    assert told in refusal(bundle, targets)
    assert sorted(p.name for p in tmp_path.parent.glob("outside*")) == []


def test_a_missing_and_a_repeated_member_are_refused(bundle, targets):
    with zipfile.ZipFile(bundle) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(bundle, "w") as archive:
        for name, data in content.items():
            if "events" not in name:
                archive.writestr(name, data)
    assert "events.parquet is missing" in refusal(bundle, targets)
    with zipfile.ZipFile(bundle, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("datasets/events/events.parquet", b"three events")
    assert "a member is there twice" in refusal(bundle, targets)


def test_a_member_that_claims_to_be_small_is_not_read_on(bundle, targets, monkeypatch):
    """Sizes of the list count, not those of the ZIP file: reading stops a byte behind them."""
    monkeypatch.setattr(bundle_file, "_CHUNK", 64)
    with open_bundle(bundle, "0.1.0") as opened:
        long = opened.manifest.of_dataset("curves")[1]
        short = long.model_copy(update={"n_bytes": 100})
        read = []
        with pytest.raises(BundleError, match="checksum"):
            read.extend(opened._chunks(short))
        assert sum(map(len, read)) <= 100


def test_an_encrypted_member_is_refused(bundle, targets):
    whole = bytearray(bundle.read_bytes())
    at = whole.index(b"PK\x01\x02")
    struct.pack_into("<H", whole, at + 8, struct.unpack_from("<H", whole, at + 8)[0] | 1)
    bundle.write_bytes(whole)
    assert "damaged" in refusal(bundle, targets)


def test_a_file_that_is_no_bundle_is_not_replaced(tmp_path):
    (tmp_path / "thesis.zip").write_bytes(b"years of work")
    with pytest.raises(BundleError, match="is no bundle"):
        write_bundle(tmp_path / "thesis.zip", items(tmp_path), malca_version="0.1.0", mag_bin="all")
    assert (tmp_path / "thesis.zip").read_bytes() == b"years of work"


def test_a_failed_export_leaves_the_last_one(bundle, tmp_path):
    before = bundle.read_bytes()

    def broken():
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_bundle(
            bundle, [Item("provenance/x.json", None, broken)], malca_version="0.1.0", mag_bin="all"
        )
    assert bundle.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_one_file_here_and_several_there_do_not_fit(bundle, targets):
    wrong = targets | {"curves": Target(targets["curves"].path, False)}
    assert "does not fit this project" in refusal(bundle, wrong)


def test_a_run_that_is_writing_is_waited_for(bundle, targets, tmp_path):
    folder = targets["curves"].path
    folder.mkdir(parents=True)
    with (
        Lock(folder / LOCK, "the folder"),
        pytest.raises(BundleError, match=r"has to wait: .*worked on by"),
    ):
        load(bundle, targets)
    assert not targets["events"].path.exists()
    load(bundle, targets)
    assert files(tmp_path / "home") == LAID_OUT


def test_what_cannot_be_written_needs_no_lock(tmp_path, monkeypatch):
    def refuse(self):
        raise OSError(errno.EROFS, "Read-only file system", str(self.path))

    monkeypatch.setattr(Lock, "acquire", refuse)
    with no_run_in([tmp_path, tmp_path / "absent"]):
        assert list(tmp_path.iterdir()) == []
