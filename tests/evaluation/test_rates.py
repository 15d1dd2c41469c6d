from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.intervals import binomial_limits
from malca.evaluation.rates import RATE_DTYPES, control_sample, detection_rates


@pytest.fixture
def judged():
    n = 400
    return pd.DataFrame(
        {
            "asas_sn_id": pd.array(np.arange(n) + 10**12, dtype="Int64"),
            "baseline_mag": np.linspace(12.0, 14.99, n),
            "vsx_outcome": pd.array(np.where(np.arange(n) % 4 == 0, "matched", "unknown"), dtype="str"),
            "passed_branch": pd.array(np.where(np.arange(n) % 10 == 1, "dip", None), dtype="str"),
        }
    )


def draw(judged, size, seed=1, **options):
    return control_sample(judged, size, np.random.default_rng(seed), **options)


def test_a_draw_is_without_replacement_and_follows_its_seed(judged):
    sample = draw(judged, 150)
    assert sample["asas_sn_id"].is_unique
    assert len(sample) == 150
    pd.testing.assert_frame_equal(sample, draw(judged, 150))
    assert set(sample["asas_sn_id"]) != set(draw(judged, 150, seed=2)["asas_sn_id"])
    assert len(draw(judged, 10_000)) == len(draw(judged, None)) == 400


def test_every_star_is_as_likely(judged):
    """Over many draws of 40 of 400 each star comes as often as a binomial law says."""
    counts = np.zeros(400)
    for seed in range(400):
        counts[draw(judged, 40, seed)["asas_sn_id"].to_numpy(np.int64) - 10**12] += 1
    assert counts.sum() == 16_000
    spread = counts.std() / np.sqrt(400 * 0.1 * 0.9)
    assert 0.85 < spread < 1.15


def test_what_is_left_out_is_left_out_and_the_unknown_stays(judged):
    sample = draw(judged, None, exclude_vsx=True, exclude_candidates=True, mag_range=(12.5, 13.5))
    assert (sample["vsx_outcome"] == "unknown").all()
    assert sample["passed_branch"].isna().all()
    assert sample["baseline_mag"].between(12.5, 13.5).all()
    expected = judged[
        (judged["vsx_outcome"] != "matched")
        & judged["passed_branch"].isna()
        & judged["baseline_mag"].between(12.5, 13.5)
    ]
    assert sample["asas_sn_id"].tolist() == expected["asas_sn_id"].tolist()


def test_an_empty_sample_is_one_clear_sentence(judged):
    with pytest.raises(
        ValueError, match=r"no star is left .* of 400 searched 400 outside 17 to 18 mag"
    ):
        draw(judged, 10, mag_range=(17.0, 18.0))
    with pytest.raises(ValueError, match="of 0 searched"):
        draw(judged[:0], 10)
    with pytest.raises(ValueError, match="needs a star at least"):
        draw(judged, 0)
    with pytest.raises(ValueError, match="lacks vsx_outcome"):
        draw(judged.drop(columns="vsx_outcome"), 10, exclude_vsx=True)


@pytest.fixture
def sample():
    """Four stars; 2 passes by its dips, 3 by both."""
    return pd.DataFrame(
        {
            "asas_sn_id": [1, 2, 3, 4],
            "baseline_mag": [13.0, 13.4, 13.5, 14.6],
            "passed_branch": pd.array([None, "dip", "both", None], dtype="str"),
        }
    )


@pytest.fixture
def events():
    rows = [
        (1, "dip", 0.0, 0.15), (1, "dip", 5.0, 0.15), (1, "dip", 6.0, 3.0), (2, "dip", 3.0, 0.4),
        (2, "jump", 400.0, 0.05), (3, "jump", 2.0, 0.3), (77, "dip", 5.0, 0.15),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["asas_sn_id", "kind", "duration_days", "depth_mag"])


def counts(rates, quantity, axis):
    own = rates[(rates["quantity"] == quantity) & (rates["axis"] == axis)]
    return own[["low", "high", "n_stars", "n_with", "n_events"]].to_numpy().tolist()


def test_stars_and_events_are_counted_in_their_bins(sample, events):
    rates = detection_rates(
        sample, events, mag_step=0.5, duration_edges_days=[3.0, 10.0], depth_edges_mag=[0.2, 0.4]
    )
    assert list(rates) == list(RATE_DTYPES)
    inf = np.inf
    assert counts(rates, "dip", "magnitude") == [
        [13.0, 13.5, 2, 2, 4], [13.5, 14.0, 1, 0, 0], [14.0, 14.5, 0, 0, 0], [14.5, 15.0, 1, 0, 0]
    ]  # fmt: skip
    # an event of exactly 3 d or 0.4 mag belongs to the bin that begins there
    assert counts(rates, "dip", "duration") == [
        [0.0, 3.0, 4, 1, 1], [3.0, 10.0, 4, 2, 3], [10.0, inf, 4, 0, 0]
    ]  # fmt: skip
    assert counts(rates, "dip", "depth") == [
        [0.0, 0.2, 4, 1, 2], [0.2, 0.4, 4, 0, 0], [0.4, inf, 4, 2, 2]
    ]  # fmt: skip
    assert counts(rates, "jump", "duration") == [
        [0.0, 3.0, 4, 1, 1], [3.0, 10.0, 4, 0, 0], [10.0, inf, 4, 1, 1]
    ]  # fmt: skip
    # the jump of star 2 is of a branch that did not pass
    assert counts(rates, "candidate", "duration") == [
        [0.0, 3.0, 4, 1, 1], [3.0, 10.0, 4, 1, 1], [10.0, inf, 4, 0, 0]
    ]  # fmt: skip
    total = rates[rates["axis"] == "all"].set_index("quantity")
    assert total["n_with"].to_dict() == {"dip": 2, "jump": 2, "candidate": 2}
    assert total.loc["dip", "rate"] == 0.5
    assert tuple(total.loc["dip", ["rate_low", "rate_high"]]) == binomial_limits(2, 4)
    nobody = rates[rates["n_stars"] == 0]
    assert len(nobody) == 3
    assert nobody[["rate", "rate_low", "rate_high"]].isna().all(axis=None)


def test_every_event_of_the_sample_is_in_one_bin_of_each_axis(sample, events):
    rates = detection_rates(sample, events)
    sums = rates[rates["quantity"] == "dip"].groupby("axis")["n_events"].sum()
    assert set(sums) == {4}


def test_without_filters_there_is_no_rate_of_candidates(sample, events):
    rates = detection_rates(sample.drop(columns="passed_branch"), events)
    assert set(rates["quantity"]) == {"dip", "jump"}


def test_what_cannot_be_binned_is_refused(sample, events):
    with pytest.raises(ValueError, match="control sample is empty"):
        detection_rates(sample[:0], events)
    with pytest.raises(ValueError, match="positive and ascend"):
        detection_rates(sample, events, depth_edges_mag=[0.2, 0.1])
    with pytest.raises(ValueError, match="step of magnitudes"):
        detection_rates(sample, events, mag_step=0.0)
