"""What the catalog declares of catalogues is what the vetting looks at."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from malca.lookups import look_up, look_up_all, targets_of
from malca.pipelines.vetting import create_pipeline
from malca.settings import CONFIG_LOADER_ARGS
from malca.vetting import VettingParameters
from malca.vetting.modules import MATCH_MODULES

CONF = Path(__file__).resolve().parents[3] / "conf"
#: Columns of entries that the vetting names, by the end or the whole of the catalogue's name.
LISTED = {
    "gaia_epoch_photometry": {"g_mag", "bp_mag", "rp_mag", "noisy"},
    "erosita": {"name", "position_error_arcsec", "likelihood", "extent_arcsec", "flux_cgs"},
    "atlas": {"filter", "flux_ujy", "flux_error_ujy"},
    "neowise": {"mjd", "w1mpro", "w1sigmpro", "w2mpro", "w2sigmpro", "qual_frame", "qi_fact", "saa_sep",
                "moon_masked", "cc_flags", "ph_qual", "nb", "na", "w1rchi2", "w2rchi2"},
    "gaia_neighbours": {"gaia_dr3_id", "g_mag"},
    "tmass_neighbours": {"id"},
    "allwise_neighbours": {"id"},
    "vsx_neighbours": {"id", "class", "variability_flag", "period_days", "max_mag"},
    "apogee_spectra": {"spectrum_id"}, "galah_spectra": {"spectrum_id"},
    "lamost_spectra": {"spectrum_id"}, "rave_spectra": {"spectrum_id"},
    "sdss_spectra": {"spectrum_id"}, "desi_spectra": {"spectrum_id"},
}  # fmt: skip


@pytest.fixture(scope="module")
def loader():
    return OmegaConfigLoader(conf_source=str(CONF), **CONFIG_LOADER_ARGS)


@pytest.fixture(scope="module")
def entries(loader):
    return loader["catalog"]


def test_columns_that_are_named_are_declared(entries):
    for name, module in MATCH_MODULES.items():
        declared = {
            *entries[f"{name}_catalog"]["columns"],
            "outcome",
            "reason",
            "sep_arcsec",
            "quality",
        }
        assert {old for old, _ in module.columns.values()} <= declared, name
    for name, columns in LISTED.items():
        assert columns <= set(entries[f"{name}_catalog"]["columns"]), name


def test_parameters_of_the_file_are_valid_and_the_defaults(loader):
    assert VettingParameters.model_validate(loader["parameters"]["vetting"]) == VettingParameters()


def test_every_catalogue_answers_offline_that_nothing_is_known(entries, tmp_path, loader):
    """Also without twin, cache and credentials, and with no socket opened."""
    chosen = {}
    for name in sorted(create_pipeline().inputs()):
        if name.endswith("_catalog"):
            entry = {**entries[name], "filepath": str(tmp_path / f"{name}.parquet")}
            if "services" in entry["type"]:
                entry |= {"offline": True, "cache": {"folder": str(tmp_path / "cache")}}
            chosen[name] = entry
    catalog = DataCatalog.from_config(chosen, loader["credentials"])
    targets = targets_of(pd.DataFrame({"asas_sn_id": [7], "ra_deg": [120.0], "dec_deg": [-10.0]}))
    for name in chosen:
        module = name.removesuffix("_catalog")
        if module in MATCH_MODULES:
            outcomes = look_up(targets, catalog.load(name), True, module)
        else:
            outcomes = look_up_all(targets, catalog.load(name), True, module).outcomes
        assert outcomes["outcome"].tolist() in (["unknown"], ["not_covered"]), name


def test_a_twin_answers_in_the_names_of_the_vetting(entries, tmp_path):
    twin = pd.DataFrame(
        {
            "main_id": ["V* W UMa", "* alf Lyr"], "otype": ["EB*", "dS*"], "sp_type": ["F8Vp", "A0Va"],
            "nbref": [300, 9000], "ra": [145.93953, 279.2], "dec": [55.95286, 38.8],
        }
    )  # fmt: skip
    path = tmp_path / "simbad.parquet"
    twin.to_parquet(path)
    entry = {**entries["simbad_catalog"], "filepath": str(path), "source": "local"}
    catalog = DataCatalog.from_config({"simbad_catalog": entry}).load("simbad_catalog")
    stars = pd.DataFrame({"asas_sn_id": [7], "ra_deg": [145.9395], "dec_deg": [55.9529]})
    told = MATCH_MODULES["simbad"].describe(look_up(targets_of(stars), catalog, True, "simbad"))
    assert told.loc[0, "simbad_main_id"] == "V* W UMa"
    assert told.loc[0, "simbad_otype"] == "EB*"
    assert told.loc[0, "simbad_n_references"] == 300


def test_the_whole_pipeline_runs_offline_and_writes_its_tables(entries, tmp_path, loader):
    pipeline = create_pipeline()
    chosen = {}
    for name in pipeline.datasets():
        if name.startswith("params:"):
            continue
        entry = entries[name]
        path = Path(entry["filepath"])
        entry = {**entry, "filepath": str(tmp_path / f"{name}{path.suffix}")}
        if "services" in entry["type"]:
            entry |= {"offline": True, "cache": {"folder": str(tmp_path / "cache")}}
        chosen[name] = entry
    catalog = DataCatalog.from_config(chosen, loader["credentials"])
    catalog["params:vetting"] = VettingParameters()
    catalog.save(
        "characterized",
        pd.DataFrame({"asas_sn_id": [7, 8], "ra_deg": [120.0, 121.0], "dec_deg": [-10.0, 80.0]}),
    )
    SequentialRunner().run(pipeline, catalog)
    vetted = catalog.load("vetted")
    assert vetted["asas_sn_id"].tolist() == [7, 8]
    assert vetted["vetting_likely_known"].isna().all()
    assert not len(catalog.load("spectra"))
    assert (tmp_path / "vetting_figure.png").stat().st_size > 10_000
