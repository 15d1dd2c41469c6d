"""The usable points of a batch of light curves, in the shape every detection kernel takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from malca.lightcurves import LightCurves


@dataclass(frozen=True, eq=False)
class UsablePoints:
    """Points that detection may use, sorted by time within each star.

    A *channel* is one camera in one band: what shares a zero point. Channels are numbered
    from 0 within each star, in the order in which they first appear.

    Attributes
    ----------
    offsets : (n_stars + 1,) int64 array
        Points of star ``i`` are ``offsets[i]:offsets[i + 1]``.
    jd : (n_points,) float64 array, days
    mag, mag_err : (n_points,) float64 arrays, mag
    channel : (n_points,) int32 array
        Channel of the point, numbered within its star.
    band : (n_points,) int8 array
        0 g, 1 V.
    camera : (n_points,) int16 array
        Index into the batch's ``cameras``.
    n_channels : (n_stars,) int32 array
    index : (n_points,) int64 array
        Position of each point in the batch it was taken from.
    """

    offsets: np.ndarray
    jd: np.ndarray
    mag: np.ndarray
    mag_err: np.ndarray
    channel: np.ndarray
    band: np.ndarray
    camera: np.ndarray
    n_channels: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, stars: np.ndarray) -> UsablePoints:
        """Take the points of the chosen stars, in the given order (copies)."""
        lengths = np.diff(self.offsets)[stars]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        chosen = np.repeat(self.offsets[stars] - offsets[:-1], lengths) + np.arange(offsets[-1])
        per_point = ("jd", "mag", "mag_err", "channel", "band", "camera", "index")
        return UsablePoints(
            offsets=offsets,
            n_channels=self.n_channels[stars],
            **{name: getattr(self, name)[chosen] for name in per_point},
        )


@njit(cache=True, nogil=True)
def _number_channels(offsets, key, n_keys, channel, n_channels):
    seen = np.empty(n_keys, np.int32)
    for star in range(len(offsets) - 1):
        seen[:] = -1
        n = 0
        for i in range(offsets[star], offsets[star + 1]):
            if seen[key[i]] < 0:
                seen[key[i]] = n
                n += 1
            channel[i] = seen[key[i]]
        n_channels[star] = n


def usable_points(
    lightcurves: LightCurves,
    *,
    max_mag_err: float = 1.0,
    use_bad_quality: bool = False,
    excluded: np.ndarray | None = None,
) -> UsablePoints:
    """Select the points detection may use.

    Parameters
    ----------
    lightcurves : LightCurves
    max_mag_err : float
        Points with a larger reported error (mag) are left out.
    use_bad_quality : bool
        Whether points the survey flags as bad count.
    excluded : (n_points,) bool array, optional
        Further points to leave out, for instance those of excluded cameras.
    """
    keep = (
        np.isfinite(lightcurves.jd)
        & np.isfinite(lightcurves.mag)
        & (lightcurves.mag_err > 0)
        & (lightcurves.mag_err < max_mag_err)
        & ~lightcurves.saturated
    )
    if not use_bad_quality:
        keep &= lightcurves.good
    if excluded is not None:
        keep &= ~excluded
    index = np.flatnonzero(keep)
    counts = np.concatenate([[0], np.cumsum(keep)])
    offsets = counts[lightcurves.offsets].astype(np.int64)
    camera, band = lightcurves.camera[index], lightcurves.band[index]
    channel = np.empty(len(index), np.int32)
    n_channels = np.empty(len(lightcurves), np.int32)
    key = camera.astype(np.int64) * 2 + band
    _number_channels(offsets, key, 2 * max(len(lightcurves.cameras), 1), channel, n_channels)
    return UsablePoints(
        offsets=offsets,
        jd=lightcurves.jd[index],
        mag=lightcurves.mag[index].astype(np.float64),
        mag_err=lightcurves.mag_err[index].astype(np.float64),
        channel=channel,
        band=band,
        camera=camera,
        n_channels=n_channels,
        index=index,
    )
