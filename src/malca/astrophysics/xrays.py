"""X-ray sources: which of them can be a star, and how luminous it is then."""

from __future__ import annotations

import numpy as np

from malca.astrophysics.astrometry import ARCSEC_PER_RADIAN

_CM_PER_PC = 3.0856775814913673e18
_DEG_PER_RADIAN = 180 / np.pi


def separation_in_sigma(
    sep_arcsec: np.ndarray, position_error_arcsec: np.ndarray, sky_error_arcsec: float
) -> np.ndarray:
    """Separation in standard deviations of a coordinate, shape of ``sep_arcsec``.

    For a true counterpart it follows a Rayleigh distribution: exp(-x²/2) of them are further away.

    Parameters
    ----------
    sep_arcsec : array
        Separation of star and source, arcsec.
    position_error_arcsec : array
        Standard error of the source's position in a coordinate, arcsec.
    sky_error_arcsec : float
        That of the star's.
    """
    return np.asarray(sep_arcsec) / np.hypot(position_error_arcsec, sky_error_arcsec)


def chance_probability(sep_arcsec: np.ndarray, density_deg2: float) -> np.ndarray:
    """Probability that an unrelated source lies as near as this, of Poisson-distributed sources.

    Parameters
    ----------
    sep_arcsec : array
        Separation, arcsec, small.
    density_deg2 : float
        Sources a square degree.
    """
    radius_deg = np.asarray(sep_arcsec) / ARCSEC_PER_RADIAN * _DEG_PER_RADIAN
    return np.asarray(-np.expm1(-np.pi * radius_deg**2 * density_deg2))


def log10_luminosity(flux_cgs: np.ndarray, distance_pc: np.ndarray) -> np.ndarray:
    """Give the common logarithm of L = 4 π d² F, erg/s, not corrected for absorption.

    Parameters
    ----------
    flux_cgs : array
        Flux, erg/s/cm²; NaN where it is not positive.
    distance_pc : array
        Distance, pc.
    """
    flux, distance = np.asarray(flux_cgs, float), np.asarray(distance_pc, float)
    usable = (flux > 0) & (distance > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log10(4 * np.pi) + 2 * np.log10(distance * _CM_PER_PC) + np.log10(flux)
    return np.asarray(np.where(usable, value, np.nan))
