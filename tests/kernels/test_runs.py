from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malca.kernels.runs import find_runs


def plain_runs(t, triggered, channel, gap_points, gap_days, min_points, min_duration, min_channels):
    """Same rules with lists and sets."""
    groups = []
    for i in np.flatnonzero(triggered):
        if groups and i - groups[-1][-1] - 1 <= gap_points and t[i] - t[groups[-1][-1]] <= gap_days:
            groups[-1].append(i)
        else:
            groups.append([i])
    return [
        (g[0], g[-1] + 1, len(g), len(set(channel[g])))
        for g in groups
        if len(g) >= min_points
        and t[g[-1]] - t[g[0]] >= min_duration
        and len(set(channel[g])) >= min_channels
    ]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    fraction=st.floats(0, 1),
    gap_points=st.integers(0, 6),
    gap_days=st.none() | st.floats(0.1, 30),
    min_points=st.integers(1, 4),
    min_duration=st.floats(0, 20),
    min_channels=st.integers(1, 3),
)
def test_runs_equal_a_plain_grouping(
    seed, lengths, fraction, gap_points, gap_days, min_points, min_duration, min_channels
):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    n = offsets[-1]
    t = np.concatenate([np.sort(rng.uniform(0, 100, k)) for k in lengths])
    triggered = rng.random(n) < fraction
    channel = rng.integers(0, 4, n).astype(np.int32)
    runs = find_runs(
        offsets,
        t,
        triggered,
        channel,
        allow_gap_points=gap_points,
        max_gap_days=gap_days,
        min_points=min_points,
        min_duration_days=min_duration,
        min_channels=min_channels,
    )
    days = np.inf if gap_days is None else gap_days
    expected = []
    for star in range(len(lengths)):
        part = slice(offsets[star], offsets[star + 1])
        rules = gap_points, days, min_points, min_duration, min_channels
        expected += [
            (star, *run) for run in plain_runs(t[part], triggered[part], channel[part], *rules)
        ]
    assert [tuple(run) for run in runs] == expected


def test_a_rejected_run_does_not_shift_the_others():
    t = np.arange(30.0)
    triggered = np.zeros(30, bool)
    triggered[[2, 12, 13, 14, 25, 26]] = True
    runs = find_runs(np.array([0, 30]), t, triggered, np.zeros(30, np.int32))
    assert runs[["start", "stop", "n_triggered"]].tolist() == [(12, 15, 3), (25, 27, 2)]


@pytest.mark.parametrize("n", [0, 4])
def test_without_triggers_there_is_no_run(n):
    runs = find_runs(np.array([0, n]), np.arange(float(n)), np.zeros(n, bool), np.zeros(n, np.int32))
    assert len(runs) == 0
