"""The cameras of the survey: where they stand, when they observed, and how they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from malca.lightcurves import BAND_G, BAND_V, Camera

if TYPE_CHECKING:
    from malca.pipelines.simulation.parameters import CameraParameters, NoiseParameters


class Site(NamedTuple):
    """Where a unit stands, degrees (east positive), and which declinations it is sent to."""

    longitude_deg: float
    latitude_deg: float
    dec_min_deg: float
    dec_max_deg: float


HALEAKALA = Site(-156.26, 20.71, -25.0, 90.0)
CERRO_TOLOLO = Site(-70.80, -30.17, -90.0, 25.0)
SUTHERLAND = Site(20.81, -32.38, -90.0, 25.0)
MCDONALD = Site(-104.02, 30.67, -28.0, 90.0)
SITES = (HALEAKALA, CERRO_TOLOLO, SUTHERLAND, MCDONALD)


class Unit(NamedTuple):
    """Four cameras on one mount, in one band.

    ``first_jd`` and ``start_spread_days`` tell when its cameras began; ``rate`` scales how often it
    comes back to a field (1: Cassius in g); ``closed`` is a shutdown.
    """

    cameras: tuple[str, str, str, str]
    site: Site
    band: int
    first_jd: float
    start_spread_days: float
    last_jd: float
    rate: float
    closed: tuple[float, float] = (0.0, 0.0)
    dec_min_deg: float = -90.0


# Names, dates and rates as met in real light curves. The first two units observed in V until their
# filters were exchanged in 2018; Cerro Tololo was closed from March to September 2020.
_CLOSED_2020 = (2458939.0, 2459121.0)
_END = np.inf
UNITS = (
    Unit(("ba", "bb", "bc", "bd"), HALEAKALA, BAND_V, 2457006.0, 75.0, 2458451.0, 0.88),
    Unit(("be", "bf", "bg", "bh"), CERRO_TOLOLO, BAND_V, 2457420.0, 40.0, 2458386.0, 1.15),
    Unit(("bA", "bB", "bC", "bD"), HALEAKALA, BAND_G, 2458452.0, 25.0, _END, 0.80),
    Unit(("bE", "bF", "bG", "bH"), CERRO_TOLOLO, BAND_G, 2458393.0, 30.0, _END, 1.0, _CLOSED_2020),
    Unit(("bi", "bj", "bk", "bl"), CERRO_TOLOLO, BAND_G, 2458176.0, 140.0, _END, 1.0, _CLOSED_2020),
    Unit(("bm", "bn", "bo", "bp"), SUTHERLAND, BAND_G, 2458410.0, 165.0, _END, 0.54),
    Unit(("bq", "br", "bs", "bt"), MCDONALD, BAND_G, 2458018.0, 240.0, _END, 0.60),
    Unit(("cA", "cB", "cC", "cD"), HALEAKALA, BAND_G, 2460112.0, 5.0, 2460265.0, 0.9, dec_min_deg=25.0),
)  # fmt: skip

#: Every camera of the survey, unit by unit: what the codes of a simulated batch mean.
CAMERAS = tuple(
    Camera(name, 1 + 4 * i_unit + letter)
    for i_unit, unit in enumerate(UNITS)
    for letter, name in enumerate(unit.cameras)
)
UNIT_SITE = np.array([SITES.index(unit.site) for unit in UNITS], np.int64)
UNIT_BAND = np.array([unit.band for unit in UNITS], np.int8)


@dataclass(frozen=True, eq=False)
class StarCameras:
    """The cameras that observe one star, arrays of shape (n_cameras,).

    ``camera`` indexes ``CAMERAS``; ``field`` numbers the overlapping fields the star lies in.
    Standard deviations in mag.
    """

    camera: np.ndarray
    unit: np.ndarray
    band: np.ndarray
    field: np.ndarray
    first_jd: np.ndarray
    last_jd: np.ndarray
    offset_mag: np.ndarray
    white_mag: np.ndarray
    drift_mag: np.ndarray
    drift_days: np.ndarray
    sky_mjy: np.ndarray
    is_bad: np.ndarray

    def __len__(self) -> int:
        return len(self.camera)


def draw_cameras(
    rng: np.random.Generator,
    dec_deg: float,
    last_jd: float,
    cameras: CameraParameters,
    noise: NoiseParameters,
) -> StarCameras:
    """Draw the cameras that observe a star and their systematics.

    A star lies in one to four overlapping fields; each unit that reaches its declination points one
    camera at each of them.

    Parameters
    ----------
    rng : Generator
    dec_deg : float
    last_jd : float
        End of the survey.
    cameras, noise : parameters
    """
    counts = np.array(list(cameras.field_counts), np.int64)
    weights = np.array(list(cameras.field_counts.values()))
    n_fields = int(rng.choice(counts, p=weights / weights.sum()))
    first_letter = int(rng.integers(4))
    pairs = [
        (i_unit, (first_letter + field) % 4, field)
        for i_unit, unit in enumerate(UNITS)
        for field in range(n_fields)
        if unit.site.dec_min_deg <= dec_deg <= unit.site.dec_max_deg and dec_deg >= unit.dec_min_deg
    ]
    if len(pairs) > cameras.max_cameras:
        kept = np.sort(rng.choice(len(pairs), cameras.max_cameras, replace=False))
        pairs = [pairs[i] for i in kept]
    unit, letter, field = (np.array(values, np.int64) for values in zip(*pairs, strict=True))
    n = len(unit)
    band = UNIT_BAND[unit]
    is_v = band == BAND_V
    start = np.array([UNITS[i].first_jd for i in unit])
    first = start + rng.random(n) * np.array([UNITS[i].start_spread_days for i in unit])
    # A quarter of the northern fields were begun before the survey of the whole sky.
    early = (unit == 0) & (rng.random(n) < 0.25)
    first -= np.where(early, 790.0 * rng.random(n), 0.0)
    last = np.minimum([UNITS[i].last_jd for i in unit], last_jd)
    stopped = ~is_v & (rng.random(n) < cameras.early_end_share)
    last = np.where(stopped, first + (last - first) * rng.uniform(0.3, 0.95, n), last)
    is_bad = rng.random(n) < cameras.bad_share
    factor = np.where(is_bad, rng.uniform(*cameras.bad_scatter, n), 1.0)
    offset = np.where(is_v, cameras.zero_point_v_mag, cameras.zero_point_mag) * rng.standard_t(3.0, n)
    bad_offset = rng.uniform(*cameras.bad_offset_mag, n) * rng.choice([-1.0, 1.0], n)
    star_white = np.where(is_v, noise.white_v_mag, noise.white_mag) * np.exp(
        noise.white_star_spread * rng.standard_normal()
    )
    star_sky = np.exp(noise.sky_star_spread * rng.standard_normal())
    return StarCameras(
        camera=4 * unit + letter,
        unit=unit,
        band=band,
        field=field,
        first_jd=first,
        last_jd=last,
        offset_mag=np.where(is_bad, bad_offset, offset),
        white_mag=star_white * np.exp(noise.white_camera_spread * rng.standard_normal(n)) * factor,
        drift_mag=np.where(is_v, cameras.drift_v_mag, cameras.drift_mag)
        * np.exp(cameras.drift_spread * rng.standard_normal(n))
        * factor,
        drift_days=np.where(is_v, cameras.drift_v_days, cameras.drift_days),
        sky_mjy=np.where(is_v, noise.sky_v_mjy, noise.sky_g_mjy)
        * star_sky
        * np.exp(noise.sky_camera_spread * rng.standard_normal(n)),
        is_bad=is_bad,
    )
