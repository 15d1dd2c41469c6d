import itertools

import numpy as np
import pytest
from scipy import stats

from malca.kernels import variability

WINDOW = 0.05


def measure(jd, mag, residual, mag_err, channel=None, band=None, file_jd=None, file_band=None):
    n = len(jd)
    channel = np.zeros(n, np.int32) if channel is None else channel
    band = np.zeros(n, np.int8) if band is None else band
    file_jd = jd if file_jd is None else file_jd
    file_band = band if file_band is None else file_band
    alignment = np.array([[(band == 0).sum(), (band == 1).sum(), np.nan, np.nan, np.nan]], float)
    out = np.empty((1, len(variability.VARIABILITY_COLUMNS)))
    variability.variability_statistics(
        0,
        1,
        np.array([0, n]),
        jd,
        mag,
        residual,
        mag_err,
        channel,
        band,
        np.array([channel.max() + 1], np.int32),
        alignment,
        np.array([0, len(file_jd)]),
        file_jd,
        file_band,
        WINDOW,
        out,
    )
    return dict(zip(variability.VARIABILITY_COLUMNS, out[0], strict=True))


@pytest.fixture
def noise(rng):
    jd = np.sort(rng.uniform(0, 1000, 500)) + 2458000
    mag_err = rng.uniform(0.01, 0.05, 500)
    return jd, rng.normal(0, mag_err), mag_err


def test_moments_and_scatter_match_scipy(noise):
    jd, r, err = noise
    row = measure(jd, r, r, err)
    mean = np.average(r, weights=err**-2)
    assert row["variability_reduced_chi2_vs_constant"] == pytest.approx(
        (((r - mean) / err) ** 2).sum() / 499
    )
    assert row["excess_variance_mag2"] == pytest.approx(r.var(ddof=1) - (err**2).mean())
    assert row["skewness"] == pytest.approx(stats.skew(r))
    assert row["excess_kurtosis"] == pytest.approx(stats.kurtosis(r))
    assert row["von_neumann_ratio"] == pytest.approx((np.diff(r) ** 2).mean() / r.var(ddof=1))
    assert row["lag1_autocorr"] == pytest.approx(np.corrcoef(r[:-1], r[1:])[0, 1])
    assert row["roms"] == pytest.approx((np.abs(r - np.median(r)) / err).sum() / 499)


def test_white_noise_has_the_values_theory_gives(noise):
    jd, r, err = noise
    row = measure(jd, r, r, err)
    assert row["von_neumann_ratio"] == pytest.approx(2.0, abs=0.3)
    assert row["variability_reduced_chi2_vs_constant"] == pytest.approx(1.0, abs=0.2)
    assert row["stetson_K"] == pytest.approx(np.sqrt(2 / np.pi), abs=0.03)


def plain_stetson(jd, r, err, band, file_jd, file_band):
    """Welch & Stetson (1993) and Stetson (1996), pair by pair."""
    delta = np.empty(len(r))
    for b in np.unique(band):
        mine = band == b
        n = mine.sum()
        mean = np.average(r[mine], weights=err[mine] ** -2)
        delta[mine] = np.sqrt(n / (n - 1)) * (r[mine] - mean) / err[mine]

    def groups(jd, band):
        for b in np.unique(band):
            group = []
            for i in np.flatnonzero(band == b):
                if group and jd[i] - jd[group[0]] > WINDOW:
                    yield group
                    group = []
                group.append(i)
            yield group

    products, weights, in_pair = [], [], []
    for group in groups(jd, band):
        if len(group) == 1:
            products.append(delta[group[0]] ** 2 - 1)
            weights.append(0.25)
            in_pair.append(False)
        for i, j in itertools.combinations(group, 2):
            products.append(delta[i] * delta[j])
            weights.append(2 / len(group))
            in_pair.append(True)
    p, w, pair = np.array(products), np.array(weights), np.array(in_pair)
    full = sum(0.25 if len(g) == 1 else len(g) - 1 for g in groups(file_jd, file_band))
    total = w[pair].sum()
    j = (w * np.sign(p) * np.sqrt(np.abs(p))).sum() / w.sum()
    k = np.abs(delta).mean() / np.sqrt((delta**2).mean())
    return {
        "stetson_I": (w * p)[pair].sum() / np.sqrt(total * (total - 1)),
        "stetson_J": j,
        "stetson_K": k,
        "stetson_L": j * k / 0.7978845608 * w.sum() / full,
        "stetson_pair_weight": total,
    }


def test_stetson_indices_match_their_definition(rng):
    visits = np.sort(rng.uniform(0, 300, 60))
    jd = np.sort(np.concatenate([v + 0.002 * np.arange(rng.integers(1, 5)) for v in visits]))
    band = rng.integers(0, 2, len(jd)).astype(np.int8)
    r, err = rng.normal(0, 0.05, len(jd)), rng.uniform(0.02, 0.04, len(jd))
    kept = rng.random(len(jd)) < 0.8
    row = measure(jd[kept], r[kept], r[kept], err[kept], None, band[kept], jd, band)
    for name, value in plain_stetson(jd[kept], r[kept], err[kept], band[kept], jd, band).items():
        assert row[name] == pytest.approx(value, rel=1e-8), name


def test_pairs_never_join_bands_or_distant_points(rng):
    r, err = rng.normal(0, 0.1, 40), np.full(40, 0.05)
    alternating = np.arange(40) % 2
    jd = np.repeat(np.arange(20.0), 2) + np.tile([0.0, 0.01], 20)
    assert measure(jd, r, r, err, None, alternating.astype(np.int8))["stetson_pair_weight"] == 0
    assert measure(jd, r, r, err)["stetson_pair_weight"] == 20
    apart = measure(np.arange(40) * 1.0, r, r, err)
    assert apart["stetson_pair_weight"] == 0
    assert np.isnan(apart["stetson_I"])


def test_correlated_pairs_raise_stetson_j(rng):
    jd = np.repeat(np.arange(200.0), 2) + np.tile([0.0, 0.003], 200)
    err = np.full(400, 0.02)
    white = rng.normal(0, 0.02, 400)
    varying = white + np.repeat(rng.normal(0, 0.06, 200), 2)
    assert abs(measure(jd, white, white, err)["stetson_J"]) < 0.2
    assert measure(jd, varying, varying, err)["stetson_J"] > 1.5


def test_trend_matches_scipy_for_one_channel(noise):
    jd, r, err = noise
    mag = 13 + 1e-4 * (jd - jd[0]) + r
    row, fit = measure(jd, mag, r, err), stats.linregress(jd - jd.mean(), mag)
    assert row["trend_slope_mag_per_day"] == pytest.approx(fit.slope)
    assert row["trend_slope_mag_per_year"] == pytest.approx(365.25 * fit.slope)
    assert row["trend_slope_sem_mag_per_year"] == pytest.approx(365.25 * fit.stderr)
    assert row["trend_intercept_mag"] == pytest.approx(fit.intercept)
    assert row["trend_epoch_jd"] == pytest.approx(jd.mean())
    assert row["trend_r2"] == pytest.approx(fit.rvalue**2)


def test_change_of_cameras_is_no_trend(noise):
    jd, r, err = noise
    channel = (jd > np.median(jd)).astype(np.int32)
    mag = 13 + 2e-4 * (jd - jd[0]) + 0.3 * channel + r
    design = np.column_stack([jd - jd.mean(), channel == 0, channel == 1]).astype(float)
    expected = np.linalg.lstsq(design, mag, rcond=None)[0][0]
    row = measure(jd, mag, r, err, channel)
    assert row["trend_slope_mag_per_day"] == pytest.approx(expected)
    assert row["trend_slope_mag_per_day"] == pytest.approx(2e-4, abs=3e-5)


def test_constant_magnitudes_have_no_moments():
    jd, err = np.arange(20.0), np.full(20, 0.01)
    row = measure(jd, np.full(20, 13.0), np.zeros(20), err)
    assert row["variability_reduced_chi2_vs_constant"] == 0
    assert row["trend_slope_mag_per_day"] == 0
    for name in ("skewness", "von_neumann_ratio", "lag1_autocorr", "stetson_K", "trend_r2"):
        assert np.isnan(row[name]), name
