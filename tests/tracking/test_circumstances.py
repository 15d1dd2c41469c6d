from __future__ import annotations

import subprocess

import pytest

import malca
from malca.partitions.fingerprints import code_fingerprint
from malca.tracking.circumstances import code_state, command_line, machine, versions


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository that holds a package, which passes for this one."""
    package = tmp_path / "src" / "malca"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("conf/local/\n")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    monkeypatch.setattr(malca, "__file__", str(package / "__init__.py"))
    return tmp_path


def test_a_clean_checkout_is_its_revision(repository):
    state, patch = code_state()
    head = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert state.revision == head.stdout.strip()
    assert state.dirty is False
    assert patch is None
    assert state.fingerprint == code_fingerprint()


def test_a_patch_makes_the_revision_what_ran(repository, tmp_path_factory):
    (repository / "src" / "malca" / "__init__.py").write_text("x = 2\n")
    (repository / "src" / "malca" / "größer.py").write_text("y = 'ä'\n")
    (repository / "conf" / "local").mkdir(parents=True)
    (repository / "conf" / "local" / "credentials.yml").write_text("password: secret\n")
    (repository / "notes.txt").write_text("not code\n")
    state, patch = code_state()
    assert state.dirty is True
    assert b"secret" not in patch
    assert b"notes.txt" not in patch
    copy = tmp_path_factory.mktemp("copy")
    git(copy, "clone", str(repository), ".")
    (copy / "a.patch").write_bytes(patch)
    git(copy, "apply", "a.patch")
    assert (copy / "src" / "malca" / "__init__.py").read_text() == "x = 2\n"
    assert (copy / "src" / "malca" / "größer.py").read_text() == "y = 'ä'\n"


def test_a_package_that_is_no_part_of_the_repository_has_no_revision(repository, monkeypatch):
    """An environment inside a checkout: the checkout's revision says nothing about the package."""
    installed = repository / ".venv" / "malca"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    monkeypatch.setattr(malca, "__file__", str(installed / "__init__.py"))
    state, patch = code_state()
    assert (state.revision, state.dirty, patch) == (None, None, None)


def test_without_git_there_is_no_revision(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))
    state, patch = code_state()
    assert (state.revision, state.dirty, patch) == (None, None, None)
    assert state.fingerprint == code_fingerprint()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["/x/.venv/bin/kedro", "run", "--params", "a=1,b=x y"], "kedro run --params 'a=1,b=x y'"),
        (["/x/kedro/__main__.py", "run"], "python -m kedro run"),
        (["python -m kedro", "run"], "python -m kedro run"),
    ],
)
def test_the_command_is_as_one_would_type_it(arguments, told):
    assert command_line(arguments) == told


def test_versions_and_machine_are_told():
    found = versions()
    assert found["malca"] == malca.__version__
    assert {"python", "numpy", "numba", "kedro", "mlflow"} <= set(found)
    assert machine()["processors"] >= 1
