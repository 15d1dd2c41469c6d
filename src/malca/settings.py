"""Kedro's settings of the project."""

import os
import warnings
from pathlib import Path
from typing import Any

# Nobody is tracked. Kedro's telemetry goes by the first; MLflow's only by the second, and is on
# from the moment MLflow is imported.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from malca.hooks import ProjectHooks
from malca.magnitude_bins import resolve_bin
from malca.plugins import InsteadOf, hide_credentials, leave_out_commands
from malca.tracking.hooks import TrackingHooks


def path_in(folder: str, path: str | None) -> str | None:
    """Path within a folder, unless it is absolute; none stays none.

    Globals cannot do it: what one of them takes from another is settled before conf/local is laid over.
    """
    return None if path is None else str(Path(folder) / path)


# Of Kedro 1.7 under OmegaConf 2.4, several times a command; whoever runs MALCA can do nothing about it.
warnings.filterwarnings("ignore", r"register_new_resolver\(\) is deprecated", UserWarning)
leave_out_commands("kedro_mlflow.framework.cli.cli")
hide_credentials()
# Kedro calls the last first: a run that is refused is not recorded.
HOOKS = (TrackingHooks(), ProjectHooks(), InsteadOf("kedro-telemetry"))
CONFIG_LOADER_ARGS: dict[str, Any] = {
    "base_env": "base",
    "default_run_env": "local",
    # what conf/local names of `catalogs` or `services` leaves the rest of them as it is
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"]},
    "custom_resolvers": {"magnitude_bin": resolve_bin, "path_in": path_in},
}
