"""Everything about one light curve that fits on a few screens of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from malca.lightcurves import LightCurves
from malca.search.period_parameters import PeriodParameters
from malca.search.periods import find_periods
from malca.search.points import usable_points
from malca.search.statistics import (
    SEASON_GAP_DAYS,
    align,
    band_statistics,
    camera_statistics,
    field_statistics,
    night_statistics,
    season_statistics,
    star_statistics,
)

_ID_COLUMNS = ["asas_sn_id", "name"]


class StarDescription(TypedDict):
    """Summary and tables of one star, as ``describe_star`` returns them."""

    summary: dict[str, object]
    by_band: pd.DataFrame
    by_camera: pd.DataFrame
    by_field: pd.DataFrame
    seasons: pd.DataFrame
    nights: pd.DataFrame
    largest_gaps: pd.DataFrame
    exposures: pd.DataFrame
    periods: pd.DataFrame


def describe_star(
    lightcurves: LightCurves,
    i: int,
    lomb_scargle: bool = False,
    *,
    use_bad_quality: bool = False,
    max_mag_err: float = 1.0,
    season_gap_days: float = SEASON_GAP_DAYS,
    bin_days: float = 3.0,
    n_gaps: int = 10,
    parameters: PeriodParameters | None = None,
) -> StarDescription:
    """Describe one light curve.

    Parameters
    ----------
    lightcurves : LightCurves
    i : int
        The star's position in the batch.
    lomb_scargle : bool
        Whether to search for periods, which takes a hundred times as long as everything else.
    use_bad_quality, max_mag_err, season_gap_days
        As in ``star_statistics``.
    bin_days : float
        Width of the bins in which exposures are counted.
    n_gaps : int
        Gaps listed, longest first.
    parameters : PeriodParameters, optional

    Returns
    -------
    dict
        ``summary``: the columns of ``star_statistics`` and the strongest Lomb-Scargle peak (None
        where unknown or not asked for). Tables ``by_band``, ``by_camera``, ``by_field``,
        ``seasons``, ``nights`` (see ``search.statistics``), ``largest_gaps`` (``jd_start``,
        ``jd_end``, ``gap_days``), ``exposures`` (``jd_start``, ``n_exposures``; bins from the first
        point on, empty ones included) and ``periods`` (candidate peaks; empty if not asked for).

    Raises
    ------
    IndexError
        The batch has no star ``i``.
    """
    if not 0 <= i < len(lightcurves):
        raise IndexError(f"the batch holds {len(lightcurves)} stars, there is no star {i}")
    star = lightcurves.take([i])
    selection: dict[str, Any] = {"use_bad_quality": use_bad_quality, "max_mag_err": max_mag_err}
    row = star_statistics(star, season_gap_days=season_gap_days, **selection).iloc[0]
    points = usable_points(star, **selection)
    searched = slice(None if lomb_scargle else 0)
    search = find_periods(
        points.jd[searched],
        align(points).residual[searched],
        points.mag_err[searched],
        parameters=parameters,
    )
    strongest = None if search.peaks.empty else search.peaks.iloc[0]
    summary = {str(name): _plain(value) for name, value in row.items()}
    for name, column in (
        ("lomb_scargle_best_period_days", "period_days"),
        ("lomb_scargle_peak_power", "power"),
        ("lomb_scargle_fap", "fap"),
        ("lomb_scargle_is_alias", "is_alias"),
    ):
        summary[name] = None if strongest is None else _plain(strongest[column])
    return StarDescription(
        summary=summary,
        by_band=_tidy(band_statistics(star, **selection)),
        by_camera=_tidy(camera_statistics(star, **selection)),
        by_field=_tidy(field_statistics(star, **selection)),
        seasons=_tidy(season_statistics(star, season_gap_days=season_gap_days, **selection)),
        nights=_tidy(night_statistics(star, **selection)),
        largest_gaps=_largest_gaps(points.jd, n_gaps),
        exposures=_exposures(points.jd, bin_days),
        periods=search.peaks,
    )


def format_description(description: StarDescription) -> str:
    """Write a description as text: the summary, a line a quantity, then the short tables.

    Nights are left out; of the exposure bins a histogram says how many hold how many.
    """
    summary = description["summary"]
    width = max(len(name) for name in summary)
    parts = ["\n".join(f"{name:<{width}}  {_text(value)}" for name, value in summary.items())]
    for title, table in (
        ("By band", description["by_band"]),
        ("By camera", description["by_camera"]),
        ("By field", description["by_field"]),
        ("Seasons", description["seasons"]),
        ("Largest gaps", description["largest_gaps"]),
        ("Period candidates", description["periods"]),
    ):
        if not table.empty:
            parts.append(f"{title}\n{table.to_string(index=False, formatters=_formatters(table))}")
    exposures = description["exposures"]
    if not exposures.empty:
        bins = exposures["n_exposures"].value_counts().sort_index().rename("n_bins").reset_index()
        step = exposures.attrs["bin_days"]
        parts.append(f"Bins of {step:g} d by number of exposures\n{bins.to_string(index=False)}")
    return "\n\n".join(parts)


def _largest_gaps(jd: np.ndarray, n: int) -> pd.DataFrame:
    gaps = np.diff(jd)
    longest = np.argsort(-gaps, kind="stable")[:n]
    return pd.DataFrame({"jd_start": jd[longest], "jd_end": jd[longest + 1], "gap_days": gaps[longest]})


def _exposures(jd: np.ndarray, bin_days: float) -> pd.DataFrame:
    number = np.floor((jd - jd[0]) / bin_days).astype(np.int64) if len(jd) else np.empty(0, np.int64)
    count = np.bincount(number)
    start = jd[:1].sum() + bin_days * np.arange(len(count))
    table = pd.DataFrame({"jd_start": start, "n_exposures": count})
    table.attrs["bin_days"] = bin_days
    return table


def _tidy(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=_ID_COLUMNS).reset_index(drop=True)


def _plain(value: Any) -> object:
    """Python value of a table's cell, None where it is missing."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5f}" if abs(value) > 1e5 else f"{value:.6g}"
    return str(value)


def _formatters(table: pd.DataFrame) -> dict[str, Callable[[float], str]]:
    numeric = table.select_dtypes("float").columns
    return {name: lambda value: _text(_plain(value)) for name in numeric}
