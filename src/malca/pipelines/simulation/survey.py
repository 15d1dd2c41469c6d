"""Stars of the sample survey, made one by one from their own random streams, many at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from malca.lightcurves import BAND_V, STAR_DTYPES, LightCurves
from malca.pipelines.simulation.cadence import Nights, draw_visits, make_nights
from malca.pipelines.simulation.cameras import CAMERAS, UNIT_BAND, StarCameras, draw_cameras
from malca.pipelines.simulation.noise import MAG_OF_1_MJY, Photometry, observe
from malca.pipelines.simulation.populations import POPULATIONS, draw_stars
from malca.pipelines.simulation.signals import Signal, Visits

if TYPE_CHECKING:
    from malca.pipelines.simulation.parameters import SimulationParameters

#: Columns of an index file, in its order.
INDEX_COLUMNS = (
    "asas_sn_id", "ra_deg", "dec_deg", "pm_ra", "pm_dec", "gaia_id", "gaia_mag", "gaia_b_mag",
    "gaia_r_mag", "gaia_eff_temp", "gaia_g_extinc", "gaia_var", "pstarrs_g_mag", "pstarrs_r_mag",
    "pstarrs_i_mag",
)  # fmt: skip

TRUTH_DTYPES = {
    "asas_sn_id": "int64", "star": "int64", "mag_bin": "str", "index_num": "int64", "population": "str",
    "ra_deg": "float64", "dec_deg": "float64", "pm_ra": "float64", "pm_dec": "float64",
    "g_mag": "float64", "v_mag": "float64", "period_days": "float64", "amplitude_mag": "float64",
    "n_points": "int64", "n_usable_points": "int64", "n_cameras": "int64", "n_bad_cameras": "int64",
    "n_fields": "int64", "n_events": "int64", "scatter_mag": "float64", "artefact_camera": "str",
    "artefact_jd_start": "float64", "artefact_jd_end": "float64",
}  # fmt: skip
EVENT_DTYPES = {
    "asas_sn_id": "int64", "population": "str", "kind": "str", "shape": "str", "jd_start": "float64",
    "jd_end": "float64", "jd_peak": "float64", "duration_days": "float64", "fwhm_days": "float64",
    "depth_mag": "float64",
    "n_points_inside": "int64", "n_bad_points_inside": "int64", "n_cameras_inside": "int64",
    "sampled_depth_mag": "float64", "peak_snr": "float64", "total_snr": "float64",
}  # fmt: skip

_FIELD_STEP_DEG = 4.5
_MAX_REPORTED_ERR_MAG = 1.0


class _Star(NamedTuple):
    jd: np.ndarray
    camera: np.ndarray
    field: np.ndarray
    photometry: Photometry
    truth: dict[str, Any]
    events: list[dict[str, Any]]


class Portion(NamedTuple):
    """A portion of the survey: whole index files with their light curves and their truth."""

    stars: pd.DataFrame
    lightcurves: LightCurves
    truth: pd.DataFrame
    truth_events: pd.DataFrame


def star_generator(seed: int, star: int) -> np.random.Generator:
    """Make the random stream of one star, which depends on nothing but the seed and its number."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(2, star))))


def simulate_star(row: Any, nights: Nights, parameters: SimulationParameters) -> _Star:
    """Simulate one star.

    Parameters
    ----------
    row : row of ``draw_stars`` with attributes
    nights : Nights
    parameters : SimulationParameters
    """
    rng = star_generator(parameters.seed, row.star)
    noise = parameters.noise
    cameras = draw_cameras(rng, row.dec_deg, parameters.last_jd, parameters.cameras, noise)
    jd, camera = draw_visits(rng, nights, row.ra_deg, row.dec_deg, cameras, parameters)
    band = cameras.band[camera]
    first, last = (jd[0], jd[-1]) if len(jd) else (parameters.first_jd, parameters.last_jd)
    visits = Visits(jd, band, camera, len(cameras), first, last, noise.good_until_jd)
    signal = POPULATIONS[row.population].signal(rng, visits)
    quiet_flux = 10 ** (0.4 * (MAG_OF_1_MJY - np.where(band == BAND_V, row.v_mag, row.g_mag)))
    own = 10 ** (-0.4 * (signal.variation_mag + signal.event_mag))
    photometry = observe(
        rng,
        jd,
        camera,
        quiet_flux * (own + signal.neighbour_flux),
        signal.shift_mag,
        cameras,
        nights,
        noise,
    )
    # What the events change of all the light in the aperture: a neighbour dilutes them.
    eventless = 10 ** (-0.4 * signal.variation_mag) + signal.neighbour_flux
    seen_mag = 2.5 * np.log10(eventless / (own + signal.neighbour_flux))
    usable = (
        np.isfinite(photometry.mag)
        & (photometry.mag_err > 0)
        & (photometry.mag_err < _MAX_REPORTED_ERR_MAG)
        & ~photometry.saturated
    )
    sigma = _expected_scatter(camera, band, photometry, cameras, parameters)
    truth = {
        "n_points": len(jd),
        "n_usable_points": int((usable & photometry.good).sum()),
        "n_cameras": len(np.unique(camera)),
        "n_bad_cameras": int(cameras.is_bad.sum()),
        "n_fields": len(np.unique(cameras.field)),
        "n_events": len(signal.events),
        "scatter_mag": float(np.median(sigma[usable])) if usable.any() else np.nan,
        "period_days": signal.period_days,
        "amplitude_mag": signal.amplitude_mag,
        "artefact_camera": CAMERAS[cameras.camera[signal.artefact_camera]].name
        if signal.artefact_camera >= 0
        else "",
        "artefact_jd_start": signal.artefact_jd[0],
        "artefact_jd_end": signal.artefact_jd[1],
    }
    events = _event_rows(jd, camera, seen_mag, sigma, usable, photometry.good, signal)
    return _Star(jd, cameras.camera[camera], cameras.field[camera], photometry, truth, events)


def _expected_scatter(
    camera: np.ndarray,
    band: np.ndarray,
    photometry: Photometry,
    cameras: StarCameras,
    parameters: SimulationParameters,
) -> np.ndarray:
    """Compute the standard deviation of each point's noise, white and slow, mag."""
    noise = parameters.noise
    common = np.where(band == BAND_V, noise.common_v_mag, noise.common_mag)
    variance = cameras.white_mag[camera] ** 2 + cameras.drift_mag[camera] ** 2 + common**2
    return np.sqrt(variance + photometry.mag_err.astype(np.float64) ** 2)


def _event_rows(
    jd: np.ndarray,
    camera: np.ndarray,
    seen_mag: np.ndarray,
    sigma: np.ndarray,
    usable: np.ndarray,
    good: np.ndarray,
    signal: Signal,
) -> list[dict[str, Any]]:
    rows = []
    for event in signal.events:
        part = slice(
            np.searchsorted(jd, event.jd_start), np.searchsorted(jd, event.jd_end, side="right")
        )
        chosen = usable[part] & good[part]
        size = (seen_mag[part] * (1 if event.kind == "dip" else -1))[chosen]
        snr = size / sigma[part][chosen]
        rows.append(
            {
                **event._asdict(),
                "duration_days": event.jd_end - event.jd_start,
                "n_points_inside": int(chosen.sum()),
                "n_bad_points_inside": int((usable[part] & ~good[part]).sum()),
                "n_cameras_inside": len(np.unique(camera[part][chosen])),
                "sampled_depth_mag": float(size.max()) if len(size) else np.nan,
                "peak_snr": float(snr.max()) if len(snr) else np.nan,
                "total_snr": float(np.sqrt((snr * snr).sum())) if len(snr) else np.nan,
            }
        )
    return rows


def simulate_portion(
    stars: pd.DataFrame, nights: Nights, parameters: SimulationParameters, pool: ThreadPoolExecutor
) -> Portion:
    """Simulate some rows of ``draw_stars``."""
    rows = list(stars.itertuples(index=False))
    made = list(pool.map(lambda row: simulate_star(row, nights, parameters), rows))
    lengths = [len(star.jd) for star in made]
    names: dict[str, int] = {}
    fields = [
        np.array(
            [names.setdefault(_field_name(row.ra_deg, row.dec_deg, k), len(names)) for k in range(4)],
            np.int16,
        )
        for row in rows
    ]
    lightcurves = LightCurves(
        stars=pd.DataFrame(
            {
                "asas_sn_id": stars["asas_sn_id"],
                "name": stars["asas_sn_id"].astype("str"),
                "time_system": "JD",
                "gaia_id": pd.NA,
                "gaia_release": "",
                "source": "",
            }
        ).astype(STAR_DTYPES).reset_index(drop=True),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        jd=_joined([star.jd for star in made], np.float64),
        mag=_joined([star.photometry.mag for star in made], np.float32),
        mag_err=_joined([star.photometry.mag_err for star in made], np.float32),
        camera=_joined([star.camera for star in made], np.int16),
        band=_joined([_CAMERA_BAND[star.camera] for star in made], np.int8),
        good=_joined([star.photometry.good for star in made], np.bool_),
        saturated=_joined([star.photometry.saturated for star in made], np.bool_),
        field=_joined([codes[star.field] for codes, star in zip(fields, made, strict=True)], np.int16),
        cameras=CAMERAS,
        fields=tuple(names),
    )  # fmt: skip
    known = stars[[name for name in TRUTH_DTYPES if name in stars.columns]].reset_index(drop=True)
    truth = pd.concat([known, pd.DataFrame([star.truth for star in made])], axis=1)
    events = pd.DataFrame(
        [
            {"asas_sn_id": row.asas_sn_id, "population": row.population, **event}
            for row, star in zip(rows, made, strict=True)
            for event in star.events
        ],
        columns=list(EVENT_DTYPES),
    )
    return Portion(
        stars=stars,
        lightcurves=lightcurves,
        truth=truth[list(TRUTH_DTYPES)].astype(TRUTH_DTYPES),
        truth_events=events.astype(EVENT_DTYPES),
    )


def simulate_portions(parameters: SimulationParameters) -> Iterator[Portion]:
    """Simulate the survey in portions of whole index files."""
    stars = draw_stars(parameters)
    nights = make_nights(parameters)
    workers = parameters.workers or os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for start, stop in _portions(stars, parameters.stars_per_chunk):
            yield simulate_portion(stars.iloc[start:stop], nights, parameters, pool)


def _portions(stars: pd.DataFrame, size: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most ``size`` stars, cut between index files (a larger file stays whole)."""
    change = (
        stars["mag_bin"].ne(stars["mag_bin"].shift()) | stars["index_num"].diff().ne(0)
    ).to_numpy()
    ends = np.append(np.flatnonzero(change)[1:], len(stars))
    start = 0
    while start < len(stars):
        fitting = ends[(ends > start) & (ends <= start + size)]
        stop = int(fitting[-1]) if len(fitting) else int(ends[ends > start][0])
        yield start, stop
        start = stop


def _field_name(ra_deg: float, dec_deg: float, k: int) -> str:
    """Name of the k-th of the overlapping fields about a position, such as ``F1204+40``."""
    dec = _FIELD_STEP_DEG * np.floor(dec_deg / _FIELD_STEP_DEG + 0.5 * (k // 2)) + 0.5 * _FIELD_STEP_DEG
    dec = float(np.clip(dec, -90, 90))
    step = _FIELD_STEP_DEG / max(np.cos(np.radians(dec)), 0.05)
    ra = step * np.floor(ra_deg / step + 0.5 * (k % 2)) % 360
    return f"F{int(ra / 15):02d}{int(ra * 4 % 60):02d}{dec:+03.0f}"


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *parts]).astype(dtype, copy=False)


_CAMERA_BAND = np.repeat(UNIT_BAND, 4)
