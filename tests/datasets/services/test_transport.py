"""Requests: repeated, paced, limited in time, and never made when offline."""

from __future__ import annotations

import gzip
import socket
import threading
import time

import pytest
import pyvo
import requests
from astroquery.vizier import VizierClass
from tests.datasets.services.servers import HANG_UP, Reply, Server

from malca.datasets.services.transport import (
    USER_AGENT,
    Manners,
    NoAnswerError,
    OfflineError,
    Pace,
    ServiceSession,
)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def session(pauses):
    def make(seed=1, timeout_seconds=0.3, retries=4, **options) -> ServiceSession:
        manners = Manners(1e6, timeout_seconds, retries, backoff_seconds=1.0, longest_pause_seconds=100)
        return ServiceSession(manners, seed=seed, sleep=pauses.append, pace=Pace(), **options)

    return make


def test_who_asks_is_said(server, session):
    server.routes["/"] = lambda _: Reply(200, b"yes")
    assert session().get(f"{server.url}/a").text == "yes"
    assert server.requests[0].headers["User-Agent"] == USER_AGENT


def test_what_the_service_asks_to_wait_is_waited(server, session, pauses):
    server.routes["/"] = lambda _: Reply(200, b"yes")
    server.faults.extend([Reply(429, b"", {"Retry-After": "7"}), Reply(503, b"", {"Retry-After": "0"})])
    pace = Pace(sleep=pauses.append)
    made = session()
    made._pace = pace
    assert made.get(server.url).ok
    # the pause, and, for whoever else asks the host, the turn that is put off
    assert 7 <= pauses[0] <= 8
    assert max(pauses[1:3]) > 6


def test_pauses_grow_at_random_and_are_repeatable(server, session, pauses):
    server.routes["/"] = lambda _: Reply(502)
    assert session(seed=3).get(server.url).status_code == 502
    first = pauses.copy()
    assert len(first) == 4
    assert all(0 <= pause <= 2**k for k, pause in enumerate(first))
    session(seed=3).get(server.url)
    assert pauses[4:] == first
    session(seed=4).get(server.url)
    assert pauses[8:] != first


def test_too_long_a_pause_is_a_failure(server, session, pauses):
    server.routes["/"] = lambda _: Reply(429, b"", {"Retry-After": "3600"})
    assert session().get(server.url).status_code == 429
    assert len(server.requests) == 1
    assert not pauses


def test_what_says_no_is_asked_once(server, session):
    error = b'<VOTABLE><INFO name="QUERY_STATUS" value="ERROR">bad</INFO></VOTABLE>'
    server.faults.extend([Reply(400), Reply(404), Reply(500, error)])
    assert [session().get(server.url).status_code for _ in range(3)] == [400, 404, 500]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (HANG_UP, "the connection was cut|no connection"),
        (Reply(200, b"x" * 100_000, n_cut=5), "the connection was cut"),
        (Reply(200, b"x" * 400, seconds_a_byte=0.02), "did not end within 0.3 s"),
    ],
    ids=["hung up", "cut", "slow"],
)
def test_broken_answers_are_asked_for_again(server, session, fault, words):
    server.routes["/"] = lambda _: Reply(200, b"yes")
    server.faults.extend([fault, fault])
    assert session().get(f"{server.url}/?key=hidden").text == "yes"
    server.faults.extend([fault] * 2)
    with pytest.raises(NoAnswerError, match=words) as failure:
        session(retries=1).get(f"{server.url}/?key=hidden")
    assert "hidden" not in str(failure.value)


def test_no_answer_in_time(session):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        started = time.monotonic()
        with pytest.raises(NoAnswerError, match="no answer in time"):
            session(retries=1).get(f"http://127.0.0.1:{deaf.getsockname()[1]}")
        assert time.monotonic() - started < 5


def test_bodies_of_uploads_are_sent_again(server, session):
    server.routes["/"] = lambda request: Reply(200, request.form["part"].encode())
    server.faults.append(Reply(503))
    assert session().post(server.url, files={"part": ("a.csv", b"1,2")}).text == "1,2"


def test_packed_answers_and_other_addresses(server, session):
    server.routes["/old"] = lambda _: Reply(303, b"", {"Location": f"{server.url}/new"})
    packed = Reply(200, gzip.compress(b"all of it"), {"Content-Encoding": "gzip"})
    server.routes["/new"] = lambda _: packed
    answer = session().get(f"{server.url}/old", stream=True)
    assert answer.raw.read(decode_content=True) == b"all of it"
    assert answer.text == "all of it"


def test_a_host_that_cannot_be_reached_is_not_tried_by_everybody():
    now, pauses = [1000.0], []
    pace = Pace(clock=lambda: now[0], sleep=pauses.append)
    with socket.socket() as held:  # bound, and nobody listens
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}/"

        def why() -> str:
            manners = Manners(retries=1, requests_per_second=1e6)
            session = ServiceSession(manners, pace=pace, sleep=pauses.append, seed=1)
            with pytest.raises(NoAnswerError) as caught:
                session.get(address)
            return str(caught.value).partition(": ")[2]

        assert [why(), why()] == ["no connection"] * 2
        tried = len(pauses)
        assert why() == "it could not be reached a moment ago"
        assert len(pauses) == tried
        now[0] += 61.0
        assert why() == "no connection"
    pace.reached(address.split("/")[2])
    assert not pace.is_down(address.split("/")[2])


def test_turns_are_shared_by_threads():
    now, slept, lock = [0.0], [], threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            slept.append(round(seconds, 6))

    pace = Pace(clock=lambda: now[0], sleep=sleep)
    threads = [threading.Thread(target=pace.wait, args=("host", 0.5)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == [0.5, 1.0, 1.5, 2.0]
    pace.wait("other", 0.5)
    assert len(slept) == 4
    pace.hold("host", 60)
    pace.wait("host", 0.5)
    assert slept[-1] == 60


def test_offline_no_socket_is_opened(session, monkeypatch):
    def forbidden(*args, **options):
        raise AssertionError("a socket was opened")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    offline = session(offline=True)
    with pytest.raises(OfflineError, match=r"offline: example\.org is not asked"):
        offline.get("https://example.org/path")
    service = pyvo.dal.TAPService("https://example.org/tap", session=offline)
    with pytest.raises((OfflineError, pyvo.dal.DALFormatError), match="offline"):
        service.run_sync("SELECT 1")
    with pytest.raises(OfflineError):
        service.submit_job("SELECT 1")
    vizier = VizierClass(row_limit=-1)
    vizier._session = offline
    with pytest.raises(OfflineError):
        vizier.query_constraints(catalog="II/246/out", cache=False)
    assert issubclass(NoAnswerError, requests.RequestException)


def test_servers_can_be_started_twice():
    first, second = Server(), Server()
    assert first.url != second.url
    first.close()
    second.close()
