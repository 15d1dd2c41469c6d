from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from malca.kernels import profiles
from malca.lightcurves import BAND_G, BAND_V, Camera, LightCurves
from malca.plots import style
from malca.search.points import usable_points

FIRST_JD = 2458000.5


def event(morphology="gaussian", kind="dip", **changes):
    values = {
        "kind": kind,
        "morphology": morphology,
        "amp_mag": 0.4,
        "t0_jd": 2459000.25,
        "width_days": 7.0,
    }
    return pd.Series(values | changes)


def test_looks_of_32_g_channels_and_16_v_channels_differ(make_batch):
    names = [f"b{k:02d}" for k in range(32)]
    camera = np.concatenate([np.arange(32), np.arange(16)])
    band = np.repeat([BAND_G, BAND_V], [32, 16])
    star = {"jd": FIRST_JD + np.arange(48), "mag": np.full(48, 13.0), "camera": camera, "band": band}
    batch = make_batch([star], names)
    channels = style.channels_of(batch.star(0), batch.cameras)
    assert len({(c.color, c.marker, c.filled) for c in channels}) == 48
    assert len({(c.color, c.symbol) for c in channels}) == 48
    by_band = {b: {c.color for c in channels if c.band == b} for b in (BAND_G, BAND_V)}
    assert not by_band[BAND_G] & by_band[BAND_V]
    assert all(c.filled == (c.band == BAND_G) for c in channels)
    assert sum(len(c.points) for c in channels) == 48


def test_cameras_that_share_a_name_stay_apart():
    cameras = (Camera("bi", 3), Camera("bi", 7), Camera("bF", 9))
    assert [style.channel_label(cameras, k, BAND_G) for k in range(3)] == ["bi#3 g", "bi#7 g", "bF g"]


def test_every_point_is_of_one_kind(batch):
    kinds = style.point_kinds(batch.star(0))
    assert (np.stack(kinds).sum(axis=0) == 1).all()
    assert [int(kind.sum()) for kind in kinds] == [291, 3, 2, 4]


def test_residuals_are_from_the_channels_own_baseline(batch):
    points = usable_points(batch)
    truth = np.array([13.0, 13.5, 13.6])[points.camera]
    baseline = style.baseline_arrays(points, truth, batch, 0)
    star = batch.star(0)
    delta = style.residuals(star, style.channels_of(star, batch.cameras), baseline)
    seen = np.isfinite(star.mag)
    np.testing.assert_allclose(
        delta[seen], star.mag[seen] - np.array([13.0, 13.5, 13.6])[star.camera[seen]], atol=1e-12
    )
    assert np.isnan(delta[~seen]).all()


def test_a_baseline_of_fewer_stars_is_matched_by_its_points(batch):
    only_second = usable_points(batch, excluded=np.arange(batch.n_points) < batch.offsets[1])
    jd, mag, labels = style.baseline_arrays(only_second, np.full(50, 14.0), batch, 1)
    assert len(jd) == len(mag) == 50
    assert set(labels) == {"ba g"}
    assert not len(style.baseline_arrays(only_second, np.full(50, 14.0), batch, 0)[0])


def test_without_a_baseline_residuals_are_from_the_median_of_usable_points(batch):
    star = batch.star(0)
    delta = style.residuals(star, style.channels_of(star, batch.cameras), None)
    usable = style.point_kinds(star).usable
    for camera in range(3):
        assert np.median(delta[usable & (star.camera == camera)]) == pytest.approx(0.0, abs=1e-6)


def test_a_channel_the_baseline_lacks_has_no_residual(batch):
    star = batch.star(0)
    channels = style.channels_of(star, batch.cameras)
    baseline = (star.jd[:1], np.array([13.5]), np.array(["bi g"]))
    delta = style.residuals(star, channels, baseline)
    assert np.isnan(delta[star.camera != 1]).all()
    assert np.isfinite(delta[(star.camera == 1) & np.isfinite(star.mag)]).all()


def test_events_are_those_of_the_star_strongest_first(batch, events):
    assert style.events_of_star(events, batch, 0)["ln_bf"].tolist() == [80.0, 30.0, 12.0]
    assert style.events_of_star(events, batch, 1)["ln_bf"].tolist() == [99.0]
    assert style.events_of_star(None, batch, 0).empty
    named = events.assign(asas_sn_id=pd.NA, name=["star 1", "star 0", "star 0", "star 0"])
    nameless = LightCurves(
        **{**vars(batch), "stars": batch.stars.assign(asas_sn_id=pd.array([None] * 2, "Int64"))}
    )
    assert style.events_of_star(named, nameless, 1)["ln_bf"].tolist() == [12.0]
    with pytest.raises(ValueError, match="lacks jd_end"):
        style.events_of_star(events.drop(columns="jd_end"), batch, 0)


@pytest.mark.parametrize(
    ("morphology", "skewness", "fwhm"),
    [
        ("gaussian", 0.0, profiles.GAUSSIAN_FWHM * 7.0),
        ("skew_normal", 0.7, None),
        ("skew_normal", -0.3, None),
        ("fred", 1.5, None),
        ("fred", -0.8, None),
        ("paczynski", 0.0, profiles.paczynski_fwhm(7.0, profiles.paczynski_u0(0.4))),
    ],
)
def test_profile_has_the_height_place_width_and_skewness_it_is_given(morphology, skewness, fwhm):
    given = event(morphology, skewness=skewness)
    t = np.linspace(-400.0, 400.0, 400_001)
    y = style.event_profile(given, given["t0_jd"] + t)
    assert y.max() == pytest.approx(0.4, rel=1e-4)
    assert t[np.argmax(y)] == pytest.approx(0.0, abs=0.01)
    if fwhm is not None:
        assert np.ptp(t[y >= 0.2]) == pytest.approx(fwhm, abs=0.01)
    if morphology != "paczynski":
        weight = y / y.sum()
        mean = weight @ t
        variance = weight @ (t - mean) ** 2
        assert weight @ (t - mean) ** 3 / variance**1.5 == pytest.approx(skewness, abs=2e-3)
    if morphology == "fred":
        decay = y[t > 0]
        assert decay[np.searchsorted(t[t > 0], 7.0)] == pytest.approx(0.4 / math.e, rel=1e-3)


def test_profile_of_a_jump_is_brighter_and_stands_on_its_offset():
    jd = np.array([2459000.25, 2459900.0])
    up = style.event_profile(event("gaussian", "jump", fit_offset_mag=0.05), jd)
    np.testing.assert_allclose(up, [-0.45, -0.05])


@pytest.mark.parametrize(
    "changes", [{"amp_mag": np.nan}, {"width_days": 0.0}, {"morphology": "flat"}, {"morphology": None}]
)
def test_no_profile_without_a_fit(changes):
    assert style.event_profile(event(**changes), np.array([2459000.0])) is None


def test_profile_follows_the_detectors_own_fit(batch):
    from malca.search.detect import detect_events

    star = batch.star(0)
    true = 0.5 * np.exp(-0.5 * ((star.jd - (FIRST_JD + 500)) / 30.0) ** 2)
    for k in range(len(true)):
        batch.mag[k] += true[k]
    found = detect_events(batch, workers=1)
    best = style.events_of_star(found.events, batch, 0).iloc[0]
    assert best["kind"] == "dip"
    fitted = style.event_profile(best, star.jd)
    inside = np.abs(star.jd - (FIRST_JD + 500)) < 60
    np.testing.assert_allclose(fitted[inside], true[inside], atol=0.06)


def test_years_begin_where_astropy_has_them():
    time = pytest.importorskip("astropy.time")
    starts, years = style.year_ticks(2456500.0, 2460800.0)
    np.testing.assert_array_equal(starts, [time.Time(f"{year}-01-01").jd for year in years])
    assert years[0] == "2014"
    assert years[-1] == "2025"
    assert len(style.year_ticks(2400000.0, 2460000.0, max_ticks=10)[1]) <= 10
    assert style.calendar_date(2459815.5) == "2022 Aug 24"


def test_limits_leave_out_stray_points_but_no_event():
    values = np.concatenate([np.linspace(13.0, 13.1, 1000), [18.0, np.nan]])
    low, high = style.robust_limits(values)
    assert low < 13.0
    assert 13.1 < high < 14.0
    keep = values == 18.0
    assert style.robust_limits(values, keep)[1] > 18.0
    assert style.robust_limits(np.array([np.nan])) == (0.0, 1.0)


def test_flagged_points_get_room_inside_events_only(batch):
    star = batch.star(0)
    inside = np.zeros(len(star.jd), bool)
    inside[0] = True
    shown = np.isfinite(style.values_to_show(star, star.mag, inside))
    assert shown[:3].tolist() == [True, False, False]
    assert not shown[10:12].any()


def test_event_texts(batch, events):
    first, second = style.event_texts(style.events_of_star(events, batch, 0).iloc[0])
    assert first == "dip, 2018 Jul 21"
    assert second == "0.50 mag · 40 d · ln BF 80 · gaussian"
    bare = pd.Series({"kind": "jump", "jd_start": 2459000.5, "jd_end": 2459001.7})
    assert style.event_texts(bare)[1] == "1.2 d"
    assert style.star_title(batch, 0) == "ASAS-SN 377957522430"
