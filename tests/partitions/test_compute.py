from __future__ import annotations

import pytest
from pydantic import ValidationError

from malca.partitions import ComputeParameters


def test_threads_and_workers():
    assert ComputeParameters(workers=3).n_threads == 3
    assert ComputeParameters(workers=3).n_workers == 1
    assert ComputeParameters().n_threads >= 1
    dask = ComputeParameters(engine="dask", workers=3, cluster={"threads_per_worker": 2})
    assert (dask.n_threads, dask.n_workers) == (2, 3)
    assert ComputeParameters(engine="dask").n_workers >= 1
    assert ComputeParameters(engine="dask", address="tcp://10.0.0.1:8786").n_workers == 0


def test_a_cluster_may_be_named_only():
    parameters = ComputeParameters(engine="dask", workers=2, cluster="slurm")
    assert parameters.cluster.kind == "slurm"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"workers": -1}, "workers"),
        ({"stars_per_partition": 0}, "stars_per_partition"),
        ({"threads": 2}, "threads"),
        ({"engine": "spark"}, "engine"),
        ({"address": "localhost"}, "address"),
        ({"engine": "dask", "cluster": "lsf"}, "cluster.kind"),
        ({"engine": "dask", "cluster": "pbs"}, "compute.workers must say how many workers pbs"),
        ({"cluster": {"memory_per_worker": "much"}}, "memory_per_worker"),
        ({"cluster": {"wait_minutes": float("inf")}}, "wait_minutes"),
        ({"cluster": {"options": {"queue": "q"}}}, "are for jobs of slurm or pbs"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, why):
    with pytest.raises(ValidationError, match=why):
        ComputeParameters(**wrong)
