"""Hold what was measured of a search against what is known of a simulated survey."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from malca.evaluation.completeness_model import CompletenessModel
from malca.evaluation.intervals import binomial_limits
from malca.evaluation.reliability import expected_real

# Two-sided chance below which a prediction is said to disagree with the truth.
_LEAST_CHANCE = 0.01


def compare_completeness(
    truth_events: pd.DataFrame,
    stars: pd.DataFrame,
    candidates: pd.DataFrame,
    model: CompletenessModel,
    populations: tuple[str, ...],
) -> dict[str, float | int | str | bool]:
    """Compare the candidates that injected events foretell with those there are.

    A star becomes a candidate by any of its dips: with probability 1 - Π(1 - p) of the model's p for
    each of them, taken as independent.

    Parameters
    ----------
    truth_events : DataFrame
        ``asas_sn_id, population, kind, depth_mag, fwhm_days`` of true events.
    stars : DataFrame
        Searched stars: ``asas_sn_id, median_mag, points_per_day``.
    candidates : DataFrame
        ``asas_sn_id, dip_passed``.
    model : CompletenessModel
        Of becoming a candidate.
    populations : tuple of str
        Stars that dim in ways like the injected ones.

    Returns
    -------
    dict
        ``quantity, n, predicted, predicted_sigma, true, chance, agrees``: candidates foretold, their
        standard deviation (of the draw and of the model), candidates there are, and the two-sided
        chance of such a difference.
    """
    dips = truth_events[(truth_events["kind"] == "dip") & truth_events["population"].isin(populations)]
    dips = dips.merge(stars, on="asas_sn_id")
    dips = dips[(dips["fwhm_days"] > 0) & dips["median_mag"].notna()]
    columns = ("depth_mag", "fwhm_days", "median_mag", "points_per_day")
    said = model.predict(*(dips[name].to_numpy(np.float64) for name in columns))
    missed = pd.DataFrame(
        {"asas_sn_id": dips["asas_sn_id"], "ln": np.log1p(-np.minimum(said.efficiency, 1 - 1e-12))}
    )
    chance = 1.0 - np.exp(missed.groupby("asas_sn_id")["ln"].sum())
    there = candidates.loc[candidates["dip_passed"].astype(bool), "asas_sn_id"]
    true = int(chance.index.isin(there).sum())
    # Errors of the model are common to all stars: they add up and do not average out.
    of_model = float(said.standard_error.sum()) * len(chance) / max(len(dips), 1)
    sigma = float(np.hypot(np.sqrt((chance * (1.0 - chance)).sum()), of_model))
    return _compared("dipping stars that are candidates", len(chance), float(chance.sum()), sigma, true)


def compare_reliability(
    reliabilities: pd.DataFrame, recovered: pd.DataFrame
) -> dict[str, float | int | str | bool]:
    """Compare how many candidates are believed to be real with how many are.

    Parameters
    ----------
    reliabilities : DataFrame
        ``asas_sn_id, reliability, reliability_lower, reliability_upper`` of candidates by their dips.
    recovered : DataFrame
        ``asas_sn_id`` of the stars of which a true dip was found.

    Returns
    -------
    dict
        See ``compare_completeness``; ``predicted_sigma`` is half of the 95 % range over 1.96.
    """
    n = len(reliabilities)
    true = int(reliabilities["asas_sn_id"].isin(recovered["asas_sn_id"]).sum())
    predicted, low, high = expected_real(reliabilities)
    sigma = max((high - low) / (2.0 * 1.959964), 1e-9)
    return _compared("candidates by dips that are real", n, predicted, sigma, true)


def _compared(
    quantity: str, n: int, predicted: float, sigma: float, true: int
) -> dict[str, float | int | str | bool]:
    chance = (
        float(2.0 * norm.sf(abs(true - predicted) / sigma)) if sigma > 0 else float(true == predicted)
    )
    lower, upper = binomial_limits(true, n)
    return {
        "quantity": quantity,
        "n": n,
        "predicted": predicted,
        "predicted_sigma": sigma,
        "true": true,
        "predicted_share": predicted / n if n else np.nan,
        "true_share": true / n if n else np.nan,
        "true_share_lower": float(lower),
        "true_share_upper": float(upper),
        "chance": chance,
        "agrees": bool(chance >= _LEAST_CHANCE),
    }
