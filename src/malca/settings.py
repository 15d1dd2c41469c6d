"""Kedro's settings of the project."""

import os
from pathlib import Path

os.environ.setdefault("DO_NOT_TRACK", "1")  # nobody is tracked

from malca.hooks import ProjectHooks
from malca.magnitude_bins import resolve_bin

_PROJECT = Path(__file__).resolve().parents[2]

HOOKS = (ProjectHooks(),)
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry", "kedro_telemetry")
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {
        "project_path": lambda relative="": str(_PROJECT / relative),
        "magnitude_bin": resolve_bin,
    },
}
