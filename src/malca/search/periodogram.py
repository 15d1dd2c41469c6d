"""Periodograms of one star: Lomb-Scargle, its false alarms, its peaks and how sampling made them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import gammaln

from malca.kernels import periodogram

SIDEREAL_DAY_PER_DAY = 1.0027379
SYNODIC_MONTH_DAYS = 29.530589
YEAR_DAYS = 365.25


def lomb_scargle(
    t: np.ndarray,
    mag: np.ndarray,
    mag_err: np.ndarray,
    *,
    min_frequency: float,
    max_frequency: float,
    samples_per_peak: int = 5,
) -> tuple[np.ndarray, np.ndarray]:
    """Generalised Lomb-Scargle periodogram with floating mean and errors.

    Zechmeister & Kürster (2009, A&A 496, 577), evaluated by non-uniform FFT (nifty-ls; Garrison et
    al. 2024, RNAAS 8, 250), normalised to the reduction of chi-square by the sinusoid.

    Parameters
    ----------
    t : (n_points,) float64 array, days
    mag, mag_err : (n_points,) float64 arrays, mag
    min_frequency, max_frequency : float, cycles per day
        The grid covers the range; its last frequency may lie up to a step above.
    samples_per_peak : int
        Frequencies within 1 / time span.

    Returns
    -------
    frequency, power : (n_frequencies,) float64 arrays
    """
    import nifty_ls

    t = np.ascontiguousarray(t, dtype=np.float64) - t[0]
    step = 1.0 / (samples_per_peak * (t.max() - t.min()))
    n = int(np.ceil((max_frequency - min_frequency) / step)) + 1
    # One thread: stars, not the frequencies of one, are shared between threads.
    result = nifty_ls.lombscargle(
        t,
        np.ascontiguousarray(mag, dtype=np.float64),
        np.ascontiguousarray(mag_err, dtype=np.float64),
        fmin=min_frequency,
        fmax=min_frequency + step * (n - 1),
        Nf=n,
        backend="finufft",
        nthreads=1,
    )
    # Rounding leaves some powers just below 0.
    return result.freq(), np.clip(result.power, 0.0, 1.0)


def ln_false_alarm_probability(
    power: np.ndarray,
    t: np.ndarray,
    mag_err: np.ndarray,
    *,
    min_frequency: float,
    max_frequency: float,
) -> np.ndarray:
    """Logarithm of the chance that white noise reaches a power anywhere in the range searched.

    Baluev (2008, MNRAS 385, 1279), eq. 6, for the normalisation of ``lomb_scargle``; it holds for
    uncorrelated noise only.

    Parameters
    ----------
    power : array of any shape, 0 to 1
    t, mag_err : (n_points,) float64 arrays
    min_frequency, max_frequency : float, cycles per day
        The limits really searched.
    """
    n = len(t)
    n_null, n_model = n - 1, n - 3
    weight = mag_err**-2.0
    weight = weight / weight.sum()
    variance = (weight * (t - (weight * t).sum()) ** 2).sum()
    bandwidth = (max_frequency - min_frequency) * np.sqrt(4.0 * np.pi * variance)
    power = np.clip(power, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        ln_rest = np.log1p(-power)
        ln_single = 0.5 * n_model * ln_rest
        ln_gamma = 0.5 * np.log(2.0 / n_null) + gammaln(n_null / 2) - gammaln((n_null - 1) / 2)
        ln_tau = (
            ln_gamma
            + np.log(bandwidth)
            + 0.5 * (n_model - 1) * ln_rest
            + 0.5 * np.log(0.5 * n_null * power)
        )
        tau = np.exp(ln_tau)
        # For small values FAP = tau + FAP_single, which alone does not underflow.
        exact = np.log(-np.expm1(-tau) + np.exp(ln_single - tau))
    return np.where(ln_tau < -20.0, np.logaddexp(ln_tau, ln_single), exact)


def block_shuffle_p_value(
    t: np.ndarray,
    mag: np.ndarray,
    mag_err: np.ndarray,
    *,
    min_frequency: float,
    max_frequency: float,
    samples_per_peak: int,
    block_days: float,
    n_shuffles: int,
    level: float,
    rng: np.random.Generator,
) -> float:
    """Chance of noise with the star's own short memory to reach the strongest peak.

    Blocks of consecutive points, with their errors, change places at random and take the times of
    the points they land on. Correlation within a block survives, so red noise shorter than a block
    is no period; phase coherence from block to block does not (block bootstrap, Künsch 1989, Ann.
    Stat. 17, 1217).

    Parameters
    ----------
    t, mag, mag_err : (n_points,) float64 arrays, sorted by time
    min_frequency, max_frequency, samples_per_peak
        As in ``lomb_scargle``.
    block_days : float
        Length of a block; the blocks' boundaries move at random between shuffles.
    n_shuffles : int
    level : float
        Shuffling stops when the value can no longer come out at or below this.
    rng : numpy Generator

    Returns
    -------
    float
        (1 + shuffles that reach the peak) / (1 + shuffles), never 0.
    """

    def highest(mag: np.ndarray, mag_err: np.ndarray) -> float:
        _, power = lomb_scargle(
            t,
            mag,
            mag_err,
            min_frequency=min_frequency,
            max_frequency=max_frequency,
            samples_per_peak=samples_per_peak,
        )
        return float(power.max())

    observed = highest(mag, mag_err)
    reached = done = 0
    while done < n_shuffles and 1 + reached <= level * (1 + n_shuffles):
        block = np.floor((t - t[0]) / block_days + rng.uniform()).astype(np.int64)
        place = rng.permutation(block[-1] + 1)
        order = np.argsort(place[block], kind="stable")
        reached += int(highest(mag[order], mag_err[order]) >= observed)
        done += 1
    return (1 + reached) / (1 + done)


def separated_peaks(power: np.ndarray, n_peaks: int, min_distance: float) -> np.ndarray:
    """Pick the highest maxima of a periodogram that keep apart.

    Parameters
    ----------
    power : (n_frequencies,) float64 array
    n_peaks : int
        Most peaks returned.
    min_distance : float
        Smallest distance between peaks, in samples.

    Returns
    -------
    (at most n_peaks,) int64 array
        Indices by falling power. An end of the range counts as a maximum if its only neighbour is
        lower.
    """
    padded = np.concatenate([[-np.inf], power, [-np.inf]])
    maxima = np.flatnonzero((power > padded[:-2]) & (power >= padded[2:]))
    maxima = maxima[np.argsort(power[maxima])[::-1]]
    chosen: list[int] = []
    for i in maxima:
        if all(abs(i - j) >= min_distance for j in chosen):
            chosen.append(int(i))
            if len(chosen) == n_peaks:
                break
    return np.array(chosen, dtype=np.int64)


def refine_peaks(
    frequency: np.ndarray, power: np.ndarray, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Frequency and power at the vertex of the parabola through each peak and its neighbours.

    Peaks at an end of the range stay as they are. Shapes (n_frequencies,), (n_frequencies,) and
    (n_peaks,); returns two arrays (n_peaks,).
    """
    inner = np.clip(index, 1, len(power) - 2)
    low, top, high = power[inner - 1], power[inner], power[inner + 1]
    curvature = low - 2.0 * top + high
    usable = (inner == index) & (curvature < 0)
    shift = np.zeros(len(index))
    shift[usable] = 0.5 * (low - high)[usable] / curvature[usable]
    step = frequency[1] - frequency[0]
    # The power has a maximum of 1, which a parabola through steep samples may overshoot.
    height = np.minimum(power[index] - 0.25 * (low - high) * shift, 1.0)
    return frequency[index] + shift * step, np.where(usable, height, power[index])


def sampling_frequency_name(frequency: float, resolution: float) -> str:
    """Name the day, month or year whose frequency coincides with ``frequency``.

    Known are n cycles a sidereal day, a solar day and their mirror about the sidereal day, one a
    synodic month, and one to three a year.

    Parameters
    ----------
    frequency : float, cycles per day
    resolution : float, cycles per day
        Frequencies no farther apart coincide.

    Returns
    -------
    str
        Such as "sidereal day/2", "solar day/1", "synodic month", "year/1"; "" if none coincides.
    """
    days = max(round(frequency), 1)
    years = min(max(round(frequency * YEAR_DAYS), 1), 3)
    names = {
        f"sidereal day/{days}": days * SIDEREAL_DAY_PER_DAY,
        f"solar day/{days}": float(days),
        f"sidereal day/{days} + 1/yr": days * SIDEREAL_DAY_PER_DAY + 1.0 / YEAR_DAYS,
        "synodic month": 1.0 / SYNODIC_MONTH_DAYS,
        f"year/{years}": years / YEAR_DAYS,
    }
    name = min(names, key=lambda key: abs(names[key] - frequency))
    return name if abs(names[name] - frequency) <= resolution else ""


def match_aliases(
    t: np.ndarray,
    frequency: np.ndarray,
    power: np.ndarray,
    *,
    resolution: float,
    min_window_power: float,
) -> pd.DataFrame:
    """Find the peaks that the sampling may have made.

    A peak is an alias of slow variation if the spectral window is high at its frequency, and of a
    stronger peak if it is high at their separation or their sum. A peak at the frequency of a day,
    month or year is suspect by itself: sky and instrument vary with them.

    Parameters
    ----------
    t : (n_points,) float64 array, days
    frequency, power : (n_peaks,) float64 arrays
        Peaks by falling power, cycles per day.
    resolution : float, cycles per day
    min_window_power : float
        Spectral window power from which a peak counts as an alias.

    Returns
    -------
    DataFrame
        One row a peak: ``window_power`` at the peak, ``sampling_frequency`` (see
        ``sampling_frequency_name``), ``alias_of`` (rank, from 1, of the stronger peak that leaks most
        power here), ``alias_window_power``, ``alias_frequency`` and ``is_alias``.
    """
    n = len(frequency)
    window_power = np.empty(n)
    periodogram.spectral_window(t, frequency, window_power)
    weaker, stronger = np.tril_indices(n, -1)
    separation = np.concatenate(
        [np.abs(frequency[weaker] - frequency[stronger]), frequency[weaker] + frequency[stronger]]
    )
    pair_power = np.empty(len(separation))
    periodogram.spectral_window(t, separation, pair_power)
    leaked = pair_power * np.tile(power[stronger], 2)
    weaker, stronger = np.tile(weaker, 2), np.tile(stronger, 2)

    alias_of: list[int | None] = [None] * n
    alias_window_power = np.full(n, np.nan)
    alias_name = [""] * n
    for i in range(1, n):
        pairs = np.flatnonzero(weaker == i)
        pair = pairs[np.argmax(leaked[pairs])]
        alias_window_power[i] = pair_power[pair]
        if pair_power[pair] >= min_window_power:
            alias_of[i] = int(stronger[pair]) + 1
            # Both peaks have an error of their own.
            alias_name[i] = sampling_frequency_name(separation[pair], 2.0 * resolution)
    own_name = [sampling_frequency_name(f, resolution) for f in frequency]
    is_alias = [
        power_here >= min_window_power or name != "" or other is not None
        for power_here, name, other in zip(window_power, own_name, alias_of, strict=True)
    ]
    return pd.DataFrame(
        {
            "window_power": window_power,
            "sampling_frequency": own_name,
            "alias_of": pd.array(alias_of, dtype="Int64"),
            "alias_window_power": alias_window_power,
            "alias_frequency": alias_name,
            "is_alias": is_alias,
        }
    )
