"""Is a star periodic? A test against its own red noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.kernels import folding
from malca.lightcurves import LightCurves
from malca.search.periodicity_aliases import Alias, sampling_alias
from malca.search.periodicity_coherence import Coherence, coherence
from malca.search.periodicity_events import event_recurrence, event_spans, events_mask
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.periodicity_significance import Peak, strongest_peaks
from malca.search.periodicity_spectrum import Spectrum, WeightedStar, spectrum, weigh_star
from malca.search.points import usable_points
from malca.search.threads import map_star_ranges

_DTYPES = {
    "asas_sn_id": "Int64",
    "lsp_power": "float64",
    "lsp_period_days": "float64",
    "lsp_log10_fap": "float64",
    "lsp_amplitude_mag": "float64",
    "lsp_n_harmonics": "Int64",
    "lsp_coherence_days": "float64",
    "lsp_is_alias": "boolean",
    "lsp_alias_of_days": "float64",
    "phase_coherence": "float64",
    "camera_coherence": "float64",
    "event_recurrence": "float64",
    "is_periodic": "boolean",
    "periodicity_reason": "str",
    "period_explains_events": "boolean",
    "events_masked": "boolean",
    "n_points_used": "int64",
}
PERIODICITY_COLUMNS = tuple(_DTYPES)

# Share by which the normal equations of a folded curve are damped, for phases no point covers.
_DAMPING = 1e-6


class _Found(NamedTuple):
    star: WeightedStar
    spectrum: Spectrum
    peak: Peak
    masked: bool


def test_periodicity(
    lightcurves: LightCurves,
    events: pd.DataFrame,
    parameters: PeriodicityParameters | None = None,  # noqa: PT028 - no test for all its name
    workers: int = 1,  # noqa: PT028
    excluded: np.ndarray | None = None,  # noqa: PT028
) -> pd.DataFrame:
    """Test stars for periods that their own red noise does not explain.

    Points within the star's events are masked, zero points of the cameras and a damped random walk are
    fitted together with every sinusoid, and the spectrum is divided by its local level. Summed over
    harmonics (eclipses) or averaged over neighbours (spots that come and go) it is compared with
    what noise does; a signal must then show the same phase and shape in neighbouring parts of the data
    and in both halves of the cameras, and not lie at a frequency of the sampling. A star with several
    events is also searched with them, for eclipses that were themselves detected.

    Parameters
    ----------
    lightcurves : LightCurves
    events : DataFrame
        Of any stars: ``asas_sn_id``, ``kind`` ("dip" or "jump"), ``jd_start``, ``jd_end``. A star
        without id has its events found by ``name``.
    parameters : PeriodicityParameters, optional
    workers : int
        Threads; the result does not depend on them.
    excluded : (n_points,) bool array, optional
        Points to leave out, for instance those of excluded cameras.

    Returns
    -------
    DataFrame
        One row a star, in the batch's order:

        - ``is_periodic``: missing where it could not be told; ``periodicity_reason`` says why.
        - ``lsp_period_days``: of the best signal, whether significant or not. Two equal minima give
          half of the orbital period.
        - ``lsp_log10_fap``: log10 of the chance that noise of the star's own spectrum reaches such a
          signal at any period and with any shape searched.
        - ``lsp_n_harmonics``, ``lsp_coherence_days``: the shape that stands out most, and over what
          time the signal keeps its phase.
        - ``lsp_power``: share of the variance that a curve of so many harmonics explains, 0 to 1, and
          ``lsp_amplitude_mag``, its full amplitude (of residuals cut at ``clip_sigma``).
        - ``lsp_is_alias``, ``lsp_alias_of_days``: whether the period is one of the sampling, and the
          day, month or year it coincides with (missing if it is an alias of slow variation).
        - ``phase_coherence``, ``camera_coherence``: see ``periodicity_coherence``; missing where
          there is nothing to compare.
        - ``event_recurrence``: share of the points at the phases of the events, in any cycle, that are
          as faint as they: near 1 if the period explains the events, missing without events.
        - ``period_explains_events``: whether the star is periodic and its events recur with the period;
          missing where either is not known. A pulsating or spotted star may dim for other reasons.
        - ``events_masked``: whether the signal was found with the events left out.
        - ``n_points_used``

    Raises
    ------
    ValueError
        ``events`` lacks a column or holds dates that are not finite.
    """
    parameters = parameters or PeriodicityParameters()
    points = usable_points(
        lightcurves,
        max_mag_err=parameters.max_mag_err,
        use_bad_quality=parameters.use_bad_quality,
        excluded=excluded,
    )
    spans = event_spans(lightcurves.stars, events)
    rows: list[dict[str, object]] = [{} for _ in range(len(lightcurves))]

    def work(start: int, stop: int) -> None:
        for i in range(start, stop):
            part = slice(points.offsets[i], points.offsets[i + 1])
            values = (points.jd[part], points.mag[part], points.mag_err[part], points.channel[part])
            rows[i] = judge_star(*values, spans.get(i), parameters)

    map_star_ranges(work, len(lightcurves), workers, points.offsets)
    table = pd.DataFrame(rows, columns=list(_DTYPES))
    table["asas_sn_id"] = lightcurves.stars["asas_sn_id"].array
    return table.astype(_DTYPES)


# pytest would take a function of this name, imported into a test module, for a test.
test_periodicity.__test__ = False  # type: ignore[attr-defined]


def judge_star(
    jd: np.ndarray,
    mag: np.ndarray,
    mag_err: np.ndarray,
    channel: np.ndarray,
    spans: np.ndarray | None = None,
    parameters: PeriodicityParameters | None = None,
) -> dict[str, object]:
    """Test one star; see ``test_periodicity``.

    Parameters
    ----------
    jd, mag, mag_err : (n_points,) float64 arrays
        Sorted by time.
    channel : (n_points,) int array
    spans : (n_events, 2) float64 array, optional
        First and last date of each event.
    parameters : PeriodicityParameters, optional

    Returns
    -------
    dict
        The columns of ``test_periodicity`` but for the id.
    """
    parameters = parameters or PeriodicityParameters()
    if len(jd) < parameters.min_points:
        return _unknown("too few points", len(jd))
    spans = np.empty((0, 2)) if spans is None else spans
    found: list[_Found] = []
    reason, n_used = "events cover most points", 0
    for keep, masked in _selections(jd, spans, parameters):
        star = weigh_star(jd[keep], mag[keep], mag_err[keep], channel[keep], parameters)
        if isinstance(star, str):
            reason, n_used = star, int(keep.sum())
            continue
        of = spectrum(star, parameters)
        peaks = strongest_peaks(of, star.span_days, parameters, narrow_only=not masked)
        found += [_Found(star, of, peak, masked) for peak in peaks]
    if not found:
        return _unknown(reason, n_used)
    # Each shape, with and without mask, was one more chance to find something.
    log10_trials = float(np.log10(len(found)))
    found.sort(key=lambda each: each.peak.log10_fap)
    residual = _without_medians(mag, channel)
    first: dict[str, object] = {}
    for each in found:
        log10_fap = min(each.peak.log10_fap + log10_trials, 0.0)
        if first and log10_fap > parameters.max_log10_fap:
            break
        recurrence = event_recurrence(jd, residual, spans, 1.0 / each.peak.frequency)
        row = _row(each, log10_fap, recurrence, parameters)
        # A shape that fails a check does not speak for the others: the next may describe the star.
        if row["is_periodic"] is not False:
            return row
        first = first or row
    return first


def star_explains_events(
    lightcurve: LightCurves,
    spans: np.ndarray,
    period_days: float,
    parameters: PeriodicityParameters,
    excluded: np.ndarray | None = None,
) -> bool | None:
    """Whether the period of a periodic star makes these events of its light curve.

    Parameters
    ----------
    lightcurve : LightCurves
        Of one star.
    spans : (n_events, 2) float64 array
        First and last date of each event.
    period_days : float
    parameters : PeriodicityParameters
    excluded : (n_points,) bool array, optional
        Points to leave out.

    Returns
    -------
    bool or None
        None: no point lies in an event.
    """
    points = usable_points(
        lightcurve,
        max_mag_err=parameters.max_mag_err,
        use_bad_quality=parameters.use_bad_quality,
        excluded=excluded,
    )
    residual = _without_medians(points.mag, points.channel)
    return _explains(True, event_recurrence(points.jd, residual, spans, period_days), parameters)


def _selections(
    jd: np.ndarray, spans: np.ndarray, parameters: PeriodicityParameters
) -> list[tuple[np.ndarray, bool]]:
    """Points to search, and whether events are left out of them."""
    everything = np.ones(len(jd), bool)
    if len(spans) == 0:
        return [(everything, True)]
    outside = ~events_mask(jd, spans, parameters)
    selections = []
    if outside.mean() >= 1.0 - parameters.max_masked_share:
        selections.append((outside, True))
    if len(spans) >= parameters.min_recurring_events:
        selections.append((everything, False))
    return selections


def _row(
    found: _Found, log10_fap: float, recurrence: float, parameters: PeriodicityParameters
) -> dict[str, object]:
    star, peak = found.star, found.peak
    agreeing = coherence(star, found.spectrum, peak)
    power, amplitude = _folded(star, peak)
    alias = Alias(False)
    if amplitude <= parameters.max_alias_amplitude_mag:
        alias = sampling_alias(star, found.spectrum, peak, parameters)
    is_periodic, reason = _verdict(found, log10_fap, alias, agreeing, recurrence, parameters)
    return {
        "lsp_power": power,
        "lsp_period_days": 1.0 / peak.frequency,
        "lsp_log10_fap": log10_fap,
        "lsp_amplitude_mag": amplitude,
        "lsp_n_harmonics": peak.n_harmonics,
        "lsp_coherence_days": star.span_days / peak.n_elements,
        "lsp_is_alias": alias.is_alias,
        "lsp_alias_of_days": alias.period_days,
        "phase_coherence": agreeing.phase,
        "camera_coherence": agreeing.camera,
        "event_recurrence": recurrence,
        "is_periodic": is_periodic,
        "periodicity_reason": reason,
        "period_explains_events": _explains(is_periodic, recurrence, parameters),
        "events_masked": found.masked,
        "n_points_used": len(star.t),
    }


def _unknown(reason: str, n_points: int) -> dict[str, object]:
    return {"periodicity_reason": reason, "n_points_used": n_points}


def _verdict(
    found: _Found,
    log10_fap: float,
    alias: Alias,
    agreeing: Coherence,
    recurrence: float,
    parameters: PeriodicityParameters,
) -> tuple[bool | None, str]:
    if log10_fap > parameters.max_log10_fap:
        return False, "no more than the star's noise"
    if alias.is_alias:
        # The star may vary with such a period or the sampling make it: nobody can tell.
        return None, f"period of the sampling: {alias.name}"
    if not agreeing.phase >= parameters.min_phase_coherence:
        return False, "phase does not last"
    if agreeing.camera < parameters.min_camera_coherence:
        return False, "cameras disagree"
    if not found.masked and recurrence < parameters.min_event_recurrence:
        return False, "events do not recur"
    return True, "coherent" if found.peak.n_elements == 1 else "quasi-periodic"


def _explains(
    is_periodic: bool | None, recurrence: float, parameters: PeriodicityParameters
) -> bool | None:
    if is_periodic is False:
        return False
    if is_periodic is None or np.isnan(recurrence):
        return None
    return recurrence >= parameters.min_event_recurrence


def _folded(star: WeightedStar, peak: Peak) -> tuple[float, float]:
    """Share of variance explained by the folded curve, and its full amplitude, mag."""
    weight, curve = 1.0 / star.noise, np.empty(len(star.t))
    folding.folded_curve(
        star.t, star.residual, weight, peak.frequency, peak.n_harmonics, _DAMPING, curve
    )
    centred = star.residual - (weight * star.residual).sum() / weight.sum()
    explained = 1.0 - (weight * (star.residual - curve) ** 2).sum() / (weight * centred**2).sum()
    return float(np.clip(explained, 0.0, 1.0)), float(np.ptp(curve))


def _without_medians(mag: np.ndarray, channel: np.ndarray) -> np.ndarray:
    residual = mag.copy()
    for c in np.unique(channel):
        residual[channel == c] -= np.median(mag[channel == c])
    return residual
