"""The classes of the candidates: their colour-magnitude diagram, and how many there are of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from malca.astrophysics.classify import CLASS_NAMES
from malca.astrophysics.main_sequence import main_sequence
from malca.plots.overview import _SMALL, _dress, _figure, _need
from malca.plots.style import FAINT, INK

#: Columns that ``class_figure`` looks at; colour and magnitude may be missing.
FIGURE_COLUMNS = (
    "final_class", "class_best", "abs_g0_mag", "bp_rp0_mag", *(f"p_{name}" for name in CLASS_NAMES),
)  # fmt: skip
#: Marker and colour (Okabe & Ito 2008) of each class.
LOOKS = {
    "eclipsing_binary": ("o", "#0072B2"),
    "cataclysmic": ("v", "#CC79A7"),
    "starspot": ("s", "#E69F00"),
    "circumstellar_disc": ("D", "#D55E00"),
    "yso": ("^", "#009E73"),
    "unknown": ("X", "#777777"),
}


def class_figure(classified: pd.DataFrame, *, title: str = "What makes the candidates dim") -> Figure:
    """Draw every candidate in the colour-magnitude diagram, and the number of each class.

    A marker is as opaque as its class is probable. Beside the number of stars of each final class is
    the sum of the probabilities of that class over all stars: what is expected of it.

    Parameters
    ----------
    classified : DataFrame
        Of ``FIGURE_COLUMNS``, ``final_class``, ``class_best`` and the probabilities.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        A column is missing.
    """
    _need(classified, "classified", tuple(c for c in FIGURE_COLUMNS if not c.endswith("0_mag")))
    figure = _figure((12.0, 5.4), title)
    diagram, counts = figure.subplots(1, 2, width_ratios=[1.15, 1])
    _draw_diagram(diagram, classified)
    _draw_counts(counts, classified)
    return figure


def _draw_diagram(ax: Axes, classified: pd.DataFrame) -> None:
    sequence = main_sequence()
    ax.plot(sequence.bp_rp_mag, sequence.abs_g_mag, color=FAINT, lw=1.2, zorder=1, gid="sequence")
    here = pd.Series(np.nan, index=classified.index)
    colour = classified.get("bp_rp0_mag", here).to_numpy(float, na_value=np.nan)
    magnitude = classified.get("abs_g0_mag", here).to_numpy(float, na_value=np.nan)
    placed = np.isfinite(colour) & np.isfinite(magnitude)
    for name, (marker, shade) in LOOKS.items():
        own = placed & classified["class_best"].eq(name).to_numpy(bool)
        p = np.clip(classified[f"p_{name}"].to_numpy(float)[own], 0.25, 1.0)
        if own.any():
            ax.scatter(
                colour[own], magnitude[own], marker=marker, c=shade, alpha=p, s=26, linewidths=0,
                label=CLASS_NAMES[name], gid=f"class-{name}", zorder=2,
            )  # fmt: skip
    _dress(ax)
    ax.set_xlabel("BP − RP, dereddened (mag)")
    ax.set_ylabel("absolute G, dereddened (mag)")
    ax.invert_yaxis()
    missing = int((~placed).sum())
    ax.set_title(
        f"{int(placed.sum())} stars; of {missing} distance, extinction or colour is unknown",
        loc="left", fontsize=_SMALL, color=INK,
    )  # fmt: skip
    if placed.any():
        ax.legend(loc="best", frameon=False, fontsize=_SMALL)


def _draw_counts(ax: Axes, classified: pd.DataFrame) -> None:
    counts = classified["final_class"].value_counts()
    places = np.arange(len(counts))[::-1]
    shades = [LOOKS[_kind_of(name)][1] for name in counts.index]
    ax.barh(places, counts.to_numpy(), color=shades, height=0.62, gid="counts")
    for place, (name, count) in zip(places, counts.items(), strict=True):
        text = f"{count}"
        if name in CLASS_NAMES.values():
            expected = classified[f"p_{_kind_of(name)}"].sum()
            text += f"  (Σp {expected:.1f})"
        ax.annotate(
            text, (count, place), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=_SMALL, color=INK, gid=f"count-{name}",
        )  # fmt: skip
    _dress(ax)
    ax.set_yticks(places, counts.index.tolist())
    ax.set_xlabel("candidates")
    ax.set_xlim(0, max(1.0, 1.3 * counts.max()) if len(counts) else 1.0)


def _kind_of(final_class: str) -> str:
    """Class of a name for people; such as "YSO (Class II)" are young, "no dip" is none."""
    for kind, name in CLASS_NAMES.items():
        if final_class.startswith(name):
            return kind
    return "unknown"
