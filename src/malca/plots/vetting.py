"""What every catalogue answered about the candidates."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from malca.plots.overview import _SMALL, _dress, _figure, _need
from malca.plots.style import INK

#: Outcome, label, colour; told apart in grey too.
_PARTS = (
    ("matched", "listed", "#0072B2"),
    ("not_matched", "not listed", "#A9D3EE"),
    ("not_covered", "not looked there", "#E4E4E4"),
    ("unknown", "no answer", "#E39A68"),
    ("switched off", "not asked", "#FFFFFF"),
)
_SWITCHED_OFF = "switched off"
_LONGEST_REASON = 44


def outcomes_figure(
    vetting_outcomes: pd.DataFrame, *, title: str = "What the catalogues answered"
) -> Figure:
    """Draw the outcomes of each module as a bar of stars; beside it why there was no answer.

    Parameters
    ----------
    vetting_outcomes : DataFrame
        ``module, outcome, reason, n_stars``, the modules in the order they are drawn in.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        A column is missing.
    """
    _need(vetting_outcomes, "vetting_outcomes", ("module", "outcome", "reason", "n_stars"))
    modules = list(dict.fromkeys(vetting_outcomes["module"]))
    figure = _figure((9.0, 1.6 + 0.29 * max(len(modules), 1)), title)
    ax = figure.subplots()
    at = np.arange(len(modules))
    shown = vetting_outcomes["outcome"].mask(
        vetting_outcomes["reason"].eq(_SWITCHED_OFF), _SWITCHED_OFF
    )
    counts = (
        vetting_outcomes.assign(outcome=shown)
        .pivot_table(index="module", columns="outcome", values="n_stars", aggfunc="sum", fill_value=0)
        .reindex(index=modules, fill_value=0)
    )
    left = np.zeros(len(modules))
    for outcome, label, color in _PARTS:
        width = counts[outcome].to_numpy(float) if outcome in counts else np.zeros(len(modules))
        ax.barh(
            at, width, left=left, color=color, height=0.7, label=label, gid=f"outcome-{outcome}",
            edgecolor="#BBBBBB" if outcome == _SWITCHED_OFF else color, linewidth=0.6,
        )  # fmt: skip
        left += width
    for k, module in enumerate(modules):
        ax.annotate(
            _why(vetting_outcomes[vetting_outcomes["module"] == module]), (left[k], k),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=_SMALL, color=INK,
            gid=f"why-{module}",
        )  # fmt: skip
    ax.set_yticks(at, [name.replace("_", " ") for name in modules])
    ax.set_ylim(max(len(modules), 1) - 0.4, -0.6)
    # Room for what is written behind the bars.
    ax.set_xlim(0, 1.6 * max(left.max(initial=0), 1))
    ax.set_xlabel("candidates")
    _dress(ax)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.legend(loc="outside lower center", ncols=len(_PARTS), frameon=False, fontsize=_SMALL)
    return figure


def _why(rows: pd.DataFrame) -> str:
    """Tell the most frequent reason of stars without an answer."""
    unknown = rows[rows["outcome"].eq("unknown")].sort_values("n_stars", ascending=False)
    if unknown.empty:
        return ""
    reason = str(unknown["reason"].iloc[0])
    if reason == _SWITCHED_OFF:
        return reason
    n = int(unknown["n_stars"].sum())
    short = reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…"
    return f"{n:,} without: {short}"
