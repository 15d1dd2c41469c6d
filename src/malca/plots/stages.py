"""Where stars are lost from the survey's list to the candidates, as one figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from malca.plots.funnel import _PARTS
from malca.plots.overview import _SMALL, _dress, _figure, _need
from malca.plots.style import INK

_STAGE_COLUMNS = (
    "stage", "step", "action", "n_in", "n_passed", "n_failed", "n_unknown", "n_stopped", "n_out", "why",
)  # fmt: skip
_OVERLAP_COLUMNS = ("group", "first", "second", "n_both", "share")
_WORDS = {
    "listed": "listed", "light_curve": "light curve there", "readable": "readable",
    "searched": "searched", "triggered": "triggered", "deep_enough": "deep enough",
    "candidates": "candidates",
}  # fmt: skip


def stages_figure(
    stages: pd.DataFrame, overlap: pd.DataFrame, *, title: str = "From the survey's list to candidates"
) -> Figure:
    """Draw how many stars arrive at each stage and what becomes of them, and which cuts go together.

    Parameters
    ----------
    stages : DataFrame
        As of ``malca.evaluation.attrition.attrition_stages``.
    overlap : DataFrame
        As of ``malca.evaluation.attrition.overlap_of_cuts``.

    Raises
    ------
    ValueError
        A column is missing.
    """
    _need(stages, "attrition_stages", _STAGE_COLUMNS)
    _need(overlap, "attrition_overlap", _OVERLAP_COLUMNS)
    figure = _figure((13.0, 2.2 + 0.27 * max(len(stages), 8)), title)
    funnel, matrix = figure.subplots(1, 2, width_ratios=[1.15, 1])
    _draw_funnel(funnel, stages)
    _draw_overlap(matrix, overlap)
    handles, labels = funnel.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=_SMALL
        )
    return figure


def _draw_funnel(ax: Axes, stages: pd.DataFrame) -> None:
    at = np.arange(len(stages))
    left = np.zeros(len(stages))
    # On a logarithmic axis parts of a bar have no lengths of their own: shares of it are drawn.
    total = stages["n_in"].to_numpy(float)
    length = np.log10(1.0 + total)
    for column, label, color in _PARTS:
        share = np.divide(
            stages[column].to_numpy(float), total, out=np.zeros(len(total)), where=total > 0
        )
        ax.barh(
            at, share * length, left=left, color=color, height=0.72, label=label, gid=f"stages-{column}"
        )
        left += share * length
    for k, row in enumerate(stages.to_dict("records")):
        text = f"{row['n_in']:,}"
        if row["n_stopped"]:
            text += f"  −{row['n_stopped']:,}"
        elif row["n_failed"]:
            text += f"  ({row['n_failed']:,} marked)"
        if row["why"] and (row["n_stopped"] or row["n_failed"]):
            text += f"  {row['why']}"
        ax.annotate(
            text, (length[k], k), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=_SMALL - 0.5, color=INK, gid=f"stages-text-{k}",
        )  # fmt: skip
    ax.set_yticks(at, [_name(row) for row in stages.to_dict("records")])
    ax.set_ylim(max(len(stages), 1) - 0.4, -0.6)
    highest = float(length.max()) if len(length) else 1.0
    decades = np.arange(0, int(np.ceil(highest)) + 1)
    ax.set_xticks(np.log10(1.0 + 10.0**decades), [f"{10**d:,}" for d in decades.tolist()])
    ax.set_xlim(0, 1.6 * max(highest, 1.0))
    ax.set_xlabel("stars that arrive; colours: shares of them")
    _dress(ax)
    ax.set_xticks(np.log10(1.0 + 10.0**decades), [f"{10**d:,}" for d in decades.tolist()])
    ax.grid(axis="y", visible=False)


def _name(row: dict[str, object]) -> str:
    stage = str(row["stage"])
    text = _WORDS.get(stage) or f"{stage}: {str(row['step']).replace('_', ' ')}"
    return f"{text} (marks)" if row["action"] == "tag" else text


def _draw_overlap(ax: Axes, overlap: pd.DataFrame) -> None:
    failed = overlap[(overlap["first"] == overlap["second"]) & (overlap["n_both"] > 0)]
    names = [(row["group"], row["first"]) for row in failed.to_dict("records")]
    ax.set_title("stars that fail both", loc="left", fontsize=_SMALL + 1.5, color=INK)
    if not names:
        ax.text(0.5, 0.5, "no star fails a cut", ha="center", transform=ax.transAxes, fontsize=_SMALL)
        ax.set_axis_off()
        return
    place = {name: k for k, name in enumerate(names)}
    share = np.full((len(names), len(names)), np.nan)
    for row in overlap.to_dict("records"):
        one, other = ((row["group"], row[side]) for side in ("first", "second"))
        if one in place and other in place:
            i, j = place[other], place[one]
            share[i, j] = row["share"]
            ax.text(
                j, i, f"{row['n_both']:,}", ha="center", va="center", fontsize=_SMALL - 0.5,
                color="white" if row["share"] > 0.6 else INK, gid=f"overlap-{one[1]}-{other[1]}",
            )  # fmt: skip
    image = ax.imshow(share, cmap="OrRd", vmin=0, vmax=1, aspect="auto", gid="overlap")
    labels = [f"{name.replace('_', ' ')}{' (tag)' if group == 'tag' else ''}" for group, name in names]
    ax.set_xticks(range(len(names)), labels, rotation=40, ha="right")
    ax.set_yticks(range(len(names)), labels)
    ax.tick_params(labelsize=_SMALL, length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.6, pad=0.02, format=StrMethodFormatter("{x:g}"))
    bar.set_label("share of those that fail either", fontsize=_SMALL)
    bar.ax.tick_params(labelsize=_SMALL)
