"""Whether a period keeps its phase and shape from one part of the data to the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from malca.kernels import folding
from malca.search.periodicity_significance import Peak
from malca.search.periodicity_spectrum import Spectrum, WeightedStar, reweighted

_MOST_PARTS = 64
_PARTS = 8  # of a signal coherent over the whole span
_CYCLES_A_PART = 3.0


class Coherence(NamedTuple):
    """Agreement of independent parts of the data; NaN where there is nothing to compare.

    ``phase`` compares neighbouring stretches of time, ``camera`` two halves of the cameras in the same
    stretches: 1 is the same phase and shape, 0 none in common.
    """

    phase: float
    camera: float


def coherence(star: WeightedStar, of: Spectrum, peak: Peak) -> Coherence:
    """Compare phase and shape of a signal between parts of the data.

    A stretch of time is an eighth of the data for a signal found coherent, half of the coherence time
    for others, but at least three cycles. The two halves of the cameras are weighted each by itself:
    in the star's common weighting a camera is compared with the others, not with its own past.

    Parameters
    ----------
    star : WeightedStar
    of : Spectrum
        Its noise level tells what the parts' amplitudes owe to noise.
    peak : Peak
    """
    wanted = _PARTS if peak.n_elements == 1 else 2 * peak.n_elements
    most = int(star.span_days * peak.frequency / _CYCLES_A_PART)
    n = max(min(wanted, most, _MOST_PARTS), 2)
    stretch = np.minimum((star.t / star.span_days * n).astype(np.int64), n - 1)
    # A coherent signal may be compared between cameras at one go, which is less noisy.
    together = stretch if peak.n_elements > 1 else np.zeros_like(stretch)
    k = np.arange(1, peak.n_harmonics + 1)
    at = np.round(k * peak.frequency / of.step).astype(np.int64)
    noise = of.level[np.minimum(at, len(of.level) - 1)]
    information = 1.0 / star.noise

    def parts(
        points: np.ndarray, weighted: np.ndarray, part: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        sums = _sums(star.t[points], weighted, part[points], n, peak)
        known = np.bincount(part[points], information[points], minlength=n)
        return sums, known / information.sum()

    everything, share = parts(np.ones(len(star.t), bool), star.weighted, stretch)
    # Over the whole span the frequency is known to a fraction of a cycle. A shorter coherence leaves
    # its value open by as much as turns the phase from part to part, all in the same sense.
    turning = peak.n_elements > 1
    phase = _agreement(everything[:-1], everything[1:], share[:-1], share[1:], noise, turning)
    first = _first_cameras(star.channel, information)
    if first.all():
        return Coherence(phase, np.nan)
    halves = [parts(half, reweighted(star, half), together) for half in (first, ~first)]
    (one, share_one), (other, share_other) = halves
    return Coherence(phase, _agreement(one, other, share_one, share_other, noise, False))


def _sums(
    t: np.ndarray, weighted: np.ndarray, part: np.ndarray, n_parts: int, peak: Peak
) -> np.ndarray:
    """Fourier sums at the harmonics of a peak, (n_parts, n_harmonics) complex."""
    real = np.empty((n_parts, peak.n_harmonics))
    imaginary = np.empty_like(real)
    folding.part_amplitudes(t, weighted, part, peak.frequency, real, imaginary)
    return real + 1j * imaginary


def _agreement(
    one: np.ndarray,
    other: np.ndarray,
    share_one: np.ndarray,
    share_other: np.ndarray,
    noise: np.ndarray,
    turning: bool,
) -> float:
    """Correlation of the amplitudes of pairs of parts, the noise's contribution taken off.

    With Fourier sums F and shares s, F/s is an amplitude (times a constant) of noise power level/s.
    Pairs count by what they know together, s₁ s₂ / (s₁ + s₂).
    """
    usable = (share_one > 0) & (share_other > 0)
    if not usable.any():
        return np.nan
    one, other, a, b = one[usable], other[usable], share_one[usable], share_other[usable]
    weight = (a * b / (a + b))[:, None]
    a, b = a[:, None], b[:, None]
    products = (weight * (one / a) * np.conj(other / b)).sum()
    power = 0.5 * weight * (np.abs(one / a) ** 2 + np.abs(other / b) ** 2 - noise * (1 / a + 1 / b))
    total = float(power.sum())
    if total <= 0:
        return np.nan
    common = abs(products) if turning else products.real
    return float(np.clip(common / total, -1.0, 1.0))


def _first_cameras(channel: np.ndarray, information: np.ndarray) -> np.ndarray:
    """Points of the first of two groups of channels that know about equally much, (n_points,) bool."""
    known = np.bincount(channel, information)
    is_first, filled = np.zeros(len(known), bool), [0.0, 0.0]
    for c in np.argsort(-known, kind="stable"):
        smaller = int(filled[1] < filled[0])
        is_first[c] = smaller == 0
        filled[smaller] += known[c]
    return is_first[channel]
