"""What of Kedro and its plugins this project does without, and how."""

from __future__ import annotations

import logging
import re
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


def hide_credentials() -> None:
    """Keep credentials out of what Kedro logs of its hooks: at DEBUG, all that each is given."""
    logging.getLogger("kedro.framework.hooks.manager").addFilter(_without_credentials)


def _without_credentials(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    if "conf_creds" in message:
        record.msg, record.args = re.sub(r"(?m)^(\s*conf_creds: ).*$", r"\1***", message), None
    return True
