"""Figures as files, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from malca.datasets.atomic import replacing, write_text

_DPI = 150


def write_figure(figure: Any, path: Path) -> None:
    """Write a figure in the form its suffix asks for.

    Parameters
    ----------
    figure : matplotlib.figure.Figure or plotly.graph_objects.Figure
    path : Path
        Of an image, or ``.html`` for a figure of plotly: a page that opens without a network.

    Raises
    ------
    ValueError
        The figure cannot be written in this form.
    """
    interactive = hasattr(figure, "to_html")
    if interactive != (path.suffix == ".html"):
        kind = "an interactive figure is a page, .html" if interactive else "a figure is an image"
        raise ValueError(f"{kind}, and cannot be written to {path.name}")
    if interactive:
        write_text(figure.to_html(include_plotlyjs=True), path)
        return
    with replacing(path) as partial:
        figure.savefig(partial, dpi=_DPI)
