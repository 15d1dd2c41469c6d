"""The consensus of catalogues against one written star by star, and cases worked by hand."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from malca.astrophysics.period_consensus import (
    SOURCES,
    PeriodConsensusParameters,
    period_consensus,
    periods_agree,
    vsx_as_match,
)
from malca.catalogs import NOT_COVERED, UNKNOWN

DEFAULT = PeriodConsensusParameters()


def table(periods, *, outcome=None, quality=None, classes="EA", ids=None) -> pd.DataFrame:
    """Matches of a catalogue: a period is a match, None is none."""
    n = len(periods)
    values = np.array([np.nan if p is None else p for p in periods], float)
    frame = pd.DataFrame(
        {
            "asas_sn_id": np.arange(n) if ids is None else ids,
            "outcome": ["not_matched" if p is None else "matched" for p in periods],
            "sep_arcsec": np.where(np.isnan(values), np.nan, 0.5),
            "period_days": values,
            "class": classes,
        }
    )
    frame["class"] = frame["class"].astype("str").where(frame["outcome"].eq("matched"))
    if outcome is not None:
        frame["outcome"] = outcome
    if quality is not None:
        frame["quality"] = quality
    return frame


def one(parameters=DEFAULT, **periods) -> pd.Series:
    """Consensus on one star, of periods: a number, None (not listed), "unknown" or "outside"."""
    outcomes = {"unknown": UNKNOWN, "outside": NOT_COVERED}
    tables = {
        source: table([None], outcome=outcomes[p]) if p in outcomes else table([p])
        for source, p in periods.items()
    }
    return period_consensus(tables, parameters).iloc[0]


def by_hand(periods: dict[str, float], parameters: PeriodConsensusParameters):
    """Reference, agreeing and consensus of one star, in plain Python."""

    def ratio(p, q):
        return min(parameters.ratios, key=lambda r: abs(math.log(p / q / r)))

    def agree(p, q):
        off = p / q / ratio(p, q)
        return max(off, 1 / off) <= 1 + parameters.tolerance

    names = [name for name in parameters.priority if name in periods]
    counts = {name: sum(agree(periods[name], q) for q in periods.values()) for name in names}
    reference = max(names, key=counts.__getitem__)  # the first of equals
    chosen = [p for p in periods.values() if agree(p, periods[reference])]
    moved = [p / ratio(p, periods[reference]) for p in chosen]
    return reference, len(chosen), statistics.median(moved)


def test_many_stars_are_as_one_by_one(rng):
    n = 600
    true = np.exp(rng.uniform(np.log(0.2), np.log(300), n))
    columns = {}
    for source in SOURCES:
        period = true * rng.choice([1 / 3, 0.5, 1, 1, 1, 2, 3], n) * np.exp(rng.normal(0, 0.05, n))
        period = np.where(rng.random(n) < 0.2, np.exp(rng.uniform(-1, 5, n)), period)
        columns[source] = np.where(rng.random(n) < 0.4, np.nan, period)
    parameters = PeriodConsensusParameters(priority=("ogle", "vsx", "gaia_eb", "ztf", "asassn"))
    tables = {
        source: table([None if np.isnan(p) else p for p in periods])
        for source, periods in columns.items()
    }
    tables["ztf"] = tables["ztf"].sample(frac=1, random_state=3)  # aligned by id
    found = period_consensus(tables, parameters)
    seen = set()
    for k, row in found.iterrows():
        periods = {s: columns[s][k] for s in SOURCES if not np.isnan(columns[s][k])}
        assert row["period_sources"] == "|".join(s for s in parameters.priority if s in periods)
        assert row["period_n_sources"] == len(periods)
        for source in SOURCES:
            np.testing.assert_equal(row[f"period_{source}_days"], columns[source][k])
        if not periods:
            assert row["period_catalog_outcome"] == "not_matched"
            assert row["period_n_agreeing"] == 0
            assert pd.isna(row["period_consensus_agree"])
            assert pd.isna(row["period_conflict"])
            assert np.isnan(row["period_consensus_days"])
            assert row["period_primary_source"] == ""
            continue
        reference, n_agreeing, consensus = by_hand(periods, parameters)
        assert row["period_primary_source"] == reference
        assert row["period_n_agreeing"] == n_agreeing
        assert row["period_consensus_days"] == pytest.approx(consensus, rel=1e-12)
        assert row["period_consensus_support"] == n_agreeing / len(periods)
        assert row["period_consensus_agree"] == (n_agreeing >= 2)
        assert row["period_conflict"] == (len(periods) > 1 and n_agreeing < len(periods))
        seen.add((len(periods), n_agreeing))
    assert {(1, 1), (2, 1), (2, 2), (3, 2), (5, 3), (5, 5)} <= seen


@pytest.mark.parametrize("ratio", [1 / 3, 1 / 2, 1, 2, 3])
def test_periods_agree_at_the_ratios_and_no_further(ratio):
    def agree(p, q):
        return bool(periods_agree(np.array(p), np.array(q), DEFAULT.ratios, DEFAULT.tolerance))

    for off, expected in ((1.0, True), (1.099, True), (1 / 1.099, True), (1.101, False), (0.9, False)):
        assert agree(7.0 * ratio * off, 7.0) is expected
        assert agree(7.0, 7.0 * ratio * off) is expected  # the same both ways
    assert not agree(np.nan, 7.0)
    assert not agree(7.0 * 4, 7.0)


def test_chance_agreement_is_what_the_text_says(rng):
    p, q = np.exp(rng.uniform(np.log(0.1), np.log(1000), (2, 200_000)))
    assert periods_agree(p, q, DEFAULT.ratios, DEFAULT.tolerance).mean() == pytest.approx(
        0.095, abs=0.003
    )


def test_one_catalogue_is_no_agreement():
    star = one(gaia_eb=3.0, vsx=None, asassn=None)
    assert star["period_consensus_days"] == 3.0
    assert star["period_catalog_outcome"] == "matched"
    assert not star["period_consensus_agree"]
    assert not star["period_conflict"]
    assert not star["period_accepted"]


def test_the_largest_group_leads_and_the_consensus_is_moved_to_it():
    star = one(gaia_eb=40.0, vsx=2.0, asassn=4.02, ztf=1.01, ogle=None)
    assert star["period_primary_source"] == "vsx"
    assert star["period_n_agreeing"] == 3
    assert star["period_consensus_days"] == pytest.approx(np.median([2.0, 2.01, 2.02]))
    assert (star["period_consensus_agree"], star["period_conflict"]) == (True, True)
    assert star["period_consensus_support"] == 0.75


def test_among_equals_priority_leads():
    assert one(ztf=2.0, vsx=1.0)["period_primary_source"] == "vsx"
    turned = PeriodConsensusParameters(priority=("ztf", "vsx", "gaia_eb", "asassn", "ogle"))
    star = one(turned, ztf=2.0, vsx=1.0)
    assert (star["period_primary_source"], star["period_consensus_days"]) == ("ztf", 2.0)
    assert star["period_sources"] == "ztf|vsx"


@pytest.mark.parametrize(
    ("periods", "outcome", "accepted"),
    [
        ({"vsx": None, "ztf": None}, "not_matched", False),
        ({"vsx": None, "ztf": "unknown"}, "unknown", False),  # one is no agreement
        ({"vsx": "unknown", "ztf": "unknown"}, "unknown", None),
        ({"vsx": None, "gaia_eb": "unknown"}, "unknown", None),  # its period alone could be enough
        ({"vsx": 2.0, "ztf": None}, "matched", False),
        ({"vsx": 2.0, "ztf": "unknown"}, "matched", None),
        ({"vsx": 2.0, "ztf": 4.0, "ogle": "unknown"}, "matched", True),
        ({"vsx": 2.0, "ztf": 13.0}, "matched", False),
        ({"vsx": 2.0, "ztf": 13.0, "ogle": "unknown"}, "matched", None),
    ],
)
def test_unknown_is_not_no(periods, outcome, accepted):
    star = one(**periods)
    assert star["period_catalog_outcome"] == outcome
    assert (None if pd.isna(star["period_accepted"]) else bool(star["period_accepted"])) is accepted
    unknown = [source for source, p in periods.items() if p == "unknown"]
    assert star["period_sources_unknown"] == "|".join(unknown)
    assert star["period_sources_not_covering"] == ""


@pytest.mark.parametrize(
    ("periods", "outcome", "accepted"),
    [
        ({"vsx": None, "ztf": None, "ogle": "outside"}, "not_matched", False),
        ({"vsx": None, "gaia_eb": "outside"}, "not_matched", False),
        ({"vsx": 2.0, "ztf": None, "ogle": "outside"}, "matched", False),
        ({"vsx": 2.0, "ztf": "unknown", "ogle": "outside"}, "matched", None),
        ({"vsx": "unknown", "ztf": "unknown", "ogle": "outside"}, "unknown", None),
        ({"vsx": "unknown", "ztf": None, "ogle": "outside"}, "unknown", False),
        ({"vsx": 2.0, "ztf": 4.0, "ogle": "outside"}, "matched", True),
        ({"ztf": "outside", "ogle": "outside"}, "unknown", None),  # nobody has looked at all
    ],
)
def test_a_catalogue_that_does_not_cover_the_star_cannot_be_asked(periods, outcome, accepted):
    star = one(**periods)
    assert star["period_catalog_outcome"] == outcome
    assert (None if pd.isna(star["period_accepted"]) else bool(star["period_accepted"])) is accepted
    outside = [source for source in DEFAULT.priority if periods.get(source) == "outside"]
    assert star["period_sources_not_covering"] == "|".join(outside)
    unknown = [source for source in DEFAULT.priority if periods.get(source) == "unknown"]
    assert star["period_sources_unknown"] == "|".join(unknown)


def test_an_open_consensus_is_one_that_some_answer_would_change(rng):
    """Every answer that unknown catalogues could give is tried: none, or any of a few periods."""
    periods = (None, 3.0, 40.0)
    seen = set()
    for _ in range(120):
        known = {
            source: rng.choice(["none", "period", "unknown", "outside"], p=[0.4, 0.2, 0.25, 0.15])
            for source in SOURCES
        }
        given = {s: float(rng.choice([3.0, 40.0])) for s in SOURCES}
        fixed = {
            s: {"none": None, "period": given[s], "outside": "outside"}[state]
            for s, state in known.items()
            if state != "unknown"
        }
        asked = [s for s, state in known.items() if state == "unknown"]
        answers = list(itertools.product(periods, repeat=len(asked)))  # a star each
        tables = {s: table([p] * len(answers)) for s, p in fixed.items() if p != "outside"} | {
            s: table(list(own), quality=1.0)
            for s, own in zip(asked, zip(*answers, strict=True), strict=True)
        }
        results = set(period_consensus(tables, DEFAULT)["period_accepted"]) if tables else set()
        star = one(**fixed, **dict.fromkeys(asked, "unknown"))["period_accepted"]
        expected = bool(results.pop()) if len(results) == 1 else None
        assert (None if pd.isna(star) else bool(star)) is expected, known
        seen.add((len(asked), expected))
    assert {(0, False), (1, None), (1, False), (1, True), (2, None)} <= seen


def test_an_entry_of_low_quality_would_not_be_enough_with_a_period_either():
    entry = {"gaia_eb": table([1.0], quality=[0.5]).assign(period_days=np.nan), "vsx": table([None])}
    assert not period_consensus(entry, DEFAULT)["period_accepted"].iloc[0]
    entry["gaia_eb"]["quality"] = 0.7
    assert pd.isna(period_consensus(entry, DEFAULT)["period_accepted"].iloc[0])


@pytest.mark.parametrize(
    ("source", "quality", "accepted"),
    [("gaia_eb", 0.61, True), ("gaia_eb", 0.6, True), ("gaia_eb", 0.59, False),
     ("gaia_eb", np.nan, False), ("asassn", 0.89, False), ("asassn", 0.95, True), ("ztf", 0.99, False)],
)  # fmt: skip
def test_one_good_catalogue_is_enough(source, quality, accepted):
    others = {name: table([None]) for name in SOURCES if name != source}
    star = period_consensus({source: table([3.0], quality=[quality]), **others}, DEFAULT).iloc[0]
    assert bool(star["period_accepted"]) is accepted
    assert not star["period_consensus_agree"]
    np.testing.assert_equal(star["period_quality"], quality)
    np.testing.assert_equal(star["period_single_quality"], quality if accepted else np.nan)


@pytest.mark.parametrize("period", [np.nan, 0.0, -2.0, np.inf])
def test_an_entry_without_a_period_is_unknown(period):
    empty = table([1.0]).assign(period_days=period)
    star = period_consensus({"vsx": empty, "ztf": table([None])}, DEFAULT).iloc[0]
    assert star["period_catalog_outcome"] == "unknown"
    assert star["period_sources_unknown"] == "vsx"
    assert star["period_n_sources"] == 0
    assert star["period_catalog_class"] == "EA"


def test_the_class_is_the_references_or_the_first_there_is():
    def classes(**of):
        tables = {s: table([p], classes=c) for s, (p, c) in of.items()}
        return period_consensus(tables, DEFAULT)["period_catalog_class"][0]

    assert classes(gaia_eb=(9.0, "ECL"), vsx=(2.0, "EW"), ztf=(2.0, "EA")) == "EW"
    assert classes(gaia_eb=(9.0, "ECL"), vsx=(2.0, ""), ztf=(2.0, "EA")) == "ECL"
    assert classes(gaia_eb=(None, ""), vsx=(2.0, ""), ztf=(None, "EA")) == ""


def test_vsx_plays_by_the_same_rules():
    vsx = pd.DataFrame(
        {
            "asas_sn_id": [1, 2, 3, 4, 5],
            "vsx_outcome": ["matched", "matched", "matched", "not_matched", "unknown"],
            "vsx_is_variable": pd.array([True, False, True, None, None], dtype="boolean"),
            "vsx_period_days": [2.0, 3.0, np.nan, np.nan, np.nan],
            "vsx_class": pd.array(["EA", "CST", "L", None, None], dtype="str"),
            "vsx_sep_arcsec": [0.1, 0.2, 0.3, np.nan, np.nan],
        }
    )
    found = period_consensus({"vsx": vsx_as_match(vsx)}, DEFAULT)
    assert found["period_catalog_outcome"].tolist() == [
        "matched", "not_matched", "unknown", "not_matched", "unknown",
    ]  # fmt: skip
    assert found["period_catalog_class"].tolist() == ["EA", "", "L", "", ""]
    assert found["period_vsx_days"].tolist()[0] == 2.0
    with pytest.raises(ValueError, match=r"vsx: the matches lack outcome.*vsx_as_match"):
        period_consensus({"vsx": vsx}, DEFAULT)


def test_columns_and_types_do_not_depend_on_what_is_found():
    full = period_consensus({s: table([2.0, None], quality=0.7) for s in SOURCES}, DEFAULT)
    empty = period_consensus({"ogle": table([])}, DEFAULT)
    assert list(full) == list(empty)
    assert full.dtypes.to_dict() == empty.dtypes.to_dict()
    assert empty.empty


def test_what_cannot_be_a_consensus_is_refused():
    with pytest.raises(ValueError, match="no catalogue was given"):
        period_consensus({}, DEFAULT)
    with pytest.raises(ValueError, match="no catalogue kelt"):
        period_consensus({"kelt": table([1.0])}, DEFAULT)
    with pytest.raises(ValueError, match="ztf: its matches are not of the same stars"):
        period_consensus({"vsx": table([1.0, 2.0]), "ztf": table([1.0, 2.0], ids=[0, 7])}, DEFAULT)
    with pytest.raises(ValueError, match="vsx: a star has more than one match"):
        period_consensus({"vsx": table([1.0, 2.0], ids=[4, 4])}, DEFAULT)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"ratios": (1.0, 2.0)}, "its inverse"),
        ({"ratios": (1.0, -1.0)}, "positive"),
        ({"priority": ("vsx",)}, "priority must name"),
        ({"single_quality": {"kelt": 0.5}}, "no catalogue kelt"),
        ({"min_agreeing": 1}, "greater than or equal to 2"),
        ({"radius": 3}, "radius"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(values, problem):
    with pytest.raises(ValidationError, match=problem):
        PeriodConsensusParameters(**values)
