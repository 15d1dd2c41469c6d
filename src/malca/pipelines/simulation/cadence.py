"""When a star is observed: nights, seasons, weather, outages and visits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from malca.pipelines.simulation.cameras import SITES, UNIT_SITE, UNITS

if TYPE_CHECKING:
    from malca.pipelines.simulation.cameras import StarCameras
    from malca.pipelines.simulation.parameters import SimulationParameters

_NEW_MOON_JD = 2451550.1
_SYNODIC_MONTH_DAYS = 29.530588853
_TWILIGHT_ALTITUDE_DEG = -12.0
# Measured: from the end of 2024 on a fifth of the usual points.
_SPARSE_AFTER_JD, _SPARSE_RATE = 2460582.0, 0.2


@dataclass(frozen=True, eq=False)
class Nights:
    """What all stars of a survey share: one entry a night, the first beginning at ``first_jd``.

    Attributes
    ----------
    first_jd : float
        0 h UT of the first night.
    rate : (n_units, n_nights) float64 array
        Chance of a visit relative to the unit's usual one; 0 when the unit is closed or clouded out.
    sun_ra_hours : (n_nights,) float64 array
    equation_hours : (n_nights,) float64 array
        Equation of time: true midnight comes earlier than mean midnight by it.
    night_hours : (n_sites, n_nights) float64 array
        Half the length of the night.
    moonlight : (n_nights,) float64 array
        Lit fraction of the moon.
    """

    first_jd: float
    rate: np.ndarray
    sun_ra_hours: np.ndarray
    equation_hours: np.ndarray
    night_hours: np.ndarray
    moonlight: np.ndarray


def sun_position(jd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension (hours) and declination (rad) of the sun, good to 0.01 degree.

    The low-precision formulas of the Astronomical Almanac (page C5).
    """
    days = np.asarray(jd) - 2451545.0
    mean_longitude = np.radians(280.460 + 0.9856474 * days)
    anomaly = np.radians(357.528 + 0.9856003 * days)
    longitude = mean_longitude + np.radians(1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.radians(23.439 - 4e-7 * days)
    ra = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    return np.degrees(ra) / 15 % 24, np.arcsin(np.sin(obliquity) * np.sin(longitude))


def equation_of_time(jd: np.ndarray) -> np.ndarray:
    """Apparent less mean solar time, hours: mean longitude less right ascension of the sun."""
    mean_longitude_hours = (280.460 + 0.9856474 * (np.asarray(jd) - 2451545.0)) / 15
    return (mean_longitude_hours - sun_position(jd)[0] + 12) % 24 - 12


def moonlight(jd: np.ndarray) -> np.ndarray:
    """Lit fraction of the moon, from its mean phase."""
    return 0.5 * (1 - np.cos(2 * np.pi * (np.asarray(jd) - _NEW_MOON_JD) / _SYNODIC_MONTH_DAYS))


def make_nights(parameters: SimulationParameters) -> Nights:
    """Draw the weather and outages of the whole survey."""
    cadence = parameters.cadence
    rng = np.random.default_rng(np.random.SeedSequence(parameters.seed, spawn_key=(1,)))
    first = math.floor(parameters.first_jd - 0.5) + 0.5
    n_nights = math.ceil(parameters.last_jd - first)
    jd = first + np.arange(n_nights)
    sun_ra, sun_dec = sun_position(jd)
    latitude = np.radians([[site.latitude_deg] for site in SITES])
    cosine = (np.sin(np.radians(_TWILIGHT_ALTITUDE_DEG)) - np.sin(latitude) * np.sin(sun_dec)) / (
        np.cos(latitude) * np.cos(sun_dec)
    )
    night_hours = 12 - np.degrees(np.arccos(np.clip(cosine, -1, 1))) / 15
    clear_days = cadence.cloudy_days * cadence.clear_share / max(1 - cadence.clear_share, 1e-9)
    clear = np.array([_alternating(rng, n_nights, clear_days, cadence.cloudy_days) for _ in SITES])
    rate = np.empty((len(UNITS), n_nights))
    for i, unit in enumerate(UNITS):
        works = _alternating(rng, n_nights, cadence.outage_every_days, cadence.outage_days)
        is_open = (jd < unit.closed[0]) | (jd > unit.closed[1])
        rate[i] = unit.rate * clear[UNIT_SITE[i]] * works * is_open
    rate *= np.where(jd > _SPARSE_AFTER_JD, _SPARSE_RATE, 1.0)
    light = moonlight(jd)
    rate *= 1 - cadence.full_moon_loss * light
    return Nights(first, rate, sun_ra, equation_of_time(jd), night_hours, light)


def _alternating(rng: np.random.Generator, n: int, mean_on: float, mean_off: float) -> np.ndarray:
    """On and off spells of exponential length, days."""
    ends = np.zeros(1)
    n_pairs = 8 + int(2 * n / (mean_on + mean_off))
    while ends[-1] < n:
        lengths = np.column_stack(
            [rng.exponential(mean_on, n_pairs), rng.exponential(mean_off, n_pairs)]
        )
        ends = np.concatenate([ends, ends[-1] + np.cumsum(lengths.ravel())])
    return np.searchsorted(ends[1:], np.arange(n), side="right") % 2 == 0


@njit(cache=True, nogil=True)
def _visit_cameras(
    rng, ra_hours, dec_rad, first_jd, unit, camera_first_jd, camera_last_jd,
    rate, sun_ra_hours, equation_hours, night_hours, unit_site, site_longitude, site_latitude,
    rate_active, rate_idle, to_idle, to_active, second_share,
    sin_altitude, minimum_hours, full_rate_hours, jd, camera,
):  # fmt: skip
    n = 0
    n_nights = rate.shape[1]
    for k in range(len(unit)):
        site = unit_site[unit[k]]
        latitude = site_latitude[site]
        cosine = (sin_altitude - math.sin(latitude) * math.sin(dec_rad)) / (
            math.cos(latitude) * math.cos(dec_rad)
        )
        if cosine >= 1.0:
            continue
        up_hours = 12.0 if cosine <= -1.0 else math.acos(cosine) * 12.0 / math.pi
        active = rng.random() < to_active / (to_active + to_idle)
        begin = max(0, math.ceil(camera_first_jd[k] - first_jd))
        end = min(n_nights, math.floor(camera_last_jd[k] - first_jd))
        for night in range(begin, end):
            if rng.random() < (to_idle if active else to_active):
                active = not active
            open_rate = rate[unit[k], night]
            if open_rate == 0.0:
                continue
            # Hour angle of the star at true midnight, when the sun's is 12 h.
            at_midnight = (12.0 + sun_ra_hours[night] - ra_hours + 12.0) % 24.0 - 12.0
            half = night_hours[site, night]
            best, best_from = 0.0, 0.0
            for turn in range(-1, 2):
                low = max(-half, -up_hours - at_midnight + 24.0 * turn)
                high = min(half, up_hours - at_midnight + 24.0 * turn)
                if high - low > best:
                    best, best_from = high - low, low
            if best < minimum_hours:
                continue
            chance = open_rate * (rate_active if active else rate_idle)
            if rng.random() >= chance * min(1.0, best / full_rate_hours):
                continue
            n_points = 2 if rng.random() < second_share else 1
            for _ in range(n_points):
                hours = best_from + best * rng.random() - equation_hours[night]
                when = first_jd + night + (hours / 24.0) - site_longitude[site] / 360.0
                # six decimals, as the files give them
                jd[n] = math.floor(when * 1e6 + 0.5) / 1e6
                camera[n] = k
                n += 1
    return n


def draw_visits(
    rng: np.random.Generator,
    nights: Nights,
    ra_deg: float,
    dec_deg: float,
    cameras: StarCameras,
    parameters: SimulationParameters,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw when each camera observes a star.

    Returns
    -------
    jd : (n_points,) float64 array
        Sorted.
    camera : (n_points,) int64 array
        Index into ``cameras``.
    """
    cadence = parameters.cadence
    days = np.clip(cameras.last_jd - np.maximum(cameras.first_jd, nights.first_jd), 0, None)
    capacity = int(2 * days.sum()) + 4 * len(cameras)
    jd, camera = np.empty(capacity), np.empty(capacity, np.int64)
    n = _visit_cameras(
        rng, ra_deg / 15, math.radians(dec_deg), nights.first_jd, cameras.unit, cameras.first_jd,
        cameras.last_jd, nights.rate, nights.sun_ra_hours, nights.equation_hours,
        nights.night_hours, UNIT_SITE, _SITE_LONGITUDE_DEG, _SITE_LATITUDE,
        cadence.visit_rate_active, cadence.visit_rate_idle,
        min(1.0, 1 / cadence.active_days), min(1.0, 1 / cadence.idle_days), cadence.second_point_share,
        math.sin(math.radians(cadence.minimum_altitude_deg)), cadence.minimum_hours,
        cadence.full_rate_hours, jd, camera,
    )  # fmt: skip
    order = np.argsort(jd[:n], kind="stable")
    return jd[order], camera[order]


_SITE_LONGITUDE_DEG = np.array([site.longitude_deg for site in SITES])
_SITE_LATITUDE = np.radians([site.latitude_deg for site in SITES])
