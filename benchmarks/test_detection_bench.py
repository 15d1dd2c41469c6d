"""The whole search of real light curves beside the baseline of one camera at a time in celerite2.

Run with ``pytest benchmarks/test_detection_bench.py --benchmark-only -s`` to see the ratio too.
The real light curves are looked for in $MALCA_REAL_DATA, then in ``shared/data`` beside the
project.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import celerite2
import numpy as np
import pytest
from celerite2 import terms

import malca
from malca.search.points import UsablePoints, usable_points

S0, W0, Q, JITTER_MAG = 5e-4, np.pi / 1000, 0.7, 0.006
BATCH = 20
_PLACES = (os.environ.get("MALCA_REAL_DATA"), Path(__file__).parents[2] / "shared" / "data")


@pytest.fixture(scope="module")
def lightcurves() -> malca.LightCurves:
    for folder in filter(None, _PLACES):
        paths = sorted((Path(folder) / "skypatrol2").glob("*-light-curves.csv"))
        if paths:
            return malca.read_lightcurves(paths)
    pytest.skip("real light curves are absent: set MALCA_REAL_DATA to their folder")


def celerite2_baselines(points: UsablePoints) -> None:
    """Mean and variance of every channel (one camera in one band), as celerite2 gives them."""
    for star in range(len(points)):
        own = slice(points.offsets[star], points.offsets[star + 1])
        for c in range(points.n_channels[star]):
            mine = points.channel[own] == c
            t, y, err = (getattr(points, name)[own][mine] for name in ("jd", "mag", "mag_err"))
            gp = celerite2.GaussianProcess(terms.SHOTerm(S0=S0, w0=W0, Q=Q), mean=np.median(y))
            gp.compute(t - t[0], diag=err**2 + JITTER_MAG**2)
            gp.predict(y, return_var=True)


@pytest.mark.benchmark(group="real light curves, one core")
def test_whole_detection(benchmark, lightcurves):
    malca.detect_events(lightcurves, workers=1)  # compiled code is loaded once a process
    found = benchmark.pedantic(malca.detect_events, (lightcurves,), {"workers": 1}, rounds=5)
    assert len(found.sources) == len(lightcurves)


@pytest.mark.benchmark(group="real light curves, one core")
def test_celerite2_baseline_alone(benchmark, lightcurves):
    points = usable_points(lightcurves, use_bad_quality=True)
    benchmark.pedantic(celerite2_baselines, (points,), rounds=3)


def test_ratio_by_star(benchmark, lightcurves, capsys):
    """Both on each star in turn, so that the machine's mood strikes them alike.

    A batch of copies of the star is searched, as surveys are searched in batches: a star on its
    own costs more, most of it the making of tables.
    """
    malca.detect_events(lightcurves, workers=1)

    def compare() -> list[tuple[str, int, float, float, float]]:
        rows = []
        for i, name in enumerate(lightcurves.stars["name"]):
            alone, batch = lightcurves.take([i]), lightcurves.take([i] * BATCH)
            points = usable_points(alone, use_bad_quality=True)
            seconds = np.empty((3, 3))
            for row in seconds:
                times = [time.perf_counter()]
                malca.detect_events(batch, workers=1)
                times.append(time.perf_counter())
                malca.detect_events(alone, workers=1)
                times.append(time.perf_counter())
                celerite2_baselines(points)
                times.append(time.perf_counter())
                row[:] = np.diff(times) / [BATCH, 1, 1]
            rows.append((name, len(points.jd), *(1e3 * seconds.min(axis=0))))
        return rows

    rows = benchmark.pedantic(compare, rounds=1)
    lines = [
        f"\n{'':28} {'':>6} {'detection, ms a star':>22} {'celerite2':>10}",
        f"{'star':28} {'points':>6} {f'in {BATCH}':>11} {'alone':>10} {'ms':>10} {'ratio':>6}",
    ]
    for name, n_points, ours, alone, theirs in rows:
        lines.append(
            f"{name:28} {n_points:6d} {ours:11.2f} {alone:10.2f} {theirs:10.2f} {theirs / ours:6.1f}"
        )
    lines.append(f"median ratio {np.median([row[4] / row[2] for row in rows]):.1f}")
    with capsys.disabled():
        print("\n".join(lines))
