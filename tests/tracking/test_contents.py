"""What of the tables that measure the search becomes a metric."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.tracking.contents import content_metrics
from malca.tracking.record import DatasetState


def metrics(tmp_path, name, table):
    path = tmp_path / f"{name}.parquet"
    table.to_parquet(path)
    return content_metrics(name, DatasetState(type="table", path=str(path), kind="table"))


def test_every_stage_of_attrition_is_told(tmp_path):
    table = pd.DataFrame(
        {
            "stage": ["listed", "tag"], "step": ["", "vsx"], "n_in": [9, 8], "n_passed": [8, 5],
            "n_failed": [1, 2], "n_unknown": [0, 1], "n_out": [8, 8],
        }
    )  # fmt: skip
    assert metrics(tmp_path, "attrition_stages", table) == {
        "attrition_stages.listed.listed.n_in": 9, "attrition_stages.listed.listed.n_failed": 1,
        "attrition_stages.listed.listed.n_unknown": 0, "attrition_stages.listed.listed.n_out": 8,
        "attrition_stages.tag.vsx.n_in": 8, "attrition_stages.tag.vsx.n_failed": 2,
        "attrition_stages.tag.vsx.n_unknown": 1, "attrition_stages.tag.vsx.n_out": 8,
    }  # fmt: skip


def test_a_share_that_is_not_defined_is_no_metric(tmp_path):
    table = pd.DataFrame(
        {
            "level": ["event"], "reached": ["candidate"], "category": ["dipper"], "n_in_survey": [4],
            "n_found": [3], "n_false": [0], "recall": [0.75], "precision": [np.nan], "f1": [np.nan],
        }
    )  # fmt: skip
    found = metrics(tmp_path, "validation_summary", table)
    label = "validation_summary.event.candidate.dipper"
    assert found == {
        f"{label}.n_in_survey": 4, f"{label}.n_found": 3, f"{label}.n_false": 0, f"{label}.recall": 0.75
    }  # fmt: skip


def test_the_bin_that_begins_at_nothing_has_its_number(tmp_path):
    table = pd.DataFrame(
        {"quantity": "dip", "axis": ["all", "depth"], "low": [np.nan, 0.0], "n_stars": 8, "rate": 0.5}
    )
    assert set(metrics(tmp_path, "detection_rate", table)) == {
        "detection_rate.dip.all.none.n_stars", "detection_rate.dip.all.none.rate",
        "detection_rate.dip.depth.0.0.n_stars", "detection_rate.dip.depth.0.0.rate",
    }  # fmt: skip
