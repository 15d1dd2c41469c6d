"""Look stars up in a real TAP server: as the local twin does, whatever the way they are asked about."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, match_coordinates_sky
from tests.services.dachs import free_port
from tests.services.served_tables import ServedTable
from tests.services.sky_tables import GAIA_UNITS, gaia_stars, moved, targets_of, tzanidakis_dippers

from malca.datasets.services.tap import TapCatalog

pytestmark = pytest.mark.services

GAIA = {
    "table": "gaiadr3.gaia_source",
    "release": "DR3",
    "epoch_yr": 2016.0,
    "radius_arcsec": 1.5,
    "position": {"ra_deg": "ra", "dec_deg": "dec"},
    "id_columns": {"gaia_id": {"DR3": "source_id"}},
    "ids_must_agree": True,
    "columns": {
        "gaia_dr3_id": {"column": "source_id", "type": "integer"},
        "pm_ra_masyr": "pmra",
        "parallax_mas": "parallax",
        "ruwe": "ruwe",
        "bp_rp_mag": "bp_rp",
        "non_single_star": {"column": "non_single_star", "type": "integer"},
        "variable_flag": {"column": "phot_variable_flag", "type": "text"},
        "has_epoch_photometry": {"column": "has_epoch_photometry", "type": "flag"},
    },
}
# a catalogue of another epoch under a name of VizieR's, without ids
TMASS = {
    "table": "II/246/out",
    "epoch_yr": 1999.5,
    "radius_arcsec": 2.0,
    "position": {"ra_deg": "RAJ2000", "dec_deg": "DEJ2000"},
    "columns": {"name": {"column": "2MASS", "type": "text"}, "j_mag": "Jmag"},
}
JOINED = {
    **GAIA,
    "table": "gaiaedr3_contrib.starhorse AS h "
    "JOIN gaiadr3.gaia_source AS s ON s.source_id = h.source_id",
    "position": {
        "ra_deg": {"column": "ra", "expression": "s.ra"},
        "dec_deg": {"column": "dec", "expression": "s.dec"},
    },
    "columns": {
        "gaia_dr3_id": {"column": "source_id", "expression": "h.source_id", "type": "integer"},
        "distance_pc": {"column": "dist50", "unit": "kpc"},
        "g0_mag": "mg0",
    },
}


@pytest.fixture(scope="module")
def gaia() -> pd.DataFrame:
    return gaia_stars()


@pytest.fixture(scope="module")
def dippers(real_data) -> pd.DataFrame:
    return tzanidakis_dippers(real_data / "tzanidakis2025_table.txt")


@pytest.fixture(scope="module")
def tmass(gaia) -> pd.DataFrame:
    ra, dec = moved(gaia, 2016.0, 1999.5)
    names = [f"J{k:09d}" for k in range(len(gaia))]
    magnitudes = gaia["phot_g_mean_mag"] - gaia["bp_rp"]
    return pd.DataFrame({"2MASS": names, "RAJ2000": ra, "DEJ2000": dec, "Jmag": magnitudes})


@pytest.fixture(scope="module")
def served(tap_server, gaia, tmass, dippers):
    positions = dippers[["source_id", "ra", "dec"]]
    sources = pd.concat([gaia, positions], ignore_index=True)
    starhorse = dippers.drop(columns=["ra", "dec"])
    tap_server.publish(
        [
            ServedTable("gaiadr3.gaia_source", sources, GAIA_UNITS, "ra", "dec", "source_id"),
            ServedTable("gaiaedr3_contrib.starhorse", starhorse, {"dist50": "kpc"}, key="source_id"),
            ServedTable("II/246/out", tmass, {"Jmag": "mag"}, "RAJ2000", "DEJ2000"),
        ]
    )
    return tap_server


@pytest.fixture(scope="module")
def twins(tmp_path_factory, gaia, tmass, dippers):
    folder = tmp_path_factory.mktemp("twins")
    for name, table in {"gaia": gaia, "tmass": tmass, "dippers": dippers}.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def of_service(declared, *urls, **options):
    manners = {"requests_per_second": 100, "retries": 0, "timeout_seconds": 60, "poll_seconds": 0.1}
    return TapCatalog(
        **{**declared, "urls": list(urls), "source": "service", **manners, **options}
    ).load()


def of_twin(declared, path, **options):
    local = {"urls": ["http://nowhere.invalid"], "source": "local", "filepath": str(path)}
    return TapCatalog(**{**declared, **local, **options}).load()


def few(targets: pd.DataFrame, n: int = 300) -> pd.DataFrame:
    """Some of the targets, of those that are there and of those that are not."""
    return targets.sample(n, random_state=7)


WAITING, JOB = {"sync_stars": 100_000}, {"sync_stars": 0}


@pytest.mark.parametrize(
    ("with_ids", "n_stars", "way"),
    [(True, 1000, WAITING), (False, 1000, WAITING), (True, 5000, JOB), (False, 1000, JOB)],
    ids=["by id, sync", "by position, sync", "by id, async", "by position, async"],
)
def test_every_star_is_matched_as_in_the_twin(served, twins, gaia, with_ids, n_stars, way):
    gaia = gaia[:n_stars]
    targets = targets_of(gaia, with_ids=with_ids)
    ours = of_service(GAIA, served.url, **way).match(targets)
    pd.testing.assert_frame_equal(ours, of_twin(GAIA, twins / "gaia.parquet").match(targets))
    n_there = len(gaia) - len(gaia) // 10
    assert (ours["outcome"] == "matched").sum() == n_there
    assert (ours["gaia_dr3_id"][:n_there] == gaia["source_id"][:n_there]).all()
    assert set(ours["match_by"][:n_there]) == {"gaia_id" if with_ids else "position"}


def test_ids_differing_in_the_last_digit_are_told_apart(served, gaia):
    there = targets_of(gaia, with_ids=True)[:400]
    elsewhere = there.assign(ra_deg=np.nan, dec_deg=np.nan)  # nothing but the id tells who it is
    found = of_service(GAIA, served.url).match(elsewhere)
    assert found["gaia_dr3_id"].tolist() == gaia["source_id"][:400].tolist()
    assert found["gaia_dr3_id"].diff().dropna().eq(1).all()


def test_ids_of_another_release_are_not_looked_up(served, gaia):
    targets = targets_of(gaia, with_ids=True)[:50].assign(gaia_release="DR2", ra_deg=np.nan)
    found = of_service(GAIA, served.url).match(targets)
    assert set(found["outcome"]) == {"unknown"}
    assert set(found["reason"]) == {"no position"}


@pytest.mark.parametrize(("n_stars", "way"), [(1000, WAITING), (5000, JOB)], ids=["sync", "async"])
def test_fast_stars_are_found_at_the_catalogue_s_epoch(served, twins, gaia, tmass, n_stars, way):
    targets = targets_of(gaia[:n_stars], with_ids=False)
    found = of_service(TMASS, served.url, **way).match(targets)
    pd.testing.assert_frame_equal(found, of_twin(TMASS, twins / "tmass.parquet").match(targets))
    n_there = n_stars - n_stars // 10
    moving = np.hypot(gaia["pmra"], gaia["pmdec"])[:n_there] > 1000
    assert moving.sum() > 0.5 * n_there
    assert (found["name"][:n_there] == tmass["2MASS"][:n_there])[moving].all()
    # astropy's nearest, for those that were not moved to where nothing is
    nearest, sep, _ = match_coordinates_sky(
        SkyCoord(*moved(gaia[:n_there], 2016.0, 1999.5), unit=u.deg),
        SkyCoord(tmass["RAJ2000"], tmass["DEJ2000"], unit=u.deg),
    )
    assert found["name"][:n_there].tolist() == tmass["2MASS"].iloc[nearest].tolist()
    np.testing.assert_allclose(found["sep_arcsec"][:n_there], sep.arcsec, atol=2e-4)


def test_all_entries_around_a_star_are_listed(served, twins, gaia):
    wide = {**GAIA, "radius_arcsec": 10.0, "ids_must_agree": False}
    targets = few(targets_of(gaia, with_ids=True), 1000)
    ours = of_service(wide, served.url).match_all(targets)
    twin = of_twin(wide, twins / "gaia.parquet").match_all(targets)
    pd.testing.assert_frame_equal(ours.outcomes, twin.outcomes)
    pd.testing.assert_frame_equal(ours.entries, twin.entries)
    assert (ours.outcomes["n_entries"] == 2).sum() > 100


def test_joined_tables_give_real_dippers_what_was_published(served, dippers, twins):
    targets = pd.DataFrame(
        {
            "asas_sn_id": np.arange(len(dippers), dtype=np.int64),
            "ra_deg": dippers["ra"],
            "dec_deg": dippers["dec"],
            "pm_ra_masyr": np.nan,
            "pm_dec_masyr": np.nan,
            "gaia_id": dippers["source_id"],
            "gaia_release": "EDR3",
        }
    )
    found = of_service(JOINED, served.url).match(targets)
    pd.testing.assert_frame_equal(found, of_twin(JOINED, twins / "dippers.parquet").match(targets))
    assert len(found) == 81
    assert set(found["match_by"]) == {"gaia_id"}
    first = found.iloc[0]  # first row of the table in the paper
    assert (first["gaia_dr3_id"], first["g0_mag"]) == (4319330107178019200, 4.288)
    assert first["distance_pc"] == pytest.approx(2090.0)


def test_answers_beyond_a_limit_are_asked_for_in_parts(served, twins, gaia, caplog):
    targets = few(targets_of(gaia, with_ids=True))
    caplog.set_level(logging.INFO)
    ours = of_service(GAIA, served.url, row_limit=50).match(targets)
    pd.testing.assert_frame_equal(ours, of_twin(GAIA, twins / "gaia.parquet").match(targets))
    assert "asking about half as many" in caplog.text


def test_a_star_with_more_entries_than_an_answer_holds_is_unknown(served, gaia):
    wide = {**GAIA, "radius_arcsec": 10.0}
    pair, single = targets_of(gaia, with_ids=False)[:1], targets_of(gaia, with_ids=False)[2:3]
    outcomes, entries = of_service(wide, served.url, row_limit=2).match_all(pd.concat([pair, single]))
    assert outcomes["outcome"].tolist() == ["unknown", "matched"]
    assert "cut after 2 rows" in outcomes["reason"][0]
    assert set(entries["asas_sn_id"]) == {3}


def test_an_answer_as_long_as_a_silent_limit_is_asked_for_as_a_job(served, twins, gaia, caplog):
    targets = targets_of(gaia, with_ids=True)[:120]
    caplog.set_level(logging.INFO)
    ours = of_service(GAIA, served.url, silent_limits=[120]).match(targets)
    pd.testing.assert_frame_equal(ours, of_twin(GAIA, twins / "gaia.parquet").match(targets))
    assert "asked again as a job" in caplog.text


@pytest.mark.parametrize("way", [WAITING, JOB], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"columns": {"j_mag": "nothing_such"}}, "nothing_such"),
        ({"table": "gaiadr3.gaia_sauce"}, "sauce"),
    ],
    ids=["column", "table"],
)
def test_what_a_service_does_not_have_is_told(served, gaia, wrong, word, way):
    targets = few(targets_of(gaia, with_ids=False), 10)
    found = of_service({**GAIA, **wrong}, served.url, **way).match(targets)
    assert set(found["outcome"]) == {"unknown"}
    assert found["reason"].str.contains("refuses the query").all()
    assert found["reason"].str.contains(word).all()


def test_another_service_answers_where_the_first_is_dead(served, twins, gaia):
    targets = few(targets_of(gaia, with_ids=True))
    dead = f"http://127.0.0.1:{free_port()}/tap"
    ours = of_service(GAIA, dead, served.url, batch_size=100).match(targets)
    pd.testing.assert_frame_equal(ours, of_twin(GAIA, twins / "gaia.parquet").match(targets))
    alone = of_service(GAIA, dead).match(targets)
    assert set(alone["outcome"]) == {"unknown"}
    assert alone["reason"].str.startswith("service failed").all()
