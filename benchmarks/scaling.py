"""Speed and peak memory of a survey on disk against its size: from files of light curves to candidates.

Every size is simulated, then worked on by ``kedro run``, as anybody would, with a configuration and a
folder of its own; times are those of the run's own record. The run is then given again, to see what a
start costs that finds nothing to do.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --sizes 1000,10000 --engines local,dask --keep /scratch/scaling

Several engines work on the same survey, each with results of its own, which must be the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import yaml

PROJECT = Path(__file__).resolve().parents[1]
MAG_BIN = "13_13.5"
WARM_UP_STARS = 40
PIPELINES = "ingest,detection,filtering"
#: What a run's nodes do, by the name of a column; other nodes are the last.
STAGES = {
    "list": ("build_manifest", "match_vsx", "read_camera_statistics", "collect_camera_statistics"),
    "pack": ("pack_lightcurves",),
    "search": ("detect_events", "collect_tables", "draw_overview"),
    "periods": ("test_periodicity", "collect_periodicity"),
    "filter": (),
}
_GIB = 2.0**30
#: Not more often: who looks at a process's memory keeps it from getting any meanwhile.
_WATCH_SECONDS = 0.5


class Memory(NamedTuple):
    """Peak memory, bytes.

    Attributes
    ----------
    largest : float
        Resident, of the largest process.
    together : float
        Of all processes at one time, what they share counted once (Linux; elsewhere as often as it is
        shared).
    resident : float
        The same, what they share counted in each.
    """

    largest: float
    together: float
    resident: float


def configure(folder: Path, name: str, compute: dict[str, Any]) -> Path:
    """Write a configuration that reads a folder's survey and writes to a folder within it."""
    conf = folder / name / "conf"
    shutil.copytree(PROJECT / "conf", conf, ignore=shutil.ignore_patterns("local"))
    settings = {
        "globals": {
            "survey_root": str(folder / "survey"),
            "data_root": str(folder / name / "data"),
            "catalogs_root": str(folder / "catalogs"),
        },
        "parameters": {"compute": compute, "simulation": {"mag_bins": {MAG_BIN: 1.0}}},
        "mlflow": {
            "tracking_uri": f"sqlite:///{folder / name / 'mlflow.db'}",
            "artifact_root": str(folder / name / "mlartifacts"),
        },
    }
    (conf / "local").mkdir()
    for file, content in settings.items():
        (conf / "local" / f"{file}.yml").write_text(yaml.safe_dump(content))
    return conf


def kedro_run(conf: Path, *options: str) -> tuple[float, Memory]:
    """Wall time and memory of one ``kedro run``."""
    command = [sys.executable, "-m", "kedro", "run", "--conf-source", str(conf), *options]
    with tempfile.TemporaryFile("w+") as log:
        started = time.perf_counter()
        process = psutil.Popen(command, cwd=PROJECT, stdout=log, stderr=subprocess.STDOUT)
        memory = watch(process)
        seconds = time.perf_counter() - started
        if process.returncode:
            log.seek(0)
            raise SystemExit(f"{' '.join(command)}:\n{log.read()[-4000:]}")
    return seconds, memory


def watch(process: psutil.Popen) -> Memory:
    """Wait for a process and look how much memory it and its workers take meanwhile."""
    largest = together = resident = 0.0
    while True:
        try:
            sizes = [taken(each) for each in (process, *process.children(recursive=True))]
        except psutil.NoSuchProcess:  # one that ended between the two
            sizes = []
        largest = max([largest, *(rss for rss, _ in sizes)])
        resident = max(resident, sum(rss for rss, _ in sizes))
        together = max(together, sum(pss for _, pss in sizes))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
            return Memory(max(largest, 1024 * kilobytes), together, max(resident, 1024 * kilobytes))
        time.sleep(_WATCH_SECONDS)


def taken(process: psutil.Process) -> tuple[float, float]:
    """Resident memory of a process, bytes, and its share of it."""
    try:
        memory = process.memory_full_info()
    except (psutil.AccessDenied, psutil.ZombieProcess):  # one that is ending
        return 0.0, 0.0
    return memory.rss, getattr(memory, "pss", memory.rss)


def last_record(folder: Path) -> dict[str, Any]:
    """Record of the last run, see ``malca.tracking``."""
    records = (folder / "data" / "08_reporting" / MAG_BIN).glob("run_*.json")
    record: dict[str, Any] = json.loads(max(records, key=lambda path: path.stat().st_mtime).read_text())
    return record


def simulate(folder: Path, n_stars: int) -> float:
    """Write a survey of so many stars; the seconds that takes."""
    folder.mkdir(parents=True, exist_ok=True)
    conf = configure(folder, "simulation", {})
    options = ("--tags", "survey", "--params", f"simulation.n_stars={n_stars}")
    return kedro_run(conf, "--pipelines", "simulation", *options)[0]


def measure(folder: Path, compute: dict[str, Any]) -> dict[str, float]:
    """Work on the survey in a folder, and start again."""
    results = folder / compute["engine"]
    conf = configure(folder, compute["engine"], compute)
    _, memory = kedro_run(conf, "--pipelines", PIPELINES)
    nodes = last_record(results)["nodes"]
    again, _ = kedro_run(conf, "--pipelines", PIPELINES)
    named = {node for names in STAGES.values() for node in names}
    row = {stage: sum(nodes[name] for name in names) for stage, names in STAGES.items() if names}
    row["filter"] = sum(seconds for name, seconds in nodes.items() if name not in named)
    total = sum(row.values())
    return row | {
        "total": total,
        "again": again,
        "n_points": n_points(results),
        "largest_gib": memory.largest / _GIB,
        "together_gib": memory.together / _GIB,
        "resident_gib": memory.resident / _GIB,
    }


def differing_tables(one: Path, other: Path) -> list[str]:
    """Tables that two engines wrote differently, by name."""
    import pyarrow.parquet as pq

    names = sorted(path.relative_to(one) for path in one.glob(f"data/*/{MAG_BIN}/*.parquet"))
    if not names:
        raise SystemExit(f"{one}: no table to compare")
    return [
        str(name) for name in names if not pq.read_table(one / name).equals(pq.read_table(other / name))
    ]


def n_points(folder: Path) -> int:
    """Points of all packed light curves."""
    import pyarrow.parquet as pq

    paths = (folder / "data" / "02_intermediate" / MAG_BIN / "lightcurves" / "lightcurves").glob(
        "*.parquet"
    )
    return sum(sum(pq.read_table(path, columns=["n_points"])["n_points"].to_pylist()) for path in paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="stars, parted by commas")
    parser.add_argument("--keep", type=Path, help="empty folder in which to leave what was written")
    parser.add_argument("--engines", default="local", help="local, dask or both, parted by commas")
    parser.add_argument("--workers", type=int, default=0, help="threads or processes; 0: every core")
    parser.add_argument("--stars-per-partition", type=int, help="default: the project's")
    options = parser.parse_args()
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        raise SystemExit(f"--keep {options.keep}: the folder is not empty")
    sizes = {"workers": options.workers}
    if options.stars_per_partition:
        sizes["stars_per_partition"] = options.stars_per_partition
    computes = [{"engine": engine, **sizes} for engine in options.engines.split(",")]
    columns = [*STAGES, "total"]
    with tempfile.TemporaryDirectory() as scratch:
        # Compilation is a cost of the first run on a machine, not of a survey.
        warm_up = Path(scratch) / "warm_up"
        simulate(warm_up, WARM_UP_STARS)
        for compute in computes:
            measure(warm_up, compute)
        print(
            f"{'':>27} | seconds {'':>47} | stars/s | peak memory, GiB {'':>9}| simulated, | nothing\n"
            f"{'stars':>7} {'points':>12} engine | " + " ".join(f"{name:>8}" for name in columns)
            + f" | {'':>7} | process      all resident | {'s':>10} | to do, s"
        )  # fmt: skip
        for n_stars in [int(size) for size in options.sizes.split(",")]:
            folder = (options.keep or Path(scratch)) / str(n_stars)
            simulated = simulate(folder, n_stars)
            for compute in computes:
                row = measure(folder, compute)
                print(
                    f"{n_stars:>7} {row['n_points']:>12,} {compute['engine']:>6} | "
                    + " ".join(f"{row[name]:>8.1f}" for name in columns)
                    + f" | {n_stars / row['total']:>7.0f} | {row['largest_gib']:>7.2f} "
                    f"{row['together_gib']:>8.2f} {row['resident_gib']:>8.2f} | {simulated:>10.1f} "
                    f"| {row['again']:>8.1f}",
                    flush=True,
                )
            for compute in computes[1:]:
                engines = computes[0]["engine"], compute["engine"]
                differing = differing_tables(*(folder / engine for engine in engines))
                print(
                    f"{' and '.join(engines)}: tables that differ: {', '.join(differing) or 'none'}",
                    flush=True,
                )
            if options.keep is None:
                shutil.rmtree(folder)


if __name__ == "__main__":
    main()
