from __future__ import annotations

import pandas as pd
import pytest

from malca.lightcurves import LightCurves
from malca.pipelines.simulation.nodes import simulate_lightcurves
from malca.pipelines.simulation.parameters import SimulationParameters


@pytest.fixture(scope="session")
def parameters() -> SimulationParameters:
    return SimulationParameters(n_stars=120, stars_per_index=20, stars_per_chunk=50)


@pytest.fixture(scope="session")
def survey(parameters: SimulationParameters) -> tuple[LightCurves, pd.DataFrame, pd.DataFrame]:
    return simulate_lightcurves(parameters)
