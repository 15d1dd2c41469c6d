"""What several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from tests.small_sky import SmallSky, make_small_sky

PROJECT = Path(__file__).resolve().parents[1]


def real_data_folder() -> Path | None:
    """Folder with real light curves: $MALCA_REAL_DATA, or shared/data beside the project."""
    for folder in (os.environ.get("MALCA_REAL_DATA"), PROJECT.parent / "shared" / "data"):
        if folder and (Path(folder) / "known_events.csv").exists():
            return Path(folder)
    return None


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = real_data_folder()
    if folder is None:
        if os.environ.get("MALCA_REQUIRE_REAL_DATA"):
            pytest.fail("real light curves are absent, and MALCA_REQUIRE_REAL_DATA asks for them")
        pytest.skip("real light curves are absent: set MALCA_REAL_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def small_sky(tmp_path_factory) -> SmallSky:
    """A project with local twins of catalogues, and stars that they know."""
    return make_small_sky(tmp_path_factory.mktemp("sky") / "malca")


@pytest.fixture(scope="session")
def classified_sky(small_sky):
    """What comes of these stars: as of ``malca.cli.tables.run_on_table``."""
    from malca.cli.project import open_project
    from malca.cli.tables import run_on_table

    return run_on_table(open_project(folder=small_sky.folder), small_sky.stars, "classification")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)
