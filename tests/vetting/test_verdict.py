from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.lookups import SWITCHED_OFF
from malca.vetting.object_types import explains, is_dipper_type
from malca.vetting.parameters import VettingParameters
from malca.vetting.verdict import DECIDING, judge_known, remark

PARAMETERS = VettingParameters()


def star(**columns):
    """A star that every catalogue was asked about and none lists."""
    row = {f"{prefix}_outcome": "not_matched" for prefix in DECIDING}
    row |= {f"{prefix}_reason": "" for prefix in DECIDING}
    row |= {"simbad_main_id": None, "simbad_otype": None, "simbad_n_references": pd.NA,
            "gaia_eb_period_days": np.nan, "tns_name": None, "alerce_probability": np.nan,
            "alerce_oid": None, "gaia_var_score": np.nan}  # fmt: skip
    row |= {f"{prefix}_class": None for prefix in ("vsx", "gaia_var", "asassn", "ztf", "alerce", "tns")}
    row |= {f"{prefix}_period_days": np.nan for prefix in ("asassn", "ztf", "vsx")}
    return pd.DataFrame([row | columns])


def judged(table, **parameters):
    return judge_known(table, VettingParameters.model_validate(parameters)).iloc[0]


def test_a_star_that_all_have_looked_for_and_none_lists_is_new():
    row = judged(star())
    assert row["vetting_likely_known"] == False  # noqa: E712
    assert row["vetting_reasons"] == ""
    assert row["vetting_known_dipper"] == False  # noqa: E712


@pytest.mark.parametrize("prefix", list(DECIDING))
def test_one_that_did_not_answer_leaves_it_open(prefix):
    row = judged(star(**{f"{prefix}_outcome": "unknown", f"{prefix}_reason": "timed out"}))
    assert row["vetting_likely_known"] is pd.NA
    assert row["vetting_unknown"] == prefix


def test_one_that_does_not_look_there_or_is_switched_off_leaves_nothing_open():
    row = judged(star(ztf_outcome="not_covered", tns_outcome="unknown", tns_reason=SWITCHED_OFF))
    assert row["vetting_likely_known"] == False  # noqa: E712
    assert (row["vetting_not_covering"], row["vetting_unknown"]) == ("ztf", "")


def test_nothing_is_told_where_nobody_was_asked():
    table = star(**{f"{prefix}_outcome": "unknown" for prefix in DECIDING})
    for prefix in DECIDING:
        table[f"{prefix}_reason"] = SWITCHED_OFF
    assert judged(table)["vetting_likely_known"] is pd.NA


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"simbad_main_id": "V* W UMa", "simbad_otype": "EB*"}, "SIMBAD: V* W UMa, EB*"),
        ({"simbad_main_id": "TYC 1", "simbad_otype": "*", "simbad_n_references": 7}, "cited 7 times"),
        ({"asassn_class": "EW", "asassn_period_days": 0.334}, "ASAS-SN: EW, 0.334 d"),
        ({"ztf_class": "BYDra", "ztf_period_days": 5.0}, "ZTF: BYDra, 5 d"),
        ({"vsx_class": "SR"}, "VSX: SR"),
        ({"gaia_var_class": "ECL", "gaia_var_score": 0.9}, "Gaia: ECL"),
        ({"gaia_eb_period_days": 3.25}, "Gaia eclipsing binary, 3.25 d"),
        ({"tns_name": "2020abc", "tns_class": "CV"}, "TNS: 2020abc, CV"),
        ({"alerce_class": "LPV", "alerce_probability": 0.8}, "ALeRCE: LPV"),
    ],
)
def test_each_catalogue_can_tell_what_a_star_is(columns, told):
    # even where another does not answer
    row = judged(star(simbad_outcome="unknown", **columns))
    assert row["vetting_likely_known"] == True  # noqa: E712
    assert told in row["vetting_reasons"]


@pytest.mark.parametrize(
    "columns",
    [
        {"simbad_otype": "V*", "simbad_n_references": 3},
        {"simbad_otype": "TT*", "simbad_n_references": 1},
        {"asassn_class": "VAR"},
        {"vsx_class": "VAR:"},
        {"alerce_class": "LPV", "alerce_probability": 0.3},
    ],
)
def test_what_says_only_that_it_varies_makes_it_not_known(columns):
    assert judged(star(**columns))["vetting_likely_known"] == False  # noqa: E712


def test_a_known_dipper_is_not_known_to_be_something_else():
    row = judged(star(vsx_class="UXOR", simbad_otype="Or*", simbad_n_references=80))
    assert row["vetting_known_dipper"] == True  # noqa: E712
    assert row["vetting_dipper_reasons"] == "VSX: UXOR"
    assert row["vetting_likely_known"] == False  # noqa: E712
    row = judged(star(vsx_class="UXOR", asassn_class="EA", asassn_period_days=2.0))
    assert row["vetting_likely_known"] == True  # noqa: E712
    assert row["vetting_reasons"] == "ASAS-SN: EA, 2 d"


def test_generic_classes_count_if_wanted():
    row = judged(star(asassn_class="VAR"), ignore_generic_classes=False)
    assert row["vetting_reasons"] == "ASAS-SN: VAR"


def test_an_entry_without_a_period_has_said_its_class():
    row = judged(
        star(asassn_outcome="unknown", asassn_reason="its entry has no period_days", asassn_class="VAR")
    )
    assert row["vetting_likely_known"] == False  # noqa: E712


def test_types_of_candidates_count_as_those_of_objects():
    assert explains("EB?") and explains("CV*") and explains("QSO")  # noqa: PT018
    assert not any(map(explains, ["*", "V*", "TT*", "Or*", "YSO", "IR", "PM*", "?", "RC*", ""]))
    assert is_dipper_type("RC*") and is_dipper_type("RC?")  # noqa: PT018


def test_remarks_tell_and_decide_nothing():
    table = star(
        cluster_name="NGC 1", cluster_pm_offset_sigma=6.2, erosita_outcome="matched",
        erosita_name="1eRASS J1", erosita_log10_luminosity=30.12,
        neighbours_known_variable=True, neighbours_variable_name="V1 Lup",
        neighbours_variable_sep_arcsec=22.4, neighbours_bright_close=True,
        neighbours_could_feign_dip=pd.NA,
    )  # fmt: skip
    row = remark(table, PARAMETERS).iloc[0]
    assert row["cluster_pm_consistent"] == False  # noqa: E712
    assert row["vetting_remarks"] == (
        "moves 6.2 sigma off NGC 1; X-ray source 1eRASS J1, log L = 30.1 erg/s; "
        "a bright neighbour is close; V1 Lup is 22 arcsec away"
    )
    assert judged(table)["vetting_likely_known"] == False  # noqa: E712
    assert remark(star(), PARAMETERS).iloc[0]["cluster_pm_consistent"] is pd.NA
