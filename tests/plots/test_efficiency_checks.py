from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.completeness_calibration import completeness_calibration
from malca.plots.efficiency_checks import plot_completeness_calibration, plot_recovery_bias


def line(ax, gid):
    (found,) = [item for item in ax.lines if item.get_gid() == gid]
    return found.get_xydata()


@pytest.fixture
def trials(rng):
    """Depths 10 % too small, durations 20 % too long, peaks late by a tenth; a third missed."""
    n = 3000
    table = pd.DataFrame(
        {
            "depth_mag": 10 ** rng.uniform(-2, 0, n),
            "duration_days": 10 ** rng.uniform(0, 2, n),
            "t_peak_jd": rng.uniform(2457000, 2460000, n),
        }
    )
    table["recovered_depth_mag"] = table["depth_mag"] * (0.9 + rng.normal(0, 0.02, n))
    table["recovered_duration_days"] = table["duration_days"] * (1.2 + rng.normal(0, 0.02, n))
    table["recovered_t_peak_jd"] = table["t_peak_jd"] + table["duration_days"] * (
        0.1 + rng.normal(0, 0.01, n)
    )
    missed = np.arange(n) % 3 == 0
    table.loc[missed, [name for name in table if name.startswith("recovered_")]] = np.nan
    return table


def test_biases_are_the_medians(trials):
    figure = plot_recovery_bias(trials)
    for ax, truth, unbiased in zip(figure.axes, (0.9, 1.2, 0.1), (1.0, 1.0, 0.0), strict=True):
        np.testing.assert_allclose(line(ax, "median")[:, 1], truth, atol=0.01)
        assert set(line(ax, "unbiased")[:, 1]) == {unbiased}
        low, high = ax.get_ylim()
        assert low < min(truth, unbiased) < max(truth, unbiased) < high
        (density,) = [c for c in ax.collections if c.get_gid() == "density"]
        assert density.get_array().sum() == 2000
    assert any("2,000 recovered" in text.get_text() for text in figure.texts)
    figure.savefig(io.BytesIO(), format="png", dpi=30)


def test_nothing_recovered_is_said(trials):
    trials[[name for name in trials if name.startswith("recovered_")]] = np.nan
    figure = plot_recovery_bias(trials)
    assert all(ax.texts[0].get_text() == "nothing recovered" for ax in figure.axes)
    with pytest.raises(ValueError, match="lacks recovered_t_peak_jd"):
        plot_recovery_bias(trials.drop(columns="recovered_t_peak_jd"))


def test_one_recovered_trial_can_be_drawn(trials):
    plot_recovery_bias(trials.iloc[1:2]).savefig(io.BytesIO(), format="png", dpi=30)


def test_calibration_shows_its_table(rng):
    p = rng.uniform(0, 1, 3000)
    table = pd.DataFrame({"asas_sn_id": np.arange(3000), "event": rng.random(3000) < p})
    calibration = completeness_calibration(table, p)
    figure = plot_completeness_calibration(calibration)
    main, below = figure.axes
    (bars,) = main.containers
    drawn = bars.lines[0].get_xydata()
    np.testing.assert_allclose(drawn, calibration.table[["predicted_mean", "observed"]])
    ends = [segment[:, 1] for segment in bars.lines[2][0].get_segments()]
    np.testing.assert_allclose(ends, calibration.table[["lower", "upper"]])
    assert [bar.get_height() for bar in below.patches] == calibration.table["n_trials"].tolist()
    assert f"p = {calibration.p_value:.2g}" in main.texts[0].get_text()
    figure.savefig(io.BytesIO(), format="png", dpi=30)
