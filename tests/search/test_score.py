from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.search.score import regularised_reduced_chi2, score_stars


def log10_event_score(
    depth_mag: np.ndarray, fwhm_days: np.ndarray, n_points: np.ndarray, reduced_chi2: np.ndarray
) -> float:
    """Score of one star's events by the formula as it is written."""
    values = np.array([depth_mag, fwhm_days, n_points, reduced_chi2], dtype=np.float64)
    values = values[:, (np.isfinite(values) & (values > 0)).all(axis=0)]
    n_events = values.shape[1]
    if n_events == 0:
        return np.nan
    depth, fwhm, count, chi2 = values
    total = np.sum(0.5 * depth * fwhm * count / chi2)
    return float(np.log10(total / (n_events * np.log(n_events + 1))))


def event(star, kind="dip", morphology="gaussian", **values):
    row = {
        "star": star,
        "kind": kind,
        "morphology": morphology,
        "depth_mag": 0.4,
        "fwhm_days": 19.0,
        "n_points": 30,
        "fit_chi2": 80.0,
        "fit_dof": 80,
        "paczynski_amp_mag": np.nan,
        "paczynski_fwhm_days": np.nan,
        "paczynski_chi2": np.nan,
        "paczynski_dof": 0,
        "paczynski_delta_bic": np.nan,
    }
    return row | values


def test_one_event_by_hand():
    score = log10_event_score([0.4], [19.0], [30], [1.0])
    assert score == pytest.approx(np.log10(0.2 * 19 * 30 / np.log(2)))


def test_two_equal_events_by_hand():
    score = log10_event_score([0.4] * 2, [19.0] * 2, [30] * 2, [1.0] * 2)
    assert score == pytest.approx(np.log10(0.2 * 19 * 30 / np.log(3)))


def test_unknown_is_not_zero():
    assert np.isnan(log10_event_score([], [], [], []))
    assert np.isnan(log10_event_score([np.nan], [3.0], [4], [1.0]))
    with_unknown = log10_event_score([0.4, np.nan], [19.0, 5.0], [30, 3], [1.0, 1.0])
    assert with_unknown == log10_event_score([0.4], [19.0], [30], [1.0])


def test_an_exact_fit_earns_nothing():
    exact = regularised_reduced_chi2(np.array([0.0]), np.array([0]))
    assert exact[0] == 1.0
    many = regularised_reduced_chi2(np.array([5000.0]), np.array([1000]))
    assert many[0] == pytest.approx(5.0, rel=0.02)


def test_table_separates_kinds_and_counts_the_invalid():
    microlensing = {
        "paczynski_amp_mag": 0.6,
        "paczynski_fwhm_days": 20.0,
        "paczynski_chi2": 80.0,
        "paczynski_dof": 80,
        "paczynski_delta_bic": 50.0,
    }
    rows = [
        event(4),
        event(4, morphology="flat"),
        event(4, morphology="undetermined", fwhm_days=np.nan),
        event(2, "jump", "paczynski", **microlensing),
        event(2, "jump", "gaussian", **(microlensing | {"paczynski_delta_bic": -3.0})),
        event(9, morphology="flat"),
    ]
    table = score_stars(pd.DataFrame(rows)).set_index("star")
    assert list(table.index) == [2, 4, 9]
    assert table.loc[4, "dipper_score"] == pytest.approx(log10_event_score([0.4], [19.0], [30], [1.0]))
    assert tuple(table.loc[4, ["dipper_n_dips", "dipper_n_valid_dips"]]) == (3, 1)
    assert np.isnan(table.loc[2, "dipper_score"])
    assert table.loc[2, "jumper_n_valid_jumps"] == 2
    assert table.loc[2, "microlensing_n_valid_events"] == 1
    # The depth is what was sampled (0.4), not the peak of the curve (0.6).
    lensed = log10_event_score([0.4], [20.0], [30], [1.0])
    assert table.loc[2, "microlensing_score"] == pytest.approx(lensed)
    assert table.loc[9].filter(like="_score").isna().all()


def test_no_events_keep_the_types():
    frame = pd.DataFrame([event(1)])
    empty = score_stars(frame.iloc[:0])
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, score_stars(frame).dtypes)
