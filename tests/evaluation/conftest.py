"""Trials of known probability, a small survey, a run whose every star ends at another stage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from malca.evaluation.judging import StarFacts
from malca.evaluation.outcomes import RunTables
from malca.filters.judge import REJECTION_DTYPES
from malca.known_objects import KNOWN_DTYPES
from malca.lightcurves import FAILURE_DTYPES, LightCurves
from malca.pipelines.simulation.nodes import simulate_lightcurves
from malca.pipelines.simulation.parameters import SimulationParameters

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


MAG_BIN = "13_13.5"
VSX_COLUMNS = (
    "vsx_name", "vsx_class", "vsx_family", "vsx_period_days", "vsx_sep_arcsec", "vsx_outcome",
)  # fmt: skip


class SmallSurvey(NamedTuple):
    lightcurves: LightCurves
    facts: StarFacts
    stars: pd.DataFrame


def make_survey(n_stars: int = 12, seed: int = 11) -> SmallSurvey:
    """Quiet stars, of which the catalogues know that they are none of theirs."""
    lightcurves = simulate_lightcurves(
        SimulationParameters(
            n_stars=n_stars, seed=seed, populations={"quiet": 1.0}, mag_bins={MAG_BIN: 1.0}
        )
    )[0]
    ids = lightcurves.stars["asas_sn_id"].to_numpy(np.int64)
    one = pd.DataFrame({"asas_sn_id": ids})
    facts = StarFacts(
        manifest=one.assign(mag_bin=MAG_BIN, ra_deg=10.0, dec_deg=-10.0),
        vsx_matches=one.assign(**dict.fromkeys(VSX_COLUMNS[:3], ""), vsx_period_days=np.nan,
                               vsx_sep_arcsec=np.nan, vsx_outcome="not_matched"),
        camera_statistics=pd.DataFrame(
            {"asas_sn_id": ids[:0], "camera": ids[:0], "median_mag": np.empty(0)}
        ),
        catalog_matches=one.assign(ruwe=1.0, pm_total_masyr=5.0),
        period_consensus=one.assign(
            period_accepted=0.0, period_consensus_days=np.nan, period_catalog_class="",
            period_sources="", period_sources_unknown="",
        ),
        own_dips=one.iloc[:0].assign(jd_start=0.0, jd_end=0.0),
    )  # fmt: skip
    stars = one.assign(
        mag_bin=MAG_BIN, partition=f"{MAG_BIN}-00000", median_mag=13.25, points_per_day=0.5,
        n_cameras=6, jd_first=[lightcurves.star(k).jd[0] for k in range(n_stars)],
        jd_last=[lightcurves.star(k).jd[-1] for k in range(n_stars)], own_n_dips=0, own_n_jumps=0,
        known_brightening=False, listed_variable=False,
    )  # fmt: skip
    return SmallSurvey(lightcurves, facts, stars)


def make_trial(survey: SmallSurvey, **changes) -> pd.DataFrame:
    """One trial; by default a deep dip of two months amid a season of the first star."""
    star = survey.lightcurves.star(0)
    row = {
        "trial_id": 5, "asas_sn_id": int(survey.stars["asas_sn_id"][0]), "mag_bin": MAG_BIN,
        "median_mag": 13.25, "points_per_day": 0.5, "n_cameras": 6, "kind": "dip",
        "shape": "skew_normal", "n_events": 1, "depth_mag": 0.8, "duration_days": 60.0,
        "asymmetry": 0.2, "t_peak_jd": float(np.median(star.jd)),
    } | changes  # fmt: skip
    return pd.DataFrame([row])


@pytest.fixture(scope="session")
def survey() -> SmallSurvey:
    return make_survey()


@pytest.fixture(scope="session")
def trial():
    return make_trial


JD = 2_458_000.0


def make_known(rows):
    """Known events from (id, label, start, end) with days after JD; None: no dates."""
    table = pd.DataFrame(
        {
            "known_id": [str(row[0]) for row in rows],
            "name": [f"star {row[0]}" for row in rows],
            "asas_sn_id": [row[0] for row in rows],
            "label": [row[1] for row in rows],
            "jd_start": [np.nan if row[2] is None else JD + row[2] for row in rows],
            "jd_end": [np.nan if row[3] is None else JD + row[3] for row in rows],
        }
    )
    table["category"] = np.where(table["asas_sn_id"] % 2 == 0, "even", "odd")
    table["kind"] = "dip"
    return table.reindex(columns=list(KNOWN_DTYPES)).astype(KNOWN_DTYPES)


def make_events(rows):
    """Found events from (id, kind, start, end, depth)."""
    return pd.DataFrame(
        {
            "asas_sn_id": pd.array([row[0] for row in rows], dtype="Int64"),
            "kind": pd.array([row[1] for row in rows], dtype="str"),
            "jd_start": [JD + row[2] for row in rows],
            "jd_end": [JD + row[3] for row in rows],
            "depth_mag": [float(row[4]) for row in rows],
        }
    )


@pytest.fixture
def known():
    return make_known(
        [
            (1, "event", 100, 110),
            (1, "event", 200, 210),
            (2, "event", 100, 110),
            (3, "event", 100, 110),
            (4, "event", 100, 110),
            (5, "event", 100, 110),
            (6, "event", 100, 110),
            (7, "event", 100, 110),
            (8, "event", 100, 110),
            (9, "false", None, None),
            (10, "uncertain", 100, 110),
            (1, "false", 300, 310),
            (99, "event", 100, 110),
        ]
    )


@pytest.fixture
def tables():
    """1 candidate, 2 and 8 lost, 3 shallow, 4 not triggered, 5 kept out, 6 failed, 7 without a file."""
    sources = pd.DataFrame(
        {
            "asas_sn_id": pd.array([1, 2, 3, 4, 8, 9, 10], dtype="Int64"),
            "dip_count": [3, 1, 0, 1, 1, 1, 1],
            "jump_count": 0,
            "dip_n_below_min_mag_offset": [0, 0, 2, 1, 0, 0, 0],
            "jump_n_below_min_mag_offset": 0,
            "dip_passed": [True, False, False, False, False, False, True],
            "jump_passed": False,
        }
    )
    events = make_events(
        [
            (1, "dip", 105, 108, 0.2),
            (1, "dip", 112, 113, 0.3),
            (1, "dip", 301, 302, 0.4),
            (2, "dip", 90, 98, 0.1),
            (3, "jump", 105, 106, 0.5),
            (4, "dip", 500, 510, 0.3),
            (8, "dip", 100, 110, 0.3),
            (9, "dip", 50, 60, 0.3),
            (10, "dip", 100, 110, 0.3),
        ]
    )
    rejections = pd.DataFrame(
        [
            (2, "evidence", "dip", "failed", "reject", "12 is too little", 12.0, 30.0),
            (2, "score", "dip", "unknown", "reject", "no score", np.nan, -0.5),
            (2, "gaia_ruwe", "dip", "failed", "tag", "2 is too much", 2.0, 1.4),
            (2, "amplitude", "jump", "failed", "reject", "too small", 0.0, 0.1),
            (8, "score", "dip", "unknown", "reject", "no score", np.nan, -0.5),
        ],
        columns=list(REJECTION_DTYPES),
    ).astype(REJECTION_DTYPES)
    failures = pd.DataFrame(
        [("6", "6.dat2", 6, "read", "truncated", "line 7: ends")], columns=list(FAILURE_DTYPES)
    ).astype(FAILURE_DTYPES)
    tags = pd.DataFrame(
        {
            "asas_sn_id": [1, 2, 3, 4, 5, 8, 9, 10],
            "failed_sparse": [False, False, False, False, True, False, False, False],
            "failed_vsx": [True] * 8,
        }
    )
    stars = pd.DataFrame(
        {
            "asas_sn_id": np.arange(1, 13),
            "ra_deg": np.arange(1, 13) / 10.0,
            "dec_deg": 10.0,
            "lc_exists": np.arange(1, 13) != 7,
        }
    )
    return RunTables(
        stars, sources, events, failures, tags=tags, rejections=rejections,
        tag_filters=("sparse", "single_camera"),
    )  # fmt: skip
