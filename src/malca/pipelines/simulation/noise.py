"""From the flux of a star to what the survey reports of it."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from scipy.special import stdtrit

from malca.lightcurves import BAND_V

if TYPE_CHECKING:
    from malca.pipelines.simulation.cadence import Nights
    from malca.pipelines.simulation.cameras import StarCameras
    from malca.pipelines.simulation.parameters import NoiseParameters

#: Magnitude of 1 mJy in the AB system.
MAG_OF_1_MJY = 16.4
#: Δmag of a small relative flux error: 2.5 / ln 10.
MAG_PER_RELATIVE_FLUX = 2.5 / math.log(10.0)

_GROSS_OUTLIER_MAG = (0.2, 1.5)
_GROSS_OUTLIER_FAINT_SHARE = 0.6
_SATURATED_SCATTER_MAG = 0.08
# The cube of the lit fraction, which the sky follows, is below 1/8 in half of the nights.
_MEDIAN_MOONLIGHT = 0.125


class Photometry(NamedTuple):
    """Points of one star as reported, shape (n_points,) each.

    ``mag`` and ``mag_err`` are NaN where the star was not detected or its measurement failed.
    """

    mag: np.ndarray
    mag_err: np.ndarray
    good: np.ndarray
    saturated: np.ndarray


@njit(cache=True, nogil=True)
def _photometry(
    rng, jd, camera, flux, shift, light, band, offset, white, drift, drift_days, sky,
    common, common_v, common_days, numbers, mag, err, good, saturated,
):  # fmt: skip
    (sky_visit_dex, haze_share, haze_dex, moon_dex, flux_share, degrees, t_scale, gross_share,
     failed_share, bad_early, bad_late, bad_change, bad_scatter, good_until, detection,
     saturation, saturation_width) = numbers  # fmt: skip
    n_cameras = len(band)
    state = np.empty(n_cameras)
    last = np.full(n_cameras, np.nan)
    slow = rng.standard_normal()
    for i in range(len(jd)):
        k = camera[i]
        t = jd[i]
        # Ornstein–Uhlenbeck processes, advanced exactly over uneven steps
        if i > 0:
            memory = math.exp(-(t - jd[i - 1]) / common_days)
            slow = memory * slow + math.sqrt(1.0 - memory * memory) * rng.standard_normal()
        if math.isnan(last[k]):
            state[k] = rng.standard_normal()
        else:
            memory = math.exp(-(t - last[k]) / drift_days[k])
            state[k] = memory * state[k] + math.sqrt(1.0 - memory * memory) * rng.standard_normal()
        last[k] = t

        is_good = rng.random() >= (bad_early if t < bad_change else bad_late) and t < good_until
        scatter = white[k] if is_good else white[k] * bad_scatter
        delta = offset[k] + shift[i] + drift[k] * state[k]
        delta += (common_v if band[k] == BAND_V else common) * slow
        delta += scatter * rng.standard_t(degrees) / t_scale
        if rng.random() < gross_share:
            size = (
                _GROSS_OUTLIER_MAG[0] + (_GROSS_OUTLIER_MAG[1] - _GROSS_OUTLIER_MAG[0]) * rng.random()
            )
            delta += size if rng.random() < _GROSS_OUTLIER_FAINT_SHARE else -size

        dex = moon_dex * (light[i] ** 3 - _MEDIAN_MOONLIGHT) + sky_visit_dex * rng.standard_normal()
        if rng.random() < haze_share:
            dex += haze_dex * rng.exponential()
        noise = math.hypot(sky[k] * 10.0**dex, flux_share * flux[i])
        measured = flux[i] * 10.0 ** (-0.4 * delta)
        brightness = MAG_OF_1_MJY - 2.5 * math.log10(max(measured, 1e-9))
        is_saturated = rng.random() < 1.0 / (
            1.0 + math.exp((brightness - saturation) / saturation_width)
        )
        if is_saturated:
            measured *= 10.0 ** (-0.4 * _SATURATED_SCATTER_MAG * rng.standard_normal())
        measured += noise * rng.standard_normal()
        if rng.random() < failed_share or measured < detection * noise:
            mag[i] = np.nan
            err[i] = np.nan
        else:
            # four decimals, as the files give them
            mag[i] = math.floor((MAG_OF_1_MJY - 2.5 * math.log10(measured)) * 1e4 + 0.5) / 1e4
            err[i] = math.floor(MAG_PER_RELATIVE_FLUX * noise / measured * 1e4 + 0.5) / 1e4
        good[i] = is_good
        saturated[i] = is_saturated


@cache
def robust_t_scale(degrees: float) -> float:
    """1.4826 MAD of Student's t: what divides it to give robust sigma 1."""
    return float(1.482602218505602 * stdtrit(degrees, 0.75))


def observe(
    rng: np.random.Generator,
    jd: np.ndarray,
    camera: np.ndarray,
    flux_mjy: np.ndarray,
    shift_mag: np.ndarray,
    cameras: StarCameras,
    nights: Nights,
    noise: NoiseParameters,
) -> Photometry:
    """Observe a star: noise in flux, zero points, drifts, flags and detection limit.

    Parameters
    ----------
    rng : Generator
    jd : (n_points,) float64 array
        Sorted.
    camera : (n_points,) int64 array
        Index into ``cameras``.
    flux_mjy : (n_points,) float64 array
        True flux within the aperture, mJy.
    shift_mag : (n_points,) float64 array
        What goes wrong in a camera, mag.
    cameras : StarCameras
    nights : Nights
    noise : NoiseParameters
    """
    n = len(jd)
    spread = math.exp(noise.common_spread * rng.standard_normal())
    mag, err = np.empty(n), np.empty(n)
    good, saturated = np.empty(n, np.bool_), np.empty(n, np.bool_)
    light = nights.moonlight[
        np.clip((jd - nights.first_jd).astype(np.int64), 0, len(nights.moonlight) - 1)
    ]
    numbers = (
        noise.sky_visit_dex, noise.haze_share, noise.haze_dex, noise.moon_dex, noise.flux_share,
        noise.tail_degrees, robust_t_scale(noise.tail_degrees), noise.gross_outlier_share,
        noise.failed_share, noise.bad_share_early, noise.bad_share_late, noise.bad_share_change_jd,
        noise.bad_scatter, noise.good_until_jd, noise.detection_sigma, noise.saturation_mag,
        noise.saturation_width_mag,
    )  # fmt: skip
    _photometry(
        rng, jd, camera, flux_mjy, shift_mag, light, cameras.band, cameras.offset_mag,
        cameras.white_mag, cameras.drift_mag, cameras.drift_days, cameras.sky_mjy,
        noise.common_mag * spread, noise.common_v_mag * spread, noise.common_days, numbers,
        mag, err, good, saturated,
    )  # fmt: skip
    return Photometry(mag.astype(np.float32), err.astype(np.float32), good, saturated)
