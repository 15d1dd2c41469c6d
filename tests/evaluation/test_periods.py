from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.inject import inject
from malca.evaluation.noise import ErrorModel
from malca.evaluation.parameters import InjectionParameters
from malca.evaluation.periods import TestedStars, tested_each
from malca.search.periodicity_parameters import PeriodicityParameters

NO_NOISE = ErrorModel(np.array([[1e-6, 0.0, 0.0], [1e-6, 0.0, 0.0]]))
SAID = ["is_periodic", "period_explains_events"]


@pytest.fixture(scope="module")
def stars(survey):
    """Four stars; the first two rotate in 3.7 d."""
    batch = survey.lightcurves.take(range(4))
    rotating = np.arange(batch.n_points) < batch.offsets[2]
    wave = 0.08 * np.sin(2 * np.pi * batch.jd / 3.7) * rotating
    return replace(batch, mag=(batch.mag + wave).astype(np.float32))


def both(stars, trials, n_events=1):
    """What trials are said to be, by their stars and each by itself; their events are as injected."""
    injected = inject(stars, trials, NO_NOISE, InjectionParameters())
    events = pd.concat(
        [
            pd.DataFrame(
                {"asas_sn_id": trials["trial_id"], "kind": "dip",
                 "jd_start": trials["t_peak_jd"] - 25 + 90 * k,
                 "jd_end": trials["t_peak_jd"] + 25 + 90 * k}
            )
            for k in range(n_events)
        ],
        ignore_index=True,
    )  # fmt: skip
    chosen = pd.DataFrame({"asas_sn_id": trials["trial_id"], "excluded_cameras": ""})
    owner = trials[["trial_id", "asas_sn_id"]].rename(columns={"trial_id": "case_id"})
    ids = trials["asas_sn_id"].unique()
    parameters = PeriodicityParameters()
    nothing = pd.Series("", index=ids)
    by_star = TestedStars(stars, events.iloc[:0], nothing, owner, parameters, 1)
    tables = by_star(injected, events, chosen), tested_each(injected, events, chosen, parameters, 1)
    return [table.set_index("asas_sn_id").loc[trials["trial_id"]] for table in tables]


def of_stars(stars, trial, survey):
    return pd.concat(
        [trial(survey, trial_id=10 + k, asas_sn_id=int(star), depth_mag=0.5, duration_days=40.0,
               t_peak_jd=float(np.median(stars.star(k).jd)))
         for k, star in enumerate(stars.stars["asas_sn_id"])], ignore_index=True,
    )  # fmt: skip


def test_a_trial_is_what_its_star_is(stars, trial, survey):
    by_star, each = both(stars, of_stars(stars, trial, survey))
    pd.testing.assert_frame_equal(by_star[SAID], each[SAID])
    assert by_star["is_periodic"].tolist() == [True, True, False, False]
    assert not by_star["period_explains_events"].any()


def test_trials_with_many_events_are_tested_by_themselves(stars, trial, survey):
    by_star, each = both(stars, of_stars(stars, trial, survey), n_events=3)
    pd.testing.assert_frame_equal(by_star, each)
