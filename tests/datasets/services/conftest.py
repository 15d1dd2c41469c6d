"""What tests of services share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from tests.datasets.services.servers import Server


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def stars_of():
    def make(ra, dec, gaia_id=None, release="DR3", pm=(np.nan, np.nan)) -> pd.DataFrame:
        """Targets at some positions."""
        n = len(ra)
        ids = pd.array([None] * n if gaia_id is None else gaia_id, dtype="Int64")
        return pd.DataFrame(
            {
                "asas_sn_id": np.arange(n) + 1000,
                "ra_deg": np.asarray(ra, float),
                "dec_deg": np.asarray(dec, float),
                "pm_ra_masyr": pm[0],
                "pm_dec_masyr": pm[1],
                "gaia_id": ids,
                "gaia_release": pd.array([release] * n, dtype="str"),
            }
        )

    return make
