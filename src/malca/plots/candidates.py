"""A candidate as one figure: its light curve, and beside it what each filter said."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from malca.lightcurves import LightCurves
from malca.plots.lightcurve import plot_lightcurve
from malca.plots.style import FAINT, INK, baseline_arrays
from malca.search.baseline import fit_baseline
from malca.search.parameters import SearchParameters
from malca.search.points import usable_points
from malca.search.tags import points_of_cameras

PASSED, FAILED, UNKNOWN = "passed", "failed", "unknown"
#: How an outcome is shown: a sign and a colour, so that neither has to be told by colour alone.
SIGNS = {PASSED: "✓", FAILED: "✗", UNKNOWN: "?"}
COLORS = {PASSED: "#00755B", FAILED: "#B34700", UNKNOWN: FAINT}
VERDICT_COLUMNS = ("filter", "branch", "outcome", "value", "threshold", "reason")

_SHARE = 0.74  # of the figure's width: the light curve
_LINE = 0.0215  # height of a line of text, as a share of the figure's height
_WRAP = 44
_MUTED = "#555555"


@cache
def drawing_fingerprint() -> str:
    """Fingerprint of the code that draws a star: a picture of other code is drawn again."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in {".py", ".css", ".j2"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()


class Fact(NamedTuple):
    """Something to tell about a candidate, in words."""

    name: str
    text: str


def candidate_title(star: int) -> str:
    """Name of a candidate for a title."""
    return f"ASAS-SN {star}"


def filter_names(attrition: pd.DataFrame) -> list[str]:
    """Name the filters that judged the stars, in their order."""
    return list(dict.fromkeys(attrition.loc[attrition["stage"] == "filter", "filter"].astype(str)))


def verdicts_of(passed_branch: str, rejections: pd.DataFrame, filters: Sequence[str]) -> pd.DataFrame:
    """Say what each filter said of one candidate, in the branches it passed by.

    Parameters
    ----------
    passed_branch : str
        "dip", "jump" or "both".
    rejections : DataFrame
        The star's rows, one for each filter and branch that did not pass: ``filter, branch, outcome,
        reason, value, threshold``.
    filters : sequence of str
        Which filters there are, in order.

    Returns
    -------
    DataFrame
        ``filter, branch, outcome, value, threshold, reason``, a row a filter. Where both branches
        passed and the filter said something of one of them, a row a branch; else ``branch`` is
        empty. ``outcome`` is "passed", "failed" or "unknown".
    """
    branches = ("dip", "jump") if passed_branch == "both" else (passed_branch,)
    said = {(row.filter, row.branch): row for row in rejections.itertuples()}
    rows = []
    for name in filters:
        own = [said.get((name, branch)) for branch in branches]
        if all(row is None for row in own):
            rows.append((name, "", PASSED, np.nan, np.nan, ""))
            continue
        for branch, row in zip(branches, own, strict=True):
            shown = branch if len(branches) > 1 else ""
            if row is None:
                rows.append((name, shown, PASSED, np.nan, np.nan, ""))
            else:
                rows.append((name, shown, row.outcome, row.value, row.threshold, row.reason))
    return pd.DataFrame(rows, columns=list(VERDICT_COLUMNS))


#: What is told of a candidate beside its picture: name, column, format, unit.
_FACTS = (
    ("position", "ra_deg", None, ""),
    ("brightness", "baseline_mag", ".2f", " mag"),
    ("dipper score", "dipper_score", ".2f", ""),
    ("dips", "dip_count", "d", ""),
    ("deepest dip", "dip_best_depth_mag", ".2f", " mag"),
    ("jumper score", "jumper_score", ".2f", ""),
    ("jumps", "jump_count", "d", ""),
    ("highest jump", "jump_best_depth_mag", ".2f", " mag"),
    ("VSX class", "vsx_class", "", ""),
    ("period, catalogues", "period_consensus_days", ".6g", " d"),
    ("period, own", "lsp_period_days", ".6g", " d"),
    ("RUWE", "ruwe", ".2f", ""),
    ("proper motion", "pm_total_masyr", ".0f", " mas/yr"),
)


def facts_of(candidate: pd.Series[Any]) -> list[Fact]:
    """Facts to tell of a candidate: those of its columns that are there, known and not 0."""
    facts = []
    for name, column, form, unit in _FACTS:
        value = candidate.get(column)
        if value is None or pd.isna(value) or value in (0, ""):
            continue
        if column == "ra_deg":
            facts.append(Fact(name, f"{value:.5f}° {candidate['dec_deg']:+.5f}°"))
        else:
            facts.append(Fact(name, f"{format(value, form or '')}{unit}"))
    return facts


def rank_candidates(candidates: pd.DataFrame) -> pd.DataFrame:
    """Candidates, best first: by the score of the branch that passed, the better where both did.

    Returns
    -------
    DataFrame
        With a column ``score``.
    """
    scores = pd.DataFrame(
        {
            kind: candidates[column]
            .astype(float)
            .where(candidates["passed_branch"].isin([kind, "both"]))
            for kind, column in (("dip", "dipper_score"), ("jump", "jumper_score"))
        }
    )
    ranked = candidates.assign(score=scores.max(axis=1))
    return ranked.sort_values(["score", "asas_sn_id"], ascending=[False, True], ignore_index=True)


def fit_baselines(
    lightcurves: LightCurves,
    parameters: SearchParameters,
    excluded_cameras: pd.Series | None = None,
    workers: int = 1,
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Baseline of every star of a batch, as the search fitted it, in the form the figures take.

    Parameters
    ----------
    lightcurves : LightCurves
    parameters : SearchParameters
    excluded_cameras : Series of str, optional
        Numbers of the cameras the search left out, joined by commas, by ``asas_sn_id``.
    workers : int
        Threads.
    """
    left_out = _left_out(excluded_cameras)
    points = usable_points(
        lightcurves,
        max_mag_err=parameters.max_mag_err,
        use_bad_quality=parameters.use_bad_quality,
        excluded=None if left_out.empty else points_of_cameras(lightcurves, left_out),
    )
    mean = fit_baseline(points, parameters.baseline, workers).mean
    return [baseline_arrays(points, mean, lightcurves, i) for i in range(len(lightcurves))]


def _left_out(excluded_cameras: pd.Series | None) -> pd.DataFrame:
    pairs = [
        (int(star), int(number))
        for star, text in (() if excluded_cameras is None else excluded_cameras.dropna().items())
        for number in str(text).split(",")
        if number
    ]
    return pd.DataFrame(pairs, columns=["asas_sn_id", "camera"]).astype("int64")


def plot_candidate(
    lightcurves: LightCurves,
    i: int,
    verdicts: pd.DataFrame,
    facts: Sequence[Fact] = (),
    *,
    baseline: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    events: pd.DataFrame | None = None,
    period_days: float | None = None,
) -> Figure:
    """Draw a candidate's light curve and what each filter said.

    Parameters
    ----------
    lightcurves, i, baseline, events, period_days
        As of ``malca.plots.lightcurve.plot_lightcurve``.
    verdicts : DataFrame
        A row a filter and branch, as `verdicts_of` makes them.
    facts : sequence of Fact
        What else is known of the star.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = plot_lightcurve(lightcurves, i, baseline=baseline, events=events, period_days=period_days)
    width, height = figure.get_size_inches()
    height = max(height, 8.0)
    figure.set_size_inches(width / _SHARE, height)
    engine = figure.get_layout_engine()
    if not isinstance(engine, ConstrainedLayoutEngine):
        raise TypeError(f"a light curve's figure is laid out by {type(engine).__name__}")
    engine.set(rect=(0.0, 0.0, _SHARE, 1.0))
    pen = _Pen(figure, _SHARE + 0.012, 0.93)
    pen.heading("What each filter said")
    for row in verdicts.itertuples():
        pen.verdict(row)
    if verdicts.empty:
        pen.note("no filter judged this star")
    if facts:
        pen.gap()
        pen.heading("What is known")
        for fact in facts:
            pen.fact(fact)
    return figure


def narrowed(figure: Figure, inches: tuple[float, float]) -> Figure:
    """Make a light curve's figure smaller, its legend in as many rows as it then needs."""
    figure.set_size_inches(inches)
    for legend in list(figure.legends):
        labels = [text.get_text() for text in legend.get_texts()]
        n_rows = -(-len(labels) // max(int(0.8 * inches[0]), 1))
        legend.remove()
        handles = [handle for handle in legend.legend_handles if handle is not None]
        figure.legend(
            handles, labels, ncols=-(-len(labels) // n_rows), loc="outside lower center",
            fontsize=8.0, frameon=False, handletextpad=0.35, columnspacing=1.3,
        )  # fmt: skip
    return figure


class _Pen:
    """Writes lines of text down the side of a figure."""

    def __init__(self, figure: Figure, x: float, y: float) -> None:
        self.figure, self.x, self.y = figure, x, y

    def _write(self, x: float, text: str, **options: Any) -> None:
        self.figure.text(x, self.y, text, va="top", ha="left", **{"fontsize": 8.5, **options})

    def gap(self) -> None:
        self.y -= 0.8 * _LINE

    def heading(self, text: str) -> None:
        self._write(self.x, text, fontsize=9.5, fontweight="bold", color=INK)
        self.y -= 1.5 * _LINE

    def verdict(self, row: Any) -> None:
        color = COLORS[row.outcome]
        self._write(
            self.x, SIGNS[row.outcome], color=color, fontweight="bold", gid=f"verdict-{row.filter}"
        )
        branch = f" ({row.branch})" if row.branch else ""
        self._write(self.x + 0.013, str(row.filter).replace("_", " ") + branch, color=INK)
        compared = comparison(row.value, row.threshold)
        self.figure.text(0.992, self.y, compared, va="top", ha="right", fontsize=8.0, color=_MUTED)
        self.y -= _LINE
        if row.outcome != PASSED and row.reason:
            self.note(row.reason)

    def note(self, text: str) -> None:
        for line in textwrap.wrap(str(text), _WRAP):
            self._write(self.x + 0.013, line, fontsize=7.5, color=_MUTED, style="italic")
            self.y -= 0.85 * _LINE

    def fact(self, fact: Fact) -> None:
        self._write(self.x, fact.name, fontsize=8.0, color=_MUTED)
        for line in textwrap.wrap(fact.text, 26) or [""]:
            self._write(self.x + 0.1, line, fontsize=8.0, color=INK)
            self.y -= 0.95 * _LINE


def shown_verdicts(verdicts: pd.DataFrame) -> list[dict[str, str]]:
    """Verdicts as a page shows them."""
    return [
        {
            "outcome": row.outcome,
            "sign": SIGNS[row.outcome],
            "name": str(row.filter).replace("_", " ") + (f" ({row.branch})" if row.branch else ""),
            "compared": comparison(row.value, row.threshold),
            "reason": "" if row.outcome == PASSED else str(row.reason),
        }
        for row in verdicts.itertuples()
    ]


def comparison(value: float | None, threshold: float | None) -> str:
    """Value and threshold of a filter in few characters; empty where there is no value."""
    if value is None or pd.isna(value):
        return ""
    return (
        f"{value:.4g}" if threshold is None or pd.isna(threshold) else f"{value:.4g} | {threshold:.4g}"
    )
