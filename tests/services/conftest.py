"""Real services on this machine: a TAP server and a browser.

Where they cannot run the tests are skipped with the reason, or fail if $MALCA_REQUIRE_SERVICES is set.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.services.browser import Browser
from tests.services.dachs import TapServer
from tests.services.packages import UnavailableError, required

_SERVERS: list[TapServer] = []


def _without(error: UnavailableError) -> None:
    if required():
        pytest.fail(f"$MALCA_REQUIRE_SERVICES asks for all services: {error}")
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def tap_server(request: pytest.FixtureRequest) -> Iterator[TapServer]:
    """A TAP server without tables; modules publish theirs."""
    server = TapServer()
    try:
        server.__enter__()
    except UnavailableError as error:
        _without(error)
    _SERVERS.append(server)
    try:
        yield server
    finally:
        server.keep = request.session.testsfailed > 0
        server.stop()
        _SERVERS.clear()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """A browser without a window; ``browser.open(path)`` gives what a reader would see."""
    try:
        return Browser(tmp_path_factory.mktemp("browser"))
    except UnavailableError as error:
        _without(error)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    if report.failed and "tap_server" in getattr(item, "fixturenames", ()):
        for server in _SERVERS:
            report.sections.append((f"TAP server, kept in {server.folder}", server.log))
    return report
