"""Dask clusters: started when first asked for, kept for whatever else the process works on soon."""

from __future__ import annotations

import atexit
import logging
from typing import TYPE_CHECKING, Any

from malca.partitions.compute import ClusterParameters, ComputeParameters
from malca.partitions.engines import EngineError

if TYPE_CHECKING:
    import distributed

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 30.0
#: A partition that took this many worker processes with it is given up.
DEADLY = 3

_SETTINGS = {
    "distributed.scheduler.allowed-failures": DEADLY - 1,
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "warning",
}

_clients: dict[str, distributed.Client] = {}


def client_of(compute: ComputeParameters) -> distributed.Client:
    """Client of the cluster the parameters ask for, started unless it is there already.

    Raises
    ------
    EngineError
        No scheduler answers at the address, or jobs cannot be submitted here.
    """
    name = _name_of(compute)
    if name not in _clients or _clients[name].status != "running":
        if not _clients:
            atexit.register(close_clusters)
        _clients[name] = _connected(compute)
    return _clients[name]


def close_clusters() -> None:
    """End the workers this process started, and let go of schedulers it uses."""
    while _clients:
        _close(_clients.popitem()[1])


def end_local_workers(compute: ComputeParameters) -> None:
    """End workers that share this machine's memory; jobs, which would have to queue again, stay."""
    if compute.address is None and compute.cluster.kind == "local" and _name_of(compute) in _clients:
        _close(_clients.pop(_name_of(compute)))


def _name_of(compute: ComputeParameters) -> str:
    return f"{compute.address} {compute.n_workers} {compute.cluster.model_dump_json()}"


def _close(client: distributed.Client) -> None:
    cluster = client.cluster
    client.close()
    if cluster is not None:
        cluster.close()


def _connected(compute: ComputeParameters) -> distributed.Client:
    import dask
    from distributed import Client

    # Dask tells every connection; what matters of it is told here.
    logging.getLogger("distributed").setLevel(logging.WARNING)
    if compute.address is not None:
        try:
            client = Client(compute.address, timeout=_CONNECT_SECONDS)
        except OSError as error:
            raise EngineError(f"no Dask scheduler answers at {compute.address}: {error}") from None
        logger.info("engine dask: scheduler %s, %d workers", compute.address, len(client.nthreads()))
        return client
    with dask.config.set(_SETTINGS):
        cluster = _started(compute)
    logger.info(
        "engine dask: %d workers (%s), scheduler %s",
        compute.n_workers, compute.cluster.kind, cluster.scheduler_address,
    )  # fmt: skip
    return Client(cluster)


def _started(compute: ComputeParameters) -> Any:
    settings = compute.cluster
    if settings.kind == "local":
        from distributed import LocalCluster

        # One partition at a time in a process: that is what bounds its memory.
        return LocalCluster(
            n_workers=compute.n_workers,
            threads_per_worker=1,
            memory_limit=settings.memory_per_worker,
            dashboard_address=":0",
        )
    try:
        cluster = job_cluster(settings)
        n_jobs = -(-compute.n_workers // settings.workers_per_job)
        # A job that ends, because its time is up or its machine is lost, is submitted again.
        cluster.adapt(minimum_jobs=n_jobs, maximum_jobs=n_jobs)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise EngineError(f"cannot submit jobs to {settings.kind}: {error}") from error
    return cluster


def job_cluster(settings: ClusterParameters) -> Any:
    """Dask cluster whose workers are jobs of Slurm or PBS; none is submitted yet.

    Returns
    -------
    dask_jobqueue.SLURMCluster or dask_jobqueue.PBSCluster
        ``job_script()`` shows what will be submitted.
    """
    from dask.utils import parse_bytes
    from dask_jobqueue import PBSCluster, SLURMCluster

    n_cores = settings.workers_per_job * settings.threads_per_worker
    n_bytes = settings.workers_per_job * parse_bytes(settings.memory_per_worker)
    options: dict[str, Any] = {
        # As many "cores" as processes: each takes one partition at a time.
        "cores": settings.workers_per_job,
        "processes": settings.workers_per_job,
        "memory": f"{n_bytes} B",
        "job_name": "malca",
        "scheduler_options": {"dashboard_address": ":0"},
    }
    if settings.kind == "slurm":
        return SLURMCluster(**options | {"job_cpu": n_cores} | settings.options)
    spec = f"select=1:ncpus={n_cores}:mem={-(-n_bytes // 2**20)}mb"
    return PBSCluster(**options | {"resource_spec": spec} | settings.options)
