"""The figure of one light curve: magnitudes, residuals, its best events, and a fold.

Figures are made without pyplot and change no global setting, so any number of threads may draw at
once. Save them with ``figure.savefig``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import AutoMinorLocator, FixedLocator, MaxNLocator

from malca.lightcurves import BAND_V, LightCurves, Star
from malca.plots import style
from malca.plots.style import EVENT_COLORS, EVENT_INKS, FAINT, INK, JD_OFFSET, Channel

_SMALL, _NORMAL, _LARGE = 8.0, 9.5, 13.0
_JUMP_HATCH = "////"
_SPAN_SHARE = 0.0025  # narrowest shaded span, as a share of the panel's width
_KINDS = {
    "bad": ("x", "flagged bad, or error > 1 mag"),
    "saturated": ("+", "saturated"),
    "limit": ("v", "upper limit"),
}


def plot_lightcurve(
    lightcurves: LightCurves,
    i: int,
    *,
    baseline: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    events: pd.DataFrame | None = None,
    period_days: float | None = None,
    title: str | None = None,
    max_zooms: int = 3,
) -> Figure:
    """Draw the light curve of one star.

    Parameters
    ----------
    lightcurves : LightCurves
    i : int
        Which star of the batch.
    baseline : (jd, mag, channel_label) arrays, optional
        Baseline at some dates of each channel, as ``style.baseline_arrays`` makes them. Residuals
        are taken from it; without it, from the median of each channel.
    events : DataFrame, optional
        Rows of the ``events`` table; those of other stars are left out. ``kind``, ``jd_start`` and
        ``jd_end`` are needed; ``jd_peak, depth_mag, ln_bf`` are told where present, and the fitted
        profile is drawn from ``morphology, amp_mag, t0_jd, width_days, skewness, fit_offset_mag``.
    period_days : float, optional
        Adds a panel folded on this period, phase 0 at the best event's peak.
    title : str, optional
        In place of the star's id.
    max_zooms : int
        Zoom panels, for the events of highest ``ln_bf``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        The period is not positive, the events table lacks a needed column, or the baseline's
        arrays differ in length.
    """
    if period_days is not None and not period_days > 0:
        raise ValueError(f"period_days must be positive, not {period_days}")
    star = lightcurves.star(i)
    channels = style.channels_of(star, lightcurves.cameras)
    own_events = style.events_of_star(events, lightcurves, i)
    delta = style.residuals(star, channels, baseline)
    zoomed = own_events.head(max(max_zooms, 0))
    n_bottom = len(zoomed) + (period_days is not None)

    layout = ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.06, hspace=0.02, wspace=0.02)
    figure = Figure(figsize=(12.0, 8.0 if n_bottom else 5.4), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    rows = figure.add_gridspec(
        2 if n_bottom else 1, 1, height_ratios=[1.9, 1.0][: 2 if n_bottom else 1]
    )
    upper = rows[0].subgridspec(2, 1, height_ratios=[2.7, 1.0], hspace=0.0)
    ax_mag = figure.add_subplot(upper[0])
    ax_delta = figure.add_subplot(upper[1], sharex=ax_mag)

    _draw_points(ax_mag, star, channels, star.jd - JD_OFFSET, star.mag)
    if baseline is not None:
        _draw_baseline(ax_mag, channels, baseline)
    _draw_points(ax_delta, star, channels, star.jd - JD_OFFSET, delta)
    ax_delta.axhline(0.0, color=INK, lw=0.9, zorder=4)
    _set_limits(ax_mag, star, star.mag, own_events, room=0.08 if len(own_events) else 0.0)
    _set_limits(ax_delta, star, delta, own_events)
    _set_time_axis(ax_mag, ax_delta, star)
    for ax in (ax_mag, ax_delta):
        _shade_events(ax, own_events)
    _mark_events(ax_mag, own_events, len(zoomed))
    _mark_limits(ax_mag, star)
    ax_mag.set_ylabel(_bands_label(channels), fontsize=_NORMAL)
    delta_label = "residual (mag)" if baseline is not None else "Δ median (mag)"
    ax_delta.set_ylabel(delta_label, fontsize=_NORMAL)
    for ax in (ax_mag, ax_delta):
        _dress(ax)

    if n_bottom:
        lower = rows[1].subgridspec(1, n_bottom)
        for k, event in enumerate(style.event_rows(zoomed)):
            ax = figure.add_subplot(lower[k])
            _draw_zoom(ax, star, channels, delta, event, k + 1, with_number=len(own_events) > 1)
            if k == 0:
                ax.set_ylabel(delta_label, fontsize=_NORMAL)
        if period_days is not None:
            ax = figure.add_subplot(lower[n_bottom - 1])
            _draw_fold(ax, star, channels, delta, period_days, own_events)
            if not len(zoomed):
                ax.set_ylabel(delta_label, fontsize=_NORMAL)

    _draw_legend(figure, star, channels, baseline, own_events)
    figure.suptitle(
        title if title is not None else style.star_title(lightcurves, i),
        x=0.012,
        ha="left",
        fontsize=_LARGE,
        fontweight="bold",
        color=INK,
    )
    figure.text(
        0.988,
        0.985,
        _summary(star, own_events),
        ha="right",
        va="top",
        fontsize=_NORMAL,
        color="#555555",
    )
    return figure


def _draw_points(
    ax: Axes,
    star: Star,
    channels: list[Channel],
    x: np.ndarray,
    y: np.ndarray,
    size: float = 2.6,
    faint_alpha: float = 0.55,
) -> None:
    kinds = style.point_kinds(star)
    for channel in channels:
        at = channel.points[kinds.usable[channel.points] & np.isfinite(y[channel.points])]
        _, _, (bars,) = ax.errorbar(
            x[at],
            y[at],
            yerr=star.mag_err[at],
            fmt=channel.marker,
            ms=size,
            mfc=channel.color if channel.filled else "white",
            mec=channel.color,
            mew=0.0 if channel.filled else 0.8,
            ecolor=channel.color,
            elinewidth=0.6,
            capsize=0,
            alpha=0.85,
            label=channel.label,
            zorder=3,
            gid=f"channel-{channel.label}",
        )
        bars.set_alpha(0.3)
    for name, (marker, label) in _KINDS.items():
        at = np.flatnonzero(getattr(kinds, name) & np.isfinite(y))
        if len(at):
            ax.plot(
                x[at], y[at], marker, ms=size, mec=FAINT, mfc="none", mew=0.6, alpha=faint_alpha,
                zorder=1, label=label, gid=f"faint-{name}",
            )  # fmt: skip


def _draw_baseline(
    ax: Axes, channels: list[Channel], baseline: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    for channel in channels:
        jd, mag = style.channel_baseline(channel, baseline)
        if not len(jd):
            continue
        gaps = np.flatnonzero(np.diff(jd) > style.SEASON_GAP_DAYS) + 1
        line = np.insert(jd - JD_OFFSET, gaps, np.nan), np.insert(mag, gaps, np.nan)
        ax.plot(*line, color=channel.color, lw=2.6, alpha=0.35, solid_capstyle="round", zorder=4)
        ax.plot(*line, color=INK, lw=0.8, zorder=4.1, gid=f"baseline-{channel.label}")


def _set_limits(ax: Axes, star: Star, y: np.ndarray, events: pd.DataFrame, room: float = 0.0) -> None:
    usable = style.point_kinds(star).usable
    inside = style.near_events(star, events)
    low, high = style.robust_limits(style.values_to_show(star, y, inside), inside)
    low -= room * (high - low)  # for the marks of the events
    ax.set_ylim(high, low)
    outside = usable & np.isfinite(y) & ((y < low) | (y > high))
    for beyond, edge, marker in ((y > high, high, "v"), (y < low, low, "^")):
        at = np.flatnonzero(outside & beyond)
        if len(at):
            ax.plot(
                star.jd[at] - JD_OFFSET, np.full(len(at), edge), marker, ms=4, color=INK, alpha=0.6,
                clip_on=False, zorder=5, gid="outside",
            )  # fmt: skip


def _set_time_axis(ax_mag: Axes, ax_delta: Axes, star: Star) -> None:
    first, last = style.time_range(star)
    ax_mag.set_xlim(first - JD_OFFSET, last - JD_OFFSET)
    ax_delta.set_xlabel("JD − 2450000", fontsize=_NORMAL)
    ax_mag.tick_params(labelbottom=False)
    starts, years = style.year_ticks(first, last)
    calendar = ax_mag.secondary_xaxis("top")
    calendar.xaxis.set_major_locator(FixedLocator(list(starts - JD_OFFSET)))
    calendar.xaxis.set_minor_locator(FixedLocator([]))
    calendar.set_xticks(starts - JD_OFFSET, years)
    calendar.tick_params(labelsize=_SMALL, direction="in", length=5, colors="#555555")
    calendar.set_gid("calendar")


def _shade_events(ax: Axes, events: pd.DataFrame) -> None:
    low, high = ax.get_xlim()
    narrowest = _SPAN_SHARE * abs(high - low)
    for event in style.event_rows(events):
        kind, start, end = event["kind"], event["jd_start"] - JD_OFFSET, event["jd_end"] - JD_OFFSET
        widen = 0.5 * max(narrowest - (end - start), 0.0)
        ax.axvspan(
            start - widen,
            end + widen,
            facecolor=EVENT_COLORS[kind],
            alpha=0.55,
            hatch=_JUMP_HATCH if kind == "jump" else None,
            edgecolor=EVENT_INKS["jump"] if kind == "jump" else "none",
            lw=0,
            zorder=0,
            gid=f"event-{kind}",
        )


def _mark_events(ax: Axes, events: pd.DataFrame, n_zooms: int) -> None:
    for k, event in enumerate(style.event_rows(events)):
        at = style.event_peak_jd(event) - JD_OFFSET
        fainter = event["kind"] == "dip"
        ax.plot(
            [at], [0.965], "v" if fainter else "^", ms=6, color=EVENT_INKS[event["kind"]],
            transform=ax.get_xaxis_transform(), zorder=6, gid=f"mark-{event['kind']}",
        )  # fmt: skip
        if k < n_zooms and len(events) > 1:
            ax.annotate(
                str(k + 1), (at, 0.965), xycoords=ax.get_xaxis_transform(), xytext=(0, -5),
                textcoords="offset points", ha="center", va="top", fontsize=_SMALL, fontweight="bold",
                color=EVENT_INKS[event["kind"]],
            )  # fmt: skip


def _mark_limits(ax: Axes, star: Star) -> None:
    # An upper limit without a magnitude still says when the star was looked at.
    at = np.flatnonzero(style.point_kinds(star).limit & ~np.isfinite(star.mag))
    if len(at):
        ax.plot(
            star.jd[at] - JD_OFFSET, np.full(len(at), 0.02), _KINDS["limit"][0], ms=3, mec=FAINT,
            mfc="none", mew=0.6, alpha=0.7, transform=ax.get_xaxis_transform(), zorder=1,
            gid="faint-limit",
        )  # fmt: skip


def _draw_zoom(
    ax: Axes,
    star: Star,
    channels: list[Channel],
    delta: np.ndarray,
    event: pd.Series[Any],
    number: int,
    with_number: bool,
) -> None:
    low, high = style.zoom_window(event)
    _draw_points(ax, star, channels, star.jd - JD_OFFSET, delta, size=4.2, faint_alpha=0.9)
    ax.axhline(0.0, color=INK, lw=0.9, alpha=0.6, zorder=2)
    ax.set_xlim(low - JD_OFFSET, high - JD_OFFSET)
    _shade_events(ax, pd.DataFrame([event]))
    window = (star.jd >= low) & (star.jd <= high)
    inside = window & style.near_events(star, pd.DataFrame([event]))
    shown = np.append(style.values_to_show(star, delta, inside)[window], 0.0)
    grid = np.linspace(low, high, 800)
    profile = style.event_profile(event, grid)
    if profile is not None:
        ax.plot(grid - JD_OFFSET, profile, color=INK, lw=1.6, zorder=5, gid="profile")
        shown = np.append(shown, profile)
    bottom, top = style.robust_limits(shown, np.ones(len(shown), bool))
    ax.set_ylim(top, bottom)
    headline, facts = style.event_texts(event)
    ax.set_title(
        f"{number}  {headline}" if with_number else headline, loc="left", fontsize=_NORMAL,
        fontweight="bold", color=EVENT_INKS[event["kind"]], pad=16,
    )  # fmt: skip
    ax.annotate(
        facts, (0, 1), xycoords="axes fraction", xytext=(0, 4), textcoords="offset points",
        fontsize=_SMALL, color="#555555",
    )  # fmt: skip
    ax.set_xlabel("JD − 2450000", fontsize=_NORMAL)
    _dress(ax)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


def _draw_fold(
    ax: Axes,
    star: Star,
    channels: list[Channel],
    delta: np.ndarray,
    period_days: float,
    events: pd.DataFrame,
) -> None:
    phase = style.folded_phase(star, period_days, events)
    for cycle in (0, 1):
        _draw_points(ax, star, channels, phase + cycle, delta, size=3.0)
    ax.axhline(0.0, color=INK, lw=0.9, alpha=0.6, zorder=2)
    ax.set_xlim(-0.5, 1.5)
    usable = style.point_kinds(star).usable
    low, high = style.robust_limits(np.where(usable, delta, np.nan), np.abs(phase) < 0.02)
    ax.set_ylim(high, low)
    ax.set_title(
        f"period {period_days:.6g} d", loc="left", fontsize=_NORMAL, fontweight="bold", color=INK
    )
    ax.set_xlabel("phase", fontsize=_NORMAL)
    _dress(ax)


def _dress(ax: Axes) -> None:
    ax.tick_params(which="both", labelsize=_SMALL, direction="in", right=True, color="#777777")
    ax.tick_params(which="minor", length=2.2)
    ax.xaxis.set_minor_locator(AutoMinorLocator())
    ax.yaxis.set_minor_locator(AutoMinorLocator())
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], prune="both"))
    for spine in ax.spines.values():
        spine.set(color="#777777", linewidth=0.8)
    ax.grid(axis="y", color="#E9E9E9", lw=0.6, zorder=-1)
    ax.set_axisbelow(True)


def _bands_label(channels: list[Channel]) -> str:
    bands = {channel.band for channel in channels}
    if len(bands) == 2:
        return "V and g (mag)"
    return "V (mag)" if bands == {BAND_V} else "g (mag)"


def _summary(star: Star, events: pd.DataFrame) -> str:
    parts = [f"{len(star.jd):,} points", f"{len(np.unique(star.camera))} cameras"]
    for kind in ("dip", "jump"):
        if n := int((events["kind"] == kind).sum()):
            parts.append(f"{n} {kind}{'s' if n > 1 else ''}")
    return " · ".join(parts)


def _draw_legend(
    figure: Figure,
    star: Star,
    channels: list[Channel],
    baseline: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
    events: pd.DataFrame,
) -> None:
    handles: list[Line2D | Patch] = []
    for channel in channels:
        handles.append(
            Line2D(
                [], [], ls="", marker=channel.marker, ms=5, mec=channel.color, mew=1.0,
                mfc=channel.color if channel.filled else "white", label=channel.label,
            )
        )  # fmt: skip
    if baseline is not None:
        handles.append(Line2D([], [], color=INK, lw=1.2, label="baseline"))
    kinds = style.point_kinds(star)
    for name, (marker, label) in _KINDS.items():
        if getattr(kinds, name).any():
            handles.append(
                Line2D([], [], ls="", marker=marker, ms=4, mec=FAINT, mfc="none", label=label)
            )
    for kind in ("dip", "jump"):
        if len(events) and (events["kind"] == kind).any():
            handles.append(
                Patch(
                    facecolor=EVENT_COLORS[kind], label=kind, alpha=0.7, lw=0,
                    hatch=_JUMP_HATCH if kind == "jump" else None, edgecolor=EVENT_INKS[kind],
                )
            )  # fmt: skip
    if handles:
        figure.legend(
            handles=handles, loc="outside lower center", fontsize=_SMALL,
            ncols=-(-len(handles) // -(-len(handles) // 12)),
            frameon=False, handletextpad=0.35, columnspacing=1.3,
        )  # fmt: skip
