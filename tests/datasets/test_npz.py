from __future__ import annotations

import zipfile

import numpy as np
import pytest
from kedro.io import DataCatalog, DatasetError, Version

from malca.datasets import npz
from malca.datasets.npz import NpzDataset, read_npz, write_npz

ARRAYS = {
    "trials": np.arange(24).reshape(2, 3, 4),
    "efficiency": np.array([np.nan, 0.0, 1.0]),
    "stages": np.array(["event", "candidate"]),
    "fingerprint": np.array("abc"),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "cube.npz"


def test_arrays_come_back(path):
    dataset = NpzDataset(filepath=str(path), fingerprint="abc")
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="run the pipeline that makes it first"):
        dataset.check()
    dataset.save(ARRAYS)
    dataset.check()
    loaded = dataset.load()
    assert list(loaded) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype
    assert [file.name for file in path.parent.iterdir()] == ["cube.npz"]


def test_the_same_arrays_are_the_same_bytes(path):
    write_npz(ARRAYS, path)
    first = path.read_bytes()
    write_npz(ARRAYS, path)
    assert path.read_bytes() == first
    with zipfile.ZipFile(path) as archive:  # whose dates would else tell when it was written
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_arrays_of_other_parameters_are_refused(path):
    write_npz(ARRAYS, path)
    before = path.read_bytes()
    other = NpzDataset(filepath=str(path), fingerprint="xyz")
    with pytest.raises(DatasetError, match="other parameters: its fingerprint is abc, not xyz"):
        other.load()
    with pytest.raises(DatasetError, match="not saved: their fingerprint is abc, not xyz"):
        other.save(ARRAYS)
    assert path.read_bytes() == before
    write_npz({"trials": np.zeros(2)}, path)
    with pytest.raises(DatasetError, match="its fingerprint is missing"):
        other.load()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.97])
def test_a_truncated_file_is_refused(path, share):
    write_npz(ARRAYS, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DatasetError, match="damaged"):
        read_npz(path)


def test_a_changed_byte_is_noticed(path, rng):
    write_npz({"noise": rng.normal(size=5000)}, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(DatasetError, match="damaged"):
        read_npz(path)


def test_what_is_no_npz_is_refused(path):
    path.parent.mkdir()
    path.write_text("depth,efficiency\n0.1,0.5\n")
    with pytest.raises(DatasetError, match=r"no \.npz file"):
        read_npz(path)
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DatasetError, match=r"no \.npz file"):
        read_npz(path)
    np.savez(path, pickled=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DatasetError, match="something other than arrays"):
        read_npz(path)


def test_objects_are_not_written_and_nothing_is_lost(path):
    write_npz(ARRAYS, path)
    before = path.read_bytes()
    for wrong in ({"a": np.array([None, 1])}, {"a/b": np.zeros(2)}, {1: np.zeros(2)}):
        with pytest.raises(DatasetError, match="cannot"):
            write_npz(wrong, path)
    with pytest.raises(DatasetError, match="but not list"):
        NpzDataset(filepath=str(path)).save([1, 2])
    assert path.read_bytes() == before


def test_a_failed_write_leaves_what_was_there(path, monkeypatch):
    write_npz(ARRAYS, path)
    before = path.read_bytes()

    def fails(target, **_):
        target.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(npz.np, "savez_compressed", fails)
    with pytest.raises(OSError, match="No space"):
        write_npz({"a": np.ones(3)}, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_versions_are_kept_by_kedro(tmp_path):
    config = {"cube": {"type": "malca.datasets.npz.NpzDataset", "filepath": str(tmp_path / "cube.npz"),
                       "versioned": True}}  # fmt: skip
    for k, version in enumerate(["2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"]):
        catalog = DataCatalog.from_config(config, save_version=version)
        catalog.save("cube", {"k": np.array(k)})
    assert DataCatalog.from_config(config).load("cube")["k"] == 1
    first = DataCatalog.from_config(config, load_versions={"cube": "2026-01-01T00.00.00.000Z"})
    assert first.load("cube")["k"] == 0
    assert (tmp_path / "cube.npz" / "2026-01-02T00.00.00.000Z" / "cube.npz").is_file()
    none = NpzDataset(filepath=str(tmp_path / "none.npz"), version=Version(None, None))
    assert not none.exists()
    with pytest.raises(DatasetError, match="run the pipeline"):
        none.check()
