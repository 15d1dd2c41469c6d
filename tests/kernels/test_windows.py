"""Evidence of windows: identities, false alarms on noise, recovery of what was put in."""

from __future__ import annotations

import numpy as np
import pytest

from malca.kernels import visits, windows

DURATIONS = 1.5 * 2.0 ** np.arange(9)


def search(t, residual, err, channel, sign=1.0, **changes):
    options = {
        "camera_sigma": 0.003, "red_noise_floor": 0.2, "clip_sigma": 8.0, "threshold": 7.0,
        "agreement": 4.5, "lone_threshold": 8.0, "lone_visits": 4,
    } | changes  # fmt: skip
    n, n_channels = len(t), int(channel.max()) + 1
    visit_t, visit_end, visit_r, visit_var = (np.empty(n) for _ in range(4))
    visit_channel = np.empty(n, np.int32)
    m = visits.collapse_visits(
        t,
        residual,
        err,
        channel,
        n_channels,
        0.5,
        visit_t,
        visit_end,
        visit_r,
        visit_var,
        visit_channel,
    )
    found, statistics = np.empty((64, 3), np.int64), np.empty((64, 4))
    red = np.empty(len(DURATIONS))
    ladder = [np.empty((len(DURATIONS), m), np.int32) for _ in range(3)]
    visits.build_ladder(visit_t[:m], visit_channel[:m], DURATIONS, *ladder)
    k = windows.search_star(
        visit_t[:m], visit_r[:m], visit_var[:m], visit_channel[:m], n_channels, sign, DURATIONS,
        *ladder, *options.values(), found, statistics, red,
    )  # fmt: skip
    span = np.column_stack([visit_t[found[:k, 0]], visit_t[found[:k, 1] - 1]])
    return span, statistics[:k], red


def quiet(rng, n=1000, n_channels=4, noise=0.02):
    t = np.sort(rng.uniform(0, 3000, n))
    t = t[(t % 365.25) < 240]
    channel = rng.integers(0, n_channels, len(t)).astype(np.int32)
    return t, noise * rng.standard_normal(len(t)), np.full(len(t), noise), channel


def test_visits_are_medians_of_one_channel_in_one_night(rng):
    t = np.array([0.0, 0.001, 0.002, 0.003, 1.0, 1.2, 5.0])
    channel = np.array([0, 0, 1, 0, 0, 0, 1], np.int32)
    r = np.array([1.0, 9.0, 5.0, 2.0, 3.0, 4.0, 7.0])
    out = [np.empty(7) for _ in range(4)]
    visit_channel = np.empty(7, np.int32)
    m = visits.collapse_visits(t, r, np.full(7, 0.5), channel, 2, 0.5, *out, visit_channel)
    assert m == 4
    np.testing.assert_array_equal(out[0][:m], [0.0, 0.002, 1.0, 5.0])
    np.testing.assert_array_equal(out[1][:m], [0.003, 0.002, 1.2, 5.0])
    np.testing.assert_array_equal(out[2][:m], [2.0, 5.0, 3.5, 7.0])
    np.testing.assert_allclose(out[3][:m], [0.25 / 3, 0.25, 0.25 / 2, 0.25])
    np.testing.assert_array_equal(visit_channel[:m], [0, 1, 0, 1])


@pytest.mark.parametrize("n_durations", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [1, 2, 300])
def test_windows_end_where_their_duration_does(rng, n, n_durations):
    t = np.sort(np.round(rng.uniform(0, 900, n), 1))  # some at the same time, some just at the edge
    channel = rng.integers(0, 3, n).astype(np.int32)
    durations = np.sort(rng.uniform(1, 400, n_durations)).round(1)
    end, sample, seen = (np.full((n_durations, n + 5), -7, np.int32) for _ in range(3))
    visits.build_ladder(t, channel, durations, end, sample, seen)
    for d, duration in enumerate(durations):
        expected = [int((t <= start + duration).sum()) for start in t]
        assert end[d, :n].tolist() == expected
        assert (end[d, n:] == -7).all()
        k = 0
        while k < n and sample[d, k] >= 0:
            inside = channel[sample[d, k] : end[d, sample[d, k]]]
            assert seen[d, k] == len(np.unique(inside))
            k += 1
        assert k >= 1


def test_mirroring_exchanges_dips_and_brightenings(rng):
    t, r, err, channel = quiet(rng)
    r[(t > 800) & (t < 840)] += 0.1
    r[(t > 1600) & (t < 1606)] -= 0.3
    for sign in (1.0, -1.0):
        span, statistics, _ = search(t, r, err, channel, sign)
        mirrored_span, mirrored, _ = search(t, -r, err, channel, -sign)
        assert len(span) == 1
        np.testing.assert_array_equal(span, mirrored_span)
        np.testing.assert_array_equal(statistics, mirrored)


def test_window_statistics_equal_plain_sums(rng):
    """Camera means weighted by 1/(σ²/N + camera²), and the correlated part that does not average."""
    _, r, err, channel = quiet(rng, n=60)
    variance = err**2 * rng.uniform(0.5, 2, len(r))
    sums, weights = windows._channel_sums(r, variance, channel, 4)
    a, b, camera_var, red_var = 5, 30, 1e-5, 4e-5
    full, without, depth, depth_var, seen = windows._window_statistics(
        a, b, sums, weights, camera_var, red_var, 1.0
    )
    mean, weight = [], []
    for c in np.unique(channel[a:b]):
        inside = channel[a:b] == c
        w = 1 / variance[a:b][inside]
        mean.append(np.sum(w * r[a:b][inside]) / w.sum())
        weight.append(1 / (1 / w.sum() + camera_var))
    mean, weight = np.array(mean), np.array(weight)
    assert seen == len(mean)
    assert depth == pytest.approx(np.average(mean, weights=weight), rel=1e-9)
    assert depth_var == pytest.approx(1 / weight.sum() + red_var, rel=1e-9)
    assert full == pytest.approx(depth / np.sqrt(depth_var), rel=1e-9)
    rest = np.arange(len(mean)) != np.argmax(mean * np.sqrt(weight))
    expected = np.average(mean[rest], weights=weight[rest]) / np.sqrt(1 / weight[rest].sum() + red_var)
    assert without == pytest.approx(expected, rel=1e-9)


def test_white_noise_raises_no_event(rng):
    assert sum(len(search(*quiet(rng), sign)[0]) for _ in range(100) for sign in (1.0, -1.0)) == 0


def test_heavy_tails_of_single_visits_raise_no_event(rng):
    found = 0
    for _ in range(60):
        t, r, err, channel = quiet(rng)
        r += 0.01 * rng.standard_t(3, len(r))
        found += len(search(t, r, err, channel)[0])
    assert found == 0


def test_correlated_noise_is_measured_and_raises_no_event(rng):
    """A damped random walk as strong as the white noise: the ladder's red noise must follow it."""
    found, measured = 0, []
    for _ in range(40):
        t, r, err, channel = quiet(rng, n=3000)
        walk = np.zeros(len(t))
        for i in range(1, len(t)):
            f = np.exp(-(t[i] - t[i - 1]) / 30.0)
            walk[i] = f * walk[i - 1] + np.sqrt(1 - f * f) * 0.02 * rng.standard_normal()
        span, _, red = search(t, r + walk, err, channel)
        found += len(span)
        measured.append(red[3])
    # A 12 d mean of a 30 d random walk keeps 0.94 of its standard deviation.
    assert np.median(measured) == pytest.approx(0.0187, rel=0.2)
    assert found <= 1


@pytest.mark.parametrize(("days", "depth"), [(3.0, 0.3), (20.0, 0.1), (150.0, 0.05), (400.0, 0.05)])
def test_dips_are_found_where_they_are(rng, days, depth):
    for _ in range(10):
        t, r, err, channel = quiet(rng)
        inside = (t > 760) & (t < 760 + days)
        if inside.sum() < 3 or len(np.unique(channel[inside])) < 2:
            continue
        r[inside] += depth
        span, statistics, _ = search(t, r, err, channel)
        assert len(span) == 1
        assert span[0, 0] >= 760 - 0.3 * days - 3
        assert span[0, 1] <= 760 + 1.3 * days + 3
        assert statistics[0, 2] == pytest.approx(min(depth, 8 * 0.02), rel=0.35)


def test_one_camera_gone_wrong_is_no_event(rng):
    t, r, err, channel = quiet(rng)
    r[(channel == 2) & (t > 760) & (t < 860)] += 0.3
    assert len(search(t, r, err, channel)[0]) == 0


def test_lone_camera_needs_more(rng):
    t, r, err, channel = quiet(rng, n_channels=1)
    channel[t > 1500] = rng.integers(1, 4, np.sum(t > 1500))
    inside = (t > 760) & (t < 772)
    r[inside] += 0.25
    assert len(search(t, r, err, channel)[0]) == 1
    assert len(search(t, r, err, channel, lone_threshold=50.0)[0]) == 0


def test_neighbouring_windows_without_recovery_are_one_event(rng):
    t, r, err, channel = quiet(rng)
    inside = (t > 740) & (t < 960)
    r[inside] += 0.4 * np.exp(-0.5 * ((t[inside] - 850) / 50) ** 2)
    span, _, _ = search(t, r, err, channel)
    assert len(span) == 1
