"""Search known objects again, with the parameters of now."""

from __future__ import annotations

import logging

import pandas as pd
from matplotlib.figure import Figure

from malca.datasets.known_lightcurves import CurveSource
from malca.evaluation.matching import match_objects
from malca.evaluation.outcomes import FOUND, RunTables
from malca.evaluation.report import NONE_GIVEN, report_text
from malca.evaluation.reproduction import search_again
from malca.evaluation.validation import validate
from malca.filters import FilteringParameters
from malca.known_objects import EVENT
from malca.lightcurves import LightCurves
from malca.partitions import ComputeParameters
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.plots.candidates import fit_baselines
from malca.plots.known import known_figure
from malca.search.parameters import DetectionParameters

logger = logging.getLogger(__name__)


def reproduce(
    known_objects: pd.DataFrame,
    known_lightcurves: CurveSource,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    parameters: EvaluationParameters,
    compute: ComputeParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """Search the light curves of known objects, and tell how far each object and event came.

    Parameters
    ----------
    known_objects : DataFrame
    known_lightcurves : CurveSource
        What ``malca.datasets.known_lightcurves`` gives.
    detection : DetectionParameters
    filtering : FilteringParameters
        Only filters that need nothing but the light curve are asked.
    parameters : EvaluationParameters
    compute : ComputeParameters

    Returns
    -------
    reproduction : DataFrame
        Objects and events (``level``), with the stage each reached.
    summary : DataFrame
        See ``malca.evaluation.validation.summarise``.
    found : DataFrame
        Dips found in these stars, with ``verdict``.
    report : str
    """
    chosen = parameters.validation
    tables, _ = _searched(known_objects, known_lightcurves, detection, filtering, parameters, compute)
    result = validate(
        known_objects,
        tables,
        radius_arcsec=chosen.radius_arcsec,
        tolerance_days=parameters.tolerance_days,
        windows_are_complete=chosen.windows_are_complete,
        interval_level=chosen.interval_level,
    )
    text = report_text(result, "known objects, searched again") if len(known_objects) else NONE_GIVEN
    logger.info("reproduction\n\n%s", text)
    return _one_table(result.objects, result.events), result.summary, result.found, text


def draw_missed(
    known_objects: pd.DataFrame,
    known_lightcurves: CurveSource,
    reproduction: pd.DataFrame,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    parameters: EvaluationParameters,
    compute: ComputeParameters,
) -> dict[str, Figure]:
    """Draw every object of which an event was missed, or lost to a filter, by its ``known_id``."""
    wanted = (reproduction["level"] == "event") & (reproduction["label"] == EVENT)
    missed = reproduction[wanted & (reproduction["stage"] != "candidate")].dropna(subset="asas_sn_id")
    ids = missed["known_id"].drop_duplicates()
    chosen = known_objects[known_objects["known_id"].isin(ids.head(parameters.validation.max_figures))]
    if len(ids) > parameters.validation.max_figures:
        logger.warning(
            "%d objects were missed, %d are drawn", len(ids), parameters.validation.max_figures
        )
    tables, lightcurves = _searched(
        chosen, known_lightcurves, detection, filtering, parameters, compute
    )
    if not len(lightcurves):
        return {}
    excluded = (
        tables.tags.set_index("asas_sn_id")["excluded_cameras"] if tables.tags is not None else None
    )
    baselines = fit_baselines(lightcurves, detection.search, excluded, compute.n_threads)
    figures = {}
    objects = reproduction[reproduction["level"] == "object"].set_index("known_id")
    for known_id in chosen["known_id"].drop_duplicates():
        star = objects.at[known_id, "asas_sn_id"]
        place = (lightcurves.stars["asas_sn_id"] == star).fillna(False).to_numpy(bool).nonzero()[0]
        if not len(place):
            continue
        own = missed[missed["known_id"] == known_id]
        n_missed = int((~own["stage"].isin(FOUND)).sum())
        n_lost = len(own) - n_missed
        counts = [f"{n} {what}" for n, what in ((n_missed, "missed"), (n_lost, "lost to filters")) if n]
        figures[str(known_id)] = known_figure(
            lightcurves,
            int(place[0]),
            chosen[chosen["known_id"] == known_id],
            events=tables.events,
            baseline=baselines[int(place[0])],
            title=f"{objects.at[known_id, 'name']}: {', '.join(counts)}",
        )
    return figures


def _searched(
    known: pd.DataFrame,
    source: CurveSource,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    parameters: EvaluationParameters,
    compute: ComputeParameters,
) -> tuple[RunTables, LightCurves]:
    """Search the stars that known objects are matched with; nothing is read where none is known."""
    if not len(known):
        batch = LightCurves.empty()
        nobody = pd.DataFrame(columns=["asas_sn_id", "mag_bin", "ra_deg", "dec_deg"])
        nobody = nobody.astype({"asas_sn_id": "int64"})
        return search_again(batch, nobody, batch.failures, detection, filtering), batch
    stars = source.stars
    ids = match_objects(known, stars, parameters.validation.radius_arcsec)["asas_sn_id"].dropna()
    if not len(ids):
        logger.warning(
            "none of %d known objects is among %d stars", known["known_id"].nunique(), len(stars)
        )
    curves = source.read(ids.astype("int64"))
    tables = search_again(
        curves.lightcurves,
        stars,
        curves.failures,
        detection,
        filtering,
        vsx_matches=curves.vsx_matches,
        camera_statistics=curves.camera_statistics,
        workers=compute.n_threads,
    )
    return tables, curves.lightcurves


def _one_table(objects: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Objects, then events, with what is told of only one of them missing for the other."""
    parts = [objects.assign(level="object"), events.assign(level="event")]
    columns = {}
    for name in ["level", *dict.fromkeys([*objects, *events])]:
        dtype = next(part[name].dtype for part in parts if name in part)
        nullable = {"i": "Int64", "b": "boolean"}.get(dtype.kind, dtype)
        pieces = [
            part[name].astype(nullable) if name in part else pd.Series(index=part.index, dtype=nullable)
            for part in parts
        ]
        columns[name] = pd.concat(pieces, ignore_index=True)
    return pd.DataFrame(columns)
