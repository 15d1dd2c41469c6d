"""Planted credentials are found in nothing that a run writes or says, whatever services repeat."""

from __future__ import annotations

import base64
import html
import itertools
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import pandas as pd
import pytest
import yaml
from tests.chain import project as projects
from tests.datasets.services.servers import HANG_UP, Reply, Request, Server

#: What a run is given, with the characters that are written otherwise in addresses, pages and JSON.
PLANTED = {
    "tns": {
        "api_key": 'k3y-0f/the+bot=="91c7<&2f',
        "tns_id": "83461207755",
        "name": "bot of nobody 5531",
    },
    "atlas": {"token": 't0k3n/of+an=="acc0unt<&7e1'},
}
VARIABLES = {
    "MALCA_TNS_API_KEY": PLANTED["tns"]["api_key"],
    "MALCA_TNS_ID": PLANTED["tns"]["tns_id"],
    "MALCA_TNS_NAME": PLANTED["tns"]["name"],
    "MALCA_ATLAS_TOKEN": PLANTED["atlas"]["token"],
}
#: As much of one gives it away.
_PART = 9
#: To the last page, and only as far as services are asked.
RUNS = {
    "in conf/local": "characterization,vetting,classification,reporting,dossiers",
    "in the environment": "characterization,vetting",
}
#: Nothing else is asked: it has no credentials.
PARAMETERS = {
    "characterization": {
        "switched_off": [
            "gaia_source", "tmass", "allwise", "bailer_jones", "starhorse", "iphas", "iphas_field",
            "cantat_gaudin_members", "hunt_reffert_members", "unwise_epochs", "dust_map",
        ]
    },
    "vetting": {
        **{
            name: {"enabled": False}
            for name in ("simbad", "gaia_variability", "gaia_eb", "gaia_epoch_photometry", "alerce",
                         "asassn_variables", "ztf_periodic", "erosita", "neowise")
        },
        "atlas": {"enabled": True},
        "neighbours": dict.fromkeys(("gaia", "tmass", "allwise", "vsx"), False),
        "spectra": dict.fromkeys(("apogee", "galah", "lamost", "rave", "sdss", "desi"), False),
    },
    "reporting": {"n_pictures": 1, "n_dossiers": 3},
}  # fmt: skip


def ways_to_write(text: str) -> set[str]:
    """A text as it is, and as addresses, JSON, pages, programs and base64 have it."""
    ways = {text, quote(text), quote_plus(text), quote(text, safe=""), json.dumps(text)[1:-1],
            html.escape(text), html.escape(text, quote=False), repr(text)[1:-1]}  # fmt: skip
    ways |= {way.lower() for way in ways if "%" in way}
    for before in range(3):  # within a longer text, three ways
        coded = base64.b64encode(b"x" * before + text.encode()).decode()
        ways.add(coded[4 if before else 0 : 4 * ((before + len(text)) // 3)])
    return ways


#: Pieces that nothing may hold.
PIECES = {
    way[k : k + _PART].encode()
    for secrets in PLANTED.values()
    for text in secrets.values()
    for way in ways_to_write(text)
    for k in (*range(0, len(way) - _PART + 1, _PART), len(way) - _PART)
}


def found_in(content: bytes) -> set[bytes]:
    return {piece for piece in PIECES if piece in content}


def repeated(request: Request) -> str:
    """All that a request brought."""
    return json.dumps(request.headers) + request.body.decode()


class Telltale:
    """A service that fails in ever other ways, and repeats what it was sent in all of them."""

    def __init__(self, server: Server, path: str) -> None:
        self.url, self.told = f"{server.url}{path}", 0
        self._number = itertools.count()
        server.routes[path] = self.answer
        server.routes[f"{path}/led"] = lambda _: Reply(404)

    def answer(self, request: Request) -> Reply:
        number = next(self._number)
        said = repeated(request)
        secret = next(
            text for part in PLANTED.values() for text in part.values()
            if text in said or quote_plus(text) in said or json.dumps(text)[1:-1] in said
        )  # fmt: skip
        self.told += 1
        text = {"Content-Type": "text/plain"}
        # messages are cut at some lengths: no part of a secret may be left at the end
        before = "x" * (5 * number % 300)
        return [
            lambda: Reply(500, f"{before} {secret} {said}".encode(), text),
            lambda: Reply(400, f"{before} {secret} {said}".encode(), text),
            lambda: Reply(502, f"<p>{before} {html.escape(secret)}</p>".encode(), text),
            lambda: Reply(200, said.encode(), text),
            lambda: Reply(200, json.dumps({"detail": said, "data": said}).encode()),
            lambda: Reply(
                200, json.dumps({"data": {secret: said, "reply": [{secret: said}]}}).encode()
            ),
            lambda: Reply(302, b"", {"Location": f"{self.url}/led?key={quote_plus(secret)}"}),
            lambda: HANG_UP,
            lambda: self._task(request, f"{before} {secret} {said}"),
        ][number % 9]()

    def _task(self, request: Request, said: str) -> Reply:
        """Answer as ATLAS does: of a task, that it failed."""
        if request.method == "POST":
            return Reply(201, json.dumps({"url": f"{self.url}/queue/1/"}).encode())
        task = {"finishtimestamp": "2026-01-01", "result_url": None, "error_msg": said}
        return Reply(200, json.dumps(task).encode())


@pytest.fixture
def project(searched: Path, tmp_path: Path, server: Server) -> Path:
    """A project that asks two telltales only, and logs all that there is to log."""
    folder = projects.copy_project(searched, tmp_path / "malca")
    projects.set_catalogs(folder, source="service")
    projects.set_parameters(folder, PARAMETERS)
    entries = projects.service_entries(folder)
    options = {"batch_size": 7, "retries": 1, "requests_per_second": 100, "give_up_after": 1000}
    projects.set_services(folder, server.url, entries, **options)
    logging = yaml.safe_load((projects.PROJECT / "conf" / "logging.yml").read_text())
    logging["handlers"]["console"]["level"] = "DEBUG"
    logging["root"] = {"level": "DEBUG", "handlers": ["console"]}
    logging["loggers"] = {"matplotlib": {"level": "INFO"}, "numba": {"level": "INFO"}}
    (folder / "conf" / "logging.yml").write_text(yaml.safe_dump(logging))
    return folder


def called(folder: Path, *command: str, **variables: str) -> tuple[int, bytes]:
    """Exit code of a command in a project, and all that it said."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, check=False, timeout=280,
        env={**os.environ, "KEDRO_LOGGING_CONFIG": "conf/logging.yml", **variables},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a project but those that credentials belong in, also within archives."""
    for path in folder.rglob("*"):
        if not path.is_file() or path.name == "credentials.yml":
            continue
        yield str(path.relative_to(folder)), path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{path.name}:{name}", archive.read(name)


def check_nothing_is_told(folder: Path, said: Mapping[str, bytes]) -> None:
    everything = [*said.items(), *contents(folder)]
    leaks = {name: found for name, content in everything if (found := found_in(content))}
    assert not leaks
    tables = [path for path in folder.rglob("*.parquet") if "01_raw" not in path.parts]
    for path in tables:  # their text is compressed
        assert not found_in(pd.read_parquet(path).to_json(orient="values").encode()), path


@pytest.mark.survey
@pytest.mark.parametrize("given", list(RUNS))
def test_a_run_tells_nobody(project, server, given):
    telltales = [Telltale(server, f"/{name}_catalog") for name in ("tns", "atlas")]
    variables = VARIABLES if given == "in the environment" else {}
    if not variables:
        (project / "conf" / "local" / "credentials.yml").write_text(yaml.safe_dump(PLANTED))
    code, said = called(project, "kedro", "run", "--pipelines", RUNS[given], **variables)
    assert code == 0, said[-5000:].decode()
    assert b"DEBUG" in said
    assert all(telltale.told > 50 for telltale in telltales)
    sent = b"".join(repeated(request).encode() for request in server.requests)
    assert len(found_in(sent)) > 5
    vetted = projects.table(project, "vetted")
    assert set(vetted["tns_outcome"]) == set(vetted["atlas_outcome"]) == {"unknown"}
    assert vetted["tns_reason"].str.contains(r"\*\*\*").any()
    assert (project / "mlflow.db").is_file()
    told = {"run": said}
    if given == "in conf/local":
        assert len(list((project / "data" / "08_reporting").rglob("dossiers/*.html"))) == 4
        for command in ("describe-datasets", "resolve-patterns"):
            code, told[command] = called(project, "kedro", "catalog", command)
            assert code == 0, told[command][-3000:].decode()
    check_nothing_is_told(project, told)


SECRET = PLANTED["atlas"]["token"]
MISTAKES = {
    "no space after the colon": f"atlas:\n  token:{SECRET}\n",
    "in place of its name": yaml.safe_dump({"atlas": {SECRET: None}}),
    "no YAML": f"atlas:\n  token: {SECRET}\n - {SECRET}: {SECRET}: [\n",
}


@pytest.mark.survey
@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_a_mistake_in_the_file_is_told_without_what_is_in_it(project, mistake):
    (project / "conf" / "local" / "credentials.yml").write_text(MISTAKES[mistake])
    code, said = called(project, "kedro", "run", "--pipelines", "vetting")
    assert code != 0
    assert b"credentials" in said[-2000:]
    assert not found_in(said)
