"""Classify the candidates and draw what came out."""

from __future__ import annotations

import logging
from typing import Annotated

import pandas as pd
from matplotlib.figure import Figure

from malca.astrophysics.classify import classify
from malca.astrophysics.dip_geometry import dip_geometry
from malca.astrophysics.dip_quantities import EVENT_COLUMNS, strongest_dips
from malca.astrophysics.stellar_parameters import stellar_parameters
from malca.columns import Columns
from malca.pipelines.classification.parameters import ClassificationParameters
from malca.plots.classification import FIGURE_COLUMNS, class_figure

logger = logging.getLogger(__name__)


def classify_candidates(
    vetted: pd.DataFrame,
    events: Annotated[pd.DataFrame | None, Columns(*EVENT_COLUMNS)],
    parameters: ClassificationParameters,
) -> pd.DataFrame:
    """Add to every candidate its star, its strongest dip, the geometry of it, and its class.

    Parameters
    ----------
    vetted : DataFrame, (n,)
        Candidates; ``asas_sn_id`` and any of the columns of candidates, characterized and vetted.
        What is not there is unknown.
    events : DataFrame, optional
        Events of these and other stars; without them shapes of dips are unknown.
    parameters : ClassificationParameters

    Returns
    -------
    DataFrame, (n,)
        ``vetted`` with the columns of ``malca.descriptions.classified``; such columns of an earlier
        classification are replaced.
    """
    stars = stellar_parameters(vetted)
    dips = strongest_dips(vetted, events, parameters.min_epochs)
    geometry = dip_geometry(vetted, dips, stars, parameters.occulter)
    classes = classify(vetted, dips, parameters.classes)
    new = pd.concat([stars, dips, geometry, classes], axis=1)
    classified = pd.concat([vetted.drop(columns=list(new), errors="ignore"), new], axis=1)
    counts = classified["final_class"].value_counts()
    logger.info("classified: %s", ", ".join(f"{n} {name}" for name, n in counts.items()) or "none")
    return classified


def draw_classes(classified: Annotated[pd.DataFrame, Columns(*FIGURE_COLUMNS)]) -> Figure:
    """Draw the classes in the colour-magnitude diagram and how many there are."""
    return class_figure(classified)
