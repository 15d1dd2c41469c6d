"""The page that leads to the dossiers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from malca.plots.dossier import page_name
from malca.plots.dossier_values import floats, words
from malca.plots.pages import Cell, Column, Table, number, render
from malca.plots.pages import words as text_cell

_COLUMNS = (
    Column("Star"), Column("Score"), Column("Class", True), Column("Probability"),
    Column("Depth (mag)"), Column("Dips"), Column("G (mag)"), Column("Distance (pc)"),
    Column("α (°)"), Column("δ (°)"),
    Column("Known as", True),
)  # fmt: skip


def index_page(stars: pd.DataFrame, version: str) -> str:
    """Write the list of dossiers, in the order of the table.

    Parameters
    ----------
    stars : DataFrame
        Rows of ``classified``, with ``score`` where there is one.
    version : str
        Of MALCA.
    """
    rows = []
    for star in stars.to_dict("records"):
        name = page_name(int(star["asas_sn_id"]))
        rows.append(
            (
                Cell(name, str(int(star["asas_sn_id"])), f"{name}.html"),
                number(star.get("score"), ".2f"),
                text_cell(star.get("final_class")),
                number(star.get(f"p_{star.get('class_best')}"), ".2f"),
                number(star.get("dip_best_depth_mag"), ".2f"),
                number(star.get("dip_count"), ".0f"),
                number(star.get("gaia_g_mag"), ".2f"),
                number(star.get("distance_pc"), ".0f"),
                number(floats(star, "ra_deg")[0], ".4f"),
                number(floats(star, "dec_deg")[0], "+.4f"),
                text_cell(_known(star)),
            )
        )
    return render(
        "dossier_index.html.j2",
        version=version,
        counts=_counts(stars),
        stars=Table(_COLUMNS, tuple(rows)),
    )


def _counts(stars: pd.DataFrame) -> str:
    told = f"{len(stars)} dossiers"
    if "final_class" in stars:
        counts = stars["final_class"].dropna().value_counts()
        told += "".join(f" · {n} {name}" for name, n in counts.items() if name)
    return told


def _known(star: dict[str, Any]) -> str:
    told = [words(star, name) for name in ("vetting_reasons", "vetting_dipper_reasons")]
    told = [text for text in told if text]
    if told:
        return "; ".join(told)
    likely = star.get("vetting_likely_known")
    return "unknown" if likely is None or pd.isna(likely) else "–"
