from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from malca.lightcurves import BAND_G, BAND_V, STAR_DTYPES, Camera, LightCurves
from malca.search.points import usable_points
from malca.search.tags import (
    TagParameters,
    camera_bands,
    excluded_cameras,
    make_tags,
    points_of_cameras,
)

NO_VSX = pd.DataFrame(
    {
        "asas_sn_id": pd.array([], "Int64"),
        "vsx_class": pd.array([], "str"),
        "vsx_family": pd.array([], "str"),
        "vsx_sep_arcsec": np.empty(0),
    }
)
NONE_LEFT_OUT = pd.DataFrame({"asas_sn_id": pd.array([], "Int64"), "camera": np.empty(0, np.int64)})
CAMERAS = (Camera("ba", 1), Camera("bi", 7), Camera("bA", 12))


def curves(*stars):
    """Batch of stars, each a list of (n_points, camera, band, mag, span_days)."""
    columns = {"jd": [], "mag": [], "camera": [], "band": []}
    lengths = []
    for parts in stars:
        jd = np.concatenate([np.linspace(0, span, n) for n, *_, span in parts] or [[]])
        order = np.argsort(jd, kind="stable")
        count = [n for n, *_ in parts]
        columns["jd"].append(2458000.0 + jd[order])
        for k, name in enumerate(("camera", "band", "mag"), start=1):
            columns[name].append(np.repeat([part[k] for part in parts], count)[order])
        lengths.append(len(jd))
    n = sum(lengths)
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    ids = 500 + np.arange(len(stars))
    return LightCurves(
        stars=pd.DataFrame(
            {
                "asas_sn_id": ids,
                "name": ids.astype("str"),
                "time_system": "JD",
                "gaia_id": pd.NA,
                "gaia_release": "",
                "source": "",
            }
        ).astype(STAR_DTYPES),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        jd=joined["jd"],
        mag=joined["mag"].astype(np.float32),
        mag_err=np.full(n, 0.01, np.float32),
        camera=joined["camera"].astype(np.int16),
        band=joined["band"].astype(np.int8),
        good=np.ones(n, bool),
        saturated=np.zeros(n, bool),
        field=np.zeros(n, np.int16),
        cameras=CAMERAS,
    )


def tagged(lightcurves, matches=NO_VSX, left_out=NONE_LEFT_OUT, **parameters):
    points = usable_points(lightcurves, excluded=points_of_cameras(lightcurves, left_out))
    return make_tags(lightcurves, points, left_out, matches, TagParameters(**parameters))


def healthy():
    return [(60, 1, BAND_G, 13.0, 400.0), (40, 2, BAND_G, 13.4, 380.0)]


# --- cameras of the wrong magnitude ---------------------------------------------------------------


def medians(*rows):
    """Camera statistics and bands from (asas_sn_id, camera, band, median_mag)."""
    table = pd.DataFrame(rows, columns=["asas_sn_id", "camera", "band", "median_mag"])
    return table.drop(columns="band"), table.drop(columns="median_mag")


def left_out(rows, bins, tolerance=0.2):
    statistics, bands = medians(*rows)
    found = excluded_cameras(statistics, pd.Series(bins), bands, tolerance)
    assert list(found.columns) == ["asas_sn_id", "camera"]
    return sorted(zip(found["asas_sn_id"], found["camera"], strict=True))


@pytest.mark.parametrize(
    ("median", "is_out"), [(12.79, True), (12.81, False), (13.2, False), (13.69, False), (13.71, True)]
)
def test_a_g_camera_outside_the_widened_bin_is_left_out(median, is_out):
    rows = [(1, 7, BAND_G, 13.2), (1, 8, BAND_G, 13.3), (1, 9, BAND_G, median)]
    assert left_out(rows, {1: "13_13.5"}) == ([(1, 9)] if is_out else [])


def test_tolerance_is_a_parameter():
    rows = [(1, 7, BAND_G, 13.2), (1, 9, BAND_G, 13.9)]
    assert left_out(rows, {1: "13_13.5"}, tolerance=0.5) == []
    assert left_out(rows, {1: "13_13.5"}, tolerance=0.3) == [(1, 9)]


def test_v_cameras_of_a_red_star_are_moved_by_its_colour():
    # g − V = 1: by their own medians all V cameras lie outside the bin in g.
    rows = [
        (1, 7, BAND_G, 13.25), (1, 8, BAND_G, 13.25),
        (1, 1, BAND_V, 12.25), (1, 2, BAND_V, 12.2), (1, 3, BAND_V, 13.25),
    ]  # fmt: skip
    assert left_out(rows, {1: "13_13.5"}) == [(1, 3)]


def test_v_cameras_cannot_be_judged_without_g():
    assert left_out([(1, 1, BAND_V, 11.0), (1, 2, BAND_V, 15.0)], {1: "13_13.5"}) == []


def test_every_star_has_its_own_bin_and_colour():
    rows = [(1, 7, BAND_G, 13.2), (2, 7, BAND_G, 13.2), (2, 8, BAND_G, 14.2)]
    assert left_out(rows, {1: "13_13.5", 2: "14_14.5"}) == [(2, 7)]


def test_flat_folders_have_no_bins_and_keep_all_cameras():
    rows = [(1, 7, BAND_G, 13.2), (2, 7, BAND_G, 18.2), (3, 7, BAND_G, 18.2)]
    assert left_out(rows, {1: "flat", 2: None}) == []
    assert left_out(rows, {1: "flat", 2: "13_13.5"}) == [(2, 7)]


def test_cameras_without_points_or_statistics_are_not_judged():
    statistics, bands = medians((1, 7, BAND_G, 13.2), (1, 8, BAND_G, 17.0))
    assert not len(excluded_cameras(statistics, pd.Series({1: "13_13.5"}), bands[:1], 0.2))
    assert not len(excluded_cameras(statistics[:1], pd.Series({1: "13_13.5"}), bands, 0.2))
    assert not len(excluded_cameras(statistics[:0], pd.Series({1: "13_13.5"}), bands, 0.2))


# --- points of cameras ----------------------------------------------------------------------------


def test_camera_bands_lists_each_pair_once():
    batch = curves([(3, 0, BAND_V, 13, 9), (2, 1, BAND_G, 13, 9)], [(4, 1, BAND_G, 13, 9)])
    assert sorted(camera_bands(batch).itertuples(index=False, name=None)) == [
        (500, 1, BAND_V), (500, 7, BAND_G), (501, 7, BAND_G),
    ]  # fmt: skip


def test_points_of_cameras_are_those_of_the_star_and_number():
    batch = curves(
        [(3, 0, BAND_V, 13, 9), (2, 1, BAND_G, 13, 9)], [(4, 1, BAND_G, 13, 9), (5, 2, BAND_G, 13, 9)]
    )
    wanted = pd.DataFrame({"asas_sn_id": [500, 501], "camera": [7, 12]})
    chosen = points_of_cameras(batch, wanted)
    assert chosen.sum() == 2 + 5
    assert (batch.camera[:5][chosen[:5]] == 1).all()
    assert (batch.camera[5:][chosen[5:]] == 2).all()
    assert not points_of_cameras(batch, NONE_LEFT_OUT).any()
    assert points_of_cameras(LightCurves.empty(), wanted).shape == (0,)


# --- tags -----------------------------------------------------------------------------------------


def test_a_healthy_star_fails_nothing_and_is_described():
    row = tagged(curves(healthy())).iloc[0]
    assert row["asas_sn_id"] == 500
    assert row["n_points"] == 100
    assert row["time_span_days"] == pytest.approx(400)
    assert row["points_per_day"] == pytest.approx(0.25)
    assert row["n_cameras"] == 2
    assert row["median_mag"] == pytest.approx(13.0)
    assert row["excluded_cameras"] == ""
    assert not row.filter(like="failed_").any()


def test_usable_points_are_counted_not_rows():
    batch = curves(healthy(), healthy())
    mag, mag_err = batch.mag.copy(), batch.mag_err.copy()
    mag[np.flatnonzero(batch.camera[:100] == 2)[4:]] = np.nan  # 36 upper limits, 4 points left
    mag_err[100:] = 5.0
    tags = tagged(replace(batch, mag=mag, mag_err=mag_err))
    assert list(tags["n_points"]) == [64, 0]
    assert list(tags["n_cameras"]) == [1, 0]
    assert list(tags["failed_single_camera"]) == [True, True]
    assert list(tags["failed_sparse"]) == [False, True]
    assert tags["points_per_day"].tolist() == pytest.approx([0.16, 0])
    assert np.isnan(tags["median_mag"][1])
    assert tags["failed_mag_range"][1]


def test_a_camera_needs_points_to_count():
    batch = curves([(60, 1, BAND_G, 13, 400.0), (4, 2, BAND_G, 13, 400.0)])
    assert tagged(batch)["n_cameras"].item() == 1
    assert tagged(batch, min_points_per_camera=4)["n_cameras"].item() == 2


def test_one_camera_in_two_bands_is_one_camera():
    batch = curves([(60, 1, BAND_G, 13, 400.0), (60, 1, BAND_V, 13, 400.0)])
    assert tagged(batch)["n_cameras"].item() == 1


@pytest.mark.parametrize(
    ("parts", "failed"),
    [
        ([(60, 1, BAND_G, 13, 99.0), (40, 2, BAND_G, 13, 99.0)], "failed_sparse"),
        ([(20, 1, BAND_G, 13, 900.0), (20, 2, BAND_G, 13, 900.0)], "failed_sparse"),
        ([(100, 1, BAND_G, 13, 400.0)], "failed_single_camera"),
        ([(60, 1, BAND_G, 9.9, 400.0), (40, 2, BAND_G, 9.9, 400.0)], "failed_mag_range"),
        ([(60, 1, BAND_G, 18.1, 400.0), (40, 2, BAND_G, 18.1, 400.0)], "failed_mag_range"),
        ([], "failed_sparse"),
    ],
)
def test_each_tag_has_its_reason(parts, failed):
    tags = tagged(curves(parts, healthy()))
    assert tags[failed].tolist() == [True, False]


@pytest.mark.parametrize("use", ["off", "tag", "filter"])
def test_off_tag_filter(use):
    tags = tagged(curves([(100, 1, BAND_G, 13, 400.0)], healthy()), single_camera=use)
    assert ("failed_single_camera" in tags) == (use != "off")
    assert tags["failed_any"].tolist() == [use == "filter", False]


def test_vsx_families_fail_and_their_columns_are_kept():
    vsx = pd.DataFrame(
        {
            "asas_sn_id": pd.array([500, 501, 502], "Int64"),
            "vsx_class": ["EA|ROT", "DIP", "SR"],
            "vsx_family": ["eclipsing|rotating", "extrinsic", "pulsating"],
            "vsx_sep_arcsec": [0.4, 0.5, 0.6],
        }
    )
    batch = curves(*[healthy()] * 4)
    tags = tagged(batch, vsx)
    assert tags["failed_vsx"].tolist() == [True, False, True, False]
    assert not tags["failed_any"].any()
    assert tags["vsx_sep_arcsec"].tolist()[:3] == [0.4, 0.5, 0.6]
    assert tags[["vsx_class", "vsx_sep_arcsec"]].iloc[3].isna().all()
    tags = tagged(batch, vsx, vsx="filter", vsx_families=("eclipsing",))
    assert tags["failed_any"].tolist() == [True, False, False, False]


def test_cameras_left_out_are_named_and_do_not_count():
    batch = curves(healthy(), healthy())
    out = pd.DataFrame({"asas_sn_id": [501, 501], "camera": [12, 7]})
    tags = tagged(batch, left_out=out)
    assert tags["excluded_cameras"].tolist() == ["", "7,12"]
    assert tags["n_points"].tolist() == [100, 0]
    tags = tagged(batch, left_out=out[:1])
    assert tags["excluded_cameras"].tolist() == ["", "12"]
    assert tags["n_points"].tolist() == [100, 60]


def test_no_stars():
    tags = tagged(LightCurves.empty())
    assert len(tags) == 0
    assert {"n_points", "failed_sparse", "failed_any", "excluded_cameras"} <= set(tags.columns)


@pytest.mark.parametrize(
    "wrong", [{"sparse": "drop"}, {"min_cameras": 0}, {"min_camera": 2}, {"camera_median": "tag"}]
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        TagParameters(**wrong)
