"""The interactive figure of one light curve, with the same content and looks as the static one.

Points are drawn with WebGL. Hiding a channel in the legend hides it in every panel. For a page
that opens without a network, ``figure.to_html(include_plotlyjs=True)``.

Traces, shapes and annotations are collected as plain dictionaries and handed to plotly at once,
which checks them; adding them one by one copies all earlier ones each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from malca.lightcurves import BAND_NAMES, LightCurves, Star
from malca.plots import style
from malca.plots.style import EVENT_COLORS, EVENT_INKS, FAINT, INK, JD_OFFSET, Channel

_HOVER = (
    "<b>%{text}</b><br>JD %{customdata[0]:.5f}<br>"
    "%{customdata[1]:.4f} ± %{customdata[2]:.4f} mag<extra></extra>"
)
_HOVER_LIMIT = "<b>%{text}</b><br>JD %{customdata[0]:.5f}<br>upper limit<extra></extra>"
_KINDS = {
    "bad": ("x-thin-open", "flagged bad, or error > 1 mag"),
    "saturated": ("cross-thin-open", "saturated"),
    "limit": ("triangle-down-open", "upper limit"),
}
_MUTED = "#555555"
_FRAME = {
    "ticks": "inside",
    "mirror": True,
    "showline": True,
    "linecolor": "#777777",
    "zeroline": False,
}
_GAP_BETWEEN_PANELS = 0.055


def interactive_lightcurve(
    lightcurves: LightCurves,
    i: int,
    *,
    baseline: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    events: pd.DataFrame | None = None,
    period_days: float | None = None,
    title: str | None = None,
    max_zooms: int = 3,
) -> go.Figure:
    """Draw the light curve of one star for a browser.

    Parameters
    ----------
    lightcurves, i, baseline, events, period_days, title, max_zooms
        As of ``malca.plots.lightcurve.plot_lightcurve``.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ValueError
        As of ``plot_lightcurve``.
    """
    if period_days is not None and not period_days > 0:
        raise ValueError(f"period_days must be positive, not {period_days}")
    star = lightcurves.star(i)
    channels = style.channels_of(star, lightcurves.cameras)
    own_events = style.events_of_star(events, lightcurves, i)
    delta = style.residuals(star, channels, baseline)
    zoomed = own_events.head(max(max_zooms, 0))
    sketch = _Sketch(star, lightcurves, channels, delta)
    delta_label = "residual (mag)" if baseline is not None else "Δ median (mag)"

    n_bottom = len(zoomed) + (period_days is not None)
    first, last = style.time_range(star)
    dates = [first - JD_OFFSET, last - JD_OFFSET]
    upper, lower = ([0.60, 1.0], [0.42, 0.585]) if n_bottom else ([0.30, 1.0], [0.0, 0.275])
    in_events = style.near_events(star, own_events)

    limits = style.robust_limits(style.values_to_show(star, star.mag, in_events), in_events)
    main = sketch.panel("", [0.0, 1.0], upper, dates, limits, "mag", showticklabels=False)
    sketch.points(main, star.jd - JD_OFFSET, star.mag, in_legend=True)
    sketch.bare_limits(main, limits[1])
    if baseline is not None:
        sketch.baseline(main, baseline)
    limits = style.robust_limits(style.values_to_show(star, delta, in_events), in_events)
    below = sketch.panel("2", [0.0, 1.0], lower, dates, limits, delta_label, matches="x")
    sketch.layout["xaxis2"]["title"] = {"text": "JD − 2450000"}
    sketch.points(below, star.jd - JD_OFFSET, delta)
    sketch.zero_line(below)
    for k, event in enumerate(style.event_rows(own_events)):
        for axis in (main, below):
            sketch.span(axis, event)
        sketch.event_mark(main, event, str(k + 1) if k < len(zoomed) and len(own_events) > 1 else "")
    for start, year in zip(*style.year_ticks(first, last), strict=True):
        sketch.text(main, start - JD_OFFSET, year, xref="x", xanchor="center", color=_MUTED)

    width = (1.0 - _GAP_BETWEEN_PANELS * (n_bottom - 1)) / max(n_bottom, 1)
    for k in range(n_bottom):
        domain = [k * (width + _GAP_BETWEEN_PANELS), k * (width + _GAP_BETWEEN_PANELS) + width]
        label = delta_label if k == 0 else ""
        if period_days is None or k < len(zoomed):
            number = f"{k + 1}  " if len(own_events) > 1 else ""
            _add_zoom(sketch, str(3 + k), domain, zoomed.iloc[k], number, label)
        else:
            _add_fold(sketch, str(3 + k), domain, period_days, own_events, label)
    name = style.star_title(lightcurves, i)
    return go.Figure(
        {
            "data": sketch.traces,
            "layout": {
                **sketch.layout,
                "shapes": sketch.shapes,
                "annotations": sketch.annotations,
                "title": {"text": title if title is not None else name, "x": 0.01},
                "template": "plotly_white",
                "height": 840 if n_bottom else 600,
                "margin": {"l": 70, "r": 20, "t": 80, "b": 50},
                "legend": {"itemsizing": "constant", "groupclick": "togglegroup"},
                "hovermode": "closest",
                # The view a reader has zoomed to survives a redraw of the same star.
                "uirevision": name,
            },
        }
    )


class _Sketch:
    """Traces, axes, shapes and annotations of one star's figure, gathered as dictionaries."""

    def __init__(
        self, star: Star, lightcurves: LightCurves, channels: list[Channel], delta: np.ndarray
    ) -> None:
        self.star, self.channels, self.delta = star, channels, delta
        self.kinds = style.point_kinds(star)
        self.texts = _hover_texts(star, lightcurves)
        self.numbers = np.stack(
            [star.jd, star.mag.astype(np.float64), star.mag_err.astype(np.float64)], axis=1
        ).round(5)
        self.traces: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {}
        self.shapes: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def panel(self, axis, x_domain, y_domain, x_range, y_range, y_label, **x_options) -> str:
        """Make a pair of axes; magnitudes grow downwards."""
        self.layout[f"xaxis{axis}"] = {
            **_FRAME, "domain": x_domain, "range": list(x_range), "anchor": f"y{axis}",
            "showgrid": False, "exponentformat": "none", "separatethousands": False, **x_options,
        }  # fmt: skip
        self.layout[f"yaxis{axis}"] = {
            **_FRAME, "domain": y_domain, "range": [y_range[1], y_range[0]], "anchor": f"x{axis}",
            "gridcolor": "#E9E9E9", "title": {"text": y_label},
        }  # fmt: skip
        return axis

    def points(self, axis, x, y, *, in_legend=False, chosen=None, size=5.0) -> None:
        shown = np.isfinite(y) if chosen is None else np.isfinite(y) & chosen
        for channel in self.channels:
            at = channel.points[self.kinds.usable[channel.points] & shown[channel.points]]
            if not len(at) and not in_legend:
                continue
            self.traces.append(
                {
                    **self._trace(axis, x[at], y[at], at, channel.label, channel.label),
                    "showlegend": in_legend,
                    "error_y": {
                        "type": "data", "array": self.numbers[at, 2], "thickness": 0.8, "width": 0,
                        "color": _faded(channel.color),
                    },
                    "marker": {
                        "size": size, "color": channel.color, "symbol": channel.symbol, "opacity": 0.85,
                        "line": {"width": 0 if channel.filled else 1.2, "color": channel.color},
                    },
                }
            )  # fmt: skip
        for kind in _KINDS:
            at = np.flatnonzero(getattr(self.kinds, kind) & shown)
            if len(at):
                self._faint(axis, kind, x[at], y[at], at, in_legend)

    def bare_limits(self, axis, faint_edge) -> None:
        """Mark upper limits without a magnitude at the panel's faint edge."""
        at = np.flatnonzero(self.kinds.limit & ~np.isfinite(self.star.mag))
        if len(at):
            y = np.full(len(at), faint_edge)
            self._faint(axis, "limit", self.star.jd[at] - JD_OFFSET, y, at, True)

    def _faint(self, axis, kind, x, y, at, in_legend) -> None:
        symbol, label = _KINDS[kind]
        self.traces.append(
            {
                **self._trace(axis, x, y, at, label, kind),
                "showlegend": in_legend,
                "opacity": 0.55,
                "marker": {
                    "size": 4.5, "symbol": symbol, "color": FAINT,
                    "line": {"width": 0.8, "color": FAINT},
                },
            }
        )  # fmt: skip
        if kind == "limit":
            self.traces[-1]["hovertemplate"] = _HOVER_LIMIT

    def _trace(self, axis, x, y, at, label, group) -> dict[str, Any]:
        texts = self.texts[at]
        # One text for all points, where it is the same, spares the page most of its size.
        alike = len(texts) > 0 and (texts == texts[0]).all()
        return {
            "type": "scattergl", "mode": "markers", "xaxis": f"x{axis}", "yaxis": f"y{axis}",
            "x": np.round(x, 6), "y": np.round(np.asarray(y, np.float64), 5), "name": label,
            "legendgroup": group, "customdata": self.numbers[at], "text": texts[0] if alike else texts,
            "hovertemplate": _HOVER,
        }  # fmt: skip

    def baseline(self, axis, baseline) -> None:
        shown = False
        for channel in self.channels:
            jd, mag = style.channel_baseline(channel, baseline)
            if len(jd):
                gaps = np.flatnonzero(np.diff(jd) > style.SEASON_GAP_DAYS) + 1
                x, y = np.insert(jd - JD_OFFSET, gaps, np.nan), np.insert(mag, gaps, np.nan)
                self.line(axis, x, y, "baseline", 1.3, showlegend=not shown)
                shown = True

    def line(self, axis, x, y, label, width, *, showlegend=False) -> None:
        self.traces.append(
            {
                "type": "scattergl", "mode": "lines", "xaxis": f"x{axis}", "yaxis": f"y{axis}",
                "x": x, "y": y, "name": label, "legendgroup": label, "showlegend": showlegend,
                "line": {"color": INK, "width": width}, "hoverinfo": "skip",
            }
        )  # fmt: skip

    def zero_line(self, axis) -> None:
        self.shapes.append(
            {
                "type": "line", "xref": f"x{axis} domain", "yref": f"y{axis}", "x0": 0, "x1": 1,
                "y0": 0, "y1": 0, "line": {"color": INK, "width": 1}, "opacity": 0.7,
            }
        )  # fmt: skip

    def span(self, axis, event) -> None:
        kind = event["kind"]
        self.shapes.append(
            {
                "type": "rect", "name": f"event-{kind}", "layer": "below", "opacity": 0.5,
                "xref": f"x{axis}", "yref": f"y{axis} domain", "y0": 0, "y1": 1,
                "x0": event["jd_start"] - JD_OFFSET, "x1": event["jd_end"] - JD_OFFSET,
                "fillcolor": EVENT_COLORS[kind],
                # An outline keeps an event of hours visible over years; that of jumps is dashed.
                "line": {
                    "color": EVENT_INKS[kind], "width": 0.8,
                    "dash": "solid" if kind == "dip" else "dash",
                },
            }
        )  # fmt: skip

    def event_mark(self, axis, event, number) -> None:
        sign = "▼" if event["kind"] == "dip" else "▲"
        self.text(
            axis, style.event_peak_jd(event) - JD_OFFSET, sign + number, xref=f"x{axis}",
            xanchor="center", yanchor="top", color=EVENT_INKS[event["kind"]],
            hovertext="<br>".join(style.event_texts(event)),
        )  # fmt: skip

    def text(self, axis, x, text, *, color, size=11, yanchor="bottom", **options) -> None:
        self.annotations.append(
            {
                "text": text, "x": x, "y": 1, "yref": f"y{axis} domain", "yanchor": yanchor,
                "showarrow": False, "align": "left", "font": {"color": color, "size": size}, **options,
            }
        )  # fmt: skip


def _add_zoom(
    sketch: _Sketch, axis: str, domain: list[float], event: pd.Series[Any], number: str, label: str
) -> None:
    star, delta = sketch.star, sketch.delta
    low, high = style.zoom_window(event)
    near = (star.jd >= low) & (star.jd <= high)
    grid = np.linspace(low, high, 400)
    profile = style.event_profile(event, grid)
    inside = near & style.near_events(star, pd.DataFrame([event]))
    values = style.values_to_show(star, delta, inside)[near]
    shown = np.concatenate([values, [0.0], () if profile is None else profile])
    limits = style.robust_limits(shown, np.ones(len(shown), bool))
    sketch.panel(axis, domain, [0.0, 0.27], [low - JD_OFFSET, high - JD_OFFSET], limits, label)
    sketch.layout[f"xaxis{axis}"]["title"] = {"text": "JD − 2450000"}
    sketch.points(axis, star.jd - JD_OFFSET, delta, chosen=near, size=7.0)
    sketch.zero_line(axis)
    sketch.span(axis, event)
    if profile is not None:
        sketch.line(axis, grid - JD_OFFSET, profile, "fitted profile", 2)
    headline, facts = style.event_texts(event)
    text = f"<b>{number}{headline}</b><br><span style='font-size:11px'>{facts}</span>"
    ink = EVENT_INKS[event["kind"]]
    sketch.text(axis, 0, text, xref=f"x{axis} domain", xanchor="left", color=ink, size=13)


def _add_fold(
    sketch: _Sketch,
    axis: str,
    domain: list[float],
    period_days: float,
    events: pd.DataFrame,
    label: str,
) -> None:
    phase = style.folded_phase(sketch.star, period_days, events)
    usable = np.where(sketch.kinds.usable, sketch.delta, np.nan)
    limits = style.robust_limits(usable, np.abs(phase) < 0.02)
    sketch.panel(axis, domain, [0.0, 0.27], [-0.5, 1.5], limits, label, title={"text": "phase"})
    for cycle in (0, 1):
        sketch.points(axis, phase + cycle, sketch.delta)
    sketch.zero_line(axis)
    text = f"<b>period {period_days:.6g} d</b>"
    sketch.text(axis, 0, text, xref=f"x{axis} domain", xanchor="left", color=INK, size=13)


def _hover_texts(star: Star, lightcurves: LightCurves) -> np.ndarray:
    quality = np.where(star.saturated, "saturated", np.where(star.good, "good", "bad"))
    camera = np.array([camera.name for camera in lightcurves.cameras] or [""], object)[star.camera]
    band = np.array(BAND_NAMES, object)[star.band]
    field = np.array(lightcurves.fields or ("",), object)[star.field]
    return np.array(
        [
            f"camera {c}, {b} band · quality {q}" + (f" · field {f}" if f else "")
            for c, b, q, f in zip(camera, band, quality, field, strict=True)
        ],
        dtype=object,
    )


def _faded(color: str) -> str:
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.35)"
