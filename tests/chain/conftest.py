"""Candidates of a small survey, and services that know what local twins know of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from tests.chain import project as projects
from tests.chain.services import CREDENTIALS, Services, read_twins
from tests.datasets.services.servers import Route, Server

#: How services are asked: few stars at once, so that a fault costs few, and once.
ASKED = {"batch_size": 5, "retries": 0, "requests_per_second": 100, "timeout_seconds": 20}
#: What is asked only for those who want it is wanted here.
PARAMETERS = {"vetting": {"atlas": {"enabled": True}, "neowise": {"enabled": True}}}


class Chain(NamedTuple):
    """A project whose catalogues ask ``services``, and the entries of these catalogues."""

    folder: Path
    services: Services
    entries: Mapping[str, Mapping[str, Any]]

    def run(self) -> dict[str, pd.DataFrame]:
        """Run from candidates to classified ones; give the tables."""
        projects.run(self.folder, *projects.CHAIN)
        return {name: projects.table(self.folder, name) for name in projects.TABLES}


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with candidates, and local twins of the catalogues."""
    return projects.make_searched_project(tmp_path_factory.mktemp("searched") / "malca")


@pytest.fixture(scope="session")
def twins(searched: Path) -> dict[str, pd.DataFrame]:
    """Local twins by the name of the catalogue, also of those that the simulation makes none of."""
    entries = projects.service_entries(searched)
    made = read_twins(entries)
    stars = projects.table(searched, "candidates")
    made["atlas_catalog"], made["neowise_catalog"] = atlas(stars), neowise(stars)
    assert set(made) == set(entries)
    return made


@pytest.fixture(scope="session")
def without_failures(
    searched: Path, twins: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pd.DataFrame]:
    """Tables of the chain from local twins, which never fail."""
    folder = projects.copy_project(searched, tmp_path_factory.mktemp("twins") / "malca")
    projects.set_catalogs(folder, source="local", offline=True)
    projects.set_parameters(folder, PARAMETERS)
    for name in ("atlas", "neowise"):
        twins[f"{name}_catalog"].to_parquet(folder / "data" / "01_raw" / "catalogs" / f"{name}.parquet")
    projects.run(folder, *projects.CHAIN)
    return {name: projects.table(folder, name) for name in projects.TABLES}


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def make_chain(
    searched: Path,
    twins: dict[str, pd.DataFrame],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Chain]:
    """Maker of projects that ask ``server``."""

    def make(
        name: str = "malca", tap_route: Callable[[str], Route] | None = None, **asked: Any
    ) -> Chain:
        for variable, value in CREDENTIALS.items():
            monkeypatch.setenv(variable, value)
        folder = projects.copy_project(searched, tmp_path / "malca")
        projects.set_catalogs(folder, source="service")
        projects.set_parameters(folder, PARAMETERS)
        entries = projects.service_entries(folder)
        projects.set_services(folder, server.url, entries, **ASKED | asked)
        entries = projects.service_entries(folder)
        return Chain(folder, Services(server, entries, twins, tap_route), entries)

    return make


def atlas(stars: pd.DataFrame, n_epochs: int = 12) -> pd.DataFrame:
    """Forced photometry of every second star, in two filters."""
    rng = np.random.default_rng(1)
    rows = stars.iloc[::2].loc[lambda table: table.index.repeat(n_epochs)].reset_index(drop=True)
    n = len(rows)
    return pd.DataFrame(
        {
            "MJD": 57300.0 + 10.0 * np.arange(n),
            "F": np.where(np.arange(n) % 2, "o", "c"),
            "uJy": np.round(rng.normal(20000.0, 100.0, n), 1),
            "duJy": 80.0,
            "RA": rows["ra_deg"].to_numpy(),
            "Dec": rows["dec_deg"].to_numpy(),
        }
    )


def neowise(stars: pd.DataFrame, n_epochs: int = 24) -> pd.DataFrame:
    """Exposures of every third star, some each half a year."""
    rng = np.random.default_rng(2)
    rows = stars.iloc[::3].loc[lambda table: table.index.repeat(n_epochs)].reset_index(drop=True)
    n = len(rows)
    step = np.arange(n) % n_epochs
    return pd.DataFrame(
        {
            "ra": rows["ra_deg"].to_numpy(),
            "dec": rows["dec_deg"].to_numpy(),
            "mjd": 57000.0 + 182.0 * (step // 6) + 0.1 * (step % 6),
            "w1mpro": rng.normal(11.0, 0.02, n),
            "w1sigmpro": 0.02,
            "w1rchi2": 1.0,
            "w2mpro": rng.normal(10.9, 0.02, n),
            "w2sigmpro": 0.02,
            "w2rchi2": 1.0,
            "qual_frame": pd.array([10] * n, "Int64"),
            "qi_fact": 1.0,
            "saa_sep": 50.0,
            "moon_masked": "00",
            "cc_flags": "0000",
            "ph_qual": "AA",
            "nb": pd.array([1] * n, "Int64"),
            "na": pd.array([0] * n, "Int64"),
        }
    )
