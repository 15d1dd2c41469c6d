"""A planted key is found nowhere but in what is sent to the service."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from urllib.parse import quote_plus

import pytest
from kedro.io import DataCatalog, DatasetError
from tests.datasets.services.servers import HANG_UP, Reply

from malca.datasets.services.atlas import AtlasCatalog
from malca.datasets.services.credentials import Secret, scrub, secrets_of
from malca.datasets.services.tns import TnsCatalog
from malca.datasets.services.transport import Manners, NoAnswerError, RefusedError, ServiceSession
from malca.plugins import hide_credentials
from malca.tracking.contents import dataset_state

PLANTED = "planted-9f3c1b7e-key"
POSITION = {"epoch_yr": 2016.0, "position": {"ra_deg": "ra", "dec_deg": "dec"}, "columns": {}}
QUICK = {"requests_per_second": 10, "retries": 0}


def test_a_secret_has_no_text():
    secret = Secret(PLANTED)
    assert secret.reveal() == PLANTED
    assert {str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{[secret]}"} == {"***", "[***]"}
    assert copy.deepcopy({"a": secret})["a"] is secret
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="do not leave the process"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert scrub(f"a {PLANTED} b", [secret, Secret("b")]) == "a *** b"
    odd = Secret('k/+ "é" k')
    assert scrub(f"{quote_plus(odd.reveal())} {json.dumps(odd.reveal())}", [odd]) == '*** "***"'


def test_the_catalog_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("MALCA_X", " from-environment ")
    variables = {"token": "MALCA_X"}
    assert secrets_of(None, variables)["token"].reveal() == "from-environment"
    assert secrets_of({"token": 123456}, variables)["token"].reveal() == "123456"
    monkeypatch.delenv("MALCA_X")
    assert secrets_of({"token": None}, variables) == {}
    with pytest.raises(ValueError, match="there is no tokn; there are token"):
        secrets_of({"tokn": PLANTED}, variables)


FAULTS = {
    "repeats what it was sent": lambda request: Reply(
        500, request.body + json.dumps(request.headers).encode(), {"Content-Type": "text/plain"}
    ),
    "refuses": lambda request: Reply(400, request.body + json.dumps(request.headers).encode()),
    "does not know the key": lambda request: Reply(401, json.dumps(request.headers).encode()),
    "answers nonsense": lambda request: Reply(200, request.body),
    "hangs up": lambda request: HANG_UP,
    "leads elsewhere": lambda request: Reply(
        302, b"", {"Location": f"http://127.0.0.1:9/?key={PLANTED}"}
    ),
}


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("kind", ["tns", "atlas"])
def test_a_planted_key_is_found_nowhere(server, stars_of, tmp_path, caplog, kind, fault):
    caplog.set_level(logging.DEBUG)
    server.routes["/"] = FAULTS[fault]
    cache = {"folder": str(tmp_path / "cache"), "expires_days": 1}
    config = {
        "tns": {"type": "malca.datasets.services.tns.TnsCatalog"},
        "atlas": {"type": "malca.datasets.services.atlas.AtlasCatalog", "poll_seconds": 0.01},
    }[kind] | {"urls": server.url, "credentials": "planted", "cache": cache, **POSITION, **QUICK}
    credentials = {
        "tns": {"api_key": PLANTED, "tns_id": 123456, "name": PLANTED},
        "atlas": {"token": PLANTED},
    }[kind]
    catalog = DataCatalog.from_config({"it": config}, {"planted": credentials})
    dataset = catalog.get("it")
    answers = catalog.load("it").match_all(stars_of([10.0, 20.0], [0.0, 0.0]))
    assert answers.outcomes["outcome"].tolist() == ["unknown"] * 2
    assert any(PLANTED.encode() in json.dumps(r.headers).encode() + r.body for r in server.requests)
    told = [
        caplog.text, repr(dataset), str(dataset), repr(dataset.__dict__), str(dataset._describe()),
        str(dataset._init_args), str(dataset._init_config()), str(catalog), str(catalog.to_config()),
        answers.outcomes.to_csv(), dataset_state("it", catalog).model_dump_json(),
        catalog.load("it").fingerprint,
    ]  # fmt: skip
    told += [path.read_text("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in told if PLANTED in text]
    with pytest.raises(TypeError, match="do not leave the process"):
        pickle.dumps(dataset)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (PLANTED, "each has a name and a colon before it"),
        ([PLANTED], "each has a name and a colon before it"),
        ({PLANTED: None}, "there is no such name; there are token"),
        ({f"token:{PLANTED}": None}, "there is no such name; there are token"),
        ({"token": {"of": PLANTED}}, "token is no text"),
        ({"token": [PLANTED]}, "token is no text"),
    ],
)
def test_credentials_in_the_wrong_place_are_not_told(given, told):
    with pytest.raises(DatasetError, match=told) as failure:
        AtlasCatalog(urls="http://a", credentials=given, **POSITION)
    assert PLANTED not in "".join(traceback.format_exception(failure.value))


def test_no_part_of_a_secret_is_left_where_messages_are_cut(server, stars_of):
    places = iter(range(84, 100))
    server.routes["/"] = lambda _: Reply(400, f"{'x' * next(places)}{PLANTED}".encode())
    credentials = {"api_key": PLANTED, "tns_id": 1, "name": "somebody"}
    catalog = TnsCatalog(
        urls=server.url, credentials=credentials, **POSITION, **QUICK, give_up_after=100, threads=1
    ).load()
    reasons = catalog.match(stars_of([10.0] * 16, [0.0] * 16))["reason"]
    assert reasons.str.startswith("service failed: HTTP 400 xxx").all()
    assert not reasons.str.contains(PLANTED[:4]).any()


def test_what_kedro_says_of_its_hooks_holds_no_credentials(caplog):
    hide_credentials()
    logger = logging.getLogger("kedro.framework.hooks.manager")
    caplog.set_level(logging.DEBUG, logger.name)
    logger.debug(f"after_catalog_created\n      conf_creds: {{'a': '{PLANTED}'}}\n      catalog: all")
    assert PLANTED not in caplog.text
    assert "catalog: all" in caplog.text


def test_errors_do_not_tell(server):
    server.routes["/"] = lambda _: HANG_UP
    session = ServiceSession(Manners(100, 1, 0), secrets=[Secret(PLANTED)])
    session.headers["Authorization"] = PLANTED
    with pytest.raises(NoAnswerError) as failure:
        session.post(server.url, data={"key": PLANTED})
    assert PLANTED not in "".join(traceback.format_exception(failure.value))
    with pytest.raises(RefusedError, match="the address holds a credential") as failure:
        session.get(f"{server.url}/{PLANTED}?key={PLANTED}")
    assert PLANTED not in "".join(traceback.format_exception(failure.value))
    assert len(server.requests) == 1


def test_a_wrong_name_is_told_without_its_value():
    for kind, known in [(TnsCatalog, "api_key, tns_id, name"), (AtlasCatalog, "token")]:
        with pytest.raises(DatasetError, match=f"there is no key; there are {known}") as failure:
            kind(urls="http://a", credentials={"key": PLANTED}, **POSITION)
        assert PLANTED not in "".join(traceback.format_exception(failure.value))
