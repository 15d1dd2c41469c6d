"""Stars that dim: eclipses by unseen companions, dust, R CrB stars.

Every function takes the random stream of a star and its visits and returns a `Signal`. Ranges of
periods, depths and durations are assumptions that span what surveys report of the class; nothing
here was fitted to data.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from malca.kernels.profiles import fred_profile, skew_normal_profile
from malca.pipelines.simulation.signals import (
    Signal,
    Visits,
    add_event,
    add_gaussian_dip,
    dimming_mag,
    eclipse_shape,
    log_uniform,
    nothing,
    pulsation,
    within,
)


def add_eclipse(
    signal: Signal, visits: Visits, middle: float, half: float, flat: float, depth: float
) -> None:
    add_event(
        signal,
        visits,
        lambda jd: dimming_mag(eclipse_shape(np.abs(jd - middle), half, flat), depth),
        (middle - half, middle + half),
        "eclipse",
    )


def single_eclipse(rng: np.random.Generator, visits: Visits) -> Signal:
    """Eclipse once, for two days to three months: the period is longer than the data."""
    signal = nothing(visits)
    half, depth = 0.5 * log_uniform(rng, 2.0, 90.0), log_uniform(rng, 0.15, 1.3)
    add_eclipse(signal, visits, within(rng, visits, half), half, rng.uniform(0, 0.6), depth)
    signal.amplitude_mag = depth
    return signal


def repeating_eclipse(rng: np.random.Generator, visits: Visits) -> Signal:
    """Eclipse for days to weeks, again after 300–1,800 d."""
    signal = nothing(visits)
    period, half = log_uniform(rng, 300.0, 1800.0), 0.5 * log_uniform(rng, 2.0, 50.0)
    depth, flat = log_uniform(rng, 0.2, 1.3), rng.uniform(0, 0.6)
    for middle in np.arange(visits.first_jd + period * rng.random(), visits.last_jd, period):
        add_eclipse(signal, visits, float(middle), half, flat, depth)
    signal.period_days, signal.amplitude_mag = period, depth
    return signal


def dipper_single(rng: np.random.Generator, visits: Visits) -> Signal:
    """Dim once by dust, symmetrically, for days to months."""
    signal = nothing(visits)
    sigma, depth = log_uniform(rng, 1.0, 60.0), log_uniform(rng, 0.15, 1.8)
    add_gaussian_dip(signal, visits, within(rng, visits, sigma), sigma, depth, dust=True)
    signal.amplitude_mag = depth
    return signal


def dipper_repeated(rng: np.random.Generator, visits: Visits) -> Signal:
    """Dim three to eight times, unlike in depth and width, at no regular times."""
    signal = nothing(visits)
    n, width, depth = (
        int(rng.integers(3, 9)),
        log_uniform(rng, 1.5, 15.0),
        log_uniform(rng, 0.25, 1.2),
    )
    for t0 in np.sort([within(rng, visits) for _ in range(n)]):
        add_gaussian_dip(
            signal,
            visits,
            float(t0),
            width * rng.lognormal(0, 0.4),
            depth * rng.uniform(0.4, 1),
            dust=True,
        )
    signal.amplitude_mag = depth
    return signal


def dipper_asymmetric(rng: np.random.Generator, visits: Visits) -> Signal:
    """Dim once with a tail, before the deepest point or behind it."""
    signal = nothing(visits)
    sigma, depth = log_uniform(rng, 3.0, 90.0), log_uniform(rng, 0.15, 1.5)
    alpha = rng.uniform(2.5, 8) * rng.choice([-1.0, 1.0])
    location = within(rng, visits, sigma)
    add_event(
        signal,
        visits,
        lambda jd: dimming_mag(skew_normal_profile(jd, location, sigma, alpha), depth),
        (location - 6 * sigma, location + 6 * sigma),
        "skew_normal",
        dust=True,
    )
    signal.amplitude_mag = depth
    return signal


def dipper_years(rng: np.random.Generator, visits: Visits) -> Signal:
    """Fade for a year to several years."""
    signal = nothing(visits)
    sigma, depth = rng.uniform(120, 450), log_uniform(rng, 0.2, 1.2)
    add_gaussian_dip(signal, visits, within(rng, visits, 2 * sigma), sigma, depth, dust=True)
    signal.amplitude_mag = depth
    return signal


def dipper_in_progress(rng: np.random.Generator, visits: Visits) -> Signal:
    """Begin a dip before the last good points that is not over when the data end."""
    signal = nothing(visits)
    ingress, depth = rng.uniform(15, 120), log_uniform(rng, 0.25, 1.5)
    middle = min(visits.good_until_jd, visits.last_jd) - rng.uniform(60, 250)
    add_event(
        signal,
        visits,
        lambda jd: dimming_mag(0.5 * (1 + np.tanh((jd - middle) / (0.5 * ingress))), depth),
        (middle - 3 * ingress, visits.last_jd),
        "ingress",
        dust=True,
    )
    signal.amplitude_mag = depth
    return signal


def _extinction_mag(
    jd: np.ndarray, start: float, size: float, fade: float, recovery: float
) -> np.ndarray:
    return size * fred_profile(jd, start, fade, recovery)


def r_crb(rng: np.random.Generator, visits: Visits) -> Signal:
    """Fade as an R CrB star: steeply by magnitudes, recovering slowly, pulsating at 40 d."""
    signal = nothing(visits)
    signal.variation_mag += pulsation(rng, visits, [rng.uniform(35, 60)], 0.15, 300.0)
    depth = rng.uniform(2, 6)
    for _ in range(int(rng.integers(1, 4))):
        start, size = within(rng, visits, 100), depth * rng.uniform(0.4, 1)
        fade, recovery = rng.uniform(6, 25), rng.uniform(60, 250)
        add_event(
            signal,
            visits,
            # the profile is an optical depth here, so magnitudes and not fluxes are scaled
            partial(_extinction_mag, start=start, size=size, fade=fade, recovery=recovery),
            (start - 8 * fade, start + 6 * recovery),
            "fred",
            dust=True,
        )
    signal.amplitude_mag = depth
    return signal
