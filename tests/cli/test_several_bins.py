"""`kedro run --params mag_bin=12.5_13+13_13.5`: one bin after the other."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner
from kedro.framework.cli.project import run as kedro_run

from malca.cli import _Run
from malca.hooks import RefusedError
from malca.magnitude_bins import split_bins


@pytest.fixture
def command():
    """The command, with a session that only notes its parameters."""
    seen = []

    def session(params, **_):
        seen.append(params)
        if params.get("mag_bin") == "14_14.5":
            raise RefusedError("there is no magnitude bin '14_14.5'")
        if params.get("mag_bin") == "15_15.5":
            raise OSError("disk full")

    made = _Run("run", callback=session, params=kedro_run.params)
    return seen, lambda *arguments: CliRunner().invoke(made, arguments, obj=None)


def test_each_bin_has_a_session_of_its_own(command):
    seen, run = command
    result = run("--params", "mag_bin=12.5_13+13_13.5+12.5_13,overwrite=true")
    assert result.exit_code == 0, result.output
    assert seen == [
        {"mag_bin": "12.5_13", "overwrite": True},
        {"mag_bin": "13_13.5", "overwrite": True},
    ]


@pytest.mark.parametrize("typed", ["mag_bin=13_13.5", "overwrite=true", ""])
def test_a_single_bin_or_none_is_left_as_it_was(command, typed):
    seen, run = command
    assert run(*(["--params", typed] if typed else [])).exit_code == 0
    assert len(seen) == 1


def test_bins_that_fail_do_not_stop_the_others(command):
    seen, run = command
    result = run("--params", "mag_bin=14_14.5+15_15.5+13_13.5")
    assert [params["mag_bin"] for params in seen] == ["14_14.5", "15_15.5", "13_13.5"]
    assert result.exit_code == 1
    last = result.output.splitlines()[-1]
    assert last == (
        "Error: 2 of 3 bins failed: 14_14.5: there is no magnitude bin '14_14.5'; "
        "15_15.5: OSError: disk full"
    )


def test_a_bin_that_is_none_is_refused_before_any_run(command):
    seen, run = command
    result = run("--params", "mag_bin=13_13.5+bright")
    assert (result.exit_code, seen) == (1, [])
    assert "'bright' is not a magnitude bin" in result.output


def test_an_interrupt_stops_all(command, monkeypatch):
    seen, run = command

    def interrupted(*_):
        seen.append("interrupted")
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Command, "invoke", interrupted)
    assert run("--params", "mag_bin=13_13.5+13.5_14").exit_code == 1
    assert seen == ["interrupted"]


def test_bins_are_split_and_each_is_named_once():
    assert split_bins("12.5_13+13_13.5+12.5_13") == ("12.5_13", "13_13.5")
    assert split_bins("all") == ("all",)
    with pytest.raises(ValueError, match="is not a magnitude bin"):
        split_bins("13_13.5+")
