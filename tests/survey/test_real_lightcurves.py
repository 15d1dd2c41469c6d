"""The search with its default parameters on real light curves whose events are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from malca.datasets.readers import read_lightcurves
from malca.search.detect import detect_events

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def real(real_data):
    lightcurves = read_lightcurves(sorted(real_data.glob("skypatrol2/*.csv")))
    failures = lightcurves.failures
    assert not len(failures)
    return lightcurves


@pytest.fixture(scope="module")
def known(real_data) -> pd.DataFrame:
    return pd.read_csv(real_data / "known_events.csv")


@pytest.fixture(scope="module")
def eventless(real, known):
    """The same curves without the points within 30 d of a known event.

    Scrambling deals out the dim points of an event of a year over all years, where neighbours in
    two cameras are rightly taken for a dip. What is to be shown is that noise makes none.
    """
    mag = real.mag.copy()
    first = dict(zip(real.stars["asas_sn_id"], real.offsets[:-1], strict=True))
    stop = dict(zip(real.stars["asas_sn_id"], real.offsets[1:], strict=True))
    for window in known.itertuples():
        part = slice(first[window.source_id], stop[window.source_id])
        jd = real.jd[part]
        mag[part][(jd >= window.jd_start - 30) & (jd <= window.jd_end + 30)] = np.nan
    return replace(real, mag=mag)


@pytest.fixture(scope="module")
def dips(real) -> pd.DataFrame:
    return dips_of(real)


def dips_of(lightcurves) -> pd.DataFrame:
    found = detect_events(lightcurves)
    assert len(found.sources) == len(lightcurves)
    return found.events[found.events["kind"] == "dip"]


def channels(lightcurves):
    """Points of each camera and band of each star, those with a magnitude."""
    measured = np.isfinite(lightcurves.mag)
    for first, stop in zip(lightcurves.offsets[:-1], lightcurves.offsets[1:], strict=True):
        channel = lightcurves.camera[first:stop].astype(int) * 2 + lightcurves.band[first:stop]
        for key in np.unique(channel):
            yield first + np.flatnonzero((channel == key) & measured[first:stop])


def mirrored(lightcurves):
    """Every dip a brightening: magnitudes mirrored about the median of their channel."""
    mag = lightcurves.mag.copy()
    for points in channels(lightcurves):
        mag[points] = 2 * np.median(mag[points]) - mag[points]
    return replace(lightcurves, mag=mag)


def scrambled(lightcurves, seed, night_days=0.5):
    """Keep times and magnitudes of each channel, but deal the magnitudes out to other visits.

    Visits stay together (points of one night share their noise); only what is correlated over
    more than a night, events above all, is torn apart.
    """
    rng = np.random.default_rng(seed)
    mag, mag_err, good = lightcurves.mag.copy(), lightcurves.mag_err.copy(), lightcurves.good.copy()
    for points in channels(lightcurves):
        visits = np.split(points, np.flatnonzero(np.diff(lightcurves.jd[points]) > night_days) + 1)
        source = np.concatenate([visits[k] for k in rng.permutation(len(visits))])
        for values, original in (
            (mag, lightcurves.mag),
            (mag_err, lightcurves.mag_err),
            (good, lightcurves.good),
        ):
            values[points] = original[source]
    return replace(lightcurves, mag=mag, mag_err=mag_err, good=good)


def test_every_clear_event_is_found(dips, known):
    missed = []
    for window in known[known["confidence"] == "clear"].itertuples():
        own = dips[dips["asas_sn_id"] == window.source_id]
        longest = 3 * (window.jd_end - window.jd_start) + 60
        found = own[
            (own["jd_start"] <= window.jd_end + 2)
            & (own["jd_end"] >= window.jd_start - 2)
            & (own["jd_end"] - own["jd_start"] <= longest)
        ]
        if not len(found):
            missed.append((window.name, window.jd_start))
    assert not missed


def test_hardly_anything_is_found_away_from_known_events(dips, known):
    away = [
        (event.name, event.jd_start, event.depth_mag)
        for event in dips.itertuples()
        if not (
            (known["source_id"] == event.asas_sn_id)
            & (known["jd_start"] - 30 <= event.jd_end)
            & (known["jd_end"] + 30 >= event.jd_start)
        ).any()
    ]
    assert len(away) <= 2, away


def test_deep_events_are_measured_as_deep_as_they_are_known(dips, known):
    deepest = dips.groupby("asas_sn_id")["depth_mag"].max()
    for star, own in known[known["confidence"] == "clear"].groupby("source_id"):
        assert deepest[star] > 0.5 * own["depth_mag"].max()


def test_mirrored_curves_have_no_dips(real):
    found = dips_of(mirrored(real))
    assert not len(found), found[["name", "jd_start", "jd_end", "depth_mag"]]


def test_scrambled_curves_differ_but_keep_their_points(eventless):
    shuffled = scrambled(eventless, seed=1)
    assert (shuffled.mag != eventless.mag).mean() > 0.5
    np.testing.assert_array_equal(np.sort(shuffled.mag), np.sort(eventless.mag))
    assert np.isfinite(eventless.mag).sum() > 20_000


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_scrambled_curves_have_no_dips(eventless, seed):
    found = dips_of(scrambled(eventless, seed))
    assert not len(found), found[["name", "jd_start", "jd_end", "depth_mag"]]
