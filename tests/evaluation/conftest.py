"""A small run whose every star ends at another stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.outcomes import RunTables
from malca.filters.judge import REJECTION_DTYPES
from malca.known_objects import KNOWN_DTYPES
from malca.lightcurves import FAILURE_DTYPES

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
