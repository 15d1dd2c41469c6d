"""The page about one run: counts, funnel, sky, distributions, the best candidates as pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from malca.plots.candidates import Fact, candidate_title, rank_candidates, shown_verdicts
from malca.plots.funnel import funnel_figure, funnel_rows
from malca.plots.overview import _SHORTEST_DAYS, _SMALL, _draw_sky, _dress, _figure, _log_axes
from malca.plots.pages import Cell, Column, Table, embedded, flat, number, pairs_table, render, words
from malca.plots.style import EVENT_INKS, calendar_date

_STARS, _FOUND = "#D5D5D5", "#8C8C8C"
_KIND_TEXTS = {"dip": "dips", "jump": "brightens", "both": "dips and brightens"}


#: Columns that the page looks at; of the manifest it counts the rows.
SOURCE_COLUMNS = ("asas_sn_id", "baseline_mag", "jd_first", "jd_last", "ra_deg", "dec_deg")
EVENT_COLUMNS = ("asas_sn_id", "kind", "jd_start", "jd_end", "depth_mag")


class RunTables(NamedTuple):
    """Tables of a run that its page tells about."""

    manifest: pd.DataFrame
    sources: pd.DataFrame
    events: pd.DataFrame
    failures: pd.DataFrame
    candidates: pd.DataFrame
    attrition: pd.DataFrame


class Card(NamedTuple):
    """One of the best candidates: ``png`` is its picture in base64, or ``absent`` says why not."""

    star: int
    branch: str
    facts: Sequence[Fact]
    verdicts: pd.DataFrame
    png: str | None
    absent: str = ""


class _Tile(NamedTuple):
    number: int
    label: str
    lead: bool = False


class _Picture(NamedTuple):
    png: str
    alt: str
    caption: str
    wide: bool = False


def summary_page(
    mag_bin: str,
    run: RunTables,
    cards: Sequence[Card],
    *,
    version: str,
    facts: Sequence[tuple[str, str]] = (),
    parameters: Mapping[str, Any] | None = None,
    max_rows: int = 500,
    dossiers: Mapping[int, str] | None = None,
) -> str:
    """Write the page about one run.

    Parameters
    ----------
    mag_bin : str
    run : RunTables
    cards : sequence of Card
        The best candidates, best first.
    version : str
        That of the package.
    facts : sequence of (name, text)
        What else is known of the run.
    parameters : mapping, optional
        Nested parameters of the run.
    max_rows : int
        Longest table of candidates.
    dossiers : mapping, optional
        Where a star's own page is, seen from this one.

    Returns
    -------
    str
        HTML that needs nothing else.
    """
    ranked = rank_candidates(run.candidates)
    pages = dossiers or {}
    page = {
        "title": f"MALCA: {bin_title(mag_bin)}",
        "subtitle": _subtitle(run),
        "version": version,
        "tiles": _tiles(run),
        "funnel_png": embedded(funnel_figure(run.attrition)) if len(run.attrition) else None,
        "funnel": funnel_rows(run.attrition),
        "figures": list(_pictures(run)),
        "cards": [_shown(card, pages.get(card.star)) for card in cards],
        "cards_title": _cards_title(len(cards), len(ranked)),
        "candidates": _candidates_table(
            ranked.head(max_rows), {card.star: f"#star-{card.star}" for card in cards} | {**pages}
        ),
        "n_left_out": max(len(ranked) - max_rows, 0),
        "failures": _failures_table(run.failures),
        "facts": pairs_table([("magnitude bin", mag_bin), *facts]),
        "parameters": pairs_table(flat(parameters or {})),
    }
    return render("summary.html.j2", page=page)


def bin_title(mag_bin: str) -> str:
    """Name of a bin for a title, such as "13–13.5 mag"."""
    low, _, high = mag_bin.partition("_")
    return f"{low}–{high} mag" if high else "every magnitude bin" if mag_bin == "all" else mag_bin


def _subtitle(run: RunTables) -> str:
    if not len(run.sources):
        return "no star was searched"
    first, last = run.sources["jd_first"].min(), run.sources["jd_last"].max()
    if pd.isna(first):
        return ""
    return f"observed from {calendar_date(first)} to {calendar_date(last)}"


def _tiles(run: RunTables) -> list[_Tile]:
    events, candidates = run.events, run.candidates
    branch = candidates["passed_branch"]
    tiles = [
        _Tile(len(run.manifest), "stars in the index"),
        _Tile(len(run.sources), "stars searched"),
        _Tile(int(events["asas_sn_id"].nunique()), "stars with events"),
        _Tile(int((events["kind"] == "dip").sum()), "dips"),
        _Tile(int((events["kind"] == "jump").sum()), "jumps"),
        _Tile(len(candidates), "candidates", lead=True),
        *(
            _Tile(int((branch == name).sum()), f"candidates by {text}", lead=True)
            for name, text in (("dip", "dips"), ("jump", "jumps"), ("both", "both"))
            if name != "both" or (branch == "both").any()
        ),
    ]
    if len(run.failures):
        tiles.append(_Tile(len(run.failures), "failures"))
    return tiles


def _pictures(run: RunTables) -> Iterable[_Picture]:
    sources, events, candidates = run.sources, run.events, run.candidates
    chosen = events[events["asas_sn_id"].isin(candidates["asas_sn_id"])]
    figure = _figure((6.0, 4.0), "")
    ax = figure.subplots()
    with_events = sources["asas_sn_id"].isin(events["asas_sn_id"])
    is_candidate = sources["asas_sn_id"].isin(candidates["asas_sn_id"])
    _draw_histogram(
        ax,
        sources["baseline_mag"].to_numpy(float),
        with_events.to_numpy(),
        is_candidate.to_numpy(),
        np.linspace,
        "all",
    )
    ax.set(xlabel="baseline (mag)", ylabel="stars")
    yield _Picture(
        embedded(figure),
        "Histogram of magnitudes",
        "Magnitudes of stars searched, with events, and candidates",
    )

    figure = _figure((6.0, 4.0), "")
    ax = figure.subplots()
    days = (events["jd_end"] - events["jd_start"]).clip(lower=_SHORTEST_DAYS).to_numpy(float)
    ours = events["asas_sn_id"].isin(candidates["asas_sn_id"]).to_numpy()
    _draw_histogram(ax, days, np.ones(len(days), bool), ours, np.geomspace, None)
    if len(days):
        ax.set(xscale="log")
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.set(xlabel="duration (d)", ylabel="events")
    yield _Picture(
        embedded(figure), "Histogram of durations", "Durations of all events and those of candidates"
    )

    figure = _figure((6.0, 4.0), "")
    ax = figure.subplots()
    _draw_plane(ax, events, chosen)
    yield _Picture(
        embedded(figure),
        "Depth against duration",
        "Depth and duration of every event; candidates in colour",
    )

    if {"ra_deg", "dec_deg"} <= set(sources.columns):
        figure = _figure((6.0, 4.0), "")
        by = sources[["asas_sn_id"]].merge(
            candidates[["asas_sn_id", "passed_branch"]], on="asas_sn_id", how="left"
        )["passed_branch"]
        marked = {
            kind: pd.Series(by.isin([kind, "both"]).to_numpy(bool), sources.index)
            for kind in ("dip", "jump")
        }
        _draw_sky(figure.add_subplot(projection="mollweide"), sources, marked)
        yield _Picture(
            embedded(figure), "Map of the sky", "Stars searched, and candidates: ▼ dips, ▲ jumps"
        )


def _draw_histogram(
    ax: Axes,
    values: np.ndarray,
    found: np.ndarray,
    candidate: np.ndarray,
    space: Any,
    label_of_all: str | None,
) -> None:
    known = np.isfinite(values)
    if not known.any():
        _say_empty(ax)
        return
    low, high = values[known].min(), values[known].max()
    margin = (low * 0.8, high * 1.25) if space is np.geomspace else (low - 0.05, high + 0.05)
    edges = space(*margin, 31)
    if label_of_all is not None:
        ax.hist(values[known], edges, color=_STARS, label=label_of_all, gid="all")
        ax.hist(
            values[known & found], edges, color=_FOUND, label="with events", histtype="step", lw=1.4,
            gid="found",
        )  # fmt: skip
    else:
        ax.hist(values[known & found], edges, color=_STARS, label="all events", gid="found")
    ax.hist(
        values[known & candidate], edges, color=EVENT_INKS["dip"], alpha=0.85, label="candidates",
        gid="candidates",
    )  # fmt: skip
    ax.set_yscale("symlog", linthresh=1.0)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.legend(fontsize=_SMALL, frameon=False)
    _dress(ax)


def _say_empty(ax: Axes) -> None:
    ax.text(0.5, 0.5, "nothing to show", transform=ax.transAxes, ha="center", color=_FOUND)
    ax.set(xticks=[], yticks=[])
    _dress(ax)


def _draw_plane(ax: Axes, events: pd.DataFrame, chosen: pd.DataFrame) -> None:
    if events.empty:
        _say_empty(ax)
        return
    span = (events["jd_end"] - events["jd_start"]).clip(lower=_SHORTEST_DAYS)
    depth = events["depth_mag"].abs()
    ax.plot(span, depth, ".", ms=3, color="#B5B5B5", label="all events", gid="plane-all")
    for kind, marker in (("dip", "v"), ("jump", "^")):
        at = chosen.index[chosen["kind"] == kind]
        ax.plot(
            span[at], depth[at], marker, ls="", ms=5, mew=0, color=EVENT_INKS[kind], alpha=0.85,
            label=f"candidates' {kind}s", gid=f"plane-{kind}",
        )  # fmt: skip
    _log_axes(ax, span, depth)
    ax.set(xlabel="duration (d)", ylabel="depth (mag)")
    ax.legend(fontsize=_SMALL, frameon=False)
    _dress(ax)


def _cards_title(n_cards: int, n: int) -> str:
    if n_cards == n:
        return "The candidate" if n == 1 else "The candidates"
    return f"The best {n_cards} of {n:,} candidates"


def _shown(card: Card, dossier: str | None) -> dict[str, Any]:
    return {
        "star": card.star,
        "title": candidate_title(card.star),
        "branch": card.branch,
        "kind": _KIND_TEXTS.get(card.branch, card.branch),
        "png": card.png,
        "absent": card.absent,
        "facts": card.facts,
        "verdicts": shown_verdicts(card.verdicts),
        "dossier": dossier,
    }


#: Columns of the table of candidates: heading, column, format.
_COLUMNS = (
    ("RA (°)", "ra_deg", ".5f"),
    ("Dec (°)", "dec_deg", ".5f"),
    ("mag", "baseline_mag", ".2f"),
    ("score", "score", ".2f"),
    ("dips", "dip_count", "d"),
    ("depth (mag)", "dip_best_depth_mag", ".2f"),
    ("width (d)", "dip_best_fwhm_days", ".4g"),
    ("jumps", "jump_count", "d"),
    ("height (mag)", "jump_best_depth_mag", ".2f"),
    ("period (d)", "period_consensus_days", ".6g"),
)


def _candidates_table(candidates: pd.DataFrame, links: Mapping[int, str]) -> Table:
    shown = [column for column in _COLUMNS if column[1] in candidates]
    columns = [Column("ASAS-SN"), Column("found by", True), *(Column(label) for label, _, _ in shown)]
    with_class = "vsx_class" in candidates
    if with_class:
        columns.append(Column("VSX class", True))
    rows = []
    for row in candidates.to_dict("records"):
        star = int(row["asas_sn_id"])
        cells = [
            Cell(str(star), str(star), links.get(star)),
            words(row["passed_branch"]),
            *(number(row[name], form) for _, name, form in shown),
        ]
        if with_class:
            cells.append(words(row["vsx_class"]))
        rows.append(tuple(cells))
    return Table(tuple(columns), tuple(rows))


def _failures_table(failures: pd.DataFrame) -> Table:
    counts = failures.groupby(["stage", "reason"], dropna=False).size().reset_index(name="n")
    counts = counts.sort_values(["n", "stage", "reason"], ascending=[False, True, True])
    return Table(
        (Column("stage", True), Column("reason", True), Column("stars")),
        tuple(
            (words(row.stage), words(row.reason), number(row.n, ",d")) for row in counts.itertuples()
        ),
    )
