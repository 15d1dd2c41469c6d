"""Parameters that say where and how partitions are worked on; no result depends on them."""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class ClusterParameters(BaseModel):
    """Where the workers of the engine ``dask`` come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["local", "slurm", "pbs"] = Field(
        default="local",
        description="Worker processes on this machine, or in jobs of Slurm or PBS (dask-jobqueue).",
    )
    threads_per_worker: int = Field(
        default=1, ge=1, description="Threads over light curves in each worker process."
    )
    workers_per_job: int = Field(default=1, ge=1, description="Worker processes in each job.")
    memory_per_worker: str = Field(
        default="4GiB",
        pattern=r"^\d+(\.\d+)?\s?(MB|MiB|GB|GiB)$",
        description="Memory of a worker process; one that needs more is ended, its partition retried.",
    )
    wait_minutes: float = Field(
        default=60.0,
        gt=0,
        allow_inf_nan=False,
        description="How long to go on without any worker, min: jobs may have to queue.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Anything else dask_jobqueue.SLURMCluster or PBSCluster takes: queue, account, "
        "walltime, interface, job_script_prologue, job_extra_directives ...",
    )


class ComputeParameters(BaseModel):
    """Where and how partitions are worked on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["local", "dask"] = Field(
        default="local",
        description="Threads over light curves in this process, or worker processes of Dask.",
    )
    address: str | None = Field(
        default=None,
        pattern=r"^[a-z]+://\S+$",
        description="Dask scheduler to use, such as tcp://10.0.0.1:8786; null: one is started.",
    )
    workers: int = Field(
        default=0,
        ge=0,
        description="local: threads over light curves, dask: worker processes; 0 takes every core the "
        "process may use.",
    )
    stars_per_partition: int = Field(
        default=500,
        ge=1,
        description="Light curves a partition: bounds memory, sets the grain of resume.",
    )
    overwrite: bool = Field(
        default=False, description="Do finished partitions again even where their fingerprint agrees."
    )
    retry_failed: bool = Field(
        default=False,
        description="Do partitions again that failed, or in which stars did, though nothing changed.",
    )
    verify: bool = Field(
        default=False,
        description="Read finished partitions through before they are reused; what does not hold what "
        "was written is done again.",
    )
    cluster: ClusterParameters = Field(default_factory=ClusterParameters)

    @field_validator("cluster", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> ComputeParameters:
        kind = self.cluster.kind
        if kind == "local" and self.cluster.options:
            raise ValueError("compute.cluster.options are for jobs of slurm or pbs")
        if kind != "local" and self.engine == "dask" and self.address is None and not self.workers:
            raise ValueError(f"compute.workers must say how many workers {kind} is to run")
        return self

    @property
    def n_threads(self) -> int:
        """Threads over light curves in the process that works on a partition."""
        if self.engine == "dask":
            return self.cluster.threads_per_worker
        return self.workers or len(os.sched_getaffinity(0))

    @property
    def n_workers(self) -> int:
        """Worker processes that are to be started; 0: those of the scheduler at ``address``."""
        if self.engine == "local":
            return 1
        if self.address is not None:
            return 0
        cores = len(os.sched_getaffinity(0))
        return self.workers or max(1, cores // self.cluster.threads_per_worker)
