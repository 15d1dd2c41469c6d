from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from malca.plots.stages import stages_figure


@pytest.fixture
def stages():
    rows = [
        ("listed", "", "reject", 99, 99, 0, 0, 0, 99, ""),
        ("readable", "", "reject", 99, 9, 85, 5, 90, 9, "85 empty"),
        ("tag", "mag_range", "tag", 9, 6, 3, 0, 0, 9, ""),
        ("candidates", "", "reject", 9, 9, 0, 0, 0, 9, ""),
    ]
    names = ["stage", "step", "action", "n_in", "n_passed", "n_failed", "n_unknown", "n_stopped",
             "n_out", "why"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


@pytest.fixture
def overlap():
    rows = [
        ("filter", "score", "score", 4, 1.0),
        ("filter", "score", "amplitude", 1, 0.2),
        ("filter", "amplitude", "amplitude", 2, 1.0),
        ("filter", "gaia_pm", "gaia_pm", 0, np.nan),
    ]
    return pd.DataFrame(rows, columns=["group", "first", "second", "n_both", "share"])


def test_bars_and_pairs_are_the_numbers(stages, overlap):
    figure = stages_figure(stages, overlap)
    figure.savefig(io.BytesIO(), format="png", dpi=30)
    funnel, matrix = figure.axes[:2]
    bars = {
        gid: np.array([bar.get_width() for bars in funnel.containers for bar in bars
                       if bar.get_gid() == gid])
        for gid in ("stages-n_passed", "stages-n_unknown", "stages-n_failed")
    }  # fmt: skip
    # bars are as long as log(1 + n), parts as shares of that
    np.testing.assert_allclose(sum(bars.values()), [2, 2, 1, 1])
    np.testing.assert_allclose(bars["stages-n_passed"], [2, 2 * 9 / 99, 6 / 9, 1])
    texts = {text.get_gid(): text.get_text() for text in funnel.texts}
    assert texts["stages-text-1"] == "99  −90  85 empty"
    assert texts["stages-text-2"] == "9  (3 marked)"
    assert [label.get_text() for label in funnel.get_yticklabels()] == [
        "listed", "readable", "tag: mag range (marks)", "candidates"
    ]  # fmt: skip
    shown = {text.get_gid(): text.get_text() for text in matrix.texts}
    assert shown == {
        "overlap-score-score": "4", "overlap-score-amplitude": "1", "overlap-amplitude-amplitude": "2"
    }  # fmt: skip


def test_nothing_failed_is_said(stages, overlap):
    figure = stages_figure(stages, overlap[overlap["n_both"] == 0])
    assert [text.get_text() for text in figure.axes[1].texts] == ["no star fails a cut"]


def test_a_table_without_its_columns_is_refused(stages, overlap):
    with pytest.raises(ValueError, match="attrition_stages table lacks why"):
        stages_figure(stages.drop(columns="why"), overlap)
