"""Plugins of Kedro that this project does without, and how they are kept from being imported."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType

import click


class InsteadOf:
    """Takes the name of a plugin's hooks, so that pluggy neither imports nor registers them.

    Kedro's DISABLE_HOOKS_FOR_PLUGINS imports plugins and then drops their hooks.

    Parameters
    ----------
    entry_point : str
        Name of the plugin's entry point in the group ``kedro.hooks``.
    """

    def __init__(self, entry_point: str) -> None:
        self.__name__ = entry_point


def leave_out_commands(module: str) -> None:
    """Let ``kedro`` find a module of commands empty, so that it imports nothing.

    Kedro imports the commands of every plugin whatever the command is. Those of kedro-mlflow
    import MLflow: a third of the time before a run's first node.
    """
    if module in sys.modules or find_spec(module.partition(".")[0]) is None:
        return
    stand_in = ModuleType(module)
    stand_in.commands = click.Group("left_out")  # type: ignore[attr-defined]
    sys.modules[module] = stand_in
