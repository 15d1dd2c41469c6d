"""A TAP server that is killed in the middle of a query, and comes back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from tests.services.served_tables import ServedTable
from tests.services.sky_tables import GAIA_UNITS, gaia_stars, targets_of

from malca.datasets.services.tap import TapCatalog

pytestmark = pytest.mark.services

TABLE = "failing.gaia_source"
N_STARS, N_KNOWN = 60, 25


@pytest.fixture(scope="module")
def gaia() -> pd.DataFrame:
    return gaia_stars(seed=5)[:N_STARS]


@pytest.fixture(scope="module")
def published(tap_server, gaia):
    tap_server.publish([ServedTable(TABLE, gaia, GAIA_UNITS, "ra", "dec", "source_id")])
    return tap_server


@pytest.fixture
def served(published):
    yield published
    published.sql(f"UPDATE {TABLE} SET ruwe = abs(ruwe)")
    published.start()


def catalogue(url, folder, **options):
    declared = {
        "urls": url,
        "table": TABLE,
        "epoch_yr": 2016.0,
        "position": {"ra_deg": "ra", "dec_deg": "dec"},
        "id_columns": {"gaia_id": {"DR3": "source_id"}},
        "columns": {"ruwe": "ruwe", "gaia_dr3_id": {"column": "source_id", "type": "integer"}},
        "cache": {"folder": str(folder)},
        "source": "service",
        "requests_per_second": 100,
        "retries": 1,
        "timeout_seconds": 30,
        "poll_seconds": 0.1,
        "seed": 1,
    }
    return TapCatalog(**{**declared, **options}).load()


def known_ids(found: pd.DataFrame) -> list[int]:
    return found.loc[found["outcome"] == "matched", "gaia_dr3_id"].tolist()


@pytest.mark.parametrize("sync_stars", [1000, 0], ids=["sync", "async"])
def test_what_a_killed_server_did_not_answer_is_unknown_and_asked_for_again(
    served, gaia, tmp_path, sync_stars
):
    targets = targets_of(gaia, with_ids=True)
    ask = catalogue(served.url, tmp_path, sync_stars=sync_stars).match
    there = N_STARS - N_STARS // 10
    assert known_ids(ask(targets[:N_KNOWN])) == gaia["source_id"][:N_KNOWN].tolist()

    with ThreadPoolExecutor() as pool, served.held(TABLE):
        asked = pool.submit(ask, targets)
        served.wait_for_query()
        served.kill()
        found = asked.result(timeout=120)
    assert known_ids(found) == gaia["source_id"][:N_KNOWN].tolist()
    assert set(found["outcome"][N_KNOWN:]) == {"unknown"}
    assert found["reason"][N_KNOWN:].str.startswith("service failed").all()
    assert set(found["reason"][:N_KNOWN]) == {""}

    # what was answered before is not asked for again: it does not change with the table
    served.sql(f"UPDATE {TABLE} SET ruwe = -ruwe")
    served.start()
    found = ask(targets)
    assert known_ids(found) == gaia["source_id"][:there].tolist()
    assert set(found["outcome"][there:]) == {"not_matched"}
    np.testing.assert_array_equal(found["ruwe"][:N_KNOWN], gaia["ruwe"][:N_KNOWN])
    np.testing.assert_array_equal(found["ruwe"][N_KNOWN:there], -gaia["ruwe"][N_KNOWN:there])

    # and now everything is known, that nothing is there too, without a server
    served.kill()
    pd.testing.assert_frame_equal(ask(targets), found)


def test_a_server_that_comes_back_in_time_is_not_missed(served, gaia, tmp_path):
    targets = targets_of(gaia, with_ids=True)
    ask = catalogue(served.url, tmp_path, retries=12).match
    with ThreadPoolExecutor() as pool:
        with served.held(TABLE):
            asked = pool.submit(ask, targets)
            served.wait_for_query()
            served.kill()
        served.start()
        found = asked.result(timeout=120)
    assert known_ids(found) == gaia["source_id"][: N_STARS - N_STARS // 10].tolist()


def test_a_query_that_takes_too_long_costs_its_own_batch_only(served, gaia, tmp_path):
    targets = targets_of(gaia, with_ids=True)
    options = {"batch_size": 20, "timeout_seconds": 6, "retries": 0}
    ask = catalogue(served.url, tmp_path, **options).match
    ended = threading.Event()

    def hold_for_a_while():
        with served.held(TABLE):
            started.set()
            ended.wait(60)

    started = threading.Event()
    with ThreadPoolExecutor() as pool:
        holder = pool.submit(hold_for_a_while)
        started.wait(30)
        asked = pool.submit(ask, targets)
        served.wait_for_query()
        # the first batch has failed when a second query waits
        served.wait_for_query(n_queries=2)
        ended.set()
        holder.result(timeout=60)
        found = asked.result(timeout=120)
    assert set(found["outcome"][:20]) == {"unknown"}
    assert found["reason"][:20].str.contains("service failed").all()
    assert known_ids(found) == gaia["source_id"][20 : N_STARS - N_STARS // 10].tolist()
    again = ask(targets)
    assert known_ids(again) == gaia["source_id"][: N_STARS - N_STARS // 10].tolist()
