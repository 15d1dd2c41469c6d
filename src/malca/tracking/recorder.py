"""Tell a second process of records, and hear whether it entered them in MLflow.

Importing MLflow takes longer than all else before a run's first node, and 200 MB. The second
process does it while the run works. It also outlives the run: one that was killed is recorded as
killed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

import malca

#: What the second process is started as.
STORE_MODULE = "malca.tracking.store"
#: How the URI of a SQLite store begins; a path follows, absolute or not.
SQLITE = "sqlite:///"


class TrackingOptions(BaseModel):
    """Where runs are recorded: ``conf/base/mlflow.yml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracking_uri: str | None = Field(
        default=None,
        description="Store MLflow keeps runs in, such as sqlite:///mlflow.db (in the project) or "
        "http://host:5000; null: none, runs are recorded in JSON files only.",
    )
    artifact_root: str | None = Field(
        default=None,
        description="Folder (of the project) or URI of figures and tables; null: the store's own.",
    )
    experiment: str = Field(default="malca", min_length=1, description="MLflow's experiment.")
    wait_seconds: float = Field(
        default=30.0,
        ge=0,
        description="How long a run that has ended waits for the store, s.",
    )
    largest_artifact_mb: float = Field(
        default=50.0, ge=0, description="Larger files are only named in the record, MB."
    )

    def below(self, project: Path) -> TrackingOptions:
        """Give the same with paths that are relative to the project made absolute."""
        uri, root = self.tracking_uri, self.artifact_root
        if uri is not None and uri.startswith(SQLITE):
            uri = f"{SQLITE}{project / uri.removeprefix(SQLITE)}"
        if root is not None and "://" not in root:
            root = str(project / root)
        return self.model_copy(update={"tracking_uri": uri, "artifact_root": root})


class RecorderError(Exception):
    """The store cannot be reached; the message says why."""


class Recorder:
    """The second process, from this side. One serves all runs of a process, one after the other."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def tell(self, event: Literal["started", "ended"], record: Path, options: TrackingOptions) -> None:
        """Say that a run has started or ended; returns at once.

        Raises
        ------
        RecorderError
            The process cannot be started, or is gone.
        """
        try:
            self.start()
            assert self._process is not None
            assert self._process.stdin is not None
            message = {"event": event, "record": str(record), "options": options.model_dump()}
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise RecorderError(f"the process that writes to MLflow is gone: {error}") from None

    def answer(self, event: Literal["started", "ended"], record: Path, wait_seconds: float) -> str:
        """Wait until what was told is entered, and give MLflow's id of the run.

        Raises
        ------
        RecorderError
            It is not, and why.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                answer = self._answers.get(timeout=max(deadline - time.monotonic(), 0.0))
            except queue.Empty:
                self.stop()
                raise RecorderError(f"the store did not answer within {wait_seconds:g} s") from None
            if answer is None:
                raise RecorderError("the process that writes to MLflow ended unexpectedly")
            if (answer["event"], answer["record"]) == (event, str(record)):
                if answer["problem"]:
                    raise RecorderError(answer["problem"])
                return str(answer["mlflow_run_id"])

    def start(self) -> None:
        """Start the process if it does not run, so that it is ready when it is told something."""
        if self._process is not None and self._process.poll() is None:
            return
        root = str(Path(malca.__file__).parents[1])
        path = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", STORE_MODULE, "--follow"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            start_new_session=True,  # Ctrl-C ends the run, not what records that it was ended
        )
        atexit.register(self.stop)
        self._answers = queue.Queue()
        threading.Thread(target=_listen, args=(self._process, self._answers), daemon=True).start()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.stop)
            process.kill()
            process.wait()
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()


def _listen(process: subprocess.Popen[str], answers: queue.Queue[dict[str, Any] | None]) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            answers.put(json.loads(line))
    answers.put(None)
