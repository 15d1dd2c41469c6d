"""Light curves of known objects, searched again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.datasets.known_lightcurves import FolderCurves
from malca.datasets.known_objects import read_known_objects
from malca.evaluation.report import report_text
from malca.evaluation.reproduction import filters_among_tags, search_again
from malca.evaluation.validation import validate
from malca.filters import FilteringParameters
from malca.lightcurves import POINT_DTYPES, STAR_DTYPES, Camera, LightCurves, no_failures
from malca.search.parameters import DetectionParameters

from .conftest import make_known

JD = 2_458_000.0


def batch_of(stars, rng):
    """Light curves of two cameras each, from (id, n_points, depth of a dip on days 400 to 410)."""
    columns = {name: [] for name in ("jd", "mag", "camera")}
    for _, n, depth in stars:
        jd = np.sort(rng.uniform(0, 1000, n))
        jd[n // 2 : n // 2 + 6] = 400.5 + 1.5 * np.arange(6)
        jd = np.sort(jd)
        inside = (jd > 400) & (jd < 410)
        columns["jd"].append(JD + jd)
        columns["mag"].append(13.0 + rng.normal(0, 0.01, n) + depth * inside)
        columns["camera"].append(np.arange(n) % 2)
    lengths = [n for _, n, _ in stars]
    points = {name: np.concatenate(parts) for name, parts in columns.items()}
    rest = {"mag_err": 0.01, "band": 0, "good": True, "saturated": False, "field": 0}
    points |= {name: np.full(sum(lengths), value) for name, value in rest.items()}
    table = {name: [None] * len(stars) for name in STAR_DTYPES}
    table |= {"asas_sn_id": [star[0] for star in stars], "name": [str(star[0]) for star in stars]}
    return LightCurves(
        stars=pd.DataFrame({k: pd.array(v, dtype=STAR_DTYPES[k]) for k, v in table.items()}),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        cameras=(Camera("bi"), Camera("bj")),
        **{name: points[name].astype(dtype) for name, dtype in POINT_DTYPES.items()},
    )


@pytest.fixture
def again(rng):
    batch = batch_of([(1, 500, 0.5), (2, 500, 0.05), (3, 500, 0.0), (4, 12, 0.5)], rng)
    stars = pd.DataFrame(
        {"asas_sn_id": [1, 2, 3, 4, 5], "mag_bin": "", "ra_deg": np.nan, "dec_deg": np.nan}
    )
    failures = no_failures()
    failures.loc[0] = ["5", "5.csv", 5, "read", "truncated", "line 3"]
    return search_again(batch, stars, failures, DetectionParameters(), FilteringParameters())


def test_each_ends_where_it_should(again):
    known = make_known([(k, "event", 400, 410) for k in (1, 2, 3, 4, 5, 6)])
    result = validate(known, again)
    assert result.objects["stage"].tolist() == [
        "candidate", "shallow", "not_triggered", "not_searched", "failed", "not_in_survey",
    ]  # fmt: skip
    assert result.objects["reason"].tolist()[3:5] == ["tag sparse", "read: truncated (line 3)"]
    assert result.events["found_depth_mag"].iloc[0] == pytest.approx(0.5, abs=0.05)
    text = report_text(result, "known objects")
    assert "missed: star 2, event of JD 2458400–2458410: shallow (1 shallower than asked)" in text
    assert "objects found by the search: 1 of 5; recall 0.200" in text
    assert "precision" not in text


def test_a_filter_that_fails_is_named(rng):
    batch = batch_of([(1, 500, 0.3)], rng)
    stars = pd.DataFrame({"asas_sn_id": [1], "mag_bin": "", "ra_deg": np.nan, "dec_deg": np.nan})
    filtering = FilteringParameters(filters={"amplitude": {"min_depth_mag": 0.9}, "periodicity": {}})
    tables = search_again(batch, stars, no_failures(), DetectionParameters(), filtering)
    result = validate(make_known([(1, "event", 400, 410)]), tables)
    assert result.objects[["stage", "reason"]].to_numpy().tolist() == [["lost", "amplitude"]]
    loss = result.losses.iloc[0]
    assert (loss["filter"], loss["threshold"]) == ("amplitude", 0.9)
    assert loss["value"] == pytest.approx(0.3, abs=0.05)
    assert "failed_periodicity" not in tables.sources


def test_tags_that_only_mark_keep_nobody_out():
    assert filters_among_tags(DetectionParameters()) == ("sparse", "single_camera")


@pytest.mark.real_data
def test_every_clear_event_of_real_light_curves_is_found_again(real_data):
    source = FolderCurves(real_data / "skypatrol2")
    known = read_known_objects(real_data / "known_events.csv")
    curves = source.read(known["asas_sn_id"])
    tables = search_again(
        curves.lightcurves, source.stars, curves.failures, DetectionParameters(), FilteringParameters()
    )
    result = validate(known, tables)
    rows = result.summary[result.summary["category"] == "all"].set_index(["reached", "level"])
    assert rows.loc[("event", "event"), ["n_found", "n_in_survey"]].tolist() == [22, 22]
    assert rows.loc[("event", "object"), ["n_found", "n_in_survey"]].tolist() == [13, 13]
    assert rows.loc[("candidate", "object"), "n_found"] == 13
    # no dip of these stars is labelled false, so nothing is said of precision
    assert rows["precision"].isna().all()
