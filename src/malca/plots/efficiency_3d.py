"""The efficiency cube as a solid to be turned in a browser.

For a page that opens without a network, ``figure.to_html(include_plotlyjs=True)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from scipy.ndimage import distance_transform_edt

from malca.evaluation.binned_efficiency import BinnedEfficiency
from malca.plots.efficiency_drawing import LABELS, color_of
from malca.plots.style import INK

_ORDER = ("depth", "duration", "magnitude")
_GREY = "#9A9A9A"
_MAX_TICKS = 7


def plot_efficiency_3d(
    cube: BinnedEfficiency,
    levels: Sequence[float] = (0.5, 0.9),
    *,
    title: str = "Efficiency by depth, duration and magnitude",
) -> go.Figure:
    """Draw the cube as a volume, with the surfaces at which given levels are reached.

    The legend turns on and off the volume, the single bins (with their trials on hover), those
    without trials (grey dots) and the surfaces, which are those of ``cube.depth_at``. Depth and
    duration run logarithmically.

    Parameters
    ----------
    cube : BinnedEfficiency
        Binned in depth, duration and magnitude.
    levels : sequence of float
        Between 0 and 1.
    title : str

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ValueError
        The cube has not these three axes, or no trials.
    """
    if cube.axes != _ORDER:
        raise ValueError(f"a cube of {', '.join(_ORDER)} is needed, not of {', '.join(cube.axes)}")
    tried = cube.trials > 0
    if not tried.any():
        raise ValueError("the cube holds no trials")
    depths, durations = (np.log10(cube.centers_of(name)) for name in _ORDER[:2])
    scaled = [depths, durations, cube.centers_of("magnitude")]
    # x, y, z are duration, magnitude and depth: the surfaces stand over a floor of the first two.
    depth, duration, mag = np.meshgrid(*scaled, indexing="ij")
    traces = [
        _volume(duration, mag, depth, cube, tried),
        _bins(duration, mag, depth, cube, tried),
        _untried(duration, mag, depth, tried),
        *(_surface(cube, scaled, level, color_of(k)) for k, level in enumerate(levels)),
    ]
    figure = go.Figure([trace for trace in traces if trace is not None])
    figure.update_layout(
        title={"text": title, "x": 0.02, "font": {"size": 17, "color": INK}},
        template="plotly_white",
        margin={"l": 0, "r": 0, "t": 50, "b": 0},
        legend={"x": 0.02, "y": 0.95, "itemsizing": "constant"},
        scene={
            "xaxis": _axis(cube, "duration"),
            "yaxis": _axis(cube, "magnitude"),
            "zaxis": _axis(cube, "depth"),
            "aspectmode": "cube",
            "camera": {"eye": {"x": 1.5, "y": -1.6, "z": 0.9}},
        },
    )
    return figure


def _volume(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, cube: BinnedEfficiency, tried: np.ndarray
) -> go.Volume:
    # A volume has no holes: bins without trials take the colour of the nearest tried one, and are
    # marked by dots of their own.
    nearest = distance_transform_edt(~tried, return_distances=False, return_indices=True)
    return go.Volume(
        x=x.ravel(), y=y.ravel(), z=z.ravel(), value=cube.efficiency[tuple(nearest)].ravel(),
        cmin=0.0, cmax=1.0, isomin=0.1, isomax=1.0, opacity=0.1, surface_count=10,
        colorscale="Viridis", caps={"x_show": False, "y_show": False, "z_show": False},
        colorbar={"title": "efficiency", "tickformat": ".0%", "len": 0.75}, name="volume",
        showlegend=True, hoverinfo="skip",
    )  # fmt: skip


def _bins(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, cube: BinnedEfficiency, tried: np.ndarray
) -> go.Scatter3d:
    rows = (10 ** z[tried], 10 ** x[tried], y[tried], cube.efficiency[tried], cube.lower[tried],
            cube.upper[tried], cube.recovered[tried], cube.trials[tried])  # fmt: skip
    return go.Scatter3d(
        x=x[tried], y=y[tried], z=z[tried], mode="markers", name="bins", visible="legendonly",
        marker={
            "size": 3.5, "color": cube.efficiency[tried], "colorscale": "Viridis", "cmin": 0.0,
            "cmax": 1.0,
        },
        customdata=np.stack(rows, axis=1),
        hovertemplate=(
            "%{customdata[0]:.3g} mag, %{customdata[1]:.3g} d, %{customdata[2]:.2f} mag<br>"
            "<b>%{customdata[3]:.1%}</b> (%{customdata[4]:.1%} to %{customdata[5]:.1%})<br>"
            "%{customdata[6]:,d} of %{customdata[7]:,d} trials<extra></extra>"
        ),
    )  # fmt: skip


def _untried(x: np.ndarray, y: np.ndarray, z: np.ndarray, tried: np.ndarray) -> go.Scatter3d | None:
    if tried.all():
        return None
    return go.Scatter3d(
        x=x[~tried], y=y[~tried], z=z[~tried], mode="markers", name="no trials",
        marker={"size": 1.8, "color": _GREY}, hoverinfo="name",
    )  # fmt: skip


def _surface(
    cube: BinnedEfficiency, scaled: list[np.ndarray], level: float, color: str
) -> go.Surface | None:
    found = cube.depth_at(level).depth_mag
    if not np.isfinite(found).any():
        return None
    return go.Surface(
        x=scaled[1], y=scaled[2], z=np.log10(found).T, customdata=found.T,
        name=f"{100 * level:g} % found",
        showlegend=True, showscale=False, colorscale=[[0, color], [1, color]], opacity=0.75,
        connectgaps=False,
        hovertemplate=f"{100 * level:g} % found at %{{customdata:.3g}} mag<extra></extra>",
    )  # fmt: skip


def _axis(cube: BinnedEfficiency, name: str) -> dict[str, Any]:
    edges, is_log = cube.edges_of(name), name != "magnitude"
    low = edges[0] if edges[0] > 0 or not is_log else cube.centers_of(name)[0]
    axis: dict[str, Any] = {"title": LABELS[name], "gridcolor": "#E3E3E3"}
    if not is_log:
        return axis | {"range": [edges[-1], low]}
    ends = np.log10([low, edges[-1]])
    values = np.array([m * 10.0**k for k in range(int(ends[0]) - 1, int(ends[1]) + 2) for m in (1, 3)])
    values = values[(values >= low * 0.999) & (values <= edges[-1] * 1.001)][: _MAX_TICKS * 2]
    return axis | {
        "range": list(ends),
        "tickvals": list(np.log10(values)),
        "ticktext": [f"{value:g}" for value in values],
    }
