"""Stars as files, and a project with a small survey that has been run through."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from kedro.runner import SequentialRunner
from kedro.validation.parameter_validator import ParameterValidator

from malca.cli.project import open_project
from malca.pipeline_registry import register_pipelines

ROOT = Path(__file__).resolve().parents[2]
STAR = 25770019815
DIP_JD = 2458200.0
#: The survey's stars and how deep their dips are, mag.
DEPTHS = {STAR: 0.4, STAR + 1: 0.6, STAR + 2: 0.0, STAR + 3: -0.5}


def write_dat2(path, n_visits=160, depth_mag=0.4, seed=7):
    """Write a star of two cameras, seen every third night, that dims once."""
    rng = np.random.default_rng(seed)
    jd = np.repeat(2458000.0 + 3.0 * np.arange(n_visits), 2) + np.tile([0.6, 0.7], n_visits)
    mag = 13.2 + rng.normal(0, 0.01, len(jd)) + depth_mag * np.exp(-0.5 * ((jd - DIP_JD) / 8.0) ** 2)
    lines = [
        f"{t - 2450000:.5f} {m:.4f} 0.0080 1 {7 + i % 2} 0 0 b{'ij'[i % 2]}/F1200+00_1\n"
        for i, (t, m) in enumerate(zip(jd, mag, strict=True))
    ]
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="session")
def dat2():
    return write_dat2


def make_project(folder: Path, survey_root: Path) -> Path:
    """Folder of a project that has this project's configuration and data of its own."""
    (folder / "src").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[tool.kedro]\npackage_name = "malca"\nproject_name = "malca"\nkedro_init_version = "1.7.0"\n'
    )
    shutil.copytree(ROOT / "conf" / "base", folder / "conf" / "base")
    (folder / "conf" / "local").mkdir()
    (folder / "conf" / "local" / "globals.yml").write_text(
        f"survey_root: {survey_root}\nvsx_path: null\ncatalogs: {{offline: true}}\n"
    )
    return folder


def run_in(folder: Path, *names: str) -> None:
    """Run pipelines in a project as Kedro does, without its hooks and without MLflow."""
    project = open_project(folder=folder)
    registered = register_pipelines()
    for name in names:
        pipeline = registered[name]
        parameters = ParameterValidator({name: pipeline}).validate_raw_params(dict(project.parameters))
        for key, value in parameters.items():
            project.catalog[f"params:{key}"] = value
        SequentialRunner().run(pipeline, project.catalog)


@pytest.fixture(scope="session")
def run_pipelines():
    return run_in


@pytest.fixture(scope="session")
def survey(tmp_path_factory) -> Path:
    """A survey of one bin with `DEPTHS`."""
    root = tmp_path_factory.mktemp("survey")
    curves = root / "13_13.5" / "lc1_cal"
    curves.mkdir(parents=True)
    rows = ["asas_sn_id,ra_deg,dec_deg,pm_ra,pm_dec,gaia_id"]
    for k, (star, depth_mag) in enumerate(DEPTHS.items()):
        write_dat2(curves / f"{star}.dat2", depth_mag=depth_mag, seed=k)
        rows.append(f"{star},{30.0 + k},{-20.0 + k},1.0,-2.0,{10**15 + k}")
    (root / "13_13.5" / "index1.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="session")
def cluster(tmp_path_factory, survey) -> Path:
    """A project in which `cluster` was run."""
    folder = make_project(tmp_path_factory.mktemp("cluster"), survey)
    run_in(folder, "cluster")
    return folder


@pytest.fixture(scope="session")
def project(tmp_path_factory, survey) -> Path:
    """A project in which the default run, undivided, was run."""
    folder = make_project(tmp_path_factory.mktemp("project"), survey)
    run_in(folder, "__default__")
    return folder


@pytest.fixture
def home(tmp_path) -> Path:
    """A project without the survey, in which nothing was run."""
    return make_project(tmp_path / "home", tmp_path / "no_survey")
