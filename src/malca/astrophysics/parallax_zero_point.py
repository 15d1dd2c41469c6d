"""Zero-point of Gaia's parallaxes as a function of magnitude, colour and ecliptic latitude.

Lindegren+ 2021b, A&A 649, A4: the functions Z5 and Z6 for solutions with five and six astrometric
parameters (their Tables 9 and 10; EDR3 and DR3 have the same astrometry). Above G = 13 or so,
independent checks agree to a few microarcseconds; for brighter stars to about ten.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Obliquity of the ecliptic of Gaia's ecliptic latitudes, arcsec (Gaia DR3 documentation, 4.1.7).
OBLIQUITY_ARCSEC = 84381.41100
#: Median of quasars over the sky, mas (Lindegren+ 2021a, A&A 649, A2): for stars without a colour.
MEDIAN_ZERO_POINT_MAS = -0.017
#: Wavenumbers, 1/µm, in which Z5 and Z6 were determined.
WAVENUMBER_RANGES = {5: (1.1, 1.9), 6: (1.24, 1.72)}


class _Table(NamedTuple):
    colour: tuple[int, ...]  # number of the basis function of the wavenumber, a column of coefficients
    latitude: tuple[int, ...]  # of the one of the ecliptic latitude
    g_mag: np.ndarray
    coefficients: np.ndarray  # (magnitudes, columns), µas


_G_MAG = np.array([6.0, 10.8, 11.2, 11.8, 12.2, 12.9, 13.1, 15.9, 16.1, 17.5, 19.0, 20.0, 21.0])
_TABLES = {
    5: _Table(
        (0, 0, 0, 1, 1, 2, 3, 4),
        (0, 1, 2, 0, 1, 0, 0, 0),
        _G_MAG,
        np.array(
            [
                [-26.98, -9.62, 27.40, -25.1, 0.0, -1257, 0.0, 0.0],
                [-27.23, -3.07, 23.04, 35.3, 15.7, -1257, 0.0, 0.0],
                [-30.33, -9.23, 9.08, -88.4, -11.8, -1257, 0.0, 0.0],
                [-33.54, -10.08, 13.28, -126.7, 11.6, -1257, 0.0, 0.0],
                [-13.65, -0.07, 9.35, -111.4, 40.6, -1257, 0.0, 0.0],
                [-19.53, -1.64, 15.86, -66.8, 20.6, -1257, 0.0, 0.0],
                [-37.99, 2.63, 16.14, -5.7, 14.0, -1257, 107.9, 104.3],
                [-38.33, 5.61, 15.42, 0.0, 18.7, -1189, 243.8, 155.2],
                [-31.05, 2.83, 8.59, 0.0, 15.5, -1404, 105.5, 170.7],
                [-29.18, -0.09, 2.41, 0.0, 24.5, -1165, 189.7, 325.0],
                [-18.40, 5.98, -6.46, 0.0, 5.5, 0.0, 0.0, 276.6],
                [-12.65, -4.57, -7.46, 0.0, 97.9, 0.0, 0.0, 0.0],
                [-18.22, -15.24, -18.54, 0.0, 128.2, 0.0, 0.0, 0.0],
            ]
        ),
    ),
    6: _Table(
        (0, 0, 0, 1, 1, 1, 2),
        (0, 1, 2, 0, 1, 2, 0),
        _G_MAG,
        np.array(
            [
                [-27.85, -7.78, 27.47, -32.1, 14.4, 9.5, -67],
                [-28.91, -3.57, 22.92, 7.7, 12.6, 1.6, -572],
                [-26.72, -8.74, 9.36, -30.3, 5.6, 17.2, -1104],
                [-29.04, -9.69, 13.63, -49.4, 36.3, 17.7, -1129],
                [-12.39, -2.16, 10.23, -92.6, 19.8, 27.6, -365],
                [-18.99, -1.93, 15.90, -57.2, -8.0, 19.9, -554],
                [-38.29, 2.59, 16.20, -10.5, 1.4, 0.4, -960],
                [-36.83, 4.20, 15.76, 22.3, 11.1, 10.0, -1367],
                [-28.37, 1.99, 9.28, 50.4, 17.2, 13.7, -1351],
                [-24.68, -1.37, 3.52, 86.8, 19.8, 21.3, -1380],
                [-15.32, 4.01, -6.03, 29.2, 14.1, 0.4, -563],
                [-13.73, -10.92, -8.30, -74.4, 196.4, -42.0, 536],
                [-29.53, -20.34, -18.74, -39.5, 326.8, -262.3, 1598],
            ]
        ),
    ),
}


def effective_wavenumber(bp_rp_mag: np.ndarray) -> np.ndarray:
    """Effective wavenumber of a star's light, 1/µm (Lindegren+ 2021a, A&A 649, A2, equation 3).

    What Gaia's solutions with five parameters took a star's colour to be.
    """
    return 1.76 - 1.61 / np.pi * np.arctan(0.531 * np.asarray(bp_rp_mag, float))


def ecliptic_latitude_deg(ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
    """Ecliptic latitude of ICRS positions, degrees, as Gaia's catalogue gives it."""
    ra, dec = np.radians(np.asarray(ra_deg, float)), np.radians(np.asarray(dec_deg, float))
    obliquity = np.radians(OBLIQUITY_ARCSEC / 3600)
    sine = np.sin(dec) * np.cos(obliquity) - np.cos(dec) * np.sin(obliquity) * np.sin(ra)
    return np.degrees(np.arcsin(np.clip(sine, -1, 1)))


def parallax_zero_point_mas(
    g_mag: np.ndarray,
    wavenumber: np.ndarray,
    ecliptic_latitude_deg: np.ndarray,
    n_parameters: int = 5,
) -> np.ndarray:
    """Zero-point to be subtracted from a catalogued parallax, mas.

    Parameters
    ----------
    g_mag : (n,) array
        G magnitude; beyond 6 to 21 the value at the end is taken.
    wavenumber : (n,) array
        1/µm: with five parameters the effective wavenumber used in the astrometry, with six the
        pseudocolour.
    ecliptic_latitude_deg : (n,) array
        Degrees.
    n_parameters : int
        5 or 6 astrometric parameters solved for (``astrometric_params_solved`` 31 or 95).

    Returns
    -------
    (n,) array
        NaN where something is not known, or the wavenumber is out of ``WAVENUMBER_RANGES``.
    """
    table = _TABLES[n_parameters]
    g, nu, latitude = np.broadcast_arrays(
        *(np.asarray(a, float) for a in (g_mag, wavenumber, ecliptic_latitude_deg))
    )
    sine = np.sin(np.radians(latitude))
    colour = np.stack(
        [
            np.ones_like(nu),
            np.clip(nu - 1.48, -0.24, 0.24),
            np.clip(1.48 - nu, 0.0, 0.24) ** 3,
            np.minimum(nu - 1.24, 0.0),
            np.maximum(nu - 1.72, 0.0),
        ]
    )
    place = np.stack([np.ones_like(sine), sine, sine**2 - 1 / 3])
    zero_point = np.zeros(g.shape)
    for k, (j, i) in enumerate(zip(table.colour, table.latitude, strict=True)):
        # np.interp holds the ends
        zero_point += np.interp(g, table.g_mag, table.coefficients[:, k]) * colour[j] * place[i]
    low, high = WAVENUMBER_RANGES[n_parameters]
    return np.where((nu >= low) & (nu <= high) & np.isfinite(g), zero_point, np.nan) / 1000
