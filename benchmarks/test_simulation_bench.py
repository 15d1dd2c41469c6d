"""How fast the sample survey is made and written.

The peers are what one would write without compiled code: ``numpy.savetxt`` for the files.
"""

from __future__ import annotations

import io
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from malca.datasets.survey_writer import Dat2Formatter, SurveyDataset
from malca.pipelines.simulation.nodes import simulate_lightcurves, simulate_survey
from malca.pipelines.simulation.parameters import SimulationParameters

PARAMETERS = SimulationParameters(n_stars=300)


def note_rate(benchmark, n_points: int) -> None:
    if benchmark.stats is not None:  # there is nothing to note where timing is switched off
        benchmark.extra_info["points_per_second"] = n_points / benchmark.stats.stats.median


@pytest.fixture(scope="module")
def lightcurves():
    return simulate_lightcurves(PARAMETERS.model_copy(update={"n_stars": 40}))[0]


def test_make_and_write_300_stars(benchmark, tmp_path: Path) -> None:
    folders = (tmp_path / str(k) for k in itertools.count())

    def make() -> int:
        folder = next(folders)
        dataset = SurveyDataset(filepath=str(folder))
        n_points = 0
        for survey in simulate_survey(PARAMETERS):
            dataset.save(survey)
            n_points += survey["lightcurves"].n_points
        shutil.rmtree(folder)
        return n_points

    n_points = benchmark.pedantic(make, rounds=5, warmup_rounds=1)
    note_rate(benchmark, n_points)


def test_format_dat2(benchmark, lightcurves) -> None:
    formatter = Dat2Formatter(lightcurves)
    benchmark(lambda: [formatter.dat2(i) for i in range(len(lightcurves))])
    note_rate(benchmark, lightcurves.n_points)


def test_format_with_savetxt(benchmark, lightcurves) -> None:
    numbers = np.array([camera.number for camera in lightcurves.cameras])

    def format_all() -> None:
        for i in range(len(lightcurves)):
            star = lightcurves.star(i)
            columns = (*star[:3], star.good, numbers[star.camera], star.band, star.saturated)
            np.savetxt(io.BytesIO(), np.column_stack(columns), fmt="%.6f %.4f %.4f %d %d %d %d")

    benchmark.pedantic(format_all, rounds=3)
    note_rate(benchmark, lightcurves.n_points)
