from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.completeness_model import Prediction
from malca.evaluation.truth import compare_completeness, compare_reliability

N = 400


class Model:
    """Events are found with a known probability, whatever they are."""

    def __init__(self, probability, error=0.0):
        self.probability, self.error = probability, error

    def predict(self, depth_mag, *_):
        p = np.full(len(depth_mag), self.probability)
        return Prediction(p, np.full(len(p), self.error), p, p)


def compared(share, probability, n_dips=1, error=0.0, seed=1):
    """Compare a survey in which a dipping star becomes a candidate with a probability of ``share``."""
    ids = np.arange(N)
    events = pd.DataFrame(
        {"asas_sn_id": np.repeat(ids, n_dips), "population": "dipper", "kind": "dip", "depth_mag": 0.3,
         "fwhm_days": 10.0}
    )  # fmt: skip
    others = events.assign(population="flare", kind="jump")
    stars = pd.DataFrame({"asas_sn_id": ids, "median_mag": 13.0, "points_per_day": 0.5})
    there = ids[np.random.default_rng(seed).random(N) < share]
    candidates = pd.DataFrame({"asas_sn_id": there, "dip_passed": True})
    return compare_completeness(
        pd.concat([events, others]), stars, candidates, Model(probability, error), ("dipper",)
    )


def test_what_is_foretold_comes_true_or_not():
    right, wrong = compared(0.6, 0.6), compared(0.6, 0.8)
    assert right["n"] == N
    assert right["predicted"] == pytest.approx(0.6 * N)
    assert right["predicted_sigma"] == pytest.approx(np.sqrt(N * 0.6 * 0.4))
    assert right["agrees"]
    assert not wrong["agrees"]


def test_a_star_has_as_many_chances_as_dips():
    assert compared(0.75, 0.5, n_dips=2)["predicted"] == pytest.approx(0.75 * N)


def test_errors_of_the_model_add_up():
    assert compared(0.6, 0.6, error=0.1)["predicted_sigma"] == pytest.approx(
        np.hypot(np.sqrt(N * 0.24), 0.1 * N)
    )


def test_chances_are_what_they_say():
    chances = np.array([compared(0.6, 0.6, seed=seed)["chance"] for seed in range(300)])
    assert 0.02 < (chances < 0.05).mean() < 0.09


def test_the_number_of_real_candidates_is_that_of_the_weakest():
    believed = pd.DataFrame(
        {"asas_sn_id": range(10), "reliability": [0.8, *[1.0] * 9], "reliability_lower": 0.6,
         "reliability_upper": 1.0}
    )  # fmt: skip
    row = compare_reliability(believed, pd.DataFrame({"asas_sn_id": range(8)}))
    assert (row["n"], row["predicted"], row["true"]) == (10, 8.0, 8)
    assert row["predicted_sigma"] == pytest.approx(4 / (2 * 1.959964))
    assert row["agrees"]
