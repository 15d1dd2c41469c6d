"""How often simulated stars are called periodic; a small version of what docs/method.md states."""

import numpy as np
import pytest

from malca.pipelines.simulation.nodes import simulate_lightcurves
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.search.detect import detect_events
from malca.search.periodicity import test_periodicity

N_STARS = 60


def judged(population, n_stars=N_STARS, change=None):
    """Simulated stars of one kind, searched for events and tested, and their truth."""
    parameters = SimulationParameters(n_stars=n_stars, seed=4711, populations={population: 1.0})
    lightcurves, truth, _ = simulate_lightcurves(parameters)
    if change is not None:
        for i in range(n_stars):
            part = slice(lightcurves.offsets[i], lightcurves.offsets[i + 1])
            lightcurves.mag[part] += change(lightcurves.jd[part]).astype(np.float32)
    events = detect_events(lightcurves, workers=1).events
    table = test_periodicity(lightcurves, events)
    return table["is_periodic"].fillna(False).to_numpy(bool), table, truth


def damped_random_walk(rng):
    def walk(jd):
        tau, sigma = 3.0 * 100 ** rng.random(), 0.01 * 10 ** rng.random()
        memory = np.exp(-np.diff(jd, prepend=jd[0]) / tau)
        value, values = rng.standard_normal(), np.empty(len(jd))
        for i, m in enumerate(memory):
            value = m * value + np.sqrt(1 - m * m) * rng.standard_normal()
            values[i] = sigma * value
        return values

    return walk


def dip(rng):
    def one(jd):
        sigma, depth = 1.5 * 40 ** rng.random(), 0.1 * 10 ** rng.random()
        return depth * np.exp(-0.5 * ((jd - rng.uniform(jd[0], jd[-1])) / sigma) ** 2)

    return one


def test_a_few_of_each():
    assert not judged("dipper_single", 12)[0].any()
    periodic, _, _ = judged("detached_binary", 12)
    assert periodic.sum() >= 11


@pytest.mark.slow
@pytest.mark.parametrize(
    "population",
    ["quiet", "dipper_single", "dipper_repeated", "single_eclipse", "repeating_eclipse", "flare"],
)
def test_stars_without_a_short_period(population):
    periodic, table, _ = judged(population)
    assert periodic.mean() <= 0.02
    # As rare as the false-alarm probability says, up to a factor of four.
    if population == "quiet":
        assert (table["lsp_log10_fap"] < -1).mean() <= 0.3


@pytest.mark.slow
@pytest.mark.parametrize("change", [dip, damped_random_walk])
def test_quiet_stars_with_something_added(rng, change):
    periodic, _, _ = judged("quiet", change=change(rng))
    assert periodic.mean() <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("population", "least", "right"),
    [("contact_binary", 0.95, 0.8), ("detached_binary", 0.95, 0.9), ("spotted", 0.9, 0.95)],
)
def test_stars_with_a_short_period(population, least, right):
    periodic, table, truth = judged(population)
    assert periodic.mean() >= least
    ratio = table["lsp_period_days"].to_numpy() / truth["period_days"].to_numpy()
    known = np.abs(ratio[:, None] / np.array([0.25, 1 / 3, 0.5, 1.0, 2.0]) - 1).min(axis=1) < 0.05
    assert known[periodic].mean() >= right


@pytest.mark.slow
@pytest.mark.parametrize(("population", "least"), [("semiregular", 0.85), ("long_period", 0.75)])
def test_giants(population, least):
    assert judged(population)[0].mean() >= least
