"""H-alpha in emission, from r - H-alpha against r - i of the star and of the stars around it.

A fixed limit of r - H-alpha is no measure of emission: the stars' own locus climbs with colour and
moves with extinction. The locus is fitted to the field around each star, as Witham+ 2008 (MNRAS 384,
1277) do for the catalogue of emitters of IPHAS; the star stands out by so many times the uncertainty of
its distance from the locus, the scatter of the locus included. The bands were exposed within minutes
of each other (Barentsen+ 2014, MNRAS 444, 3230), so that variability does not matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics.groups import (
    group_count,
    group_mad_scatter,
    group_max,
    group_median,
    group_sum,
    rows_of,
)
from malca.astrophysics.star_table import numbers, truths
from malca.catalogs import MATCHED

#: Columns that this module reads of the matches and of the entries around each star; ``emitter``,
#: ``saturated`` and ``blended`` only where they are there.
COLUMNS_READ = (
    "asas_sn_id", "sep_arcsec", "r_mag", "r_error_mag", "i_mag", "i_error_mag", "ha_mag",
    "ha_error_mag",
)  # fmt: skip
_BISQUARE = 4.685  # 95 % efficient for Gaussian scatter (Holland & Welsch 1977, Comm. Stat. A6, 813)


class HalphaParameters(BaseModel):
    """Which stars make the locus, and from which excess on a star is an emitter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_excess_sigma: float = Field(
        5.0, gt=0, description="Least excess of an emitter, sigma (Witham+ 2008: C = 5)."
    )
    max_absorption_sigma: float = Field(
        1.0,
        description="A star is no emitter where its excess is below this many sigma; between this and "
        "min_excess_sigma it is not decided.",
    )
    bright_limits_mag: dict[str, float] = Field(
        default={"r": 13.0, "i": 12.0, "ha": 12.5},
        description="Brighter than this a band is saturated, mag (Barentsen+ 2014, MNRAS 444, 3230).",
    )
    max_error_mag: float = Field(
        0.1, gt=0, description="Greatest error in each band, mag (Barentsen+ 2014, a10)."
    )
    colour_window_mag: float = Field(
        0.4,
        gt=0,
        description="Stars of the locus lie within this in r-i of the star: over so little it is "
        "straight, mag (our choice).",
    )
    min_neighbours: int = Field(
        30, ge=10, description="Fewest stars of a locus; with fewer the excess is unknown (our choice)."
    )
    own_radius_arcsec: float = Field(
        2.0, ge=0, description="Entries this close to the star are the star itself, arcsec."
    )
    systematic_mag: float = Field(
        0.03,
        ge=0,
        description="Error of a band beyond the photon noise, mag: the mean difference of repeated "
        "exposures (Barentsen+ 2014, section 6.4). For the star only; that of the field is in the "
        "scatter of the locus.",
    )


class _Photometry(NamedTuple):
    """Bands of a table, and whether colours can be made of them, (n,) arrays."""

    r: np.ndarray
    i: np.ndarray
    ha: np.ndarray
    r_error: np.ndarray
    i_error: np.ndarray
    ha_error: np.ndarray
    good: np.ndarray
    saturated: np.ndarray


class Locus(NamedTuple):
    """Line ``r - ha = intercept + slope (r - i)`` around each star's colour, (n_stars,) arrays.

    ``scatter`` is of the stars about it, photometric errors included; ``reddest`` and ``bluest`` bound
    the colours it was fitted to.
    """

    intercept: np.ndarray
    slope: np.ndarray
    scatter: np.ndarray
    n_stars: np.ndarray
    bluest: np.ndarray
    reddest: np.ndarray


def halpha_excess(
    matches: pd.DataFrame, field_entries: pd.DataFrame, parameters: HalphaParameters
) -> pd.DataFrame:
    """Excess of H-alpha of each star over the stars of its field.

    Parameters
    ----------
    matches : DataFrame, (n,)
        Of the catalogue's ``match``: ``asas_sn_id, outcome, reason`` and ``COLUMNS_READ``, with
        ``emitter`` of IGAPS where it is there.
    field_entries : DataFrame
        Of its ``match_all`` with a radius of some arcminutes: ``COLUMNS_READ``, a row an entry.
    parameters : HalphaParameters

    Returns
    -------
    DataFrame, (n,)
        ``asas_sn_id``; ``halpha_outcome``, that of the match; ``halpha_reason``, why there is no
        excess: that of the match, "saturated", "poor photometry", "too few stars around";
        ``halpha_r_ha_mag``, ``halpha_r_i_mag``; ``halpha_excess_mag`` with
        ``halpha_excess_error_mag`` and ``halpha_excess_sigma``; ``halpha_locus_scatter_mag``,
        ``halpha_n_locus``; ``halpha_igaps_emitter`` (Monguió+ 2020, A&A 638, A18: 2 good candidate, 1
        marginal, 0 tested and none); ``halpha_emitter``: by the excess, or where that is not known by
        IGAPS, its marginal ones missing.
    """
    star = _photometry(matches, parameters)
    locus = fit_locus(matches["asas_sn_id"], star, field_entries, parameters)
    matched = matches["outcome"].eq(MATCHED).to_numpy()
    r_i, r_ha = star.r - star.i, star.r - star.ha
    inside = (r_i >= locus.bluest) & (r_i <= locus.reddest)
    usable = matched & star.good & (locus.n_stars >= parameters.min_neighbours) & inside
    excess = np.where(usable, r_ha - locus.intercept - locus.slope * r_i, np.nan)
    # as Witham+ 2008, but with the error of the r band, which both colours share, once
    error = np.sqrt(
        locus.scatter**2
        + ((1 - locus.slope) * _with_floor(star.r_error, parameters)) ** 2
        + (locus.slope * _with_floor(star.i_error, parameters)) ** 2
        + _with_floor(star.ha_error, parameters) ** 2
    )
    sigma = excess / error
    reason = np.select(
        [~matched, star.saturated, ~star.good, ~usable],
        [matches["reason"].astype(object), "saturated", "poor photometry", "too few stars around"],
        "",
    )
    igaps = _igaps_emitter(matches, matched)
    emitter = pd.array(np.full(len(matches), pd.NA), dtype="boolean")
    emitter[sigma >= parameters.min_excess_sigma] = True
    emitter[sigma < parameters.max_absorption_sigma] = False
    ask = np.isnan(sigma)
    emitter[ask & igaps.eq(2).fillna(False).to_numpy(bool)] = True
    emitter[ask & igaps.eq(0).fillna(False).to_numpy(bool)] = False
    return pd.DataFrame(
        {
            "asas_sn_id": matches["asas_sn_id"],
            "halpha_outcome": matches["outcome"],
            "halpha_reason": pd.array(reason, dtype="str"),
            "halpha_r_ha_mag": np.where(matched, r_ha, np.nan),
            "halpha_r_i_mag": np.where(matched, r_i, np.nan),
            "halpha_excess_mag": excess,
            "halpha_excess_error_mag": np.where(usable, error, np.nan),
            "halpha_excess_sigma": sigma,
            "halpha_locus_scatter_mag": np.where(usable, locus.scatter, np.nan),
            "halpha_n_locus": locus.n_stars,
            "halpha_igaps_emitter": igaps,
            "halpha_emitter": emitter,
        },
        index=matches.index,
    )


def fit_locus(
    ids: pd.Series, star: _Photometry, field_entries: pd.DataFrame, parameters: HalphaParameters
) -> Locus:
    """Fit a line to the field around each star, robustly against emitters.

    Least squares with Huber's and then Tukey's bisquare weights, from residuals over their scatter by
    the median absolute deviation, all stars at once.
    """
    n = len(ids)
    group = rows_of(field_entries["asas_sn_id"], ids)
    field = _photometry(field_entries, parameters)
    keep = (group >= 0) & field.good
    keep &= numbers(field_entries, "sep_arcsec") > parameters.own_radius_arcsec
    x = field.r - field.i
    with np.errstate(invalid="ignore"):
        keep &= np.abs(x - (star.r - star.i)[group]) <= parameters.colour_window_mag
    group, x, y = group[keep], x[keep], (field.r - field.ha)[keep]
    count = group_count(group, n)
    middle = np.nan_to_num(group_median(x, group, n))
    u = x - middle[group]
    weight, slope = np.ones_like(x), np.zeros(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        for iteration in range(50):
            total = group_sum(weight, group, n)
            mean_u = group_sum(weight * u, group, n) / total
            mean_y = group_sum(weight * y, group, n) / total
            du, dy = u - mean_u[group], y - mean_y[group]
            previous = slope
            slope = group_sum(weight * du * dy, group, n) / group_sum(weight * du**2, group, n)
            residual = dy - slope[group] * du
            scatter = group_mad_scatter(residual, group, n)
            t = np.abs(residual) / np.fmax(scatter, 1e-6)[group]
            if iteration > 10 and not (np.abs(slope - previous) > 1e-5).any():
                break
            if iteration < 10:
                weight = np.where(t <= 1.345, 1.0, 1.345 / np.fmax(t, 1.345))
            else:
                weight = np.where(t < _BISQUARE, (1 - (t / _BISQUARE) ** 2) ** 2, 0.0)
        intercept = mean_y - slope * (mean_u + middle)
    enough = count >= parameters.min_neighbours
    return Locus(
        np.where(enough, intercept, np.nan),
        np.where(enough, slope, np.nan),
        np.where(enough, scatter, np.nan),
        count,
        -group_max(-x, group, n),
        group_max(x, group, n),
    )


def _with_floor(error: np.ndarray, parameters: HalphaParameters) -> np.ndarray:
    return np.hypot(error, parameters.systematic_mag)


def _photometry(table: pd.DataFrame, parameters: HalphaParameters) -> _Photometry:
    mags = {band: numbers(table, f"{band}_mag") for band in ("r", "i", "ha")}
    errors = {band: numbers(table, f"{band}_error_mag") for band in ("r", "i", "ha")}
    good = ~truths(table, "blended")
    saturated = truths(table, "saturated")
    for band, mag in mags.items():
        good &= np.isfinite(mag) & (errors[band] > 0) & (errors[band] <= parameters.max_error_mag)
        saturated |= mag < parameters.bright_limits_mag.get(band, -np.inf)
    return _Photometry(
        mags["r"], mags["i"], mags["ha"], errors["r"], errors["i"], errors["ha"],
        good & ~saturated, saturated,
    )  # fmt: skip


def _igaps_emitter(matches: pd.DataFrame, matched: np.ndarray) -> pd.Series:
    if "emitter" not in matches:
        return pd.Series(pd.NA, index=matches.index, dtype="Int64")
    return matches["emitter"].astype("Int64").where(matched)
