"""Search the light curves of known objects again, with the parameters of now."""

from __future__ import annotations

import pandas as pd

from malca.evaluation.outcomes import RunTables
from malca.filters import FilteringParameters, judge_stars
from malca.filters.catalog_tables import LATE_TABLES
from malca.lightcurves import LightCurves, no_failures
from malca.search.parameters import DetectionParameters
from malca.search.survey import VSX_COLUMNS, search_batch
from malca.search.tags import tag_uses


def search_again(
    lightcurves: LightCurves,
    stars: pd.DataFrame,
    failures: pd.DataFrame,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    *,
    vsx_matches: pd.DataFrame | None = None,
    camera_statistics: pd.DataFrame | None = None,
    workers: int = 1,
) -> RunTables:
    """Put light curves through tags, search and those filters that need nothing but them.

    Parameters
    ----------
    lightcurves : LightCurves
        With an ``asas_sn_id`` each.
    stars : DataFrame
        ``asas_sn_id, mag_bin, ra_deg, dec_deg`` of these stars; others may be there.
    failures : DataFrame
        Light curves that could not be read.
    detection : DetectionParameters
    filtering : FilteringParameters
    vsx_matches, camera_statistics : DataFrame, optional
        Those of the survey.
    workers : int
        Threads.

    Returns
    -------
    RunTables
        With the dates of events that are shallower than asked.
    """
    tag_filters = filters_among_tags(detection)
    there = stars[stars["asas_sn_id"].isin(lightcurves.stars["asas_sn_id"])]
    vsx = _no_vsx() if vsx_matches is None else vsx_matches[list(VSX_COLUMNS)]
    cameras = _no_cameras() if camera_statistics is None else camera_statistics
    found = search_batch(lightcurves, there, vsx, cameras, detection, workers)
    sources, rejections, _ = judge_stars(
        found.sources,
        found.events,
        filtering.without(*LATE_TABLES).asked,
        {"statistics": found.statistics},
    )
    parts = [table for table in (failures, found.failures) if len(table)]
    return RunTables(
        stars,
        sources,
        found.events,
        pd.concat(parts, ignore_index=True) if parts else no_failures(),
        tags=found.tags,
        rejections=rejections,
        shallow=found.shallow,
        tag_filters=tag_filters,
    )


def filters_among_tags(detection: DetectionParameters) -> tuple[str, ...]:
    """Name the tags that keep stars out of the search."""
    return tuple(name for name, use in tag_uses(detection.tags).items() if use == "filter")


def _no_vsx() -> pd.DataFrame:
    numbers = ("vsx_period_days", "vsx_sep_arcsec")
    dtypes = {name: "float64" if name in numbers else "str" for name in VSX_COLUMNS}
    return pd.DataFrame(columns=list(dtypes)).astype({**dtypes, "asas_sn_id": "int64"})


def _no_cameras() -> pd.DataFrame:
    dtypes = {"asas_sn_id": "int64", "camera": "int64", "median_mag": "float64"}
    return pd.DataFrame(columns=list(dtypes)).astype(dtypes)
