"""What the figures of an efficiency cube share: maps, curves with limits, axes.

Bins without trials are hatched grey in every map: nothing is known there, which is not efficiency 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter

from malca.evaluation.binned_efficiency import BinnedEfficiency
from malca.plots.overview import _SMALL, _dress
from malca.plots.style import G_COLORS, INK, V_COLORS

LABELS = {
    "depth": "injected depth (mag)",
    "duration": "injected duration (d)",
    "magnitude": "median magnitude",
}
MUTED = "#555555"
#: Looks of bins without trials, and of those whose trials never reach a level.
UNTRIED: dict[str, Any] = {"facecolor": "#F1F1F1", "edgecolor": "#B5B5B5", "hatch": "////"}
NEVER: dict[str, Any] = {"facecolor": "#FFF3EA", "edgecolor": V_COLORS[0], "hatch": "xxx"}
#: Levels drawn by default, and how.
LEVELS = {0.5: "-", 0.9: "--"}
_COLORS = (G_COLORS[0], V_COLORS[0], G_COLORS[2], V_COLORS[1], G_COLORS[3], INK, G_COLORS[1])
_CMAP = "viridis"


def color_of(k: int) -> str:
    """Colour of the ``k``-th curve."""
    return _COLORS[k % len(_COLORS)]


def draw_map(ax: Axes, binned: BinnedEfficiency, x: str, y: str) -> None:
    """Draw the efficiency over two axes; bins without trials are hatched."""
    values = oriented(binned, binned.efficiency, x, y)
    tried = np.isfinite(values)
    hatch(ax, binned, x, y, ~tried, UNTRIED, "untried")
    ax.pcolormesh(
        binned.edges_of(x), binned.edges_of(y), np.ma.array(values, mask=~tried), cmap=_CMAP,
        norm=Normalize(0.0, 1.0), gid="efficiency",
    )  # fmt: skip
    dress_map(ax, binned, x, y)


def oriented(binned: BinnedEfficiency, values: np.ndarray, x: str, y: str) -> np.ndarray:
    """Values of two axes as (y, x), the order maps are drawn in."""
    axes = [name for name in binned.axes if name in (x, y)]
    return values if axes == [y, x] else values.T


def hatch(
    ax: Axes,
    binned: BinnedEfficiency,
    x: str,
    y: str,
    where: np.ndarray,
    look: dict[str, Any],
    gid: str,
) -> None:
    """Hatch bins of a map; ``where`` is (y, x)."""
    x_edges, y_edges = binned.edges_of(x), binned.edges_of(y)
    cells = [
        Rectangle((x_edges[i], y_edges[k]), x_edges[i + 1] - x_edges[i], y_edges[k + 1] - y_edges[k])
        for k, i in zip(*np.nonzero(where), strict=True)
    ]
    ax.add_collection(PatchCollection(cells, linewidth=0.0, zorder=0.5, gid=gid, **look))


def dress_map(ax: Axes, binned: BinnedEfficiency, x: str, y: str) -> None:
    """Scales, limits and labels of a map."""
    _dress(ax)
    ax.grid(visible=False)
    scale_axis(ax, "x", binned, x)
    scale_axis(ax, "y", binned, y)
    ax.set(xlabel=LABELS[x], ylabel=LABELS[y])


def draw_levels(ax: Axes, binned: BinnedEfficiency) -> None:
    """Draw where a map of depth against duration reaches 50 and 90 %."""
    at = binned.centers_of("duration")
    for level, style in LEVELS.items():
        depth = binned.depth_at(level).depth_mag
        ax.plot(at, depth, "-", lw=3.0, color="white", alpha=0.75)
        ax.plot(at, depth, style, lw=1.3, color=INK, gid=f"level-{level:g}")


def draw_curve(ax: Axes, binned: BinnedEfficiency, color: str, label: str | None = None) -> None:
    """Draw the efficiency along one axis with its limits; bins without trials leave a gap."""
    (name,) = binned.axes
    tried = binned.trials > 0
    at = binned.centers_of(name)
    lower, upper = (np.where(tried, limit, np.nan) for limit in (binned.lower, binned.upper))
    ax.fill_between(at, lower, upper, color=color, alpha=0.2, lw=0)
    ax.plot(
        at, binned.efficiency, "o-", ms=3.2, lw=1.3, color=color, label=label,
        gid=f"curve-{binned.recovered_stage}",
    )  # fmt: skip


def dress_curve(ax: Axes, binned: BinnedEfficiency, name: str) -> None:
    """Scales, limits and labels of curves of efficiency along one axis."""
    _dress(ax)
    scale_axis(ax, "x", binned, name)
    ax.set_ylim(-0.02, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set(xlabel=LABELS[name], ylabel="efficiency")


def scale_axis(ax: Axes, which: str, binned: BinnedEfficiency, name: str) -> None:
    """Let an axis of a figure run along one of the cube, faint down and bright up."""
    edges = binned.edges_of(name)
    if name == "magnitude" or edges[0] <= 0:
        limits = (edges[0], edges[-1])
        ax.set(**{f"{which}lim": limits[::-1] if (name, which) == ("magnitude", "y") else limits})
    else:
        log_axis(ax, which, edges[0], edges[-1])


def log_axis(ax: Axes, which: str, low: float, high: float) -> None:
    """Make an axis logarithmic, with plain numbers."""
    ax.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = getattr(ax, f"{which}axis")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100 * low else (1.0, 3.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def efficiency_bar(figure: Figure, axes: Any) -> None:
    """Draw the colour bar of maps of efficiency."""
    image = next(m for ax in np.ravel(axes) for m in ax.collections if m.get_gid() == "efficiency")
    bar = figure.colorbar(image, ax=axes, aspect=28, pad=0.02, format=PercentFormatter(1.0))
    bar.set_label("efficiency", fontsize=_SMALL)
    bar.ax.tick_params(labelsize=_SMALL)


def explain(figure: Figure, handles: list[Any]) -> None:
    """Legend of a whole figure, right of its title."""
    figure.legend(
        handles=handles, loc="upper right", ncols=len(handles), fontsize=_SMALL, frameon=False,
        bbox_to_anchor=(0.998, 0.998), borderaxespad=0.2,
    )  # fmt: skip


def untried_handle() -> Patch:
    """Legend entry of bins without trials."""
    return Patch(**UNTRIED, linewidth=0.0, label="no trials")


def stage_name(stage: str) -> str:
    """Name of a stage for people."""
    return stage.removeprefix("passed_").replace("_", " ")
