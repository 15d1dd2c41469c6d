"""Whole runs that are killed again and again, and end with what an undisturbed run makes."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from malca.datasets.digests import content_of

pytestmark = [pytest.mark.slow, pytest.mark.survey]

BIN = "13_13.5"
PIPELINES = "ingest,detection,filtering"
#: Folders of results; tables are written to these in this order.
RESULTS = ("02_intermediate", "04_feature", "07_model_output")
STORES = {"lightcurves", "camera_statistics_partitions", "detections", "periodicity_partitions"}
N_PARTITIONS = 8
ENGINES = {"local": "compute.engine=local", "dask": "compute.engine=dask,compute.workers=2"}
PATIENCE_SECONDS = 240


class Runs:
    """Runs of one engine, which all write to the same folder."""

    def __init__(self, survey, name: str, engine: str) -> None:
        self.survey, self.folder, self.engine = survey, survey.folder / name, engine
        self.folder.mkdir()
        self.log = self.folder / "log.txt"

    def start(self):
        """Begin a run in a process group of its own."""
        self.survey.keep_results_in(self.folder)
        parameters = f"mag_bin={BIN},compute.stars_per_partition=10,{ENGINES[self.engine]}"
        with self.log.open("w") as log:
            return self.survey.start(
                "-m", "kedro", "run", "--pipelines", PIPELINES, "--params", parameters,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def finish(self):
        """Run to the end, and give the record."""
        run = self.start()
        assert run.wait(PATIENCE_SECONDS) == 0, self.log.read_text()[-3000:]
        return self.survey.records()[0]

    def written(self) -> list[Path]:
        """Every file of the results that is in its place."""
        return [
            path
            for name in RESULTS
            for path in (self.folder / name).rglob("*")
            if path.suffix in {".parquet", ".json"} and not path.name.startswith(".")
        ]

    def kill(self, n_files: int, delay_seconds: float, *, whole_group: bool = True) -> str:
        """Start a run, kill it in the middle of its work; name the node that it worked on.

        It is killed a while after it has written a file, and there are ``n_files`` or more.
        """
        before = {path: path.stat().st_mtime_ns for path in self.written()}
        run = self.start()
        ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert time.monotonic() < ends, self.log.read_text()[-3000:]
            assert run.poll() is None, self.log.read_text()[-3000:]
            now = self.written()
            if len(now) >= n_files and any(not _is_as_before(path, before) for path in now):
                break
            time.sleep(0.01)
        time.sleep(delay_seconds)
        (os.killpg if whole_group else os.kill)(run.pid, signal.SIGKILL)
        assert run.wait(PATIENCE_SECONDS) == -signal.SIGKILL, "it had ended by itself"
        return re.findall(r"Running node: (\w+):", self.log.read_text())[-1]

    def contents(self) -> dict[str, str]:
        """What every table holds: of partitions and of those gathered from them."""
        tables = [path for path in self.written() if path.suffix == ".parquet"]
        return {str(path.relative_to(self.folder)): content_of(path).digest for path in tables}

    def leftovers(self) -> list[Path]:
        return [path for name in RESULTS for path in (self.folder / name).rglob(".*.partial*")]


def _is_as_before(path: Path, before: dict[Path, int]) -> bool:
    with suppress(FileNotFoundError):
        return before.get(path) == path.stat().st_mtime_ns
    return True


@pytest.fixture(scope="module")
def survey(new_survey):
    made = new_survey(10 * N_PARTITIONS, (BIN,))
    made.configure("mlflow", tracking_uri=None)  # records in files are enough
    return made


@pytest.fixture(scope="module")
def whole(survey) -> Runs:
    """An undisturbed run."""
    runs = Runs(survey, "whole", "local")
    record = runs.finish()
    assert {name: state.done for name, state in record.partitions.items()} == dict.fromkeys(
        STORES, N_PARTITIONS
    )
    n_rows = {
        name: sum(state.n_rows.values()) for name, state in record.outputs.items() if state.n_rows
    }
    assert n_rows["sources"] == 10 * N_PARTITIONS
    assert n_rows["periodicity"] > 5
    return runs


@pytest.mark.parametrize(("engine", "seed"), [("local", 1), ("dask", 2)])
def test_a_run_killed_ten_times_ends_with_the_tables_of_one_that_was_not(survey, whole, engine, seed):
    rng = np.random.default_rng(seed)
    runs = Runs(survey, f"killed_{engine}", engine)
    n_files = len(whole.written())
    # From one of ten parts of the work each, so that they come in every stage of it.
    moments = 0.93 * (np.arange(10) + rng.random(10)) / 10
    struck = [runs.kill(round(n_files * moment), rng.uniform(0, 0.1)) for moment in moments]
    assert {"pack_lightcurves", "detect_events"} < set(struck)
    assert len(set(struck)) >= 4, struck
    assert runs.contents() != whole.contents()

    record = runs.finish()
    assert runs.contents() == whole.contents()
    assert not runs.leftovers()
    # What was finished before was not done again.
    assert all(state.done + state.reused == N_PARTITIONS for state in record.partitions.values())
    assert record.partitions["lightcurves"].reused == N_PARTITIONS

    partitions = [path for path in runs.written() if path.stem.startswith(f"{BIN}-")]
    assert len(partitions) > 8 * N_PARTITIONS
    before = {path: path.stat().st_mtime_ns for path in partitions}
    again = runs.finish()
    assert again.partitions.keys() == STORES
    assert all((state.done, state.reused) == (0, N_PARTITIONS) for state in again.partitions.values())
    assert {path: path.stat().st_mtime_ns for path in partitions} == before
    assert runs.contents() == whole.contents()


def test_neither_lost_workers_nor_workers_left_behind_do_harm(survey, whole):
    """Only the process that started them is killed; then a worker of a run that goes on."""
    runs = Runs(survey, "orphans", "dask")
    n_files = len(whole.written())
    struck = [runs.kill(round(n_files * share), 0.05, whole_group=False) for share in (0.1, 0.45)]
    assert struck[0] != struck[1]

    n_before, run = len(runs.written()), runs.start()
    ends = time.monotonic() + PATIENCE_SECONDS
    while len(runs.written()) <= n_before or not workers_of(run.pid):
        assert time.monotonic() < ends
        assert run.poll() is None, runs.log.read_text()[-3000:]
        time.sleep(0.01)
    os.kill(workers_of(run.pid)[0], signal.SIGKILL)
    assert run.wait(PATIENCE_SECONDS) == 0, runs.log.read_text()[-3000:]
    assert not survey.records()[0].partitions["detections"].failed
    assert runs.contents() == whole.contents()
    assert not runs.leftovers()


def workers_of(pid: int) -> list[int]:
    """Worker processes of Dask that a process started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return sorted(found)
