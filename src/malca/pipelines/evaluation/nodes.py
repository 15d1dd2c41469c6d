"""Which simulated events the search found, and what it found that is not there."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from malca.lightcurves import LightCurves
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.plots.lightcurve import plot_lightcurve
from malca.plots.overview import match_events, recovery_figure
from malca.plots.style import baseline_arrays
from malca.search.detect import detect_events
from malca.search.parameters import DetectionParameters

logger = logging.getLogger(__name__)

#: Populations whose stars dim on their own and are what the search is for.
DIPPERS = (
    "dipper_single",
    "dipper_repeated",
    "dipper_asymmetric",
    "dipper_years",
    "dipper_in_progress",
)


def compare_with_truth(
    truth: pd.DataFrame,
    truth_events: pd.DataFrame,
    sources: pd.DataFrame,
    events: pd.DataFrame,
    parameters: EvaluationParameters,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match found events with true ones.

    Returns
    -------
    recovery : DataFrame
        The true events of searched stars, with ``found, recovered_depth_mag`` and ``observable``:
        whether points were taken inside it.
    false_alarms : DataFrame
        Events found in quiet stars, where nothing happened.
    """
    searched = truth_events[truth_events["asas_sn_id"].isin(sources["asas_sn_id"])]
    recovery = match_events(searched, events, tolerance_days=parameters.tolerance_days)
    recovery["observable"] = recovery["n_points_inside"] >= parameters.min_points_inside
    quiet = truth.loc[truth["population"] == "quiet", "asas_sn_id"]
    return recovery, events[events["asas_sn_id"].isin(quiet)].reset_index(drop=True)


def draw_recovery(truth_events: pd.DataFrame, events: pd.DataFrame, sources: pd.DataFrame) -> Figure:
    """Draw what was found against what is there."""
    return recovery_figure(truth_events, events, sources)


def draw_showcase(lightcurves: Any, recovery: pd.DataFrame, parameters: DetectionParameters) -> Figure:
    """Draw one found dipper: of those with several found dips, the one with the deepest."""
    found = recovery[recovery["found"] & recovery["population"].isin(DIPPERS)]
    if found.empty:
        raise ValueError("no dipper was found, so there is none to show")
    several = found[found.groupby("asas_sn_id")["found"].transform("size").between(2, 6)]
    chosen = several if len(several) else found
    star = int(chosen.sort_values("sampled_depth_mag").iloc[-1]["asas_sn_id"])
    for load in lightcurves["lightcurves"].values():
        batch = LightCurves.from_table(load())
        index = np.flatnonzero(batch.stars["asas_sn_id"].to_numpy(np.int64) == star)
        if len(index):
            one = batch.take(index)
            result = detect_events(one, parameters.search)
            baseline = baseline_arrays(result.points, result.baseline.mean, one, 0)
            return plot_lightcurve(one, 0, baseline=baseline, events=result.events)
    raise ValueError(f"star {star} is in no partition of light curves")


def report(
    recovery: pd.DataFrame,
    false_alarms: pd.DataFrame,
    truth: pd.DataFrame,
    sources: pd.DataFrame,
    failures: pd.DataFrame,
    parameters: EvaluationParameters,
) -> str:
    """Write, and say, what was recovered: each dipper's deepest dip beside what was found."""
    dips = recovery[(recovery["kind"] == "dip") & recovery["population"].isin(DIPPERS)]
    asked = dips[dips["observable"] & (dips["depth_mag"] > parameters.min_depth_mag)]
    stars = asked.groupby("asas_sn_id").agg(
        population=("population", "first"),
        n_dips=("found", "size"),
        n_found=("found", "sum"),
        deepest_mag=("depth_mag", "max"),
        found_depth_mag=("recovered_depth_mag", "max"),
        longest_days=("duration_days", "max"),
    )
    stars["found"] = np.where(stars["n_found"] > 0, "yes", "NO")
    n_quiet = int(
        sources["asas_sn_id"].isin(truth.loc[truth["population"] == "quiet", "asas_sn_id"]).sum()
    )
    false_stars = false_alarms.loc[false_alarms["kind"] == "dip", "asas_sn_id"].nunique()
    lines = [
        "Dippers of the sample survey with dips deeper than "
        f"{parameters.min_depth_mag:g} mag that were observed, and what the search found:",
        "",
        stars.reset_index().to_string(index=False, float_format=lambda x: f"{x:.2f}"),
        "",
        f"dippers found: {(stars['n_found'] > 0).sum()} of {len(stars)}",
        f"their dips found: {int(asked['found'].sum())} of {len(asked)}",
        f"quiet stars with a false dip: {false_stars} of {n_quiet}",
        f"stars that could not be read or searched: {len(failures)}",
    ]
    text = "\n".join(lines) + "\n"
    logger.info("recovery\n\n%s", text)
    return text
