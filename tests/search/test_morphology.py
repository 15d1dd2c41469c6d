"""Shapes of purpose-built events whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.kernels import profiles as p
from malca.kernels.event_shape import MAX_BINS
from malca.search.morphology import fit_events
from malca.search.points import UsablePoints
from malca.search.recurrence import recurrence
from malca.search.score import score_stars

T0, SIGMA = 2458200.0, 0.02


def batch(times, rng, n_cameras=3):
    """Usable points of stars at the given times, spread over cameras of one band."""
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in times])]).astype(np.int64)
    n = offsets[-1]
    camera = rng.integers(0, n_cameras, n).astype(np.int16)
    return UsablePoints(
        offsets=offsets,
        jd=np.concatenate(times),
        mag=np.full(n, 13.0),
        mag_err=np.full(n, SIGMA),
        channel=camera.astype(np.int32),
        band=np.zeros(n, np.int8),
        camera=camera,
        n_channels=np.full(len(times), n_cameras, np.int32),
        index=np.arange(n),
    )


def survey(rng, n_stars=25, span=400.0, n_points=350):
    return [np.sort(rng.uniform(T0 - span / 2, T0 + span / 2, n_points)) for _ in range(n_stars)]


def measure(times, signal, rng, sign=1, start=-15.0, end=20.0, noise=SIGMA, **options):
    """One event a star: ``signal(t)`` is the magnitude change, fainter positive."""
    points = batch(times, rng)
    residual = signal(points.jd) + rng.normal(0.0, noise, len(points.jd))
    n = len(times)
    return fit_events(
        points,
        residual,
        np.full(len(points.jd), SIGMA),
        np.arange(n),
        np.full(n, sign),
        np.full(n, T0 + start),
        np.full(n, T0 + end),
        **options,
    )


def gaussian(t):
    return 0.4 * p.gaussian_profile(t, T0, 8.0)


def skew_normal(t):
    return 0.4 * p.skew_normal_profile(t, T0 - 5.0, 15.0, 5.0)


def fred(t):
    return 0.4 * p.fred_profile(t, T0 - 3.0, 1.5, 20.0)


def paczynski(t):
    return -p.paczynski_profile(t, T0, 20.0, p.paczynski_u0(0.6))


TRUTHS = {
    "gaussian": (gaussian, 1, 0.4, T0, 8.0, p.gaussian_fwhm(8.0)),
    "skew_normal": (
        skew_normal, 1, 0.4, p.skew_normal_peak_time(T0 - 5.0, 15.0, 5.0), 15.0,
        p.skew_normal_fwhm(15.0, 5.0),
    ),
    "fred": (fred, 1, 0.4, T0 - 3.0, 20.0, p.fred_fwhm(1.5, 20.0)),
    "paczynski": (paczynski, -1, 0.6, T0, 20.0, p.paczynski_fwhm(20.0, p.paczynski_u0(0.6))),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUTHS)
def test_true_family_wins_and_its_parameters_return(name, rng):
    signal, sign, amplitude, peak, width, fwhm = TRUTHS[name]
    events = measure(survey(rng), signal, rng, sign)
    assert (events["morphology"] == name).mean() >= 0.84
    won = events[events["morphology"] == name]
    assert (won["delta_bic"] > 100).all()
    assert won["amp_mag"].median() == pytest.approx(amplitude, rel=0.03)
    assert won["depth_mag"].median() == pytest.approx(amplitude, rel=0.06)
    assert won["t0_jd"].median() == pytest.approx(peak, abs=0.5)
    assert won["width_days"].median() == pytest.approx(width, rel=0.05)
    assert won["fwhm_days"].median() == pytest.approx(fwhm, rel=0.05)
    assert won["reduced_chi2"].median() == pytest.approx(1.0, abs=0.1)
    assert (events["kind"] == ("dip" if sign > 0 else "jump")).all()
    assert (events["cameras_confirming"] == "0,1,2").all()
    assert (events["bands"] == "g").all()


def test_symmetry_of_symmetric_and_skewed_events(rng):
    even = measure(survey(rng), gaussian, rng)
    assert abs(even["symmetry_score"].median()) < 1.0
    assert even["symmetry_score"].std() < 3.0
    late = measure(survey(rng), fred, rng)
    assert late["symmetry_score"].median() < -10
    assert late["asymmetry"].median() == pytest.approx(18.5 / 21.5, abs=0.05)
    assert late["skewness"].median() == pytest.approx(p.fred_skewness(1.5, 20.0), abs=0.05)
    mirrored = measure(survey(rng), lambda t: skew_normal(2 * T0 - t), rng, start=-20.0, end=15.0)
    assert mirrored["symmetry_score"].median() > 5
    assert mirrored["skew_alpha"].median() == pytest.approx(-5, abs=1.0)


def test_noise_is_flat(rng):
    events = measure(survey(rng, 60), np.zeros_like, rng)
    assert (events["morphology"] == "flat").mean() > 0.95
    flat = events[events["morphology"] == "flat"]
    assert flat[["amp_mag", "t0_jd", "fwhm_days", "symmetry_score"]].isna().all(axis=None)
    assert (flat["delta_bic"] < 10).all()
    assert flat["fit_dof"].min() > 0


def test_noise_never_outscores_a_clear_dip(rng):
    """Short noise windows with few points once scored +20 through exact fits."""
    times = survey(rng, 150, n_points=160)
    noise = pd.concat(
        [
            measure(times, np.zeros_like, rng, start=-half, end=half, min_delta_bic=0.0)
            for half in (0.5, 3.0, 10.0)
        ]
    )
    dips = measure(survey(rng), gaussian, rng)
    best_noise = score_stars(noise)["dipper_score"].max()
    assert np.isfinite(best_noise)
    assert best_noise < score_stars(dips)["dipper_score"].min() - 0.5


@pytest.mark.parametrize("n_epochs", [1, 2, 3])
def test_few_epochs_never_choose_a_shape_but_have_a_depth(n_epochs, rng):
    quiet = np.concatenate([T0 - np.arange(2.0, 40.0), T0 + np.arange(3.0, 40.0)])
    inside = T0 + 0.4 * np.arange(n_epochs)
    times = [np.sort(np.concatenate([quiet, inside]))]
    events = measure(
        times, lambda t: np.where(np.abs(t - T0) < 1.5, 0.5, 0.0), rng, start=-0.1, end=1.4
    )
    row = events.iloc[0]
    assert row["morphology"] == "undetermined"
    assert row["fit_note"] == "undersampled"
    assert row["n_points"] == n_epochs
    assert row["depth_mag"] == pytest.approx(0.5, abs=0.06)
    assert np.isnan(row["delta_bic"])
    assert np.isnan(score_stars(events)["dipper_score"]).all()


def test_exact_fits_never_win(rng):
    for n in range(1, 5):
        events = measure([T0 + np.arange(float(n))], gaussian, rng, start=-0.5, end=n)
        assert events.loc[0, "morphology"] in ("flat", "undetermined")
        assert np.isfinite(events.loc[0, "depth_mag"])


def test_depth_is_not_extrapolated_into_a_gap(rng):
    times = [t[np.abs(t - T0) > 6.0] for t in survey(rng, 10)]
    events = measure(times, lambda t: p.gaussian_profile(t, T0, 3.0), rng, start=-9.0, end=9.0)
    sampled = np.exp(-0.5 * (6.0 / 3.0) ** 2)
    assert (events["depth_mag"] < sampled + 3 * SIGMA).all()


def test_edges_cut_by_gaps_and_by_the_data(rng):
    t = T0 + np.concatenate([np.arange(-60.0, -30.0), np.arange(0.0, 30.0)])
    points = batch([t], rng)
    residual, sigma = np.zeros(60), np.full(60, SIGMA)
    flags = ["cut_by_gap_start", "cut_by_gap_end", "cut_by_data_start", "cut_by_data_end"]

    def cuts(start, end):
        interval = np.array([T0 + start]), np.array([T0 + end])
        return list(fit_events(points, residual, sigma, [0], [1], *interval).loc[0, flags])

    assert cuts(0, 5) == [True, False, False, False]
    assert cuts(-36, -31) == [False, True, False, False]
    assert cuts(-60, -50) == [False, False, True, False]
    assert cuts(20, 29) == [False, False, False, True]
    assert cuts(-50, -40) == [False, False, False, False]
    assert cuts(-60, 29) == [False, False, True, True]


def test_cameras_are_judged_one_by_one(rng):
    points = batch([np.sort(T0 + rng.uniform(-60, 60, 300))], rng)
    residual = rng.normal(0.0, SIGMA, 300)
    inside = np.abs(points.jd - T0) < 10
    residual[inside & (points.camera == 1)] += 0.3
    event = [0], [1], [T0 - 10], [T0 + 10]
    names = ["ba", "bb", "bc"]
    row = fit_events(points, residual, np.full(300, SIGMA), *event, cameras=names).loc[0]
    assert row["cameras"] == "ba,bb,bc"
    assert row["cameras_confirming"] == "bb"
    assert (row["n_cameras"], row["n_cameras_confirming"], row["n_channels"]) == (3, 1, 3)
    assert row["n_points"] == inside.sum()


def test_neighbouring_events_do_not_disturb_each_other(rng):
    times = survey(rng, 1, n_points=700)
    points = batch(times, rng)
    both = gaussian(points.jd) + 0.6 * p.gaussian_profile(points.jd, T0 + 50.0, 4.0)
    residual = both + rng.normal(0, SIGMA, len(points.jd))
    events = fit_events(
        points,
        residual,
        np.full(len(residual), SIGMA),
        [0, 0],
        [1, 1],
        np.array([T0 - 25, T0 + 40]),
        np.array([T0 + 25, T0 + 60]),
    )
    assert list(events["morphology"]) == ["gaussian", "gaussian"]
    np.testing.assert_allclose(events["fwhm_days"], p.GAUSSIAN_FWHM * np.array([8, 4]), rtol=0.1)
    repeats = recurrence(events).loc[0]
    assert repeats["spacing_median_days"] == pytest.approx(50, abs=1.0)


def test_long_events_are_binned_without_loss(rng):
    t = np.sort(T0 + rng.uniform(-1500, 1500, 6000))
    events = measure([t], lambda t: 0.3 * p.gaussian_profile(t, T0, 150.0), rng, start=-350, end=350)
    row = events.loc[0]
    assert row["morphology"] == "gaussian"
    assert row["n_fit_points"] > 2000
    assert row["n_epochs"] <= MAX_BINS
    assert row["amp_mag"] == pytest.approx(0.3, abs=0.01)
    assert row["fwhm_days"] == pytest.approx(p.gaussian_fwhm(150.0), rel=0.03)
    assert row["reduced_chi2"] == pytest.approx(1.0, abs=0.1)


def test_threads_change_nothing(rng):
    times = survey(rng, 12)
    points = batch(times, rng)
    residual = gaussian(points.jd) + rng.normal(0, SIGMA, len(points.jd))
    n = len(times)
    columns = np.arange(n), np.ones(n), np.full(n, T0 - 15), np.full(n, T0 + 20)
    arguments = points, residual, np.full(len(residual), SIGMA), *columns
    pd.testing.assert_frame_equal(fit_events(*arguments), fit_events(*arguments, workers=3))


def test_odd_events_are_recorded_not_raised(rng):
    points = batch([T0 + np.arange(30.0), T0 + np.arange(3.0)], rng)
    residual, sigma = rng.normal(0, SIGMA, 33), np.full(33, SIGMA)
    residual[:5], sigma[5:8] = np.nan, 0.0
    start = T0 + np.array([5.0, np.nan, -400.0, 0.0, 0.0, 6.2])
    end = T0 + np.array([1.0, 3.0, -390.0, 2.0, 4.0, 6.4])
    events = fit_events(points, residual, sigma, [0, 0, 0, 1, 0, 0], [1, -1, 1, -1, 1, 1], start, end)
    assert list(events["fit_note"]) == [
        "invalid interval",
        "invalid interval",
        "no points",
        "too few epochs",
        "no points",
        "no points",
    ]
    assert (events["morphology"] == "undetermined").all()
    assert len(score_stars(events)) == 2


def test_wrong_arguments_are_refused(rng):
    points = batch([T0 + np.arange(5.0)], rng)
    good = np.zeros(5), np.ones(5)
    with pytest.raises(ValueError, match="within the 1 stars"):
        fit_events(points, *good, [1], [1], [T0], [T0 + 1])
    with pytest.raises(ValueError, match="kind_sign"):
        fit_events(points, *good, [0], [2], [T0], [T0 + 1])
    with pytest.raises(ValueError, match="equally long"):
        fit_events(points, *good, [0], [1], [T0], [])
    with pytest.raises(ValueError, match="hold the 5 points"):
        fit_events(points, np.zeros(4), np.ones(5), [0], [1], [T0], [T0 + 1])


def test_no_events_keep_the_types(rng):
    times = survey(rng, 1)
    full = measure(times, gaussian, rng)
    points = batch(times, rng)
    n = len(points.jd)
    empty = fit_events(points, np.zeros(n), np.ones(n), [], [], [], [])
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)
    no_stars = batch([np.empty(0)], rng)
    assert len(fit_events(no_stars, np.empty(0), np.empty(0), [], [], [], [])) == 0
