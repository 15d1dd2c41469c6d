"""Parts of pages: nothing that comes in becomes markup, nothing is fetched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError
from matplotlib.figure import Figure

from malca.plots.pages import PLOTLY_CONFIG, Cell, embedded, flat, number, pairs_table, render, words


def page(**changes):
    content = {
        "version": "0.1.0", "mark": "malca-figure:0", "title": "A star", "figure": "", "rows": [],
        "facts": [],
    }  # fmt: skip
    return render("candidate.html.j2", **{**content, **changes})


def test_what_comes_in_is_escaped():
    text = page(title="<script>alert('x')</script>", facts=[{"name": "a & b", "text": '"><img src=x>'}])
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)" in text
    assert "<img src=x>" not in text
    assert "a &amp; b" in text


def test_a_page_that_lacks_something_is_an_error():
    with pytest.raises(UndefinedError):
        render("candidate.html.j2", version="0.1.0")


def test_a_page_begins_with_its_type():
    assert page().startswith("<!DOCTYPE html>\n")


def test_the_same_figure_is_the_same_text():
    def figure():
        made = Figure(figsize=(1, 1))
        made.subplots().plot([0, 1])
        return made

    assert embedded(figure()) == embedded(figure())
    assert embedded(figure()) != embedded(figure(), dpi=50)


def test_cells_of_numbers_and_words():
    assert number(1234.5678, ".2f") == Cell("1234.57", "1234.5678")
    assert number(12345, ",d") == Cell("12,345", "12345.0")
    for missing in (None, np.nan, pd.NA):
        assert number(missing) == words(missing) == Cell("", "")
    assert words("EA") == Cell("EA", "EA")
    assert number(-np.inf, ".2f").text == "-inf"


def test_nested_parameters_get_dotted_names():
    nested = {"a": {"b": {"c": 1}, "d": None}, "e": (1, 2), "f": {}}
    assert flat(nested) == [("a.b.c", "1"), ("a.d", ""), ("e", "(1, 2)")]
    assert len(pairs_table(flat(nested)).rows) == 3


def test_plotly_offers_no_upload():
    assert "sendChartToCloud" in PLOTLY_CONFIG["modeBarButtonsToRemove"]
