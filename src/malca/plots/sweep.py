"""Completeness against false alarms, a curve a setting."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from malca.evaluation.sweep import SweepParameters, compare_cells, completeness_at, equal_rate_point
from malca.plots.overview import _SMALL, _dress, _figure, _look
from malca.plots.style import INK

_CELLS = {"depth_mag": 6, "duration_days": 6}
# Chance below which a cell is marked as different.
_SIGNIFICANT = 0.01


def sweep_figure(
    points: pd.DataFrame,
    trials: pd.DataFrame,
    parameters: SweepParameters,
    *,
    title: str = "Completeness against false alarms",
) -> Figure:
    """Draw every setting's curve, and by cells how much more the first setting finds than the second.

    Parameters
    ----------
    points : DataFrame
        See ``malca.evaluation.sweep.sweep_curves``.
    trials : DataFrame
        See ``malca.evaluation.sweep.compare_cells``.
    parameters : SweepParameters
    """
    figure = _figure((12.0, 5.4), title)
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    _draw_curves(left, points, parameters)
    names = list(parameters.settings)
    if len(names) > 1 and len(trials):
        _draw_cells(right, points, trials, names[0], names[1], figure)
    else:
        right.set_visible(False)
    return figure


def _draw_curves(ax: Axes, points: pd.DataFrame, parameters: SweepParameters) -> None:
    # A rate of 0 has a place on the axis: below a third of the least that could be measured.
    floor = 300.0 / max(points["n_nulls"].max(), 1)
    for k, name in enumerate(parameters.settings):
        own = points[points["setting"] == name]
        color, marker = _look(k)
        x = own["false_per_1000"].clip(lower=floor).to_numpy(float)
        y = own["completeness"].to_numpy(float)
        error = np.abs(own[["completeness_lower", "completeness_upper"]].to_numpy(float).T - y)
        order = np.argsort(x, kind="stable")
        ax.errorbar(
            x[order], y[order], error[:, order], color=color, marker=marker, ms=5, lw=1.2,
            elinewidth=0.8, label=name,
        )  # fmt: skip
    won = points[points["wins"]]
    if len(won):
        one = won.iloc[0]
        ax.plot(
            max(one["false_per_1000"], floor), one["completeness"], "o", ms=14, mfc="none", color=INK
        )
        ax.annotate(
            f"{one['varied']} = {one['value']:.9g}",
            (max(one["false_per_1000"], floor), one["completeness"]),
            xytext=(10, -14), textcoords="offset points", fontsize=_SMALL, color=INK,
        )  # fmt: skip
    ax.axvline(parameters.max_false_per_1000, color=INK, lw=0.7, ls=":")
    ax.set_xscale("log")
    ax.set_ylim(0, 1)
    depth, duration = parameters.depth_mag, parameters.duration_days
    ax.set_xlabel("null light curves with a dip, in 1,000 (" + ", ".join(parameters.families) + ")")
    ax.set_ylabel(f"found of {depth[0]:g} to {depth[1]:g} mag and {duration[0]:g} to {duration[1]:g} d")
    ax.legend(frameon=False, fontsize=_SMALL, loc="best")
    _dress(ax)


def _draw_cells(
    ax: Axes, points: pd.DataFrame, trials: pd.DataFrame, first: str, second: str, figure: Figure
) -> None:
    pair = equal_rate_point(points, first, second)
    if pair is None:
        ax.set_visible(False)
        return
    edges = {
        name: np.geomspace(trials[name].min(), trials[name].max() * 1.0001, n + 1)
        for name, n in _CELLS.items()
    }
    cells = compare_cells(trials, pair[0], pair[1], edges)
    grid = np.full((_CELLS["depth_mag"], _CELLS["duration_days"]), np.nan)
    for row in cells.to_dict("records"):
        i = int(np.argmin(np.abs(edges["depth_mag"][:-1] - row["depth_low_mag"])))
        j = int(np.argmin(np.abs(edges["duration_days"][:-1] - row["duration_low_days"])))
        grid[i, j] = row["difference"]
        sign = "*" if row["p_value"] < _SIGNIFICANT else ""
        ax.text(
            np.sqrt(row["duration_low_days"] * row["duration_high_days"]),
            np.sqrt(row["depth_low_mag"] * row["depth_high_mag"]),
            f"{100 * row['difference']:+.0f}{sign}", ha="center", va="center", fontsize=_SMALL,
            color=INK,
        )  # fmt: skip
    image = ax.pcolormesh(
        edges["duration_days"], edges["depth_mag"], grid, cmap="RdBu", vmin=-1, vmax=1, gid="cells"
    )
    bar = figure.colorbar(image, ax=ax, shrink=0.8)
    bar.set_label("difference of completeness", fontsize=_SMALL)
    bar.ax.tick_params(labelsize=_SMALL)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("duration (FWHM), d")
    ax.set_ylabel("depth, mag")
    at = completeness_at(points, first, float(_rate(points, pair[1])))
    ax.set_title(
        f"{first} ({pair[0][1]:.9g}) less {second} ({pair[1][1]:.9g}), points of 100\n"
        f"* differs with p < {_SIGNIFICANT:g}"
        + (f"; at equal false alarms {100 * at:.0f} %" if np.isfinite(at) else ""),
        loc="left", fontsize=_SMALL,
    )  # fmt: skip
    _dress(ax)
    ax.grid(visible=False)


def _rate(points: pd.DataFrame, point: tuple[str, float]) -> float:
    own = points[(points["setting"] == point[0]) & (points["value"] == point[1])]
    return float(own["false_per_1000"].iloc[0])
