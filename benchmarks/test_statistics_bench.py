"""Statistics of a batch of stars, one thread, against a numpy and scipy reference for a few of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from malca.lightcurves import STAR_DTYPES, Camera, LightCurves
from malca.search.statistics import star_statistics

N_STARS, N_POINTS = 100, 1900


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(7)
    n = N_STARS * N_POINTS
    jd = np.sort(
        2457000.5
        + rng.integers(0, 3300, (N_STARS, N_POINTS))
        + rng.uniform(0, 0.4, (N_STARS, N_POINTS))
    )
    camera = rng.integers(0, 8, n).astype(np.int16)
    stars = {name: pd.array([None] * N_STARS, dtype=dtype) for name, dtype in STAR_DTYPES.items()}
    return LightCurves(
        stars=pd.DataFrame(stars),
        offsets=np.arange(N_STARS + 1) * N_POINTS,
        jd=jd.ravel(),
        mag=rng.normal(13 + 0.05 * camera, 0.03).astype(np.float32),
        mag_err=rng.uniform(0.02, 0.04, n).astype(np.float32),
        camera=camera,
        band=(camera > 5).astype(np.int8),
        good=np.ones(n, bool),
        saturated=np.zeros(n, bool),
        field=np.zeros(n, np.int16),
        cameras=tuple(Camera(f"b{c}") for c in range(8)),
    )


@pytest.mark.benchmark(group="statistics of 100 stars of 1900 points")
def test_all_statistics(benchmark, batch):
    table = benchmark(star_statistics, batch)
    assert table["skewness"].iloc[0] == pytest.approx(numpy_reference(batch)[0][9])


@pytest.mark.benchmark(group="statistics of 100 stars of 1900 points")
def test_twelve_statistics_numpy_and_scipy(benchmark, batch):
    benchmark.pedantic(numpy_reference, (batch,), rounds=3)


def numpy_reference(batch):
    rows = []
    for i in range(len(batch)):
        star = batch.star(i)
        mag, key = star.mag.astype(float), star.camera * 2 + star.band
        residual = np.empty(len(mag))
        for channel in np.unique(key):
            mine = key == channel
            residual[mine] = mag[mine] - np.median(mag[mine])
        weight = star.mag_err.astype(float) ** -2
        rows.append(
            [
                residual.mean(),
                residual.std(ddof=1),
                np.average(residual, weights=weight),
                *np.percentile(residual, [5, 16, 50, 84, 95]),
                stats.median_abs_deviation(residual),
                stats.skew(residual),
                stats.kurtosis(residual),
                (np.diff(residual) ** 2).mean() / residual.var(ddof=1),
            ]
        )
    return rows
