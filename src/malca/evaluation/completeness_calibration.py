"""Whether a completeness model may be believed: its predictions for stars it has not seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import chi2

from malca.evaluation.completeness_model import CompletenessModel, fit_completeness, used_trials
from malca.evaluation.intervals import binomial_limits


class Calibration(NamedTuple):
    """Predictions for stars left out of the fit, against what became of their trials.

    Attributes
    ----------
    table : DataFrame, a row a bin of predicted efficiency
        ``predicted_min, predicted_mean, predicted_max, n_trials, n_recovered, observed``, and the
        95 % limits ``lower, upper`` of ``observed``, for as many independent trials as the bin is
        worth.
    brier_score : float
        Mean squared error (Brier 1950, Mon. Weather Rev. 78, 1); 0 is perfect.
    brier_skill : float
        Share of the Brier score of the overall rate that the model takes away; 1 is perfect.
    log_score : float
        Mean of −ln of the probability given to what happened.
    calibration_error : float
        Mean distance of predicted and observed, bins weighted by their trials (expected
        calibration error).
    design_effect : float
        Variance of the misses summed by star, in units of that of independent trials; at least 1.
    chi2, dof, p_value : float, int, float
        Of observed against predicted counts in the bins, over the design effect (Hosmer & Lemeshow
        1980, Commun. Stat. A9, 1043; Rao & Scott 1981, J. Am. Stat. Assoc. 76, 221). As no bin was
        fitted, the degrees of freedom are the bins.
    """

    table: pd.DataFrame
    brier_score: float
    brier_skill: float
    log_score: float
    calibration_error: float
    design_effect: float
    chi2: float
    dof: int
    p_value: float


def cross_validated_efficiency(
    trials: pd.DataFrame, model: CompletenessModel, *, n_folds: int = 5, seed: int = 0
) -> np.ndarray:
    """Efficiency predicted for each trial by models fitted without any trial of its star.

    Parameters
    ----------
    trials : DataFrame
        As of `malca.evaluation.completeness_model.fit_completeness`.
    model : CompletenessModel
        Tells the stage, the ridge and whether there is a ceiling.
    n_folds : int
        Groups of stars, of which each is left out once.
    seed : int
        Of the division of the stars.

    Returns
    -------
    (n_trials,) float64 array
        NaN for trials that are left out of the model.

    Raises
    ------
    ValueError
        Fewer than two folds, or more than stars.
    """
    used = used_trials(trials, model.stage)
    star = pd.factorize(trials["asas_sn_id"])[0]
    stars = np.unique(star[used])
    if not 2 <= n_folds <= len(stars):
        raise ValueError(f"{len(stars)} stars cannot be divided into {n_folds} folds of two or more")
    fold_of = np.full(len(trials) and int(star.max()) + 1, -1)
    fold_of[np.random.default_rng(seed).permutation(stars)] = np.arange(len(stars)) % n_folds
    fold = np.where(used, fold_of[star], -1)
    predicted = np.full(len(trials), np.nan)
    for k in range(n_folds):
        own = fold == k
        other = fit_completeness(
            trials[used & ~own], model.stage, ridge=model.ridge, ceiling=model.has_ceiling
        )
        rows = trials[own]
        columns = ("depth_mag", "duration_days", "median_mag", "points_per_day")
        predicted[own] = other.predict(*(rows[c].to_numpy(np.float64) for c in columns)).efficiency
    return predicted


def completeness_calibration(
    trials: pd.DataFrame, predicted: np.ndarray, stage: str = "event", *, n_bins: int = 10
) -> Calibration:
    """Hold predicted efficiencies against what became of the trials.

    Parameters
    ----------
    trials : DataFrame
        With ``asas_sn_id`` and the stage.
    predicted : (n_trials,) array
        As of `cross_validated_efficiency`; NaN are left out.
    stage : str
    n_bins : int
        Bins of predicted efficiency that are worth the same, that is share the expected variance.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        Nothing was predicted, or something outside 0 to 1.
    """
    known = np.isfinite(predicted)
    p = np.asarray(predicted, np.float64)[known]
    if not len(p) or p.min() < 0 or p.max() > 1:
        raise ValueError("predicted efficiencies must be between 0 and 1, and there must be some")
    y = trials.loc[known, stage].to_numpy(bool).astype(np.float64)
    star = pd.factorize(trials.loc[known, "asas_sn_id"])[0]
    variance = p * (1 - p)
    by_star = np.bincount(star, y - p)
    effect = max(1.0, float((by_star**2).sum() / max(variance.sum(), 1e-300)))

    order = np.argsort(p, kind="stable")
    worth = np.cumsum(variance[order])
    bins = np.empty(len(p), np.int64)
    bins[order] = np.minimum((worth / max(worth[-1], 1e-300) * n_bins).astype(np.int64), n_bins - 1)
    grouped = pd.DataFrame({"bin": bins, "p": p, "y": y, "variance": variance}).groupby("bin")
    table = grouped.agg(
        predicted_min=("p", "min"), predicted_mean=("p", "mean"), predicted_max=("p", "max"),
        n_trials=("p", "size"), n_recovered=("y", "sum"), variance=("variance", "sum"),
    )  # fmt: skip
    table = table.reset_index(drop=True).astype({"n_recovered": "int64"})
    table["observed"] = table["n_recovered"] / table["n_trials"]
    # Counts as small as independent trials would have to be to say as much.
    limits = binomial_limits(table["n_recovered"] / effect, table["n_trials"] / effect)
    table["lower"], table["upper"] = limits
    misfit = table["n_recovered"] - table["predicted_mean"] * table["n_trials"]
    statistic = float((misfit**2 / (effect * table["variance"].clip(lower=1e-300))).sum())
    brier = float(np.mean((p - y) ** 2))
    reference = float(y.mean() * (1 - y.mean()))
    apart = (table["observed"] - table["predicted_mean"]).abs()
    floor = np.clip(p, 1e-15, 1 - 1e-15)
    return Calibration(
        table=table.drop(columns="variance"),
        brier_score=brier,
        brier_skill=1.0 - brier / reference if reference > 0 else np.nan,
        log_score=float(-np.mean(xlogy(y, floor) + xlogy(1 - y, 1 - floor))),
        calibration_error=float(np.average(apart, weights=table["n_trials"])),
        design_effect=effect,
        chi2=statistic,
        dof=len(table),
        p_value=float(chi2.sf(statistic, len(table))),
    )
