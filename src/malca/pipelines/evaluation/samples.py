"""Choose the stars that the search is measured on, and look them up as the search does."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import numpy as np
import pandas as pd

from malca.columns import Columns
from malca.evaluation.noise import binned_errors, fit_error_model
from malca.evaluation.samples import SOURCE_COLUMNS, control_sample, searched_stars
from malca.lightcurves import LightCurves
from malca.pipelines.evaluation.parameters import EvaluationParameters

logger = logging.getLogger(__name__)

# Light curves that the errors are measured on: enough for every camera, little to read.
_ERROR_STARS = 200


def choose_stars(
    sources: Annotated[pd.DataFrame, Columns(*SOURCE_COLUMNS)],
    statistics: Annotated[pd.DataFrame, Columns("asas_sn_id", "aligned_median_mag")],
    manifest: Annotated[pd.DataFrame, Columns("asas_sn_id", "mag_bin", "partition")],
    known_brightenings: pd.DataFrame,
    parameters: EvaluationParameters,
) -> pd.DataFrame:
    """Choose the stars to inject into and to make null light curves of.

    Returns
    -------
    DataFrame
        See ``malca.evaluation.samples.searched_stars``; and ``injected``, ``nulled``: what for.
    """
    stars = searched_stars(sources, statistics, manifest, known_brightenings)
    injection, reliability = parameters.injection, parameters.reliability
    try:
        control = control_sample(
            stars, injection.stars, injection.magnitude.edges, injection.n_stars, injection.seed
        )
    except ValueError as error:  # null light curves can be made all the same
        logger.warning("%s", error)
        control = stars.iloc[:0]
    rng = np.random.default_rng([reliability.seed, 6])
    nulled = stars["asas_sn_id"].to_numpy()[rng.permutation(len(stars))[: reliability.n_nulls]]
    stars["injected"] = stars["asas_sn_id"].isin(control["asas_sn_id"])
    stars["nulled"] = stars["asas_sn_id"].isin(nulled)
    logger.info(
        "of %d searched stars %d are injected into, %d get null light curves",
        len(stars), stars["injected"].sum(), stars["nulled"].sum(),
    )  # fmt: skip
    return stars[stars["injected"] | stars["nulled"]].reset_index(drop=True)


def injected_stars(evaluated_stars: pd.DataFrame, parameters: EvaluationParameters) -> pd.DataFrame:
    """Give the stars to inject into.

    Raises
    ------
    ValueError
        There are none.
    """
    chosen = evaluated_stars[evaluated_stars["injected"]].reset_index(drop=True)
    if chosen.empty:
        edges = parameters.injection.magnitude.edges
        raise ValueError(
            f"no star to inject into: none was searched, has a median magnitude of {edges[0]:g} to "
            f"{edges[-1]:g} and is as evaluation.injection.stars asks ({parameters.injection.stars})"
        )
    return chosen


def measure_errors(
    lightcurves: Any, evaluated_stars: pd.DataFrame, parameters: EvaluationParameters
) -> pd.DataFrame:
    """Measure how the errors of the survey grow with magnitude.

    Returns
    -------
    DataFrame
        ``band`` (0 g, 1 V), ``floor_mag2, photon_mag2, sky_mag2``, see
        ``malca.evaluation.noise.ErrorModel``.
    """
    chosen = injected_stars(evaluated_stars, parameters)
    rng = np.random.default_rng([parameters.injection.seed, 7])
    chosen = chosen.iloc[rng.permutation(len(chosen))[:_ERROR_STARS]]
    binned = []
    for key, own in chosen.groupby("partition"):
        batch = LightCurves.from_table(lightcurves["lightcurves"][key]())
        place = pd.Index(batch.stars["asas_sn_id"].to_numpy(np.int64)).get_indexer(own["asas_sn_id"])
        binned.append(binned_errors(batch.take(place[place >= 0])))
    model = fit_error_model(pd.concat(binned), parameters.injection.noise)
    columns = dict(zip(("floor_mag2", "photon_mag2", "sky_mag2"), model.coefficients.T, strict=True))
    return pd.DataFrame({"band": np.arange(len(model.coefficients)), **columns})
