"""Spectrum of one star against the level of its own red noise."""

from __future__ import annotations

from dataclasses import dataclass

import finufft
import numpy as np

from malca.kernels import noise_level, red_noise
from malca.search.periodicity_parameters import PeriodicityParameters

_MAD_TO_SIGMA = 1.482602218505602
_CENTERS_PER_DEX = 12
_FIT_ROUNDS = 2
_TOLERANCE = 1e-6  # relative, of the non-uniform FFT
# Distances from a whole number of cycles per day: the first ones in resolution elements, then c/d.
_DAILY_EDGES_ELEMENTS = (0.0, 3.0, 6.0, 12.0, 24.0, 48.0)
_DAILY_EDGES = (0.06, 0.12, 0.25)


@dataclass(frozen=True, eq=False)
class WeightedStar:
    """Points of one star, weighted by the inverse of their covariance.

    Attributes
    ----------
    t : (n_points,) float64 array
        Days since the first point.
    residual : (n_points,) float64 array
        Magnitude less the zero point of its channel, outliers cut off, mag.
    weighted : (n_points,) float64 array
        Inverse covariance times residual, 1/mag: a Fourier sum of it is the numerator of a
        generalised least-squares fit of a sinusoid, zero points fitted along.
    noise : (n_points,) float64 array
        Variance of the white noise, mag².
    channel : (n_points,) int array
    variance, tau_days : float
        Of the damped random walk, mag² and d.
    """

    t: np.ndarray
    residual: np.ndarray
    weighted: np.ndarray
    noise: np.ndarray
    channel: np.ndarray
    variance: float
    tau_days: float

    @property
    def span_days(self) -> float:
        return float(self.t[-1])


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power of a star over its local noise level.

    Attributes
    ----------
    step : float
        Cycles per day between frequencies.
    power : (n_frequencies,) float64 array
        At 0, 1, 2 … steps; of mean 1 and exponentially distributed where there is noise only. 0 below
        ``first``.
    level : (n_frequencies,) float64 array
        The noise level, in units of the Fourier sums squared; 1 below ``first``.
    first : int
        Lowest frequency of which the power is known, steps.
    """

    step: float
    power: np.ndarray
    level: np.ndarray
    first: int


def weigh_star(
    jd: np.ndarray,
    mag: np.ndarray,
    mag_err: np.ndarray,
    channel: np.ndarray,
    parameters: PeriodicityParameters,
) -> WeightedStar | str:
    """Fit noise and zero points of a star and weight its points.

    Parameters
    ----------
    jd, mag, mag_err : (n_points,) float64 arrays
        Sorted by time.
    channel : (n_points,) int array
    parameters : PeriodicityParameters

    Returns
    -------
    WeightedStar, or str
        Why the star cannot be judged.
    """
    if len(jd):
        keep = np.bincount(channel)[channel] >= parameters.min_channel_points
        jd, mag, mag_err, channel = (values[keep] for values in (jd, mag, mag_err, channel))
    if len(jd) < parameters.min_points:
        return "too few points"
    if jd[-1] - jd[0] < parameters.min_span_days:
        return "span too short"
    _, channel, count = np.unique(channel, return_inverse=True, return_counts=True)
    residual, scatter = mag.copy(), np.empty(len(count))
    for c in range(len(count)):
        mine = channel == c
        residual[mine] -= np.median(mag[mine])
        scatter[c] = _MAD_TO_SIGMA * np.median(np.abs(residual[mine]))
    sigma = _MAD_TO_SIGMA * float(np.median(np.abs(residual)))
    if not sigma > 0:
        return "constant magnitudes"
    limit = parameters.clip_sigma * sigma
    np.clip(residual, -limit, limit, out=residual)
    # A camera that scatters more than the others weighs less.
    scale = np.maximum(scatter / np.median(scatter[channel]), 0.3)[channel]
    t = jd - jd[0]
    level, weighted, noise = np.zeros(len(count)), np.empty(len(t)), np.empty(len(t))
    for _ in range(_FIT_ROUNDS):
        centred = residual - level[channel]
        variance, tau_days, _ = red_noise.fit(t, centred, mag_err, scale, noise)
        red_noise.zero_points(
            t, residual, channel, len(count), variance, tau_days, noise, level, weighted
        )
    return WeightedStar(t, residual - level[channel], weighted, noise, channel, variance, tau_days)


def reweighted(star: WeightedStar, points: np.ndarray) -> np.ndarray:
    """Weight some of a star's points by themselves, with the same noise and zero points of their own.

    ``points`` is a (n_points,) bool array; returns an array of as many values as it has true ones.
    """
    _, channel = np.unique(star.channel[points], return_inverse=True)
    level, weighted = np.empty(channel.max() + 1), np.empty(len(channel))
    red_noise.zero_points(
        star.t[points], star.residual[points], channel, len(level), star.variance, star.tau_days,
        star.noise[points], level, weighted,
    )  # fmt: skip
    return weighted


def fourier_power(t: np.ndarray, weighted: np.ndarray, step: float, n_frequencies: int) -> np.ndarray:
    """Squared modulus of the Fourier sum at 0, 1, 2 … steps of frequency.

    By non-uniform FFT (finufft: Barnett, Magland & af Klinteberg 2019, SIAM J. Sci. Comput. 41, C479).

    Parameters
    ----------
    t, weighted : (n_points,) float64 arrays
    step : float, cycles per day
    n_frequencies : int
    """
    half = n_frequencies // 2
    angle = 2.0 * np.pi * step * t
    # The transform has frequencies about 0: shift them up by half their number.
    shifted = weighted * np.exp(1j * np.mod(half * angle, 2.0 * np.pi))
    sums = finufft.nufft1d1(
        np.mod(angle, 2.0 * np.pi), shifted, n_frequencies, isign=1, eps=_TOLERANCE, nthreads=1
    )
    return sums.real**2 + sums.imag**2


def spectrum(star: WeightedStar, parameters: PeriodicityParameters) -> Spectrum:
    """Power spectrum of a star, divided by its local noise level.

    The level is the median power within ``continuum_dex`` of a frequency over ln 2, and more where
    slow noise reappears about whole cycles per day.
    """
    step = 1.0 / (parameters.samples_per_peak * star.span_days)
    n = int(np.ceil(parameters.max_frequency / step)) + 1
    raw = fourier_power(star.t, star.weighted, step, n)
    first = max(int(0.5 * parameters.min_cycles / star.span_days / step), 1)
    level = np.empty(n)
    noise_level.slow_level(raw, first, parameters.continuum_dex, _CENTERS_PER_DEX, level)
    edges = np.concatenate(
        [
            parameters.samples_per_peak * np.array(_DAILY_EDGES_ELEMENTS),
            np.array(_DAILY_EDGES) / step,
        ]
    )
    if (np.diff(edges) > 0).all():  # else the span is too short to tell slow noise from other
        noise_level.raise_daily_level(raw, level, first, 1.0 / step, edges)
    power = raw / level
    power[:first] = 0.0
    return Spectrum(step, power, level, first)
