"""Commands for the local twins of catalogues: which are there, and making long ones fast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from malca.cli.project import Refusal, open_project, project_options

_ENDING = "_catalog"


@click.group()
def catalogs() -> None:
    """Look at the local twins of catalogues, or index them."""


@catalogs.command("list")
@project_options
def list_catalogs(mag_bin: str | None, env: str | None, conf_source: Path | None) -> None:
    """List catalogues, and who answers: a local twin, its index, or a service."""
    project = open_project(mag_bin, env, conf_source)
    names = _names(project.entries)
    for name, dataset in project.datasets(names).items():
        click.echo(f"{name.removesuffix(_ENDING):24} {dataset.local_state()}")  # type: ignore[attr-defined]


@catalogs.command("index")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@project_options
def index_catalogs(
    names: tuple[str, ...], mag_bin: str | None, env: str | None, conf_source: Path | None
) -> None:
    """Sort the local twins of some catalogues by the sky, once, so that they are matched faster.

    Worth it for tables of more than some million rows. A twin that is no Parquet table is indexed in
    any case, when it is first used.
    """
    from kedro.io import DatasetError

    project = open_project(mag_bin, env, conf_source)
    known = _names(project.entries)
    wanted = [name if name.endswith(_ENDING) else f"{name}{_ENDING}" for name in names]
    unknown = [name.removesuffix(_ENDING) for name in wanted if name not in known]
    if unknown:
        there = ", ".join(name.removesuffix(_ENDING) for name in known)
        raise Refusal(f"there is no catalogue {', '.join(unknown)}; there are {there}")
    for name, dataset in project.datasets(wanted).items():
        try:
            click.echo(dataset.index())  # type: ignore[attr-defined]
        except DatasetError as error:
            raise Refusal(f"{name.removesuffix(_ENDING)}: {error}") from None


def _names(entries: Any) -> list[str]:
    """Datasets that stars are looked up in."""
    classes = ("malca.datasets.catalogs.LocalCatalog", "malca.datasets.services.")
    return sorted(name for name, entry in entries.items() if str(entry["type"]).startswith(classes))
