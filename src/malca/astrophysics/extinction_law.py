"""How extinction at one wavelength compares with another for any R_V (Cardelli, Clayton & Mathis 1989).

For dereddening with the mean law see ``malca.astrophysics.extinction``; this one is for asking which
R_V a reddening that was measured corresponds to.
"""

from __future__ import annotations

import numpy as np

#: Effective wavelengths of bands in which dips are compared, µm: the Sloan g of ASAS-SN and Johnson V
#: (Shappee+ 2014, ApJ 788, 48; SVO filter service), and ZTF's (Bellm+ 2019, PASP 131, 018002).
EFFECTIVE_WAVELENGTHS_UM = {"g": 0.477, "V": 0.545, "ztf_g": 0.480, "ztf_r": 0.644, "ztf_i": 0.790}

_A = (1.0, 0.17699, -0.50447, -0.02427, 0.72085, 0.01979, -0.77530, 0.32999)
_B = (0.0, 1.41338, 2.28305, 1.07233, -5.38434, -0.62251, 5.30260, -2.09002)


def law_coefficients(wavelength_um: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients a and b of ``A(wavelength) / A(V) = a + b / R_V``, 0.303 to 3.3 µm.

    Cardelli, Clayton & Mathis 1989 (ApJ 345, 245), equations 2 and 3.

    Raises
    ------
    ValueError
        A wavelength outside this range.
    """
    x = 1 / np.asarray(wavelength_um, float)
    if np.any((x < 0.3) | (x > 3.3)):
        raise ValueError("wavelength must be from 0.303 to 3.3 µm")
    y = x - 1.82
    near_infrared = x < 1.1
    power = x**1.61
    a = np.where(near_infrared, 0.574 * power, np.polynomial.polynomial.polyval(y, _A))
    b = np.where(near_infrared, -0.527 * power, np.polynomial.polynomial.polyval(y, _B))
    return a, b


def extinction_ratio(
    wavelength_um: np.ndarray | float, other_um: np.ndarray | float, r_v: np.ndarray | float
) -> np.ndarray:
    """Extinction at one wavelength over that at another, for R_V."""
    a, b = law_coefficients(wavelength_um)
    other_a, other_b = law_coefficients(other_um)
    return np.asarray((a * r_v + b) / (other_a * r_v + other_b))


def implied_r_v(ratio: np.ndarray | float, wavelength_um: float, other_um: float) -> np.ndarray:
    """R_V for which ``extinction_ratio`` is ``ratio``: its inverse; NaN where no positive one is."""
    a, b = law_coefficients(wavelength_um)
    other_a, other_b = law_coefficients(other_um)
    ratio = np.asarray(ratio, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        r_v = (ratio * other_b - b) / (a - ratio * other_a)
    return np.where(np.isfinite(r_v) & (r_v > 0), r_v, np.nan)
