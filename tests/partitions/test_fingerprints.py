from __future__ import annotations

import ast
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from pydantic import BaseModel

import malca
from malca.datasets.partition_store import FolderStore
from malca.datasets.readers import read_manifest_lightcurves
from malca.partitions import fingerprint
from malca.partitions import fingerprints as module
from malca.partitions.fingerprints import code_of, modules_of, what_differs, with_code
from malca.pipelines.detection.nodes import search_partition
from malca.pipelines.ingest.nodes import pack_partition

PACKAGE = Path(malca.__file__).parent
STORE = FolderStore(Path("store"), ("sources",))


class _Settings(BaseModel):
    threshold: float = 1.0


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def test_equal_parts_have_equal_fingerprints():
    assert fingerprint(FRAME.copy(), _Settings(), "x", 1) == fingerprint(FRAME, _Settings(), "x", 1)


@pytest.mark.parametrize(
    "other",
    [
        FRAME.rename(columns={"a": "c"}),
        FRAME.astype({"a": float}),
        FRAME.iloc[::-1],
        FRAME.iloc[:1],
        FRAME.assign(b=["x", "z"]),
        _Settings(),
        "frame",
    ],
)
def test_other_parts_have_other_fingerprints(other):
    assert fingerprint(other) != fingerprint(FRAME)


def test_parts_do_not_run_together():
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint(1, 23) != fingerprint(12, 3)


def test_it_is_told_what_differs(monkeypatch):
    mark = fingerprint("x", _Settings())
    assert what_differs(mark, mark) == ()
    assert what_differs(mark, fingerprint("y", _Settings())) == ("inputs",)
    assert what_differs(mark, fingerprint("x", _Settings(threshold=2))) == ("parameters",)
    assert what_differs(mark, with_code(mark, "f" * 64)) == ("code",)
    assert what_differs("bundle-0123", mark) == ()
    monkeypatch.setattr(module, "code_fingerprint", lambda: "another version")
    assert what_differs(mark, fingerprint("x", _Settings(threshold=2))) == ("parameters", "code")


# --- the code of a stage -------------------------------------------------------------------------


def files_read(monkeypatch, modules):
    """Source files that make up the fingerprint of modules, relative to the package."""
    read = set()
    monkeypatch.setattr(module, "_digest", lambda paths: read.update(paths) or "")
    code_of(modules)
    return {path.relative_to(PACKAGE).as_posix() for path in read}


def test_code_is_what_the_function_and_the_loaders_can_reach(monkeypatch):
    tasks = [{"packed": partial(read_manifest_lightcurves, FRAME, workers=1)}, {"packed": None}]
    modules = modules_of(pack_partition, tasks, STORE)
    assert modules == (
        "malca.datasets.partition_store",
        "malca.datasets.readers",
        "malca.pipelines.ingest.nodes",
    )
    files = files_read(monkeypatch, modules)
    assert {"datasets/dat2.py", "kernels/text.py", "lightcurves.py"} <= files
    # Another search does not pack anew.
    assert not {
        name for name in files if name.startswith(("search/", "pipelines/detection", "filters/"))
    }


def test_code_of_the_search_is_all_of_it_and_no_figures(monkeypatch):
    files = files_read(monkeypatch, modules_of(search_partition, [], STORE))
    search = {path.relative_to(PACKAGE).as_posix() for path in (PACKAGE / "search").glob("*.py")}
    used = {"search/detect.py", "search/tags.py", "search/baseline.py", "search/morphology.py"}
    assert used <= search & files
    assert {"kernels/star_gp.py", "kernels/windows.py", "kernels/mixture.py"} <= files
    assert not {name for name in files if name.startswith(("plots/", "review/", "cli/"))}


def test_a_change_anywhere_below_changes_the_code(tmp_path, monkeypatch):
    package = tmp_path / "malca"
    package.mkdir()
    sources = {
        "__init__.py": "",
        "top.py": "def f():\n    from malca.middle import g\n    return g()\n",
        "middle.py": "from . import bottom\n",
        "bottom.py": "ONE = 1\n",
        "other.py": "TWO = 2\n",
    }
    for name, text in sources.items():
        (package / name).write_text(text)
    monkeypatch.setattr(module, "_ROOT", package)

    def code():
        module._imports.cache_clear()
        return code_of(["malca.top"])

    before = code()
    (package / "other.py").write_text("TWO = 3\n")
    assert code() == before
    (package / "bottom.py").write_text("ONE = 2\n")
    changed = code()
    assert changed != before
    (package / "top.py").write_text("from malca import other\n")
    assert code() not in {before, changed}
    module._imports.cache_clear()


def test_modules_of_others_count_with_their_source():
    assert code_of([__name__]) != code_of(["malca.kernels.text"])


def test_a_function_without_source_takes_all_the_code():
    assert code_of(["no.such.module"]) == code_of(["another.one"]) != code_of(["malca.kernels.text"])


def test_nothing_that_makes_tables_is_imported_by_a_computed_name():
    """`code_of` reads imports from the source, so it must be able to."""
    allowed = {
        "__init__.py", "pipeline_registry.py", "plugins.py",
        "datasets/dust.py", "cli/quiet.py",  # what they name is of other packages
    }  # fmt: skip
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        calls = {
            getattr(node.func, "attr", getattr(node.func, "id", ""))
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        }
        computed = calls & {"import_module", "__import__", "exec", "eval", "run_module", "run_path"}
        assert not computed or name in allowed, f"{name}: {computed}"
