"""The table of sources: one row a searched star, its points, evidence, best events, recurrence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from malca.kernels.ranges import channel_points, star_medians
from malca.search.baseline import Baseline
from malca.search.morphology import as_table
from malca.search.parameters import SearchParameters
from malca.search.point_triggers import PointScores
from malca.search.points import UsablePoints
from malca.search.recurrence import recurrence_columns
from malca.search.score import score_columns

_RECURRENCE = (
    "is_single_event", "spacing_median_days", "spacing_scatter_days", "amplitude_consistency",
    "duration_consistency",
)  # fmt: skip
_LARGEST = {
    "max_run_points": "n_points",
    "max_run_duration_days": "duration_days",
    "max_run_cameras": "n_cameras",
    "max_significance": "significance",
    "max_ln_bf": "ln_bf",
    "max_event_prob": "max_posterior",
    "max_ln_bf_local": "max_ln_bf_local",
}
_BEST = {
    "best_morph": "morphology",
    "best_delta_bic": "delta_bic",
    "best_width_days": "width_days",
    "best_fwhm_days": "fwhm_days",
    "best_amp_mag": "amp_mag",
    "best_depth_mag": "depth_mag",
    "best_t0_jd": "t0_jd",
    "best_jd_start": "jd_start",
    "best_jd_end": "jd_end",
    "symmetry_score": "symmetry_score",
}


def summarise_sources(
    stars: pd.DataFrame,
    points: UsablePoints,
    baseline: Baseline,
    scores: list[PointScores],
    events: Mapping[str, np.ndarray],
    shallow: Mapping[str, np.ndarray],
    parameters: SearchParameters,
    cameras: list[str],
) -> pd.DataFrame:
    """Summarise every searched star.

    Parameters
    ----------
    stars : DataFrame, (n_stars,)
        ``asas_sn_id``, ``name`` of each.
    points, baseline
        What was searched, and against what.
    scores : list of PointScores
        Dips, jumps.
    events : mapping of arrays
        Columns of the accepted events, with ``star``.
    shallow : mapping of arrays
        ``star, kind`` of events that were shallower than asked.
    parameters : SearchParameters
    cameras : list of str
        Names of the batch's cameras.

    Returns
    -------
    DataFrame, (n_stars,)
        ``dip_…`` and ``jump_…`` columns speak of one kind each; ``…_ln_bayes_factor`` is of the
        mixture over all points of the star, ``…_max_ln_bf`` of its best event. Quantities of the
        best event (largest ``ln_bf``) are missing where there is none.
    """
    n_stars = len(points)
    table = _points_summary(stars, points, baseline, cameras)
    table["baseline_source"] = np.full(n_stars, parameters.baseline.family, dtype=object)
    table["trigger_mode"] = np.full(n_stars, parameters.trigger_mode, dtype=object)
    repeats = recurrence_columns(events)
    values = {name: events[name] for name in {*_LARGEST.values(), *_BEST.values()}}
    for score in scores:
        kind = score.kind
        mine = np.flatnonzero(events["kind"] == kind)
        star = events["star"][mine]
        count = np.bincount(star, minlength=n_stars)
        table[f"{kind}_significant"] = count > 0
        table[f"{kind}_count"] = count
        too_shallow = shallow["star"][shallow["kind"] == kind]
        table[f"{kind}_n_below_min_mag_offset"] = np.bincount(too_shallow, minlength=n_stars)
        table[f"{kind}_trigger_threshold"] = np.full(n_stars, _threshold(parameters, kind))
        table[f"{kind}_ln_bayes_factor"] = score.ln_bf
        table[f"{kind}_best_p"] = score.best_p
        table[f"{kind}_best_offset_mag"] = score.best_offset_mag
        table[f"{kind}_best_mag_event"] = table["baseline_mag"] + score.best_offset_mag
        for name, column in _LARGEST.items():
            largest = np.full(n_stars, np.nan)
            np.fmax.at(largest, star, values[column][mine].astype(np.float64))
            table[f"{kind}_{name}"] = largest
        # By star, strongest first: the first of each star is its best event.
        order = mine[np.lexsort([-values["ln_bf"][mine], star])]
        best_star, first = np.unique(events["star"][order], return_index=True)
        for name, column in _BEST.items():
            table[f"{kind}_{name}"] = _placed(values[column][order[first]], best_star, n_stars)
        again = repeats["kind"] == kind
        where = repeats["star"][again]
        for name in _RECURRENCE:
            table[f"{kind}_{name}"] = _placed(repeats[name][again], where, n_stars)
    scored = score_columns(events)
    where = scored["star"]
    for name in ("dipper_score", "jumper_score", "microlensing_score"):
        table[name] = _placed(scored[name], where, n_stars)
    for name in ("dipper_n_valid_dips", "jumper_n_valid_jumps"):
        number = np.zeros(n_stars, np.int64)
        number[where] = scored[name]
        table[name] = number
    return as_table(table)


def _placed(values: np.ndarray, where: np.ndarray, n_stars: int) -> object:
    """Values of some stars among all; missing where there is none, whatever the type."""
    if values.dtype == np.bool_:
        flags = np.zeros(n_stars, np.bool_)
        flags[where] = values
        missing = np.ones(n_stars, np.bool_)
        missing[where] = False
        return pd.arrays.BooleanArray(flags, missing)
    if values.dtype.kind == "O":
        words = np.full(n_stars, np.nan, dtype=object)
        words[where] = values
        return words
    numbers = np.full(n_stars, np.nan)
    numbers[where] = values
    return numbers


def _points_summary(
    stars: pd.DataFrame, points: UsablePoints, baseline: Baseline, cameras: list[str]
) -> dict[str, object]:
    n_stars = len(points)
    first, last = points.offsets[:-1], points.offsets[1:] - 1
    n_points = np.diff(points.offsets)
    level, cadence = np.empty(n_stars), np.empty(n_stars)
    star_medians(points.offsets, baseline.mean, level)
    steps = np.diff(points.jd, append=np.nan)
    inner = np.ones(len(steps), bool)
    inner[last] = False
    star_medians(points.offsets - np.arange(n_stars + 1), steps[inner], cadence)
    fewest, most, enough = (np.empty(n_stars, np.int64) for _ in range(3))
    channel_points(points.offsets, points.channel, points.n_channels, fewest, most, 1, enough)
    seen = np.zeros((n_stars, max(len(cameras), 1)), bool)
    seen[np.repeat(np.arange(n_stars), n_points), points.camera] = True
    names = np.array(cameras or [""])
    return {
        "asas_sn_id": stars["asas_sn_id"].array,
        "name": stars["name"].array,
        "n_points": n_points,
        "jd_first": points.jd[first],
        "jd_last": points.jd[last],
        "cadence_median_days": cadence,
        "n_cameras": seen.sum(axis=1),
        "camera_ids": np.array([",".join(names[row]) for row in seen], dtype=object),
        "camera_min_points": fewest,
        "camera_max_points": most,
        "baseline_mag": level,
        "sigma_floor_mag": baseline.floor,
    }


def _threshold(parameters: SearchParameters, kind: str) -> float:
    if parameters.trigger_mode == "event":
        return parameters.event.threshold_sigma
    if parameters.trigger_mode == "posterior_prob":
        return parameters.points.posterior_threshold_percent
    return getattr(parameters.points, f"ln_bf_threshold_{kind}")
