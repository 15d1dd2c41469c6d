from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.judging import SelectionParameters, stage_names
from malca.evaluation.noise import ErrorModel
from malca.evaluation.parameters import InjectionParameters
from malca.evaluation.trials import DONE, run_trials
from malca.filters import FilteringParameters
from malca.search.parameters import DetectionParameters
from malca.search.tags import TagParameters

ERRORS = ErrorModel(np.array([[1e-6, 3e-5, 2e-4], [1e-6, 3e-5, 8e-4]]))
PARAMETERS = InjectionParameters()
SELECTION = SelectionParameters()


def run(survey, trials, selection=SELECTION, parameters=PARAMETERS, workers=1):
    return run_trials(survey.lightcurves, trials, survey.facts, ERRORS, parameters, selection, workers)


def several(survey, trial):
    rows = []
    for k, star in enumerate(survey.stars.itertuples()):
        middle = 0.5 * (star.jd_first + star.jd_last)
        for depth, duration in ((0.0201, 3.0), (0.2, 25.0), (1.5, 120.0)):
            rows.append(
                trial(survey, trial_id=len(rows), asas_sn_id=star.asas_sn_id, depth_mag=depth,
                      duration_days=duration, t_peak_jd=middle + 37.0 * k)
            )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def results(survey, trial):
    return run(survey, several(survey, trial))


def test_deep_long_dips_are_found_and_shallow_short_ones_are_not(results):
    by_depth = results.groupby("depth_mag")[["event", "candidate"]].mean()
    assert by_depth.loc[1.5, "event"] == 1.0
    assert by_depth.loc[1.5, "candidate"] >= 0.9
    assert by_depth.loc[0.0201, "event"] == 0.0


def test_what_is_found_is_like_what_was_put_in(results):
    found = results[results["event"] & (results["depth_mag"] == 1.5) & results["observed"]]
    np.testing.assert_allclose(found["recovered_depth_mag"].median(), 1.5, rtol=0.15)
    offset = (found["recovered_t_peak_jd"] - found["t_peak_jd"]).abs()
    assert offset.median() < 10


def test_no_stage_is_reached_without_those_before_it(results):
    reached = results[list(stage_names(SELECTION.filtering))].to_numpy()
    assert (reached[:, 1:] <= reached[:, :-1]).all()
    assert stage_names(SELECTION.filtering)[0] == "triggered"
    assert (results["outcome"] == DONE).all()
    assert results["trial_id"].dtype == results["asas_sn_id"].dtype == "int64"


def test_order_company_and_threads_change_no_number(survey, results, trial):
    trials = several(survey, trial)
    shuffled = run(survey, trials.sample(frac=1.0, random_state=1), workers=2)
    shuffled = shuffled.sort_values("trial_id", ignore_index=True)
    pd.testing.assert_frame_equal(shuffled, results, check_exact=True)
    chosen = trials.iloc[[4, 20]].reset_index(drop=True)
    expected = results.iloc[[4, 20]].reset_index(drop=True)
    pd.testing.assert_frame_equal(run(survey, chosen), expected, check_exact=True)


def test_a_dip_wholly_in_a_gap_is_never_recovered(survey, trial):
    star = survey.lightcurves.star(0)
    widest = int(np.argmax(np.diff(star.jd)))
    gap = star.jd[widest + 1] - star.jd[widest]
    assert gap > 40
    trials = trial(
        survey, shape="trapezoid", depth_mag=2.0, duration_days=0.6 * gap,
        t_peak_jd=float(star.jd[widest] + 0.5 * gap),
    )  # fmt: skip
    row = run(survey, trials).iloc[0]
    assert not row["observed"]
    assert row["n_points_inside"] == 0
    assert not row["triggered"]
    assert not row["event"]
    assert not row["candidate"]


def test_an_event_elsewhere_is_no_recovery(survey, trial):
    """A second, deep dip of the star itself is found, but is not what was put in."""
    from malca.evaluation.inject import inject

    star = survey.lightcurves.star(0)
    deep = trial(survey, trial_id=1, depth_mag=1.5, duration_days=60.0)
    with_dip = inject(survey.lightcurves.take([0]), deep, ERRORS, PARAMETERS)
    with_dip.stars["asas_sn_id"] = pd.array(survey.stars["asas_sn_id"][:1], "Int64")
    far = trial(survey, depth_mag=0.0201, duration_days=5.0, t_peak_jd=float(star.jd[20]))
    same = trial(survey, trial_id=6, depth_mag=0.5, duration_days=50.0)
    result = run_trials(
        with_dip, pd.concat([far, same], ignore_index=True), survey.facts, ERRORS, PARAMETERS,
        SELECTION, 1,
    )  # fmt: skip
    assert result["n_own_events"].tolist() == [1, 1]
    assert result["event"].tolist() == [False, True]
    assert result["already"].tolist() == [False, True]


def test_a_shallow_event_has_triggered_and_is_none(survey, trial):
    search = SELECTION.detection.search.model_copy(update={"min_mag_offset": 3.0})
    selection = SELECTION.model_copy(
        update={"detection": SELECTION.detection.model_copy(update={"search": search})}
    )
    row = run(survey, trial(survey, depth_mag=1.0), selection).iloc[0]
    assert row["triggered"]
    assert not row["event"]
    assert not row["candidate"]


def test_stars_that_are_kept_out_of_the_search_say_so(survey, trial):
    selection = SelectionParameters(
        detection=DetectionParameters(tags=TagParameters(min_time_span_days=1e6))
    )
    row = run(survey, trial(survey), selection).iloc[0]
    assert row["outcome"] == "not searched: sparse"
    assert not row["searched"]
    assert not row["event"]


def test_without_filters_every_event_is_a_candidate(survey, trial):
    selection = SelectionParameters(filtering=FilteringParameters(filters={}))
    results = run(survey, several(survey, trial).iloc[:6], selection)
    assert (results["candidate"] == results["event"]).all()
    assert stage_names(selection.filtering) == ("triggered", "event", "candidate")


def test_repeated_events_are_counted(survey, trial):
    parameters = InjectionParameters(n_repeats=3, spacing_days=365.25)
    star = survey.stars.iloc[0]
    trials = trial(survey, n_events=3, depth_mag=1.0, duration_days=60.0,
                   t_peak_jd=float(star["jd_first"] + 400))  # fmt: skip
    row = run(survey, trials, parameters=parameters).iloc[0]
    assert 2 <= row["n_found"] <= 3
    assert row["event"]


def test_jumps_are_found_as_jumps(survey, trial):
    parameters = InjectionParameters(kind="jump", shapes={"paczynski": 1.0})
    trials = trial(survey, kind="jump", shape="paczynski", depth_mag=1.0)
    row = run(survey, trials, parameters=parameters).iloc[0]
    assert row["event"]
    assert row["recovered_depth_mag"] == pytest.approx(1.0, rel=0.2)
