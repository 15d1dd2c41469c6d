"""Each family against its definition, channel by channel."""

from __future__ import annotations

import celerite2
import numpy as np
import pytest
from celerite2 import terms
from pydantic import TypeAdapter, ValidationError
from scipy.stats import median_abs_deviation

from malca.datasets.readers import read_lightcurves
from malca.search.baseline import (
    FITTERS,
    Baseline,
    GpParameters,
    MaskedGpParameters,
    MedianParameters,
    OuPairKernel,
    ShoKernel,
    ShoSigmaKernel,
    TrendParameters,
    complete_baseline,
    fit_baseline,
)
from malca.search.points import UsablePoints, usable_points


def make_points(stars):
    """Batch from a list of (jd, mag, mag_err, channel)."""
    lengths = [len(star[0]) for star in stars]
    jd, mag, err, channel = (np.concatenate(column) for column in zip(*stars, strict=True))
    n_channels = [int(star[3].max()) + 1 if len(star[3]) else 0 for star in stars]
    return UsablePoints(
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        jd=jd,
        mag=mag,
        mag_err=err,
        channel=channel.astype(np.int32),
        band=np.zeros(len(jd), np.int8),
        camera=channel.astype(np.int16),
        n_channels=np.array(n_channels, np.int32),
        index=np.arange(len(jd)),
    )


def make_star(rng, n, n_channels):
    jd = np.sort(2458000 + rng.uniform(0, 1500, n))
    channel = rng.integers(0, n_channels, n)
    _, first = np.unique(channel, return_index=True)
    channel = np.argsort(np.argsort(first))[np.searchsorted(np.unique(channel), channel)]
    err = rng.uniform(0.01, 0.03, n)
    mag = 13.0 + 0.1 * channel + 0.05 * np.sin(jd / 150) + err * rng.standard_normal(n)
    return jd, mag, err, channel


@pytest.fixture
def points(rng):
    shapes = [(300, 3), (0, 1), (5, 2), (120, 1), (1, 1), (400, 6)]
    return make_points([make_star(rng, n, k) for n, k in shapes])


def channels(points):
    for star in range(len(points)):
        a, b = points.offsets[star : star + 2]
        for c in range(points.n_channels[star]):
            yield star, a + np.flatnonzero(points.channel[a:b] == c)


FAMILIES = [GpParameters(), MaskedGpParameters(), TrendParameters(), MedianParameters()]


@pytest.mark.parametrize(
    ("kernel", "term"),
    [
        (ShoKernel(), terms.SHOTerm(S0=0.0005, w0=np.pi / 1000, Q=0.7)),
        (ShoKernel(q=0.2), terms.SHOTerm(S0=0.0005, w0=np.pi / 1000, Q=0.2)),
        (ShoSigmaKernel(sigma_mag=0.1, rho_days=300), terms.SHOTerm(sigma=0.1, rho=300, Q=0.7)),
        (
            OuPairKernel(),
            terms.RealTerm(a=0.02**2, c=1 / 50) + terms.RealTerm(a=0.05**2, c=1 / 1000),
        ),
    ],
)
def test_gp_is_that_of_celerite2_channel_by_channel(points, kernel, term):
    baseline = fit_baseline(points, GpParameters(kernel=kernel))
    for _, part in channels(points):
        t, y = points.jd[part], points.mag[part]
        if len(part) < 10:
            np.testing.assert_array_equal(baseline.mean[part], np.median(y))
            np.testing.assert_array_equal(baseline.variance[part], 1.0)
            continue
        gp = celerite2.GaussianProcess(term, mean=np.median(y))
        gp.compute(t - t[0], diag=points.mag_err[part] ** 2 + 0.006**2)
        mean, variance = gp.predict(y, return_var=True)
        np.testing.assert_allclose(baseline.mean[part], mean, rtol=0, atol=1e-9)
        np.testing.assert_allclose(baseline.variance[part], variance, rtol=0, atol=1e-9)


@pytest.mark.real_data
def test_gp_of_real_curves_is_that_of_celerite2(real_data):
    curves = read_lightcurves(sorted((real_data / "skypatrol2").glob("*.csv")))
    points = usable_points(curves)
    baseline = fit_baseline(points, GpParameters())
    n_fitted = 0
    for _, part in channels(points):
        t, y = points.jd[part], points.mag[part]
        if len(part) >= 10:
            gp = celerite2.GaussianProcess(
                terms.SHOTerm(S0=0.0005, w0=np.pi / 1000, Q=0.7), mean=np.median(y)
            )
            gp.compute(t - t[0], diag=points.mag_err[part] ** 2 + 0.006**2)
            mean, variance = gp.predict(y, return_var=True)
            np.testing.assert_allclose(baseline.mean[part], mean, rtol=0, atol=1e-9)
            np.testing.assert_allclose(baseline.variance[part], variance, rtol=0, atol=1e-9)
            n_fitted += 1
    assert n_fitted > 50


def test_gp_about_the_weighted_mean(points):
    kernel = ShoSigmaKernel(sigma_mag=1e-8, rho_days=10)  # too stiff to leave its mean
    baseline = fit_baseline(points, GpParameters(kernel=kernel, level="weighted", jitter_mag=0.01))
    for _, part in channels(points):
        if len(part) >= 10:
            weights = 1 / (points.mag_err[part] ** 2 + 0.01**2)
            expected = np.average(points.mag[part], weights=weights)
            np.testing.assert_allclose(baseline.mean[part], expected, atol=1e-9)


def test_masked_gp_keeps_a_long_dip_out_of_the_baseline(rng):
    jd, mag, err, channel = make_star(rng, 600, 2)
    mag -= 0.05 * np.sin(jd / 150)
    dip = (jd > 2458600) & (jd < 2458700)
    points = make_points([(jd, mag + 0.5 * dip, err, channel)])
    truth = 13.0 + 0.1 * channel
    kernel = ShoSigmaKernel(sigma_mag=0.1, rho_days=500)
    plain = fit_baseline(points, GpParameters(kernel=kernel))
    masked = fit_baseline(points, MaskedGpParameters(kernel=kernel))
    assert np.median((plain.mean - truth)[dip]) > 0.1
    assert np.abs((masked.mean - truth)[dip]).max() < 0.05
    brighter = make_points([(jd, mag - 0.5 * dip, err, channel)])
    unmasked = fit_baseline(brighter, MaskedGpParameters(kernel=kernel))
    assert np.median((unmasked.mean - truth)[dip]) < -0.1


def test_mask_takes_faint_points_and_their_neighbours(rng):
    """Exactly the points by the rule: the fit equals one to the others alone."""
    jd = 2458000 + np.arange(200.0)
    mag, err = 13 + 0.02 * rng.standard_normal(200), np.full(200, 0.02)
    mag[[50, 120]] += 1.0
    parameters = MaskedGpParameters(mask_sigma=6, mask_padding_days=2)
    masked = fit_baseline(make_points([(jd, mag, err, np.zeros(200, int))]), parameters)
    used = (np.abs(jd - jd[50]) > 2) & (np.abs(jd - jd[120]) > 2)
    assert used.sum() == 190
    alone = (jd[used], mag[used], err[used], np.zeros(190, int))
    other = fit_baseline(make_points([alone]), GpParameters())
    np.testing.assert_allclose(masked.mean[used], other.mean, atol=1e-12)
    np.testing.assert_allclose(masked.variance[used], other.variance, atol=1e-12)


def test_channel_masked_altogether_is_sparse(rng):
    mag = 13 + 0.02 * rng.standard_normal(20)
    mag[10] += 1
    star = (2458000 + np.arange(20.0), mag, np.full(20, 0.02), np.zeros(20, int))
    baseline = fit_baseline(make_points([star]), MaskedGpParameters(mask_padding_days=100))
    np.testing.assert_array_equal(baseline.mean, np.median(mag))
    np.testing.assert_array_equal(baseline.variance, 1.0)


def test_median(points):
    baseline = fit_baseline(points, MedianParameters(min_points_per_channel=3))
    for _, part in channels(points):
        y = points.mag[part]
        np.testing.assert_array_equal(baseline.mean[part], np.median(y))
        scatter = median_abs_deviation(y, scale="normal")
        expected = np.pi / 2 * scatter**2 / len(y) if len(y) >= 3 else 1.0
        np.testing.assert_allclose(baseline.variance[part], expected, rtol=1e-12)


def test_trend_sees_only_the_past(points):
    """By the definition, point by point."""
    parameters = TrendParameters(long_window_days=300, short_window_days=60, min_window_points=4)
    baseline = fit_baseline(points, parameters)

    def past_median(t, y, i, window, fallback):
        seen = y[(t >= t[i] - window) & (t < t[i] - 0.5)]
        return np.median(seen) if len(seen) >= 4 else fallback

    for _, part in channels(points):
        t, y = points.jd[part], points.mag[part]
        if len(part) < 10:
            np.testing.assert_array_equal(baseline.mean[part], np.median(y))
            continue
        slow = np.array([past_median(t, y, i, 300, np.median(y)) for i in range(len(t))])
        fast = np.array([past_median(t, y - slow, i, 60, 0.0) for i in range(len(t))])
        np.testing.assert_allclose(baseline.mean[part], slow + fast, atol=1e-12)
        assert (baseline.variance[part] > 0).all()


def test_trend_before_a_dip_does_not_know_of_it(rng):
    jd = 2458000 + np.arange(600.0)
    mag, err = 13 + 0.02 * rng.standard_normal(600), np.full(600, 0.02)
    dip = (jd >= jd[300]) & (jd < jd[420])
    star = (jd, mag + 0.5 * dip, err, np.zeros(600, int))
    mean = fit_baseline(make_points([star]), TrendParameters()).mean
    assert np.abs(mean[:300] - 13).max() < 0.05
    assert np.abs(mean[300:320] - 13).max() < 0.05


@pytest.mark.parametrize("parameters", FAMILIES, ids=lambda p: p.family)
def test_uncertainty_adds_error_floor_and_variance(points, parameters):
    baseline = fit_baseline(points, parameters)
    floor = np.repeat(baseline.floor, np.diff(points.offsets))
    expected = np.sqrt(points.mag_err**2 + floor**2 + baseline.variance)
    np.testing.assert_allclose(baseline.sigma_eff, expected, rtol=1e-12)
    given = fit_baseline(points, parameters.model_copy(update={"sigma_floor_mag": 0.03}))
    np.testing.assert_array_equal(given.floor, 0.03)
    np.testing.assert_array_equal(given.mean, baseline.mean)


def test_floor_is_the_scatter_errors_do_not_explain(rng):
    n = 4000
    jd, err = 2458000 + np.sort(rng.uniform(0, 3000, n)), np.full(n, 0.02)
    noise = np.hypot(0.02, 0.03) * rng.standard_normal(n)
    noise[:40] += 2.0  # an event is no scatter
    calm = 0.01 * rng.standard_normal(n)  # errors overestimated: no floor
    none = np.zeros(n, int)
    points = make_points([(jd, 13 + noise, err, none), (jd, 13 + calm, err, none)])
    floor = fit_baseline(points, MedianParameters()).floor
    assert floor[0] == pytest.approx(0.03, rel=0.06)
    assert floor[1] == 0.0


def test_floor_ignores_sparse_channels_and_is_zero_without_others(points):
    floor = fit_baseline(points, MedianParameters()).floor
    assert floor[[1, 2, 4]].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("parameters", FAMILIES, ids=lambda p: p.family)
@pytest.mark.parametrize("workers", [2, 3])
def test_workers_do_not_change_the_result(rng, parameters, workers):
    points = make_points([make_star(rng, n, 3) for n in rng.integers(0, 80, 25)])
    one, many = fit_baseline(points, parameters), fit_baseline(points, parameters, workers)
    for name in ("mean", "variance", "sigma_eff", "floor"):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))
        assert np.isfinite(getattr(one, name)).all()


def test_empty_batch():
    none = np.empty(0)
    points = make_points([(none, none, none, none)])
    assert len(fit_baseline(points, GpParameters()).mean) == 0


def test_another_family_can_be_registered(points, monkeypatch):
    class Flat:
        family = "flat"

    def fit_flat(points, parameters, workers):
        assert isinstance(parameters, Flat)
        zero = np.zeros(len(points.mag))
        return complete_baseline(points, zero + 13.0, zero, workers=workers)

    with pytest.raises(ValueError, match="unknown baseline 'flat'"):
        fit_baseline(points, Flat())
    monkeypatch.setitem(FITTERS, "flat", fit_flat)
    assert isinstance(fit_baseline(points, Flat()), Baseline)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("jd", np.inf, "dates"), ("mag", np.nan, "dates"), ("mag_err", 0.0, "errors")],
)
def test_bad_points_are_refused(points, name, value, message):
    getattr(points, name)[7] = value
    with pytest.raises(ValueError, match=message):
        fit_baseline(points, MedianParameters())


def test_parameters_come_from_plain_tables_and_refuse_typing_errors():
    gp = TypeAdapter(GpParameters)
    chosen = gp.validate_python({"kernel": {"kind": "sho_sigma", "sigma_mag": 0.1, "rho_days": 90}})
    assert chosen.kernel == ShoSigmaKernel(sigma_mag=0.1, rho_days=90)
    for wrong in (
        {"jiter_mag": 0.1},
        {"jitter_mag": -1},
        {"jitter_mag": float("nan")},
        {"kernel": {"kind": "sho", "sigma_mag": 1}},
        {"family": "median"},
    ):
        with pytest.raises(ValidationError):
            gp.validate_python(wrong)
    with pytest.raises(ValidationError):
        chosen.jitter_mag = 0.1
