"""What the functions of the populations share: a star's visits, signal and events."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from malca.kernels.profiles import gaussian_profile
from malca.lightcurves import BAND_V

#: An event lasts while its change exceeds this share of the largest.
EVENT_LEVEL = 0.1
# Extinction of small grains in V over that in g (Cardelli, Clayton & Mathis 1989, R_V = 3.1).
_DUST_V_OVER_G = 0.85


class Visits(NamedTuple):
    """When a star is observed.

    ``jd``, ``band`` and ``camera`` have shape (n_points,); ``good_until_jd`` is the last date at
    which points may be good.
    """

    jd: np.ndarray
    band: np.ndarray
    camera: np.ndarray
    n_cameras: int
    first_jd: float
    last_jd: float
    good_until_jd: float


class Event(NamedTuple):
    """One injected event.

    ``kind`` is "dip" or "jump"; the window is where the change in g exceeds a tenth of its
    largest, ``depth_mag``; ``fwhm_days`` is the time for which at least half of the most flux is
    lost or gained, NaN where it was not measured.
    """

    kind: str
    shape: str
    jd_start: float
    jd_end: float
    jd_peak: float
    depth_mag: float
    fwhm_days: float = math.nan


@dataclass(eq=False)
class Signal:
    """What happens to a star, arrays of shape (n_points,).

    Attributes
    ----------
    variation_mag : array
        Change of the star itself that is no event, mag.
    event_mag : array
        Change by events, mag; positive is fainter.
    events : list of Event
    shift_mag : array
        What a camera gets wrong, mag.
    neighbour_flux : array
        Flux of neighbours in the aperture, over the quiet flux of the star.
    period_days, amplitude_mag : float
        NaN where there is none.
    artefact_camera, artefact_jd : int, (float, float)
        The camera that goes wrong (index among the star's own, -1: none), and when.
    """

    variation_mag: np.ndarray
    event_mag: np.ndarray
    shift_mag: np.ndarray
    neighbour_flux: np.ndarray
    events: list[Event] = field(default_factory=list)
    period_days: float = math.nan
    amplitude_mag: float = math.nan
    artefact_camera: int = -1
    artefact_jd: tuple[float, float] = (math.nan, math.nan)


def nothing(visits: Visits) -> Signal:
    """Make the signal of a star that does nothing."""
    n = len(visits.jd)
    return Signal(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def dimming_mag(profile: np.ndarray, depth_mag: float) -> np.ndarray:
    """Dim by losing light: ``depth_mag`` where the profile is 1, mag."""
    lost = 1 - 10 ** (-0.4 * depth_mag)
    return -2.5 * np.log10(1 - lost * profile)


def add_event(
    signal: Signal,
    visits: Visits,
    change: Callable[[np.ndarray], np.ndarray],
    reach: tuple[float, float],
    shape: str,
    dust: bool = False,
) -> None:
    """Add the event ``change(jd)`` (mag, positive fainter), which lies within ``reach``."""
    grid = np.linspace(*reach, 4001)
    values = change(grid)
    peak = int(np.argmax(np.abs(values)))
    inside = np.flatnonzero(np.abs(values) >= EVENT_LEVEL * abs(values[peak]))
    flux = np.abs(1.0 - 10.0 ** (-0.4 * values))
    signal.events.append(
        Event(
            kind="dip" if values[peak] > 0 else "jump",
            shape=shape,
            jd_start=max(float(grid[inside[0]]), visits.first_jd),
            jd_end=min(float(grid[inside[-1]]), visits.last_jd),
            jd_peak=float(grid[peak]),
            depth_mag=float(abs(values[peak])),
            fwhm_days=float((flux >= 0.5 * flux[peak]).sum() * (grid[1] - grid[0])),
        )
    )
    at_visits = change(visits.jd)
    if dust:
        at_visits = np.where(visits.band == BAND_V, _DUST_V_OVER_G, 1.0) * at_visits
    signal.event_mag += at_visits


def within(rng: np.random.Generator, visits: Visits, margin: float = 0.0) -> float:
    """Draw a date within the time of good points."""
    last = min(visits.good_until_jd, visits.last_jd)
    return float(
        rng.uniform(visits.first_jd + margin, max(visits.first_jd + margin + 1, last - margin))
    )


def add_gaussian_dip(
    signal: Signal, visits: Visits, t0: float, sigma: float, depth_mag: float, dust: bool = False
) -> None:
    """Add a dip whose lost light is a Gaussian in time."""
    add_event(
        signal,
        visits,
        lambda jd: dimming_mag(gaussian_profile(jd, t0, sigma), depth_mag),
        (t0 - 6 * sigma, t0 + 6 * sigma),
        "gaussian",
        dust,
    )


def eclipse_shape(distance: np.ndarray, half: float, flat: float) -> np.ndarray:
    """Compute the share of the depth at a distance from mid-eclipse: flat bottom, smooth limbs."""
    ingress = np.clip((half - distance) / (half * (1 - flat)), 0, 1)
    return ingress * ingress * (3 - 2 * ingress)


def pulsation(
    rng: np.random.Generator,
    visits: Visits,
    periods: list[float],
    amplitude: float,
    phase_days: float,
) -> np.ndarray:
    """Sum of cosines whose phases and amplitudes wander on ``phase_days``, mag."""
    change = np.zeros(len(visits.jd))
    knots = np.arange(visits.first_jd - phase_days, visits.last_jd + 2 * phase_days, phase_days)
    for i, period in enumerate(periods):
        drift = np.interp(visits.jd, knots, np.cumsum(0.12 * rng.standard_normal(len(knots))))
        size = np.interp(visits.jd, knots, rng.lognormal(0, 0.25, len(knots)))
        phase = rng.random() + visits.jd / period + drift
        change += 0.5 * amplitude / (1 + i) * size * np.cos(2 * np.pi * phase)
    return change
