"""Characterizing a survey's candidates with a TAP server gives the table that local twins give."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.services.catalogue_tables import served_tables
from tests.services.serve_catalogues import PORT, declared_catalogues

PROJECT = Path(__file__).resolve().parents[2]
MAG_BIN = "13_13.5"
N_STARS = 250

pytestmark = pytest.mark.services


def kedro(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", *arguments], cwd=folder, capture_output=True, text=True,
        timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project with candidates of a small simulated survey, and twins of what is known of them."""
    folder = tmp_path_factory.mktemp("project") / "malca"
    (folder / "src").mkdir(parents=True)
    shutil.copy(PROJECT / "pyproject.toml", folder)
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    parameters = {"simulation": {"n_stars": N_STARS, "mag_bins": {MAG_BIN: 1.0}}}
    (folder / "conf" / "demo" / "parameters.yml").write_text(yaml.safe_dump(parameters))
    kedro(folder, "--env", "demo", "--pipelines", "simulation", "--tags", "survey")
    kedro(folder, "--env", "demo", "--pipelines", "ingest,detection,filtering")
    return folder


def characterized(folder: Path, env: str) -> pd.DataFrame:
    kedro(folder, "--env", env, "--pipelines", "characterization")
    (path,) = (folder / "data").rglob("characterized.parquet")
    return pd.read_parquet(path)


def test_a_tap_server_gives_the_table_that_local_twins_give(project, tap_server):
    local = characterized(project, "demo")

    catalogues = declared_catalogues(project)
    tables = served_tables(catalogues.values())
    tap_server.publish(tables)
    settings = project / "conf" / "dachs" / "globals.yml"
    port = re.search(r":(\d+)/", tap_server.url)[1]
    settings.write_text(settings.read_text().replace(f":{PORT}/", f":{port}/"))
    served = characterized(project, "dachs")

    pd.testing.assert_frame_equal(served, local)
    assert len(local) > 10
    for name in ("gaia", "tmass", "allwise"):
        assert (local[f"{name}_outcome"] == "matched").sum() > 5, name
    asked = {path.name for path in (project / "data/05_model_input/service_cache_dachs").iterdir()}
    assert len(asked) >= 6, asked  # it was the server that answered
