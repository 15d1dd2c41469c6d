"""Figures of an efficiency cube: what share of injected events the search finds, and where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from malca.evaluation.binned_efficiency import BinnedEfficiency
from malca.plots.efficiency_drawing import (
    LABELS,
    LEVELS,
    MUTED,
    NEVER,
    UNTRIED,
    color_of,
    draw_curve,
    draw_levels,
    draw_map,
    dress_curve,
    dress_map,
    efficiency_bar,
    explain,
    hatch,
    log_axis,
    oriented,
    scale_axis,
    stage_name,
    untried_handle,
)
from malca.plots.overview import _NORMAL, _SMALL, _dress, _figure
from malca.plots.style import G_COLORS, INK

_DEPTH_CMAP = "magma_r"


def plot_efficiency_mag_slices(
    cube: BinnedEfficiency, *, title: str = "Efficiency by depth, duration and magnitude"
) -> Figure:
    """Draw a map of depth against duration for each bin of magnitude that has trials.

    Lines tell where a monotone fit reaches 50 and 90 %.

    Parameters
    ----------
    cube : BinnedEfficiency
        Binned in depth, duration and magnitude.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    at = cube.axis("magnitude")
    edges = cube.edges_of("magnitude")
    kept = np.flatnonzero(np.moveaxis(cube.trials, at, 0).reshape(len(edges) - 1, -1).any(axis=1))
    shown = [int(k) for k in kept] or [0]
    n_columns = min(len(shown), 3 if len(shown) <= 6 else 4)
    n_rows = -(-len(shown) // n_columns)
    figure = _figure((max(1.6 + 3.0 * n_columns, 7.5), 1.0 + 2.8 * n_rows), title)
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for k, ax in enumerate(axes.ravel()):
        if k >= len(shown):
            ax.set_visible(False)
            continue
        part = cube.at_bin("magnitude", shown[k])
        draw_map(ax, part, "duration", "depth")
        draw_levels(ax, part)
        ax.set_title(
            f"{edges[shown[k]]:g}–{edges[shown[k] + 1]:g} mag · {part.trials.sum():,} trials",
            loc="left", fontsize=_SMALL, color=MUTED,
        )  # fmt: skip
        if k + n_columns < len(shown):
            ax.set_xlabel("")
        if k % n_columns:
            ax.set_ylabel("")
    efficiency_bar(figure, axes)
    explain(figure, [*_level_handles(), untried_handle()])
    return figure


def plot_efficiency_marginalized(
    cube: BinnedEfficiency, axis: str | None = None, *, title: str | None = None
) -> Figure:
    """Draw the efficiency over two axes and over one, the trials of the other bins added up.

    Parameters
    ----------
    cube : BinnedEfficiency
        Binned in depth, duration and magnitude.
    axis : str, optional
        Marginalise over this one alone: ``depth``, ``duration`` or ``mag``. Else over each in turn.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        There is no such axis.
    """
    if axis is None:
        gone, curves = ["magnitude", "duration", "depth"], ["depth", "duration", "magnitude"]
        figure = _figure((12.0, 7.4), title or "Efficiency, marginalised")
        panels = figure.subplots(2, 3).ravel()
    else:
        gone = [cube.axes[cube.axis(axis)]]
        curves = [name for name in cube.axes if name not in gone]
        figure = _figure((12.4, 4.3), title or f"Efficiency over all {gone[0]}s")
        panels = figure.subplots(1, 3, width_ratios=[1.3, 1, 1])
    maps, lines = panels[: len(gone)], panels[len(gone) :]
    for ax, name in zip(maps, gone, strict=True):
        x, y = {
            "magnitude": ("duration", "depth"),
            "duration": ("depth", "magnitude"),
            "depth": ("duration", "magnitude"),
        }[name]
        draw_map(ax, cube.over(name), x, y)
        if name == "magnitude":
            draw_levels(ax, cube.over(name))
        ax.set_title(f"over all {name}s", loc="left", fontsize=_NORMAL, color=MUTED)
    efficiency_bar(figure, maps)
    for ax, name in zip(lines, curves, strict=True):
        alone = cube.over(*(other for other in cube.axes if other != name))
        draw_curve(ax, alone, G_COLORS[0])
        dress_curve(ax, cube, name)
        ax.set_title(
            f"{alone.trials.sum():,} trials, {100 * cube.confidence:g} % limits",
            loc="left", fontsize=_SMALL, color=MUTED,
        )  # fmt: skip
    explain(figure, [*(_level_handles() if "magnitude" in gone else []), untried_handle()])
    return figure


def plot_depth_at_efficiency(
    cube: BinnedEfficiency, levels: Sequence[float] = tuple(LEVELS), *, title: str | None = None
) -> Figure:
    """Draw the depth at which the efficiency reaches given levels.

    For each level a map over duration and magnitude; beside them the depth against each of the two,
    the trials of the other added up, with limits. Triangles mark bins in which already the
    shallowest trials reach the level, so that the depth is an upper limit.

    Parameters
    ----------
    cube : BinnedEfficiency
        Binned in depth, duration and magnitude.
    levels : sequence of float
        Between 0 and 1.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = " and ".join(f"{100 * level:g}" for level in levels)
    figure = _figure(
        (1.4 + 3.3 * (len(levels) + 2), 4.2), title or f"Depth at which {names} % are found"
    )
    panels = figure.subplots(1, len(levels) + 2)
    maps, lines = panels[: len(levels)], panels[len(levels) :]
    edges = cube.edges_of("depth")
    low, high = float(edges[0] if edges[0] > 0 else 0.5 * edges[1]), float(edges[-1])
    norm = LogNorm(low, high)
    for ax, level in zip(maps, levels, strict=True):
        _draw_depth_map(ax, cube, level, norm)
    bar = figure.colorbar(maps[0].collections[-1], ax=maps, aspect=28, pad=0.02)
    bar.set_label("depth (mag)", fontsize=_SMALL)
    log_axis(bar.ax, "y", low, high)
    bar.ax.tick_params(labelsize=_SMALL)
    for ax, name in zip(lines, ("duration", "magnitude"), strict=True):
        alone = cube.over("magnitude" if name == "duration" else "duration")
        for k, level in enumerate(levels):
            _draw_depths(ax, alone, name, level, color_of(k))
        _dress(ax)
        scale_axis(ax, "x", cube, name)
        log_axis(ax, "y", low, high)
        ax.set(xlabel=LABELS[name], ylabel="depth (mag)")
        ax.legend(fontsize=_SMALL, frameon=False)
    explain(figure, [Patch(**NEVER, linewidth=0.0, label="never reached"), untried_handle()])
    return figure


def plot_efficiency_threshold_contour(
    cube: BinnedEfficiency, *, threshold: float = 0.5, title: str | None = None
) -> Figure:
    """Draw the depth at which the efficiency reaches one level; see `plot_depth_at_efficiency`."""
    return plot_depth_at_efficiency(cube, (threshold,), title=title)


def plot_efficiency_stages(
    cube: BinnedEfficiency, *, title: str = "Efficiency stage by stage"
) -> Figure:
    """Draw the efficiency against depth and duration, counting what reached each stage in turn.

    Parameters
    ----------
    cube : BinnedEfficiency
        Binned in depth and duration, and perhaps in magnitude.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = _figure((10.6, 4.6), title)
    panels = figure.subplots(1, 2)
    for ax, name in zip(panels, ("depth", "duration"), strict=True):
        alone = cube.over(*(other for other in cube.axes if other != name))
        for k, stage in enumerate(cube.stages):
            draw_curve(ax, alone.at_stage(stage), color_of(k), stage_name(stage))
        dress_curve(ax, cube, name)
    # Outside, for curves of many stages leave no corner free.
    handles, labels = panels[0].get_legend_handles_labels()
    n = int(cube.trials.sum())
    reached = cube.recovered_per_stage.reshape(len(cube.stages), -1).sum(axis=1)
    shares = [f"{label}, {k / max(n, 1):.0%}" for label, k in zip(labels, reached, strict=True)]
    figure.legend(
        handles, shares, loc="outside right center", fontsize=_SMALL, frameon=False,
        title=f"of {n:,} trials", title_fontsize=_SMALL,
    )  # fmt: skip
    return figure


def _draw_depth_map(ax: Axes, cube: BinnedEfficiency, level: float, norm: LogNorm) -> None:
    found = cube.depth_at(level)
    flat = cube.over("depth")
    x, y = "duration", "magnitude"
    tried, depth, limit = (
        oriented(flat, values, x, y)
        for values in (flat.trials > 0, found.depth_mag, found.is_upper_limit)
    )
    hatch(ax, cube, x, y, ~tried, UNTRIED, "untried")
    hatch(ax, cube, x, y, tried & np.isnan(depth), NEVER, "never")
    at_y, at_x = np.nonzero(limit)
    ax.plot(
        cube.centers_of(x)[at_x], cube.centers_of(y)[at_y], "v", ls="", ms=3.5, color=INK,
        gid="upper-limits",
    )  # fmt: skip
    ax.pcolormesh(
        cube.edges_of(x), cube.edges_of(y), np.ma.masked_invalid(depth), norm=norm, cmap=_DEPTH_CMAP,
        gid=f"depth-{level:g}",
    )  # fmt: skip
    dress_map(ax, cube, x, y)
    ax.set_title(f"{100 * level:g} % found", loc="left", fontsize=_NORMAL, color=MUTED)


def _draw_depths(ax: Axes, binned: BinnedEfficiency, name: str, level: float, color: str) -> None:
    found = binned.depth_at(level)
    known = np.isfinite(found.depth_mag)
    # A logarithmic axis has no room for 0 and infinity: the band leaves the panel instead.
    deepest = binned.edges_of("depth")[-1]
    lower = np.where(known, np.maximum(found.lower_mag, 1e-3 * deepest), np.nan)
    upper = np.where(known, np.minimum(found.upper_mag, 1e3 * deepest), np.nan)
    ax.fill_between(binned.centers_of(name), lower, upper, color=color, alpha=0.2, lw=0)
    ax.plot(
        binned.centers_of(name), found.depth_mag, "o-", ms=3.2, lw=1.3, color=color,
        label=f"{100 * level:g} %", gid=f"depths-{level:g}",
    )  # fmt: skip


def _level_handles() -> list[Line2D]:
    return [
        Line2D([], [], color=INK, lw=1.3, ls=style, label=f"{100 * level:g} % found")
        for level, style in LEVELS.items()
    ]
