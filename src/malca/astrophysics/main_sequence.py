"""Mean properties of main-sequence stars along the sequence.

Pecaut & Mamajek (2013, ApJS 208, 9, table 5) as its authors have kept it since ("A Modern Mean Dwarf
Stellar Color and Effective Temperature Sequence", version 2024.05.15); masses are "tentative" in their
words. Gaia colours are of DR2, from which those of DR3 differ by some 0.01 mag.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

# Type, Teff (K), log L, Mbol, R (Rsun), M (Msun), BP-RP, M_G, M_Ks, Ks-W1, W1-W2, W1-W3, W1-W4
_TABLE = """
B0V   31400  4.652 -6.89 7.16  17.7  ...    ...    -2.942 0.016 ...    ...    ...
B2V   20600  3.428 -3.83 4.06  7.3   ...    ...    -1.198 0.023 ...    ...    ...
B5V   15700  2.772 -2.19 3.36  4.7   ...    -0.84  -0.376 0.029 -0.045 -0.117 -0.070
B8V   12300  2.188 -0.73 2.86  3.38  ...    -0.01  0.254  0.033 -0.046 -0.116 -0.067
B9V   10700  1.864 0.08  2.49  2.75  -0.120 0.515  0.621  0.038 -0.063 -0.104 -0.054
A0V   9700   1.584 0.78  2.193 2.33  -0.037 1.00   0.949  0.042 -0.041 -0.074 -0.022
A2V   8840   1.384 1.28  2.117 2.06  0.068  1.345  1.172  0.044 -0.034 -0.067 -0.029
A3V   8600   1.232 1.66  1.861 1.92  0.110  1.69   1.447  0.045 -0.033 -0.066 -0.029
A5V   8100   1.092 2.01  1.785 1.86  0.194  1.98   1.607  0.046 -0.030 -0.058 -0.021
A7V   7760   1.000 2.24  1.750 1.76  0.263  2.19   1.702  0.047 -0.030 -0.056 -0.017
F0V   7220   0.864 2.58  1.728 1.60  0.377  2.51   1.836  0.049 -0.026 -0.050 0.003
F2V   6820   0.710 2.97  1.622 1.43  0.490  2.89   2.045  0.051 -0.027 -0.046 0.011
F3V   6750   0.668 3.07  1.578 1.41  0.518  2.99   2.116  0.051 -0.028 -0.046 0.008
F5V   6550   0.556 3.35  1.473 1.32  0.587  3.26   2.291  0.052 -0.030 -0.045 -0.004
F6V   6350   0.432 3.66  1.359 1.25  0.640  3.56   2.50   0.054 -0.033 -0.045 -0.012
F8V   6180   0.292 4.01  1.221 1.16  0.694  3.90   2.76   0.056 -0.039 -0.044 -0.016
G0V   5930   0.130 4.42  1.100 1.07  0.784  4.325  3.043  0.058 -0.043 -0.043 -0.010
G2V   5770   0.010 4.72  1.012 1.00  0.823  4.635  3.236  0.061 -0.050 -0.040 -0.016
G5V   5660  -0.054 4.88  0.977 0.98  0.850  4.801  3.345  0.062 -0.052 -0.041 -0.014
G8V   5480  -0.204 5.16  0.914 0.93  0.900  5.098  3.532  0.065 -0.057 -0.039 -0.018
K0V   5290  -0.324 5.59  0.813 0.86  0.983  5.553  3.827  0.070 -0.063 -0.037 -0.015
K2V   5100  -0.428 5.81  0.783 0.82  1.10   5.83   3.938  0.073 -0.068 -0.037 -0.009
K3V   4870  -0.570 6.17  0.755 0.76  1.19   6.22   4.100  0.079 -0.071 -0.031 -0.004
K4V   4600  -0.692 6.46  0.710 0.72  1.34   6.59   4.247  0.087 -0.072 -0.030 0.009
K5V   4440  -0.780 6.65  0.701 0.70  1.43   6.85   4.397  0.092 -0.073 -0.029 0.019
K7V   4090  -0.992 7.23  0.630 0.64  1.70   7.57   4.81   0.110 ...    ...    ...
M0V   3850  -1.164 7.65  0.588 0.585 1.84   8.10   5.15   0.120 ...    ...    ...
M1V   3660  -1.336 8.22  0.501 0.51  2.09   8.82   5.64   0.130 ...    ...    ...
M2V   3560  -1.540 8.59  0.446 0.45  2.23   9.29   5.98   0.140 ...    ...    ...
M3V   3430  -1.788 9.21  0.361 0.36  2.50   10.05  6.55   0.150 ...    ...    ...
M4V   3210  -2.144 10.10 0.274 0.24  2.94   11.21  7.36   0.180 ...    ...    ...
M5V   3060  -2.520 11.04 0.196 0.155 3.35   12.45  8.20   0.210 0.17   ...    ...
M6V   2810  -2.980 12.19 0.137 0.105 4.16   14.26  9.22   0.225 0.21   ...    ...
M7V   2680  -3.188 12.71 0.120 0.090 4.65   14.72  9.70   0.240 0.24   ...    ...
M8V   2570  -3.292 12.95 0.114 0.086 4.86   15.20  9.92   0.285 0.26   ...    ...
"""
_COLUMNS = (
    "teff_k", "log10_l_lsun", "m_bol_mag", "radius_rsun", "mass_msun", "bp_rp_mag", "abs_g_mag",
    "abs_ks_mag", "ks_w1_mag", "w1_w2_mag", "w1_w3_mag", "w1_w4_mag",
)  # fmt: skip


class MainSequence(NamedTuple):
    """Columns of the sequence, hot to cool; NaN where the table has none."""

    spectral_type: np.ndarray
    teff_k: np.ndarray
    log10_l_lsun: np.ndarray
    m_bol_mag: np.ndarray
    radius_rsun: np.ndarray
    mass_msun: np.ndarray
    bp_rp_mag: np.ndarray
    abs_g_mag: np.ndarray
    abs_ks_mag: np.ndarray
    ks_w1_mag: np.ndarray
    w1_w2_mag: np.ndarray
    w1_w3_mag: np.ndarray
    w1_w4_mag: np.ndarray


@cache
def main_sequence() -> MainSequence:
    """Read the sequence, hot to cool."""
    rows = [line.split() for line in _TABLE.strip().splitlines()]
    numbers = np.array([[np.nan if x == "..." else float(x) for x in row[1:]] for row in rows])
    return MainSequence(np.array([row[0] for row in rows]), *numbers.T)


def along_sequence(of: str, wanted: str, values: np.ndarray) -> np.ndarray:
    """Interpolate one property of main-sequence stars by another.

    Parameters
    ----------
    of : str
        Property that is known: a field of ``MainSequence`` that rises or falls all along it.
    wanted : str
        Property that is asked for.
    values : (n,) array
        Values of ``of``.

    Returns
    -------
    (n,) float64 array
        NaN outside the sequence, and where ``values`` are not finite.
    """
    sequence = main_sequence()
    x, y = getattr(sequence, of), getattr(sequence, wanted)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    order = np.argsort(x)
    if np.any(np.diff(x[order]) <= 0):
        raise ValueError(f"{of} does not rise or fall all along the main sequence")
    return np.interp(np.asarray(values, float), x[order], y[order], left=np.nan, right=np.nan)


def offset_from_sequence(bp_rp0_mag: np.ndarray, abs_g0_mag: np.ndarray) -> np.ndarray:
    """Absolute G magnitude less that of a main-sequence star of the same colour, mag.

    Negative: brighter (a binary, a young or an evolved star); positive: fainter (a subdwarf, a white
    dwarf with a companion). NaN outside −0.12 < BP−RP < 4.86.
    """
    return np.asarray(abs_g0_mag, float) - along_sequence("bp_rp_mag", "abs_g_mag", bp_rp0_mag)
