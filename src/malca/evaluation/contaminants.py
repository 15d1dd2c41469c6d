"""What is no dipper and may look like one, put into quiet stars, to see what stops it.

The first four families are those of the false-positive benchmark of the earlier MALCA; R CrB-like fades
are among them though a search for dips is right to find them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from malca.evaluation.nulls import AlteredPoints
from malca.kernels import profiles
from malca.lightcurves import Star

_SYNODIC_MONTH_DAYS = 29.530588853
_NEW_MOON_JD = 2451550.09766  # Meeus 1998, Astronomical Algorithms, Eq. 49.1


def contaminated(star: Star, family: str, rng: np.random.Generator) -> AlteredPoints:
    """Light curve of a star with a contaminant.

    Raises
    ------
    ValueError
        There is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"no contaminant '{family}': there are {', '.join(FAMILIES)}")
    mag = star.mag.astype(np.float64)
    if len(mag):
        mag = mag + FAMILIES[family](star, rng)
    return AlteredPoints(star.jd.copy(), mag, np.arange(len(mag)))


def _camera_offset(star: Star, rng: np.random.Generator) -> np.ndarray:
    """One camera fainter by 0.05 to 0.35 mag for 30 to 400 days."""
    start = rng.uniform(star.jd[0], star.jd[-1])
    during = (star.jd >= start) & (star.jd <= start + _log_uniform(rng, 30.0, 400.0))
    return np.where(_one_camera(star, rng) & during, rng.uniform(0.05, 0.35), 0.0)


def _camera_cluster(star: Star, rng: np.random.Generator) -> np.ndarray:
    """Scatter a tenth of one camera's points, one after the other, by 0.6 mag."""
    own = np.flatnonzero(_one_camera(star, rng))
    n = min(max(3, len(own) // 10), len(own))
    first = rng.integers(len(own) - n + 1)
    change = np.zeros(len(star.jd))
    change[own[first : first + n]] = rng.normal(0.0, 0.6, n)
    return change


def _semiregular(star: Star, rng: np.random.Generator) -> np.ndarray:
    """Pulsate by a sine of 20 to 180 days and 0.05 to 0.4 mag, coming and going."""
    period, half = _log_uniform(rng, 20.0, 180.0), rng.uniform(0.05, 0.4)
    beat = 1.0 + 0.4 * np.sin(_phase(star.jd, period * rng.uniform(5.0, 12.0), rng))
    return half * beat * np.sin(_phase(star.jd, period, rng))


def _r_crb(star: Star, rng: np.random.Generator) -> np.ndarray:
    """Fade by a Gaussian of 0.4 to 2 mag with a standard deviation of 30 to 250 days."""
    peak = rng.uniform(star.jd[0], star.jd[-1])
    return rng.uniform(0.4, 2.0) * profiles.gaussian_profile(star.jd, peak, rng.uniform(30.0, 250.0))


def _eclipsing_binary(star: Star, rng: np.random.Generator) -> np.ndarray:
    """Two eclipses a cycle of 0.4 to 30 days, 0.05 to 0.7 mag deep, 4 to 20 % of the cycle wide."""
    phase = _phase(star.jd, _log_uniform(rng, 0.4, 30.0), rng) / (2.0 * np.pi) % 1.0
    width, depth = rng.uniform(0.04, 0.2), _log_uniform(rng, 0.05, 0.7)
    second = depth * rng.uniform(0.1, 1.0)
    change = np.zeros(len(phase))
    for centre, deep in ((0.25, depth), (0.75, second)):
        change += deep * np.clip(1.5 - np.abs(phase - centre) * 3.0 / width, 0.0, 1.0)
    return change


def _spotted(star: Star, rng: np.random.Generator) -> np.ndarray:
    """Rotation in 1 to 40 days, 0.02 to 0.15 mag, with spots that live for 100 to 600 days."""
    period, life = _log_uniform(rng, 1.0, 40.0), rng.uniform(100.0, 600.0)
    strength = 0.5 * (1.0 + np.sin(_phase(star.jd, 2.0 * life, rng)))
    drift = 0.15 * np.sin(_phase(star.jd, 3.0 * life, rng))
    wave = np.sin(_phase(star.jd, period, rng) + 2.0 * np.pi * drift)
    return _log_uniform(rng, 0.02, 0.15) * strength * (wave + 1.0) / 2.0


def _blend(star: Star, rng: np.random.Generator) -> np.ndarray:
    """From some day on one camera's aperture holds a neighbour, which varies by half of its light."""
    own = _one_camera(star, rng)
    inside = star.jd[own]
    start = rng.uniform(inside[0], inside[-1])
    light = rng.uniform(0.05, 0.4)
    varying = light * (1.0 + 0.5 * np.sin(_phase(star.jd, _log_uniform(rng, 20.0, 300.0), rng)))
    return np.where(own & (star.jd >= start), -2.5 * np.log10(1.0 + varying), 0.0)


def _moonlight(star: Star, rng: np.random.Generator) -> np.ndarray:
    """Sky taken away too much around full moon: fainter by 0.02 to 0.12 mag there."""
    phase = ((star.jd - _NEW_MOON_JD) / _SYNODIC_MONTH_DAYS) % 1.0
    return rng.uniform(0.02, 0.12) * np.exp(-0.5 * ((phase - 0.5) / 0.08) ** 2)


def _bad_season(star: Star, rng: np.random.Generator) -> np.ndarray:
    """One year in which every camera scatters by 0.1 mag and is fainter by up to 0.1 mag."""
    start = rng.uniform(star.jd[0], max(star.jd[0], star.jd[-1] - 200.0))
    during = (star.jd >= start) & (star.jd < start + 200.0)
    return np.where(during, rng.uniform(0.0, 0.1) + rng.normal(0.0, 0.1, len(star.jd)), 0.0)


#: Contaminants by name.
FAMILIES: dict[str, Callable[[Star, np.random.Generator], np.ndarray]] = {
    "camera_offset": _camera_offset,
    "camera_cluster": _camera_cluster,
    "semiregular": _semiregular,
    "r_crb": _r_crb,
    "eclipsing_binary": _eclipsing_binary,
    "spotted": _spotted,
    "blend": _blend,
    "moonlight": _moonlight,
    "bad_season": _bad_season,
}


def _one_camera(star: Star, rng: np.random.Generator) -> np.ndarray:
    return star.camera == rng.choice(np.unique(star.camera))


def _phase(jd: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    return 2.0 * np.pi * ((jd - jd[0]) / period + rng.uniform())


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(low * (high / low) ** rng.uniform())
