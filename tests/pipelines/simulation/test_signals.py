from __future__ import annotations

import numpy as np
import pytest

from malca.pipelines.simulation.cadence import make_nights
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.pipelines.simulation.populations import POPULATIONS
from malca.pipelines.simulation.signals import Visits

GRID = np.arange(2457000.0, 2460840.0, 0.02)
VISITS = Visits(
    GRID, np.zeros(len(GRID), np.int8), np.arange(len(GRID)) % 4, 4, GRID[0], GRID[-1], 2460457.5
)


@pytest.mark.parametrize("name", POPULATIONS)
def test_events_say_what_happens(name: str) -> None:
    signal = POPULATIONS[name].signal(np.random.default_rng(7), VISITS)
    change = signal.event_mag
    assert np.isfinite(change).all()
    assert np.isfinite(signal.variation_mag).all()
    assert (signal.neighbour_flux >= 0).all()
    covered = np.zeros(len(GRID), bool)
    for event in signal.events:
        inside = (event.jd_start <= GRID) & (event.jd_end >= GRID)
        covered |= inside
        assert event.jd_start <= event.jd_end
        if inside.sum() > 20 and event.jd_peak <= GRID[-1] and event.shape != "diluted_gaussian":
            sign = 1 if event.kind == "dip" else -1
            assert (sign * change[inside]).max() >= 0.9 * event.depth_mag
    if signal.events:
        largest = max(event.depth_mag for event in signal.events)
        # up to a tenth of each event lies outside its window, and tails of several may add up
        assert np.abs(change[~covered]).max(initial=0) < 0.35 * max(largest, 0.2) + 0.1
    else:
        assert not change.any()


@pytest.mark.parametrize(
    ("name", "kind"), [("single_eclipse", "dip"), ("dipper_years", "dip"), ("microlensing", "jump")]
)
def test_kinds(name: str, kind: str) -> None:
    signal = POPULATIONS[name].signal(np.random.default_rng(3), VISITS)
    assert [event.kind for event in signal.events] == [kind]


def test_a_dip_in_progress_is_not_over() -> None:
    for seed in range(20):
        signal = POPULATIONS["dipper_in_progress"].signal(np.random.default_rng(seed), VISITS)
        (event,) = signal.events
        assert event.jd_start < VISITS.good_until_jd - 20
        assert event.jd_end == VISITS.last_jd
        assert signal.event_mag[-1] > 0.9 * event.depth_mag


def test_an_artefact_is_of_one_camera_and_no_event() -> None:
    for seed in range(20):
        signal = POPULATIONS["camera_artefact"].signal(np.random.default_rng(seed), VISITS)
        wrong = signal.shift_mag != 0
        assert set(VISITS.camera[wrong]) == {signal.artefact_camera}
        assert 0.19 < np.abs(signal.shift_mag).max() < 1.51
        start, stop = signal.artefact_jd
        assert GRID[wrong].min() >= start
        assert GRID[wrong].max() <= stop
        assert not signal.events


def test_a_neighbour_dilutes_dips() -> None:
    for seed in range(40):
        signal = POPULATIONS["blend"].signal(np.random.default_rng(seed), VISITS)
        if not signal.events:
            continue
        own = 10 ** (-0.4 * signal.event_mag)
        seen = 2.5 * np.log10((1 + signal.neighbour_flux) / (own + signal.neighbour_flux))
        at_peak = np.argmax(signal.event_mag)
        near = slice(max(at_peak - 20, 0), at_peak + 20)
        assert seen[near].mean() < signal.event_mag[at_peak]
        assert seen[near].mean() == pytest.approx(signal.events[0].depth_mag, rel=0.2)
        return
    pytest.fail("no blend with a dip among forty")


def test_truth_counts_points_inside_events(survey) -> None:
    lightcurves, truth, events = survey
    position = {asas_sn_id: i for i, asas_sn_id in enumerate(truth["asas_sn_id"])}
    for row in events.iloc[:: max(1, len(events) // 200)].itertuples():
        star = lightcurves.star(position[row.asas_sn_id])
        inside = (star.jd >= row.jd_start) & (star.jd <= row.jd_end)
        inside &= star.good & ~star.saturated & np.isfinite(star.mag) & (star.mag_err > 0)
        assert inside.sum() == row.n_points_inside
        assert len(np.unique(star.camera[inside])) == row.n_cameras_inside


def test_events_are_seen_in_the_points(survey) -> None:
    """Where the truth says a dip was sampled, the points inside are fainter than those outside."""
    lightcurves, truth, events = survey
    position = {asas_sn_id: i for i, asas_sn_id in enumerate(truth["asas_sn_id"])}
    chosen = events[
        events["population"].isin(
            ["single_eclipse", "dipper_single", "repeating_eclipse", "dipper_years"]
        )
        & (events["sampled_depth_mag"] > 0.3)
        & (events["n_points_inside"] >= 3)
    ]
    assert len(chosen) >= 5
    for row in chosen.itertuples():
        star = lightcurves.star(position[row.asas_sn_id])
        usable = star.good & ~star.saturated & np.isfinite(star.mag) & (star.band == 0)
        inside = usable & (star.jd >= row.jd_start) & (star.jd <= row.jd_end)
        if inside.sum() >= 3:
            faintest = np.sort(star.mag[inside])[-2:].mean() - np.median(star.mag[usable & ~inside])
            assert faintest > 0.3 * row.sampled_depth_mag


def test_nights_close_units_and_sites_share_weather() -> None:
    nights = make_nights(SimulationParameters(n_stars=1))
    jd = nights.first_jd + np.arange(nights.rate.shape[1])
    closed = (jd > 2458940) & (jd < 2459120)
    assert not nights.rate[3, closed].any()
    assert nights.rate[5, closed].any()
    both = (nights.rate[3] > 0) & (nights.rate[4] > 0)
    either = ((nights.rate[3] > 0) | (nights.rate[4] > 0)) & ~closed
    assert both.sum() > 0.75 * either.sum()  # one site, two units: only outages differ
