"""The project as a whole: catalog, parameters and pipelines fit together."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader
from omegaconf.errors import OmegaConfBaseException

from malca import settings
from malca.pipelines import detection, evaluation, filtering, ingest, reporting, simulation

PROJECT = Path(__file__).resolve().parents[1]
PIPELINES = {
    name: module.create_pipeline()
    for name, module in {
        "simulation": simulation,
        "ingest": ingest,
        "detection": detection,
        "filtering": filtering,
        "reporting": reporting,
        "evaluation": evaluation,
    }.items()
}


def load(kind: str, *, env: str = "local", **runtime_params: object) -> dict:
    loader = OmegaConfigLoader(
        conf_source=str(PROJECT / "conf"),
        base_env="base",
        default_run_env=env,
        runtime_params=runtime_params,
        custom_resolvers=settings.CONFIG_LOADER_ARGS["custom_resolvers"],
        merge_strategy=settings.CONFIG_LOADER_ARGS["merge_strategy"],
    )
    return loader[kind]


@pytest.mark.parametrize("env", ["local", "demo"])
@pytest.mark.parametrize("name", PIPELINES)
def test_no_dataset_is_left_in_memory(name, env):
    datasets = {d for d in PIPELINES[name].datasets() if not d.startswith("params:")}
    assert datasets <= set(load("catalog", env=env))


@pytest.mark.parametrize("name", PIPELINES)
def test_every_parameter_has_a_value(name):
    asked = {d.removeprefix("params:") for d in PIPELINES[name].datasets() if d.startswith("params:")}
    assert asked <= set(load("parameters"))


def test_every_dataset_has_a_layer():
    for name, entry in load("catalog").items():
        assert entry["metadata"]["kedro-viz"]["layer"], name


def test_layers_follow_each_other():
    """Kedro-Viz shows no layers at all if what is made from what closes a circle of them."""
    layers = {name: entry["metadata"]["kedro-viz"]["layer"] for name, entry in load("catalog").items()}
    before: dict[str, set[str]] = {}
    for node in (node for pipeline in PIPELINES.values() for node in pipeline.nodes):
        made_of = {layers[name] for name in node.inputs if name in layers}
        for layer in (layers[name] for name in node.outputs):
            before.setdefault(layer, set()).update(made_of - {layer})
    order = list(TopologicalSorter(before).static_order())
    assert order.index("feature") < order.index("model_output") < order.index("reporting")


def test_a_bin_typed_bare_is_the_bin():
    """What YAML makes of ``--params mag_bin=13_13.5``."""
    number = yaml.safe_load("13_13.5")
    assert number == 1313.5
    catalog = load("catalog", mag_bin=number)
    assert "/13_13.5/" in catalog["events"]["filepath"]
    assert "1313" not in str(catalog)


def test_a_bin_that_does_not_exist_is_refused():
    with pytest.raises(OmegaConfBaseException, match=r"mag_bin: 1313\.7 is no magnitude bin"):
        load("catalog", mag_bin=yaml.safe_load("13_13.7"))


def test_pipelines_meet_only_in_the_catalog():
    """What one pipeline makes no other makes, and the order of the default run is that of the data."""
    made: dict[str, str] = {}
    for name, pipeline in PIPELINES.items():
        for dataset in pipeline.outputs() | (pipeline.datasets() - pipeline.inputs()):
            assert dataset not in made, f"{dataset} is made by {made[dataset]} and {name}"
            made[dataset] = name
    needs_detection = PIPELINES["detection"].inputs() & set(made)
    assert {made[dataset] for dataset in needs_detection} == {"ingest"}


def test_paths_follow_the_roots_of_conf_local(tmp_path):
    loader = OmegaConfigLoader(
        conf_source=str(PROJECT / "conf"),
        base_env="base",
        default_run_env="local",
        custom_resolvers=settings.CONFIG_LOADER_ARGS["custom_resolvers"],
    )
    loader["globals"] = loader["globals"] | {"survey_root": "/survey", "data_root": "/scratch"}
    catalog = loader["catalog"]
    assert catalog["vsx_catalog"]["filepath"] == "/survey/vsxcat.dat"
    assert catalog["gaia_catalog"]["filepath"] == "/scratch/01_raw/catalogs/gaia.parquet"
    assert settings.path_in("/survey", None) is None
    assert settings.path_in("/survey", "/data/vsx.dat") == "/data/vsx.dat"


def test_one_switch_in_local_globals_leaves_the_others(tmp_path):
    base = PROJECT / "conf" / "base"
    (tmp_path / "base").symlink_to(base)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "globals.yml").write_text(
        "catalogs: {offline: true}\nservices: {vizier_tap: [https://mirror.example/tap]}\n"
    )
    arguments = {**settings.CONFIG_LOADER_ARGS, "conf_source": str(tmp_path)}
    catalog = OmegaConfigLoader(**arguments)["catalog"]
    services = {name: entry for name, entry in catalog.items() if "offline" in entry}
    assert all(entry["offline"] for entry in services.values())
    assert catalog["simbad_catalog"]["source"] == "auto"
    assert catalog["erosita_catalog"]["urls"] == ["https://mirror.example/tap"]
