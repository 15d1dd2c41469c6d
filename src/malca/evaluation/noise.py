"""Errors of a star at other brightnesses than its own: what dimming adds to its noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from malca.evaluation.parameters import NoiseParameters
from malca.lightcurves import BAND_G, BAND_NAMES, BAND_V, LightCurves

#: Magnitude error at a signal to noise of 1: 2.5/ln 10.
MAG_PER_RELATIVE_FLUX = 2.5 / np.log(10.0)
_REFERENCE_MAG = 15.0
_BIN_MAG = 0.25
_MIN_POINTS = 30


class ErrorModel(NamedTuple):
    """Variance of the reported error against magnitude, for each band.

    With F the flux over that of magnitude 15, variance = floor + photon/F + sky/F²: a relative error of
    the calibration, photon noise of the star, and noise of sky and read-out that does not know the
    star (the terms of the CCD equation, e.g. Howell 1989, PASP 101, 616).

    Attributes
    ----------
    coefficients : (2, 3) float64 array
        Floor, photon and sky for g and V, mag², none negative.
    """

    coefficients: np.ndarray

    def variance(self, mag: np.ndarray, band: np.ndarray) -> np.ndarray:
        """Variance of a magnitude error, mag², shape of ``mag``."""
        inverse_flux = 10.0 ** (0.4 * (np.asarray(mag, np.float64) - _REFERENCE_MAG))
        floor, photon, sky = self.coefficients[band].T
        return floor + inverse_flux * (photon + inverse_flux * sky)


def binned_errors(lightcurves: LightCurves) -> pd.DataFrame:
    """Median reported error against magnitude: ``band, mag, mag_err, n``, a row a bin of 0.25 mag."""
    good = np.isfinite(lightcurves.mag) & (lightcurves.mag_err > 0) & ~lightcurves.saturated
    table = pd.DataFrame(
        {
            "band": lightcurves.band[good],
            "bin": np.floor(lightcurves.mag[good] / _BIN_MAG).astype(np.int64),
            "mag": lightcurves.mag[good].astype(np.float64),
            "mag_err": lightcurves.mag_err[good].astype(np.float64),
        }
    )
    binned = table.groupby(["band", "bin"], as_index=False).agg(
        mag=("mag", "median"), mag_err=("mag_err", "median"), n=("mag", "size")
    )
    return binned.drop(columns="bin")


def fit_error_model(binned: pd.DataFrame, parameters: NoiseParameters) -> ErrorModel:
    """Fit the error model to errors of the sample and to the survey's limit.

    The sample's stars lie in a narrow range of magnitudes and cannot tell photon from sky noise; the
    limit, where the signal to noise is 5, can. Non-negative least squares on relative variances.

    Parameters
    ----------
    binned : DataFrame
        ``band, mag, mag_err, n``, see ``binned_errors``; of several batches one after the other.
    parameters : NoiseParameters

    Raises
    ------
    ValueError
        No bin has enough points.
    """
    binned = binned[binned["n"] >= _MIN_POINTS]
    if binned.empty:
        raise ValueError(
            f"errors of the control sample: no {_BIN_MAG:g} mag has as many as {_MIN_POINTS} points"
        )
    coefficients = np.empty((len(BAND_NAMES), 3))
    for band, limit in ((BAND_G, parameters.limit_g_mag), (BAND_V, parameters.limit_v_mag)):
        own = binned[binned["band"] == band]
        if own.empty:  # nobody was seen in it, so that nothing is injected into it
            own = binned
        mag = np.append(own["mag"].to_numpy(), limit)
        variance = np.append(own["mag_err"].to_numpy() ** 2, (MAG_PER_RELATIVE_FLUX / 5.0) ** 2)
        # The one limit weighs as much as all bins together.
        weight = np.append(np.ones(len(own)), np.sqrt(len(own)))
        inverse_flux = 10.0 ** (0.4 * (mag - _REFERENCE_MAG))
        terms = np.stack([np.ones(len(mag)), inverse_flux, inverse_flux**2], axis=1)
        coefficients[band] = nnls(terms * (weight / variance)[:, None], weight)[0]
    return ErrorModel(coefficients)
