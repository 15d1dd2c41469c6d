"""The pipeline as Kedro runs it, on a handful of stars."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from malca.pipelines.simulation import create_pipeline
from malca.pipelines.simulation.catalog_parameters import SimulatedCatalogParameters
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.pipelines.simulation.vsx import VSX_FIELDS
from malca.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).resolve().parents[3] / "conf"


def run(folder: Path, **parameters: object) -> DataCatalog:
    loader = OmegaConfigLoader(
        str(CONF),
        base_env="base",
        default_run_env="local",
        custom_resolvers=CONFIG_LOADER_ARGS["custom_resolvers"],
    )
    loader["globals"] = loader["globals"] | {
        "survey_root": str(folder / "survey"),
        "vsx_path": str(folder / "survey" / "vsxcat.dat"),
        "data_root": str(folder),
        "catalogs_root": str(folder / "catalogs"),
        "mag_bin": "13_13.5",
        "real_lightcurves": None,
    }
    names = create_pipeline().datasets()
    entries = {name: config for name, config in loader["catalog"].items() if name in names}
    catalog = DataCatalog.from_config(entries)
    values = {**loader["parameters"]["simulation"], **parameters}
    catalog["params:simulation"] = SimulationParameters(**values)
    catalog["params:simulated_catalogs"] = SimulatedCatalogParameters()
    SequentialRunner().run(create_pipeline(), catalog)
    return catalog


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> DataCatalog:
    folder = tmp_path_factory.mktemp("pipeline")
    return run(folder, n_stars=24, stars_per_index=3, stars_per_chunk=7, realism_sample=8)


def test_the_defaults_in_yaml_are_those_of_the_model() -> None:
    loader = OmegaConfigLoader(
        str(CONF),
        base_env="base",
        default_run_env="base",
        custom_resolvers=CONFIG_LOADER_ARGS["custom_resolvers"],
    )
    assert SimulationParameters(**loader["parameters"]["simulation"]) == SimulationParameters()


def test_every_dataset_is_declared_and_saved(catalog: DataCatalog) -> None:
    for name in create_pipeline().outputs():
        assert catalog.exists(name), name


def test_truth_agrees_with_what_is_on_disk(catalog: DataCatalog) -> None:
    truth = catalog.load("simulated_truth")
    assert len(truth) == 24
    lightcurves = catalog.load("simulated_survey").lightcurves(truth)
    assert lightcurves.stars["asas_sn_id"].tolist() == truth["asas_sn_id"].tolist()
    counts = pd.Series(lightcurves.offsets).diff().dropna().astype(int)
    assert counts.tolist() == truth["n_points"].tolist()
    events = catalog.load("simulated_truth_events")
    assert set(events["asas_sn_id"]) <= set(truth["asas_sn_id"])
    assert events.groupby("asas_sn_id").size().sum() == truth["n_events"].sum()


def test_vsx_has_its_fixed_columns(catalog: DataCatalog) -> None:
    lines = catalog.load("simulated_vsx").splitlines()
    assert len(lines) >= 500
    start, end = VSX_FIELDS["ra"]
    ra = [float(line[start:end]) for line in lines]
    assert ra == sorted(ra)
    gaps = sorted(
        set(range(206)) - {k for first, last in VSX_FIELDS.values() for k in range(first, last)}
    )
    assert all(line[gap] == " " for line in lines for gap in gaps)
