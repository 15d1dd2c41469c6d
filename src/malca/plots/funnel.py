"""What each filter stopped, as a figure and as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from malca.plots.overview import _SMALL, _dress, _figure, _need
from malca.plots.pages import Column, Table, number, words
from malca.plots.style import EVENT_INKS, INK

#: Parts of a bar: column, label, colour.
_PARTS = (
    ("n_passed", "passed", "#7DBFAA"),
    ("n_unknown", "could not be told", "#D0D0D0"),
    ("n_failed", "failed", "#E39A68"),
)
_HEADINGS = {
    "n_in": "arrive", "n_passed": "passed", "n_unknown": "could not be told", "n_failed": "failed",
    "n_stopped": "stopped", "n_out": "go on", "n_only": "stopped by this alone",
    "n_failed_of_all": "failed, of all with events",
}  # fmt: skip
_NEEDED = (
    "stage", "filter", "branch", "action", "n_passed", "n_unknown", "n_failed", "n_stopped", "n_out",
    "n_only",
)  # fmt: skip
_TEXT_COLUMNS = ("stage", "filter", "branch", "action")
_BRANCHES = {"dip": "dips", "jump": "jumps"}


def funnel_figure(attrition: pd.DataFrame, *, title: str = "What each filter stopped") -> Figure:
    """Draw how many stars arrive at each filter and what becomes of them, dips and jumps apart.

    Parameters
    ----------
    attrition : DataFrame
        As of ``malca.filters.funnel.attrition_table``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        A column is missing.
    """
    _need(attrition, "attrition", _NEEDED)
    n_filters = attrition.loc[attrition["stage"] == "filter", "filter"].nunique()
    figure = _figure((12.0, 1.9 + 0.29 * max(n_filters, 1)), title)
    axes = figure.subplots(1, 2, width_ratios=[1, 1])
    for ax, (branch, name) in zip(axes, _BRANCHES.items(), strict=True):
        _draw_branch(ax, attrition[attrition["branch"] == branch], branch, name)
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(
            handles, labels, loc="outside lower center", ncols=len(labels), frameon=False,
            fontsize=_SMALL,
        )  # fmt: skip
    return figure


def _draw_branch(ax: Axes, rows: pd.DataFrame, branch: str, name: str) -> None:
    with_events, candidates = (int(_of_stage(rows, stage)) for stage in ("search", "candidates"))
    filters = rows[rows["stage"] == "filter"]
    at = np.arange(len(filters))
    left = np.zeros(len(filters))
    for column, label, color in _PARTS:
        width = filters[column].to_numpy(float)
        ax.barh(
            at, width, left=left, color=color, height=0.7, label=label,
            gid=f"{branch}-{column}",
        )  # fmt: skip
        left += width
    for k, row in enumerate(filters.itertuples()):
        if row.n_stopped:
            alone = f", {row.n_only:,} by this alone" if row.n_only else ""
            text = f"−{row.n_stopped:,}{alone}"
        else:
            text = f"{row.n_failed:,} marked" if row.n_failed else ""
        ax.annotate(
            text, (float(left[k]), float(k)), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=_SMALL, color=INK, gid=f"{branch}-text-{row.filter}",
        )  # fmt: skip
    names = [
        str(row.filter).replace("_", " ") + (" (marks)" if row.action == "tag" else "")
        for row in filters.itertuples()
    ]
    ax.set_yticks(at, names)
    ax.set_ylim(max(len(filters), 1) - 0.4, -0.6)
    # Room for what is written behind the longest bar.
    ax.set_xlim(0, 1.38 * max(with_events, 1))
    ax.set_xlabel("stars")
    ax.set_title(
        f"{candidates:,} candidates of {with_events:,} stars with {name}", loc="left",
        fontsize=_SMALL + 1.5, color=EVENT_INKS[branch], fontweight="bold",
    )  # fmt: skip
    _dress(ax)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _of_stage(rows: pd.DataFrame, stage: str) -> int:
    found = rows.loc[rows["stage"] == stage, "n_out"]
    return int(found.iloc[0]) if len(found) else 0


def funnel_rows(attrition: pd.DataFrame) -> Table:
    """Table of the same numbers for a page."""
    text = [name for name in _TEXT_COLUMNS if name in attrition]
    counts = [name for name in _HEADINGS if name in attrition]
    return Table(
        tuple(Column(name, True) for name in text) + tuple(Column(_HEADINGS[name]) for name in counts),
        tuple(
            tuple(words(row[name]) for name in text) + tuple(number(row[name], ",d") for name in counts)
            for row in attrition.to_dict("records")
        ),
    )
