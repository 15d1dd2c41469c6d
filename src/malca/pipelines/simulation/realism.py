"""How a survey looks: the statistics in which simulated and real light curves are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit

from malca.kernels.ordering import median_of
from malca.lightcurves import BAND_G, BAND_V, LightCurves

#: Edges of the lags of the autocorrelation, days.
LAG_EDGES_DAYS = np.array([0.5, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0])
_MIN_POINTS = 60
_HIGH_PASS_HALF_DAYS = 30.0
_CLIP_SIGMA = 4.0
_MIN_PAIRS = 30


@dataclass(frozen=True, eq=False)
class SurveyStatistics:
    """Statistics of a batch of light curves.

    Attributes
    ----------
    channels : DataFrame
        A row a camera, band and star with enough points: ``star, band, n_points, mag, mag_err,
        scatter_mag`` (robust, after a running median of 60 d), ``slow_mag`` (robust, of that
        median), ``offset_mag`` (from the star's median in the band), ``points_a_year,
        tail_share`` (beyond 4 robust sigma), ``bad_scatter_ratio``.
    gaps_days : (n,) float64 array
        Days between successive points of a camera within a season.
    season_gaps_days : (n,) float64 array
        Longest gap of each star in each year.
    correlation : DataFrame
        A row a star and band: ``same_0 … cross_9``, autocorrelation of residuals in bins of
        ``LAG_EDGES_DAYS`` within a camera and between cameras.
    n_cameras : (n_stars,) int64 array
    bad_share : (n_stars,) float64 array
        Share of points flagged bad before the last good one.
    """

    channels: pd.DataFrame
    gaps_days: np.ndarray
    season_gaps_days: np.ndarray
    correlation: pd.DataFrame
    n_cameras: np.ndarray
    bad_share: np.ndarray


def robust_sigma(values: np.ndarray) -> float:
    """1.4826 times the median absolute deviation; NaN for no values."""
    if not len(values):
        return np.nan
    return float(1.482602218505602 * np.median(np.abs(values - np.median(values))))


@njit(cache=True, nogil=True)
def _lag_products(jd, residual, channel, edges, sums, counts):
    n_lags = len(edges) - 1
    for i in range(len(jd)):
        lag = 0
        for j in range(i + 1, len(jd)):
            separation = jd[j] - jd[i]
            if separation < edges[0]:
                continue
            while lag < n_lags and separation >= edges[lag + 1]:
                lag += 1
            if lag == n_lags:
                break
            which = 0 if channel[i] == channel[j] else 1
            sums[which, lag] += residual[i] * residual[j]
            counts[which, lag] += 1


@njit(cache=True, nogil=True)
def _running_median(jd, mag, half_days):
    out = np.empty(len(jd))
    low = high = 0
    for i in range(len(jd)):
        while jd[low] < jd[i] - half_days:
            low += 1
        while high < len(jd) and jd[high] <= jd[i] + half_days:
            high += 1
        out[i] = median_of(mag[low:high])
    return out


def survey_statistics(lightcurves: LightCurves, excluded: np.ndarray | None = None) -> SurveyStatistics:
    """Measure a batch of light curves.

    Parameters
    ----------
    lightcurves : LightCurves
    excluded : (n_points,) bool array, optional
        Points to leave out of what is said of the noise, such as those within events.
    """
    channels, gaps, season_gaps, correlations, n_cameras, bad_share = [], [], [], [], [], []
    for i in range(len(lightcurves)):
        star = lightcurves.star(i)
        part = slice(lightcurves.offsets[i], lightcurves.offsets[i + 1])
        n_cameras.append(len(np.unique(star.camera)))
        measured = np.isfinite(star.mag) & (star.mag_err > 0) & (star.mag_err < 1) & ~star.saturated
        if not (measured & star.good).any():
            continue
        until = star.jd[measured & star.good].max()
        bad_share.append(float(np.mean(~star.good[measured & (star.jd <= until)])))
        season_gaps.append(_yearly_gaps(star.jd[measured]))
        if excluded is not None:
            measured &= ~excluded[part]
        for band in (BAND_G, BAND_V):
            in_band = measured & (star.band == band)
            residuals, used = [], []
            good_median = (
                np.median(star.mag[in_band & star.good]) if (in_band & star.good).any() else np.nan
            )
            for camera in np.unique(star.camera[in_band]):
                own = in_band & (star.camera == camera)
                good = own & star.good
                jd, mag = star.jd[good], star.mag[good].astype(np.float64)
                if len(jd) < _MIN_POINTS:
                    continue
                slow = _running_median(jd, mag, _HIGH_PASS_HALF_DAYS)
                fast = mag - slow
                sigma = robust_sigma(fast)
                steps = np.diff(jd)
                gaps.append(steps[(steps > 0.5) & (steps < 60)])
                bad = own & ~star.good & (star.jd <= until)
                bad_fast = star.mag[bad] - np.interp(star.jd[bad], jd, slow)
                channels.append(
                    {
                        "star": i,
                        "band": band,
                        "n_points": len(jd),
                        "mag": float(np.median(mag)),
                        "mag_err": float(np.median(star.mag_err[good])),
                        "scatter_mag": sigma,
                        "slow_mag": robust_sigma(slow),
                        "offset_mag": float(np.median(mag) - good_median),
                        "points_a_year": len(jd) / max(jd[-1] - jd[0], 1.0) * 365.25,
                        "tail_share": float(np.mean(np.abs(fast) > _CLIP_SIGMA * sigma)),
                        "bad_scatter_ratio": robust_sigma(bad_fast) / sigma
                        if len(bad_fast) > 15
                        else np.nan,
                    }
                )
                residuals.append(mag - np.median(mag))
                used.append(np.flatnonzero(good))
            if residuals:
                correlations.append({"star": i, "band": band, **_correlation(star.jd, residuals, used)})
    return SurveyStatistics(
        channels=pd.DataFrame(channels),
        gaps_days=np.concatenate([np.empty(0), *gaps]),
        season_gaps_days=np.concatenate([np.empty(0), *season_gaps]),
        correlation=pd.DataFrame(correlations),
        n_cameras=np.array(n_cameras),
        bad_share=np.array(bad_share),
    )


def _yearly_gaps(jd: np.ndarray) -> np.ndarray:
    """Longest gap of each full year of data, days."""
    steps = np.diff(jd)
    n_years = int((jd[-1] - jd[0]) / 365.25)
    year = ((jd[1:] - jd[0]) / 365.25).astype(int)
    return np.array([steps[year == k].max() for k in range(n_years) if (year == k).sum() > 30])


def _correlation(
    jd: np.ndarray, residuals: list[np.ndarray], used: list[np.ndarray]
) -> dict[str, float]:
    index = np.concatenate(used)
    order = np.argsort(index, kind="stable")
    residual = np.concatenate(residuals)[order]
    channel = np.repeat(np.arange(len(used)), [len(part) for part in used])[order]
    sigma = robust_sigma(residual)
    residual = np.clip(residual, -_CLIP_SIGMA * sigma, _CLIP_SIGMA * sigma)
    n_lags = len(LAG_EDGES_DAYS) - 1
    sums, counts = np.zeros((2, n_lags)), np.zeros((2, n_lags), np.int64)
    _lag_products(jd[index[order]], residual, channel, LAG_EDGES_DAYS, sums, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(counts >= _MIN_PAIRS, sums / counts / np.mean(residual**2), np.nan)
    return {
        f"{name}_{lag}": values[k, lag]
        for k, name in enumerate(("same", "cross"))
        for lag in range(n_lags)
    }


def summarise(statistics: SurveyStatistics) -> pd.Series:
    """Medians and quantiles of the statistics, by name (units in the names)."""
    channels, correlation = statistics.channels, statistics.correlation
    values: dict[str, float] = {
        "n_cameras": float(np.median(statistics.n_cameras)),
        "bad_share": float(np.median(statistics.bad_share)),
        "season_gap_days": float(np.median(statistics.season_gaps_days)),
    }
    for share in (25, 50, 75, 90):
        values[f"gap_{share}_days"] = float(np.percentile(statistics.gaps_days, share))
    for band, name in ((BAND_G, "g"), (BAND_V, "v")):
        part = channels[channels["band"] == band]
        noise_mjy = part["mag_err"] * 10 ** (-0.4 * (part["mag"] - 13.0))
        values |= {
            f"points_a_year_{name}": part["points_a_year"].median(),
            f"error_at_13_mag_{name}": noise_mjy.median(),
            f"scatter_mag_{name}": part["scatter_mag"].median(),
            f"scatter_over_error_{name}": (part["scatter_mag"] / part["mag_err"]).median(),
            f"slow_mag_{name}": part["slow_mag"].median(),
            f"offset_mag_{name}": part["offset_mag"].abs().median(),
            f"tail_share_{name}": part["tail_share"].median(),
        }
        stars = correlation[correlation["band"] == band]
        for k in range(len(LAG_EDGES_DAYS) - 1):
            for which in ("same", "cross"):
                column = stars[f"{which}_{k}"].dropna()
                values[f"correlation_{which}_{name}_{k}"] = (
                    column.median() if len(column) > 3 else np.nan
                )
    values["bad_scatter_ratio"] = channels["bad_scatter_ratio"].median()
    return pd.Series(values)


#: How far simulated and real may differ: as a factor, or (correlations) as a difference. Medians of
#: 14 real stars scatter by such amounts when stars are left out.
_FACTORS = {
    "n_cameras": 1.5,
    "bad_share": 1.35,
    "season_gap_days": 1.25,
    "gap_25_days": 1.25,
    "gap_50_days": 1.3,
    "gap_75_days": 1.35,
    "gap_90_days": 1.35,
    "points_a_year_g": 1.25,
    "points_a_year_v": 1.3,
    "error_at_13_mag_g": 1.25,
    "error_at_13_mag_v": 1.3,
    "scatter_mag_g": 1.25,
    "scatter_mag_v": 1.25,
    "scatter_over_error_g": 1.4,
    "scatter_over_error_v": 1.6,
    "slow_mag_g": 1.35,
    "slow_mag_v": 1.5,
    "offset_mag_g": 1.5,
    "tail_share_g": 1.7,
    "bad_scatter_ratio": 1.25,
}
# Few real pairs of one camera lie a day apart, which makes the first lag uncertain.
_CORRELATION_DIFFERENCE = {"same_g_0": 0.24, "same_g": 0.14, "cross_g": 0.13, "same_v": 0.13}


def _tolerance(name: str) -> tuple[str, float] | None:
    if name in _FACTORS:
        return "factor", _FACTORS[name]
    for kind, difference in _CORRELATION_DIFFERENCE.items():
        if f"{name}_".startswith(f"correlation_{kind}_"):
            return "difference", difference
    return None


def compare(simulated: SurveyStatistics, real: SurveyStatistics | None = None) -> pd.DataFrame:
    """Compare simulated with real light curves, statistic by statistic.

    Parameters
    ----------
    simulated : SurveyStatistics
    real : SurveyStatistics, optional
        By default the stored ``REFERENCE``.

    Returns
    -------
    DataFrame
        ``statistic, simulated, real, measure`` ("factor" or "difference"), ``tolerance,
        distance, agrees``. Statistics too few real stars tell of are left out.
    """
    ours = summarise(simulated)
    theirs = pd.Series(REFERENCE) if real is None else summarise(real)
    rows = []
    for name, value in zip(theirs.index.astype(str), theirs.to_numpy(), strict=True):
        tolerance = _tolerance(name)
        if tolerance is None or not np.isfinite(value):
            continue
        measure, allowed = tolerance
        if measure == "factor":
            ratio = ours[name] / value
            distance = max(ratio, 1 / ratio) if ratio > 0 else np.inf
        else:
            distance = abs(ours[name] - value)
        rows.append(
            {
                "statistic": name,
                "simulated": ours[name],
                "real": value,
                "measure": measure,
                "tolerance": allowed,
                "distance": distance,
                "agrees": bool(distance <= allowed),
            }
        )
    return pd.DataFrame(rows)


#: `summarise` of 14 real light curves (23,585 points), events masked.
REFERENCE: dict[str, float] = {
    "n_cameras": 7.0,
    "bad_share": 0.1207,
    "season_gap_days": 88.52,
    "gap_25_days": 1.087,
    "gap_50_days": 2.991,
    "gap_75_days": 6.1,
    "gap_90_days": 12.95,
    "points_a_year_g": 37.29,
    "error_at_13_mag_g": 0.00298,
    "scatter_mag_g": 0.01468,
    "scatter_over_error_g": 4.469,
    "slow_mag_g": 0.01529,
    "offset_mag_g": 0.00955,
    "tail_share_g": 0.01007,
    "correlation_same_g_0": 0.5633,
    "correlation_cross_g_0": 0.2076,
    "correlation_same_g_1": 0.3942,
    "correlation_cross_g_1": 0.2008,
    "correlation_same_g_2": 0.4639,
    "correlation_cross_g_2": 0.1691,
    "correlation_same_g_3": 0.3349,
    "correlation_cross_g_3": 0.1911,
    "correlation_same_g_4": 0.2752,
    "correlation_cross_g_4": 0.1519,
    "correlation_same_g_5": 0.2521,
    "correlation_cross_g_5": 0.1383,
    "correlation_same_g_6": 0.2156,
    "correlation_cross_g_6": 0.1187,
    "correlation_same_g_7": 0.1825,
    "correlation_cross_g_7": 0.06123,
    "correlation_same_g_8": 0.04824,
    "correlation_cross_g_8": -0.003583,
    "correlation_same_g_9": -0.008687,
    "correlation_cross_g_9": 0.01515,
    "points_a_year_v": 49.27,
    "error_at_13_mag_v": 0.004601,
    "scatter_mag_v": 0.01282,
    "scatter_over_error_v": 4.8,
    "slow_mag_v": 0.007154,
    "offset_mag_v": 0.0015,
    "tail_share_v": 0.005853,
    "correlation_same_v_0": 0.2376,
    "correlation_cross_v_0": 0.05645,
    "correlation_same_v_1": 0.123,
    "correlation_cross_v_1": 0.009836,
    "correlation_same_v_2": 0.1035,
    "correlation_cross_v_2": 0.009171,
    "correlation_same_v_3": 0.12,
    "correlation_cross_v_3": 0.009083,
    "correlation_same_v_4": 0.07914,
    "correlation_cross_v_4": 0.02843,
    "correlation_same_v_5": 0.03637,
    "correlation_cross_v_5": -0.006402,
    "correlation_same_v_6": 0.01411,
    "correlation_cross_v_6": 0.01864,
    "correlation_same_v_7": -0.004468,
    "correlation_cross_v_7": -0.007188,
    "correlation_same_v_8": -0.01371,
    "correlation_cross_v_8": -0.00321,
    "correlation_same_v_9": -0.01222,
    "correlation_cross_v_9": -0.0003983,
    "bad_scatter_ratio": 1.351,
}
