"""TAP: equal to the local twin, never cut, exact ids, fail-over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.datasets.services.servers import HANG_UP, Reply, Server, Tap

from malca.datasets.catalogs import LocalCatalog
from malca.datasets.services import adql
from malca.datasets.services.tap import TapCatalog, TapDeclaration

BIG = 2009803630912285825  # as a float it is ...952
GAIA = {
    "position": {"ra_deg": "ra", "dec_deg": "dec"},
    "columns": {
        "source": {"column": "source_id", "type": "integer"},
        "period_days": {"column": "frequency", "unit": "1/d"},
        "class": {"column": "class_name", "type": "text"},
        "varies": {"column": "varies", "type": "flag"},
    },
    "epoch_yr": 2015.5,
    "id_columns": {"gaia_id": {"DR3": "source_id", "DR2": "dr2_id"}},
    "ids_must_agree": True,
    "required": ["period_days"],
    "coverage": {"min_dec_deg": -30},
}
QUICK = {"requests_per_second": 100, "retries": 1, "poll_seconds": 0.01, "timeout_seconds": 2}


def tap_of(server: Server, **options):
    urls = options.pop("urls", [f"{server.url}/tap"])
    return TapCatalog(urls=urls, table="gaiadr3.gaia_source", **{**GAIA, **QUICK, **options}).load()


@pytest.fixture
def entries(rng) -> pd.DataFrame:
    n = 400
    return pd.DataFrame(
        {
            "source_id": pd.array(BIG + np.arange(n), dtype="Int64"),
            "dr2_id": pd.array([BIG - k if k % 3 else None for k in range(1, n + 1)], dtype="Int64"),
            "ra": rng.uniform(0, 360, n),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, n))),
            "frequency": np.where(np.arange(n) % 11, rng.uniform(0.01, 5, n), np.nan),
            "class_name": pd.array(
                [None if k % 7 == 0 else f"ECL{k % 3}" for k in range(n)], dtype="str"
            ),
            "varies": pd.array([None if k % 5 == 0 else k % 2 == 0 for k in range(n)], dtype="boolean"),
        }
    )


@pytest.fixture
def targets(entries, rng, stars_of) -> pd.DataFrame:
    """Near entries or not, with ids of DR3, of DR2, of the wrong star, or none; moving or not."""
    n = len(entries)
    ids = [None if k % 4 == 0 else int(entries["source_id"][k]) + (k % 10 == 1) for k in range(n)]
    table = stars_of(
        entries["ra"] + rng.normal(0, 1.5, n) / 3600, entries["dec"] + rng.normal(0, 1.5, n) / 3600,
        gaia_id=ids, pm=(rng.normal(0, 300, n), rng.normal(0, 300, n)),
    )  # fmt: skip
    old = entries["dr2_id"].notna() & (np.arange(n) % 4 == 2)
    table.loc[old, "gaia_id"] = entries["dr2_id"][old]
    table["gaia_release"] = np.where(old, "DR2", np.where(np.arange(n) % 6 == 5, "DR1", "DR3"))
    table.loc[[5, 50], ["ra_deg", "dec_deg"]] = np.nan
    return table


def equal(found, twin) -> None:
    pd.testing.assert_frame_equal(found, twin, check_exact=False, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(("radius", "sync_stars"), [(3.0, 10_000), (3600.0, 0)])
def test_a_service_answers_as_its_local_twin(tmp_path, server, entries, targets, radius, sync_stars):
    Tap(server, gaiadr3__gaia_source=entries)
    entries.to_parquet(tmp_path / "twin.parquet")
    options = {"radius_arcsec": radius}
    twin = LocalCatalog(filepath=str(tmp_path / "twin.parquet"), **{**GAIA, **options}).load()
    service = tap_of(server, **options, batch_size=150, sync_stars=sync_stars)
    found = service.match(targets)
    equal(found, twin.match(targets))
    assert found["outcome"].value_counts().to_dict().keys() >= {"matched", "not_matched", "not_covered"}
    assert set(found["match_by"]) == {"gaia_id", "position", ""}
    ours, theirs = service.match_all(targets), twin.match_all(targets)
    equal(ours.outcomes, theirs.outcomes)
    by = ["asas_sn_id", "sep_arcsec", "source"]
    equal(*(t.entries.sort_values(by, ignore_index=True) for t in (ours, theirs)))


def test_entries_are_moved_to_stars_whose_motion_is_unknown(tmp_path, server, rng, stars_of):
    """Entries of 2000.0 that have moved by up to 10 arcsec since."""
    n = 60
    pm = rng.uniform(-600, 600, (2, n))
    ra, dec = rng.uniform(0, 360, n), rng.uniform(-60, 60, n)
    east, north = pm * 16 / 3.6e6  # deg
    table = pd.DataFrame(
        {
            "ra": (ra - east / np.cos(np.radians(dec))) % 360,
            "dec": dec - north,
            "pmra": pm[0],
            "pmdec": pm[1],
        }
    )
    table["pmdec"] = pm[1]
    Tap(server, t=table)
    table.to_parquet(tmp_path / "twin.parquet")
    options = {
        "epoch_yr": 2000.0, "radius_arcsec": 1.0, "columns": {"pm_ra_masyr": "pmra"},
        "position": GAIA["position"], "proper_motion": {"pm_ra_masyr": "pmra", "pm_dec_masyr": "pmdec"},
    }  # fmt: skip
    stars = stars_of(ra, dec)
    stars.loc[::2, ["pm_ra_masyr", "pm_dec_masyr"]] = 0.0  # these are known to stand still
    twin = LocalCatalog(filepath=str(tmp_path / "twin.parquet"), **options).load()
    service = TapCatalog(urls=f"{server.url}/tap", table="t", **options, **QUICK).load()
    found = service.match(stars)
    equal(found, twin.match(stars))
    assert found["outcome"][1::2].eq("matched").all()
    assert found["outcome"][::2].eq("not_matched").sum() > 20


def test_what_is_listed_twice_is_listed_twice(server, stars_of):
    """Two entries that are the same in all that is asked for; near two stars they are still two."""
    table = pd.DataFrame({"ra": 10.0, "dec": [0.0, 0.0, 0.0005], "mag": 1.0})
    Tap(server, t=table)
    catalog = TapCatalog(
        urls=f"{server.url}/tap", table="t", epoch_yr=2016.0, radius_arcsec=5,
        position=GAIA["position"], columns={"g_mag": "mag"}, batch_size=1, **QUICK,
    ).load()  # fmt: skip
    outcomes, _ = catalog.match_all(stars_of([10.0, 10.0], [0.0, 0.0001]))
    assert outcomes["n_entries"].tolist() == [3, 3]


def test_twin_is_used_where_it_is(tmp_path, server, entries, targets):
    path = tmp_path / "twin.parquet"
    options = {"filepath": str(path), "urls": [server.url], "table": "t", **GAIA}
    assert not TapCatalog(**options).uses_twin()
    entries.to_parquet(path)
    local = TapCatalog(**options, offline=True)
    assert local.uses_twin()
    assert local.load().match(targets)["outcome"].eq("matched").any()
    assert not TapCatalog(**options, source="service").uses_twin()
    assert not server.requests


@pytest.mark.parametrize("way", ["overflow", "silent"])
def test_what_is_cut_is_asked_again_in_parts(server, stars_of, way):
    """40 entries about each of 8 stars, of which the server gives 100 at once."""
    ra, n = np.arange(8) * 10.0, 40
    around = pd.DataFrame(
        {
            "ra": np.repeat(ra, n) + np.tile(np.arange(n) / 36000, 8),
            "dec": 0.0,
            "mag": np.arange(8.0 * n),
        }
    )
    tap = Tap(server, gaiadr3__gaia_source=around)
    if way == "silent":
        tap.silent_limit = 100
    else:
        tap.hard_limit = 100
    catalog = TapCatalog(
        urls=[f"{server.url}/tap"], table="gaiadr3.gaia_source", epoch_yr=2016.0, radius_arcsec=15,
        position=GAIA["position"], columns={"g_mag": "mag"}, silent_limits=[100], **QUICK,
    ).load()  # fmt: skip
    outcomes, entries = catalog.match_all(stars_of(ra, np.zeros(8)))
    assert outcomes["n_entries"].tolist() == [n] * 8
    assert sorted(entries["g_mag"]) == list(range(8 * n))
    assert len(tap.jobs) >= 1
    assert tap.deleted == list(tap.jobs)


def test_one_star_with_too_many_entries_is_unknown(server, stars_of):
    around = pd.DataFrame({"ra": np.arange(50) / 1e5, "dec": 0.0})
    Tap(server, gaiadr3__gaia_source=around).hard_limit = 10
    catalog = TapCatalog(
        urls=[f"{server.url}/tap"], table="gaiadr3.gaia_source", epoch_yr=2016.0, radius_arcsec=15,
        position=GAIA["position"], columns={}, **QUICK,
    ).load()  # fmt: skip
    outcomes, entries = catalog.match_all(stars_of([0.0, 90.0], [0.0, 0.0]))
    assert outcomes["outcome"].tolist() == ["unknown", "not_matched"]
    assert "cut after 10 rows" in outcomes["reason"][0]
    assert not len(entries)


def test_ids_are_exact_and_of_their_release(server, entries, stars_of):
    tap = Tap(server, gaiadr3__gaia_source=entries)
    ids = [BIG + 7, BIG + 7, int(entries["dr2_id"][10])]
    stars = stars_of([np.nan] * 3, [np.nan] * 3, gaia_id=ids).assign(
        gaia_release=["EDR3", "DR1", "DR2"]
    )
    found = tap_of(server).match(stars)
    assert found["outcome"].tolist() == ["matched", "unknown", "matched"]
    assert found["source"].tolist() == [BIG + 7, pd.NA, BIG + 10]
    # that of DR2 is asked for in the column of DR2 only
    asked = {query.split(" WHERE ")[1]: query for query in tap.queries}
    assert set(asked) == {"c.source_id = asked.target_id", "c.dr2_id = asked.target_id"}
    without = {**GAIA, "id_columns": {"gaia_id": {"DR3": "source_id"}}}
    tap.queries.clear()
    TapCatalog(
        urls=[f"{server.url}/tap"], table="gaiadr3.gaia_source", **{**without, **QUICK}
    ).load().match(stars[2:])  # fmt: skip
    assert not tap.queries


def test_the_next_service_is_asked_when_one_fails(server, entries, targets):
    tap = Tap(server, gaiadr3__gaia_source=entries)
    urls = ["http://127.0.0.1:9/tap", f"{server.url}/tap"]
    found = tap_of(server, urls=urls, retries=0, batch_size=100).match(targets)
    assert found["outcome"].eq("matched").any()
    assert not found["reason"].str.contains("failed").any()
    assert len(tap.queries) >= 4


@pytest.mark.parametrize(
    "fault",
    [
        Reply(503, b"", {"Retry-After": "0"}),
        HANG_UP,
        Reply(200, b"x" * 1000, n_cut=500),
        Reply(200, b"<html>"),
    ],
    ids=["busy", "hung up", "cut", "no VOTable"],
)
def test_a_passing_fault_costs_nothing(server, entries, targets, fault):
    Tap(server, gaiadr3__gaia_source=entries)
    server.faults.append(fault)
    found = tap_of(server).match(targets[:40])
    assert not found["reason"].str.contains("service").any()


def test_a_batch_that_fails_costs_no_other(server, entries, targets):
    targets = targets.drop(index=[5, 50])
    tap = Tap(server, gaiadr3__gaia_source=entries)
    catalog = tap_of(server, batch_size=100, retries=0)
    whole = catalog.match(targets)
    broken = Reply(500, b"out of order")
    server.faults.extend([None] * 3 + [broken])  # the second batch's first query
    found = catalog.match(targets)
    silent = found["reason"].str.startswith("service failed").to_numpy()
    assert silent.nonzero()[0].tolist() == list(range(100, 200))
    assert found.loc[silent, "outcome"].eq("unknown").all()
    equal(found[~silent].reset_index(drop=True), whole[~silent].reset_index(drop=True))
    assert len(tap.queries) > 8


def test_what_the_service_refuses_is_said(server, stars_of):
    refusal = (
        b'<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        b'<INFO name="QUERY_STATUS" value="ERROR">no column ruwee</INFO></RESOURCE></VOTABLE>'
    )
    server.routes["/tap/sync"] = lambda _: Reply(400, refusal, {"Content-Type": "text/xml"})
    found = tap_of(server).match(stars_of([1.0], [1.0]))
    assert found["outcome"].tolist() == ["unknown"]
    assert "no column ruwee" in found["reason"][0]
    assert len(server.requests) == 1


def test_after_some_failures_the_rest_is_not_asked(server, targets):
    server.routes["/tap"] = lambda _: Reply(502)
    catalog = tap_of(server, batch_size=20, retries=0, give_up_after=2)
    reasons = catalog.match(targets.drop(index=[5, 50]))["reason"]
    assert reasons[:40].str.contains("HTTP 502").all()
    assert reasons[40:].str.contains("not asked, after 2 failures in a row").all()
    assert len(server.requests) == 2


def test_another_unit_than_declared_is_refused(server, entries, targets):
    Tap(server, gaiadr3__gaia_source=entries).units = {"frequency": "1/s"}
    found = tap_of(server).match(targets[:20])
    assert found["reason"].str.contains("declared in '1 / d'").any()


def test_a_job_that_never_ends_is_removed(server, entries, targets):
    tap = Tap(server, gaiadr3__gaia_source=entries)
    tap.looks_until_done = 10**6
    found = tap_of(server, sync_stars=0, job_seconds=0.1).match(targets[:3])
    assert found["reason"].str.contains(r"a job was executing for 0\.1 s").all()
    assert tap.deleted == list(tap.jobs)


def test_joins_and_odd_names_become_adql():
    base = {
        "urls": "http://x",
        "epoch_yr": 2000.0,
        "position": {"ra_deg": "RAJ2000", "dec_deg": "DEJ2000"},
    }
    odd = TapDeclaration(
        table="II/246/out", **base, radius_arcsec=3.6,
        columns={"pm_ra_masyr": "pmRA*", "low": "b_rgeo", "high": "B_rgeo", "top": "max"},
    )  # fmt: skip
    query = adql.by_position(odd, 3.6)
    assert query.adql == (
        'SELECT asked.target_no AS target_no, c.RAJ2000 AS v_0, c.DEJ2000 AS v_1, c."pmRA*" AS v_2, '
        'c."b_rgeo" AS v_3, c."B_rgeo" AS v_4, c."max" AS v_5 FROM "II/246/out" AS c, '
        "TAP_UPLOAD.targets AS asked WHERE CONTAINS(POINT('ICRS', c.RAJ2000, c.DEJ2000), "
        "CIRCLE('ICRS', asked.target_ra, asked.target_dec, 0.001000000000)) = 1"
    )
    joined = TapDeclaration(
        table="a JOIN b ON a.i = b.i", **base, columns={"ruwe": {"column": "r", "expression": "b.r"}},
        id_columns={"gaia_id": {"DR3": "i"}}, expressions={"i": "a.i"},
    )  # fmt: skip
    query = adql.by_id(joined, "i")
    assert query.adql.endswith(
        "FROM a JOIN b ON a.i = b.i, TAP_UPLOAD.targets AS asked WHERE a.i = asked.target_id"
    )
    assert query.adql.startswith(
        "SELECT asked.target_no AS target_no, RAJ2000 AS v_0, DEJ2000 AS v_1, b.r AS"
    )
