from __future__ import annotations

import logging
from collections import Counter

import pandas as pd
import pytest
from pydantic import BaseModel, ValidationError

from malca.partitions import ComputeParameters, PartitionMap, fingerprint, run_partitions


class MemoryStore:
    """Keeps partitions in memory, so that what `run_partitions` asks of a store shows."""

    def __init__(self):
        self.kept = {}

    def fingerprint(self, key):
        return self.kept[key][0] if key in self.kept else None

    def write(self, key, fingerprint, tables):
        self.kept[key] = (fingerprint, tables)

    def remove(self, key):
        del self.kept[key]

    def keys(self):
        return sorted(self.kept)


class Work:
    """Function of one value that counts its calls, and fails as often as it is told."""

    def __init__(self, error=ValueError, **failures):
        self.calls, self.loads = Counter(), Counter()
        self.failures, self.error = failures, error

    def __call__(self, key, value):
        self.calls[key] += 1
        if self.calls[key] <= self.failures.get(key, 0):
            raise self.error(f"cannot do {key}")
        return {"squares": value * value}

    def loader(self, key, value):
        def load():
            self.loads[key] += 1
            return value

        return load

    def plan(self, values, **compute):
        return PartitionMap(
            self,
            {key: {"key": key, "value": self.loader(key, value)} for key, value in values.items()},
            {key: fingerprint(value) for key, value in values.items()},
            dict.fromkeys(values, 10),
            "squaring",
            ComputeParameters(**compute),
        )


VALUES = {"a": 2, "b": 3, "c": 4}


def test_everything_is_done_once_then_nothing():
    store, work = MemoryStore(), Work()
    report = run_partitions(work.plan(VALUES), store)
    assert report.done == ("a", "b", "c")
    assert report.n_lightcurves == 30
    assert {key: kept[1]["squares"] for key, kept in store.kept.items()} == {"a": 4, "b": 9, "c": 16}
    report = run_partitions(work.plan(VALUES), store)
    assert (report.done, report.reused, report.n_lightcurves) == ((), ("a", "b", "c"), 0)
    assert work.calls == work.loads == Counter(a=1, b=1, c=1)


def test_overwrite_does_all_again():
    store, work = MemoryStore(), Work()
    run_partitions(work.plan(VALUES), store)
    report = run_partitions(work.plan(VALUES, overwrite=True), store)
    assert report.done == ("a", "b", "c")
    assert work.calls == Counter(a=2, b=2, c=2)


def test_only_what_changed_is_done_again(caplog):
    store, work = MemoryStore(), Work()
    run_partitions(work.plan(VALUES), store)
    with caplog.at_level(logging.INFO, "malca.partitions"):
        report = run_partitions(work.plan({**VALUES, "b": 5}), store)
    assert (report.done, report.reused) == (("b",), ("a", "c"))
    assert store.kept["b"][1]["squares"] == 25
    assert work.calls == work.loads == Counter(a=1, b=2, c=1)
    assert any("2 of 3 partitions are finished and reused, 1 were" in text for text in caplog.messages)


def test_partitions_of_inputs_that_are_gone_are_removed():
    store, work = MemoryStore(), Work()
    run_partitions(work.plan(VALUES), store)
    report = run_partitions(work.plan({"a": 2}), store)
    assert (report.removed, report.reused) == (("b", "c"), ("a",))
    assert store.keys() == ["a"]


def test_a_partition_that_fails_once_is_tried_again():
    store, work = MemoryStore(), Work(b=1)
    report = run_partitions(work.plan(VALUES), store)
    assert report.done == ("a", "b", "c")
    assert not report.failed
    assert work.calls["b"] == work.loads["b"] == 2


def test_a_partition_that_fails_twice_is_reported_and_the_others_go_on():
    store, work = MemoryStore(), Work(b=9)
    report = run_partitions(work.plan(VALUES), store)
    assert report.done == ("a", "c")
    assert dict(report.failed) == {"b": "ValueError: cannot do b"}
    assert work.calls == Counter(a=1, b=2, c=1)
    assert store.keys() == ["a", "c"]


@pytest.mark.parametrize("error", [OSError, MemoryError])
def test_what_strikes_every_partition_alike_stops_the_run(error):
    store, work = MemoryStore(), Work(error, b=9)
    with pytest.raises(error):
        run_partitions(work.plan(VALUES), store)
    assert work.calls["b"] == 1
    assert work.calls["c"] == 0
    assert store.keys() == ["a"]


def test_a_loader_that_fails_fails_its_partition_only():
    store, work = MemoryStore(), Work()
    plan = work.plan(VALUES)
    tries = []

    def load():
        tries.append(1)
        raise ValueError("no such thing")

    plan.tasks["a"]["value"] = load
    report = run_partitions(plan, store)
    assert dict(report.failed) == {"a": "ValueError: no such thing"}
    assert (report.done, len(tries)) == (("b", "c"), 2)


def test_no_partitions_at_all():
    report = run_partitions(Work().plan({}), MemoryStore())
    assert (report.done, report.n_lightcurves) == ((), 0)


class _Settings(BaseModel):
    threshold: float = 1.0


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def test_equal_parts_have_equal_fingerprints():
    assert fingerprint(FRAME.copy(), _Settings(), "x", 1) == fingerprint(FRAME, _Settings(), "x", 1)


@pytest.mark.parametrize(
    "other",
    [
        FRAME.rename(columns={"a": "c"}),
        FRAME.astype({"a": float}),
        FRAME.iloc[::-1],
        FRAME.iloc[:1],
        FRAME.assign(b=["x", "z"]),
        _Settings(),
        "frame",
    ],
)
def test_other_frames_have_other_fingerprints(other):
    assert fingerprint(other) != fingerprint(FRAME)


def test_parts_do_not_run_together():
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint(1, 23) != fingerprint(12, 3)
    assert fingerprint(_Settings(threshold=2)) != fingerprint(_Settings(threshold=3))


def test_fingerprints_depend_on_the_code(monkeypatch):
    before = fingerprint("x")
    monkeypatch.setattr("malca.partitions.code_fingerprint", lambda: "another version")
    assert fingerprint("x") != before


def test_compute_parameters():
    assert ComputeParameters(workers=3).n_threads == 3
    assert ComputeParameters().n_threads >= 1
    for wrong in ({"workers": -1}, {"stars_per_partition": 0}, {"threads": 2}):
        with pytest.raises(ValidationError):
            ComputeParameters(**wrong)
