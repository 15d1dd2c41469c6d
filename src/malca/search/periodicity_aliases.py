"""Whether the sampling may have made a period."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from malca.kernels import periodogram
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.periodicity_significance import Peak
from malca.search.periodicity_spectrum import Spectrum, WeightedStar
from malca.search.periodogram import SYNODIC_MONTH_DAYS, YEAR_DAYS

_MOST_OF_A_YEAR = 3  # fractions of a year that are named
_SLOWEST_DAILY = 0.5  # cycles per day: below are the month and the year
# Share of a peak's power that leaks from a frequency of the sampling, from which it is an alias. A
# period of the star leaks there and back, which makes less than this.
_LEAKED_SHARE = 0.5


class Alias(NamedTuple):
    """Whether the sampling may have made a period; "" and NaN where it has no name."""

    is_alias: bool
    name: str = ""
    period_days: float = np.nan


def sampling_frequencies(max_frequency: float) -> dict[str, float]:
    """Frequencies with which a survey from the ground samples, cycles per day, by name.

    Nights return daily and stars a little sooner, by one cycle a year. Both together make n cycles a
    solar day and −1 to n + 1 a year, of which n are n cycles a sidereal day. To these come the
    synodic month and one to three cycles a year.
    """
    named = {"synodic month": 1.0 / SYNODIC_MONTH_DAYS}
    named |= {f"year/{n}": n / YEAR_DAYS for n in range(1, _MOST_OF_A_YEAR + 1)}
    for n in range(1, int(max_frequency) + 1):
        for yearly in range(-1, n + 2):
            name = f"solar day/{n} {'+-'[yearly < 0]} {abs(yearly)}/yr"
            if yearly == 0:
                name = f"solar day/{n}"
            elif yearly == n:
                name = f"sidereal day/{n}"
            named[name] = n + yearly / YEAR_DAYS
    return named


def sampling_alias(
    star: WeightedStar, of: Spectrum, peak: Peak, parameters: PeriodicityParameters
) -> Alias:
    """Ask of a period, and of a harmonic that has most of its power, whether the sampling made it.

    It may have if the frequency is one of the sampling, to the resolution, or for days within half the
    width of a broad line; if the spectral window is high there, so that slow variation leaks to it; or
    if half of its power would leak from a frequency of the sampling: the power there times the
    window's at the difference.

    Parameters
    ----------
    star : WeightedStar
    of : Spectrum
    peak : Peak
    parameters : PeriodicityParameters
    """
    harmonics = peak.frequency * np.arange(1, peak.n_harmonics + 1)
    power = of.power[_nearest(of, harmonics)]
    frequencies = [peak.frequency]
    if power.max() > 0.5 * power.sum():
        frequencies.append(float(harmonics[np.argmax(power)]))
    named = sampling_frequencies(parameters.max_frequency)
    names, sampling = list(named), np.array(list(named.values()))
    raw = _raw(of, sampling)
    tolerance = np.full(len(names), parameters.alias_elements / star.span_days)
    # Noise that changes slowly reappears about whole cycles a day as a broad line, at no one of them.
    daily = sampling > _SLOWEST_DAILY
    if peak.n_elements > 1:
        tolerance[daily] = np.maximum(tolerance[daily], 0.5 * peak.n_elements / star.span_days)
    for frequency in frequencies:
        nearest = int(np.argmin(np.abs(sampling - frequency)))
        if abs(sampling[nearest] - frequency) <= tolerance[nearest]:
            return Alias(True, names[nearest], 1.0 / float(sampling[nearest]))
        own = _raw(of, np.array([frequency]))[0]
        # Only a frequency with at least so much power can leak it.
        sources = np.flatnonzero(raw >= _LEAKED_SHARE * own)
        window = np.empty(len(sources) + 1)
        at = np.append(np.abs(sampling[sources] - frequency), frequency)
        periodogram.spectral_window(star.t, at, window)
        if window[-1] >= parameters.min_window_power:
            return Alias(True, "spectral window")
        leaked = raw[sources] * window[:-1]
        if len(sources) and leaked.max() >= _LEAKED_SHARE * own:
            source = sources[np.argmax(leaked)]
            return Alias(True, names[source], 1.0 / float(sampling[source]))
    return Alias(False)


def _nearest(of: Spectrum, frequency: np.ndarray) -> np.ndarray:
    return np.minimum(np.round(frequency / of.step).astype(np.int64), len(of.power) - 1)


def _raw(of: Spectrum, frequency: np.ndarray) -> np.ndarray:
    """Power that is not divided by the noise level, the highest within a sample of the frequency."""
    at = _nearest(of, frequency)
    around = np.clip(at[:, None] + np.arange(-1, 2), 0, len(of.power) - 1)
    return (of.power[around] * of.level[around]).max(axis=1)
