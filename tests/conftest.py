"""What several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

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


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)
