from __future__ import annotations

import logging
from collections import Counter

import pytest

from malca.partitions import (
    ComputeParameters,
    DamagedError,
    PartitionMap,
    Receipt,
    TableFacts,
    fingerprint,
    run_partitions,
)
from malca.partitions.engines import EngineError


class MemoryStore:
    """Keeps partitions in memory, so that what `run_partitions` asks of a store shows."""

    def __init__(self):
        self.kept, self.known, self.planned, self.damaged = {}, {}, {}, set()

    def present(self):
        return sorted(self.known)

    def receipts(self):
        return {key: receipt for key, receipt in self.known.items() if receipt is not None}

    def plan(self, fingerprints, answers_for):
        others = {key: mark for key, mark in self.planned.items() if not answers_for(key)}
        self.planned = others | dict(fingerprints)

    def is_sound(self, key, receipt):
        assert receipt == self.known[key]
        return key not in self.damaged

    def write(self, key, fingerprint, tables, *, seconds):
        self.kept[key] = tables
        n_failures = tables.get("n_failures", 0)
        facts = {"failures": TableFacts(n_rows=n_failures, n_bytes=1, digest="d")}
        self.known[key] = Receipt(fingerprint=fingerprint, tables=facts, seconds=seconds)
        self.damaged.discard(key)
        return self.known[key]

    def note_failure(self, key, fingerprint, error):
        self.known[key] = Receipt(fingerprint=fingerprint, error=error)

    def remove(self, key):
        self.known.pop(key, None)
        self.kept.pop(key, None)


class Work:
    """Function of one value that counts its calls, and fails as often as it is told."""

    def __init__(self, error=ValueError, n_failures=0, **failures):
        self.calls, self.loads = Counter(), Counter()
        self.failures, self.error, self.n_failures = failures, error, n_failures

    def __call__(self, key, value):
        self.calls[key] += 1
        if self.calls[key] <= self.failures.get(key, 0):
            raise self.error(f"cannot do {key}")
        return {"squares": value * value, "n_failures": self.n_failures}

    def loader(self, key, value):
        def load():
            self.loads[key] += 1
            return value

        return load

    def plan(self, values, groups=None, parameters="", **compute):
        return PartitionMap(
            self,
            {key: {"key": key, "value": self.loader(key, value)} for key, value in values.items()},
            {key: fingerprint(value, Settings(text=parameters)) for key, value in values.items()},
            dict.fromkeys(values, 10),
            "squaring",
            ComputeParameters(**compute),
            groups,
        )


class Settings(Receipt):
    """Any model will do for parameters."""

    fingerprint: str = ""
    text: str


VALUES = {"a": 2, "b": 3, "c": 4}


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, "malca.partitions")

    def messages():
        texts = [text for text in caplog.messages if "partitions" in text]
        caplog.clear()
        return texts

    return messages


def test_everything_is_done_once_then_nothing(told):
    store, work = MemoryStore(), Work()
    report = run_partitions(work.plan(VALUES), store)
    assert report.done == ("a", "b", "c")
    assert report.n_lightcurves == 30
    assert report.reasons == {"new": 3}
    assert {key: kept["squares"] for key, kept in store.kept.items()} == {"a": 4, "b": 9, "c": 16}
    assert told() == []
    report = run_partitions(work.plan(VALUES), store)
    assert (report.done, report.reused, report.n_lightcurves) == ((), ("a", "b", "c"), 0)
    assert work.calls == work.loads == Counter(a=1, b=1, c=1)
    assert told() == ["squaring: 3 of 3 partitions are finished and reused"]


def test_overwrite_does_all_again():
    store, work = MemoryStore(), Work()
    run_partitions(work.plan(VALUES), store)
    report = run_partitions(work.plan(VALUES, overwrite=True), store)
    assert report.done == ("a", "b", "c")
    assert work.calls == Counter(a=2, b=2, c=2)


def test_only_what_changed_is_done_again_and_it_says_what_changed(told, monkeypatch):
    store, work = MemoryStore(), Work()
    run_partitions(work.plan(VALUES), store)
    report = run_partitions(work.plan({**VALUES, "b": 5}), store)
    assert (report.done, report.reused) == (("b",), ("a", "c"))
    assert store.kept["b"]["squares"] == 25
    assert work.calls == work.loads == Counter(a=1, b=2, c=1)
    assert told() == [
        "squaring: 2 of 3 partitions are finished and reused; 1 are done again: inputs changed"
    ]
    values = {**VALUES, "b": 5}
    run_partitions(work.plan(values, parameters="new"), store)
    assert told()[0].endswith("3 are done again: parameters changed")
    monkeypatch.setattr("malca.partitions.runner.code_of", lambda modules: "other")
    run_partitions(work.plan({**values, "a": 3}, parameters="new"), store)
    (text,) = told()
    assert "1 are done again: inputs and code changed" in text
    assert "2 are done again: code changed" in text


def test_a_fingerprint_of_another_kind_is_told(told):
    store, work = MemoryStore(), Work()
    run_partitions(work.plan({"a": 2}), store)
    store.known["a"] = store.known["a"].model_copy(update={"fingerprint": "bundle-1234"})
    assert run_partitions(work.plan({"a": 2}), store).done == ("a",)
    assert "made by another version of MALCA, or brought by a bundle" in told()[0]


def test_partitions_of_inputs_that_are_gone_are_removed():
    store, work = MemoryStore(), Work()
    run_partitions(work.plan(VALUES), store)
    report = run_partitions(work.plan({"a": 2}), store)
    assert (report.removed, report.reused) == (("b", "c"), ("a",))
    assert store.present() == list(store.planned) == ["a"]


def test_several_bins_share_a_store():
    store, work = MemoryStore(), Work()
    run_partitions(work.plan({"12_12.5-0": 1, "12_12.5-1": 2}, groups=("12_12.5",)), store)
    run_partitions(work.plan({"12.5_13-0": 1, "12.5_13-1": 2}, groups=("12.5_13",)), store)
    report = run_partitions(work.plan({"12_12.5-0": 1}, groups=("12_12.5",)), store)
    assert (report.removed, report.reused) == (("12_12.5-1",), ("12_12.5-0",))
    assert store.present() == sorted(store.planned) == ["12.5_13-0", "12.5_13-1", "12_12.5-0"]
    assert work.calls.total() == 4


def test_a_partition_that_fails_once_is_tried_again(caplog):
    store, work = MemoryStore(), Work(b=1)
    report = run_partitions(work.plan(VALUES), store)
    assert report.done == ("a", "b", "c")
    assert not report.failed
    assert work.calls["b"] == work.loads["b"] == 2
    assert "partition b failed, then did not: ValueError: cannot do b" in caplog.text


def test_a_partition_that_fails_twice_is_reported_and_the_others_go_on():
    store, work = MemoryStore(), Work(b=9)
    report = run_partitions(work.plan(VALUES), store)
    assert report.done == ("a", "c")
    assert dict(report.failed) == {"b": "ValueError: cannot do b"}
    assert work.calls == Counter(a=1, b=2, c=1)
    assert sorted(store.kept) == ["a", "c"]


def test_a_failed_partition_is_tried_again_only_when_asked(told):
    store, work = MemoryStore(), Work(b=2)
    run_partitions(work.plan(VALUES), store)
    told()
    report = run_partitions(work.plan(VALUES), store)
    assert dict(report.failed) == {"b": "ValueError: cannot do b"}
    assert (report.done, work.calls["b"]) == ((), 2)
    assert "1 failed before and are not tried again, which compute.retry_failed=true" in told()[0]
    report = run_partitions(work.plan(VALUES, retry_failed=True), store)
    assert (report.done, dict(report.failed)) == (("b",), {})
    assert work.calls == Counter(a=1, b=3, c=1)


def test_a_failed_partition_is_tried_again_when_its_input_changed():
    store, work = MemoryStore(), Work(b=2)
    run_partitions(work.plan(VALUES), store)
    assert run_partitions(work.plan({**VALUES, "b": 5}), store).done == ("b",)


def test_failed_stars_are_tried_again_only_when_asked():
    store, work = MemoryStore(), Work(n_failures=1)
    assert run_partitions(work.plan(VALUES), store).n_failures == 3
    assert run_partitions(work.plan(VALUES), store).done == ()
    work.n_failures = 0
    report = run_partitions(work.plan(VALUES, retry_failed=True), store)
    assert (report.done, report.n_failures) == (("a", "b", "c"), 0)
    assert run_partitions(work.plan(VALUES, retry_failed=True), store).done == ()


def test_a_damaged_input_is_no_lasting_failure():
    # It can be made again under the same fingerprint.
    store, work = MemoryStore(), Work(DamagedError, b=2)
    assert dict(run_partitions(work.plan(VALUES), store).failed) == {"b": "cannot do b"}
    assert run_partitions(work.plan(VALUES), store).done == ("b",)


def test_damaged_partitions_are_found_when_asked(told):
    store, work = MemoryStore(), Work()
    run_partitions(work.plan(VALUES), store)
    store.damaged = {"b"}
    assert run_partitions(work.plan(VALUES), store).done == ()
    told()
    report = run_partitions(work.plan(VALUES, verify=True), store)
    assert (report.done, report.reused) == (("b",), ("a", "c"))
    assert told() == ["squaring: 2 of 3 partitions are finished and reused; 1 are done again: damaged"]


def test_unfinished_partitions_are_done_again():
    store, work = MemoryStore(), Work()
    run_partitions(work.plan(VALUES), store)
    store.known["b"] = None
    report = run_partitions(work.plan(VALUES), store)
    assert report.reasons == {"incomplete or damaged": 1}
    assert report.done == ("b",)


@pytest.mark.parametrize("error", [OSError, MemoryError])
def test_what_strikes_every_partition_alike_stops_the_run(error):
    store, work = MemoryStore(), Work(error, b=9)
    with pytest.raises(error):
        run_partitions(work.plan(VALUES), store)
    assert work.calls["b"] == 1
    assert work.calls["c"] == 0
    assert store.present() == ["a"]


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


def test_what_others_take_away_during_the_run_is_noticed():
    store, work = MemoryStore(), Work()

    def write(key, *args, **kwargs):
        if key == "c":
            store.remove("a")
        return MemoryStore.write(store, key, *args, **kwargs)

    store.write = write
    with pytest.raises(EngineError, match="partition a was changed or removed during the run"):
        run_partitions(work.plan(VALUES), store)


def test_no_partitions_at_all():
    report = run_partitions(Work().plan({}), MemoryStore())
    assert (report.done, report.n_lightcurves) == ((), 0)
