"""What became of each kind of simulated star: searched, found, judged."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from malca.pipelines.evaluation.nodes import DIPPERS
from malca.plots.confusion import confusion_figure
from malca.plots.overview import wilson_interval

logger = logging.getLogger(__name__)

#: Stars of which next to none should become a candidate.
CONTAMINANTS = ("quiet", "spotted", "semiregular", "long_period", "contact_binary", "detached_binary")
#: Eclipses that last for days and come after hundreds of days, if at all: looked for as dippers are.
LONG_ECLIPSES = ("single_eclipse", "repeating_eclipse")


def confusion_table(
    truth: pd.DataFrame, recovery: pd.DataFrame, judged: pd.DataFrame, attrition: pd.DataFrame
) -> pd.DataFrame:
    """Count, for each population, what became of its stars.

    Parameters
    ----------
    truth : DataFrame
        ``asas_sn_id, population`` of every simulated star.
    recovery : DataFrame
        True events with ``asas_sn_id, found``.
    judged : DataFrame
        A row a star searched, with ``dip_count, jump_count, passed_branch`` and ``failed_<filter>``.
    attrition : DataFrame
        ``filter``: which filters there are, in their order.

    Returns
    -------
    DataFrame
        A row a population, ``CONTAMINANTS`` first, then dippers, ``LONG_ECLIPSES`` and the rest:
        ``n_simulated``; ``n_searched``; ``n_with_events``; ``n_found``, stars of which the search found
        a true event; ``n_candidates``; ``n_found_candidates``, of those found; ``candidate_share``, of
        all simulated, with its 95 % upper limit ``candidate_share_upper`` (Wilson); ``survival_share``,
        found candidates of those found, missing where none was; and of the stars with events
        ``failed_<filter>`` and ``unknown_<filter>``.
    """
    stars = truth[["asas_sn_id", "population"]]
    found = recovery.loc[recovery["found"].astype(bool), "asas_sn_id"]
    verdicts = [f"failed_{name}" for name in attrition["filter"].unique() if name]
    table = stars.merge(
        judged[["asas_sn_id", "dip_count", "jump_count", "passed_branch", *verdicts]],
        on="asas_sn_id", how="left", validate="1:1", indicator=True,
    )  # fmt: skip
    searched = table["_merge"] == "both"
    with_events = (table["dip_count"].fillna(0) + table["jump_count"].fillna(0)) > 0
    candidate = table["passed_branch"].notna()
    was_found = table["asas_sn_id"].isin(found)
    flags = {
        "n_simulated": pd.Series(True, index=table.index),
        "n_searched": searched,
        "n_with_events": with_events,
        "n_found": was_found,
        "n_candidates": candidate,
        "n_found_candidates": candidate & was_found,
    }
    for name in verdicts:
        failed = table[name].astype("boolean")
        flags[name] = with_events & failed.fillna(False)
        flags[f"unknown_{name.removeprefix('failed_')}"] = with_events & failed.isna()
    counts = pd.DataFrame(flags).astype("int64").groupby(table["population"]).sum()
    first = [name for name in (*CONTAMINANTS, *DIPPERS, *LONG_ECLIPSES) if name in counts.index]
    counts = counts.loc[[*first, *counts.index.difference(first)]].rename_axis("population")
    share = counts["n_candidates"] / counts["n_simulated"]
    upper = [
        wilson_interval(int(k), int(n), 1.645)[1]
        for k, n in zip(counts["n_candidates"], counts["n_simulated"], strict=True)
    ]
    survival = counts["n_found_candidates"] / counts["n_found"].replace(0, np.nan)
    place = list(counts.columns).index("n_found_candidates") + 1
    counts.insert(place, "candidate_share", share)
    counts.insert(place + 1, "candidate_share_upper", upper)
    counts.insert(place + 2, "survival_share", survival)
    counts = counts.reset_index()
    shown = ["population", *list(counts.columns)[1 : place + 4]]
    logger.info("what became of each population\n\n%s\n\n%s", _text(counts[shown]), _summary(counts))
    return counts


def draw_confusion(confusion: pd.DataFrame) -> Figure:
    """Draw which filter stopped which population, and what is left."""
    return confusion_figure(confusion)


def _text(counts: pd.DataFrame) -> str:
    return counts.to_string(index=False, float_format=lambda x: f"{x:.4f}", na_rep="-")


def _summary(counts: pd.DataFrame) -> str:
    rows = counts.set_index("population")
    lines = []
    bad = rows[rows.index.isin(CONTAMINANTS)].sum()
    if bad["n_simulated"]:
        lines.append(
            f"of {bad['n_simulated']:.0f} quiet, spotted, pulsating and short-period eclipsing stars "
            f"{bad['n_candidates']:.0f} became candidates"
        )
    for what, populations in (("dippers", DIPPERS), ("long eclipses", LONG_ECLIPSES)):
        wanted = rows[rows.index.isin(populations)].sum()
        if wanted["n_found"]:
            lines.append(
                f"of {wanted['n_found']:.0f} {what} found {wanted['n_found_candidates']:.0f} did"
            )
    return "\n".join(lines)
