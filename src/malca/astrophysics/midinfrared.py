"""Variability at 3.4 and 4.6 µm from the visits that WISE pays every star each half year.

Two kinds of input: detections on the coadded visits of unWISE (unTimely: Meisner+ 2023, AJ 165, 36),
and single exposures of NEOWISE (Mainzer+ 2014, ApJ 792, 30), of which about twelve a visit are
averaged. An epoch is a visit: exposures a day apart are not independent evidence of a change over
years.

A band varies if chi2 about its weighted mean, with the catalogue's errors and a systematic one, stays
unlikely without the epoch that contributes most, or if it is unlikely in both bands. One bad epoch in
one band makes no variable.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import chdtrc

from malca.astrophysics.groups import (
    group_count,
    group_mad_scatter,
    group_max,
    group_median,
    group_sum,
    rows_of,
)
from malca.astrophysics.star_table import numbers, words
from malca.catalogs import MATCHED

BANDS = ("w1", "w2")
_DAYS_PER_YEAR = 365.25
_MAG_PER_RELATIVE_ERROR = 2.5 / np.log(10)


class VisitParameters(BaseModel):
    """How measurements become epochs, and from when on a star is variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_gap_days: float = Field(
        30.0, gt=0, description="A longer gap begins a new visit, d; visits are about 180 d apart."
    )
    max_visit_days: float = Field(
        60.0,
        gt=0,
        description="A visit that lasts longer, as near the poles of the ecliptic, is cut into parts "
        "of this length, d.",
    )
    min_exposures: int = Field(
        1, ge=1, description="Fewest measurements of a band in a visit for it to count."
    )
    outlier_sigma: float = Field(
        5.0,
        gt=0,
        description="Measurements farther from the median of their visit than this many times its "
        "scatter are left out, where it has five or more (our choice).",
    )
    systematic_mag: dict[str, float] = Field(
        default={"w1": 0.02, "w2": 0.02},
        description="Error of a visit beyond that of the catalogue, mag. Our choice, a little above "
        "the repeatability of bright stars in single exposures of WISE.",
    )
    saturated_mag: dict[str, float] = Field(
        default={"w1": 8.0, "w2": 7.0},
        description="Brighter than this a band is saturated and measured by the wings of its profile, "
        "mag (Cutri+ 2012, Explanatory Supplement to the WISE All-Sky Data Release: 8.1 and 6.7).",
    )
    saturated_systematic_mag: float = Field(
        0.05, ge=0, description="Systematic error where a band is saturated, mag (our choice)."
    )
    min_epochs: int = Field(3, ge=3, description="Fewest epochs of a band to judge it by.")
    max_false_alarm: float = Field(
        1e-4, gt=0, lt=1, description="Greatest probability of chi2, by chance, of a variable."
    )


class UntimelyParameters(VisitParameters):
    """Variability on the coadds of unWISE, and which of their detections are used."""

    max_sep_arcsec: float = Field(
        2.75, gt=0, description="Greatest distance of a detection, arcsec; a pixel of unWISE."
    )
    min_fracflux: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Least share of the flux under the profile that is the star's own (fracflux, "
        "Schlafly+ 2019, ApJS 240, 30).",
    )
    min_quality_factor: float = Field(
        0.9, ge=0, le=1, description="Least share of the profile on good pixels (qf, same)."
    )


class NeowiseParameters(VisitParameters):
    """Variability from single exposures, and which are used, as is usual for NEOWISE."""

    min_exposures: int = Field(
        3, ge=1, description="Fewest exposures of a band in a visit for it to count."
    )
    max_sep_arcsec: float = Field(3.0, gt=0, description="Greatest distance of an exposure, arcsec.")
    min_saa_sep_deg: float = Field(
        5.0, description="Least distance from the South Atlantic Anomaly, deg (saa_sep)."
    )
    photometric_quality: str = Field(
        "AB", description="Accepted values of ph_qual: A, S/N of 10 and more; B, of 3 to 10."
    )
    max_blended: int = Field(2, ge=1, description="Most components fitted together (nb).")
    max_reduced_chi2: float = Field(
        5.0, gt=0, description="Greatest reduced chi2 of the profile fit (w1rchi2, w2rchi2)."
    )


def midinfrared_variability(
    outcomes: pd.DataFrame, entries: pd.DataFrame, parameters: UntimelyParameters
) -> pd.DataFrame:
    """Variability of each star on the coadded visits of unWISE.

    Parameters
    ----------
    outcomes, entries : DataFrame
        Of ``match_all``. Entries, a row a detection in a band: ``asas_sn_id, sep_arcsec, mjd``,
        ``band`` (1 or 2), ``flux_nmgy, flux_error_nmgy`` (Vega nanomaggies) and, where they are there,
        ``qf, fracflux, primary`` (1: of the tile it belongs to).
    parameters : UntimelyParameters

    Returns
    -------
    DataFrame
        A row a star of ``outcomes``: ``asas_sn_id`` and the columns of ``summarise_visits``, with
        ``midir_`` in front.
    """
    visits = group_into_visits(untimely_measurements(entries, parameters), parameters)
    return summarise_visits(outcomes, visits, parameters, "midir")


def neowise_variability(
    outcomes: pd.DataFrame, entries: pd.DataFrame, parameters: NeowiseParameters
) -> pd.DataFrame:
    """Variability of each star over the visits of NEOWISE.

    Parameters
    ----------
    outcomes, entries : DataFrame
        Of ``match_all`` in IRSA's ``neowiser_p1bs_psd``, its own names: see ``neowise_measurements``.
    parameters : NeowiseParameters

    Returns
    -------
    DataFrame
        A row a star of ``outcomes``: ``asas_sn_id`` and the columns of ``summarise_visits``, with
        ``neowise_`` in front, and ``neowise_n_exposures``, those that were used.
    """
    measurements = neowise_measurements(entries, parameters)
    visits = group_into_visits(measurements, parameters)
    table = summarise_visits(outcomes, visits, parameters, "neowise")
    star = rows_of(measurements["asas_sn_id"], outcomes["asas_sn_id"])
    table["neowise_n_exposures"] = group_count(star[star >= 0], len(outcomes))
    return table


def untimely_measurements(entries: pd.DataFrame, parameters: UntimelyParameters) -> pd.DataFrame:
    """Usable detections, a row each: ``asas_sn_id, mjd, w1_mag, w1_error_mag, w2_mag, w2_error_mag``.

    magnitude = 22.5 - 2.5 log10 flux (Schlafly+ 2019, ApJS 240, 30). Of neighbouring tiles only the one
    that a position belongs to counts: both have the same photons.
    """
    flux, error = numbers(entries, "flux_nmgy"), numbers(entries, "flux_error_nmgy")
    keep = (flux > 0) & (error > 0) & np.isfinite(numbers(entries, "mjd"))
    keep &= ~(numbers(entries, "sep_arcsec") > parameters.max_sep_arcsec)
    keep &= ~(numbers(entries, "fracflux") < parameters.min_fracflux)
    keep &= ~(numbers(entries, "qf") < parameters.min_quality_factor)
    keep &= ~(numbers(entries, "primary") == 0)
    band, flux, error = numbers(entries, "band")[keep], flux[keep], error[keep]
    columns = {
        "asas_sn_id": entries["asas_sn_id"].to_numpy()[keep],
        "mjd": numbers(entries, "mjd")[keep],
    }
    for number, name in enumerate(BANDS, start=1):
        mine = band == number
        columns[f"{name}_mag"] = np.where(mine, 22.5 - 2.5 * np.log10(flux), np.nan)
        columns[f"{name}_error_mag"] = np.where(mine, _MAG_PER_RELATIVE_ERROR * error / flux, np.nan)
    return pd.DataFrame(columns)


def neowise_measurements(entries: pd.DataFrame, parameters: NeowiseParameters) -> pd.DataFrame:
    """Usable exposures, a row each, as ``untimely_measurements``; of a band that is not usable NaN.

    Frames of the worst quality (``qual_frame`` 0; good ones are graded 5 and 10), of a lower
    ``qi_fact`` than 1, near the South Atlantic Anomaly, with moonlight (``moon_masked``), an artefact
    (``cc_flags``), a poor profile fit or active deblending (``na``) are left out. A criterion whose
    column is missing is not applied.

    Parameters
    ----------
    entries : DataFrame
        ``asas_sn_id, sep_arcsec, mjd, w1mpro, w1sigmpro, w2mpro, w2sigmpro`` and, where they are there,
        ``qual_frame, qi_fact, saa_sep, moon_masked, cc_flags, ph_qual, nb, na, w1rchi2, w2rchi2``.
    """
    frame = np.isfinite(numbers(entries, "mjd"))
    frame &= ~(numbers(entries, "sep_arcsec") > parameters.max_sep_arcsec)
    frame &= ~(numbers(entries, "qual_frame") == 0)
    frame &= ~(numbers(entries, "qi_fact") < 1)
    frame &= ~(numbers(entries, "saa_sep") < parameters.min_saa_sep_deg)
    frame &= ~(numbers(entries, "nb") > parameters.max_blended)
    frame &= ~(numbers(entries, "na") > 0)
    columns = {"asas_sn_id": entries["asas_sn_id"].to_numpy(), "mjd": numbers(entries, "mjd")}
    any_band = np.zeros(len(entries), bool)
    for i, band in enumerate(BANDS):
        mag, error = numbers(entries, f"{band}mpro"), numbers(entries, f"{band}sigmpro")
        good = frame & np.isfinite(mag) & (error > 0)
        good &= ~(numbers(entries, f"{band}rchi2") > parameters.max_reduced_chi2)
        for name, accepted in (
            ("moon_masked", "0"), ("cc_flags", "0"), ("ph_qual", parameters.photometric_quality),
        ):  # fmt: skip
            letter = np.array([str(text)[i : i + 1] for text in words(entries, name)], dtype=object)
            good &= (letter == "") | np.isin(letter, list(accepted))
        columns[f"{band}_mag"] = np.where(good, mag, np.nan)
        columns[f"{band}_error_mag"] = np.where(good, error, np.nan)
        any_band |= good
    return pd.DataFrame(columns)[any_band].reset_index(drop=True)


def group_into_visits(measurements: pd.DataFrame, parameters: VisitParameters) -> pd.DataFrame:
    """Average the measurements of each visit.

    Inverse-variance means. Their error is the formal one or, if greater, that from the scatter within
    the visit, and in quadrature the systematic one.

    Returns
    -------
    DataFrame
        A row a visit, by star and time: ``asas_sn_id, visit`` (from 0), ``mjd``, and for each band
        ``w1_mag, w1_error_mag, w1_n``; a band of too few measurements is NaN.
    """
    table = measurements.sort_values(["asas_sn_id", "mjd"], kind="stable", ignore_index=True)
    ids, mjd = table["asas_sn_id"].to_numpy(), numbers(table, "mjd")
    new_star = np.append(True, ids[1:] != ids[:-1]) if len(ids) else np.zeros(0, bool)
    new_run = new_star | (np.append(np.inf, np.diff(mjd)) > parameters.max_gap_days)[: len(ids)]
    run = np.cumsum(new_run) - 1
    part = np.floor((mjd - mjd[new_run][run]) / parameters.max_visit_days) if len(ids) else mjd
    starts = new_run | (np.append(True, np.diff(part) != 0)[: len(ids)])
    visit, n = np.cumsum(starts) - 1, int(starts.sum())
    first_of_star = np.flatnonzero(new_star[starts])
    result = pd.DataFrame({"asas_sn_id": ids[starts]})
    lengths = np.diff(np.append(first_of_star, n))
    result["visit"] = np.arange(n) - np.repeat(first_of_star, lengths)
    result["mjd"] = group_sum(mjd, visit, n) / group_count(visit, n)
    for band in BANDS:
        mag, error = numbers(table, f"{band}_mag"), numbers(table, f"{band}_error_mag")
        use = np.isfinite(mag) & (error > 0)
        mean, mean_error, count = _visit_means(mag[use], error[use], visit[use], n, parameters)
        saturated = mean < parameters.saturated_mag.get(band, -np.inf)
        floor = np.where(
            saturated, parameters.saturated_systematic_mag, parameters.systematic_mag.get(band, 0.0)
        )
        enough = count >= parameters.min_exposures
        result[f"{band}_mag"] = np.where(enough, mean, np.nan)
        result[f"{band}_error_mag"] = np.where(enough, np.hypot(mean_error, floor), np.nan)
        result[f"{band}_n"] = count
    return result


def _visit_means(
    mag: np.ndarray, error: np.ndarray, visit: np.ndarray, n: int, parameters: VisitParameters
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted mean of each visit without outliers, its error and how many were used, (n,) arrays."""
    median = group_median(mag, visit, n)
    scatter = np.fmax(group_mad_scatter(mag, visit, n), np.nan_to_num(group_median(error, visit, n)))
    many = group_count(visit, n) >= 5
    keep = (np.abs(mag - median[visit]) <= parameters.outlier_sigma * scatter[visit]) | ~many[visit]
    mag, error, visit = mag[keep], error[keep], visit[keep]
    weight, count = error**-2, group_count(visit, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = group_sum(weight, visit, n)
        mean = group_sum(weight * mag, visit, n) / total
        formal = total**-0.5
        excess = group_sum(weight * (mag - mean[visit]) ** 2, visit, n) / (count - 1)
        mean_error = formal * np.sqrt(np.where(count > 1, np.fmax(excess, 1.0), 1.0))
    return mean, mean_error, count


def summarise_visits(
    outcomes: pd.DataFrame, visits: pd.DataFrame, parameters: VisitParameters, prefix: str
) -> pd.DataFrame:
    """Say what the visits of each star tell together.

    Returns
    -------
    DataFrame
        A row a star of ``outcomes``, names with ``<prefix>_`` in front: ``outcome``, ``reason`` (that
        of the look-up, or "no usable measurement"); ``n_epochs``, visits with either band; for each
        band ``w1_n_epochs``, ``w1_mag`` (weighted mean), ``w1_chi2``, ``w1_p_value`` (of chi2, by
        chance), ``w1_robust_p_value`` (without the epoch that contributes most, with a degree of
        freedom less), ``w1_excess_scatter_mag`` (scatter beyond the errors: DerSimonian & Laird 1986,
        Contr. Clin. Trials 7, 177), ``w1_slope_magyr`` with its error (weighted line, positive:
        fading); ``w1_w2_mag`` (weighted mean colour) with ``w1_w2_chi2``, ``w1_w2_p_value``,
        ``w1_w2_slope_magyr`` and its error (positive: reddening); ``variable``, missing where no band
        has enough epochs.
    """
    n = len(outcomes)
    star = rows_of(visits["asas_sn_id"], outcomes["asas_sn_id"])
    visits, star = visits[star >= 0], star[star >= 0]
    mjd = numbers(visits, "mjd")
    mags = {band: numbers(visits, f"{band}_mag") for band in BANDS}
    errors = {band: numbers(visits, f"{band}_error_mag") for band in BANDS}
    either = np.isfinite(mags["w1"]) | np.isfinite(mags["w2"])
    n_epochs = group_count(star[either], n)
    columns: dict[str, object] = {"n_epochs": n_epochs}
    tested, unlikely, robust = [], [], []
    for band in BANDS:
        found = _series(mjd, mags[band], errors[band], star, n, parameters.min_epochs)
        columns |= {f"{band}_{name}": values for name, values in found.items()}
        tested.append(np.isfinite(found["p_value"]))
        unlikely.append(found["p_value"] < parameters.max_false_alarm)
        robust.append(found["robust_p_value"] < parameters.max_false_alarm)
    colour = _series(
        mjd,
        mags["w1"] - mags["w2"],
        np.hypot(errors["w1"], errors["w2"]),
        star,
        n,
        parameters.min_epochs,
    )
    for name in ("mag", "chi2", "p_value", "slope_magyr", "slope_error_magyr"):
        columns[f"w1_w2_{name}"] = colour[name]
    variable = pd.array(np.full(n, pd.NA), dtype="boolean")
    variable[np.any(tested, axis=0)] = False
    variable[np.any(robust, axis=0) | np.all(unlikely, axis=0)] = True
    columns["variable"] = variable
    nothing = outcomes["outcome"].eq(MATCHED).to_numpy() & (n_epochs == 0)
    reason = outcomes["reason"].astype(object).mask(nothing, "no usable measurement")
    result = {"asas_sn_id": outcomes["asas_sn_id"], f"{prefix}_outcome": outcomes["outcome"]}
    result[f"{prefix}_reason"] = reason.astype("str")
    result |= {f"{prefix}_{name}": values for name, values in columns.items()}
    return pd.DataFrame(result, index=outcomes.index)


def _series(
    mjd: np.ndarray, mag: np.ndarray, error: np.ndarray, star: np.ndarray, n: int, min_epochs: int
) -> dict[str, np.ndarray]:
    """Statistics of a time series a star; NaN below ``min_epochs``, but the mean."""
    use = np.isfinite(mag) & np.isfinite(error)
    mjd, mag, weight, star = mjd[use], mag[use], error[use] ** -2, star[use]
    count = group_count(star, n)
    enough = count >= min_epochs
    with np.errstate(divide="ignore", invalid="ignore"):
        total = group_sum(weight, star, n)
        mean = group_sum(weight * mag, star, n) / total
        deviation = mag - mean[star]
        chi2 = group_sum(weight * deviation**2, star, n)
        # chi2 less this is that of the others about their own mean
        without = weight * deviation**2 / (1 - weight / total[star])
        robust_chi2 = np.fmax(chi2 - group_max(without, star, n), 0.0)
        spread = total - group_sum(weight**2, star, n) / total
        excess = np.sqrt(np.fmax((chi2 - (count - 1)) / spread, 0.0))
        mean_mjd = group_sum(weight * mjd, star, n) / total
        years = (mjd - mean_mjd[star]) / _DAYS_PER_YEAR
        extent = group_sum(weight * years**2, star, n)
        slope, slope_error = group_sum(weight * years * mag, star, n) / extent, extent**-0.5
    values = {
        "chi2": chi2,
        "p_value": chdtrc(np.fmax(count - 1, 1), chi2),
        "robust_p_value": chdtrc(np.fmax(count - 2, 1), robust_chi2),
        "excess_scatter_mag": excess,
        "slope_magyr": slope,
        "slope_error_magyr": slope_error,
    }
    known = {name: np.where(enough, value, np.nan) for name, value in values.items()}
    return {"n_epochs": count, "mag": mean} | known
