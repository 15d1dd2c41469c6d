"""What the survey's search does with a batch of its stars: tags, then events of those it may search."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.lightcurves import LightCurves
from malca.search.detect import detect_events
from malca.search.parameters import DetectionParameters, SearchParameters
from malca.search.points import usable_points
from malca.search.statistics import star_statistics
from malca.search.tags import camera_bands, excluded_cameras, make_tags, points_of_cameras

#: Columns of the matches with VSX that become columns of the tags.
VSX_COLUMNS = (
    "asas_sn_id",
    "vsx_name",
    "vsx_class",
    "vsx_family",
    "vsx_period_days",
    "vsx_sep_arcsec",
    "vsx_outcome",
)


#: Points searched together: the search takes several times the memory of its light curves.
_POINTS_AT_ONCE = 300_000


class SearchedBatch(NamedTuple):
    """Tables of a searched batch.

    Attributes
    ----------
    tags : DataFrame
        A row a star.
    sources, statistics : DataFrame
        A row a star searched; ``sources`` with its tags and place.
    events, failures : DataFrame
    shallow : DataFrame
        See ``Detection.shallow``.
    """

    tags: pd.DataFrame
    sources: pd.DataFrame
    events: pd.DataFrame
    failures: pd.DataFrame
    statistics: pd.DataFrame
    shallow: pd.DataFrame


def search_batch(
    lightcurves: LightCurves,
    manifest: pd.DataFrame,
    vsx_matches: pd.DataFrame,
    camera_statistics: pd.DataFrame,
    parameters: DetectionParameters,
    workers: int,
) -> SearchedBatch:
    """Tag and search the stars of a batch, without the cameras that lie outside their bin.

    Parameters
    ----------
    lightcurves : LightCurves
    manifest : DataFrame
        ``asas_sn_id, mag_bin, ra_deg, dec_deg`` of each star.
    vsx_matches : DataFrame
        See ``malca.search.tags.make_tags``.
    camera_statistics : DataFrame
        See ``malca.search.tags.excluded_cameras``.
    parameters : DetectionParameters
    workers : int
        Threads.

    Notes
    -----
    No star's result depends on the others of the batch, so that a large one is searched in parts, for
    the sake of memory.
    """
    where = manifest.set_index("asas_sn_id")
    left_out = camera_statistics.iloc[:0][["asas_sn_id", "camera"]]
    if parameters.tags.camera_median == "exclude":
        left_out = excluded_cameras(
            camera_statistics,
            where["mag_bin"],
            camera_bands(lightcurves),
            parameters.tags.camera_median_tolerance_mag,
        )
    excluded = points_of_cameras(lightcurves, left_out)
    search = parameters.search
    points = usable_points(
        lightcurves,
        max_mag_err=search.max_mag_err,
        use_bad_quality=search.use_bad_quality,
        excluded=excluded,
    )
    tags = make_tags(lightcurves, points, left_out, vsx_matches, parameters.tags)
    del points
    wanted = (~tags["failed_any"]).to_numpy().nonzero()[0]
    found = _search(lightcurves, wanted, excluded, search, workers)
    place = where[["mag_bin", "ra_deg", "dec_deg"]]
    sources = found.sources.join(place, on="asas_sn_id").merge(
        tags.drop(columns=["name", "n_points", "n_cameras", "failed_any"]), on="asas_sn_id", how="left"
    )
    return SearchedBatch(
        tags=tags.join(place, on="asas_sn_id"),
        sources=sources,
        events=found.events.join(place[["mag_bin"]], on="asas_sn_id"),
        failures=found.failures,
        statistics=found.statistics,
        shallow=found.shallow,
    )


class _Found(NamedTuple):
    sources: pd.DataFrame
    events: pd.DataFrame
    failures: pd.DataFrame
    shallow: pd.DataFrame
    statistics: pd.DataFrame


def _search(
    lightcurves: LightCurves,
    wanted: np.ndarray,
    excluded: np.ndarray,
    search: SearchParameters,
    workers: int,
) -> _Found:
    """Search the wanted stars, a part of them at a time."""
    parts = []
    n_points = np.diff(lightcurves.offsets)
    for rows in _parts(n_points, wanted):
        kept, hidden = lightcurves, excluded
        if len(rows) < len(lightcurves):
            kept = lightcurves.take(rows)
            hidden = excluded[np.repeat(np.isin(np.arange(len(lightcurves)), rows), n_points)]
        searched = detect_events(kept, search, excluded=hidden, workers=workers)
        tables = searched.sources, searched.events, searched.failures, searched.shallow
        del searched  # its points and baselines
        statistics = star_statistics(
            kept,
            use_bad_quality=search.use_bad_quality,
            max_mag_err=search.max_mag_err,
            workers=workers,
        )
        parts.append(_Found(*tables, statistics))
    if len(parts) == 1:
        return parts[0]
    found = _Found(*(pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True)))
    if len(wanted) == len(lightcurves) and len(lightcurves.failures):  # parts have none
        failures = pd.concat([lightcurves.failures, found.failures], ignore_index=True)
        found = found._replace(failures=failures)
    return found


def _parts(n_points: np.ndarray, wanted: np.ndarray) -> list[np.ndarray]:
    """Cut the wanted stars into parts of about equally many points, one at least."""
    ends = np.cumsum(n_points[wanted])
    if len(ends) == 0 or ends[-1] <= _POINTS_AT_ONCE:
        return [wanted]
    n_parts = -(-int(ends[-1]) // _POINTS_AT_ONCE)
    cuts = np.unique(np.searchsorted(ends, ends[-1] * np.arange(1, n_parts) / n_parts))
    return np.split(wanted, cuts[cuts > 0])
