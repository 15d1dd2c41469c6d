"""Speed and peak memory of a survey on disk against its size.

Every size is simulated, packed and searched through the nodes and datasets of the pipelines,
without a Kedro session, in processes of its own. VSX matching and camera statistics are read and
used but not timed: the columns are those of the three jobs that touch every point.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --sizes 1000,10000 --keep /scratch/scaling
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Nothing of malca is imported above: a child starts with the peak memory of its parent.

MAG_BIN = "13_13.5"
WARM_UP_STARS = 40


def simulate(folder: Path, n_stars: int, workers: int) -> dict[str, float]:
    """Write a survey and its catalogue of variables."""
    from malca.datasets.survey_writer import SurveyDataset
    from malca.pipelines.simulation.nodes import simulate_survey, write_vsx
    from malca.pipelines.simulation.parameters import SimulationParameters

    parameters = SimulationParameters(n_stars=n_stars, mag_bins={MAG_BIN: 1.0}, workers=workers)
    survey = SurveyDataset(filepath=str(folder / "survey"))
    n_points = 0
    started = time.perf_counter()
    for portion, truth_so_far, _ in simulate_survey(parameters):
        survey.save(portion)
        truth = truth_so_far
        n_points += portion["lightcurves"].n_points
    seconds = time.perf_counter() - started
    (folder / "vsxcat.dat").write_text(write_vsx(truth, parameters))
    return {"n_points": n_points, "simulate": seconds}


def search(folder: Path, workers: int) -> dict[str, float]:
    """Pack the survey and search it."""
    import resource

    from malca.datasets.lightcurve_files import ManifestFiles, SurveyIndexDataset
    from malca.datasets.tables import PartitionedTables, StreamedTable
    from malca.datasets.vsx import VsxDataset
    from malca.partitions import ComputeParameters
    from malca.pipelines.detection.nodes import collect_tables, plan_detection
    from malca.pipelines.ingest.nodes import (
        build_manifest,
        match_vsx,
        plan_packing,
        read_camera_statistics,
    )
    from malca.pipelines.ingest.parameters import IngestParameters
    from malca.search.parameters import DetectionParameters

    ingest, compute = IngestParameters(), ComputeParameters(workers=workers)
    index = SurveyIndexDataset(root=str(folder / "survey"), mag_bin=MAG_BIN).load()
    manifest, _ = build_manifest(index, ingest, compute)
    matches = match_vsx(manifest, VsxDataset(filepath=str(folder / "vsxcat.dat")).load(), ingest)
    cameras, _ = read_camera_statistics(manifest, ManifestFiles(reads="camera_statistics").load())

    packed = PartitionedTables(path=str(folder / "lightcurves"), tables=["failures", "lightcurves"])
    started = time.perf_counter()
    packed.save(plan_packing(manifest, ManifestFiles(reads="lightcurves").load(), compute))
    pack_seconds = time.perf_counter() - started

    names = ["tags", "events", "failures", "statistics", "sources"]
    found = PartitionedTables(path=str(folder / "detections"), tables=names)
    started = time.perf_counter()
    lightcurves = packed.load()
    found.save(plan_detection(lightcurves, manifest, matches, cameras, DetectionParameters(), compute))
    gathered = collect_tables(found.load(), lightcurves)
    order = ("tags", "sources", "events", "statistics", "failures")
    for name, parts in zip(order, gathered, strict=True):
        StreamedTable(filepath=str(folder / f"{name}.parquet")).save(parts)
    detect_seconds = time.perf_counter() - started

    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of Linux; macOS counts bytes
    peak = kilobytes / (2**30 if sys.platform == "darwin" else 2**20)
    return {"pack": pack_seconds, "detect": detect_seconds, "peak_gib": peak}


def _in_new_process(stage: str, folder: Path, n_stars: int, workers: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--stage", stage, "--sizes", str(n_stars)]
    command += ["--keep", str(folder), "--workers", str(workers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(folder: Path, n_stars: int, workers: int) -> dict[str, float]:
    """Simulate in one process, pack and detect in another."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return {
            **_in_new_process("simulate", folder, n_stars, workers),
            **_in_new_process("search", folder, n_stars, workers),
        }
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{n_stars} stars: {error.stderr}") from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="stars, parted by commas")
    parser.add_argument("--keep", type=Path, help="empty folder in which to leave what was written")
    parser.add_argument("--workers", type=int, default=0, help="threads; 0 takes every core")
    parser.add_argument("--stage", choices=["simulate", "search"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    if options.stage == "simulate":
        print(json.dumps(simulate(options.keep, sizes[0], options.workers)))
        return
    if options.stage == "search":
        print(json.dumps(search(options.keep, options.workers)))
        return
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        raise SystemExit(f"--keep {options.keep}: the folder is not empty")
    with tempfile.TemporaryDirectory() as scratch:
        # Compilation is a cost of the first run on a machine, not of a survey.
        measure(Path(scratch) / "warm_up", WARM_UP_STARS, options.workers)
        root = options.keep or Path(scratch)
        print(
            f"{'stars':>8} {'points':>12} | {'simulate':>18} {'pack':>18} {'detect':>18} | peak of"
            f"\n{'':>8} {'':>12} | {'s':>9} {'stars/s':>8} {'s':>9} {'stars/s':>8} "
            f"{'s':>9} {'stars/s':>8} | pack+detect, GiB"
        )
        for n_stars in sizes:
            row = measure(root / str(n_stars), n_stars, options.workers)
            jobs = " ".join(
                f"{row[job]:9.1f} {n_stars / row[job]:8.0f}" for job in ("simulate", "pack", "detect")
            )
            print(f"{n_stars:8d} {row['n_points']:12,d} | {jobs} | {row['peak_gib']:.2f}", flush=True)
            if options.keep is None:
                shutil.rmtree(root / str(n_stars))


if __name__ == "__main__":
    main()
