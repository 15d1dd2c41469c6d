from __future__ import annotations

import pandas as pd
import pytest

from malca.vetting.parameters import SURVEYS
from malca.vetting.spectra import gather_spectra

STARS = pd.DataFrame({"asas_sn_id": [1, 2, 3]})


def spectrum(star, sep, spectrum_id, **more):
    return {"asas_sn_id": star, "sep_arcsec": sep, "spectrum_id": spectrum_id, **more}


@pytest.fixture
def surveys(make_entries):
    nothing = dict.fromkeys([1, 2, 3], "not_matched")
    found = {name: make_entries(nothing) for name in SURVEYS}
    found["lamost"] = make_entries(
        {1: "matched", 2: "not_covered", 3: "not_matched"},
        [spectrum(1, 1.5, "300702165", snr=40.0), spectrum(1, 0.4, "300702999")],
    )
    found["sdss"] = make_entries(
        {1: "matched", 2: "unknown", 3: "not_matched"},
        [spectrum(1, 0.3, "0"), spectrum(1, 0.9, "7841030947256686592", **{"class": "STAR"})],
    )
    return found


def summed(surveys):
    long, summary = gather_spectra(STARS, surveys)
    return long, summary.set_index("asas_sn_id")


def test_spectra_are_listed_nearest_first_with_their_links(surveys):
    long, summary = summed(surveys)
    assert long["sep_arcsec"].tolist() == [0.4, 0.9, 1.5]
    assert long["survey"].tolist() == ["lamost", "sdss", "lamost"]
    assert long["link"].str.contains(r"obsid=300702999|sid=7841030947256686592|obsid=300702165").all()
    assert summary.loc[1, "spectra_surveys"] == "lamost|sdss"
    assert summary.loc[1, "spectra_nearest_survey"] == "lamost"
    assert summary.loc[1, "spectra_nearest_id"] == "300702999"


def test_a_row_of_a_photometric_table_is_no_spectrum(surveys):
    _, summary = summed(surveys)
    assert summary["spectra_count"].tolist() == [3, 0, 0]


def test_no_spectrum_is_said_only_if_all_answered(surveys):
    _, summary = summed(surveys)
    assert summary["spectra_any"].tolist() == [True, pd.NA, False]
    assert summary.loc[2, "spectra_unknown"] == "sdss"
    assert summary.loc[2, "spectra_not_covering"] == "lamost"


def test_one_that_is_switched_off_was_not_asked(surveys):
    outcomes, entries = surveys["sdss"]
    off = outcomes.assign(outcome="unknown", reason="switched off", n_entries=0)
    surveys["sdss"] = type(surveys["sdss"])(off, entries.iloc[:0])
    _, summary = summed(surveys)
    assert summary["spectra_any"].tolist() == [True, False, False]
    assert summary["spectra_unknown"].tolist() == ["", "", ""]


def test_nothing_is_known_where_nobody_was_asked(make_entries):
    off = make_entries(dict.fromkeys([1, 2, 3], "unknown"))
    off.outcomes["reason"] = "switched off"
    long, summary = summed(dict.fromkeys(SURVEYS, off))
    assert summary["spectra_any"].isna().all()
    assert not len(long)
