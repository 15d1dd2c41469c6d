"""The switch `offline`: no socket is opened by any part of the chain, and it says so of every star."""

from __future__ import annotations

import shutil
import socket

import pytest
import requests
from tests.chain import project as projects

from malca.catalogs import UNKNOWN
from malca.cli.project import open_project
from malca.lookups import targets_of


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What anybody tried to connect to, or to find the address of."""
    tried: list[object] = []

    def refuse(*arguments: object, **options: object) -> None:
        tried.append(arguments[-1] if arguments else options)
        raise OSError("a socket was opened")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return tried


@pytest.mark.survey
def test_offline_and_without_twins_all_is_unknown(searched, tmp_path, dialled):
    with pytest.raises(OSError, match="a socket was opened"):
        requests.get("http://127.0.0.1:9/", timeout=1)
    assert dialled
    dialled.clear()

    folder = projects.copy_project(searched, tmp_path / "malca")
    shutil.rmtree(folder / "data" / "01_raw" / "catalogs")
    projects.set_catalogs(folder, offline=True)
    projects.set_parameters(
        folder, {"vetting": {name: {"enabled": True} for name in ("atlas", "neowise")}}
    )
    entries = projects.service_entries(folder)
    projects.run(folder, *projects.CHAIN)
    answers = projects.answers(folder, entries)
    assert len(answers) >= len(entries) - 1  # one is of the filters
    for name, table in answers.items():
        assert set(table["outcome"]) == {UNKNOWN}, name
        assert set(table["reason"]) == {"offline"}, name
    classified = projects.table(folder, "classified")
    assert len(classified) == len(projects.table(folder, "candidates"))
    assert classified["vetting_likely_known"].isna().all()
    assert not dialled


def test_offline_a_service_is_not_asked_though_its_twin_is_not_to_be_used(
    searched, tmp_path, dialled, monkeypatch
):
    folder = projects.copy_project(searched, tmp_path / "malca")
    projects.set_catalogs(folder, source="service", offline=True)
    monkeypatch.chdir(folder)
    catalog = open_project(folder=folder).catalog
    targets = targets_of(projects.table(folder, "candidates"))
    for name in projects.service_entries(folder):
        one, all_ = catalog.load(name).match(targets), catalog.load(name).match_all(targets)
        assert set(one["reason"]) == set(all_.outcomes["reason"]) == {"offline"}, name
    assert not dialled
