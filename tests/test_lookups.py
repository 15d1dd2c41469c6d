from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from malca.catalogs import Entries
from malca.lookups import SWITCHED_OFF, look_up, look_up_all, named_columns, targets_of

BIG = 5937083312263887616  # no float64 holds it exactly


@pytest.fixture
def stars():
    return pd.DataFrame(
        {
            "asas_sn_id": [1, 2, 3],
            "ra_deg": [10.0, 20.0, 30.0],
            "dec_deg": [0.0, -5.0, 5.0],
            "pm_ra_masyr": [1.0, 2.0, np.nan],
            "pm_dec_masyr": [1.0, 2.0, np.nan],
            "gaia_id": pd.array([BIG + 1, BIG + 2, None], dtype="Int64"),
            "gaia_release": ["DR2", "DR2", None],
        }
    )


class Answering:
    """A catalogue that answers with what a function makes of the targets."""

    fingerprint = "fake"

    def __init__(self, answer):
        self.answer = answer
        self.n_asked = 0

    def match(self, targets):
        self.n_asked += 1
        return self.answer(targets)

    match_all = match


def matched(targets):
    return pd.DataFrame(
        {
            "asas_sn_id": targets["asas_sn_id"].to_numpy(),
            "outcome": "matched",
            "reason": "",
            "sep_arcsec": 0.5,
            "match_by": "position",
            "period_days": 3.0,
        }
    )


def listed(targets):
    outcomes = matched(targets)[["asas_sn_id", "outcome", "reason"]].assign(n_entries=1)
    return Entries(outcomes, matched(targets)[["asas_sn_id", "sep_arcsec", "period_days"]])


def fails(targets):
    raise ConnectionError("503\n service  busy")


def test_dr3_stands_in_for_the_ids_of_the_index_and_stays_exact(stars):
    stars["gaia_dr3_id"] = pd.array([BIG + 3, None, BIG + 5], dtype="Int64")
    targets = targets_of(stars)
    assert targets["gaia_id"].tolist() == [BIG + 3, BIG + 2, BIG + 5]
    assert targets["gaia_release"].tolist() == ["DR3", "DR2", "DR3"]
    assert str(targets["gaia_id"].dtype) == "Int64"


def test_an_index_without_gaia_still_gives_targets(stars):
    targets = targets_of(stars[["asas_sn_id", "ra_deg", "dec_deg"]])
    assert targets["gaia_id"].isna().all()
    assert targets["pm_ra_masyr"].isna().all()


def test_gaia_knows_best_where_a_star_is(stars):
    stars["gaia_ra_deg"] = [10.1, np.nan, 30.1]
    stars["gaia_dec_deg"] = [0.1, np.nan, 5.1]
    stars["gaia_pm_ra_masyr"] = [np.nan, np.nan, 7.0]
    stars["gaia_pm_dec_masyr"] = [9.0, np.nan, 8.0]
    targets = targets_of(stars)
    assert targets["ra_deg"].tolist() == [10.1, 20.0, 30.1]
    assert targets["dec_deg"].tolist() == [0.1, -5.0, 5.1]
    # half a proper motion is none
    assert targets["pm_ra_masyr"].tolist() == [1.0, 2.0, 7.0]
    assert targets["pm_dec_masyr"].tolist() == [1.0, 2.0, 8.0]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"gaia_id": [1.0, 2.0, 3.0]}, TypeError),
        ({"asas_sn_id": [1, 1, 2]}, ValueError),
        ({"asas_sn_id": pd.array([1, None, 2], dtype="Int64")}, ValueError),
    ],
)
def test_unusable_ids_are_refused(stars, change, error):
    with pytest.raises(error):
        targets_of(stars.assign(**change))


@pytest.mark.parametrize("ask", [look_up, look_up_all])
def test_one_that_is_switched_off_is_not_asked(stars, ask):
    catalog = Answering(fails)
    answer = ask(targets_of(stars), catalog, False, "ztf")
    outcomes = answer if ask is look_up else answer.outcomes
    assert catalog.n_asked == 0
    assert outcomes["outcome"].tolist() == ["unknown"] * 3
    assert set(outcomes["reason"]) == {SWITCHED_OFF}


@pytest.mark.parametrize(
    ("ask", "answer", "reason"),
    [
        (look_up, fails, "503 service busy"),
        (look_up_all, fails, "503 service busy"),
        (look_up, lambda targets: matched(targets.iloc[::-1]), "not about the stars"),
        (look_up_all, lambda targets: listed(targets.iloc[:1]), "not about the stars"),
        (look_up, lambda targets: matched(targets).drop(columns="reason"), "lacks reason"),
        (look_up, lambda targets: matched(targets).assign(outcome="yes"), "outcome 'yes'"),
        (look_up_all, lambda targets: None, ""),
    ],
)
def test_whatever_a_catalogue_does_its_stars_are_unknown(stars, ask, answer, reason, caplog):
    with caplog.at_level(logging.WARNING):
        got = ask(targets_of(stars), Answering(answer), True, "ztf")
    outcomes = got if ask is look_up else got.outcomes
    assert outcomes["outcome"].tolist() == ["unknown"] * 3
    assert outcomes["reason"].str.contains(reason).all()
    assert outcomes["asas_sn_id"].tolist() == [1, 2, 3]
    assert "ztf" in caplog.text


def test_answers_come_through_as_they_are(stars):
    targets = targets_of(stars)
    assert look_up(targets, Answering(matched), True, "ztf")["period_days"].tolist() == [3.0] * 3
    outcomes, entries = look_up_all(targets, Answering(listed), True, "ztf")
    assert outcomes["n_entries"].tolist() == [1, 1, 1]
    assert entries["asas_sn_id"].tolist() == [1, 2, 3]


def test_columns_are_the_same_with_and_without_an_answer(stars):
    names = {
        "ztf_period_days": ("period_days", "float64"),
        "ztf_class": ("class", "str"),
        "ztf_n": ("n", "Int64"),
        "ztf_flag": ("flag", "boolean"),
    }
    targets = targets_of(stars)
    there = named_columns(look_up(targets, Answering(matched), True, "ztf"), names)
    gone = named_columns(look_up(targets, Answering(fails), True, "ztf"), names)
    assert there.dtypes.equals(gone.dtypes)
    assert there["ztf_period_days"].tolist() == [3.0] * 3
    assert gone.isna().all(axis=None)
