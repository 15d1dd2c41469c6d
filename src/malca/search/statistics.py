"""Statistics of light curves: a row a star, and a row a camera, band, field, season or night.

Cameras differ in zero point and g differs from V, so everything that compares magnitudes of
different cameras uses *aligned* magnitudes: the median of each channel (camera and band) is taken
off and the star's reference magnitude, the median in its better observed band, is put back. Column
names say ``aligned`` where a level depends on it; the statistics of variability all use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from malca.kernels import sampling, statistics, variability
from malca.lightcurves import BAND_NAMES, LightCurves
from malca.search.points import UsablePoints, usable_points
from malca.search.threads import map_star_ranges

#: A longer gap, in days, ends an observing season.
SEASON_GAP_DAYS = 30.0
#: Channels with fewer points take the zero point of their band.
MIN_CHANNEL_POINTS = 10
#: Observations of one band within so many days count as simultaneous in Stetson's indices: it
#: covers the dithered exposures of one visit and is short against the variability of interest.
PAIR_WINDOW_DAYS = 0.05

_COUNTS = (
    "file_points_total",
    "file_points_kept_after_filter",
    "n_points_g",
    "n_points_V",
    "n_cameras",
    "n_channels",
    "n_fields",
    "n_unique_nights",
    "n_seasons",
    "n_outliers_removed_robust_3sigma",
)


@dataclass(frozen=True, eq=False)
class AlignedPoints:
    """Usable points with the zero points of their channels removed.

    Attributes
    ----------
    points : UsablePoints
    residual : (n_points,) float64 array, mag
        Magnitude less the zero point of its channel.
    alignment : (n_stars, 5) float64 array
        Columns ``kernels.statistics.ALIGNMENT_COLUMNS``.
    """

    points: UsablePoints
    residual: np.ndarray
    alignment: np.ndarray

    @property
    def reference_mag(self) -> np.ndarray:
        """Reference magnitude of each star, shape (n_stars,), mag."""
        return self.alignment[:, statistics.ALIGNMENT_COLUMNS.index("reference_mag")]

    @property
    def aligned_mag(self) -> np.ndarray:
        """Aligned magnitudes, shape (n_points,), mag."""
        return self.residual + np.repeat(self.reference_mag, np.diff(self.points.offsets))


def align(
    points: UsablePoints, *, min_channel_points: int = MIN_CHANNEL_POINTS, workers: int = 1
) -> AlignedPoints:
    """Remove camera offsets from the points of a batch.

    Parameters
    ----------
    points : UsablePoints
    min_channel_points : int
        Channels with fewer points take the median of their band as zero point.
    workers : int
        Threads.
    """
    residual = np.empty(len(points.mag))
    alignment = np.empty((len(points), len(statistics.ALIGNMENT_COLUMNS)))

    def work(first: int, last: int) -> None:
        statistics.align_channels(
            first,
            last,
            points.offsets,
            points.mag,
            points.channel,
            points.band,
            points.n_channels,
            min_channel_points,
            residual,
            alignment,
        )

    map_star_ranges(work, len(points), workers, points.offsets)
    return AlignedPoints(points, residual, alignment)


def star_statistics(
    lightcurves: LightCurves,
    *,
    use_bad_quality: bool = False,
    max_mag_err: float = 1.0,
    min_channel_points: int = MIN_CHANNEL_POINTS,
    pair_window_days: float = PAIR_WINDOW_DAYS,
    season_gap_days: float = SEASON_GAP_DAYS,
    workers: int = 1,
) -> pd.DataFrame:
    """Summarise every light curve of a batch.

    Definitions and sources of the columns: ``kernels.sampling.sampling_statistics``,
    ``kernels.statistics.magnitude_statistics`` and ``kernels.variability.variability_statistics``.

    Parameters
    ----------
    lightcurves : LightCurves
    use_bad_quality : bool
        Whether points the survey flags as bad count.
    max_mag_err : float
        Points with a larger error (mag) are left out.
    min_channel_points : int
        See ``align``.
    pair_window_days : float
        Longest separation of observations that Stetson's indices treat as simultaneous.
    season_gap_days : float
        A longer gap ends a season.
    workers : int
        Threads; they share the stars.

    Returns
    -------
    DataFrame
        One row a star, in the batch's order: ``asas_sn_id``, ``name``, ``status`` ("ok", "single
        point", "no usable points"), ``reference_band``, counts, sampling, photometry and
        variability. What a star has too few points for is NaN.
    """
    points = usable_points(lightcurves, max_mag_err=max_mag_err, use_bad_quality=use_bad_quality)
    aligned = align(points, min_channel_points=min_channel_points, workers=workers)
    n_stars = len(points)
    night = np.empty(len(points.jd), np.int64)
    seen = np.empty((n_stars, len(sampling.SAMPLING_COLUMNS)))
    photometry = np.empty((n_stars, len(statistics.MAGNITUDE_COLUMNS)))
    variation = np.empty((n_stars, len(variability.VARIABILITY_COLUMNS)))
    n_cameras, n_fields = np.empty(n_stars, np.int64), np.empty(n_stars, np.int64)
    field = lightcurves.field[points.index]
    reference_mag = np.ascontiguousarray(aligned.reference_mag)

    def work(first: int, last: int) -> None:
        stars = (first, last, points.offsets)
        sampling.night_numbers(*stars, points.jd, points.channel, points.n_channels, night)
        sampling.sampling_statistics(*stars, points.jd, night, season_gap_days, seen)
        sampling.count_distinct(*stars, points.camera, max(len(lightcurves.cameras), 1), n_cameras)
        sampling.count_distinct(*stars, field, max(len(lightcurves.fields), 1), n_fields)
        statistics.magnitude_statistics(
            *stars, aligned.residual, points.mag_err, reference_mag, photometry
        )
        variability.variability_statistics(
            *stars,
            points.jd,
            points.mag,
            aligned.residual,
            points.mag_err,
            points.channel,
            points.band,
            points.n_channels,
            aligned.alignment,
            lightcurves.offsets,
            lightcurves.jd,
            lightcurves.band,
            pair_window_days,
            variation,
        )

    map_star_ranges(work, n_stars, workers, points.offsets)
    n_file, n_kept = np.diff(lightcurves.offsets), np.diff(points.offsets)
    columns: dict[str, Any] = {
        "asas_sn_id": lightcurves.stars["asas_sn_id"].reset_index(drop=True),
        "name": lightcurves.stars["name"].reset_index(drop=True),
        "status": np.select([n_kept == 0, n_kept == 1], ["no usable points", "single point"], "ok"),
        "file_points_total": n_file,
        "file_points_kept_after_filter": n_kept,
        "n_cameras": n_cameras,
        "n_channels": points.n_channels,
        "n_fields": n_fields,
    }
    for names, values in (
        (statistics.ALIGNMENT_COLUMNS, aligned.alignment),
        (sampling.SAMPLING_COLUMNS, seen),
        (statistics.MAGNITUDE_COLUMNS, photometry),
        (variability.VARIABILITY_COLUMNS, variation),
    ):
        columns.update(zip(names, values.T, strict=True))
    columns["n_outliers_removed_robust_3sigma"] = np.nan_to_num(
        columns["n_outliers_removed_robust_3sigma"]
    )
    columns.update({name: np.asarray(columns[name], np.int64) for name in _COUNTS})
    table = pd.DataFrame(columns)
    in_g = table["n_points_g"] >= table["n_points_V"]
    table.insert(3, "reference_band", np.where(in_g, *BAND_NAMES))
    table["reference_band"] = table["reference_band"].astype("str").where(n_kept > 0)
    return table


def camera_statistics(
    lightcurves: LightCurves,
    *,
    use_bad_quality: bool = False,
    max_mag_err: float = 1.0,
    workers: int = 1,
) -> pd.DataFrame:
    """Describe each camera of each star in each band, in magnitudes as reported.

    Returns
    -------
    DataFrame
        One row a star, camera and band with points: ``asas_sn_id``, ``name``, ``camera``, ``band``,
        the columns of ``kernels.statistics.GROUP_COLUMNS`` and ``offset_mag``, the camera's median
        less the star's median in that band.
    """
    points = usable_points(lightcurves, max_mag_err=max_mag_err, use_bad_quality=use_bad_quality)
    code = points.camera.astype(np.int64) * 2 + points.band
    table, code = _by_group(lightcurves, points, points.mag, code, workers)
    names = np.array([camera.name for camera in lightcurves.cameras] or [""], dtype=object)
    table.insert(3, "camera", pd.Series(names[code // 2], dtype="str"))
    table.insert(4, "band", pd.Series(np.take(BAND_NAMES, code % 2), dtype="str"))
    alignment = align(points, workers=workers).alignment
    table["offset_mag"] = table["median_mag"] - alignment[table["star"], 2 + code % 2]
    return table.drop(columns="star")


def band_statistics(
    lightcurves: LightCurves,
    *,
    use_bad_quality: bool = False,
    max_mag_err: float = 1.0,
    workers: int = 1,
) -> pd.DataFrame:
    """Describe each band of each star, in magnitudes as reported; columns as a camera's."""
    points = usable_points(lightcurves, max_mag_err=max_mag_err, use_bad_quality=use_bad_quality)
    table, code = _by_group(lightcurves, points, points.mag, points.band, workers)
    table.insert(3, "band", pd.Series(np.take(BAND_NAMES, code), dtype="str"))
    return table.drop(columns="star")


def field_statistics(
    lightcurves: LightCurves,
    *,
    use_bad_quality: bool = False,
    max_mag_err: float = 1.0,
    workers: int = 1,
) -> pd.DataFrame:
    """Describe each field of each star, in aligned magnitudes; columns as a camera's."""
    points = usable_points(lightcurves, max_mag_err=max_mag_err, use_bad_quality=use_bad_quality)
    magnitudes = align(points, workers=workers).aligned_mag
    field = lightcurves.field[points.index]
    table, code = _by_group(lightcurves, points, magnitudes, field, workers)
    table.insert(3, "field", pd.Series(np.array(lightcurves.fields, dtype=object)[code], dtype="str"))
    return table.drop(columns="star")


def season_statistics(
    lightcurves: LightCurves,
    *,
    use_bad_quality: bool = False,
    max_mag_err: float = 1.0,
    season_gap_days: float = SEASON_GAP_DAYS,
    workers: int = 1,
) -> pd.DataFrame:
    """Describe each observing season of each star, in aligned magnitudes.

    Parameters
    ----------
    lightcurves : LightCurves
    use_bad_quality, max_mag_err, workers
        As in ``star_statistics``.
    season_gap_days : float
        A longer gap between points ends a season.

    Returns
    -------
    DataFrame
        One row a season: ``asas_sn_id``, ``name``, ``season`` (from 0 within the star) and the
        columns of ``kernels.statistics.GROUP_COLUMNS``.
    """
    points = usable_points(lightcurves, max_mag_err=max_mag_err, use_bad_quality=use_bad_quality)
    magnitudes = align(points, workers=workers).aligned_mag
    lengths = np.diff(points.offsets)
    first_points = points.offsets[:-1][lengths > 0]
    begins = np.diff(points.jd, prepend=0.0) > season_gap_days
    begins[first_points] = True
    running = np.cumsum(begins)
    season = running - np.repeat(running[first_points], lengths[lengths > 0])
    table, code = _by_group(lightcurves, points, magnitudes, season, workers)
    table.insert(3, "season", code)
    return table.drop(columns="star")


def night_statistics(
    lightcurves: LightCurves,
    *,
    use_bad_quality: bool = False,
    max_mag_err: float = 1.0,
    workers: int = 1,
) -> pd.DataFrame:
    """Describe each night of each star, in aligned magnitudes.

    Nights are those of ``kernels.sampling.night_numbers``.

    Returns
    -------
    DataFrame
        One row a night: ``asas_sn_id``, ``name``, ``night`` (about the Julian day in which it
        begins) and the columns of ``kernels.statistics.GROUP_COLUMNS``.
    """
    points = usable_points(lightcurves, max_mag_err=max_mag_err, use_bad_quality=use_bad_quality)
    magnitudes = align(points, workers=workers).aligned_mag
    night = np.empty(len(points.jd), np.int64)

    def work(first: int, last: int) -> None:
        sampling.night_numbers(
            first, last, points.offsets, points.jd, points.channel, points.n_channels, night
        )

    map_star_ranges(work, len(points), workers, points.offsets)
    table, code = _by_group(lightcurves, points, magnitudes, night, workers)
    table.insert(3, "night", code)
    return table.drop(columns="star")


def _by_group(
    lightcurves: LightCurves,
    points: UsablePoints,
    magnitudes: np.ndarray,
    label: np.ndarray,
    workers: int,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Statistics of the points of each star that share a label, and the groups' labels."""
    star = np.repeat(np.arange(len(points)), np.diff(points.offsets))
    label = label.astype(np.int64)
    order = np.lexsort((points.jd, label, star))
    star, label = star[order], label[order]
    begins = np.ones(len(order), bool)
    begins[1:] = (np.diff(star) != 0) | (np.diff(label) != 0)
    starts = np.flatnonzero(begins)
    offsets = np.concatenate([starts, [len(order)]]).astype(np.int64)
    jd, mag, mag_err = points.jd[order], magnitudes[order], points.mag_err[order]
    out = np.empty((len(starts), len(statistics.GROUP_COLUMNS)))

    def work(first: int, last: int) -> None:
        statistics.group_statistics(first, last, offsets, jd, mag, mag_err, out)

    map_star_ranges(work, len(starts), workers, offsets)
    table = pd.DataFrame(out, columns=list(statistics.GROUP_COLUMNS))
    table["n_points"] = table["n_points"].astype(np.int64)
    of_star = lightcurves.stars.iloc[star[starts]]
    table.insert(0, "asas_sn_id", of_star["asas_sn_id"].array)
    table.insert(1, "name", of_star["name"].array)
    table.insert(2, "star", star[starts])
    return table, label[starts]
