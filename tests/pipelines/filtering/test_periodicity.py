from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.datasets.tables import PartitionedTables
from malca.filters import FilteringParameters
from malca.lightcurves import POINT_DTYPES, STAR_DTYPES, Camera, LightCurves
from malca.partitions import ComputeParameters
from malca.pipelines.filtering.periodicity import (
    collect_periodicity,
    periodicity_of_partition,
    plan_periodicity,
)
from malca.search.periodicity import PERIODICITY_COLUMNS
from malca.search.periodicity_parameters import PeriodicityParameters

PERIOD_DAYS = 3.3


def lightcurves(ids, rng, n=400):
    """Sinusoids of two cameras; the second camera's magnitudes are nonsense."""
    jd = np.sort(rng.uniform(0, 1500, (len(ids), n)), axis=1)
    mag = 14 + 0.2 * np.sin(2 * np.pi * jd / PERIOD_DAYS) + rng.normal(0, 0.02, jd.shape)
    camera = rng.integers(0, 2, jd.shape)
    mag[camera == 1] = rng.normal(14, 1.0, (camera == 1).sum())
    points = {name: np.zeros(jd.size, dtype) for name, dtype in POINT_DTYPES.items()}
    points |= {"jd": 2458000 + jd.ravel(), "mag": mag.ravel().astype(np.float32),
               "mag_err": np.full(jd.size, 0.02, np.float32), "good": np.ones(jd.size, bool),
               "camera": camera.ravel().astype(np.int16)}  # fmt: skip
    stars = pd.DataFrame(
        {name: pd.array([None] * len(ids), dtype=dtype) for name, dtype in STAR_DTYPES.items()}
    ).assign(asas_sn_id=pd.array(ids, dtype="Int64"))
    return LightCurves(
        stars, np.arange(len(ids) + 1) * n, cameras=(Camera("ba", 3), Camera("bb", 17)), **points
    )


class Packed:
    """Packed light curves of two partitions, and which of them were read."""

    def __init__(self, rng):
        self.tables = {
            "p-0": lightcurves([101, 102], rng).to_table(),
            "p-1": lightcurves([103, 104], rng).to_table(),
        }
        self.fingerprints = {"p-0": "a", "p-1": "b"}
        self.read = []

    def __getitem__(self, name):
        assert name == "lightcurves"
        return {key: lambda key=key: self._load(key) for key in self.tables}

    def _load(self, key):
        self.read.append(key)
        return self.tables[key]


@pytest.fixture
def packed(rng):
    return Packed(rng)


MANIFEST = pd.DataFrame(
    {"asas_sn_id": [101, 102, 103, 104, 105], "partition": ["p-0", "p-0", "p-1", "p-1", None]}
)
EVENTS = pd.DataFrame(
    {"asas_sn_id": [101, 102, 103], "kind": "dip", "jd_start": 2458100.0, "jd_end": 2458110.0,
     "depth_mag": 0.3}
)  # fmt: skip


def survivors(*ids, cameras="17"):
    return pd.DataFrame(
        {"asas_sn_id": ids, "passed_branch": "dip", "excluded_cameras": cameras}
    ).astype({"asas_sn_id": "int64", "excluded_cameras": "str"})


def plan(packed, stars, events=EVENTS, filtering=None, parameters=None):
    return plan_periodicity(
        packed, MANIFEST, stars, events, filtering or FilteringParameters(),
        parameters or PeriodicityParameters(), ComputeParameters(workers=1),
    )  # fmt: skip


def test_only_survivors_are_tested_and_only_their_partitions_are_read(packed, tmp_path):
    store = PartitionedTables(path=str(tmp_path / "periodicity"), tables=["periodicity"])
    work = plan(packed, survivors(102, 101))
    assert work.sizes == {"p-0": 2, "p-1": 0}
    store.save(work)
    assert packed.read == ["p-0"]
    parts = collect_periodicity(store.load())
    table = pd.concat([parts[key]().to_pandas() for key in sorted(parts)], ignore_index=True)
    assert sorted(table["asas_sn_id"]) == [101, 102]
    assert tuple(table.columns) == PERIODICITY_COLUMNS
    # the sinusoid is found because the camera that the search left out is left out here too
    assert table["is_periodic"].all()
    np.testing.assert_allclose(table["lsp_period_days"], PERIOD_DAYS, rtol=1e-3)
    assert (table["n_points_used"] < 250).all()


def test_a_camera_that_was_left_out_is_left_out(packed):
    with_all = periodicity_of_partition(
        packed.tables["p-0"], survivors(101, cameras=""), EVENTS, PeriodicityParameters(), 1
    )["periodicity"]
    assert with_all["n_points_used"].item() > 300


def test_no_star_is_tested_where_the_filter_is_not_asked(packed):
    off = FilteringParameters.model_validate({"filters": {"periodicity": {"enabled": False}}})
    assert plan(packed, survivors(101, 103), filtering=off).sizes == {"p-0": 0, "p-1": 0}


def test_partitions_without_survivors_fit_the_others(packed):
    empty = periodicity_of_partition(None, survivors(), EVENTS.iloc[:0], PeriodicityParameters(), 1)
    assert tuple(empty["periodicity"].columns) == PERIODICITY_COLUMNS
    assert len(empty["periodicity"]) == 0


def test_fingerprints_follow_what_a_partition_depends_on(packed):
    first = plan(packed, survivors(101, 103)).fingerprints
    assert plan(packed, survivors(101, 103)).fingerprints == first

    def changed(**kwargs):
        other = plan(packed, **{"stars": survivors(101, 103), **kwargs}).fingerprints
        return [key for key in first if other[key] != first[key]]

    assert changed(stars=survivors(101, 104)) == ["p-1"]
    assert changed(stars=survivors(101, 103, cameras="3")) == ["p-0", "p-1"]
    assert changed(events=EVENTS.assign(jd_end=[2458111.0, 2458110.0, 2458110.0])) == ["p-0"]
    # events of stars that are not tested do not matter
    assert changed(events=EVENTS.assign(jd_end=[2458110.0, 2458111.0, 2458110.0])) == []
    assert changed(parameters=PeriodicityParameters(min_points=61)) == ["p-0", "p-1"]
    packed.fingerprints = {"p-0": "a", "p-1": "changed"}
    assert changed() == ["p-1"]


def test_what_is_finished_is_not_done_again(packed, tmp_path):
    store = PartitionedTables(path=str(tmp_path / "periodicity"), tables=["periodicity"])
    store.save(plan(packed, survivors(101, 103)))
    assert packed.read == ["p-0", "p-1"]
    store.save(plan(packed, survivors(101, 104)))
    assert packed.read == ["p-0", "p-1", "p-1"]
    assert store.last_report.reused == ("p-0",)
