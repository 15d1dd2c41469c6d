"""How the events of one star repeat."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from malca.kernels.ordering import median_of

#: Scatter of a normal sample over its median absolute deviation.
MAD_TO_SIGMA = 1.482602218505602

COLUMNS = {
    "kind": "str",
    "n_events": "int64",
    "is_single_event": "bool",
    "spacing_median_days": "float64",
    "spacing_scatter_days": "float64",
    "amplitude_consistency": "float64",
    "duration_consistency": "float64",
}


def recurrence(events: pd.DataFrame | Mapping[str, np.ndarray], key: str = "star") -> pd.DataFrame:
    """Summarise the events of each star and kind.

    Parameters
    ----------
    events : DataFrame
        Columns ``key``, ``kind``, ``jd_start``, ``jd_end``, ``depth_mag``, and ``t0_jd``, the
        moment of the extremum, in place of which the middle of the event stands where missing.
    key : str
        Column that identifies the star: an index, or ``asas_sn_id``.

    Returns
    -------
    DataFrame
        A row a (star, kind) that has events, ordered by them:

        - ``n_events``, ``is_single_event``
        - ``spacing_median_days``: median time between successive extrema; NaN for one event.
        - ``spacing_scatter_days``: 1.4826 × their median absolute deviation; NaN for fewer than
          three events, as one spacing has no scatter.
        - ``amplitude_consistency``, ``duration_consistency``: 1 − robust scatter / median of
          ``depth_mag`` and of the duration, cut to [0, 1]: 1 when all are alike. NaN for fewer
          than two finite values, or a median that is not positive.

    Raises
    ------
    KeyError
        A column is missing.
    """
    table = pd.DataFrame(recurrence_columns(events, key))
    return table.astype({key: events[key].dtype, **COLUMNS})


def recurrence_columns(
    events: pd.DataFrame | Mapping[str, np.ndarray], key: str = "star"
) -> dict[str, np.ndarray]:
    """Summarise as ``recurrence`` does, and return its columns as arrays: cheap for a few stars."""
    t0 = np.asarray(events["t0_jd"], np.float64)
    start, end = np.asarray(events["jd_start"]), np.asarray(events["jd_end"])
    depth = np.asarray(events["depth_mag"], np.float64)
    keys, star = np.unique(np.asarray(events[key]), return_inverse=True)
    kinds, kind = np.unique(np.asarray(events["kind"], object), return_inverse=True)
    time = np.where(np.isfinite(t0), t0, 0.5 * (start + end))
    order = np.lexsort([time, kind, star])
    group = (star * len(kinds) + kind)[order]
    first = np.flatnonzero(np.diff(group, prepend=-1))
    edges = np.append(first, len(group))
    spacing = np.array([_spacing(time[order[a:b]]) for a, b in pairwise(edges)], np.float64).reshape(
        -1, 2
    )
    n_events = np.diff(edges)
    table = {
        key: keys[star[order[first]]],
        "kind": kinds[kind[order[first]]],
        "n_events": n_events,
        "is_single_event": n_events == 1,
        "spacing_median_days": spacing[:, 0],
        "spacing_scatter_days": spacing[:, 1],
    }
    for name, values in (("amplitude", depth), ("duration", end - start)):
        table[f"{name}_consistency"] = np.array(
            [consistency(values[order[a:b]]) for a, b in pairwise(edges)], np.float64
        )
    return table


def _spacing(time: np.ndarray) -> tuple[float, float]:
    if len(time) < 2:
        return np.nan, np.nan
    steps = np.diff(time)
    return float(median_of(steps)), _scatter(steps) if len(steps) > 1 else np.nan


def consistency(values: np.ndarray) -> float:
    """How alike positive values are: 1 − 1.4826 MAD / median, cut to [0, 1].

    Parameters
    ----------
    values : (n,) float array
        Values that are not finite are left out.

    Returns
    -------
    float
        NaN for fewer than two values or a median that is not positive.
    """
    if len(values) < 2:
        return np.nan
    values = values[np.isfinite(values)]
    if len(values) < 2 or not median_of(values) > 0:
        return np.nan
    return min(max(1.0 - _scatter(values) / median_of(values), 0.0), 1.0)


def _scatter(values: np.ndarray) -> float:
    return float(MAD_TO_SIGMA * median_of(np.abs(values - median_of(values))))
