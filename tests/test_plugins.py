"""Plugins that a run does without cost it nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from types import ModuleType

import pytest
from kedro.framework.hooks.manager import (
    _create_hook_manager,
    _register_hooks,
    _register_hooks_entry_points,
)

from malca.plugins import InsteadOf, leave_out_commands
from malca.settings import HOOKS


def test_hooks_with_the_name_of_a_plugins_take_its_place():
    """Those of kedro-mlflow and kedro-telemetry, not those of Kedro-Viz."""
    manager = _create_hook_manager()
    _register_hooks(manager, HOOKS)
    _register_hooks_entry_points(manager, ())
    names = {entry.name for entry in entry_points(group="kedro.hooks")}
    assert {"mlflow_hook", "kedro-telemetry"} <= names, "a plugin has renamed its hooks"
    modules = {type(plugin).__module__.partition(".")[0] for plugin in manager.get_plugins()}
    assert modules == {"malca", "kedro_viz"}


def test_a_stand_in_has_no_hooks():
    manager = _create_hook_manager()
    stand_in = InsteadOf("mlflow_hook")
    manager.register(stand_in)
    assert manager.get_plugin("mlflow_hook") is stand_in
    assert not manager.get_hookcallers(stand_in)


def test_commands_that_are_left_out_are_empty(monkeypatch):
    monkeypatch.delitem(sys.modules, "kedro_mlflow.framework.cli.cli", raising=False)
    leave_out_commands("kedro_mlflow.framework.cli.cli")
    assert sys.modules["kedro_mlflow.framework.cli.cli"].commands.commands == {}
    for name in ("no_such_plugin.cli", "json"):
        before = sys.modules.get(name)
        leave_out_commands(name)
        assert sys.modules.get(name) is before
    assert isinstance(json, ModuleType)


@pytest.mark.slow
def test_a_kedro_command_imports_no_mlflow(tmp_path):
    script = (
        "import sys; sys.argv = ['kedro', 'registry', 'list']\n"
        "from kedro.framework.cli.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'mlflow'])"
    )
    project = __file__.rpartition("/tests/")[0]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=project, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
