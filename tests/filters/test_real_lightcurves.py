"""Stars with known events must not fall to the filters that need tables only."""

from __future__ import annotations

import pandas as pd
import pytest

import malca
from malca.filters import FilteringParameters, judge_stars
from malca.search.statistics import star_statistics


@pytest.mark.real_data
def test_known_events_survive(real_data):
    known = pd.read_csv(real_data / "known_events.csv")
    clear = set(known.loc[known["confidence"] == "clear", "source_id"])
    lightcurves = malca.read_lightcurves(sorted((real_data / "skypatrol2").glob("*.csv")))
    found = malca.detect_events(lightcurves)
    statistics = star_statistics(lightcurves, use_bad_quality=True)
    filters = FilteringParameters().without("catalog_matches", "period_consensus", "periodicity")
    judged, rejections, _ = judge_stars(
        found.sources, found.events, filters.asked, {"statistics": statistics}
    )
    wanted = judged[judged["asas_sn_id"].isin(clear)]
    assert len(wanted) >= 10
    stopped = wanted.loc[~wanted["dip_passed"], "asas_sn_id"]
    assert stopped.empty, rejections[rejections["asas_sn_id"].isin(stopped)].to_string()
