"""How often stars have events, and become candidates."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from malca.evaluation.rates import control_sample, detection_rates
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.plots.rates import rates_figure

logger = logging.getLogger(__name__)

_SHOWN = (
    "asas_sn_id",
    "baseline_mag",
    "vsx_outcome",
    "vsx_class",
    "dip_count",
    "jump_count",
    "passed_branch",
)


def measure_rates(
    judged: pd.DataFrame, events: pd.DataFrame, parameters: EvaluationParameters
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw a control sample of the stars searched, and count in the tables of the search.

    Returns
    -------
    sample : DataFrame
        The stars drawn.
    rates : DataFrame
        See ``malca.evaluation.rates.detection_rates``.
    """
    chosen = parameters.detection_rate
    sample = control_sample(
        judged,
        chosen.size,
        np.random.default_rng(chosen.seed),
        mag_range=(chosen.brightest_mag, chosen.faintest_mag),
        exclude_vsx=chosen.exclude_vsx,
        exclude_candidates=chosen.exclude_candidates,
    )
    if chosen.size is not None and len(sample) < chosen.size:
        logger.warning(
            "the control sample has all %d stars there are, of %d asked", len(sample), chosen.size
        )
    rates = detection_rates(
        # Where candidates are left out there is nothing to tell of their rate.
        sample.drop(columns="passed_branch") if chosen.exclude_candidates else sample,
        events,
        mag_step=chosen.mag_step,
        duration_edges_days=chosen.duration_edges_days,
        depth_edges_mag=chosen.depth_edges_mag,
        interval_level=chosen.interval_level,
    )
    told = rates.loc[
        rates["axis"] == "all", ["quantity", "n_stars", "n_with", "rate", "rate_low", "rate_high"]
    ]
    logger.info("rates in the control sample\n\n%s", told.to_string(index=False))
    return sample[[name for name in _SHOWN if name in sample]], rates


def draw_rates(rates: pd.DataFrame) -> Figure:
    """Draw the rates."""
    return rates_figure(rates)
