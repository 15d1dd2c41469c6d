"""Enter records in MLflow, as a process of its own: no other imports it.

``python -m malca.tracking.store RECORD...`` enters records that a store has missed. With
``--follow`` it is told of records on its standard input, a line of JSON each, and answers on its
standard output; a run that has not ended when its input closes was killed, and is recorded so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from malca.tracking.entries import enter, enter_start
from malca.tracking.record import StoreState, read_record, write_record
from malca.tracking.recorder import TrackingOptions


class _Follower:
    """Enters what it is told, in order."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._running: dict[Path, TrackingOptions] = {}
        self._run_ids: dict[Path, str] = {}

    def hear(self, message: Mapping[str, Any]) -> None:
        """Do what a message says and answer it."""
        path, options = Path(message["record"]), TrackingOptions.model_validate(message["options"])
        problem = None
        try:
            record = read_record(path)
            if message["event"] == "started":
                self._running[path] = options
                self._run_ids[path] = enter_start(record, options)
            else:
                self._running.pop(path, None)
                self._run_ids[path] = enter(record, path, options)
        except Exception as error:
            problem = _sentence(error)
        answer = {
            "event": message["event"],
            "record": message["record"],
            "mlflow_run_id": self._run_ids.get(path),
            "problem": problem,
        }
        # A run that is gone hears no answer; its record is what counts then.
        with contextlib.suppress(OSError):
            self._answers.write(json.dumps(answer) + "\n")
            self._answers.flush()

    def end_the_killed(self) -> None:
        """Record as killed every run that has not ended though its process has."""
        for path, options in self._running.items():
            with contextlib.suppress(Exception):
                record = read_record(path)
                if record.outcome != "running":
                    continue
                record.outcome = "killed"
                record.error = "the process ended without a word: killed, out of memory, or a crash"
                record.ended = datetime.now(UTC).isoformat(timespec="milliseconds")
                record.store = StoreState(
                    uri=options.tracking_uri, mlflow_run_id=self._run_ids.get(path)
                )
                write_record(record, path)
                enter(record, path, options)


def _sentence(error: BaseException) -> str:
    """First line of an error; what follows is SQL and links."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _follow() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only answers may go where answers are read; MLflow prints as it likes.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    follower = _Follower(answers)
    for line in sys.stdin:
        follower.hear(json.loads(line))
    follower.end_the_killed()


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m malca.tracking.store", description="Enter records of runs in MLflow."
    )
    parser.add_argument("records", nargs="*", type=Path, metavar="run_….json")
    parser.add_argument("--follow", action="store_true", help="Take records from standard input.")
    parser.add_argument("--uri", help="The store; else the one each record names.")
    given = parser.parse_args(arguments)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # nobody is tracked
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    if given.follow:
        _follow()
    for path in given.records:
        record = read_record(path)
        options = TrackingOptions(tracking_uri=given.uri or record.store.uri)
        run_id = enter(record, path, options)
        record.store = StoreState(uri=options.tracking_uri, mlflow_run_id=run_id)
        write_record(record, path)
        sys.stdout.write(f"{path.name}: MLflow run {run_id}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
