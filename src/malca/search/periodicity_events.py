"""What the events of a star have to do with its period."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.search.periodicity_parameters import PeriodicityParameters

# Cycles; the shortest eclipses that the harmonics can tell last for five times as much.
_SAME_PHASE = 0.004
_DEPTH_QUANTILE = 0.9
_ALIKE = 0.3  # of the depth: the flanks of an eclipse belong to it
_COLUMNS = ("asas_sn_id", "jd_start", "jd_end")


def event_spans(stars: pd.DataFrame, events: pd.DataFrame) -> dict[int, np.ndarray]:
    """First and last dates of the events of each star that has some.

    Parameters
    ----------
    stars : DataFrame
        ``asas_sn_id`` and ``name`` of the stars of a batch.
    events : DataFrame
        Of any stars: ``asas_sn_id``, ``jd_start``, ``jd_end``. Where the id is missing, ``name`` tells
        the star.

    Returns
    -------
    dict
        By the star's place in the batch, arrays of shape (n_events, 2).

    Raises
    ------
    ValueError
        A column is missing, or a date is not finite.
    """
    missing = [name for name in _COLUMNS if name not in events]
    if missing:
        raise ValueError(f"the table of events lacks {', '.join(missing)}")
    dates = events[["jd_start", "jd_end"]].to_numpy(np.float64)
    if not np.isfinite(dates).all():
        raise ValueError("the table of events holds dates that are not finite")
    place: dict[object, int] = {}
    for i, (identity, name) in enumerate(zip(stars["asas_sn_id"], stars["name"], strict=True)):
        place[name if pd.isna(identity) else identity] = i
    names = events["name"] if "name" in events else [""] * len(events)
    rows: dict[int, list[int]] = {}
    for k, (identity, name) in enumerate(zip(events["asas_sn_id"], names, strict=True)):
        key = name if pd.isna(identity) else identity
        if key in place:
            rows.setdefault(place[key], []).append(k)
    return {i: dates[numbers] for i, numbers in rows.items()}


def events_mask(jd: np.ndarray, spans: np.ndarray, parameters: PeriodicityParameters) -> np.ndarray:
    """Points in or near an event.

    Parameters
    ----------
    jd : (n_points,) float64 array
        Sorted.
    spans : (n_events, 2) float64 array
    parameters : PeriodicityParameters

    Returns
    -------
    (n_points,) bool array
    """
    start, end = spans.T
    pad = np.maximum(parameters.pad_days, parameters.pad_fraction * (end - start))
    change = np.zeros(len(jd) + 1, np.int64)
    np.add.at(change, np.searchsorted(jd, start - pad), 1)
    np.add.at(change, np.searchsorted(jd, end + pad, side="right"), -1)
    return np.cumsum(change[:-1]) > 0


def event_recurrence(
    jd: np.ndarray, residual: np.ndarray, spans: np.ndarray, period_days: float
) -> float:
    """Share of the points at the phases of the events, in any cycle, that are as faint as the events.

    The phases are those of the points beyond half of their event's depth (its 90 % quantile); a point
    nearby in phase but in no event is alike beyond 0.3 of that depth. 1 if the events return with the
    period; if they merely fold onto each other, or last longer than it, the share is that of the
    cycles that have one. Jumps are treated alike, with the sign turned.

    Parameters
    ----------
    jd, residual : (n_points,) float64 arrays
        Sorted; days and magnitude less its zero point.
    spans : (n_events, 2) float64 array
    period_days : float

    Returns
    -------
    float
        NaN if no point lies in an event.
    """
    in_event, core_depth = np.zeros(len(jd), bool), np.zeros(len(jd))
    first, last = np.searchsorted(jd, spans[:, 0]), np.searchsorted(jd, spans[:, 1], side="right")
    for a, b in zip(first, last, strict=True):
        if a == b:
            continue
        inside = residual[a:b]
        sign = 1.0 if np.median(inside) >= 0 else -1.0
        depth = sign * float(np.quantile(sign * inside, _DEPTH_QUANTILE))
        in_event[a:b] = True
        core = (depth != 0.0) & (sign * inside > 0.5 * abs(depth))
        core_depth[a:b] = np.where(core, depth, core_depth[a:b])
    in_core = np.flatnonzero(core_depth)
    if len(in_core) == 0:
        return np.nan
    phase = np.mod((jd - jd[0]) / period_days, 1.0)
    in_core = in_core[np.argsort(phase[in_core])]
    # One more at either end, for phases just before the first and just after the last.
    around = np.concatenate([in_core[-1:], in_core, in_core[:1]])
    core_phase = phase[around]
    core_phase[0] -= 1.0
    core_phase[-1] += 1.0
    others = np.flatnonzero(~in_event)
    after = np.searchsorted(core_phase, phase[others])
    to_before, to_after = phase[others] - core_phase[after - 1], core_phase[after] - phase[others]
    nearest = around[np.where(to_before < to_after, after - 1, after)]
    same = np.minimum(to_before, to_after) <= _SAME_PHASE
    alike = residual[others[same]] / core_depth[nearest[same]] > _ALIKE
    return (len(in_core) + int(alike.sum())) / (len(in_core) + len(alike))
