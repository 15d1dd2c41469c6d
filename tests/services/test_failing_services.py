"""A real TAP server that fails one time in three, and what the chain makes of it, twice.

The services that speak no TAP are ours, and fail as often.
"""

from __future__ import annotations

import pandas as pd
import pytest
import requests
from tests.chain.conftest import (  # noqa: F401
    make_chain,
    searched,
    server,
    twins,
    without_failures,
)
from tests.chain.failures import check_second_run, check_tables, run_with_faults
from tests.chain.services import declaration
from tests.datasets.services.servers import Reply, Request, Route
from tests.services.catalogue_tables import served_tables
from tests.services.dachs import TapServer

pytestmark = pytest.mark.services

_PASSED_ON = ("Content-Type", "Location")


def tap_route_to(url: str):
    """Maker of routes that pass requests on to a TAP service."""

    def of_catalogue(name: str) -> Route:
        def route(request: Request) -> Reply:
            answer = requests.request(
                request.method,
                f"{url}{request.path.removeprefix(f'/{name}')}",
                params=request.query,
                data=request.body,
                headers={"Content-Type": request.headers.get("Content-Type", "")},
                allow_redirects=False,
                timeout=60,
            )
            headers = {key: answer.headers[key] for key in _PASSED_ON if key in answer.headers}
            return Reply(answer.status_code, answer.content, headers)

        return route

    return of_catalogue


@pytest.fixture
def chain(make_chain, twins, tap_server: TapServer, tmp_path):  # noqa: F811
    chain = make_chain(tap_route_to(tap_server.url))
    catalogues = []
    for name, entry in chain.entries.items():
        if entry["type"].endswith(".TapCatalog"):
            path = tmp_path / f"{name}.parquet"
            twins[name].to_parquet(path)
            catalogues.append((declaration(entry), path))
    shared = {declared.filepath: path for declared, path in catalogues}
    tap_server.publish(
        served_tables(
            declared.model_copy(update={"filepath": shared[declared.filepath]})
            for declared, _ in catalogues
        )
    )
    return chain


def test_what_failed_is_unknown_and_is_all_that_is_asked_again(chain, without_failures):  # noqa: F811
    flaky, before = run_with_faults(chain, seed=5)
    check_tables(flaky, without_failures)
    complete = check_second_run(chain, before)
    for name, table in complete.items():
        pd.testing.assert_frame_equal(table, without_failures[name])
