"""Tags: what is known of a star before it is searched, and whether that keeps it from the search."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from malca.kernels.ranges import channel_points
from malca.lightcurves import BAND_G, BAND_V, LightCurves
from malca.magnitude_bins import bin_edges
from malca.search.points import UsablePoints

TagUse = Literal["off", "tag", "filter"]


class TagParameters(BaseModel):
    """Thresholds of the tags, and what each does: nothing, a column, or also keep out of the search."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sparse: TagUse = Field("filter", description="Stars observed too shortly or too rarely.")
    min_time_span_days: float = Field(100.0, ge=0, description="Least span of usable points, d.")
    min_points_per_day: float = Field(0.05, ge=0, description="Least usable points a day of span.")
    single_camera: TagUse = Field("filter", description="Stars with too few cameras.")
    min_cameras: int = Field(2, ge=1, description="Cameras a star needs.")
    min_points_per_camera: int = Field(
        5, ge=1, description="Usable points that make a camera count; one point is no camera."
    )
    mag_range: TagUse = Field("tag", description="Stars brighter or fainter than searched for.")
    brightest_mag: float = Field(10.0, description="Bright limit of the median magnitude, mag.")
    faintest_mag: float = Field(18.0, description="Faint limit of the median magnitude, mag.")
    vsx: TagUse = Field("tag", description="Stars that are variables of these VSX families.")
    vsx_families: tuple[str, ...] = Field(
        ("eclipsing", "pulsating", "cataclysmic", "rotating"),
        description="Families of VSX classes that fail the tag.",
    )
    camera_median: Literal["off", "exclude"] = Field(
        "exclude", description="Leave out cameras whose .raw2 median lies outside the star's bin."
    )
    camera_median_tolerance_mag: float = Field(0.2, ge=0, description="How far outside, mag.")


#: Tags in their order.
TAGS = ("sparse", "single_camera", "mag_range", "vsx")


def tag_uses(parameters: TagParameters) -> dict[str, TagUse]:
    """Tell what each tag does."""
    return {name: getattr(parameters, name) for name in TAGS}


def excluded_cameras(
    camera_statistics: pd.DataFrame,
    mag_bins: pd.Series,
    bands: pd.DataFrame,
    tolerance_mag: float,
) -> pd.DataFrame:
    """Cameras whose median magnitude does not belong to their star's bin.

    Bins are bins in g. The medians of V cameras are first moved by the star's own colour (median
    of its g cameras less median of its V cameras): a red star's V cameras are not wrong. Those of
    a star never seen in g cannot be judged and are kept.

    Parameters
    ----------
    camera_statistics : DataFrame
        ``asas_sn_id, camera, median_mag``: a row a star and camera number.
    mag_bins : Series
        Name of the bin by ``asas_sn_id``. Stars without one, or with a name that is no bin (a flat
        folder has none), keep all cameras.
    bands : DataFrame
        ``asas_sn_id, camera, band`` (0 g, 1 V) of the cameras with points, see ``camera_bands``.
    tolerance_mag : float

    Returns
    -------
    DataFrame
        ``asas_sn_id, camera`` of the cameras to leave out.
    """
    table = camera_statistics[["asas_sn_id", "camera", "median_mag"]].merge(
        bands, on=["asas_sn_id", "camera"]
    )
    edges = {}
    for name in mag_bins.dropna().unique():
        try:
            edges[name] = bin_edges(name)
        except ValueError:
            continue
    named = table["asas_sn_id"].map(mag_bins)
    low = named.map({name: pair[0] for name, pair in edges.items()}).astype(float) - tolerance_mag
    high = named.map({name: pair[1] for name, pair in edges.items()}).astype(float) + tolerance_mag
    level = table.groupby(["asas_sn_id", "band"])["median_mag"].median().unstack("band")
    level = level.reindex(columns=[BAND_G, BAND_V])
    colour = table["asas_sn_id"].map(level[BAND_G] - level[BAND_V])
    median = table["median_mag"] + colour.where(table["band"] == BAND_V, 0.0)
    outside = (median < low) | (median > high)
    left_out = table.loc[outside, ["asas_sn_id", "camera"]].drop_duplicates()
    return left_out.reset_index(drop=True)


def camera_bands(lightcurves: LightCurves) -> pd.DataFrame:
    """Cameras of each star with the band they observed in: ``asas_sn_id, camera, band``."""
    numbers = np.array([camera.number for camera in lightcurves.cameras] or [-1], np.int64)
    owner = np.repeat(np.arange(len(lightcurves)), np.diff(lightcurves.offsets))
    n_cameras = len(numbers)
    code = np.unique((owner * n_cameras + lightcurves.camera) * 2 + lightcurves.band)
    ids = lightcurves.stars["asas_sn_id"].fillna(-1).to_numpy(np.int64)
    return pd.DataFrame(
        {
            "asas_sn_id": ids[code // (2 * n_cameras)],
            "camera": numbers[code // 2 % n_cameras],
            "band": code % 2,
        }
    )


def points_of_cameras(lightcurves: LightCurves, cameras: pd.DataFrame) -> np.ndarray:
    """Whether each point was taken by one of the cameras (``asas_sn_id``, ``camera`` number)."""
    numbers = np.array([camera.number for camera in lightcurves.cameras] or [-1])
    stars = lightcurves.stars["asas_sn_id"].fillna(-1).to_numpy(np.int64)
    owner = np.repeat(np.arange(len(stars)), np.diff(lightcurves.offsets))
    chosen = pd.MultiIndex.from_frame(cameras[["asas_sn_id", "camera"]])
    pair = pd.MultiIndex.from_product([range(len(stars)), range(len(numbers))])
    wanted = pd.MultiIndex.from_arrays(
        [stars[pair.get_level_values(0)], numbers[pair.get_level_values(1)]]
    ).isin(chosen)
    return wanted.reshape(len(stars), len(numbers))[owner, lightcurves.camera]


def excluded_of_lists(stars: pd.DataFrame) -> pd.DataFrame:
    """Cameras the search left out, ``asas_sn_id, camera``, of lists such as "3,17"."""
    lists = stars.set_index("asas_sn_id")["excluded_cameras"].fillna("").astype(object)
    named = lists[lists != ""].str.split(",").explode()
    return pd.DataFrame({"asas_sn_id": named.index, "camera": named.to_numpy()}).astype("int64")


def make_tags(
    lightcurves: LightCurves,
    points: UsablePoints,
    excluded: pd.DataFrame,
    vsx_matches: pd.DataFrame,
    parameters: TagParameters,
) -> pd.DataFrame:
    """Tag every star by its usable points and its VSX entry.

    Parameters
    ----------
    lightcurves : LightCurves
    points : UsablePoints
        The points detection may use, those of excluded cameras left out.
    excluded : DataFrame
        ``asas_sn_id, camera`` of the cameras left out.
    vsx_matches : DataFrame
        ``asas_sn_id, vsx_class, vsx_family, vsx_sep_arcsec`` and more of the matched stars.
    parameters : TagParameters

    Returns
    -------
    DataFrame, (n_stars,)
        ``asas_sn_id, n_points, time_span_days, points_per_day, n_cameras, median_mag,
        excluded_cameras``, the columns of ``vsx_matches``, ``failed_<tag>`` for each tag that is
        not off, and ``failed_any``: whether a tag used as filter keeps the star out.
    """
    n_stars = len(points)
    n_points = np.diff(points.offsets)
    has = n_points > 0
    span, median = np.zeros(n_stars), np.full(n_stars, np.nan)
    first, last = points.offsets[:-1][has], points.offsets[1:][has] - 1
    span[has] = points.jd[last] - points.jd[first]
    for star in np.flatnonzero(has):
        median[star] = np.median(points.mag[points.offsets[star] : points.offsets[star + 1]])
    fewest, most, n_cameras = (np.empty(n_stars, np.int64) for _ in range(3))
    # One physical camera may serve two bands; what counts is eyes, not zero points.
    camera = np.unique(points.camera, return_inverse=True)[1].astype(np.int32)
    n_all = np.full(n_stars, camera.max() + 1 if len(camera) else 0, np.int32)
    channel_points(
        points.offsets, camera, n_all, fewest, most, parameters.min_points_per_camera, n_cameras
    )
    ids = lightcurves.stars["asas_sn_id"]
    names = excluded.groupby("asas_sn_id")["camera"].agg(
        lambda numbers: ",".join(str(number) for number in sorted(numbers))
    )
    rate = np.divide(n_points, span, out=np.zeros(n_stars), where=span > 0)
    tags = pd.DataFrame(
        {
            "asas_sn_id": ids.array,
            "name": lightcurves.stars["name"].array,
            "n_points": n_points,
            "time_span_days": span,
            "points_per_day": rate,
            "n_cameras": n_cameras,
            "median_mag": median,
            "excluded_cameras": ids.map(names).astype("str").where(ids.isin(names.index), "").array,
        }
    )
    tags = tags.merge(vsx_matches, on="asas_sn_id", how="left", validate="m:1")
    families = tags["vsx_family"].astype("str").fillna("").str.split("|")
    failed = {
        "sparse": (span < parameters.min_time_span_days) | (rate < parameters.min_points_per_day),
        "single_camera": n_cameras < parameters.min_cameras,
        "mag_range": ~((median >= parameters.brightest_mag) & (median <= parameters.faintest_mag)),
        "vsx": families.map(
            lambda found: not set(found).isdisjoint(parameters.vsx_families)
        ).to_numpy(),
    }
    kept_out = np.zeros(n_stars, bool)
    for name, use in tag_uses(parameters).items():
        fails = failed[name]
        if use != "off":
            tags[f"failed_{name}"] = np.asarray(fails, bool)
        if use == "filter":
            kept_out |= np.asarray(fails, bool)
    tags["failed_any"] = kept_out
    return tags
