"""Search for periods: Lomb-Scargle finds candidates, phase folding and the sampling judge them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from malca.kernels import periodogram
from malca.search.period_parameters import PeriodParameters
from malca.search.periodogram import (
    block_shuffle_p_value,
    ln_false_alarm_probability,
    lomb_scargle,
    match_aliases,
    refine_peaks,
    separated_peaks,
)
from malca.search.points import UsablePoints
from malca.search.threads import map_star_ranges

_PEAK_DTYPES = {
    "rank": "int64",
    "frequency_per_day": "float64",
    "period_days": "float64",
    "n_cycles": "float64",
    "power": "float64",
    "fap": "float64",
    "ln_fap": "float64",
    "at_search_edge": "bool",
    "window_power": "float64",
    "sampling_frequency": "str",
    "alias_of": "Int64",
    "alias_window_power": "float64",
    "alias_frequency": "str",
    "is_alias": "bool",
    "pdm_theta": "float64",
    "pdm_period_days": "float64",
    "conditional_entropy": "float64",
    "conditional_entropy_period_days": "float64",
    "n_methods_agreeing": "int64",
}


@dataclass(frozen=True, eq=False)
class PeriodSearch:
    """What a period search of one star found.

    Attributes
    ----------
    status : str
        "ok", or why there is nothing: "too few points", "span too short", "constant magnitudes".
    peaks : DataFrame
        One row a candidate, by falling power. ``n_cycles`` is the time span in periods, ``fap`` the
        chance of white noise to reach the power anywhere in the range searched, ``ln_fap`` its
        logarithm; the columns on aliases are those of ``periodogram.match_aliases``; ``pdm_theta``
        and ``conditional_entropy`` are the lowest near P, P/2 and 2P, with the period where.
        ``n_methods_agreeing`` counts the methods whose best period among all these is this one, its
        half or its double, within the frequency resolution.
    n_points : int
        Points searched.
    time_span_days : float
    frequency, power : (n_frequencies,) float64 arrays
        The periodogram, cycles per day and normalised to 0-1.
    shuffle_p : float
        Chance of red noise to reach the strongest peak (``periodogram.block_shuffle_p_value``); NaN
        if not tested.
    """

    status: str
    peaks: pd.DataFrame
    n_points: int
    time_span_days: float
    frequency: np.ndarray
    power: np.ndarray
    shuffle_p: float = np.nan

    @property
    def best(self) -> pd.Series | None:
        """The candidate on which most methods agree among those that are no aliases.

        The more powerful one if there are several, the strongest alias if there are only aliases,
        None if there is no candidate.
        """
        if self.peaks.empty:
            return None
        order = self.peaks.sort_values(
            ["is_alias", "n_methods_agreeing", "power"], ascending=[True, False, False]
        )
        return order.iloc[0]


def find_periods(
    t: np.ndarray,
    mag: np.ndarray,
    mag_err: np.ndarray,
    channel: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    *,
    parameters: PeriodParameters | None = None,
    **overrides: object,
) -> PeriodSearch:
    """Search one star for periods.

    Lomb-Scargle covers the whole range; its separated peaks are compared with the spectral window
    and scored by phase dispersion and conditional entropy in narrow ranges around P, P/2 and 2P.

    Parameters
    ----------
    t : (n_points,) float64 array, days, sorted
    mag, mag_err : (n_points,) float64 arrays, mag
        Magnitudes, best less their slow baseline.
    channel : (n_points,) integer array, optional
        Points of one channel share a zero point; its median is taken off.
    mask : (n_points,) bool array, optional
        True for points to leave out, such as those in dips.
    parameters : PeriodParameters, optional
    **overrides
        Fields of ``PeriodParameters`` to change, such as ``min_frequency`` or ``n_peaks``.

    Raises
    ------
    ValueError
        Arrays differ in length, a value is not finite, an error is not positive, or times are not
        sorted.
    """
    parameters = PeriodParameters.model_validate(
        {**(parameters or PeriodParameters()).model_dump(), **overrides}
    )
    t, mag, mag_err = (np.asarray(values, np.float64) for values in (t, mag, mag_err))
    channel = np.zeros(len(t), np.int64) if channel is None else np.asarray(channel)
    mask = np.zeros(len(t), bool) if mask is None else np.asarray(mask, bool)
    if len({len(values) for values in (t, mag, mag_err, channel, mask)}) != 1:
        raise ValueError("times, magnitudes, errors, channels and mask must have one length")
    keep = ~mask
    t, mag, mag_err, channel = t[keep], mag[keep], mag_err[keep], channel[keep]
    if not (np.isfinite(t).all() and np.isfinite(mag).all() and np.isfinite(mag_err).all()):
        raise ValueError("times, magnitudes and errors must be finite")
    if (mag_err <= 0).any():
        raise ValueError("magnitude errors must be positive")
    if (np.diff(t) < 0).any():
        raise ValueError("times must be sorted")

    t, residual, mag_err = _without_offsets(t, mag, mag_err, channel, parameters.min_channel_points)
    span = float(np.ptp(t)) if len(t) else 0.0
    if len(t) < parameters.min_points:
        return _nothing("too few points", len(t), span)
    min_frequency = parameters.min_frequency or (1.0 / span if span > 0 else np.inf)
    if span == 0 or min_frequency >= parameters.max_frequency:
        return _nothing("span too short", len(t), span)
    if np.ptp(residual) == 0:
        return _nothing("constant magnitudes", len(t), span)
    if parameters.inflate_errors:
        scatter = 1.4826 * np.median(np.abs(residual - np.median(residual)))
        mag_err = np.sqrt(mag_err**2 + max(scatter**2 - np.median(mag_err) ** 2, 0.0))

    t = t - t[0]
    frequency, power = lomb_scargle(
        t,
        residual,
        mag_err,
        min_frequency=min_frequency,
        max_frequency=parameters.max_frequency,
        samples_per_peak=parameters.samples_per_peak,
    )
    index = separated_peaks(
        power, parameters.n_peaks, parameters.min_separation * parameters.samples_per_peak
    )
    peak_frequency, peak_power = refine_peaks(frequency, power, index)
    # Between samples a peak may be higher than its neighbour in rank.
    order = np.argsort(-peak_power, kind="stable")
    index, peak_frequency, peak_power = index[order], peak_frequency[order], peak_power[order]
    ln_fap = ln_false_alarm_probability(
        peak_power, t, mag_err, min_frequency=min_frequency, max_frequency=parameters.max_frequency
    )
    columns = {
        "rank": np.arange(1, len(index) + 1),
        "frequency_per_day": peak_frequency,
        "period_days": 1.0 / peak_frequency,
        "n_cycles": span * peak_frequency,
        "power": peak_power,
        "fap": np.exp(ln_fap),
        "ln_fap": ln_fap,
        "at_search_edge": (index == 0) | (index == len(power) - 1),
        **match_aliases(
            t,
            peak_frequency,
            peak_power,
            resolution=1.0 / span,
            min_window_power=parameters.min_alias_window_power,
        ),
        **_folding(t, residual, peak_frequency, 1.0 / span, min_frequency, parameters),
    }
    peaks = pd.DataFrame({name: columns[name] for name in _PEAK_DTYPES}).astype(_PEAK_DTYPES)
    shuffle_p = np.nan
    if parameters.n_shuffles and ln_fap[0] < np.log(parameters.shuffle_level):
        shuffle_p = block_shuffle_p_value(
            t,
            residual,
            mag_err,
            min_frequency=min_frequency,
            max_frequency=parameters.max_frequency,
            samples_per_peak=parameters.samples_per_peak,
            block_days=parameters.block_days,
            n_shuffles=parameters.n_shuffles,
            level=parameters.shuffle_level,
            # The seed follows the star's data, not its place in a batch.
            rng=np.random.default_rng([parameters.seed, len(t), int(span * 86400)]),
        )
    return PeriodSearch("ok", peaks, len(t), span, frequency, power, shuffle_p)


def period_table(
    points: UsablePoints,
    residual: np.ndarray,
    mask: np.ndarray | None = None,
    parameters: PeriodParameters | None = None,
    workers: int = 1,
) -> pd.DataFrame:
    """Search every star of a batch for periods.

    Parameters
    ----------
    points : UsablePoints
    residual : (n_points,) float64 array, mag
        Magnitudes less their baseline.
    mask : (n_points,) bool array, optional
        True for points to leave out, such as those in dips.
    parameters : PeriodParameters, optional
    workers : int
        Threads; they share the stars.

    Returns
    -------
    DataFrame
        One row a star, in the batch's order: ``status``, ``n_points_searched``, the strongest peak
        (``ls_*``), and the best candidate that is no alias (``period_days`` and what belongs to it;
        see ``PeriodSearch.best``). ``period_consensus`` tells whether at least two methods agree on
        it. A star that could not be searched has NaN and says why in ``status``.
    """
    parameters = parameters or PeriodParameters()
    mask = np.zeros(len(points.jd), bool) if mask is None else mask

    def search(star: int) -> dict[str, object]:
        part = slice(points.offsets[star], points.offsets[star + 1])
        try:
            found = find_periods(
                points.jd[part],
                residual[part],
                points.mag_err[part],
                points.channel[part],
                mask[part],
                parameters=parameters,
            )
        except ValueError as error:
            found = _nothing(str(error), int((~mask[part]).sum()), np.nan)
        return _row(found)

    rows: list[dict[str, object]] = [{} for _ in range(len(points))]

    def work(start: int, stop: int) -> None:
        for star in range(start, stop):
            rows[star] = search(star)

    map_star_ranges(work, len(points), workers, points.offsets)
    return pd.DataFrame(rows, columns=list(_ROW_DTYPES)).astype(_ROW_DTYPES)


_SHARED = (
    "pdm_theta",
    "pdm_period_days",
    "conditional_entropy",
    "conditional_entropy_period_days",
    "n_methods_agreeing",
)
_ROW_DTYPES = {
    "status": "str",
    "n_points_searched": "int64",
    "ls_period_days": "float64",
    "ls_power": "float64",
    "ls_fap": "float64",
    "ls_ln_fap": "float64",
    "ls_is_alias": "boolean",
    "ls_sampling_frequency": "str",
    "ls_shuffle_p": "float64",
    "period_days": "float64",
    "period_n_cycles": "float64",
    "period_power": "float64",
    "period_ln_fap": "float64",
    "period_is_alias": "boolean",
    "pdm_theta": "float64",
    "pdm_period_days": "float64",
    "conditional_entropy": "float64",
    "conditional_entropy_period_days": "float64",
    "n_methods_agreeing": "Int64",
    "period_consensus": "boolean",
}


def _row(found: PeriodSearch) -> dict[str, object]:
    row: dict[str, object] = {"status": found.status, "n_points_searched": found.n_points}
    best = found.best
    if best is None:
        return row
    first = found.peaks.iloc[0]
    for name in ("period_days", "power", "fap", "ln_fap", "is_alias", "sampling_frequency"):
        row[f"ls_{name}"] = first[name]
    row["ls_shuffle_p"] = found.shuffle_p
    row["period_days"] = best["period_days"]
    for name in ("n_cycles", "power", "ln_fap", "is_alias"):
        row[f"period_{name}"] = best[name]
    row["period_consensus"] = best["n_methods_agreeing"] >= 2
    for name in _SHARED:
        row[name] = best[name]
    return row


def _nothing(status: str, n_points: int, span: float) -> PeriodSearch:
    peaks = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in _PEAK_DTYPES.items()})
    return PeriodSearch(status, peaks, n_points, span, np.empty(0), np.empty(0))


def _without_offsets(
    t: np.ndarray, mag: np.ndarray, mag_err: np.ndarray, channel: np.ndarray, min_points: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    _, code, count = np.unique(channel, return_inverse=True, return_counts=True)
    zero_point = np.array([np.median(mag[code == c]) for c in range(len(count))])
    keep = count[code] >= min_points
    return t[keep], (mag - zero_point[code])[keep], mag_err[keep]


def _folding(
    t: np.ndarray,
    residual: np.ndarray,
    frequency: np.ndarray,
    resolution: float,
    min_frequency: float,
    parameters: PeriodParameters,
) -> dict[str, np.ndarray]:
    """Score each peak, its half and double frequency by phase folding, and count agreement."""
    n = len(frequency)
    centers = frequency[:, None] * np.array([0.5, 1.0, 2.0])
    # At a few cycles in the span a range so wide would hold quite other periods.
    half_width = np.minimum(parameters.half_window * resolution, 0.2 * centers)
    around = np.linspace(-1.0, 1.0, parameters.n_window_frequencies)
    grid = centers[:, :, None] + around * half_width[:, :, None]
    usable = grid >= min_frequency
    at, which = grid[usable], np.nonzero(usable)[0]
    votes = [frequency[0]]
    columns: dict[str, np.ndarray] = {}
    for method, value, period in (
        ("pdm", "pdm_theta", "pdm_period_days"),
        ("conditional_entropy", "conditional_entropy", "conditional_entropy_period_days"),
    ):
        columns[value], columns[period] = np.full(n, np.nan), np.full(n, np.nan)
        if method not in parameters.methods:
            continue
        score = np.empty(len(at))
        if method == "pdm":
            periodogram.phase_dispersion(
                t, residual, at, parameters.pdm_bins, parameters.pdm_covers, score
            )
        else:
            n_mag = parameters.entropy_mag_bins
            # Outliers would squeeze all other points into a few bins; they go to the outer ones.
            low, high = np.quantile(residual, [0.01, 0.99])
            bins = np.floor((residual - low) / max(high - low, 1e-12) * n_mag)
            mag_bin = np.clip(bins, 0, n_mag - 1).astype(np.int64)
            periodogram.conditional_entropy(t, mag_bin, at, parameters.entropy_phase_bins, n_mag, score)
        for i in range(n):
            mine = np.flatnonzero(which == i)
            best = mine[np.argmin(score[mine])]
            columns[value][i], columns[period][i] = score[best], 1.0 / at[best]
        votes.append(at[np.argmin(score)])
    ratios = np.array([0.5, 1.0, 2.0])
    difference = np.abs(np.array(votes)[:, None, None] - frequency[None, :, None] * ratios)
    agreeing = (difference <= resolution * np.maximum(ratios, 1.0)).any(axis=2)
    columns["n_methods_agreeing"] = agreeing.sum(axis=0)
    return columns
