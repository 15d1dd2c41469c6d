"""Serve the twins of a project's catalogues by TAP: ``python -m tests.services.serve_catalogues``.

Every catalogue that a TAP service is declared for, and whose twin is there, is served under the names
that the declaration gives, at the port that ``conf/dachs`` names. Stops at Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import Any

import click
from kedro.config import OmegaConfigLoader
from tests.services.catalogue_tables import served_tables
from tests.services.dachs import TapServer
from tests.services.packages import UnavailableError

from malca import settings
from malca.datasets.services.tap import TapDeclaration

PROJECT = Path(__file__).resolve().parents[2]
PORT = 18081
_NOT_DECLARED = {"type", "metadata", "credentials", "versioned"}


def declared_catalogues(project: Path = PROJECT, env: str = "dachs") -> dict[str, TapDeclaration]:
    """Catalogues of TAP services that a project declares, by name.

    Parameters
    ----------
    project : Path
        Its folder, within which twins are looked for.
    env : str
        Kedro environment.
    """
    loader = OmegaConfigLoader(
        conf_source=str(project / "conf"),
        base_env="base",
        default_run_env=env,
        custom_resolvers=settings.CONFIG_LOADER_ARGS["custom_resolvers"],
        merge_strategy=settings.CONFIG_LOADER_ARGS["merge_strategy"],
    )
    entries: dict[str, dict[str, Any]] = loader["catalog"]
    found = {}
    for name, entry in entries.items():
        if entry.get("type", "").endswith(".TapCatalog"):
            declared = {key: value for key, value in entry.items() if key not in _NOT_DECLARED}
            if declared.get("filepath"):
                declared["filepath"] = project / declared["filepath"]
            found[name] = TapDeclaration.model_validate(declared)
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}, as conf/dachs says")
    parser.add_argument("--env", default="dachs", help="Kedro environment that declares the catalogues")
    options = parser.parse_args(arguments)
    tables = served_tables(declared_catalogues(env=options.env).values())
    if not tables:
        click.echo("no catalogue's twin is there: run `make demo` first", err=True)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with TapServer(tables, port=options.port) as server:
            for table in tables:
                click.echo(
                    f"{table.named}: {len(table.frame)} rows, {len(table.frame.columns)} columns"
                )
            click.echo(f"serving at {server.url}; Ctrl-C stops it")
            signal.pause()
    except KeyboardInterrupt:
        click.echo("stopped")
    except UnavailableError as error:
        click.echo(error, err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
