"""How often stars of a control sample have events, as a figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from malca.plots.overview import _NORMAL, _SMALL, _dress, _figure, _need
from malca.plots.style import EVENT_INKS, FAINT

_LOOKS = {
    "dip": ("v", EVENT_INKS["dip"]),
    "jump": ("^", EVENT_INKS["jump"]),
    "candidate": ("o", "#1F6FB2"),
}
_WORDS = {"dip": "with dips", "jump": "with jumps", "candidate": "candidates"}
_AXES = {"magnitude": "baseline (mag)", "duration": "duration (d)", "depth": "depth or height (mag)"}
_NEEDED = ("quantity", "axis", "low", "high", "n_stars", "n_with", "rate", "rate_low", "rate_high")


def rates_figure(
    rates: pd.DataFrame, *, title: str = "Stars of the control sample with events"
) -> Figure:
    """Draw rates with their intervals against magnitude, duration and depth.

    A bin without any is drawn as its upper limit.

    Parameters
    ----------
    rates : DataFrame
        As of ``malca.evaluation.rates.detection_rates``.

    Raises
    ------
    ValueError
        A column is missing.
    """
    _need(rates, "detection_rate", _NEEDED)
    total = rates[rates["axis"] == "all"]
    n_stars = int(total["n_stars"].max()) if len(total) else 0
    figure = _figure((12.0, 4.6), f"{title}: {n_stars:,} stars")
    quantities = [name for name in _LOOKS if (rates["quantity"] == name).any()]
    for ax, (axis, label) in zip(figure.subplots(1, 3), _AXES.items(), strict=True):
        own = rates[(rates["axis"] == axis) & (rates["n_stars"] > 0)]
        for k, name in enumerate(quantities):
            _draw(ax, own[own["quantity"] == name], axis, name, k - (len(quantities) - 1) / 2)
        ax.set(xlabel=label, yscale="log")
        if axis != "magnitude":
            ax.set_xscale("log")
        _dress(ax)
    first = figure.axes[0]
    first.set_ylabel("share of stars", fontsize=_NORMAL)
    shares = [f"{_WORDS[row['quantity']]} {row['n_with']:,}" for row in total.to_dict("records")]
    first.set_title(", ".join(shares), loc="left", fontsize=_SMALL, color="#555555")
    handles, labels = first.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=len(labels),
            frameon=False,
            fontsize=_SMALL,
        )
    return figure


def _draw(ax: Axes, rows: pd.DataFrame, axis: str, name: str, shift: float) -> None:
    marker, color = _LOOKS[name]
    if not len(rows):
        return
    x, low, high = _places(rows, axis)
    # Side by side, so that bars of one bin can be told apart.
    x = x + shift * 0.1 * (high - low) if axis == "magnitude" else x * (high / low) ** (0.13 * shift)
    rate, lower, upper = rows[["rate", "rate_low", "rate_high"]].to_numpy(float).T
    seen = rate > 0
    ax.errorbar(
        x[seen], rate[seen], yerr=np.abs([lower, upper] - rate)[:, seen], fmt=marker, ms=5,
        color=color, elinewidth=1.1, capsize=2, label=_WORDS[name], gid=f"{axis}-{name}",
    )  # fmt: skip
    ax.plot(
        x[~seen], upper[~seen], "_", ms=9, mew=1.4, color=color, alpha=0.6, gid=f"limit-{axis}-{name}"
    )
    for at, limit in zip(x[~seen], upper[~seen], strict=True):
        ax.annotate(
            "", (at, limit / 1.5), xytext=(at, limit),
            arrowprops={"arrowstyle": "->", "color": color, "alpha": 0.6, "lw": 0.9},
        )  # fmt: skip
    for edge in np.unique([*low, *high]):
        ax.axvline(edge, color=FAINT, lw=0.4, alpha=0.35, zorder=0)


def _places(rows: pd.DataFrame, axis: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where bins are drawn: open ones as wide as their neighbours."""
    low, high = rows["low"].to_numpy(float), rows["high"].to_numpy(float)
    if axis == "magnitude":
        return (low + high) / 2, low, high
    inner = (low > 0) & np.isfinite(high)
    ratio = float(np.median(high[inner] / low[inner])) if inner.any() else 3.0
    low = np.where(low > 0, low, np.where(np.isfinite(high), high, 1.0) / ratio)
    high = np.where(np.isfinite(high), high, low * ratio)
    return np.sqrt(low * high), low, high
