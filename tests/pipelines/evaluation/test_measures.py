"""The nodes that measure the search, on tables as a run leaves them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.datasets.known_lightcurves import FolderCurves
from malca.datasets.known_objects import read_known_objects
from malca.filters import FilteringParameters
from malca.known_objects import no_known_objects
from malca.partitions import ComputeParameters
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.pipelines.evaluation.reproduction import draw_missed, reproduce
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
