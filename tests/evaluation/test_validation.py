from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.intervals import binomial_limits, f1_interval
from malca.evaluation.validation import SUMMARY_DTYPES, validate
from malca.known_objects import no_known_objects

from .conftest import make_events


@pytest.fixture
def result(known, tables):
    return validate(known, tables)


def of(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_every_object_ends_at_its_stage(result):
    stages = dict(zip(result.objects["known_id"], result.objects["stage"], strict=True))
    assert stages == {
        "1": "candidate", "2": "lost", "3": "not_triggered", "4": "not_triggered", "5": "not_searched",
        "6": "failed", "7": "no_lightcurve", "8": "lost", "9": "lost", "10": "candidate",
        "99": "not_in_survey",
    }  # fmt: skip
    reasons = dict(zip(result.objects["known_id"], result.objects["reason"], strict=True))
    assert reasons["2"] == "evidence"
    assert reasons["8"] == "score"
    assert reasons["5"] == "tag sparse"  # not vsx, which only marks
    assert reasons["6"] == "read: truncated (line 7: ends)"
    assert "perhaps at another time" in reasons["3"]


def test_an_event_is_found_within_the_tolerance_and_not_beyond(result, known, tables):
    first, second = (result.events.iloc[k] for k in (0, 1))
    assert (first["is_found"], first["n_found_events"]) == (True, 2)
    assert first["found_depth_mag"] == 0.3  # the deepest of both
    assert (second["stage"], second["n_found_events"]) == ("not_triggered", 0)
    assert of(result.events, known_id="2")["is_found"]  # ends exactly 2 d before
    less = validate(known, tables, tolerance_days=1.9)
    assert not of(less.events, known_id="2")["is_found"]


def test_when_shallow_events_were_is_used_where_it_is_known(known, tables):
    shallow = make_events([(3, "dip", 104, 105, 0.01), (4, "dip", 400, 401, 0.01)])
    events = validate(known, replace(tables, shallow=shallow)).events
    assert of(events, known_id="3")["stage"] == "shallow"
    assert of(events, known_id="4")["stage"] == "not_triggered"


def test_losses_name_filters_values_and_thresholds(result):
    rows = result.losses[["known_id", "filter", "value", "threshold"]].to_numpy().tolist()
    assert rows[0] == ["2", "evidence", 12.0, 30.0]
    assert [row[:2] for row in rows[1:]] == [["8", "score"]]


def test_detections_are_labelled_once_each(result):
    verdicts = result.found.set_index(["known_id", "jd_start"])["verdict"]
    assert verdicts.groupby(level=0, sort=False).agg(list).to_dict() == {
        "1": ["event", "event", "false"], "2": ["event"], "4": ["unlabelled"], "8": ["event"],
        "9": ["false"], "10": ["uncertain"],
    }  # fmt: skip


def test_recall_counts_all_in_the_survey_and_precision_only_what_is_labelled(result):
    row = of(result.summary, level="event", reached="event", category="all")
    assert row[["n_known", "n_in_survey", "n_searched", "n_found", "n_missed"]].tolist() == [
        10, 9, 6, 3, 6
    ]  # fmt: skip
    assert (row["n_negative"], row["n_false"]) == (2, 2)
    assert row["recall"] == pytest.approx(3 / 9)
    assert row["precision"] == pytest.approx(3 / 5)
    assert row["f1"] == pytest.approx(2 * 3 / (2 * 3 + 2 + 6))
    assert (row["recall_low"], row["recall_high"]) == binomial_limits(3, 9)
    assert (row["f1_low"], row["f1_high"]) == f1_interval(3, 2, 6)
    later = of(result.summary, level="event", reached="candidate", category="all")
    assert (later["n_found"], later["n_false"], later["precision"]) == (1, 1, 0.5)
    objects = of(result.summary, level="object", reached="event", category="all")
    assert objects[["n_known", "n_in_survey", "n_found", "n_negative", "n_false"]].tolist() == [
        9, 8, 3, 1, 1
    ]  # fmt: skip
    assert list(result.summary) == list(SUMMARY_DTYPES)


def test_without_labelled_negatives_there_is_no_precision(result, known, tables):
    assert np.isnan(of(result.summary, level="event", reached="event", category="even")["precision"])
    only = known[known["label"] == "event"]
    rows = validate(only, tables).summary
    assert rows["precision"].isna().all()
    assert rows["f1"].isna().all()
    assert rows["recall"].notna().all()


def test_complete_windows_make_every_other_dip_false(known, tables):
    only = known[known["label"] == "event"]
    result = validate(only, tables, windows_are_complete=True)
    false = result.found.loc[result.found["verdict"] == "false", ["known_id", "jd_start"]]
    assert false["known_id"].tolist() == ["1", "4"]
    assert of(result.summary, level="event", reached="event", category="all")["precision"] == 0.6
    # that a dip is false makes no star a negative one
    assert np.isnan(of(result.summary, level="object", reached="event", category="all")["precision"])


def test_a_run_without_filters_ends_with_events(known, tables):
    bare = tables.sources.drop(columns=["dip_passed", "jump_passed"])
    result = validate(known, replace(tables, sources=bare, rejections=None))
    assert set(result.summary["reached"]) == {"event"}
    assert of(result.objects, known_id="2")["stage"] == "event"
    assert result.found["is_candidate"].isna().all()


def test_nothing_known_gives_empty_tables_with_all_columns(tables, result):
    empty = validate(no_known_objects(), tables)
    assert not len(empty.objects)
    assert list(empty.objects) == list(result.objects)
    assert list(empty.events) == list(result.events)
    assert empty.summary["n_known"].tolist() == [0, 0, 0, 0]
    assert empty.summary["recall"].isna().all()


def test_a_table_without_its_columns_is_refused(tables):
    with pytest.raises(ValueError, match="events lacks depth_mag"):
        replace(tables, events=tables.events.drop(columns="depth_mag"))


def test_a_negative_tolerance_is_refused(known, tables):
    with pytest.raises(ValueError, match="tolerance_days"):
        validate(known, tables, tolerance_days=-1.0)


def test_ids_stay_whole_numbers(result):
    for table in (result.objects, result.events, result.found):
        assert table["asas_sn_id"].dtype == "Int64"
    assert isinstance(result.losses, pd.DataFrame)
    assert result.losses["asas_sn_id"].dtype == "int64"
