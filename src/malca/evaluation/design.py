"""Which events go into which stars: every cell of depth, duration and magnitude has its trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import qmc

from malca.evaluation.parameters import InjectionParameters
from malca.evaluation.samples import cell_of


def design_trials(stars: pd.DataFrame, parameters: InjectionParameters) -> pd.DataFrame:
    """Say what is injected where and when.

    Each cell of magnitude that has stars gets the same number of trials, shared by its stars; within
    it each cell of depth and duration gets the same number. Within its cell a trial lies where a Latin
    hypercube puts it (McKay, Beckman & Conover 1979, Technometrics 21, 239), as do asymmetry and time,
    so that every projection is evenly filled. The extremum lies anywhere between the first and the
    last point of the star, observed or not.

    Parameters
    ----------
    stars : DataFrame
        See ``malca.evaluation.samples.control_sample``.
    parameters : InjectionParameters

    Returns
    -------
    DataFrame
        A row a trial: ``trial_id, asas_sn_id, mag_bin, partition, median_mag, points_per_day,
        n_cameras, kind, shape, n_events, depth_mag, duration_days, asymmetry, t_peak_jd``, ordered by
        partition and star.
    """
    cell = cell_of(stars["median_mag"].to_numpy(), parameters.magnitude.edges)
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
