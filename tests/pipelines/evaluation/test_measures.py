"""The nodes that measure the search, on tables as a run leaves them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.datasets.known_lightcurves import FolderCurves
from malca.datasets.known_objects import read_known_objects
from malca.filters import FilteringParameters, judge_stars
from malca.known_objects import no_known_objects
from malca.lightcurves import FAILURE_DTYPES
from malca.partitions import ComputeParameters
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.pipelines.evaluation.rates import draw_rates, measure_rates
from malca.pipelines.evaluation.reproduction import draw_missed, reproduce
from malca.pipelines.evaluation.stages import count_stages, draw_stages
from malca.pipelines.evaluation.validation import validate_run
from malca.search.parameters import DetectionParameters

COMPUTE = ComputeParameters(workers=1)


class Unreadable:
    """A source that nobody may ask."""

    @property
    def stars(self):
        raise AssertionError("asked for stars")

    def read(self, asas_sn_ids):
        raise AssertionError("asked for light curves")


def test_without_known_objects_nothing_is_read_and_the_report_says_so():
    settings = DetectionParameters(), FilteringParameters(), EvaluationParameters(), COMPUTE
    table, summary, found, text = reproduce(no_known_objects(), Unreadable(), *settings)
    assert not len(table)
    assert not len(found)
    assert summary["n_known"].sum() == 0
    assert "No known objects were given" in text
    assert draw_missed(no_known_objects(), Unreadable(), table, *settings) == {}


@pytest.mark.real_data
def test_missed_objects_are_drawn(real_data):
    """With a threshold that hardly any event reaches."""
    source = FolderCurves(real_data / "skypatrol2")
    known = read_known_objects(real_data / "known_events.csv")
    known = known[known["name"].isin(["J081523-385923", "J094848-545959"])]
    detection = DetectionParameters.model_validate({"search": {"event": {"threshold_sigma": 25.0}}})
    settings = detection, FilteringParameters(), EvaluationParameters(), COMPUTE
    table, _, _, text = reproduce(known, source, *settings)
    stages = table[table["level"] == "object"].set_index("name")["stage"]
    assert stages.to_dict() == {"J081523-385923": "candidate", "J094848-545959": "not_triggered"}
    assert table["asas_sn_id"].dtype == "Int64"
    assert table.loc[table["level"] == "event", "is_found"].tolist() == [True, False]
    figures = draw_missed(known, source, table, *settings)
    assert list(figures) == ["635655234580"]
    assert "1 missed" in figures["635655234580"].get_suptitle()
    assert "missed: J094848-545959" in text
    assert np.isfinite(pd.to_numeric(table["found_depth_mag"]).max())


@pytest.fixture
def finished():
    """Six stars: one has no file, one too few points, one is kept out, three are searched."""
    ids = np.arange(6) + 9_000_000_000_001
    manifest = pd.DataFrame(
        {"asas_sn_id": ids, "ra_deg": np.arange(6.0), "dec_deg": 0.0, "lc_exists": np.arange(6) > 0}
    )
    failures = pd.DataFrame(
        [("x", "x", ids[1], "detection", "too_few_points", "3 of 5")], columns=list(FAILURE_DTYPES)
    ).astype(FAILURE_DTYPES)
    tags = pd.DataFrame(
        {
            "asas_sn_id": ids[1:],
            "failed_sparse": [False, True, False, False, False],
            "failed_single_camera": False,
            "failed_mag_range": False,
            "failed_vsx": [False, False, False, False, True],
            "vsx_outcome": "matched",
            "failed_any": [False, True, False, False, False],
        }
    )
    sources = pd.DataFrame(
        {
            "asas_sn_id": ids[3:],
            "baseline_mag": [13.1, 13.2, 13.3],
            "vsx_outcome": pd.array(["unknown", "not_matched", "matched"], dtype="str"),
            "dip_count": [1, 0, 1],
            "jump_count": 0,
            "dip_n_below_min_mag_offset": 0,
            "jump_n_below_min_mag_offset": 0,
        }
    )
    events = pd.DataFrame(
        {
            "asas_sn_id": ids[[3, 5]], "kind": "dip", "jd_start": 2_458_100.0, "jd_end": 2_458_110.0,
            "duration_days": 10.0, "depth_mag": [0.5, 0.12],
        }
    )  # fmt: skip
    filters = FilteringParameters(filters={"amplitude": {"min_depth_mag": 0.3}})
    judged, rejections, attrition = judge_stars(sources, events, filters.asked)
    return manifest, tags, failures, judged, events, rejections, attrition


def test_a_finished_run_is_validated(finished):
    manifest, tags, failures, judged, events, rejections, _ = finished
    known = no_known_objects().reindex(range(6))
    known["known_id"] = known["name"] = [f"object {k}" for k in range(6)]
    known["ra_deg"], known["dec_deg"] = np.arange(6.0), 0.0003  # 1.1 arcsec off
    known["category"], known["label"], known["kind"] = "dipper", "event", "dip"
    known["jd_start"] = known["jd_end"] = 2_458_105.0
    objects, found_events, found, losses, summary, text = validate_run(
        known, manifest, tags, judged, events, rejections, failures, DetectionParameters(),
        EvaluationParameters(),
    )  # fmt: skip
    assert objects["stage"].tolist() == [
        "no_lightcurve", "failed", "not_searched", "candidate", "not_triggered", "lost"
    ]  # fmt: skip
    assert objects["match_by"].tolist() == ["position"] * 6
    assert objects["sep_arcsec"].tolist() == pytest.approx([1.08] * 6, abs=1e-3)
    assert objects["reason"].tolist()[2] == "tag sparse"
    assert losses[["known_id", "filter", "value", "threshold"]].to_numpy().tolist() == [
        ["object 5", "amplitude", 0.12, 0.3]
    ]
    total = summary[(summary["category"] == "all") & (summary["level"] == "object")]
    assert total["n_found"].tolist() == [2, 1]
    assert found_events["is_found"].sum() == len(found) == 2
    assert "objects found by the search: 2 of 6" in text


def test_rates_are_of_the_stars_left_in_and_a_small_sample_is_told(finished, caplog):
    _, _, _, judged, events, _, _ = finished
    parameters = EvaluationParameters.model_validate({"detection_rate": {"size": 5, "mag_step": 0.5}})
    sample, rates = measure_rates(judged, events, parameters)
    assert sample["baseline_mag"].tolist() == [13.1, 13.2]  # VSX lists the third
    assert "has all 2 stars there are, of 5 asked" in caplog.text
    total = rates[rates["axis"] == "all"].set_index("quantity")
    assert total["n_with"].to_dict() == {"dip": 1, "jump": 0, "candidate": 1}
    draw_rates(rates)
    without = EvaluationParameters.model_validate(
        {"detection_rate": {"exclude_candidates": True, "exclude_vsx": False}}
    )
    sample, rates = measure_rates(judged, events, without)
    assert sample["baseline_mag"].tolist() == [13.2, 13.3]
    assert set(rates["quantity"]) == {"dip", "jump"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"brightest_mag": 14, "faintest_mag": 13},
        {"depth_edges_mag": [0.2, 0.1]},
        {"size": 0},
        {"sise": 5},
    ],
)
def test_parameters_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"faintest_mag|ascend|size|sise"):
        EvaluationParameters.model_validate({"detection_rate": wrong})


def test_stages_are_counted_with_the_uses_of_tags(finished):
    manifest, tags, failures, judged, _, _, attrition = finished
    stages, overlap = count_stages(manifest, tags, failures, judged, attrition, DetectionParameters())
    assert stages["n_out"].tolist() == [6, 5, 5, 4, 4, 4, 4, 3, 2, 2, 1, 1]
    assert stages.loc[stages["stage"] == "tag", "action"].tolist() == ["reject", "reject", "tag", "tag"]
    assert overlap.loc[overlap["group"] == "filter", "n_both"].tolist() == [1]
    draw_stages(stages, overlap)
