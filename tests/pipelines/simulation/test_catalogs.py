"""The simulated catalogues: what they list of the truth, and that the catalogues read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog

from malca.astrophysics.astrometry import pairs_within, propagate_proper_motion
from malca.astrophysics.period_consensus import PeriodConsensusParameters, period_consensus
from malca.datasets.catalog_declaration import Coverage
from malca.pipelines.simulation.catalog_parameters import SimulatedCatalogParameters
from malca.pipelines.simulation.catalogs import (
    in_ogle,
    in_ztf,
    simulate_gaia,
    simulate_variables,
)
from malca.pipelines.simulation.nodes import write_catalogs
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.pipelines.simulation.populations import draw_stars
from malca.pipelines.simulation.sky.stars import draw_sky
from malca.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).resolve().parents[3] / "conf"
NAMES = (
    "gaia_catalog",
    "gaia_eb_catalog",
    "asassn_variables_catalog",
    "ztf_periodic_catalog",
    "ogle_catalog",
)
SOURCES = {
    "gaia_eb": "gaia_eb_catalog",
    "asassn": "asassn_variables_catalog",
    "ztf": "ztf_periodic_catalog",
    "ogle": "ogle_catalog",
}
PARAMETERS = SimulatedCatalogParameters()
DIMMING = ("single_eclipse", "dipper_single", "dipper_repeated", "r_crb")


def loader(folder: Path) -> OmegaConfigLoader:
    made = OmegaConfigLoader(
        str(CONF),
        base_env="base",
        default_run_env="base",
        custom_resolvers=CONFIG_LOADER_ARGS["custom_resolvers"],
    )
    made["globals"] = made["globals"] | {
        "survey_root": str(folder / "survey"),
        "vsx_path": str(folder / "vsxcat.dat"),
        "data_root": str(folder),
        "catalogs_root": str(folder / "catalogs"),
        "catalogs": made["globals"]["catalogs"] | {"source": "local", "offline": True},
    }
    return made


@pytest.fixture(scope="module")
def survey() -> SimulationParameters:
    """A survey large enough for shares, half of its stars with periods or dips."""
    populations = {
        "quiet": 0.3, "contact_binary": 0.2, "detached_binary": 0.1, "repeating_eclipse": 0.1,
        "spotted": 0.1, "long_period": 0.05, "dipper_single": 0.15,
    }  # fmt: skip
    return SimulationParameters(n_stars=6000, populations=populations)


@pytest.fixture(scope="module")
def truth(survey) -> pd.DataFrame:
    """The truth without light curves: periods as the populations have them."""
    rng = np.random.default_rng(4)
    stars = draw_stars(survey)
    ranges = {"contact_binary": (0.24, 0.7), "detached_binary": (1.5, 60), "spotted": (1, 40),
              "repeating_eclipse": (300, 1800), "long_period": (120, 500)}  # fmt: skip
    period = pd.Series(np.nan, index=stars.index)
    for name, (low, high) in ranges.items():
        chosen = stars["population"].eq(name)
        period[chosen] = np.exp(rng.uniform(np.log(low), np.log(high), chosen.sum()))
    return stars.assign(period_days=period, amplitude_mag=0.3)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory, survey, truth) -> DataCatalog:
    """Everything written by the node and read as the project declares it."""
    folder = tmp_path_factory.mktemp("catalogs")
    entries = loader(folder)["catalog"]
    made = DataCatalog.from_config({name: entries[name] for name in ["simulated_sky", *NAMES]})
    made.save("simulated_sky", write_catalogs(truth, survey, PARAMETERS))
    return made


@pytest.fixture(scope="module")
def targets(truth) -> pd.DataFrame:
    manifest = truth.rename(columns={"pm_ra": "pm_ra_masyr", "pm_dec": "pm_dec_masyr"})
    return manifest.assign(gaia_release="DR2")


@pytest.fixture(scope="module")
def matches(catalog, targets) -> dict[str, pd.DataFrame]:
    return {name: catalog.load(name).match(targets) for name in NAMES}


def test_the_declared_catalogues_accept_what_is_written(catalog):
    for name in NAMES:
        catalog.get(name).check()
        assert catalog.exists(name)


def test_gaia_knows_nearly_every_star_by_its_id(matches, truth):
    gaia = matches["gaia_catalog"]
    has_id = truth["gaia_id"].notna()
    assert gaia["outcome"].eq("matched")[has_id].mean() == pytest.approx(0.995, abs=0.003)
    assert not gaia["outcome"].eq("matched")[~has_id].any()
    found = gaia[gaia["outcome"].eq("matched")]
    assert set(found["match_by"]) == {"gaia_id"}
    assert found["sep_arcsec"].max() < 1e-3
    assert found["ruwe"].isna().mean() == pytest.approx(0.01, abs=0.005)
    assert (found["ruwe"] > 1.4).mean() == pytest.approx(0.06 * np.exp(-0.2 / 1.5), abs=0.01)
    assert found["ruwe"].median() == pytest.approx(1.0, abs=0.01)
    changed = found["gaia_dr3_id"] != truth["gaia_id"][found.index]
    assert changed.mean() == pytest.approx(0.03, abs=0.01)
    moving = found["pm_ra_masyr"].notna()
    error = found["pm_ra_masyr"] - truth["pm_ra"][found.index]
    assert error[moving].std() == pytest.approx(0.02, rel=0.1)
    assert (found["parallax_mas"][moving] > 0.05).all()


def test_parallaxes_are_those_of_the_stars(truth):
    sky = draw_sky(truth, 1)
    gaia = simulate_gaia(truth, sky, 1, PARAMETERS).dropna(subset="parallax")
    error = gaia["parallax"] - 1000 / sky["distance_pc"][gaia.index]
    assert error.std() == pytest.approx(0.02, rel=0.05)


def test_catalogues_list_the_share_they_should(matches, truth):
    binaries = truth["population"].isin(["contact_binary", "detached_binary"])
    in_field = {
        "gaia_eb": binaries,
        "asassn": binaries,
        "ztf": binaries & (truth["dec_deg"] > -13),
        "ogle": binaries & in_ogle(truth["ra_deg"].to_numpy(), truth["dec_deg"].to_numpy()),
    }
    for source, chosen in in_field.items():
        table = matches[SOURCES[source]]
        there = table["match_by"].ne("")[chosen]
        own = getattr(PARAMETERS, source)
        share = own.completeness
        if source == "gaia_eb":  # by period: what has none, or no Gaia id, is not in it
            share *= (1 - own.no_period_share) * truth["gaia_id"].notna().mean()
        error = 4 * np.sqrt(share * (1 - share) / chosen.sum())
        assert there.mean() == pytest.approx(share, abs=error), source
    far = truth["population"].eq("repeating_eclipse")
    assert 0.005 < matches["asassn_variables_catalog"]["match_by"].ne("")[far].mean() < 0.12
    quiet = truth["population"].eq("quiet")
    for name in SOURCES.values():
        assert not matches[name]["match_by"].ne("")[quiet].any()


def test_outside_its_part_of_the_sky_a_catalogue_knows_nothing(matches, truth):
    ztf = matches["ztf_periodic_catalog"]
    south = truth["dec_deg"] < -13
    assert set(ztf["outcome"][south]) == {"not_covered"}
    assert set(ztf["reason"][~south]) == {"", "its entry has no period_days"}
    inside = in_ogle(truth["ra_deg"].to_numpy(), truth["dec_deg"].to_numpy())
    assert set(matches["ogle_catalog"]["outcome"][~inside]) == {"not_covered"}
    assert {"matched", "not_matched"} <= set(matches["ogle_catalog"]["outcome"][inside])


def test_parts_of_the_sky_are_those_declared(tmp_path, rng):
    ra, dec = 360 * rng.random(20000), np.degrees(np.arcsin(rng.uniform(-1, 1, 20000)))
    entries = loader(tmp_path)["catalog"]
    for name, covers in (("ztf_periodic_catalog", in_ztf), ("ogle_catalog", in_ogle)):
        declared = Coverage.model_validate(entries[name]["coverage"])
        np.testing.assert_array_equal(declared.covers(ra, dec), covers(ra, dec))


def test_most_periods_are_right_some_half_some_double(matches, truth):
    table = matches["asassn_variables_catalog"]
    found = table["outcome"].eq("matched") & truth["period_days"].notna()
    assert set(table.loc[found, "match_by"]) == {"asas_sn_id"}
    ratio = table["period_days"][found] / truth["period_days"][found]
    own = PARAMETERS.asassn
    right = 1 - own.half_share - own.double_share - own.wrong_share
    for factor, share in ((1.0, right), (0.5, own.half_share), (2.0, own.double_share)):
        near = np.abs(ratio / factor - 1)
        assert (near < 0.02).mean() == pytest.approx(share, abs=0.03)
        assert near[near < 0.02].median() == pytest.approx(own.period_error, rel=0.3)


def test_a_few_dippers_have_a_period_in_one_catalogue(matches, truth):
    dippers = truth["population"].isin(DIMMING)
    listed = sum(
        matches[name]["outcome"].eq("matched")[dippers].astype(int) for name in SOURCES.values()
    )
    assert set(listed) == {0, 1}
    assert listed.mean() == pytest.approx(PARAMETERS.spurious_share, abs=0.03)


def test_the_consensus_finds_the_true_period(matches, truth):
    found = period_consensus(
        {source: matches[name] for source, name in SOURCES.items()}, PeriodConsensusParameters()
    )
    agreed = found["period_consensus_agree"].fillna(False).to_numpy(bool)
    ratio = (found["period_consensus_days"] / truth["period_days"])[agreed]
    right = sum((np.abs(ratio / factor - 1) < 0.02).mean() for factor in (1 / 3, 0.5, 1, 2, 3))
    assert right > 0.97
    binaries = truth["population"].isin(["contact_binary", "detached_binary"]).to_numpy()
    # two or three catalogues that list a right period, by how often each does
    eb, asassn, ztf = (
        own.completeness * (1 - own.no_period_share) * (1 - own.wrong_share)
        for own in (PARAMETERS.gaia_eb, PARAMETERS.asassn, PARAMETERS.ztf)
    )
    south = eb * asassn
    north = south + (eb + asassn - 2 * south) * ztf
    in_north = (truth["dec_deg"] > -13).to_numpy()[binaries].mean()
    expected = in_north * north + (1 - in_north) * south
    assert agreed[binaries].mean() == pytest.approx(expected, abs=0.04)
    dippers = truth["population"].isin(DIMMING).to_numpy()
    assert not agreed[dippers].any()
    assert found["period_accepted"][dippers].fillna(False).mean() < 0.05


def test_positions_are_of_the_catalogues_epoch(truth):
    """Fast stars are listed where they were then."""
    fast = truth.assign(pm_ra=3000.0, pm_dec=-2000.0)
    tables = simulate_variables(fast, truth["period_days"], 1, PARAMETERS)
    for name, epoch, scatter in (("asassn", 2000.0, 0.8), ("gaia_eb", 2016.0, 0.02)):
        ra, dec, _ = propagate_proper_motion(
            *(fast[c].to_numpy() for c in ("ra_deg", "dec_deg", "pm_ra", "pm_dec")), 2016.0, epoch
        )
        columns = ("RAJ2000", "DEJ2000") if name == "asassn" else ("ra", "dec")
        table = tables[name]
        pairs = pairs_within(*(table[c].to_numpy() for c in columns), ra, dec, 6 * scatter)
        assert len(table) - 300 - 3 <= len(np.unique(pairs.first)) <= len(table) - 300 + 3
        assert np.sqrt(np.mean(pairs.sep_arcsec**2)) == pytest.approx(np.sqrt(2) * scatter, rel=0.1)


def test_the_same_seed_gives_the_same_catalogues(truth):
    again = [simulate_variables(truth, truth["period_days"], seed, PARAMETERS) for seed in (7, 7, 8)]
    for name in SOURCES:
        pd.testing.assert_frame_equal(again[0][name], again[1][name])
        assert len(again[0][name]) != len(again[2][name]) or not again[0][name].equals(again[2][name])


def test_truth_of_another_survey_is_refused(survey, truth):
    with pytest.raises(ValueError, match="simulated_truth is not of the survey"):
        write_catalogs(truth, survey.model_copy(update={"seed": 5}), PARAMETERS)
    with pytest.raises(ValueError, match="simulated_truth is not of the survey"):
        write_catalogs(truth, survey.model_copy(update={"n_stars": 50}), PARAMETERS)


def test_the_defaults_in_yaml_are_those_of_the_model(tmp_path):
    assert (
        SimulatedCatalogParameters(**loader(tmp_path)["parameters"]["simulated_catalogs"]) == PARAMETERS
    )
