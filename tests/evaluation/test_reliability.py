from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from malca.evaluation.reliability import (
    candidate_reliability,
    clean,
    expected_real,
    false_alarms,
    stopped_by,
    threshold_at,
)


def cases(n=1000, n_false=10, family="mirrored", seed=1):
    rng = np.random.default_rng(seed)
    false = np.zeros(n, bool)
    false[rng.permutation(n)[:n_false]] = True
    return pd.DataFrame(
        {
            "family": family, "searched": True, "event": false, "candidate": false,
            "median_mag": rng.uniform(12, 15, n), "points_per_day": 0.5, "n_cameras": 4,
            "dip_max_ln_bf": np.where(false, np.cumsum(false) * 10.0, np.nan),
            "own_n_dips": 0, "known_brightening": False, "listed_variable": False,
            "failed_evidence": pd.array(np.where(false, False, None), "boolean"),
            "failed_score": pd.array(np.where(false, True, None), "boolean"),
        }
    )  # fmt: skip


def test_false_alarms_are_counted_once_in_each_bin():
    table = cases()
    rates = false_alarms(table, ("event", "candidate"))
    whole = rates[(rates["by"] == "all") & (rates["stage"] == "candidate")].iloc[0]
    assert (whole["n_cases"], whole["n_false"], whole["per_1000"]) == (1000, 10, 10.0)
    assert whole["per_1000_lower"] < 10 < whole["per_1000_upper"]
    assert (rates.dtypes[["per_1000_lower", "per_1000_upper"]] == "float64").all()
    by_mag = rates[(rates["by"] == "median_mag") & (rates["stage"] == "candidate")]
    assert by_mag["n_cases"].sum() == 1000
    assert by_mag["n_false"].sum() == 10
    for row in by_mag.itertuples():
        inside = table["median_mag"].between(row.low, row.high, inclusive="left")
        assert row.n_cases == inside.sum()


def test_what_was_not_searched_does_not_count():
    table = cases()
    table.loc[:499, "searched"] = False
    rates = false_alarms(table, ("event",))
    assert rates.loc[rates["by"] == "all", "n_cases"].item() == 500


def test_stars_that_really_do_it_are_left_out():
    table = pd.concat(
        [cases(4, 0).assign(own_n_dips=[0, 1, 0, 0], known_brightening=[0, 0, 1, 0],
                            listed_variable=[0, 0, 0, 1], family=family)
         for family in ("mirrored", "cameras_shuffled")], ignore_index=True,
    ).astype({"known_brightening": bool, "listed_variable": bool})  # fmt: skip
    assert clean(table).tolist() == [True, True, False, False, True, True, True, False]


def test_the_threshold_lets_through_no_more_than_it_promises():
    table = cases(2000, 20)
    thresholds = threshold_at(table, "dip_max_ln_bf", (1.0, 5.0, 20.0))
    thresholds = thresholds.set_index("rate_per_1000")["threshold"]
    for rate, threshold in thresholds.items():
        n = (table["dip_max_ln_bf"] >= threshold).sum()
        assert n <= rate * 2
    # One lower would let one more through.
    assert (table["dip_max_ln_bf"] >= np.nextafter(thresholds[5.0], 0)).sum() == 11
    assert thresholds[20.0] == 0.0


def test_a_rate_too_small_to_be_seen_has_no_threshold():
    assert np.isnan(threshold_at(cases(500, 3), "dip_max_ln_bf", (1.0,))["threshold"].item())


def candidates(evidence):
    return pd.DataFrame(
        {"asas_sn_id": 100 + np.arange(len(evidence)), "dip_max_ln_bf": np.asarray(evidence, float)}
    )


def test_reliability_is_one_less_false_over_found():
    # 10 false ones of 10 to 100 in 1,000 null light curves; 5,000 stars were searched.
    table = candidates([5.0, 55.0, 55.0, 500.0] + [55.0] * 96)
    result = candidate_reliability(table, cases(), 5000).set_index("asas_sn_id")
    assert result.loc[100, "n_false_as_strong"] == 10
    assert result.loc[100, "reliability"] == pytest.approx(1 - 10 * 5 / 100)
    assert result.loc[101, "n_false_as_strong"] == 5
    assert result.loc[101, "reliability"] == pytest.approx(1 - 5 * 5 / 99)
    assert result.loc[103, "reliability"] == 1.0


def test_its_limits_are_those_of_a_poisson_count():
    table = candidates([55.0] * 1000)
    row = candidate_reliability(table, cases(), 5000).iloc[0]
    low, high = chi2.ppf(0.025, 2 * 5) / 2, chi2.ppf(0.975, 2 * 6) / 2  # Garwood (1936)
    assert row["reliability_upper"] == pytest.approx(1 - low * 5 / 1000)
    assert row["reliability_lower"] == pytest.approx(1 - high * 5 / 1000)


def test_more_evidence_is_believed_no_less(rng):
    table = candidates(rng.uniform(1, 500, 80))
    result = candidate_reliability(table, cases(), 3000).sort_values("dip_max_ln_bf")
    for name in ("reliability", "reliability_lower", "reliability_upper"):
        assert (np.diff(result[name]) >= 0).all()
    assert (result["reliability_lower"] <= result["reliability"]).all()
    assert (result["reliability"] <= result["reliability_upper"]).all()


def test_it_holds_where_the_truth_is_known():
    """Null light curves and false candidates of one distribution: the foretold number comes true."""
    rng = np.random.default_rng(8)
    differences, widths = [], []
    for _ in range(60):
        n_null, n_false, n_real = rng.poisson(40), rng.poisson(40), 100
        null = cases(1000, 0)
        null.loc[: n_null - 1, "candidate"] = True
        null.loc[: n_null - 1, "dip_max_ln_bf"] = 30 + rng.exponential(30, n_null)
        evidence = np.concatenate(
            [30 + rng.exponential(30, n_false), 30 + rng.exponential(300, n_real)]
        )
        weakest = candidate_reliability(candidates(evidence), null, 1000).sort_values("dip_max_ln_bf")
        assert expected_real(weakest)[0] == weakest["reliability"].iloc[0] * len(evidence)
        differences.append(expected_real(weakest)[0] - n_real)
        widths.append(np.sqrt(80))
    assert abs(np.mean(differences)) < 3 * np.mean(widths) / np.sqrt(60)


def test_no_null_light_curve_no_reliability():
    with pytest.raises(ValueError, match="no null light curve was searched"):
        candidate_reliability(candidates([1.0]), cases(5, 0).assign(searched=False), 10)


def test_what_stops_contaminants_is_counted_among_those_with_events():
    table = stopped_by(cases(100, 7, family="blend"), ("evidence", "score"))
    row = table.iloc[0]
    assert (row["n_cases"], row["n_events"], row["n_candidates"]) == (100, 7, 7)
    assert (row["failed_evidence"], row["failed_score"]) == (0, 7)
