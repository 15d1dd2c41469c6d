from __future__ import annotations

import io

import pandas as pd
import pytest

from malca.plots.vetting import outcomes_figure


@pytest.fixture
def outcomes():
    rows = [
        ("simbad", "matched", "", 30), ("simbad", "not_matched", "", 60),
        ("simbad", "unknown", "503", 8), ("simbad", "unknown", "timed out", 2),
        ("atlas", "unknown", "switched off", 100),
        ("ztf", "not_covered", "outside the catalogue's coverage", 40), ("ztf", "matched", "", 60),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["module", "outcome", "reason", "n_stars"])


def widths(figure, outcome):
    ax = figure.axes[0]
    bars = next(
        c for c in ax.containers if c.patches and c.patches[0].get_gid() == f"outcome-{outcome}"
    )
    return [bar.get_width() for bar in bars]


def test_bars_have_the_stars_of_each_outcome(outcomes):
    figure = outcomes_figure(outcomes)
    assert widths(figure, "matched") == [30, 0, 60]
    assert widths(figure, "unknown") == [10, 0, 0]
    assert widths(figure, "switched off") == [0, 100, 0]
    assert widths(figure, "not_covered") == [0, 0, 40]
    texts = {text.get_gid(): text.get_text() for text in figure.axes[0].texts}
    assert texts["why-simbad"] == "10 without: 503"
    assert texts["why-atlas"] == "switched off"
    assert texts["why-ztf"] == ""
    figure.savefig(io.BytesIO())


def test_nothing_and_wrong_tables(outcomes):
    outcomes_figure(outcomes.iloc[:0]).savefig(io.BytesIO())
    with pytest.raises(ValueError, match="n_stars"):
        outcomes_figure(outcomes.drop(columns="n_stars"))
