"""Light curves in which whatever is found is false: mirrored, scrambled, shuffled."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.lightcurves import BAND_NAMES, LightCurves, Star

#: Ways to make a null light curve of an observed one.
NULLS = ("mirrored", "seasons_scrambled", "cameras_shuffled")
#: A longer gap ends a season, d.
SEASON_GAP_DAYS = 60.0
_LEAST_PAD_DAYS = 5.0


class AlteredPoints(NamedTuple):
    """Points of an altered light curve, shape (n_points,) each.

    Attributes
    ----------
    jd, mag : float64 arrays
        Dates, which need not ascend, and magnitudes.
    taken : int64 array
        The point whose error and flags each has; cameras, bands and fields stay with the dates.
    """

    jd: np.ndarray
    mag: np.ndarray
    taken: np.ndarray


def null_lightcurve(
    star: Star, family: str, rng: np.random.Generator, own_dips: np.ndarray | None = None
) -> AlteredPoints:
    """Null light curve of one star.

    - ``mirrored``: magnitudes mirrored about the median of their channel, so that dips become
      brightenings (the inversion of Thompson et al. 2018, ApJS 235, 38). Noise that is symmetric is as
      likely to make a false dip in it as in the star.
    - ``seasons_scrambled``: the seasons in another order, each as it was (scrambling, ibid.). What the
      search makes of steps and drifts from season to season it makes of these as well.
    - ``cameras_shuffled``: each channel's magnitudes and errors moved round along its own dates, by an
      offset of its own. Each camera keeps its correlated noise and failures, and cameras agree by
      chance only.

    The star's own dips would still be dips in the latter two; their points lose their magnitudes first.

    Parameters
    ----------
    star : Star
    family : str
        Of ``NULLS``.
    rng : Generator
    own_dips : (n_dips, 2) float64 array, optional
        First and last date of each dip of the star; each is widened by its length, 5 d at least.

    Returns
    -------
    AlteredPoints

    Raises
    ------
    ValueError
        There is no such family.
    """
    jd, mag = star.jd.copy(), star.mag.astype(np.float64)
    if family != "mirrored" and own_dips is not None:
        for start, end in own_dips:
            pad = max(_LEAST_PAD_DAYS, end - start)
            mag[(jd >= start - pad) & (jd <= end + pad)] = np.nan
    taken = np.arange(len(jd))
    if family == "seasons_scrambled":
        return AlteredPoints(_scrambled(jd, rng), mag, taken)
    if family not in NULLS:
        raise ValueError(f"no null '{family}': there are {', '.join(NULLS)}")
    channel = star.camera.astype(np.int64) * len(BAND_NAMES) + star.band
    for one in np.unique(channel):
        own = np.flatnonzero((channel == one) & np.isfinite(mag))
        if len(own) == 0:
            continue
        if family == "mirrored":
            mag[own] = 2.0 * np.median(mag[own]) - mag[own]
        else:
            taken[own] = np.roll(own, rng.integers(len(own)))
    return AlteredPoints(jd, mag[taken], taken)


def _scrambled(jd: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dates with the seasons in another order, the gaps between them where they were."""
    if len(jd) == 0:
        return jd
    cuts = np.flatnonzero(np.diff(jd) > SEASON_GAP_DAYS) + 1
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(jd)]])
    gaps = np.append(jd[starts[1:]] - jd[ends[:-1] - 1], 0.0)
    order = rng.permutation(len(starts))
    moved, at = np.empty(len(jd)), jd[0]
    for place, season in enumerate(order):
        a, b = starts[season], ends[season]
        moved[a:b] = jd[a:b] - jd[a] + at
        at = moved[b - 1] + gaps[place]
    return moved


def replace_points(
    lightcurves: LightCurves, ids: np.ndarray, parts: list[AlteredPoints]
) -> LightCurves:
    """Give every light curve other dates and magnitudes and another number.

    Parameters
    ----------
    lightcurves : LightCurves
    ids : (n_stars,) int64 array
        New ``asas_sn_id`` (and ``name``).
    parts : list of AlteredPoints
        Of each star; sorted here.
    """
    if len(parts) != len(lightcurves):
        raise ValueError(f"{len(lightcurves)} light curves need as many parts, not {len(parts)}")
    nothing = AlteredPoints(np.empty(0), np.empty(0), np.empty(0, np.int64))
    jd, mag = (np.concatenate([part[k] for part in [nothing, *parts]]) for k in range(2))
    starts = zip([nothing, *parts], [0, *lightcurves.offsets[:-1]], strict=True)
    taken = np.concatenate([part.taken + start for part, start in starts])
    owner = np.repeat(np.arange(len(lightcurves)), np.diff(lightcurves.offsets))
    order = np.lexsort([jd, owner])
    stay, go = ("camera", "band", "field"), ("mag_err", "good", "saturated")
    stars = lightcurves.stars.assign(
        asas_sn_id=pd.array(ids, dtype="Int64"), name=pd.array(ids.astype(str), dtype="str")
    )
    return replace(
        lightcurves,
        stars=stars,
        jd=jd[order],
        mag=mag[order].astype(np.float32),
        **{name: getattr(lightcurves, name)[order] for name in stay},
        **{name: getattr(lightcurves, name)[taken[order]] for name in go},
    )
