"""The light curve of a known object, with the dates of its known events."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from malca.lightcurves import LightCurves
from malca.plots.lightcurve import plot_lightcurve
from malca.plots.style import JD_OFFSET

#: Ink of a window, by the label of the known event.
_INKS = {"event": "#1F6FB2", "uncertain": "#8A8A8A", "false": "#C0392B"}
_WORDS = {"event": "known event", "uncertain": "uncertain event", "false": "no event"}
#: Narrowest window drawn, as a share of the panel's width.
_NARROWEST = 0.003


def known_figure(
    lightcurves: LightCurves,
    i: int,
    known: pd.DataFrame,
    *,
    events: pd.DataFrame | None = None,
    baseline: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a star with what was found in it and, as frames, when something is known to have been.

    Parameters
    ----------
    lightcurves : LightCurves
    i : int
        Which star of the batch.
    known : DataFrame
        ``label, jd_start, jd_end`` of its known events; those without dates are not drawn.
    events, baseline, title
        See ``malca.plots.lightcurve.plot_lightcurve``.
    """
    figure = plot_lightcurve(lightcurves, i, events=events, baseline=baseline, title=title)
    dated = known.dropna(subset=["jd_start", "jd_end"])
    for ax in figure.axes[:2]:
        _mark(ax, dated)
    labels = [label for label in _WORDS if (dated["label"] == label).any()]
    if labels:
        figure.axes[0].legend(
            handles=[Patch(fc="none", ec=_INKS[label], label=_WORDS[label]) for label in labels],
            loc="lower left", fontsize=8, frameon=False, ncols=len(labels),
        )  # fmt: skip
    return figure


def _mark(ax: Axes, known: pd.DataFrame) -> None:
    low, high = ax.get_xlim()
    for label, start, end in zip(known["label"], known["jd_start"], known["jd_end"], strict=True):
        first, last = start - JD_OFFSET, end - JD_OFFSET
        widen = 0.5 * max(_NARROWEST * (high - low) - (last - first), 0.0)
        ax.axvspan(
            first - widen, last + widen, facecolor="none", edgecolor=_INKS[label], lw=1.2, zorder=6,
            gid=f"known-{label}",
        )  # fmt: skip
    ax.set_xlim(low, high)
