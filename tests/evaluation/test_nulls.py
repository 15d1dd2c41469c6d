from __future__ import annotations

import itertools

import numpy as np
import pytest

from malca.evaluation.contaminants import FAMILIES, contaminated
from malca.evaluation.nulls import null_lightcurve, replace_points


def channels(star):
    return star.camera.astype(int) * 2 + star.band


def test_a_mirrored_light_curve_mirrored_again_is_the_star(survey, rng):
    star = survey.lightcurves.star(0)
    jd, mag, _ = null_lightcurve(star, "mirrored", rng)
    np.testing.assert_array_equal(jd, star.jd)
    _, again, _ = null_lightcurve(star._replace(mag=mag), "mirrored", rng)
    np.testing.assert_allclose(again, star.mag, atol=1e-5, equal_nan=True)
    for channel in np.unique(channels(star)):
        own = (channels(star) == channel) & np.isfinite(star.mag)
        if own.any():
            assert np.median(mag[own]) == pytest.approx(float(np.median(star.mag[own])), abs=1e-5)
            np.testing.assert_allclose(
                np.sort(mag[own] - np.median(mag[own])),
                np.sort(np.median(star.mag[own]) - star.mag[own].astype(float)), atol=2e-5,
            )  # fmt: skip


def test_scrambled_seasons_are_whole_and_do_not_overlap(survey):
    star = survey.lightcurves.star(0)
    cuts = np.flatnonzero(np.diff(star.jd) > 60) + 1
    assert len(cuts) >= 4
    jd, mag, _ = null_lightcurve(star, "seasons_scrambled", np.random.default_rng(5))
    np.testing.assert_array_equal(mag, star.mag.astype(float))
    seasons = np.split(np.arange(len(jd)), cuts)
    for own in seasons:
        np.testing.assert_allclose(np.diff(jd[own]), np.diff(star.jd[own]), atol=1e-6)
    spans = sorted((jd[own[0]], jd[own[-1]]) for own in seasons)
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(spans)]
    np.testing.assert_allclose(sorted(gaps), sorted(np.diff(star.jd)[cuts - 1]), atol=1e-6)
    assert spans[0][0] == pytest.approx(star.jd[0])
    assert spans[-1][1] == pytest.approx(star.jd[-1], abs=1e-6)
    starts = [jd[own[0]] for own in seasons]
    assert starts != sorted(starts)


def test_shuffled_cameras_keep_their_own_points_in_order(survey):
    star = survey.lightcurves.star(0)
    jd, mag, taken = null_lightcurve(star, "cameras_shuffled", np.random.default_rng(5))
    np.testing.assert_array_equal(jd, star.jd)
    np.testing.assert_array_equal(mag, star.mag[taken].astype(float))
    np.testing.assert_array_equal(channels(star)[taken], channels(star))
    assert sorted(taken) == list(range(len(jd)))
    moved = 0
    for channel in np.unique(channels(star)):
        own = np.flatnonzero((channels(star) == channel) & np.isfinite(star.mag))
        before, after = star.mag[own].astype(float), mag[own]
        shifts = [k for k in range(len(own)) if np.array_equal(np.roll(before, k), after)]
        assert shifts
        moved += shifts[0] > 0
    assert moved > 1


def test_a_deep_dip_is_none_when_mirrored_and_meets_no_other_camera_when_shuffled(survey, rng):
    star = survey.lightcurves.star(0)
    dip = np.where(np.abs(star.jd - np.median(star.jd)) < 40, 1.0, 0.0)
    star = star._replace(mag=star.mag + dip)
    _, mirrored, _ = null_lightcurve(star, "mirrored", rng)
    assert np.nanmin(mirrored) < np.nanmin(star.mag) - 0.5
    _, shuffled, _ = null_lightcurve(star, "cameras_shuffled", np.random.default_rng(1))
    faint = shuffled > np.nanmedian(shuffled) + 0.5
    assert faint.sum() == pytest.approx((star.mag > np.nanmedian(star.mag) + 0.5).sum(), abs=3)
    assert np.ptp(star.jd[faint]) > 100


@pytest.mark.parametrize("family", ["seasons_scrambled", "cameras_shuffled"])
def test_own_dips_are_taken_out_before_they_are_moved(survey, family):
    star = survey.lightcurves.star(0)
    middle = float(np.median(star.jd))
    n_outliers = (star.mag > np.nanmedian(star.mag) + 0.5).sum()
    star = star._replace(mag=star.mag + np.where(np.abs(star.jd - middle) < 20, 1.0, 0.0))
    assert (star.mag > np.nanmedian(star.mag) + 0.5).sum() > n_outliers + 10
    dips = np.array([[middle - 20, middle + 20]])
    _, mag, _ = null_lightcurve(star, family, np.random.default_rng(1), dips)
    assert (mag > np.nanmedian(mag) + 0.5).sum() <= n_outliers
    inside = np.isfinite(star.mag) & (np.abs(star.jd - middle) <= 60)
    assert np.isfinite(star.mag).sum() - np.isfinite(mag).sum() == inside.sum()
    _, mirrored, _ = null_lightcurve(star, "mirrored", np.random.default_rng(1), dips)
    assert np.isfinite(mirrored).sum() == np.isfinite(star.mag).sum()


@pytest.mark.parametrize("family", FAMILIES)
def test_contaminants_change_something_and_leave_upper_limits(survey, family):
    star = survey.lightcurves.star(1)
    jd, mag, _ = contaminated(star, family, np.random.default_rng(2))
    np.testing.assert_array_equal(jd, star.jd)
    assert (np.isfinite(mag) == np.isfinite(star.mag)).all()
    assert np.nanmax(np.abs(mag - star.mag)) > 0.01
    _, again, _ = contaminated(star, family, np.random.default_rng(2))
    np.testing.assert_array_equal(mag, again)


@pytest.mark.parametrize("family", ["camera_offset", "camera_cluster", "blend"])
def test_one_camera_contaminants_leave_the_others_alone(survey, family):
    star = survey.lightcurves.star(1)
    _, mag, _ = contaminated(star, family, np.random.default_rng(2))
    touched = np.unique(star.camera[np.abs(mag - star.mag) > 1e-6])
    assert len(touched) == 1


def test_contaminants_have_the_signs_they_are_named_for(survey):
    star = survey.lightcurves.star(1)
    for family, sign in (("r_crb", 1), ("eclipsing_binary", 1), ("moonlight", 1), ("blend", -1)):
        _, mag, _ = contaminated(star, family, np.random.default_rng(3))
        change = (mag - star.mag)[np.isfinite(mag)]
        assert (sign * change >= -1e-6).all()


def test_families_that_do_not_exist_are_refused(survey, rng):
    star = survey.lightcurves.star(0)
    with pytest.raises(ValueError, match="no null 'inverted': there are mirrored"):
        null_lightcurve(star, "inverted", rng)
    with pytest.raises(ValueError, match="no contaminant 'ghost': there are camera_offset"):
        contaminated(star, "ghost", rng)


def test_points_are_sorted_again_with_all_that_belongs_to_them(survey, rng):
    batch = survey.lightcurves.take([0, 1])
    parts = [null_lightcurve(batch.star(k), "seasons_scrambled", rng) for k in range(2)]
    new = replace_points(batch, np.array([7, 8]), parts)
    for k in range(2):
        star, old = new.star(k), batch.star(k)
        assert (np.diff(star.jd) >= 0).all()
        order = np.argsort(parts[k][0], kind="stable")
        np.testing.assert_array_equal(star.camera, old.camera[order])
        np.testing.assert_array_equal(star.mag_err, old.mag_err[order])
    assert new.stars["asas_sn_id"].tolist() == [7, 8]


def test_errors_go_where_their_magnitudes_go(survey):
    batch = survey.lightcurves.take([0])
    parts = [null_lightcurve(batch.star(0), "cameras_shuffled", np.random.default_rng(3))]
    new, old = replace_points(batch, np.array([7]), parts).star(0), batch.star(0)
    pairs = [
        {(float(m), float(e)) for m, e in zip(star.mag, star.mag_err, strict=True) if np.isfinite(m)}
        for star in (new, old)
    ]
    assert pairs[0] == pairs[1]
    with pytest.raises(ValueError, match="1 light curves need as many parts, not 2"):
        replace_points(batch, np.array([7]), parts * 2)
