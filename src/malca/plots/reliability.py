"""How often the search is wrong: false alarms, what stops contaminants, reliability of candidates."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from malca.plots.confusion import confusion_figure
from malca.plots.overview import _SMALL, _dress, _figure, _look, _need
from malca.plots.style import EVENT_INKS, FAINT

# Bins with fewer null light curves say nothing that could be read off a figure.
_FEWEST = 50
_QUANTITIES = {
    "median_mag": "median magnitude, mag",
    "points_per_day": "usable points a day",
    "n_cameras": "cameras",
}


def reliability_figure(
    rates: pd.DataFrame,
    reliabilities: pd.DataFrame,
    cases: pd.DataFrame,
    *,
    title: str = "False alarms, and what candidates are worth",
) -> Figure:
    """Draw false candidates over magnitude, cadence and cameras, and reliability over evidence.

    Parameters
    ----------
    rates : DataFrame
        See ``malca.evaluation.reliability.false_alarms``, with ``cleaned``; what is not cleaned is left
        out.
    reliabilities : DataFrame
        See ``malca.evaluation.reliability.candidate_reliability``.
    cases : DataFrame
        Null light curves: ``family, candidate, dip_max_ln_bf``.

    Raises
    ------
    ValueError
        A column is missing.
    """
    _need(rates, "rates", ("family", "stage", "by", "low", "high", "per_1000", "cleaned"))
    _need(reliabilities, "reliabilities", ("dip_max_ln_bf", "reliability", "reliability_lower"))
    figure = _figure((12.0, 6.8), title)
    upper = figure.subplots(2, 3)
    shown = rates[(rates["stage"] == "candidate") & rates["cleaned"]]
    families = list(shown["family"].unique())
    for ax, (name, label) in zip(upper[0], _QUANTITIES.items(), strict=True):
        _draw_rates(ax, shown[shown["by"] == name], families, label)
    upper[0, 0].set_ylabel("false candidates in 1,000")
    upper[0, 0].legend(frameon=False, fontsize=_SMALL)
    _draw_totals(upper[1, 0], rates[(rates["by"] == "all") & rates["cleaned"]], families)
    _draw_evidence(upper[1, 1], reliabilities, cases, families)
    _draw_reliability(upper[1, 2], reliabilities)
    return figure


def stopped_figure(contaminants: pd.DataFrame) -> Figure:
    """Draw which filter stops which contaminant.

    Parameters
    ----------
    contaminants : DataFrame
        See ``malca.evaluation.reliability.stopped_by``.
    """
    renamed = contaminants.rename(
        columns={"family": "population", "n_cases": "n_simulated", "n_events": "n_with_events"}
    )
    return confusion_figure(renamed, title="What became of each contaminant")


def _draw_rates(ax: Axes, rows: pd.DataFrame, families: list[str], label: str) -> None:
    rows = rows[rows["n_cases"] >= _FEWEST]
    for k, family in enumerate(families):
        own = rows[rows["family"] == family]
        color, marker = _look(k)
        # An open last bin is drawn as wide as its lower edge is far from the one before it.
        high = own["high"].where(np.isfinite(own["high"]), own["low"] * 1.25 + 0.5).to_numpy(float)
        middle = 0.5 * (own["low"].to_numpy(float) + high)
        shift = 0.06 * (k - 0.5 * (len(families) - 1)) * (high - own["low"].to_numpy(float))
        value = own["per_1000"].to_numpy(float)
        error = np.abs(own[["per_1000_lower", "per_1000_upper"]].to_numpy(float).T - value)
        ax.errorbar(
            middle + shift, value, error, color=color, marker=marker, ms=4, lw=0, elinewidth=1,
            label=family.replace("_", " "), gid=f"rate-{family}",
        )  # fmt: skip
    ax.set_xlabel(label)
    ax.set_ylim(bottom=0)
    _dress(ax)


def _draw_totals(ax: Axes, rows: pd.DataFrame, families: list[str]) -> None:
    stages = list(rows["stage"].unique())
    for k, family in enumerate(families):
        own = rows[rows["family"] == family].set_index("stage").reindex(stages)
        value = own["per_1000"].to_numpy(float)
        error = np.abs(own[["per_1000_lower", "per_1000_upper"]].to_numpy(float).T - value)
        color, marker = _look(k)
        at = np.arange(len(stages)) + 0.12 * (k - 0.5 * (len(families) - 1))
        ax.errorbar(at, value, error, color=color, marker=marker, ms=5, lw=0, elinewidth=1.2)
        for x, y, row in zip(at, value, own.to_dict("records"), strict=True):
            ax.annotate(
                f"{row['n_false']:.0f}/{row['n_cases']:.0f}", (x, y), xytext=(5, 14 * k + 3),
                textcoords="offset points", fontsize=_SMALL - 1, color=color,
            )  # fmt: skip
    _dress(ax)
    ax.set_xticks(range(len(stages)), [f"with a false {name}" for name in stages])
    ax.set_xlim(-0.5, len(stages) - 0.3)
    ax.set_ylabel("in 1,000 null light curves")
    ax.set_ylim(bottom=0)


def _draw_evidence(
    ax: Axes, reliabilities: pd.DataFrame, cases: pd.DataFrame, families: list[str]
) -> None:
    for k, family in enumerate(families):
        own = cases[(cases["family"] == family) & cases["candidate"]]
        values = np.sort(own["dip_max_ln_bf"].to_numpy(float))[::-1]
        ax.step(
            values, np.arange(1, len(values) + 1), color=_look(k)[0], lw=1.2, where="post",
            label=f"false, {family.replace('_', ' ')}",
        )  # fmt: skip
    values = np.sort(reliabilities["dip_max_ln_bf"].to_numpy(float))[::-1]
    ax.step(
        values, np.arange(1, len(values) + 1), color=EVENT_INKS["dip"], lw=1.8, label="candidates",
        where="post",
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("ln BF of the strongest dip, at least")
    ax.set_ylabel("stars")
    ax.legend(frameon=False, fontsize=_SMALL)
    _dress(ax)


def _draw_reliability(ax: Axes, reliabilities: pd.DataFrame) -> None:
    rows = reliabilities.sort_values("dip_max_ln_bf")
    x = rows["dip_max_ln_bf"].to_numpy(float)
    ax.fill_between(
        x, rows["reliability_lower"], rows["reliability_upper"], color=FAINT, alpha=0.35, lw=0,
        label="95 %",
    )  # fmt: skip
    ax.plot(x, rows["reliability"], color=EVENT_INKS["dip"], lw=1.4, marker=".", ms=4)
    if len(rows):
        ax.set_xscale("log")
    ax.set_ylim(0, 1.05)
    ax.set_xlabel("ln BF of the strongest dip")
    ax.set_ylabel("reliability of those at least as strong")
    _dress(ax)
