"""Stars that vary in other ways, brighten, blend, or are ill observed.

Every function takes the random stream of a star and its visits and returns a `Signal`. Ranges of
periods, depths and durations are assumptions that span what surveys report of the class; nothing
here was fitted to data.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from malca.kernels.profiles import fred_profile, paczynski_amplitude_mag, paczynski_profile
from malca.lightcurves import BAND_V
from malca.pipelines.simulation.signals import (
    EVENT_LEVEL,
    Event,
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


def quiet(rng: np.random.Generator, visits: Visits) -> Signal:
    """Leave the star as it is."""
    return nothing(visits)


def spotted(rng: np.random.Generator, visits: Visits) -> Signal:
    """Rotate a star whose spots come and go over hundreds of days."""
    signal = nothing(visits)
    period, amplitude = log_uniform(rng, 1.0, 40.0), log_uniform(rng, 0.03, 0.2)
    lifetime = rng.uniform(150, 600)
    knots = np.arange(visits.first_jd - lifetime, visits.last_jd + 2 * lifetime, lifetime)
    for harmonic, weight in ((1, 1.0), (2, 0.4)):
        for part in (np.sin, np.cos):
            size = np.interp(visits.jd, knots, rng.standard_normal(len(knots)))
            signal.variation_mag += (
                0.35 * amplitude * weight * size * part(2 * np.pi * harmonic * visits.jd / period)
            )
    signal.variation_mag *= np.where(visits.band == BAND_V, 0.9, 1.0)
    signal.period_days, signal.amplitude_mag = period, amplitude
    return signal


def semiregular(rng: np.random.Generator, visits: Visits) -> Signal:
    """Pulsate as a red giant, in two or three periods that wander."""
    signal = nothing(visits)
    period, amplitude = log_uniform(rng, 25.0, 180.0), log_uniform(rng, 0.08, 0.7)
    periods = [period, period * rng.uniform(0.45, 0.65), period * rng.uniform(6, 10)][
        : rng.integers(2, 4)
    ]
    signal.variation_mag += pulsation(rng, visits, periods, amplitude, 4 * period)
    signal.period_days, signal.amplitude_mag = period, amplitude
    return signal


def long_period(rng: np.random.Generator, visits: Visits) -> Signal:
    """Pulsate as a Mira: one large, fairly steady period of 120–500 d."""
    signal = nothing(visits)
    period, amplitude = log_uniform(rng, 120.0, 500.0), rng.uniform(1.5, 4.5)
    signal.variation_mag += pulsation(rng, visits, [period], amplitude, 10 * period)
    signal.period_days, signal.amplitude_mag = period, amplitude
    return signal


def contact_binary(rng: np.random.Generator, visits: Visits) -> Signal:
    """Vary as a W UMa star: two minima of nearly equal depth, no constant part."""
    signal = nothing(visits)
    period, depth, contrast = rng.uniform(0.24, 0.7), rng.uniform(0.12, 0.7), rng.uniform(0.0, 0.2)
    phase = 2 * np.pi * ((visits.jd - visits.first_jd) / period + rng.random())
    lost = 1 - 10 ** (-0.4 * depth)
    light = 0.5 * (1 + np.cos(2 * phase)) * (1 - contrast * (np.cos(phase) < 0))
    signal.variation_mag -= 2.5 * np.log10(1 - lost * light)
    signal.period_days, signal.amplitude_mag = period, depth
    return signal


def detached_binary(rng: np.random.Generator, visits: Visits) -> Signal:
    """Eclipse as a detached pair: narrow primary and secondary minima, each observed one an event."""
    signal = nothing(visits)
    period, depth = log_uniform(rng, 1.5, 60.0), rng.uniform(0.12, 1.2)
    half = period * min(0.06, 0.035 * (5 / period) ** 0.5)
    epoch = visits.first_jd + period * rng.random()
    second = (0.5 + rng.normal(0, 0.05), depth * rng.uniform(0.1, 0.95))
    flat = rng.uniform(0, 0.5)
    for phase0, size in ((0.0, depth), second):
        cycle = np.round((visits.jd - epoch) / period - phase0)
        middle = epoch + (cycle + phase0) * period
        change = dimming_mag(eclipse_shape(np.abs(visits.jd - middle), half, flat), size)
        signal.event_mag += change
        # a smooth limb reaches a tenth of the depth after a fifth of the ingress
        reach = half * (1 - 0.196 * (1 - flat))
        for peak in np.unique(middle[change > EVENT_LEVEL * size]):
            signal.events.append(Event("dip", "eclipse", peak - reach, peak + reach, float(peak), size))
    signal.period_days, signal.amplitude_mag = period, depth
    return signal


def _outburst_mag(jd: np.ndarray, peak: float, rise: float, decay: float, excess: float) -> np.ndarray:
    return -2.5 * np.log10(1 + excess * fred_profile(jd, peak, rise, decay))


def flare(rng: np.random.Generator, visits: Visits) -> Signal:
    """Flare: minutes to hours of rise, hours to days of decay, mostly between two visits."""
    signal = nothing(visits)
    flares_a_year = rng.uniform(2, 8)
    n = int(rng.poisson(flares_a_year * (visits.last_jd - visits.first_jd) / 365.25))
    largest = 0.0
    for _ in range(max(n, 1)):
        peak, size = within(rng, visits), min(0.15 * (1 + rng.pareto(1.8)), 4.0)
        decay = log_uniform(rng, 0.05, 2.0)
        rise = 0.1 * decay
        excess = 10 ** (0.4 * size) - 1
        add_event(
            signal,
            visits,
            partial(_outburst_mag, peak=peak, rise=rise, decay=decay, excess=excess),
            (peak - 5 * rise, peak + 8 * decay),
            "fred",
        )
        largest = max(largest, size)
    signal.amplitude_mag = largest
    return signal


def microlensing(rng: np.random.Generator, visits: Visits) -> Signal:
    """Magnify the star once by a point lens."""
    signal = nothing(visits)
    t_e, u0 = log_uniform(rng, 8.0, 80.0), rng.uniform(0.05, 0.8)
    t0 = within(rng, visits, t_e)
    add_event(
        signal,
        visits,
        lambda jd: -paczynski_profile(jd, t0, t_e, u0),
        (t0 - 4 * t_e, t0 + 4 * t_e),
        "paczynski",
    )
    signal.amplitude_mag = float(paczynski_amplitude_mag(u0))
    return signal


def cataclysmic(rng: np.random.Generator, visits: Visits) -> Signal:
    """Erupt as a dwarf nova: flickering, and outbursts of weeks every one to several months."""
    signal = nothing(visits)
    signal.variation_mag += 0.08 * rng.standard_normal(len(visits.jd))
    size, spacing, decay = rng.uniform(1.2, 3.0), log_uniform(rng, 30.0, 250.0), rng.uniform(2.5, 8.0)
    peak = visits.first_jd + spacing * rng.random()
    while peak < visits.last_jd:
        excess = 10 ** (0.4 * size * rng.uniform(0.7, 1)) - 1
        add_event(
            signal,
            visits,
            partial(_outburst_mag, peak=peak, rise=0.7, decay=decay, excess=excess),
            (peak - 8.0, peak + 8 * decay),
            "fred",
        )
        peak += spacing * rng.lognormal(0, 0.3)
    signal.amplitude_mag = size
    return signal


def trend(rng: np.random.Generator, visits: Visits) -> Signal:
    """Change by 0.02–0.15 mag a year through the whole data, straight or bending."""
    signal = nothing(visits)
    slope = log_uniform(rng, 0.02, 0.15) * rng.choice([-1.0, 1.0])
    years = (visits.jd - 0.5 * (visits.first_jd + visits.last_jd)) / 365.25
    signal.variation_mag += slope * years + rng.uniform(-0.3, 0.3) * slope / 6 * years**2
    signal.amplitude_mag = abs(slope) * (visits.last_jd - visits.first_jd) / 365.25
    return signal


def blend(rng: np.random.Generator, visits: Visits) -> Signal:
    """Put a neighbour into the aperture: more of it in some cameras and in bad seeing, dips diluted.

    Half of these stars have a dip of their own, a quarter an eclipsing neighbour.
    """
    signal = nothing(visits)
    ratio = log_uniform(rng, 0.1, 0.8)
    captured = rng.uniform(0.5, 1.0, visits.n_cameras)[visits.camera]
    seeing = 1 + 0.12 * rng.standard_normal(len(visits.jd))
    neighbour = ratio * np.clip(captured * seeing, 0, 1)
    dilution = 1 + 0.75 * ratio
    what = rng.random()
    if what < 0.5:
        sigma, depth = log_uniform(rng, 2.0, 40.0), rng.uniform(0.3, 1.5)
        t0 = within(rng, visits, sigma)
        lost = 1 - 10 ** (-0.4 * depth)
        seen = -2.5 * math.log10(1 - lost / dilution)
        add_gaussian_dip(signal, visits, t0, sigma, depth)
        signal.events[-1] = signal.events[-1]._replace(depth_mag=seen, shape="diluted_gaussian")
        signal.amplitude_mag = seen
    elif what < 0.75:
        period, depth = rng.uniform(0.25, 0.8), rng.uniform(0.3, 0.8)
        lost = 1 - 10 ** (-0.4 * depth)
        neighbour *= 1 - lost * 0.5 * (1 + np.cos(4 * np.pi * visits.jd / period))
        signal.period_days = period
        signal.amplitude_mag = 2.5 * math.log10(dilution / (dilution - 0.75 * ratio * lost))
    signal.neighbour_flux += neighbour
    return signal


def camera_artefact(rng: np.random.Generator, visits: Visits) -> Signal:
    """Let one camera of a quiet star go wrong by 0.2–1.5 mag for weeks to months."""
    signal = nothing(visits)
    counts = np.bincount(visits.camera, minlength=visits.n_cameras)
    usable = np.flatnonzero(counts >= 0.5 * counts.max())
    camera = int(rng.choice(usable))
    jd = visits.jd[(visits.camera == camera) & (visits.jd < visits.good_until_jd)]
    size = log_uniform(rng, 0.2, 1.5) * (1.0 if rng.random() < 0.75 else -1.0)
    length = log_uniform(rng, 15.0, 150.0)
    start = float(rng.choice(jd)) - 0.5 * length * rng.random() if len(jd) else visits.first_jd
    inside = (visits.camera == camera) & (visits.jd >= start) & (visits.jd <= start + length)
    ramp = np.clip(np.minimum(visits.jd - start, start + length - visits.jd) / (0.15 * length), 0, 1)
    signal.shift_mag += np.where(inside, size * ramp, 0.0)
    signal.amplitude_mag = abs(size)
    signal.artefact_camera, signal.artefact_jd = camera, (start, start + length)
    return signal
