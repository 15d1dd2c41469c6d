from __future__ import annotations

import numpy as np
import pandas as pd

from malca.filters.base import OUTCOME_NAMES
from malca.filters.match_filters import GaiaProperMotion, GaiaRuwe, PeriodicCatalog, Periodicity


def outcomes(verdict):
    return [OUTCOME_NAMES[code] for code in verdict.outcome.tolist()]


def test_gaia_is_unknown_where_it_has_no_value(make_tables):
    matches = pd.DataFrame(
        {
            "asas_sn_id": [102, 100, 101],
            "ruwe": [np.nan, 1.4, 1.41],
            "pm_total_masyr": [100.1, 100.0, 5.0],
        }
    )
    stars = make_tables([{}], [{}], [{}], [{}], catalog_matches=matches)
    ruwe = GaiaRuwe().judge(stars, "dip")
    assert outcomes(ruwe) == ["passed", "failed", "unknown", "unknown"]
    assert ruwe.value[1] == 1.41
    motion = GaiaProperMotion().judge(stars, "dip")
    assert outcomes(motion) == ["passed", "passed", "failed", "unknown"]
    assert (GaiaRuwe().action, GaiaProperMotion().action) == ("tag", "tag")


def consensus(**columns):
    n = len(next(iter(columns.values())))
    table = {
        "asas_sn_id": np.arange(100, 100 + n),
        "period_accepted": pd.array([True] * n, dtype="boolean"),
        "period_consensus_days": [3.0] * n,
        "period_catalog_class": ["EA"] * n,
        "period_sources": ["vsx|ztf"] * n,
        "period_sources_unknown": [""] * n,
    }
    return pd.DataFrame(table | columns)


def test_short_periods_that_are_accepted_reject(make_tables):
    table = consensus(
        period_accepted=pd.array([True, False, None, True, True, True], dtype="boolean"),
        period_consensus_days=[3.0, 3.0, 3.0, 500.0, 300.0, 30.0],
        period_catalog_class=["EA", "EA", "EA", "EA/GS", "M", "UXOR"],
        period_sources_unknown=["", "", "ogle", "", "", ""],
    )
    stars = make_tables(*[[{}]] * 7, period_consensus=table)
    verdict = PeriodicCatalog().judge(stars, "dip")
    assert outcomes(verdict) == [
        "failed", "passed", "unknown", "passed", "failed", "passed", "unknown",
    ]  # fmt: skip
    assert verdict.reason[0] == "3 d (EA) in vsx, ztf"
    assert verdict.reason[2] == "no answer from ogle"
    assert verdict.reason[6] == "no catalogue of periods was asked"


def test_a_period_rejects_if_it_makes_the_events(make_tables):
    tested = pd.DataFrame(
        {
            "asas_sn_id": [100, 101, 102, 103, 104],
            "is_periodic": pd.array([True, False, None, True, True], dtype="boolean"),
            "period_explains_events": pd.array([True, False, None, False, None], dtype="boolean"),
            "lsp_period_days": 40.0,
            "lsp_amplitude_mag": 0.15,
            "lsp_log10_fap": -20.0,
            "periodicity_reason": ["coherent", "noise", "too few points", "coherent", "coherent"],
        }
    )
    stars = make_tables([{}], [{}], [{}], [{}], [{}], [{}], periodicity=tested)
    verdict = Periodicity().judge(stars, "dip")
    assert outcomes(verdict) == ["failed", "passed", "unknown", "passed", "failed", "unknown"]
    assert verdict.value[0] == -20.0
    assert verdict.reason[0] == "periodic, 40 d and 0.15 mag"
    assert verdict.reason[2] == "not tested for periods: too few points"
    assert verdict.reason[5] == "not tested for periods"
