from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from malca.plots.rates import rates_figure


@pytest.fixture
def rates():
    rows = [
        ("dip", "all", np.nan, np.nan, 50, 5, 0.1, 0.04, 0.2),
        ("dip", "magnitude", 13.0, 13.5, 50, 5, 0.1, 0.04, 0.2),
        ("dip", "magnitude", 13.5, 14.0, 0, 0, np.nan, np.nan, np.nan),
        ("dip", "duration", 0.0, 3.0, 50, 0, 0.0, 0.0, 0.06),
        ("dip", "duration", 3.0, 30.0, 50, 5, 0.1, 0.04, 0.2),
        ("dip", "duration", 30.0, np.inf, 50, 1, 0.02, 0.0, 0.1),
        ("dip", "depth", 0.0, 0.1, 50, 5, 0.1, 0.04, 0.2),
    ]
    names = ["quantity", "axis", "low", "high", "n_stars", "n_with", "rate", "rate_low", "rate_high"]
    return pd.DataFrame(rows, columns=names)


def test_rates_and_limits_are_where_they_belong(rates):
    figure = rates_figure(rates)
    figure.savefig(io.BytesIO(), format="png", dpi=30)
    magnitude, duration, _ = figure.axes
    (bars,) = magnitude.containers
    assert bars.lines[0].get_xydata().tolist() == [[13.25, 0.1]]
    (bars,) = duration.containers
    # an open bin is as wide as its neighbour
    assert bars.lines[0].get_xydata() == pytest.approx(np.array([[90**0.5, 0.1], [30 * 10**0.5, 0.02]]))
    limits = [line for line in duration.lines if line.get_gid() == "limit-duration-dip"]
    assert limits[0].get_xydata() == pytest.approx(np.array([[3 / 10**0.5, 0.06]]))
    assert "50 stars" in figure.get_suptitle()


def test_a_table_without_its_columns_is_refused(rates):
    with pytest.raises(ValueError, match="detection_rate table lacks rate_high"):
        rates_figure(rates.drop(columns="rate_high"))
