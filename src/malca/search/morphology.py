"""The shape of every event: which profile describes it, how deep, how long, how symmetric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from malca.kernels.event_shape import (
    CONFIRMED,
    FIT_NOTES,
    FLAG_COLUMNS,
    FLOAT_COLUMNS,
    INTEGER_COLUMNS,
    SEEN,
    measure_events,
)
from malca.kernels.families import FAMILY_NAMES
from malca.lightcurves import BAND_NAMES
from malca.search.points import UsablePoints
from malca.search.threads import map_star_ranges


def fit_events(
    points: UsablePoints,
    residual: np.ndarray,
    sigma_eff: np.ndarray,
    star: np.ndarray,
    kind_sign: np.ndarray,
    jd_start: np.ndarray,
    jd_end: np.ndarray,
    workers: int = 1,
    *,
    min_padding_days: float = 10.0,
    min_delta_bic: float = 10.0,
    offset_err_mag: float | np.ndarray = 0.02,
    cameras: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Fit the shape of each event and measure what does not need a fit.

    Each event is fitted in its interval padded on both sides by the larger of its duration and
    ``min_padding_days``; the padding ends where another event of the star begins. The families
    are compared by BIC = χ² + k ln n (Schwarz 1978, known errors). A family is judged only if it
    is tied down: more epochs than parameters, and at least as many epochs as parameters where
    its profile exceeds a tenth of its peak; so an exact fit never wins.

    Parameters
    ----------
    points : UsablePoints
    residual : (n_points,) array
        Magnitude minus baseline, mag, fainter positive.
    sigma_eff : (n_points,) array
        Its error, mag. Points without a finite residual and a positive error are left out.
    star : (n_events,) int array
        Index of the star in ``points``.
    kind_sign : (n_events,) array
        +1 dip, −1 jump (brightening).
    jd_start, jd_end : (n_events,) arrays
        First and last moment of the event, days.
    workers : int
        Threads.
    min_padding_days : float
    min_delta_bic : float
        An event whose best family is not better than a constant by this much is ``flat``; 10 is
        "very strong" evidence (Kass & Raftery 1995, JASA 90, 773).
    offset_err_mag : float or (n_events,) array
        1σ of the baseline's own error, mag: the prior on the constant under each profile.
    cameras : sequence of str, optional
        Names for the indices in ``points.camera``; without them the indices are written.

    Returns
    -------
    DataFrame
        A row an event, in the order given, index 0 … n_events − 1:

        - ``star, kind, jd_start, jd_end, duration_days``
        - ``morphology``: a family's name, ``flat``, or ``undetermined`` with the reason in
          ``fit_note`` (empty otherwise). Fitted quantities are NaN for both.
        - ``delta_bic``: BIC of a constant minus that of the best family; positive favours the
          event. NaN if undetermined.
        - ``amp_mag, amp_err_mag``: height of the profile above the offset, positive for both
          kinds. ``fit_offset_mag`` has the sign of the kind.
        - ``t0_jd``: moment of the extremum. ``fwhm_days``: true full width at half maximum, the
          sum of ``ingress_days`` and ``egress_days``. ``width_days``: the family's own parameter
          (Gaussian σ, skew-normal scale, Paczyński t_E, FRED decay time).
        - ``asymmetry``: (egress − ingress)/(egress + ingress). ``skewness``: third standardised
          moment of the profile (0 for the symmetric families); ``skew_alpha``: skew-normal only.
        - ``symmetry_score``: see ``_symmetry_score``.
        - ``area_mag_days``: integral of the residual over the event, trapezoids between epochs.
        - ``level_step_mag``: mean residual after minus before the event, fainter positive.
        - ``depth_mag``: the larger of the fitted profile at the sampled epochs of the event and
          the weighted 75 % quantile of these epochs, the former never above the deepest epoch; the
          quantile alone without a fit. Never extrapolated into a gap, defined from one
          point on.
        - ``fit_chi2, fit_dof, reduced_chi2, n_fit_points``: of the chosen family (or constant) on
          all points of the window; the prior counts as a datum.
        - ``n_points, n_epochs, n_channels, n_cameras, n_bands``: inside the event;
          ``cameras, bands`` name them. Of these, ``cameras_confirming, bands_confirming`` and
          their numbers are those whose own mean residual is 2 σ from zero in the event's sense.
        - ``cut_by_gap_start, cut_by_gap_end``: a gap longer than 10 d and than the event adjoins
          the edge. ``cut_by_data_start, cut_by_data_end``: the star has no points beyond it.
        - ``paczynski_*``: the microlensing fit of each jump, whichever family won.

    Raises
    ------
    ValueError
        Arrays of unequal length, a star that is not in ``points``, or a sign that is not ±1.
    """
    columns = event_columns(
        points, residual, sigma_eff, star, kind_sign, jd_start, jd_end, workers,
        min_padding_days=min_padding_days, min_delta_bic=min_delta_bic,
        offset_err_mag=offset_err_mag, cameras=cameras,
    )  # fmt: skip
    return as_table(columns)


def as_table(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Make a table of columns, those of words typed ``str``."""
    return pd.DataFrame(
        {
            name: pd.array(values, dtype="str")
            if getattr(values, "dtype", None) == np.dtype(object)
            else values
            for name, values in columns.items()
        }
    )


def event_columns(
    points: UsablePoints,
    residual: np.ndarray,
    sigma_eff: np.ndarray,
    star: np.ndarray,
    kind_sign: np.ndarray,
    jd_start: np.ndarray,
    jd_end: np.ndarray,
    workers: int = 1,
    *,
    min_padding_days: float = 10.0,
    min_delta_bic: float = 10.0,
    offset_err_mag: float | np.ndarray = 0.02,
    cameras: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """Fit as ``fit_events`` does, and return its columns as arrays: cheap for a few events."""
    star = np.asarray(star, np.int64)
    n = len(star)
    kind_sign = np.asarray(kind_sign, np.float64)
    jd_start, jd_end = np.asarray(jd_start, np.float64), np.asarray(jd_end, np.float64)
    residual = np.ascontiguousarray(residual, np.float64)
    sigma_eff = np.ascontiguousarray(sigma_eff, np.float64)
    if not len(kind_sign) == len(jd_start) == len(jd_end) == n:
        raise ValueError("star, kind_sign, jd_start and jd_end must be equally long")
    if not len(residual) == len(sigma_eff) == len(points.jd):
        raise ValueError(f"residual and sigma_eff must hold the {len(points.jd)} points")
    if n and not (star.min() >= 0 and star.max() < len(points)):
        raise ValueError(f"star must be within the {len(points)} stars of points")
    if not np.isin(kind_sign, (1.0, -1.0)).all():
        raise ValueError("kind_sign must be +1 (dip) or -1 (jump)")

    floor, ceiling = _neighbours(star, jd_start, jd_end)
    offset_err = np.broadcast_to(np.asarray(offset_err_mag, np.float64), n).copy()
    n_batch_cameras = int(points.camera.max()) + 1 if len(points.camera) else 1
    floats = np.full((n, len(FLOAT_COLUMNS)), np.nan)
    integers = np.zeros((n, len(INTEGER_COLUMNS)), np.int64)
    flags = np.zeros((n, len(FLAG_COLUMNS)), np.bool_)
    labels = np.zeros((n, 2), np.int64)
    camera_state = np.zeros((n, n_batch_cameras), np.int8)
    band_state = np.zeros((n, len(BAND_NAMES)), np.int8)

    def measure(first: int, last: int) -> None:
        measure_events(
            first, last, points.offsets, points.jd, points.channel, points.camera, points.band,
            residual, sigma_eff, star, kind_sign, jd_start, jd_end, floor, ceiling, offset_err,
            float(min_padding_days), float(min_delta_bic),
            floats, integers, flags, labels, camera_state, band_state,
        )  # fmt: skip

    map_star_ranges(measure, n, workers)

    names = list(cameras) if cameras is not None else [str(i) for i in range(n_batch_cameras)]
    columns: dict[str, np.ndarray] = {
        "star": star,
        "kind": _strings(np.where(kind_sign > 0, "dip", "jump").tolist()),
        "jd_start": jd_start,
        "jd_end": jd_end,
        "morphology": _strings([(*FAMILY_NAMES, "undetermined")[i] for i in labels[:, 0]]),
        "fit_note": _strings([FIT_NOTES[i] for i in labels[:, 1]]),
    }
    columns |= {name: floats[:, i] for i, name in enumerate(FLOAT_COLUMNS)}
    columns |= {name: integers[:, i] for i, name in enumerate(INTEGER_COLUMNS)}
    columns |= {name: flags[:, i] for i, name in enumerate(FLAG_COLUMNS)}
    for what, state, words in (("cameras", camera_state, names), ("bands", band_state, BAND_NAMES)):
        columns[what] = _strings(_joined(state >= SEEN, words))
        columns[f"{what}_confirming"] = _strings(_joined(state == CONFIRMED, words))
    return columns


def _strings(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=object)


def _joined(chosen: np.ndarray, words: Sequence[str]) -> list[str]:
    return [",".join(words[i] for i in np.flatnonzero(row).tolist()) for row in chosen]


def _neighbours(
    star: np.ndarray, jd_start: np.ndarray, jd_end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Last end before, and first start after, each event among the events of its star, days."""
    floor, ceiling = np.full(len(star), -np.inf), np.full(len(star), np.inf)
    by_star = np.argsort(star, kind="stable")
    edges = np.flatnonzero(np.diff(star[by_star], prepend=-1, append=-1))
    for a, b in pairwise(edges):
        if b - a == 1:
            continue
        events = by_star[a:b]
        ends, starts = np.sort(jd_end[events]), np.sort(jd_start[events])
        before = np.searchsorted(ends, jd_start[events], "left")
        after = np.searchsorted(starts, jd_end[events], "right")
        floor[events] = np.concatenate([[-np.inf], ends])[before]
        ceiling[events] = np.concatenate([starts, [np.inf]])[after]
    return floor, ceiling
