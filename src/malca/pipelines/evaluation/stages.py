"""Where stars are lost."""

from __future__ import annotations

import logging

import pandas as pd
from matplotlib.figure import Figure

from malca.evaluation.attrition import attrition_stages, overlap_of_cuts
from malca.plots.stages import stages_figure
from malca.search.parameters import DetectionParameters
from malca.search.tags import tag_uses

logger = logging.getLogger(__name__)

_TOLD = ["stage", "step", "action", "n_in", "n_passed", "n_failed", "n_unknown", "n_out", "why"]


def count_stages(
    manifest: pd.DataFrame,
    tags: pd.DataFrame,
    failures: pd.DataFrame,
    judged: pd.DataFrame,
    attrition: pd.DataFrame,
    detection: DetectionParameters,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count stars at every stage, and those that fail two cuts together.

    Returns
    -------
    stages, overlap : DataFrame
        See ``malca.evaluation.attrition``.
    """
    uses = tag_uses(detection.tags)
    stages = attrition_stages(manifest, tags, failures, judged, attrition, uses)
    logger.info("attrition\n\n%s", stages[_TOLD].to_string(index=False))
    return stages, overlap_of_cuts(tags, judged, attrition, uses)


def draw_stages(stages: pd.DataFrame, overlap: pd.DataFrame) -> Figure:
    """Draw both."""
    return stages_figure(stages, overlap)
