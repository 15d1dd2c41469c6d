"""One number a star that ranks its dips, its brightenings and its microlensing events.

The score of N events of depth δ (mag), full width at half maximum FWHM (d), n points and reduced χ² is
S = Σ (δ/2) FWHM n / χ² / (N ln(N + 1)); tables hold its log10. An event with a value that is not
finite and positive is left out and does not count in N; without any the score is NaN, not zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

#: Weight, in degrees of freedom, of the expectation χ²/ν = 1 mixed into every reduced χ².
PRIOR_DOF = 10.0

_NOT_A_SHAPE = ("flat", "undetermined")


def regularised_reduced_chi2(
    chi2: np.ndarray, dof: np.ndarray, prior_dof: float = PRIOR_DOF
) -> np.ndarray:
    """Reduced χ² that an exact fit cannot drive to zero: (χ² + ν0)/(ν + ν0).

    It equals χ²/ν for many degrees of freedom and tends to 1, the expectation for a good fit,
    for few: the posterior mean of the variance scale under a prior worth ``prior_dof`` points.

    Parameters
    ----------
    chi2, dof : arrays
    prior_dof : float
        ν0, positive.
    """
    return (chi2 + prior_dof) / (np.maximum(dof, 0) + prior_dof)


def score_stars(events: pd.DataFrame | Mapping[str, np.ndarray], key: str = "star") -> pd.DataFrame:
    """Score the dips, brightenings and microlensing events of each star.

    An event is valid if a profile describes it better than a constant does: a ``flat`` or
    ``undetermined`` one has no width to score. The dip and jump scores use the best family, the
    microlensing score the Paczyński fit of each valid jump, whichever family won, provided that it
    is itself better than a constant (``paczynski_delta_bic`` > 0).

    Parameters
    ----------
    events : DataFrame
        What ``malca.search.morphology.fit_events`` returns, with the column ``key``.
    key : str
        Column that identifies the star: an index, or ``asas_sn_id``.

    Returns
    -------
    DataFrame
        A row a star that has events, ordered by ``key``: ``dipper_score, jumper_score,
        microlensing_score`` (log10, NaN without a valid event; see the module), the
        numbers of events ``dipper_n_dips, jumper_n_jumps`` and of valid ones
        ``dipper_n_valid_dips, jumper_n_valid_jumps, microlensing_n_valid_events``.

    Raises
    ------
    KeyError
        A column is missing.
    """
    table = score_columns(events, key)
    return pd.DataFrame({**table, key: pd.Series(table[key], dtype=events[key].dtype)})


def score_columns(
    events: pd.DataFrame | Mapping[str, np.ndarray], key: str = "star"
) -> dict[str, np.ndarray]:
    """Score stars as ``score_stars`` does, and return its columns as arrays: cheap for a few stars."""
    keys, star = np.unique(np.asarray(events[key]), return_inverse=True)
    shaped = ~np.isin(np.asarray(events["morphology"], object).astype(str), _NOT_A_SHAPE)
    jump = np.asarray(events["kind"], object) == "jump"
    columns = ("depth_mag", "fwhm_days", "n_points", "paczynski_amp_mag", "paczynski_fwhm_days")
    depth, fwhm, n_points, p_amp, p_fwhm = (np.asarray(events[c], np.float64) for c in columns)
    chi2 = regularised_reduced_chi2(np.asarray(events["fit_chi2"]), np.asarray(events["fit_dof"]))
    p_chi2 = regularised_reduced_chi2(
        np.asarray(events["paczynski_chi2"]), np.asarray(events["paczynski_dof"])
    )
    lensed = jump & shaped & (np.asarray(events["paczynski_delta_bic"]) > 0)

    def scores(valid: np.ndarray, terms: np.ndarray) -> np.ndarray:
        valid = valid & np.isfinite(terms) & (terms > 0)
        total = np.bincount(star[valid], terms[valid], len(keys))
        number = np.bincount(star[valid], minlength=len(keys))
        value = np.full(len(keys), np.nan)
        some = number > 0
        value[some] = np.log10(total[some] / (number[some] * np.log(number[some] + 1)))
        return value

    def count(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(star[chosen], minlength=len(keys))

    seen = 0.5 * depth * fwhm * n_points / chi2
    # The peak of a Paczyński curve that falls into a gap is not what was seen.
    lens = 0.5 * np.minimum(p_amp, depth) * p_fwhm * n_points / p_chi2
    return {
        key: keys,
        "dipper_score": scores(~jump & shaped, seen),
        "jumper_score": scores(jump & shaped, seen),
        "microlensing_score": scores(lensed, lens),
        "dipper_n_dips": count(~jump),
        "dipper_n_valid_dips": count(~jump & shaped),
        "jumper_n_jumps": count(jump),
        "jumper_n_valid_jumps": count(jump & shaped),
        "microlensing_n_valid_events": count(lensed),
    }


def event_scores(events: pd.DataFrame | Mapping[str, np.ndarray]) -> np.ndarray:
    """Score of each event as if it were its star's only one; NaN for an event without a shape.

    Parameters
    ----------
    events : DataFrame
        What ``malca.search.morphology.fit_events`` returns.
    """
    chi2 = regularised_reduced_chi2(np.asarray(events["fit_chi2"]), np.asarray(events["fit_dof"]))
    value = 0.5 * np.asarray(events["depth_mag"]) * np.asarray(events["fwhm_days"])
    value = value * np.asarray(events["n_points"]) / chi2 / np.log(2.0)
    shaped = ~np.isin(np.asarray(events["morphology"], object).astype(str), _NOT_A_SHAPE)
    valid = shaped & (value > 0)
    return np.log10(np.where(valid, value, np.nan))
