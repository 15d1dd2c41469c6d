"""What WISE says of warm dust about a star at the distance of what dims it.

Dust in equilibrium with starlight shines as a black body; the share of the star's light that it takes
and gives back is its fractional luminosity (Wyatt 2008, ARA&A 46, 339). A band without excess sets an
upper limit to it, which says most where the band is near the peak of the dust's emission: W3 and W4 for
dust at an AU or a few from a star like the Sun.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from malca.astrophysics.main_sequence import along_sequence

_AU_PER_RSUN = 0.0046504673
_HC_OVER_K_UM_K = 14387.77
#: Wavelengths of the bands, µm (Wright+ 2010, AJ 140, 1868).
WISE_UM = {"w1": 3.3526, "w2": 4.6028, "w3": 11.5608, "w4": 22.0883}
#: Error of the photosphere's flux, mag, as predicted from Ks: scatter and zero points.
PHOTOSPHERE_ERROR_MAG = 0.05


class DustLimit(NamedTuple):
    """Dust as the WISE bands allow it, (n,) arrays.

    Attributes
    ----------
    luminosity_ratio_max : float64
        Largest fractional luminosity that no band rules out.
    band : object
        The band that says so, "" where none does.
    excess_sigma : float64
        Significance of the most significant excess, negative for a deficit.
    excess_band : object
    """

    luminosity_ratio_max: np.ndarray
    band: np.ndarray
    excess_sigma: np.ndarray
    excess_band: np.ndarray


def equilibrium_temperature(
    axis_au: np.ndarray, teff_k: np.ndarray, star_radius_rsun: np.ndarray
) -> np.ndarray:
    """Temperature, K, of a black grain: T √(R / 2a), 278 K at 1 AU of the Sun."""
    axis = np.asarray(axis_au, float) / _AU_PER_RSUN
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(teff_k, float) * np.sqrt(np.asarray(star_radius_rsun, float) / (2 * axis))


def excess_over_fractional_luminosity(
    band_um: float, dust_k: np.ndarray, teff_k: np.ndarray
) -> np.ndarray:
    """Flux of dust over that of the photosphere in a band, for a fractional luminosity of 1.

    Both are black bodies: (B_λ(T_d) / T_d⁴) / (B_λ(T) / T⁴).
    """
    dust, star = np.asarray(dust_k, float), np.asarray(teff_k, float)
    x_dust, x_star = (_HC_OVER_K_UM_K / (band_um * t) for t in (dust, star))
    # expm1 of the dust overflows for cold grains, where there is no flux either
    planck = np.expm1(x_star) * np.exp(-x_dust) / -np.expm1(-x_dust)
    return planck * (star / dust) ** 4


def photosphere(band: str, ks0_mag: np.ndarray, teff_k: np.ndarray) -> np.ndarray:
    """Magnitude of the photosphere in a WISE band, from dereddened Ks (Pecaut & Mamajek 2013)."""
    colour = along_sequence("teff_k", "ks_w1_mag", teff_k)
    if band != "w1":
        colour = colour + along_sequence("teff_k", f"w1_{band}_mag", teff_k)
    return np.asarray(ks0_mag, float) - colour


def dust_limit(
    dust_k: np.ndarray,
    teff_k: np.ndarray,
    ks0_mag: np.ndarray,
    wise_mag: dict[str, np.ndarray],
    wise_error_mag: dict[str, np.ndarray],
    n_sigma: float = 3.0,
) -> DustLimit:
    """Say how much dust of one temperature the WISE bands allow.

    Parameters
    ----------
    dust_k, teff_k : (n,) arrays
        Temperature of the dust and of the star.
    ks0_mag : (n,) array
        Ks, dereddened, out of the dip.
    wise_mag, wise_error_mag : mappings of str to (n,) arrays
        By band, of ``WISE_UM``: magnitudes (dereddened where that matters) and errors. A band with a
        magnitude but no error is an upper limit of the flux, as AllWISE gives it.
    n_sigma : float

    Returns
    -------
    DustLimit
        A band counts where the photosphere is known: Ks, and W1 from 2,570 to 31,400 K, the others
        from 4,440 to 15,700 K. What is not known in any band is NaN.
    """
    n = len(np.asarray(dust_k))
    best, which = np.full(n, np.nan), np.full(n, "", dtype=object)
    sigma, sigma_band = np.full(n, np.nan), np.full(n, "", dtype=object)
    for band, wavelength in WISE_UM.items():
        if band not in wise_mag:
            continue
        measured = np.asarray(wise_mag[band], float)
        error = np.asarray(wise_error_mag[band], float)
        ratio = 10 ** (0.4 * (photosphere(band, ks0_mag, teff_k) - measured))
        excess = ratio - 1
        with np.errstate(invalid="ignore"):
            scatter = np.log(10) / 2.5 * np.hypot(ratio * error, PHOTOSPHERE_ERROR_MAG)
        detected = np.isfinite(scatter)
        largest = np.where(detected, np.maximum(excess, 0) + n_sigma * scatter, np.maximum(excess, 0))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            limit = largest / excess_over_fractional_luminosity(wavelength, dust_k, teff_k)
        limit = np.where(limit > 0, limit, np.nan)
        better = np.isfinite(limit) & ~(limit >= best)
        best[better], which[better] = limit[better], band
        here = np.where(detected, excess / np.where(detected, scatter, 1.0), np.nan)
        stronger = np.isfinite(here) & ~(here <= sigma)
        sigma[stronger], sigma_band[stronger] = here[stronger], band
    return DustLimit(best, which, sigma, sigma_band)


def ring_luminosity(axis_au: np.ndarray, occulter_radius_rsun: np.ndarray) -> np.ndarray:
    """Fractional luminosity of an opaque ring as high as the occulter: the sky of the star it covers.

    A band of half-height S at distance a covers S / a of all directions (S « a). A lone sphere covers
    no more than S² / 4a².
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.minimum(
            np.asarray(occulter_radius_rsun, float) * _AU_PER_RSUN / np.asarray(axis_au, float), 1.0
        )
