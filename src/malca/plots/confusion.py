"""Which filter stops which kind of star."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from malca.plots.overview import _SMALL, _dress, _figure
from malca.plots.style import INK

_FAILED = "failed_"


def confusion_figure(
    confusion: pd.DataFrame, *, title: str = "What became of each population"
) -> Figure:
    """Draw, for each population, the shares of its stars with events that each filter failed.

    On the right the counts: candidates, of how many stars with events, of how many simulated.

    Parameters
    ----------
    confusion : DataFrame
        A row a population: ``population, n_simulated, n_with_events, n_candidates`` and
        ``failed_<filter>`` for each filter, in its order.

    Raises
    ------
    ValueError
        A column is missing.
    """
    needed = ("population", "n_simulated", "n_with_events", "n_candidates")
    if missing := [name for name in needed if name not in confusion]:
        raise ValueError(f"the confusion table lacks {', '.join(missing)}")
    filters = [name for name in confusion if name.startswith(_FAILED)]
    n_rows = max(len(confusion), 1)
    figure = _figure((4.6 + 0.55 * len(filters), 1.9 + 0.3 * n_rows), title)
    ax = figure.subplots()
    total = confusion["n_with_events"].to_numpy(float)
    failed = confusion[filters].to_numpy(float)
    share = np.divide(
        failed, total[:, None], out=np.full(failed.shape, np.nan), where=total[:, None] > 0
    )
    if share.size:
        image = ax.imshow(share, aspect="auto", cmap="OrRd", vmin=0, vmax=1, gid="shares")
        bar = figure.colorbar(image, ax=ax, shrink=0.7, pad=0.2)
        bar.set_label("share of its stars with events that fail", fontsize=_SMALL)
        bar.ax.tick_params(labelsize=_SMALL)
    for i, k in zip(*np.nonzero(failed), strict=True):
        color = "white" if share[i, k] > 0.55 else INK
        ax.text(k, i, f"{failed[i, k]:,.0f}", ha="center", va="center", fontsize=_SMALL, color=color)
    for i, row in enumerate(confusion.to_dict("records")):
        ax.annotate(
            f"{row['n_candidates']:,} of {row['n_with_events']:,} of {row['n_simulated']:,}",
            (1.0, i), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize=_SMALL, color=INK,
        )  # fmt: skip
    ax.annotate(
        "candidates, with events,\nsimulated", (1.0, 1.0), xycoords="axes fraction", xytext=(6, 6),
        textcoords="offset points", va="bottom", fontsize=_SMALL, color="#555555",
    )  # fmt: skip
    _dress(ax)
    ax.grid(visible=False)
    ax.set_xticks(
        range(len(filters)), [name.removeprefix(_FAILED).replace("_", " ") for name in filters],
        rotation=40, ha="right",
    )  # fmt: skip
    ax.set_yticks(
        range(len(confusion)), [str(name).replace("_", " ") for name in confusion["population"]]
    )
    return figure
