"""How often the search is wrong, and how far each of its candidates can be believed.

Of Thompson et al. (2018, ApJS 235, 38), for a search of stars instead of transits: false candidates
are counted in light curves that can hold none, and set against the candidates of the survey.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import gamma

from malca.evaluation.intervals import binomial_limits

#: Columns that false candidates are counted over, with the edges of their bins.
DEFAULT_BINS = {
    "median_mag": (10.0, 12.0, 12.5, 13.0, 13.5, 14.0, 14.5, 15.0, 16.0, 18.0),
    "points_per_day": (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, np.inf),
    "n_cameras": (0.0, 3.0, 5.0, 8.0, 12.0, 16.0, np.inf),
}
PER = 1000.0


def clean(cases: pd.DataFrame) -> pd.Series:
    """Whether what is found in a case cannot be real.

    A star that brightens for real dims for real when it is mirrored, so stars that are *known* to
    brighten are left out there. What the search itself finds is no reason: noise that brightens is what
    mirrored light curves are there to show, and of a star without jumps a mirrored one has no dips.
    (Its own dips are taken out before seasons or cameras are put in another order, see
    ``null_lightcurve``.) Stars listed as variables are always left out.

    Parameters
    ----------
    cases : DataFrame
        ``family, known_brightening, listed_variable``.
    """
    real = (cases["family"] == "mirrored") & cases["known_brightening"].astype(bool)
    return ~real & ~cases["listed_variable"].astype(bool)


def false_alarms(
    cases: pd.DataFrame,
    stages: tuple[str, ...],
    bins: dict[str, tuple[float, ...]] | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Count false events and candidates, by family and over each of some quantities.

    Parameters
    ----------
    cases : DataFrame
        See ``malca.evaluation.cases.run_cases``.
    stages : tuple of str
        Columns to count, such as ``event`` and ``candidate``.
    bins : dict, optional
        Edges by column; ``DEFAULT_BINS`` otherwise.
    confidence : float

    Returns
    -------
    DataFrame
        ``family, stage, by`` ("all" or a column), ``low, high``; ``n_cases``, ``n_false``; ``per_1000``
        with its Jeffreys limits ``per_1000_lower, per_1000_upper``. Cases that were not searched do not
        count; bins without cases have no row.
    """
    bins = DEFAULT_BINS if bins is None else bins
    searched = cases[cases["searched"]]
    rows = []
    for family, own in searched.groupby("family", sort=False):
        groups = [("all", -np.inf, np.inf, own)]
        for name, edges in bins.items():
            cell = np.searchsorted(edges, own[name].to_numpy(np.float64), side="right") - 1
            for k in np.unique(cell[(cell >= 0) & (cell < len(edges) - 1)]):
                groups.append((name, edges[k], edges[k + 1], own[cell == k]))
        for by, low, high, part in groups:
            for stage in stages:
                n, k = len(part), int(part[stage].sum())
                lower, upper = map(float, binomial_limits(k, n, confidence))
                rows.append((family, stage, by, low, high, n, k, PER * k / n, PER * lower, PER * upper))
    columns = [
        "family", "stage", "by", "low", "high", "n_cases", "n_false", "per_1000", "per_1000_lower",
        "per_1000_upper",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def stopped_by(cases: pd.DataFrame, filters: tuple[str, ...]) -> pd.DataFrame:
    """Which filter stops what of each family: of its cases with events, how many fail each.

    Returns
    -------
    DataFrame
        ``family``; ``n_cases, n_events, n_candidates``: light curves, those with a dip, those that
        become candidates; ``candidate_share`` of all; ``failed_<filter>``: light curves with a dip that
        fail it (one may fail several).
    """
    searched = cases[cases["searched"]]
    rows = []
    for family, own in searched.groupby("family", sort=False):
        events = own[own["event"]]
        counts = {
            f"failed_{name}": int(events[f"failed_{name}"].fillna(False).sum()) for name in filters
        }
        rows.append(
            {
                "family": family,
                "n_cases": len(own),
                "n_events": len(events),
                "n_candidates": int(own["candidate"].sum()),
                "candidate_share": float(own["candidate"].mean()),
                **counts,
            }
        )
    return pd.DataFrame(rows)


def threshold_at(cases: pd.DataFrame, column: str, rates_per_1000: tuple[float, ...]) -> pd.DataFrame:
    """Evidence that false candidates exceed at chosen rates.

    Parameters
    ----------
    cases : DataFrame
        ``family, searched, candidate`` and ``column``.
    column : str
        Evidence, such as ``dip_max_ln_bf``.
    rates_per_1000 : tuple of float

    Returns
    -------
    DataFrame
        ``family, rate_per_1000, n_cases, threshold``: the least value that no more than this share of
        cases reach as candidates; 0 where so few are candidates anyway; missing where fewer cases were
        run than could show such a rate.
    """
    rows = []
    searched = cases[cases["searched"]]
    for family, own in searched.groupby("family", sort=False):
        values = np.sort(own.loc[own["candidate"], column].to_numpy(np.float64))[::-1]
        for rate in rates_per_1000:
            allowed = int(np.floor(rate / PER * len(own) + 1e-9))
            if allowed < 1 and rate > 0:
                threshold = np.nan
            elif allowed >= len(values):
                threshold = 0.0
            else:
                threshold = float(np.nextafter(values[allowed], np.inf))
            rows.append((family, rate, len(own), threshold))
    return pd.DataFrame(rows, columns=["family", "rate_per_1000", "n_cases", "threshold"])


def expected_real(reliabilities: pd.DataFrame) -> tuple[float, float, float]:
    """Tell how many candidates are expected to be real, with limits.

    Parameters
    ----------
    reliabilities : DataFrame
        See ``candidate_reliability``.
    """
    if reliabilities.empty:
        return 0.0, 0.0, 0.0
    names = ("reliability", "reliability_lower", "reliability_upper")
    number, lower, upper = (float(len(reliabilities) * reliabilities[name].min()) for name in names)
    return number, lower, upper


def candidate_reliability(
    candidates: pd.DataFrame,
    cases: pd.DataFrame,
    n_searched: int,
    column: str = "dip_max_ln_bf",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Share of candidates that are no false alarms, of those with at least the evidence of each.

    R(x) = 1 - (F(x)/n_null) / (C(x)/n_searched), where C candidates of the survey and F false ones
    of n_null null light curves have at least the evidence x (the reliability of Thompson et al. 2018,
    with the false ones counted directly). The limits are those of F (Poisson, Garwood 1936, Biometrika
    28, 437). R rises with x; a candidate is given no less than one with less evidence, since of the
    strongest there are too few to tell by themselves. R of the weakest candidate is that of the whole
    list (see ``expected_real``); the sum of R over candidates is not.

    Parameters
    ----------
    candidates : DataFrame
        ``asas_sn_id`` and ``column`` of the candidates by their dips.
    cases : DataFrame
        Null light curves: ``searched, candidate`` and ``column``.
    n_searched : int
        Stars of the survey that were searched.
    column : str
    confidence : float

    Returns
    -------
    DataFrame
        The candidates with ``n_false_as_strong``, ``reliability``, ``reliability_lower`` and
        ``reliability_upper``.

    Raises
    ------
    ValueError
        No null light curve was searched.
    """
    searched = cases[cases["searched"]]
    if searched.empty:
        raise ValueError("reliability: no null light curve was searched")
    false = np.sort(searched.loc[searched["candidate"], column].to_numpy(np.float64))
    evidence = candidates[column].to_numpy(np.float64)
    as_strong = len(evidence) - np.searchsorted(np.sort(evidence), evidence, side="left")
    n_false = len(false) - np.searchsorted(false, evidence, side="left")
    tail = 0.5 * (1.0 - confidence)
    fewest = np.where(n_false > 0, gamma.ppf(tail, np.maximum(n_false, 1)), 0.0)
    most = gamma.ppf(1.0 - tail, n_false + 1.0)
    scale = n_searched / len(searched) / as_strong
    result = candidates[["asas_sn_id", column]].reset_index(drop=True)
    result["n_false_as_strong"] = n_false
    order = np.argsort(evidence, kind="stable")
    for name, n in (("", n_false), ("_lower", most), ("_upper", fewest)):
        value = np.clip(1.0 - n * scale, 0.0, 1.0)
        value[order] = np.maximum.accumulate(value[order])
        result[f"reliability{name}"] = value
    return result
