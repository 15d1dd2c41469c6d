from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.cases import altered, design_cases, run_cases
from malca.evaluation.judging import SelectionParameters
from malca.evaluation.nulls import NULLS


@pytest.fixture(scope="module")
def cases(survey):
    return design_cases(survey.stars, (*NULLS, "r_crb", "semiregular"), 3, 8)


@pytest.fixture(scope="module")
def results(survey, cases):
    return run_cases(survey.lightcurves, cases, survey.facts, SelectionParameters(), 3, 1)


def test_every_family_gets_its_stars(cases):
    assert cases["family"].value_counts().to_dict() == dict.fromkeys(
        (*NULLS, "r_crb", "semiregular"), 8
    )
    assert cases["case_id"].is_unique
    assert not cases.duplicated(["family", "asas_sn_id"]).any()


def test_quiet_stars_hold_nothing_however_they_are_turned(results):
    nulls = results[results["family"].isin(NULLS)]
    assert nulls["searched"].all()
    assert nulls["candidate"].sum() == 0
    assert nulls["n_dips"].sum() <= 1


def test_deep_fades_are_found_and_pulsation_is_no_candidate(results):
    share = results.groupby("family")["candidate"].mean()
    assert share["r_crb"] >= 0.8
    assert share["semiregular"] == 0.0
    fades = results[(results["family"] == "r_crb") & results["candidate"]]
    assert (fades["dip_max_ln_bf"] > 30).all()


def test_a_case_does_not_depend_on_the_others(survey, cases, results):
    chosen = cases.iloc[[3, 11, 30]].reset_index(drop=True)
    alone = run_cases(survey.lightcurves, chosen, survey.facts, SelectionParameters(), 3, 2)
    expected = results.iloc[[3, 11, 30]].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, check_exact=True)


def test_another_seed_alters_in_another_way(survey, cases):
    rows = cases[cases["family"] == "cameras_shuffled"]
    nothing = survey.facts.own_dips
    one, other = (altered(survey.lightcurves, rows, seed, nothing) for seed in (1, 2))
    assert (one.mag[np.isfinite(one.mag)] != other.mag[np.isfinite(other.mag)]).any()
    assert one.stars["asas_sn_id"].tolist() == rows["case_id"].tolist()


def test_a_star_that_is_not_there_is_named(survey, cases):
    with pytest.raises(ValueError, match="star 7 has no light curve"):
        altered(survey.lightcurves, cases.assign(asas_sn_id=7), 1, survey.facts.own_dips)
