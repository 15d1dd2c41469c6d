from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from malca.datasets.survey_writer import ReferenceLightCurvesDataset
from malca.pipelines.simulation.nodes import inside_events, simulate_lightcurves
from malca.pipelines.simulation.parameters import (
    CameraParameters,
    NoiseParameters,
    SimulationParameters,
)
from malca.pipelines.simulation.realism import REFERENCE, compare, summarise, survey_statistics

LIKE_THE_REAL = {
    "populations": {"quiet": 1.0},
    "mag_bins": {"12_12.5": 0.08, "12.5_13": 0.14, "13_13.5": 0.5, "13.5_14": 0.28},
}


@pytest.fixture(scope="module")
def simulated():
    lightcurves, _, _ = simulate_lightcurves(SimulationParameters(n_stars=70, **LIKE_THE_REAL))
    return survey_statistics(lightcurves)


def test_the_simulation_agrees_with_what_was_measured(simulated) -> None:
    comparison = compare(simulated)
    assert len(comparison) > 40
    assert comparison["agrees"].all(), comparison[~comparison["agrees"]].to_string()


@pytest.mark.real_data
def test_the_simulation_agrees_with_real_light_curves(simulated, real_data: Path) -> None:
    lightcurves, events = ReferenceLightCurvesDataset(filepath=str(real_data / "skypatrol2")).load()
    assert len(events) > 0
    real = survey_statistics(lightcurves, inside_events(lightcurves, events))
    comparison = compare(simulated, real)
    assert comparison["agrees"].all(), comparison[~comparison["agrees"]].to_string()
    for name, value in summarise(real).items():
        assert REFERENCE[str(name)] == pytest.approx(value, rel=1e-3, abs=1e-4), name


@pytest.mark.parametrize(
    ("changed", "statistic"),
    [
        ({"noise": NoiseParameters(white_mag=0.03)}, "scatter_mag_g"),
        ({"noise": NoiseParameters(sky_g_mjy=0.12)}, "error_at_13_mag_g"),
        ({"cameras": CameraParameters(zero_point_mag=0.05)}, "offset_mag_g"),
        ({"cameras": CameraParameters(drift_mag=1e-4)}, "correlation_same_g_2"),
        ({"noise": NoiseParameters(bad_share_early=0.5)}, "bad_share"),
    ],
)
def test_a_wrong_simulation_is_noticed(changed: dict, statistic: str) -> None:
    lightcurves, _, _ = simulate_lightcurves(
        SimulationParameters(n_stars=25, **LIKE_THE_REAL, **changed)
    )
    comparison = compare(survey_statistics(lightcurves)).set_index("statistic")
    assert not comparison.loc[statistic, "agrees"]


def test_excluded_points_do_not_count(rng) -> None:
    lightcurves, _, _ = simulate_lightcurves(SimulationParameters(n_stars=2, **LIKE_THE_REAL))
    statistics = survey_statistics(lightcurves, np.ones(lightcurves.n_points, bool))
    assert len(statistics.channels) == 0
    assert len(statistics.n_cameras) == 2
