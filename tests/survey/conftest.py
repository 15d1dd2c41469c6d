"""Surveys of their own, on which whole runs are started as people type them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from malca.tracking.record import read_record, records_below

PROJECT = Path(__file__).resolve().parents[2]

RERUN = """
import json, sys
from malca.hooks import RefusedError
from malca.rerun import rerun
try:
    report = rerun(sys.argv[1], **json.loads(sys.argv[2]))
except RefusedError as error:
    sys.exit(f'refused: {error}')
print(report.describe())
print(report.equal, report.repeated.rerun_of)
"""


class Survey:
    """A project folder with a small simulated survey, its stars spread evenly over some bins."""

    def __init__(self, folder: Path, n_stars: int, mag_bins: tuple[str, ...]) -> None:
        self.folder, self.mag_bins = folder, mag_bins
        self.data_root = folder / "data"
        (folder / "src").mkdir(parents=True)
        shutil.copy(PROJECT / "pyproject.toml", folder)
        shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
        shares = dict.fromkeys(mag_bins, 1 / len(mag_bins))
        self.configure("parameters_simulation", simulation={"n_stars": n_stars, "mag_bins": shares})
        self.keep_results_in(self.data_root)

    def configure(self, name: str, **content: object) -> None:
        """Write a file of conf/local."""
        path = self.folder / "conf" / "local" / f"{name}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(content))

    def keep_results_in(self, data_root: Path) -> None:
        """Let runs from now on write elsewhere; the survey and the catalogues stay where they are."""
        self.data_root = data_root
        raw = self.folder / "data" / "01_raw"
        self.configure(
            "globals",
            survey_root=str(raw / "survey"),
            catalogs_root=str(raw / "catalogs"),
            data_root=str(data_root),
            real_lightcurves=None,
            catalogs={"source": "local", "offline": True},
        )

    def simulate(self) -> None:
        done = self.kedro("--pipelines", "simulation", "--tags", "survey")
        assert done.returncode == 0, done.stderr

    def start(self, *arguments: str, **options) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=self.folder, text=True, **pipes | options
        )

    def kedro(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._ended(self.start("-m", "kedro", "run", *arguments))

    def malca(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._ended(self.start("-W", "ignore", "-m", "malca", *arguments))

    def rerun(self, run_id: str, **options: bool) -> subprocess.CompletedProcess[str]:
        return self._ended(self.start("-W", "ignore", "-c", RERUN, run_id, json.dumps(options)))

    def records(self, mag_bin: str | None = None):
        """Records of the runs of a bin, the newest first."""
        found = [read_record(path) for path in records_below(self.data_root / "08_reporting")]
        return [record for record in found if record.mag_bin == (mag_bin or self.mag_bins[0])]

    @staticmethod
    def _ended(run: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        out, err = run.communicate(timeout=280)
        return subprocess.CompletedProcess(run.args, run.returncode, out, err)


@pytest.fixture(scope="session")
def new_survey(tmp_path_factory):
    """Simulate a survey in a project of its own."""

    def make(n_stars: int, mag_bins: tuple[str, ...]) -> Survey:
        made = Survey(tmp_path_factory.mktemp("project") / "malca", n_stars, mag_bins)
        made.simulate()
        return made

    return make
