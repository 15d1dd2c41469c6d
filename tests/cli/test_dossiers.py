"""Where a bin's dossiers are."""

from __future__ import annotations

from click.testing import CliRunner

from malca.cli import main
from malca.cli.project import open_project


def test_the_list_of_dossiers_is_found_or_said_how_to_make(home, monkeypatch):
    monkeypatch.chdir(home)
    path = open_project(folder=home).path_of("dossiers") / "index.html"
    refused = CliRunner().invoke(main, ["summary", "--dossiers"])
    assert refused.exit_code == 2
    assert f"has no dossiers at {path}: first kedro run --pipelines dossiers" in refused.output
    path.parent.mkdir(parents=True)
    path.write_text("<!DOCTYPE html>")
    found = CliRunner().invoke(main, ["summary", "--dossiers"])
    assert (found.exit_code, found.output.strip()) == (0, str(path))
