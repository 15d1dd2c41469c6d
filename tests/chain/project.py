"""A project of a small simulated survey, whose catalogues are asked of services on this machine."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from kedro.runner import SequentialRunner
from kedro.validation.parameter_validator import ParameterValidator
from tests.conftest import PROJECT

from malca.cli.project import open_project
from malca.pipeline_registry import register_pipelines

MAG_BIN = "13_13.5"
CHAIN = ("characterization", "vetting", "classification")
#: Tables of the chain, in order.
TABLES = ("characterized", "vetted", "classified")
#: More of the stars vary than in the sample survey, so that of few there are candidates enough.
SIMULATION = {
    "n_stars": 48,
    "mag_bins": {MAG_BIN: 1.0},
    "populations": {"quiet": 0.05, "dipper_single": 0.3, "dipper_repeated": 0.3, "single_eclipse": 0.2},
}
#: More of their ids are others in Gaia DR3 than in DR2.
SIMULATED_CATALOGS = {"gaia": {"new_id_share": 0.3}}
_SERVICES = "malca.datasets.services."


def make_searched_project(folder: Path) -> Path:
    """Make a project and run it up to its candidates, with local twins and offline."""
    (folder / "src").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[tool.kedro]\npackage_name = "malca"\nproject_name = "malca"\nkedro_init_version = "1.7.0"\n'
    )
    shutil.copytree(PROJECT / "conf" / "base", folder / "conf" / "base")
    (folder / "conf" / "local").mkdir()
    set_catalogs(folder, source="local", offline=True)
    _write(
        folder / "conf" / "local" / "parameters.yml",
        {"simulation": SIMULATION, "simulated_catalogs": SIMULATED_CATALOGS},
    )
    run(folder, "simulation", tags=["survey"])
    run(folder, "ingest", "detection", "filtering")
    return folder


def copy_project(source: Path, folder: Path) -> Path:
    """Copy a project with what it has made."""
    shutil.copytree(source, folder)
    return folder


def set_catalogs(folder: Path, **options: Any) -> None:
    """Say in conf/local where catalogues are looked up."""
    catalogs = {"source": "auto", "offline": False, "cache_folder": "cache", "cache_days": 90}
    _write(folder / "conf" / "local" / "globals.yml", {"catalogs": catalogs | options})


def set_parameters(folder: Path, parameters: Mapping[str, Any]) -> None:
    """Give parameters in conf/local."""
    _write(folder / "conf" / "local" / "parameters.yml", dict(parameters))


def set_services(folder: Path, url: str, names: Mapping[str, Any], **options: Any) -> None:
    """Have every catalogue of a service ask one here, each at an address of its own.

    Parameters
    ----------
    folder : Path
        Of the project.
    url : str
        Of the server; a catalogue is at ``<url>/<name>``, and so are its requests.
    names : mapping
        Of the catalogues, ``service_entries``.
    **options
        Beside what the entries say: ``retries``, ``batch_size`` …
    """
    for path in (folder / "conf" / "base").glob("catalog*catalogs.yml"):
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name in names.keys() & entries.keys():
            entries[name] |= {"urls": [f"{url}/{name}"], **options}
            if names[name]["type"].endswith("AtlasCatalog"):
                entries[name] |= {"poll_seconds": 0.01}
            if names[name]["type"].endswith("TnsCatalog"):
                entries[name] |= {"requests_per_second": 10}  # it may be asked no faster
        _write(path, entries)


def service_entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Entries of catalogues of services, as a project's catalog has them, by name."""
    entries = open_project(folder=folder).entries
    return {name: dict(entry) for name, entry in entries.items() if entry["type"].startswith(_SERVICES)}


def run(folder: Path, *names: str, tags: list[str] | None = None) -> None:
    """Run pipelines of a project as Kedro does, in this process."""
    registered = register_pipelines()
    with _inside(folder):
        for name in names:
            project = open_project(folder=folder)
            pipeline = registered[name]
            if tags:
                pipeline = pipeline.only_nodes_with_tags(*tags)
            parameters = ParameterValidator({name: pipeline}).validate_raw_params(
                dict(project.parameters)
            )
            for key, value in parameters.items():
                project.catalog[f"params:{key}"] = value
            SequentialRunner().run(pipeline, project.catalog)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    level = logging.getLogger("kedro").level
    os.chdir(folder)
    logging.getLogger("kedro").setLevel(logging.WARNING)
    try:
        yield
    finally:
        os.chdir(before)
        logging.getLogger("kedro").setLevel(level)


def table(folder: Path, name: str) -> pd.DataFrame:
    """Table that a run has made."""
    (path,) = (folder / "data").rglob(f"{MAG_BIN}/{name}.parquet")
    return pd.read_parquet(path)


def answers(folder: Path, names: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Outcome of every star in every catalogue of a service, by the name of the catalogue."""
    found = {}
    for name in names:
        stem = name.removesuffix("_catalog")
        for kind in ("matches", "outcomes"):
            paths = list((folder / "data").rglob(f"{MAG_BIN}/{stem}_{kind}.parquet"))
            if paths:
                found[name] = pd.read_parquet(paths[0])[["asas_sn_id", "outcome", "reason"]]
    return found


def _write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
