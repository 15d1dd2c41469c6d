"""Figures of a whole run: what was found, and what of a simulated truth was recovered."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from malca.plots.style import EVENT_INKS, FAINT, G_COLORS, INK, MARKERS, V_COLORS

_SMALL, _NORMAL, _LARGE = 8.0, 9.5, 13.0
_COLORS = (*G_COLORS, *V_COLORS)
_EVENT_MARKERS = {"dip": "v", "jump": "^"}
_SHORTEST_DAYS = 0.05  # where events of a single night are drawn on a logarithmic axis


def match_events(
    truth_events: pd.DataFrame, events: pd.DataFrame, *, tolerance_days: float = 2.0
) -> pd.DataFrame:
    """Tell which true events were found.

    An event counts as found when one of the same star and kind overlaps its span, widened by the
    tolerance on both sides. Where several do, the deepest is taken for the recovered depth.

    Parameters
    ----------
    truth_events : DataFrame
        ``asas_sn_id, kind, jd_start, jd_end``.
    events : DataFrame
        The same columns and ``depth_mag``.
    tolerance_days : float

    Returns
    -------
    DataFrame, a row a true event, in its order
        The columns of ``truth_events`` and ``found`` (bool), ``recovered_depth_mag`` (NaN where
        missed).

    Raises
    ------
    ValueError
        A column is missing.
    """
    _need(truth_events, "truth_events", ("asas_sn_id", "kind", "jd_start", "jd_end"))
    _need(events, "events", ("asas_sn_id", "kind", "jd_start", "jd_end", "depth_mag"))
    truth = truth_events.reset_index(drop=True).rename_axis("truth").reset_index()
    pairs = truth.merge(events, on=["asas_sn_id", "kind"], suffixes=("", "_event"))
    overlaps = (pairs["jd_start_event"] <= pairs["jd_end"] + tolerance_days) & (
        pairs["jd_end_event"] >= pairs["jd_start"] - tolerance_days
    )
    depth = "depth_mag_event" if "depth_mag" in truth_events.columns else "depth_mag"
    deepest = pairs[overlaps].groupby("truth")[depth].agg(lambda values: values.abs().max())
    truth["found"] = truth["truth"].isin(deepest.index)
    truth["recovered_depth_mag"] = truth["truth"].map(deepest).astype(float)
    return truth.drop(columns="truth")


def recovery_figure(
    truth_events: pd.DataFrame,
    events: pd.DataFrame,
    sources: pd.DataFrame,
    *,
    tolerance_days: float = 2.0,
    title: str = "Recovery of simulated events",
) -> Figure:
    """Draw which simulated events a run recovered.

    Three panels: true depth against duration, filled where found and open where missed; the share
    found in each population with its 68 % Wilson interval; recovered against true depth.

    Parameters
    ----------
    truth_events : DataFrame
        ``asas_sn_id, kind, jd_start, jd_end, depth_mag``, and where known ``duration_days``
        (else the span) and ``population``.
    events : DataFrame
        The run's ``events`` table.
    sources : DataFrame
        The run's ``sources`` table: true events of stars that are not in it were not searched
        for, and are left out and counted in the figure.
    tolerance_days : float
        See `match_events`.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        A column is missing.
    """
    _need(truth_events, "truth_events", ("depth_mag",))
    _need(sources, "sources", ("asas_sn_id",))
    truth = match_events(truth_events, events, tolerance_days=tolerance_days)
    searched = truth["asas_sn_id"].isin(sources["asas_sn_id"])
    n_unsearched = int((~searched).sum())
    truth = truth[searched]
    duration = (
        truth["duration_days"] if "duration_days" in truth else truth["jd_end"] - truth["jd_start"]
    )
    truth = truth.assign(
        duration_days=duration.clip(lower=_SHORTEST_DAYS), depth=truth["depth_mag"].abs()
    )
    if "population" not in truth:
        truth["population"] = "all"
    truth["population"] = truth["population"].astype(str)

    figure = _figure((12.0, 5.2), title)
    plane, bars, depths = figure.subplots(1, 3, width_ratios=[1.5, 0.9, 1.0])
    populations = sorted(truth["population"].unique())
    for k, population in enumerate(populations):
        color, marker = _look(k)
        own = truth[truth["population"] == population]
        for found in (False, True):
            part = own[own["found"] == found]
            plane.plot(
                part["duration_days"], part["depth"], marker, ls="", ms=4.5, color=color, mew=0.9,
                mfc=color if found else "none", alpha=0.85, zorder=3 if found else 2,
                label=population.replace("_", " ") if found else None,
                gid=f"{'found' if found else 'missed'}-{population}",
            )  # fmt: skip
        got = own[own["found"]]
        depths.plot(
            got["depth"], got["recovered_depth_mag"], marker, ls="", ms=4, color=color, alpha=0.85
        )
    _log_axes(plane, truth["duration_days"], truth["depth"])
    plane.set(xlabel="true duration (d)", ylabel="true depth (mag)")
    plane.set_title("filled: found, open: missed", loc="left", fontsize=_NORMAL, color="#555555")
    _draw_shares(bars, truth, populations)
    both = np.concatenate([truth["depth"], truth["recovered_depth_mag"].dropna()])
    _log_axes(depths, both, both)
    ends = np.array(depths.get_xlim())
    depths.plot(ends, ends, color=INK, lw=0.9, alpha=0.6, zorder=1)
    depths.set(xlabel="true depth (mag)", ylabel="recovered depth (mag)")
    n_found = int(truth["found"].sum())
    note = f"{n_found:,} of {len(truth):,} events found"
    if n_unsearched:
        note += f" · {n_unsearched:,} of stars not searched, left out"
    figure.text(0.988, 0.985, note, ha="right", va="top", fontsize=_NORMAL, color="#555555")
    for ax in (plane, bars, depths):
        _dress(ax)
    return figure


def detection_overview(
    sources: pd.DataFrame, events: pd.DataFrame, *, title: str = "Events of this run"
) -> Figure:
    """Draw what a run found.

    Panels: depth against duration; magnitudes of all stars and of those with events; the sky, if
    ``ra_deg`` and ``dec_deg`` are among the sources' columns; counts.

    Parameters
    ----------
    sources : DataFrame
        The run's ``sources`` table: ``asas_sn_id``, and where known ``baseline_mag``, ``ra_deg``,
        ``dec_deg``.
    events : DataFrame
        The run's ``events`` table: ``asas_sn_id, kind, jd_start, jd_end, depth_mag``.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        A column is missing.
    """
    _need(sources, "sources", ("asas_sn_id",))
    _need(events, "events", ("asas_sn_id", "kind", "jd_start", "jd_end", "depth_mag"))
    with_sky = {"ra_deg", "dec_deg"} <= set(sources.columns)
    figure = _figure((12.0, 7.6 if with_sky else 4.8), title)
    grid = figure.add_gridspec(2 if with_sky else 1, 3, width_ratios=[1.5, 1.0, 0.9])
    plane = figure.add_subplot(grid[0, 0])
    mags = figure.add_subplot(grid[0, 1])
    counts = figure.add_subplot(grid[0, 2])
    span = (events["jd_end"] - events["jd_start"]).clip(lower=_SHORTEST_DAYS)
    depth = events["depth_mag"].abs()
    with_kind = {}
    for kind, marker in _EVENT_MARKERS.items():
        own = events["kind"] == kind
        with_kind[kind] = sources["asas_sn_id"].isin(events.loc[own, "asas_sn_id"])
        plane.plot(
            span[own], depth[own], marker, ls="", ms=5, color=EVENT_INKS[kind], alpha=0.7, mew=0,
            label=f"{own.sum():,} {kind}s", gid=f"events-{kind}",
        )  # fmt: skip
    _log_axes(plane, span, depth)
    plane.set(xlabel="duration (d)", ylabel="depth (mag)")
    plane.legend(fontsize=_SMALL, frameon=False, loc="upper left")
    _draw_magnitudes(mags, sources, with_kind)
    _draw_counts(counts, sources, events, with_kind)
    if with_sky:
        _draw_sky(figure.add_subplot(grid[1, :], projection="mollweide"), sources, with_kind)
    for ax in (plane, mags, counts):
        _dress(ax)
    return figure


def wilson_interval(n_found: int, n: int, z: float = 1.0) -> tuple[float, float]:
    """Confidence interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22, 209).

    Parameters
    ----------
    n_found, n : int
        ``n_found`` of ``n``; an empty sample gives (0, 1).
    z : float
        Half width in standard deviations of a normal distribution; 1 is 68 %.

    Returns
    -------
    low, high : float
    """
    if n == 0:
        return 0.0, 1.0
    share, z2 = n_found / n, z * z / n
    centre = (share + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * np.sqrt(share * (1 - share) / n + z2 / (4 * n))
    # Round-off may put the bound of an empty or full sample beside 0 or 1.
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _draw_shares(ax: Axes, truth: pd.DataFrame, populations: list[str]) -> None:
    for k, population in enumerate(populations):
        found = truth.loc[truth["population"] == population, "found"]
        n_found, n = int(found.sum()), len(found)
        low, high = wilson_interval(n_found, n)
        color, _ = _look(k)
        ax.barh(k, n_found / n, color=color, alpha=0.75, height=0.62, gid=f"share-{population}")
        ax.plot([low, high], [k, k], color=INK, lw=1.3)
        ax.text(0.02, k, f"{n_found} / {n}", va="center", fontsize=_SMALL, color=INK)
    ax.set_yticks(range(len(populations)), [name.replace("_", " ") for name in populations])
    ax.set_xlim(0.0, 1.02)
    ax.set_ylim(len(populations) - 0.4, -0.6)
    ax.set_xlabel("share found")


def _draw_magnitudes(ax: Axes, sources: pd.DataFrame, with_kind: dict[str, pd.Series]) -> None:
    ax.set(xlabel="baseline (mag)", ylabel="stars")
    known = sources.get("baseline_mag", pd.Series(np.nan, index=sources.index)).astype(float)
    if not known.notna().any():
        ax.text(0.5, 0.5, "no magnitudes", transform=ax.transAxes, ha="center", color=FAINT)
        return
    edges = list(np.linspace(known.min() - 0.05, known.max() + 0.05, 25))
    ax.hist(known.dropna(), edges, color="#D5D5D5", label="all", gid="mags-all")
    for kind, chosen in with_kind.items():
        if chosen.any():
            ax.hist(
                known[chosen].dropna(), edges, histtype="step", color=EVENT_INKS[kind], lw=1.6,
                label=f"with {kind}s",
            )  # fmt: skip
    ax.set_yscale("symlog", linthresh=1.0)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.legend(fontsize=_SMALL, frameon=False)


def _draw_counts(
    ax: Axes, sources: pd.DataFrame, events: pd.DataFrame, with_kind: dict[str, pd.Series]
) -> None:
    rows = [("stars searched", len(sources), "#BDBDBD")]
    for kind in _EVENT_MARKERS:
        rows.append((f"stars with {kind}s", int(with_kind[kind].sum()), EVENT_INKS[kind]))
        rows.append((f"{kind}s", int((events["kind"] == kind).sum()), EVENT_INKS[kind]))
    for k, (_, count, color) in enumerate(rows):
        ax.barh(k, count, color=color, alpha=0.75, height=0.62)
        ax.annotate(
            f"{count:,}", (count, k), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=_SMALL, color=INK,
        )  # fmt: skip
    ax.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xscale("symlog", linthresh=1.0)
    ax.set_xlim(0, 5 * max(count for _, count, _ in rows) + 1)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _draw_sky(ax: Axes, sources: pd.DataFrame, with_kind: dict[str, pd.Series]) -> None:
    # As seen from inside the sphere, right ascension grows to the left; 12 h is at the edges.
    x = -np.deg2rad((sources["ra_deg"].to_numpy(float) + 180.0) % 360.0 - 180.0)
    y = np.deg2rad(sources["dec_deg"].to_numpy(float))
    # Not ``plot``, which on a projected sky puts 75 points between each and the next.
    ax.scatter(x, y, 2.5**2, "#C4C4C4", marker=".", alpha=0.7, rasterized=True, zorder=2, gid="sky-all")
    for kind, chosen in with_kind.items():
        at = chosen.to_numpy()
        ax.scatter(
            x[at], y[at], 5**2, EVENT_INKS[kind], marker=_EVENT_MARKERS[kind], linewidths=0, alpha=0.9,
            zorder=2, gid=f"sky-{kind}",
        )  # fmt: skip
    hours = np.arange(-10, 11, 2)
    ax.set_xticks(np.deg2rad(-15.0 * hours), [f"{hour % 24} h" for hour in hours])
    ax.tick_params(labelsize=_SMALL, colors="#777777")
    ax.grid(color="#E3E3E3", lw=0.6)


def _figure(size: tuple[float, float], title: str) -> Figure:
    layout = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08)
    figure = Figure(figsize=size, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.012, ha="left", fontsize=_LARGE, fontweight="bold", color=INK)
    return figure


def _look(k: int) -> tuple[str, str]:
    return _COLORS[k % len(_COLORS)], MARKERS[(k + k // len(_COLORS)) % len(MARKERS)][0]


def _log_axes(ax: Axes, x: np.ndarray | pd.Series, y: np.ndarray | pd.Series) -> None:
    for name, values in (("x", x), ("y", y)):
        values = np.asarray(values, np.float64)
        positive = values[np.isfinite(values) & (values > 0)]
        low, high = (positive.min() / 1.6, positive.max() * 1.6) if len(positive) else (0.1, 10.0)
        ax.set(**{f"{name}scale": "log", f"{name}lim": (low, high)})
        axis = getattr(ax, f"{name}axis")
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100 * low else (1.0,)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())


def _dress(ax: Axes) -> None:
    ax.tick_params(which="both", labelsize=_SMALL, color="#777777")
    ax.xaxis.label.set_fontsize(_NORMAL)
    ax.yaxis.label.set_fontsize(_NORMAL)
    for name, spine in ax.spines.items():
        spine.set(visible=name in ("left", "bottom"), color="#777777", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.grid(color="#EEEEEE", lw=0.6)
    if ax.get_xscale() == "linear":
        ax.xaxis.set_major_locator(MaxNLocator(6))


def _need(table: pd.DataFrame, name: str, columns: tuple[str, ...]) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"the {name} table lacks {', '.join(missing)}")
