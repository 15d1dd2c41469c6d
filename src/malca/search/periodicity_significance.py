"""Which period stands out of a spectrum, and how likely noise is to do the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln

from malca.kernels import folding
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.periodicity_spectrum import Spectrum

# Independent trials in a resolution element: peaks lie between those of a grid, and an average over
# neighbours changes more abruptly than a sum over harmonics. From white noise (tests).
_TRIALS_HARMONICS = 3.0
_TRIALS_NEIGHBOURS = 8.0
# Information of a median over that of a mean of exponentially distributed powers: (ln 2)².
_MEDIAN_EFFICIENCY = float(np.log(2.0) ** 2)
_COARSE_FROM = 16  # harmonics from which the fundamental is first searched in double steps
#: Harmonics from which a shape is narrow: an eclipse.
NARROW_FROM = 4
_LN_10 = float(np.log(10.0))
_TINY = 1e-300


@dataclass(frozen=True)
class Peak:
    """The strongest period of one shape.

    Attributes
    ----------
    frequency : float
        Cycles per day.
    n_harmonics : int
    n_elements : int
        Resolution elements averaged; 1 for a signal coherent over the whole span.
    log10_fap : float
        Chance of the star's noise to reach this with this shape at any frequency searched.
    """

    frequency: float
    n_harmonics: int
    n_elements: int
    log10_fap: float


def ln_tail(x: float, shape: float, known: float) -> float:
    r"""Logarithm of the chance that noise power relative to a measured level exceeds ``x``.

    The power is a sum of ``shape`` unit exponentials, the level the mean of ``known`` of them: the
    ratio follows a beta-prime distribution, :math:`P(> x) = I_y(k, a)`, :math:`y = k/(k + x)`, which
    tends to that of gamma for a well-known level. By continued fraction (Abramowitz & Stegun 26.5.8),
    so that it does not underflow.

    Parameters
    ----------
    x : float
        At least 0.
    shape, known : float
        Positive; need not be whole.
    """
    a, b, y = known, shape, known / (known + x)
    if y > (a + 1.0) / (a + b + 2.0):  # no small chance: nothing underflows
        return float(np.log(betainc(a, b, y)))
    c, d = 1.0, 1.0 / max(1.0 - (a + b) * y / (a + 1.0), _TINY)
    fraction = d
    for i in range(1, 1000):
        even = i * (b - i) * y / ((a + 2 * i - 1) * (a + 2 * i))
        odd = -(a + i) * (a + b + i) * y / ((a + 2 * i) * (a + 2 * i + 1))
        for term in (even, odd):
            d = 1.0 / (1.0 + term * d)
            c = 1.0 + term / c
            fraction *= d * c
        if abs(d * c - 1.0) < 1e-12:
            break
    return float(
        a * np.log(y) + b * np.log(x / (known + x)) - np.log(a) - betaln(a, b) + np.log(fraction)
    )


def strongest_peaks(
    of: Spectrum, span_days: float, parameters: PeriodicityParameters, *, narrow_only: bool = False
) -> list[Peak]:
    """Find the strongest period of each shape.

    Parameters
    ----------
    of : Spectrum
    span_days : float
    parameters : PeriodicityParameters
    narrow_only : bool
        Search only up to the longest period of eclipses, and only for signals that keep their phase.

    Returns
    -------
    list of Peak
        Shapes whose range of periods is empty are left out.
    """
    last = len(of.power) - 1
    longest = span_days / parameters.min_cycles
    eclipse = min(longest, parameters.max_eclipse_period_days)
    peaks = []
    for k in parameters.harmonics:
        lowest = 1.0 / (eclipse if narrow_only or k >= NARROW_FROM else longest)
        first = int(np.ceil(lowest * k / of.step))
        stride = 2 if k >= _COARSE_FROM else 1
        best, total = folding.strongest_harmonic_sum(of.power, k, first, last, stride)
        if best < 0:
            continue
        frequency = best * of.step / k
        if k == 1:
            frequency = of.step * _vertex(of.power, best)
        trials = _TRIALS_HARMONICS * span_days * of.step * (last - first)
        known = _known(frequency, span_days, parameters) * max(1.0, 0.5 * k)
        peaks.append(Peak(frequency, k, 1, _log10_fap(total, k, known, trials)))
    if not narrow_only:
        peaks += _neighbour_peaks(of, span_days, longest, parameters)
    return peaks


def _neighbour_peaks(
    of: Spectrum, span_days: float, longest: float, parameters: PeriodicityParameters
) -> list[Peak]:
    peaks = []
    mean = np.empty(len(of.power))
    for n in parameters.coherence_elements:
        lowest = max(parameters.min_quality * n / span_days, 1.0 / longest)
        first = int(np.ceil(lowest / of.step))
        half = n * parameters.samples_per_peak // 2
        # One average a cell that shares no power with the next, to learn how such averages scatter.
        if (len(mean) - first) // (2 * half + 1) < 20:
            continue
        folding.running_mean(of.power, half, mean)
        shape, scale = _shape_and_scale(mean[first :: 2 * half + 1])
        centre = first + int(np.argmax(mean[first:]))
        near = slice(max(centre - half, first), centre + half + 1)
        best = near.start + int(np.argmax(of.power[near]))
        frequency = of.step * _vertex(of.power, best)
        trials = _TRIALS_NEIGHBOURS * span_days * of.step * (len(mean) - first) / n
        known = _known(frequency, span_days, parameters)
        value = shape * mean[centre] / scale
        peaks.append(Peak(frequency, 1, n, _log10_fap(value, shape, known, trials)))
    return peaks


def _shape_and_scale(values: np.ndarray) -> tuple[float, float]:
    """Gamma distribution that has the median and the upper spread of ``values``.

    The cube root of a gamma variate is nearly normal, of variance 1 / (9 shape) relative to its mean
    (Wilson & Hilferty 1931, PNAS 17, 684).
    """
    middle, upper = np.quantile(np.cbrt(values), [0.5, 0.8413447])
    spread = max(upper / middle - 1.0, 1e-6)
    shape = min(1.0 / (9.0 * spread**2), 1e4)
    centre = middle / (1.0 - 1.0 / (9.0 * shape)) if shape > 0.2 else middle
    return float(shape), float(centre**3)


def _known(frequency: float, span_days: float, parameters: PeriodicityParameters) -> float:
    """Independent powers that tell the noise level at a frequency."""
    reach = 10**parameters.continuum_dex
    high = min(frequency * reach, parameters.max_frequency)
    return max(_MEDIAN_EFFICIENCY * span_days * (high - frequency / reach), 1.0)


def _log10_fap(value: float, shape: float, known: float, trials: float) -> float:
    return min((ln_tail(value, shape, known) + float(np.log(trials))) / _LN_10, 0.0)


def _vertex(power: np.ndarray, index: int) -> float:
    """Position of the maximum of the parabola through a peak and its neighbours."""
    if not 0 < index < len(power) - 1:
        return float(index)
    low, top, high = power[index - 1 : index + 2]
    curvature = low - 2.0 * top + high
    shift = 0.5 * (low - high) / curvature if curvature < 0 else 0.0
    return index + float(np.clip(shift, -0.5, 0.5))
