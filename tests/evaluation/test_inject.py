from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.inject import inject, injected_spans, shape_of
from malca.evaluation.noise import ErrorModel
from malca.evaluation.parameters import InjectionParameters, NoiseParameters

ERRORS = ErrorModel(np.array([[1e-6, 3e-5, 2e-4], [1e-6, 3e-5, 8e-4]]))
QUIET = ErrorModel(np.array([[1e-6, 0.0, 0.0], [1e-6, 0.0, 0.0]]))
PARAMETERS = InjectionParameters()


def changed(survey, trials, errors=QUIET, parameters=PARAMETERS):
    star = survey.lightcurves.star(0)
    return inject(survey.lightcurves, trials, errors, parameters).star(0), star


def test_with_errors_that_do_not_grow_the_profile_is_added_and_nothing_else(survey, trial):
    trials = trial(survey)
    new, old = changed(survey, trials)
    shape = shape_of(trials.to_dict("records")[0], PARAMETERS)
    expected = shape.change_mag(old.jd - trials["t_peak_jd"][0])
    seen = np.isfinite(old.mag)
    assert (np.isfinite(new.mag) == seen).all()
    # Magnitudes are float32: near 13 one step is 1e-6.
    np.testing.assert_allclose((new.mag - old.mag)[seen], expected[seen], atol=2e-6)
    np.testing.assert_array_equal(new.mag_err, old.mag_err)


def test_no_noise_is_added_where_nothing_happens(survey, trial):
    new, old = changed(survey, trial(survey, duration_days=5.0), ERRORS)
    far = np.abs(old.jd - np.median(old.jd)) > 60
    np.testing.assert_array_equal(new.mag[far], old.mag[far])
    np.testing.assert_array_equal(new.mag_err[far], old.mag_err[far])


def test_the_noise_of_the_dimmed_star_is_added_once(survey, trial):
    """Over many trials the scatter about the profile grows by what the errors grow, in quadrature."""
    trials = pd.concat(
        [trial(survey, trial_id=k, depth_mag=1.5, duration_days=2000.0, asymmetry=0.0,
               shape="trapezoid") for k in range(300)], ignore_index=True,
    )  # fmt: skip
    batch = inject(survey.lightcurves, trials, ERRORS, PARAMETERS)
    old = survey.lightcurves.star(0)
    at = int(np.argmin(np.abs(old.jd - np.median(old.jd))))
    mags = np.array([batch.star(k).mag[at] for k in range(300)], float)
    grown = float(batch.star(0).mag_err[at])
    band = np.array([old.band[at]])
    ratio = ERRORS.variance(old.mag[at] + 1.5, band) / ERRORS.variance(old.mag[at], band)
    assert grown == pytest.approx(float(old.mag_err[at] * np.sqrt(ratio[0])), rel=1e-5)
    added = np.sqrt(grown**2 - float(old.mag_err[at]) ** 2)
    assert mags.mean() - float(old.mag[at]) == pytest.approx(1.5, abs=4 * added / np.sqrt(300))
    # The standard deviation of 300 values is known to 4 %.
    assert mags.std(ddof=1) == pytest.approx(added, rel=0.16)


def test_what_falls_below_the_limit_becomes_an_upper_limit(survey, trial):
    trials = trial(survey, shape="trapezoid", depth_mag=6.0, duration_days=100.0)
    new, old = changed(survey, trials, ERRORS)
    middle = (np.abs(old.jd - np.median(old.jd)) < 30) & np.isfinite(old.mag)
    assert np.isnan(new.mag[middle]).all()
    noise = NoiseParameters(min_signal_to_noise=1e-6)
    kept, _ = changed(survey, trials, ERRORS, InjectionParameters(noise=noise))
    assert np.isfinite(kept.mag[middle]).all()


def test_brightening_takes_no_noise_away(survey, trial):
    parameters = InjectionParameters(kind="jump", shapes={"paczynski": 1.0})
    trials = trial(survey, kind="jump", shape="paczynski")
    new, old = changed(survey, trials, ERRORS, parameters)
    assert (new.mag <= old.mag)[np.isfinite(old.mag)].all()
    np.testing.assert_array_equal(new.mag_err, old.mag_err)


def test_a_trial_is_reproduced_alone_and_in_any_order(survey, trial):
    trials = pd.concat([trial(survey, trial_id=k, depth_mag=0.1 * k) for k in (1, 2, 3)])
    together = inject(survey.lightcurves, trials, ERRORS, PARAMETERS)
    turned = inject(survey.lightcurves, trials.iloc[::-1], ERRORS, PARAMETERS)
    for k in range(3):
        alone = inject(survey.lightcurves, trials.iloc[[k]], ERRORS, PARAMETERS)
        np.testing.assert_array_equal(alone.star(0).mag, together.star(k).mag)
        np.testing.assert_array_equal(turned.star(2 - k).mag, together.star(k).mag)
    other = inject(survey.lightcurves, trials, ERRORS, PARAMETERS.model_copy(update={"seed": 1}))
    assert (other.star(1).mag != together.star(1).mag).any()


def test_light_curves_are_named_after_their_trials(survey, trial):
    batch = inject(survey.lightcurves, trial(survey), QUIET, PARAMETERS)
    assert batch.stars["asas_sn_id"].tolist() == [5]
    assert batch.stars["asas_sn_id"].dtype == "Int64"


def test_one_camera_alone_may_see_an_event(survey, trial):
    parameters = InjectionParameters(one_camera=True)
    new, old = changed(survey, trial(survey, duration_days=3000.0), QUIET, parameters)
    touched = new.mag > old.mag + 0.3
    assert touched.any()
    assert len(np.unique(old.camera[touched])) == 1


def test_repeats_come_at_their_spacing(survey, trial):
    parameters = InjectionParameters(n_repeats=3, spacing_days=200.0)
    trials = trial(survey, n_events=3, duration_days=10.0)
    spans = injected_spans(trials, parameters)
    np.testing.assert_allclose(np.diff(spans["jd_start"]), 200.0)
    assert (spans["trial_id"] == 5).all()
    new, old = changed(survey, trials, QUIET, parameters)
    dimmed = old.jd[new.mag > old.mag + 0.01]
    place = (dimmed - trials["t_peak_jd"][0] + 100) % 200 - 100
    assert np.abs(place).max() < 20


def test_a_star_without_light_curve_is_named(survey, trial):
    with pytest.raises(ValueError, match="star 7 is to be injected into"):
        inject(survey.lightcurves, trial(survey, asas_sn_id=7), QUIET, PARAMETERS)
