"""Reading ``.dat2`` in one thread against ``pandas.read_csv(sep=r"\\s+")``, files included.

Run with ``pytest benchmarks/test_packing_bench.py --benchmark-only``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.datasets.dat2 import read_dat2
from malca.datasets.readers import read_lightcurves

N_FILES = 100
COLUMNS = ["jd", "mag", "mag_err", "good", "camera", "band", "saturated", "cam_field"]


@pytest.fixture(scope="module")
def dat2_files(tmp_path_factory):
    """Files as long as real ones: 849 to 4,530 points."""
    rng = np.random.default_rng(11)
    folder = tmp_path_factory.mktemp("dat2")
    paths = []
    for star in range(N_FILES):
        n = int(rng.integers(849, 4530))
        jd = np.sort(rng.uniform(6200.0, 10850.0, n))
        camera = rng.integers(0, 12, n)
        lines = [
            f"{t:12.6f} {m:8.4f} {e:7.4f} {g:d} {c:2d} {c < 4:d} 0 b{'abcdijklmnop'[c]}/F{1000 + c % 5}"
            for t, m, e, g, c in zip(
                jd,
                rng.normal(13, 0.02, n),
                rng.uniform(0.005, 0.05, n),
                rng.random(n) < 0.9,
                camera,
                strict=True,
            )
        ]
        path = folder / f"{8589934592 + star}.dat2"
        path.write_text("\n".join(lines) + "\n")
        paths.append(path)
    return paths


def with_pandas(paths):
    return [pd.read_csv(path, sep=r"\s+", header=None, names=COLUMNS) for path in paths]


def with_malca(paths):
    return [read_dat2(path) for path in paths]


@pytest.mark.benchmark(group="read .dat2")
def test_pandas(benchmark, dat2_files):
    frames = benchmark.pedantic(with_pandas, (dat2_files,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["points"] = sum(map(len, frames))


@pytest.mark.benchmark(group="read .dat2")
def test_malca(benchmark, dat2_files):
    curves = benchmark.pedantic(with_malca, (dat2_files,), rounds=20, warmup_rounds=1)
    for curve, frame in zip(curves, with_pandas(dat2_files), strict=True):
        np.testing.assert_allclose(curve.jd, frame["jd"] + 2_450_000, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(curve.mag, frame["mag"].to_numpy(np.float32))


@pytest.mark.benchmark(group="read .dat2")
def test_malca_batch(benchmark, dat2_files):
    lightcurves = benchmark.pedantic(
        read_lightcurves, (dat2_files,), {"workers": 1}, rounds=20, warmup_rounds=1
    )
    assert len(lightcurves) == N_FILES
    assert lightcurves.failures.empty
