"""Jobs of Slurm and PBS, without either: their scripts, and commands that run a job at once."""

from __future__ import annotations

import logging
import os
import signal
import stat
import time
from pathlib import Path

import pytest
import yaml

from malca.partitions import ComputeParameters
from malca.partitions.clusters import client_of, close_clusters, job_cluster
from malca.partitions.engines import EngineError

CONF = Path(__file__).resolve().parents[2] / "conf"
KINDS = ["slurm", "pbs"]


def example(kind):
    """What ``kedro run --env slurm`` computes with."""
    compute = yaml.safe_load((CONF / "base" / "parameters.yml").read_text())["compute"]
    compute |= yaml.safe_load((CONF / kind / "parameters.yml").read_text())["compute"]
    return ComputeParameters.model_validate(compute | {"overwrite": False})


def script(settings):
    cluster = job_cluster(settings)
    try:
        return cluster.job_script().splitlines()
    finally:
        cluster.close()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # folders of logs are made there


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_ask_for_whole_nodes(kind):
    compute = example(kind)
    assert (compute.engine, compute.n_workers, compute.n_threads) == ("dask", 80, 1)
    lines = script(compute.cluster)
    asked = {
        "slurm": {"#SBATCH -p general", "#SBATCH --cpus-per-task=40", "#SBATCH --mem=120G"},
        "pbs": {"#PBS -q workq", "#PBS -l select=1:ncpus=40:mem=122880mb"},
    }[kind]
    assert asked <= set(lines)
    (worker,) = [line for line in lines if "distributed.cli.dask_worker" in line]
    assert "--nthreads 1 --memory-limit 3.00GiB --nworkers 40" in worker
    assert "--lifetime 7h45m" in worker


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_passed_on(kind):
    settings = {
        "kind": kind,
        "workers_per_job": 4,
        "threads_per_worker": 3,
        "memory_per_worker": "2.5 GiB",
        "options": {
            "queue": "astro",
            "account": "survey",
            "walltime": "01:30:00",
            "job_script_prologue": ["module load gcc"],
            "job_extra_directives": ["--exclusive"],
        },
    }
    lines = script(ComputeParameters(engine="dask", workers=8, cluster=settings).cluster)
    asked = {
        "slurm": ["-p astro", "-A survey", "-t 01:30:00", "--exclusive", "--cpus-per-task=12",
                  "--mem=10G"],
        "pbs": ["-q astro", "-A survey", "-l walltime=01:30:00", "--exclusive",
                "-l select=1:ncpus=12:mem=10240mb"],
    }[kind]  # fmt: skip
    marks = {"slurm": "#SBATCH", "pbs": "#PBS"}
    assert {f"{marks[kind]} {each}" for each in asked} <= set(lines)
    assert "module load gcc" in lines
    (worker,) = [line for line in lines if "distributed.cli.dask_worker" in line]
    assert "--nthreads 1 --memory-limit 2.50GiB --nworkers 4" in worker


@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_an_option_that_does_not_exist_is_refused():
    cluster = {"kind": "slurm", "options": {"partition": "astro"}}
    with pytest.raises(EngineError, match=r"cannot submit jobs to slurm: .*partition"):
        client_of(ComputeParameters(engine="dask", workers=1, cluster=cluster))


SUBMIT = """#!/bin/sh
# Keeps the script, runs it at once, in the background, and tells the job's number.
cp "$1" "job.$$"
setsid bash "job.$$" < /dev/null > "log.$$" 2>&1 &
echo $! >> jobs
echo "Submitted batch job $!"
"""


def is_running(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition):
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.1)


@pytest.mark.survey
@pytest.mark.parametrize(
    ("kind", "submit", "cancel"), [("slurm", "sbatch", "scancel"), ("pbs", "qsub", "qdel")]
)
def test_workers_come_as_jobs_and_go_with_the_run(kind, submit, cancel, tmp_path, monkeypatch, caplog):
    for name, text in ((submit, SUBMIT), (cancel, '#!/bin/sh\nkill -TERM -- "-$1"\n')):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def jobs():
        return [int(line) for line in (tmp_path / "jobs").read_text().split()]

    settings = {"kind": kind, "memory_per_worker": "1GiB", "options": {"interface": "lo"}}
    try:
        with caplog.at_level(logging.INFO, "malca.partitions"):
            client = client_of(ComputeParameters(engine="dask", workers=2, cluster=settings))
        assert f"engine dask: 2 workers ({kind})" in caplog.text
        client.wait_for_workers(2, timeout=60)
        assert client.submit(sum, [1, 2]).result(timeout=60) == 3
        # A job that is lost is submitted again.
        assert len(jobs()) == 2
        os.killpg(jobs()[0], signal.SIGKILL)
        wait_until(lambda: len(jobs()) == 3)
        client.wait_for_workers(2, timeout=60)
    finally:
        close_clusters()
    wait_until(lambda: not any(map(is_running, jobs())))
