"""Hold the tables of a finished run against known objects."""

from __future__ import annotations

import logging

import pandas as pd

from malca.evaluation.outcomes import RunTables
from malca.evaluation.report import NONE_GIVEN, report_text
from malca.evaluation.reproduction import filters_among_tags
from malca.evaluation.validation import validate
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.search.parameters import DetectionParameters

logger = logging.getLogger(__name__)


def validate_run(
    known_objects: pd.DataFrame,
    manifest: pd.DataFrame,
    tags: pd.DataFrame,
    judged: pd.DataFrame,
    events: pd.DataFrame,
    rejections: pd.DataFrame,
    failures: pd.DataFrame,
    detection: DetectionParameters,
    parameters: EvaluationParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """Tell how far each known object and event came in this run.

    Returns
    -------
    objects, events, found, losses, summary : DataFrame
        See ``malca.evaluation.validation.Validation``. Without known objects they are empty.
    report : str
    """
    tables = RunTables(
        manifest, judged, events, failures, tags=tags, rejections=rejections,
        tag_filters=filters_among_tags(detection),
    )  # fmt: skip
    chosen = parameters.validation
    result = validate(
        known_objects,
        tables,
        radius_arcsec=chosen.radius_arcsec,
        tolerance_days=parameters.tolerance_days,
        windows_are_complete=chosen.windows_are_complete,
        interval_level=chosen.interval_level,
    )
    ambiguous = int(result.objects["is_ambiguous"].sum())
    if ambiguous:
        logger.warning(
            "%d known objects have several stars within %g arcsec, or a star in common: see "
            "is_ambiguous in validation_objects", ambiguous, chosen.radius_arcsec,
        )  # fmt: skip
    text = report_text(result, "known objects in this run") if len(known_objects) else NONE_GIVEN
    logger.info("validation\n\n%s", text)
    return (*result, text)
