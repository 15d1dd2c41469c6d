"""Figure that sets simulated light curves beside real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from malca.lightcurves import BAND_G, BAND_V

_SIMULATED, _REAL = "#0072B2", "#D55E00"
_BANDS = ((BAND_G, "g", "o", "-"), (BAND_V, "V", "^", "--"))


class Statistics(Protocol):
    """What is drawn of a survey; see ``malca.pipelines.simulation.realism.SurveyStatistics``."""

    @property
    def channels(self) -> pd.DataFrame: ...
    @property
    def gaps_days(self) -> np.ndarray: ...
    @property
    def correlation(self) -> pd.DataFrame: ...


def plot_realism(
    simulated: Statistics,
    real: Statistics | None,
    reference: Mapping[str, float],
    lag_edges_days: np.ndarray,
) -> Figure:
    """Draw six statistics of simulated and real light curves.

    Points a season, error against magnitude, scatter over error, offsets of cameras, gaps between
    visits, and autocorrelation within a camera and between cameras.

    Parameters
    ----------
    simulated : Statistics
    real : Statistics or None
        Without it, the medians of ``reference`` are drawn in its stead.
    reference : mapping
        Medians measured on real light curves, by name.
    lag_edges_days : (n_lags + 1,) float64 array
        Edges of the lags of the correlations.
    """
    figure = Figure(figsize=(12.5, 7.5), layout="constrained")
    axes = figure.subplots(2, 3)
    sources = [("simulated", _SIMULATED, simulated)]
    if real is not None:
        sources.append(("real", _REAL, real))
    for label, color, statistics in sources:
        g = statistics.channels[statistics.channels["band"] == BAND_G]
        _steps(axes[0, 0], g["points_a_year"], np.linspace(0, 110, 23), label, color)
        for band, name, marker, _ in _BANDS:
            part = statistics.channels[statistics.channels["band"] == band]
            look = {"ls": "", "marker": marker, "ms": 3.5, "color": color, "alpha": 0.55}
            axes[0, 1].semilogy(part["mag"], part["mag_err"], label=f"{label} {name}", **look)
            ratio = part["scatter_mag"] / part["mag_err"]
            axes[0, 2].semilogy(part["mag"], ratio, **look)
        _steps(axes[1, 0], g["offset_mag"], np.linspace(-0.08, 0.08, 33), label, color)
        gaps = np.sort(statistics.gaps_days)
        axes[1, 1].semilogx(gaps, np.linspace(0, 1, len(gaps)), color=color, label=label)
        _correlations(axes[1, 2], statistics.correlation, lag_edges_days, label, color)
    if real is None:
        _reference_lines(axes, reference, lag_edges_days)
    axes[1, 0].xaxis.set_major_locator(MaxNLocator(5))
    titles = (
        ("Points a season and camera, g", "points a season", "share of cameras"),
        ("Reported error", "magnitude", "error (mag)"),
        ("Scatter over reported error", "magnitude", "ratio"),
        ("Camera's median less the star's, g", "offset (mag)", "share of cameras"),
        ("Gaps between visits of a camera", "days", "cumulative share"),
        ("Autocorrelation in g", "lag (days)", "correlation"),
    )
    for axis, (title, x_label, y_label) in zip(axes.flat, titles, strict=True):
        axis.set(title=title, xlabel=x_label, ylabel=y_label)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=8, frameon=False)
    return figure


def _steps(axis: Axes, values: pd.Series, edges: np.ndarray, label: str, color: str) -> None:
    inside = np.clip(values.to_numpy(), edges[0], edges[-1])
    counts, _ = np.histogram(inside, edges)
    axis.stairs(counts / max(len(inside), 1), edges, label=label, color=color)
    axis.axvline(np.median(inside), color=color, lw=0.8, ls=":")


def _correlations(
    axis: Axes, correlation: pd.DataFrame, edges: np.ndarray, label: str, color: str
) -> None:
    lags = np.sqrt(edges[1:] * edges[:-1])
    part = correlation[correlation["band"] == BAND_G]
    for which, style, text in (("same", "-", "within a camera"), ("cross", "--", "between cameras")):
        columns = [f"{which}_{k}" for k in range(len(lags))]
        axis.semilogx(lags, part[columns].median(), style, color=color, label=f"{label}, {text}")
    axis.axhline(0, color="#9A9A9A", lw=0.6)


def _reference_lines(axes: np.ndarray, reference: Mapping[str, float], edges: np.ndarray) -> None:
    look = {"color": _REAL, "lw": 1.0, "ls": ":"}
    axes[0, 0].axvline(reference["points_a_year_g"], label="real, median", **look)
    axes[0, 1].axhline(reference["error_at_13_mag_g"], label="real, median at 13 mag in g", **look)
    axes[0, 2].axhline(reference["scatter_over_error_g"], label="real, median in g", **look)
    axes[1, 0].axvline(reference["offset_mag_g"], label="real, median size", **look)
    axes[1, 1].axvline(reference["gap_50_days"], label="real, median", **look)
    lags = np.sqrt(edges[1:] * edges[:-1])
    for which, text in (("same", "within a camera"), ("cross", "between cameras")):
        values = [reference[f"correlation_{which}_g_{k}"] for k in range(len(lags))]
        marker = "o" if which == "same" else "x"
        axes[1, 2].semilogx(lags, values, marker, color=_REAL, ms=4, label=f"real, {text}")
