from __future__ import annotations

import io

import numpy as np
import pytest

from malca.filters.base import FAILED, PASSED, UNKNOWN, Filter
from malca.filters.funnel import attrition_table
from malca.plots.funnel import funnel_figure, funnel_rows


class Bright(Filter):
    name = "bright"

    def judge(self, stars, branch):
        raise NotImplementedError


class Far(Bright):
    name = "far_away"


@pytest.fixture
def attrition():
    """Five stars with dips and two with jumps: 2 of 5 fail the first filter, one is unknown to both."""
    outcomes = {
        "dip": np.array(
            [[FAILED, FAILED, PASSED, UNKNOWN, PASSED], [PASSED, FAILED, FAILED, UNKNOWN, PASSED]]
        ),
        "jump": np.array([[PASSED] * 5, [PASSED] * 5]),
    }
    there = {"dip": np.ones(5, bool), "jump": np.arange(5) < 2}
    filters = [Bright(), Far(action="tag")]
    stops = {
        side: np.array([f.stops(o) for f, o in zip(filters, outcomes[side], strict=True)])
        for side in outcomes
    }
    return attrition_table(filters, outcomes, stops, there, n_searched=40)


def widths(ax, gid):
    return [bar.get_width() for bars in ax.containers for bar in bars if bar.get_gid() == gid]


def test_bars_are_the_counts_of_those_that_arrive(attrition):
    dips, jumps = funnel_figure(attrition).axes
    assert widths(dips, "dip-n_passed") == [2, 1]
    assert widths(dips, "dip-n_unknown") == [1, 1]
    assert widths(dips, "dip-n_failed") == [2, 1]
    assert widths(jumps, "jump-n_passed") == [2, 2]
    assert [text.get_text() for text in dips.get_yticklabels()] == ["bright", "far away (marks)"]
    texts = {text.get_gid(): text.get_text() for text in dips.texts}
    assert texts == {"dip-text-bright": "−2, 2 by this alone", "dip-text-far_away": "1 marked"}
    assert dips.get_title(loc="left") == "3 candidates of 5 stars with dips"
    assert jumps.get_title(loc="left") == "2 candidates of 2 stars with jumps"


def test_the_table_has_every_row_and_number(attrition):
    table = funnel_rows(attrition)
    assert len(table.rows) == len(attrition)
    row = dict(zip([column.label for column in table.columns], table.rows[1], strict=True))
    assert row["filter"].text == "bright"
    assert row["failed"].text == "2"
    assert row["arrive"].value == "5.0"


def test_a_run_without_stars_or_filters_is_drawn(attrition):
    for table in (attrition.iloc[:0], attrition[attrition["stage"] != "filter"]):
        funnel_figure(table).savefig(io.BytesIO(), dpi=30)
    with pytest.raises(ValueError, match="attrition table lacks n_only"):
        funnel_figure(attrition.drop(columns="n_only"))
