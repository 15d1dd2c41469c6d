from __future__ import annotations

import pytest
from kedro.io import DatasetError

from malca import __version__
from malca.datasets import run_facts
from malca.datasets.atomic import replacing, write_text
from malca.datasets.pages import PageDataset, PageFolder
from malca.datasets.run_facts import RunFacts
from malca.tracking.record import CodeState


def test_a_page_is_written_whole_and_read_back(tmp_path):
    dataset = PageDataset(filepath=str(tmp_path / "deep" / "page.html"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="run the pipeline that makes it"):
        dataset.check()
    dataset.save("<!DOCTYPE html>\n<p>α</p>\n")
    dataset.check()
    assert dataset.load() == "<!DOCTYPE html>\n<p>α</p>\n"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["page.html"]


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "page.html"
    write_text("first", path)

    def fails():
        with replacing(path) as partial:
            partial.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fails()
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_the_partial_name_is_hidden_and_keeps_its_suffix(tmp_path):
    with replacing(tmp_path / "figure.tar.svg") as partial:
        assert partial.parent == tmp_path
        assert partial.name.startswith(".figure")
        assert partial.suffix == ".svg"
        partial.write_text("x")
    assert (tmp_path / "figure.tar.svg").read_text() == "x"


@pytest.mark.parametrize(
    ("dirty", "told"),
    [(True, "0123456789ab, with changes that are not committed"), (False, "0123456789ab")],
)
def test_facts_name_version_and_revision(monkeypatch, dirty, told):
    state = CodeState(revision="0123456789abcdef", dirty=dirty, fingerprint="x")
    monkeypatch.setattr(run_facts, "code_state", lambda: (state, None))
    facts = RunFacts().load()
    assert facts["MALCA"] == __version__
    assert facts["git revision"] == told
    assert facts["written"].endswith(" UTC")
    with pytest.raises(DatasetError, match="read-only"):
        RunFacts().save({})


def test_code_in_no_repository_has_no_revision(monkeypatch):
    state = CodeState(revision=None, dirty=None, fingerprint="x")
    monkeypatch.setattr(run_facts, "code_state", lambda: (state, None))
    assert "git revision" not in RunFacts().load()


def test_pages_of_a_folder_are_made_when_they_are_written(tmp_path):
    folder = PageFolder(path=str(tmp_path / "deep" / "pages"))
    assert not folder.exists()
    made = []

    def page(name):
        return lambda: made.append(name) or f"page {name}"

    folder.save({"1": page("1"), "2": page("2"), "index": "list"})
    assert made == ["1", "2"]
    assert folder.exists()
    assert folder.load() == ["1", "2", "index"]
    assert (tmp_path / "deep" / "pages" / "2.html").read_text() == "page 2"


def test_pages_of_an_earlier_save_go_and_other_files_stay(tmp_path):
    folder = PageFolder(path=str(tmp_path))
    folder.save({"1": "one", "index": "list"})
    (tmp_path / "notes.txt").write_text("mine")
    folder.save({"2": "two", "index": "list"})
    assert folder.load() == ["2", "index"]
    assert (tmp_path / "notes.txt").exists()


def test_a_page_that_fails_leaves_what_was_there(tmp_path):
    folder = PageFolder(path=str(tmp_path))
    folder.save({"1": "one", "index": "list"})

    def fails():
        raise RuntimeError("no ink")

    with pytest.raises(DatasetError, match="no ink"):
        folder.save({"1": fails, "index": "new"})
    assert (tmp_path / "1.html").read_text() == "one"
    assert (tmp_path / "index.html").read_text() == "list"


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b"])
def test_a_name_that_is_no_name_of_a_file_is_refused(tmp_path, name):
    with pytest.raises(DatasetError, match="cannot be the name"):
        PageFolder(path=str(tmp_path)).save({name: "x"})
    assert list(tmp_path.iterdir()) == []
