"""The page that leads to the dossiers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from malca.plots.pages import Cell, Column, Table, number, render, words

_COLUMNS = (
    Column("Star"), Column("Score"), Column("Class", True), Column("Margin (ln)"),
    Column("Depth (mag)"), Column("Dips"), Column("Distance (pc)"), Column("Known?", True),
)  # fmt: skip


def index_page(stars: pd.DataFrame, version: str) -> str:
    """Write the list of dossiers, best first.

    Parameters
    ----------
    stars : DataFrame
        Ranked rows of ``classified``, with ``score``.
    version : str
        Of MALCA.
    """
    rows = []
    for star in stars.to_dict("records"):
        identifier = int(star["asas_sn_id"])
        rows.append(
            (
                Cell(str(identifier), str(identifier), f"{identifier}.html"),
                number(star.get("score"), ".2f"),
                words(star.get("final_class")),
                number(star.get("class_margin"), ".1f"),
                number(star.get("dip_best_depth_mag"), ".2f"),
                number(star.get("dip_count"), ".0f"),
                number(star.get("distance_pc"), ".0f"),
                words(_known(star.get("vetting_likely_known"))),
            )
        )
    return render("dossier_index.html.j2", version=version, stars=Table(_COLUMNS, tuple(rows)))


def _known(likely: Any) -> str:
    if likely is None or pd.isna(likely):
        return "unknown"
    return "likely known" if likely else "no"
