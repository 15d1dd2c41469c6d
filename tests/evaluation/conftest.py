"""Trials whose probability of recovery is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

STAGES = ("triggered", "event", "evidence", "candidate")


def true_efficiency(depth_mag, duration_days, mag, points_per_day, ceiling=True):
    """Chance that a made-up trial becomes an event."""
    eta = (
        7.0 * np.log10(depth_mag / 0.12)
        + 1.6 * np.log10(duration_days / 10.0)
        - 1.1 * (mag - 13.5)
        + 1.2 * np.log10(points_per_day / 0.5)
    )
    gaps = expit(1.0 + 2.5 * np.log10(duration_days)) if ceiling else 1.0
    return gaps * expit(eta)


def make_trials(n: int, seed: int = 5, n_stars: int = 2000, ceiling: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    star = rng.integers(0, n_stars, n)
    star_mag, star_cadence = rng.uniform(12, 15, n_stars), 10 ** rng.uniform(-0.7, 0.3, n_stars)
    trials = pd.DataFrame(
        {
            "trial_id": np.arange(n),
            "asas_sn_id": 377957522430 + star,
            "kind": "dip",
            "depth_mag": 10 ** rng.uniform(-2, 0.3, n),
            "duration_days": 10 ** rng.uniform(0, 2.4, n),
            "t_peak_jd": rng.uniform(2457000, 2460000, n),
            "median_mag": star_mag[star],
            "points_per_day": star_cadence[star],
            "already": rng.random(n) < 0.01,
            "outcome": np.where(rng.random(n) < 0.02, "unreadable", "done"),
        }
    )
    p = true_efficiency(
        trials["depth_mag"], trials["duration_days"], trials["median_mag"], trials["points_per_day"],
        ceiling,
    )  # fmt: skip
    u = rng.random(n)
    trials["triggered"] = u < p + 0.2 * (1 - p) * p
    trials["event"] = u < p
    trials["passed_evidence"] = u < 0.93 * p
    trials["candidate"] = u < 0.85 * p
    got = trials["event"].to_numpy()
    nothing = np.where(got, 0.0, np.nan)
    trials["recovered_depth_mag"] = trials["depth_mag"] * (0.96 + rng.normal(0, 0.05, n)) + nothing
    trials["recovered_duration_days"] = (
        trials["duration_days"] * 10 ** rng.normal(0.03, 0.1, n) + nothing
    )
    trials["recovered_t_peak_jd"] = (
        trials["t_peak_jd"] + rng.normal(0, 0.1, n) * trials["duration_days"] + nothing
    )
    return trials


@pytest.fixture(scope="session")
def trials() -> pd.DataFrame:
    return make_trials(40_000)
