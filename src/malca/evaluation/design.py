"""Which events go into which stars: every cell of depth, duration and magnitude has its trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import qmc

from malca.evaluation.parameters import InjectionParameters

#: What a star must tell to be injected into.
STAR_COLUMNS = ("asas_sn_id", "mag_bin", "median_mag", "points_per_day", "n_cameras", "jd_first", "jd_last")


def control_sample(
    sources: pd.DataFrame,
    statistics: pd.DataFrame,
    manifest: pd.DataFrame,
    parameters: InjectionParameters,
) -> pd.DataFrame:
    """Draw the stars to inject into, evenly over the cells of magnitude.

    Parameters
    ----------
    sources : DataFrame
        Searched stars: ``asas_sn_id, dip_count, jump_count, points_per_day, n_cameras, jd_first,
        jd_last`` and, where there, ``failed_vsx``.
    statistics : DataFrame
        ``asas_sn_id, aligned_median_mag``: the median in the band that has most points, the other
        moved to it. The medians of two bands together would be neither.
    manifest : DataFrame
        ``asas_sn_id, mag_bin, partition``.
    parameters : InjectionParameters

    Returns
    -------
    DataFrame
        ``STAR_COLUMNS`` and ``partition``, at most ``n_stars`` rows.

    Raises
    ------
    ValueError
        No star is left; the sentence says what left the others out.
    """
    stars = sources[
        ["asas_sn_id", "dip_count", "jump_count", "points_per_day", "n_cameras", "jd_first", "jd_last"]
    ].copy()
    stars["listed_variable"] = sources["failed_vsx"].to_numpy(bool) if "failed_vsx" in sources else False
    medians = statistics.set_index("asas_sn_id")["aligned_median_mag"]
    stars["median_mag"] = stars["asas_sn_id"].map(medians)
    stars = stars.merge(
        manifest[["asas_sn_id", "mag_bin", "partition"]], on="asas_sn_id", validate="1:1"
    )
    edges = parameters.magnitude.edges
    inside = stars["median_mag"].between(edges[0], edges[-1])
    quiet = pd.Series(True, index=stars.index)
    if parameters.stars == "without_events":
        quiet = (stars["dip_count"] + stars["jump_count"] == 0) & ~stars["listed_variable"]
    chosen = stars[inside & quiet].sort_values("asas_sn_id").reset_index(drop=True)
    if chosen.empty:
        raise ValueError(
            f"no star to inject into: of {len(stars)} searched {int((~inside).sum())} have a median "
            f"magnitude outside {edges[0]:g} to {edges[-1]:g} and {int((inside & ~quiet).sum())} others "
            "have events or are listed variables; change evaluation.injection.magnitude or .stars"
        )
    rng = np.random.default_rng([parameters.seed, 1])
    cell = _cell(chosen["median_mag"].to_numpy(), edges)
    # Of each cell in turn one star, in random order, until there are enough.
    shuffled = rng.permutation(len(chosen))
    rank = np.empty(len(chosen), np.int64)
    rank[shuffled] = pd.Series(cell[shuffled]).groupby(cell[shuffled]).cumcount()
    order = np.lexsort([cell, rank])[: parameters.n_stars]
    return chosen.loc[np.sort(order), [*STAR_COLUMNS, "partition"]].reset_index(drop=True)


def design_trials(stars: pd.DataFrame, parameters: InjectionParameters) -> pd.DataFrame:
    """Say what is injected where and when.

    Each cell of magnitude that has stars gets the same number of trials, shared by its stars; within
    it each cell of depth and duration gets the same number. Within its cell a trial lies where a Latin
    hypercube puts it (McKay, Beckman & Conover 1979, Technometrics 21, 239), as do asymmetry and time, so
    that every projection is evenly filled. The extremum lies anywhere between the first and the
    last point of the star, observed or not.

    Parameters
    ----------
    stars : DataFrame
        ``STAR_COLUMNS`` and ``partition``.
    parameters : InjectionParameters

    Returns
    -------
    DataFrame
        A row a trial: ``trial_id, asas_sn_id, mag_bin, partition, median_mag, points_per_day, n_cameras,
        kind, shape, n_events, depth_mag, duration_days, asymmetry, t_peak_jd``, ordered by partition and
        star.
    """
    cell = _cell(stars["median_mag"].to_numpy(), parameters.magnitude.edges)
    cells = np.unique(cell)
    share = np.full(len(cells), parameters.n_trials // len(cells))
    share[: parameters.n_trials % len(cells)] += 1
    n_depth, n_duration = parameters.depth.n_cells, parameters.duration.n_cells
    parts = []
    for k, n in zip(cells, share, strict=True):
        if n == 0:
            continue
        rng = np.random.default_rng([parameters.seed, 2, int(k)])
        place = qmc.LatinHypercube(4, rng=rng).random(n)
        # Whole rounds of all cells, the last one cut: no cell is more than one trial ahead.
        rounds = [rng.permutation(n_depth * n_duration) for _ in range(-(-n // (n_depth * n_duration)))]
        plane = np.concatenate(rounds)[:n]
        own = np.flatnonzero(cell == k)
        star = np.concatenate([rng.permutation(own) for _ in range(-(-n // len(own)))])[:n]
        first, last = (stars[name].to_numpy()[star] for name in ("jd_first", "jd_last"))
        shares = np.array(list(parameters.shapes.values()))
        parts.append(
            pd.DataFrame(
                {
                    "row": star,
                    "shape": rng.choice(list(parameters.shapes), n, p=shares / shares.sum()),
                    "depth_mag": parameters.depth.at((plane // n_duration + place[:, 0]) / n_depth),
                    "duration_days": parameters.duration.at(
                        (plane % n_duration + place[:, 1]) / n_duration
                    ),
                    "asymmetry": 2.0 * place[:, 2] - 1.0,
                    "t_peak_jd": first + place[:, 3] * (last - first),
                }
            )
        )
    trials = pd.concat(parts, ignore_index=True)
    trials.insert(0, "trial_id", np.arange(len(trials), dtype=np.int64))
    known = stars[["asas_sn_id", "mag_bin", "partition", "median_mag", "points_per_day", "n_cameras"]]
    known = known.iloc[trials.pop("row")].reset_index(drop=True)
    trials = pd.concat([trials[["trial_id"]], known, trials.drop(columns="trial_id")], axis=1)
    trials.insert(7, "kind", parameters.kind)
    trials.insert(9, "n_events", parameters.n_repeats)
    return trials.sort_values(["partition", "asas_sn_id", "trial_id"], ignore_index=True)


def _cell(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Cell of each value; the last is closed."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
