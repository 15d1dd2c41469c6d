"""Pictures of the best candidates, and the page about the run."""

from __future__ import annotations

import base64
import re

import numpy as np
import pandas as pd
import pytest

from malca.columns import columns_of
from malca.datasets.tables import PartitionedTables
from malca.filters import FilteringParameters, judge_stars
from malca.lightcurves import BAND_G, POINT_DTYPES, STAR_DTYPES, Camera, LightCurves
from malca.partitions import ComputeParameters, PartitionMap
from malca.pipelines.reporting.nodes import plan_pictures, write_summary
from malca.reporting_parameters import ReportingParameters
from malca.search.detect import detect_events
from malca.search.parameters import DetectionParameters

STARS = (11, 12, 13)
COMPUTE, DETECTION = ComputeParameters(workers=1), DetectionParameters()


def pack(depths, rng):
    """Stars of two cameras that dim once."""
    jd = np.repeat(2458000.0 + 3.0 * np.arange(160), 2) + np.tile([0.1, 0.2], 160)
    n = len(depths)
    mag = np.concatenate([13 + d * np.exp(-0.5 * ((jd - 2458200) / 8) ** 2) for d in depths])
    stars = {name: [None] * n for name in STAR_DTYPES}
    stars |= {"asas_sn_id": list(STARS[:n]), "name": [str(star) for star in STARS[:n]]}
    points = {
        "jd": np.tile(jd, n), "mag": mag + rng.normal(0, 0.01, len(mag)), "mag_err": 0.008,
        "band": BAND_G, "camera": np.tile([0, 1], 160 * n), "good": True, "saturated": False,
        "field": 0,
    }  # fmt: skip
    return LightCurves(
        stars=pd.DataFrame({k: pd.array(v, dtype=STAR_DTYPES[k]) for k, v in stars.items()}),
        offsets=np.arange(n + 1) * len(jd),
        cameras=(Camera("ba", 1), Camera("bb", 2)),
        **{k: np.broadcast_to(points[k], len(mag)).astype(t) for k, t in POINT_DTYPES.items()},
    )


@pytest.fixture
def tables(tmp_path, rng):
    """Two partitions, of two stars and of one; every star is a candidate."""
    batch = pack([0.3, 0.6, 0.4], rng)
    found = detect_events(batch)
    manifest = pd.DataFrame({"asas_sn_id": STARS, "partition": ["a", "a", "b"]})
    parts = {"a": batch.take([0, 1]), "b": batch.take([2])}
    store = PartitionedTables(path=str(tmp_path / "lightcurves"), tables=["lightcurves"])
    store.save(
        PartitionMap(
            lambda part: {"lightcurves": part.to_table()},
            {key: {"part": part} for key, part in parts.items()},
            {key: key for key in parts}, dict.fromkeys(parts, 1), "packing",
        )
    )  # fmt: skip
    sources = found.sources.assign(excluded_cameras="", ra_deg=10.0, dec_deg=-20.0)
    judged, rejections, attrition = judge_stars(sources, found.events, FilteringParameters().asked)
    return {
        "manifest": manifest,
        "sources": sources,
        "events": found.events,
        "failures": found.failures,
        "candidates": judged[judged["passed_branch"].notna()].reset_index(drop=True),
        "rejections": rejections,
        "attrition": attrition,
        "lightcurves": store.load(),
    }


def as_read(node, tables):
    """Tables with the columns that are read for a node."""
    asked = columns_of(node)
    return {
        name: table[[column for column in asked[name] if column in table]] if name in asked else table
        for name, table in tables.items()
    }


def plan(tables, **changes):
    chosen = as_read(plan_pictures, {**tables, **changes})
    return plan_pictures(
        chosen["candidates"], chosen["manifest"], chosen["events"], chosen["lightcurves"],
        changes.get("detection", DETECTION), changes.get("reporting", ReportingParameters()), COMPUTE,
    )  # fmt: skip


@pytest.fixture
def pictures(tmp_path):
    return PartitionedTables(path=str(tmp_path / "pictures"), tables=["pictures"])


def test_each_of_the_best_has_a_picture(tables, pictures):
    pictures.save(plan(tables))
    loaded = pictures.load()["pictures"]
    assert set(loaded) == {"11", "12", "13"}
    for key, load in loaded.items():
        (row,) = load().to_pylist()
        assert row["asas_sn_id"] == int(key)
        assert base64.b64decode(row["png"]).startswith(b"\x89PNG")


def test_only_what_changed_is_drawn_again(tables, pictures):
    pictures.save(plan(tables))
    pictures.save(plan(tables))
    assert pictures.last_report.done == ()
    deeper = tables["events"].copy()
    deeper.loc[deeper["asas_sn_id"] == 12, "depth_mag"] += 0.1
    pictures.save(plan(tables, events=deeper))
    assert pictures.last_report.done == ("12",)


def test_the_best_are_chosen_and_others_forgotten(tables, pictures):
    pictures.save(plan(tables))
    pictures.save(plan(tables, reporting=ReportingParameters(n_pictures=1, n_dossiers=0)))
    best = tables["candidates"].set_index("asas_sn_id")["dipper_score"].idxmax()
    assert set(pictures.load()["pictures"]) == {str(best)}


def write(tables, pictures, **changes):
    chosen = as_read(write_summary, {**tables, **changes})
    names = ("manifest", "sources", "events", "failures", "candidates", "rejections", "attrition")
    return write_summary(
        *(chosen[name] for name in names), pictures.load(), changes.get("dossiers", []),
        {"git revision": "abc123"}, "13_13.5", DETECTION, FilteringParameters(), ReportingParameters(),
    )  # fmt: skip


def test_the_page_leads_to_the_dossiers_that_are_written(tables, pictures):
    pictures.save(plan(tables))
    assert "dossiers/" not in write(tables, pictures)
    page = write(tables, pictures, dossiers=["11", "99", "index"])
    assert set(re.findall(r'href="(dossiers/[^"]*)"', page)) == {"dossiers/11.html"}


def test_the_page_shows_pictures_and_verdicts(tables, pictures):
    pictures.save(plan(tables))
    page = write(tables, pictures)
    assert page.count("<article") == 3
    for load in pictures.load()["pictures"].values():
        assert load()["png"][0].as_py() in page
    assert "there is no table periodicity" in page
    assert "git revision" in page
    assert "filtering.filters.evidence.min_ln_bf" in page


def test_a_candidate_without_light_curve_has_no_picture(tables, pictures):
    elsewhere = tables["manifest"].assign(partition=["a", None, "gone"])
    pictures.save(plan(tables, manifest=elsewhere))
    assert set(pictures.load()["pictures"]) == {"11"}
    assert write(tables, pictures).count("its light curve is not here") == 2


def test_a_star_its_partition_lacks_has_no_picture(tables, pictures):
    wrong = tables["manifest"].assign(partition=["b", "a", "b"])
    pictures.save(plan(tables, manifest=wrong))
    assert len(pictures.load()["pictures"]["11"]()) == 0
    assert write(tables, pictures).count("its light curve is not here") == 1


def test_no_candidate_is_a_page_too(tables, pictures):
    none = tables["candidates"].iloc[:0]
    pictures.save(plan(tables, candidates=none))
    assert "There is no candidate." in write(tables, pictures, candidates=none)
