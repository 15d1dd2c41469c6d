from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from malca.tracking.record import (
    RECORD_VERSION,
    CodeState,
    RecordError,
    RunRecord,
    Selection,
    find_record,
    flatten,
    new_run_id,
    read_record,
    record_path,
    records_below,
    write_record,
)


def make(run_id: str, mlflow_run_id: str | None = None) -> RunRecord:
    record = RunRecord(
        run_id=run_id,
        started="2026-03-14T15:09:26.000+00:00",
        command="kedro run",
        mag_bin="13_13.5",
        selection=Selection(),
        parameters={"compute": {"workers": 0}},
        code=CodeState(revision=None, dirty=None, fingerprint="f"),
        versions={},
        machine={},
    )
    record.store.mlflow_run_id = mlflow_run_id
    return record


@pytest.fixture
def reports(tmp_path):
    for mag_bin, run_id, mlflow_run_id in (
        ("13_13.5", "20260101T000000-aaaaaa", "1f" * 16),
        ("13_13.5", "20260102T000000-bbbbbb", None),
        ("14_14.5", "20260103T000000-cccccc", "1e" * 16),
    ):
        write_record(make(run_id, mlflow_run_id), record_path(tmp_path / mag_bin, run_id))
    return tmp_path


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = make(new_run_id())
    record.metrics["rows.events"] = 3.0
    path = record_path(tmp_path / "13_13.5", record.run_id)
    write_record(record, path)
    assert read_record(path) == record
    assert record.title == "13_13.5 default"


def test_ids_are_unique_and_sort_by_time():
    start = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)
    ids = [new_run_id(start + timedelta(milliseconds=k)) for k in range(200)]
    assert ids == sorted(ids)
    assert ids[0].startswith("20260314T150926535-")
    assert len({new_run_id(start) for _ in range(200)}) == 200


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("20260102T000000-bbbbbb", "20260102T000000-bbbbbb"),
        ("20260103", "20260103T000000-cccccc"),
        ("1f1f1f", "20260101T000000-aaaaaa"),
        ("1e" * 16, "20260103T000000-cccccc"),
    ],
)
def test_a_run_is_found_by_either_id_or_its_beginning(reports, asked, found):
    assert read_record(find_record(asked, reports)).run_id == found


@pytest.mark.parametrize(
    ("asked", "told"),
    [("1", "2 runs begin with 1"), ("2026", "3 runs"), ("zz", "no run zz is recorded")],
)
def test_a_run_that_is_not_one_is_refused(reports, asked, told):
    with pytest.raises(RecordError, match=told):
        find_record(asked, reports)


def test_records_come_newest_first(reports):
    assert [path.name[4:12] for path in records_below(reports)] == ["20260103", "20260102", "20260101"]


def test_unusable_records_are_refused_with_the_reason(tmp_path):
    path = tmp_path / "run_x.json"
    with pytest.raises(RecordError, match="no record at"):
        read_record(path)
    for text in ("{", "[]", "\x00"):
        path.write_text(text)
        with pytest.raises(RecordError, match="damaged: it is not a record"):
            read_record(path)
    content = json.loads(make("x").model_dump_json())
    path.write_text(json.dumps({**content, "version": RECORD_VERSION + 1, "news": 1}))
    with pytest.raises(RecordError, match="written by a newer MALCA"):
        read_record(path)
    path.write_text(json.dumps({**content, "outcome": "splendid"}))
    with pytest.raises(RecordError, match="damaged: outcome is not"):
        read_record(path)


def test_a_damaged_record_does_not_hide_the_others(reports):
    (reports / "13_13.5" / "run_20260104T000000-dddddd.json").write_text("{")
    assert read_record(find_record("1f1f", reports)).run_id == "20260101T000000-aaaaaa"


def test_flat_names_are_dotted():
    values = {
        "search": {"event": {"sigma": 7.5}, "families": ["a", "b"], "none": None, "empty": {}},
        "named": [{"name": "ruwe", "limit": 1.4}, {"name": "pm", "limit": 100}],
        "numbered": [{"limit": 1}, {"limit": 2}],
        "twins": [{"name": "a", "x": 1}, {"name": "a", "x": 2}],
    }
    assert flatten(values) == {
        "search.event.sigma": 7.5,
        "search.families": ["a", "b"],
        "search.none": None,
        "search.empty": {},
        "named.ruwe.name": "ruwe",
        "named.ruwe.limit": 1.4,
        "named.pm.name": "pm",
        "named.pm.limit": 100,
        "numbered.0.limit": 1,
        "numbered.1.limit": 2,
        "twins.0.name": "a",
        "twins.0.x": 1,
        "twins.1.name": "a",
        "twins.1.x": 2,
    }
