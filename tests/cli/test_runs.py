"""Commands that look at what a run has left."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import malca.rerun
from malca.cli import main
from malca.cli.project import open_project
from malca.hooks import RefusedError


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    (sentence,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return sentence


@pytest.fixture
def here(project, monkeypatch):
    monkeypatch.chdir(project)
    return project


def row_of(output, name):
    (line,) = [line for line in output.splitlines() if line.split()[:1] == [name]]
    return [int(word) for word in line.split() if word.isdigit()]


def test_attrition_tells_what_each_filter_stopped(here):
    table = open_project(folder=here).catalog.load("attrition")
    result = run("attrition")
    assert result.exit_code == 0, result.output
    rows = table[table["branch"] == "any"]
    for row in rows[rows["stage"] == "filter"].itertuples():
        assert row_of(result.output, row.filter) == [
            row.n_in, row.n_passed, row.n_unknown, row.n_failed, row.n_stopped, row.n_out, row.n_only,
        ]  # fmt: skip
    assert row_of(result.output, "candidates") == [3, 3]
    assert row_of(result.output, "searched,") == [4, 3]
    assert row_of(run("attrition", "--branch", "jump").output, "candidates") == [1, 1]


def test_attrition_is_drawn_where_asked(here, tmp_path):
    result = run("attrition", "--figure", tmp_path / "funnel.svg")
    assert result.exit_code == 0, result.output
    assert "<svg" in (tmp_path / "funnel.svg").read_text()
    assert "ends in .png" in refused("attrition", "--figure", tmp_path / "funnel.xlsx")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused("attrition", "--figure", tmp_path / "file" / "funnel.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "funnel.svg"]


def test_the_summary_page_is_found(here, monkeypatch):
    opened = []
    monkeypatch.setattr("click.launch", opened.append)
    path = here / "data" / "08_reporting" / "13_13.5" / "summary.html"
    assert run("summary").output.splitlines() == [str(path)]
    assert opened == []
    run("summary", "--open")
    assert opened == [str(path)]


def test_what_was_not_run_is_said(home, monkeypatch):
    monkeypatch.chdir(home)
    assert "first kedro run --pipelines filtering --params mag_bin=13_13.5" in refused("attrition")
    assert "first kedro run --pipelines reporting --params mag_bin=13_13.5" in refused("summary")
    assert "bin 14_14.5 has no" in refused("summary", "--mag-bin", "14_14.5")
    assert "'13-13.5' is not a magnitude bin" in refused("summary", "--mag-bin", "13-13.5")


def test_commands_work_below_the_project_folder(here, monkeypatch):
    monkeypatch.chdir(here / "conf" / "base")
    assert run("attrition").exit_code == 0


@pytest.mark.parametrize("equal", [True, False])
def test_rerun_passes_on_what_it_is_told(monkeypatch, equal):
    asked = []

    def rerun(run_id, **options):
        asked.append((run_id, {name for name, value in options.items() if value}))
        return SimpleNamespace(describe=lambda: "all the same", equal=equal)

    monkeypatch.setattr(malca.rerun, "rerun", rerun)
    result = run("rerun", "20260314T150926", "--allow-different-code", "--reuse")
    assert asked == [("20260314T150926", {"allow_different_code", "reuse"})]
    assert result.output == "all the same\n"
    assert result.exit_code == (0 if equal else 1)


def test_a_rerun_that_is_refused_is_told_in_a_sentence(monkeypatch):
    def rerun(run_id, **options):
        raise RefusedError(f"no run {run_id} is recorded")

    monkeypatch.setattr(malca.rerun, "rerun", rerun)
    result = run("rerun", "x")
    assert result.exit_code == 1
    assert result.stderr == "Error: no run x is recorded\n"
