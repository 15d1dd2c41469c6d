"""How well injected events are measured, and whether a completeness model may be believed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from malca.evaluation.completeness_calibration import Calibration
from malca.plots.efficiency_drawing import MUTED, log_axis
from malca.plots.overview import _NORMAL, _SMALL, _dress, _figure, _need
from malca.plots.style import FAINT, G_COLORS, INK, V_COLORS

_N_BINS, _FEWEST_IN_BIN = 15, 10
_SHARES = (16.0, 50.0, 84.0)


def plot_recovery_bias(trials: pd.DataFrame, *, title: str = "Recovered against injected") -> Figure:
    """Draw how depth, duration and time of recovered events differ from the injected ones.

    Each panel holds all recovered trials as a density, and the median and the central 68 % in bins.

    Parameters
    ----------
    trials : DataFrame
        ``depth_mag, duration_days, t_peak_jd`` and the same with ``recovered_`` in front; NaN where
        nothing was recovered.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        A column is missing.
    """
    names = ("depth_mag", "duration_days", "t_peak_jd")
    _need(trials, "trials", (*names, *(f"recovered_{name}" for name in names)))
    given = trials[[*names, *(f"recovered_{name}" for name in names)]].astype(np.float64)
    depth, duration = given["depth_mag"], given["duration_days"]
    late = (given["recovered_t_peak_jd"] - given["t_peak_jd"]) / duration
    panels = (
        (depth, given["recovered_depth_mag"] / depth, 1.0, "injected depth (mag)",
         "recovered / injected depth"),
        (duration, given["recovered_duration_days"] / duration, 1.0, "injected duration (d)",
         "recovered / injected duration"),
        (duration, late, 0.0, "injected duration (d)", "(recovered − injected peak) / duration"),
    )  # fmt: skip
    figure = _figure((12.4, 4.3), title)
    for ax, panel in zip(figure.subplots(1, 3), panels, strict=True):
        _draw_bias(ax, *panel)
    n = int(given["recovered_depth_mag"].notna().sum())
    figure.text(0.988, 0.985, f"{n:,} recovered · line and band: median and central 68 %",
                ha="right", va="top", fontsize=_SMALL, color=MUTED)  # fmt: skip
    return figure


def _draw_bias(ax: Axes, x: pd.Series, y: pd.Series, unbiased: float, xlabel: str, ylabel: str) -> None:
    known = np.isfinite(x) & np.isfinite(y) & (x > 0)
    x_known, y_known = x[known].to_numpy(), y[known].to_numpy()
    _dress(ax)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.axhline(unbiased, color=INK, lw=0.9, ls="--", gid="unbiased")
    if not len(x_known):
        ax.text(0.5, 0.5, "nothing recovered", transform=ax.transAxes, ha="center", color=FAINT)
        return
    edges = np.geomspace(x_known.min(), max(x_known.max(), x_known.min() * 1.01), _N_BINS + 1)
    low, high = np.percentile(y_known, [0.5, 99.5])
    low, high = min(low, unbiased), max(high, unbiased)
    pad = 0.08 * max(high - low, 0.1)
    density = ax.hexbin(
        x_known, np.clip(y_known, low - pad, high + pad), xscale="log", gridsize=(45, 28), bins="log",
        extent=(*np.log10(edges[[0, -1]]), low - pad, high + pad), cmap="Greys", mincnt=1,
        linewidths=0.1, zorder=0.5, gid="density",
    )  # fmt: skip
    # Only the light half of the greys, so that what is drawn over them can be seen.
    most = float(np.max(np.asarray(density.get_array())))
    density.set_clim(0.3, most**2 + 2.0)
    ax.grid(visible=False)
    index = np.clip(np.searchsorted(edges, x_known, side="right") - 1, 0, _N_BINS - 1)
    middle = np.full((3, _N_BINS), np.nan)
    for k in range(_N_BINS):
        if (own := index == k).sum() >= _FEWEST_IN_BIN:
            middle[:, k] = np.percentile(y_known[own], _SHARES)
    at = np.sqrt(edges[:-1] * edges[1:])
    ax.fill_between(at, middle[0], middle[2], color=V_COLORS[1], alpha=0.3, lw=0)
    for edge in (middle[0], middle[2]):
        ax.plot(at, edge, lw=1.0, color=V_COLORS[1])
    ax.plot(at, middle[1], "o-", ms=3.2, lw=1.4, color=V_COLORS[0], gid="median")
    log_axis(ax, "x", edges[0], edges[-1])
    ax.set_ylim(low - pad, high + pad)


def plot_completeness_calibration(
    calibration: Calibration, *, title: str = "Completeness model, on stars it has not seen"
) -> Figure:
    """Draw observed against predicted efficiency, and how many trials were predicted what.

    Parameters
    ----------
    calibration : Calibration
        As of `malca.evaluation.completeness_calibration.completeness_calibration`.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = calibration.table
    figure = _figure((6.4, 6.6), title)
    main, below = figure.subplots(2, 1, height_ratios=[3.4, 1.0], sharex=True)
    main.plot([0, 1], [0, 1], color=INK, lw=0.9, ls="--", gid="perfect")
    observed = table["observed"]
    main.errorbar(
        table["predicted_mean"], observed, [observed - table["lower"], table["upper"] - observed],
        fmt="o", ms=4.5, color=G_COLORS[0], ecolor=G_COLORS[0], elinewidth=1.2, capsize=2.5,
        gid="observed",
    )  # fmt: skip
    main.hlines(
        observed, table["predicted_min"], table["predicted_max"], color=G_COLORS[0], lw=0.8, alpha=0.5
    )
    p = calibration.p_value
    lines = [
        f"χ² = {calibration.chi2:.1f} for {calibration.dof}, p = {p:.2g}",
        f"calibration error {calibration.calibration_error:.3f}",
        f"Brier score {calibration.brier_score:.4f} (skill {calibration.brier_skill:.2f})",
        f"log score {calibration.log_score:.4f}",
        f"design effect {calibration.design_effect:.2f}",
    ]
    main.text(
        0.03, 0.97, "\n".join(lines), transform=main.transAxes, va="top", fontsize=_SMALL, color=INK,
        linespacing=1.5,
    )  # fmt: skip
    main.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="observed share")
    width = np.maximum(table["predicted_max"] - table["predicted_min"], 0.004)
    below.bar(
        table["predicted_min"], table["n_trials"], width, align="edge", color=G_COLORS[1], alpha=0.7,
        edgecolor="white", lw=0.6, gid="trials",
    )  # fmt: skip
    below.set(xlabel="predicted efficiency", ylabel="trials")
    log_axis(below, "y", 0.5 * table["n_trials"].min(), 2.0 * table["n_trials"].max())
    below.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    for ax in (main, below):
        _dress(ax)
    main.yaxis.set_major_formatter(PercentFormatter(1.0))
    below.xaxis.set_major_formatter(PercentFormatter(1.0))
    main.set_title(
        f"{table['n_trials'].sum():,} trials in bins of the same weight", loc="left", fontsize=_NORMAL,
        color=MUTED,
    )  # fmt: skip
    return figure
