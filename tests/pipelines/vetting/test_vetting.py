"""The whole pipeline with catalogues in memory: what fails, what is switched off, what is resumed."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pandas as pd
import pytest

from malca.catalogs import Entries
from malca.datasets.catalog_declaration import own_unit
from malca.descriptions.vetted import COLUMNS
from malca.lookups import SWITCHED_OFF
from malca.pipelines.vetting import create_pipeline
from malca.pipelines.vetting.nodes import look_up_gaia_epochs, vet
from malca.vetting.outcomes import PREFIXES
from malca.vetting.parameters import VettingParameters

BIG = 5937083312263887616
#: Stars of which one is a W UMa binary, one a star nobody lists, one outside eROSITA's sky.
IDS = [11, 12, 13]

MATCHES = {
    "simbad": {11: {"main_id": "V* W UMa", "otype": "EB*", "n_references": 300}},
    "gaia_variability": {11: {"class": "ECL", "score": 0.9, "n_g": 40, "range_g_mag": 0.7,
                              "is_eclipsing": True}},
    "gaia_eb": {11: {"class": "ECL", "period_days": 0.3336, "quality": 0.8}},
    "asassn_variables": {11: {"class": "EW", "period_days": 0.3336, "quality": 0.99}},
    "ztf_periodic": {},
    "tns": {},
    "alerce": {12: {"oid": "ZTF1", "n_detections": 3, "class": "Periodic-Other", "probability": 0.2}},
}  # fmt: skip
ENTRIES = {
    "gaia_epoch_photometry": {11: [{"g_mag": 8.0 + 0.01 * k, "bp_mag": 8.2, "rp_mag": 7.6, "noisy": 0}
                                   for k in range(20)]},
    "erosita": {12: [{"name": "1eRASS J1", "position_error_arcsec": 3.0, "likelihood": 20.0,
                      "extent_arcsec": 0.0, "flux_cgs": 1e-13}]},
    "atlas": {13: [{"filter": "o", "flux_ujy": 500.0, "flux_error_ujy": 10.0}] * 12},
    "neowise": {13: [{"mjd": 57000.0 + 180 * visit + 0.1 * k, "w1mpro": 10.0, "w1sigmpro": 0.02,
                      "w2mpro": 9.9, "w2sigmpro": 0.03} for visit in range(4) for k in range(5)]},
    "gaia_neighbours": {11: [{"gaia_dr3_id": BIG + 11, "g_mag": 8.0}],
                        12: [{"gaia_dr3_id": BIG + 99, "g_mag": 12.0}]},
    "tmass_neighbours": {}, "allwise_neighbours": {},
    "vsx_neighbours": {11: [{"id": "W UMa", "class": "EW", "period_days": 0.3336}]},
    "apogee_spectra": {}, "galah_spectra": {},
    "lamost_spectra": {11: [{"spectrum_id": "300702165", "snr": 90.0}]},
    "rave_spectra": {}, "sdss_spectra": {}, "desi_spectra": {},
}  # fmt: skip


class Answering:
    """Answers from a mapping of stars; some are not covered; fails while it is told to."""

    fingerprint = "fake"

    def __init__(self, listed, not_covered=(), seps=0.2):
        self.listed, self.not_covered, self.seps = listed, not_covered, seps
        self.broken = False
        self.asked = []

    def _outcomes(self, targets):
        self.asked += targets["asas_sn_id"].tolist()
        if self.broken:
            raise ConnectionError("503 Service Unavailable")
        ids = targets["asas_sn_id"].reset_index(drop=True)
        outcome = np.where(ids.isin(self.not_covered), "not_covered", "not_matched")
        outcome = np.where(ids.isin(list(self.listed)), "matched", outcome)
        return pd.DataFrame({"asas_sn_id": ids, "outcome": outcome, "reason": ""})

    def match(self, targets):
        table = self._outcomes(targets)
        there = table["outcome"].eq("matched")
        table["sep_arcsec"] = np.where(there, self.seps, np.nan)
        table["match_by"] = np.where(there, "position", "")
        rows = pd.DataFrame([self.listed.get(star, {}) for star in table["asas_sn_id"]])
        return pd.concat([table, rows], axis=1)

    def match_all(self, targets):
        outcomes = self._outcomes(targets)
        rows = [
            {"asas_sn_id": star, "sep_arcsec": self.seps, **row}
            for star in outcomes["asas_sn_id"]
            for row in self.listed.get(star, [])
        ]
        entries = pd.DataFrame(rows) if rows else pd.DataFrame({"asas_sn_id": [], "sep_arcsec": []})
        entries = entries.astype({"asas_sn_id": "int64", "sep_arcsec": "float64"})
        counts = entries["asas_sn_id"].value_counts()
        n = outcomes["asas_sn_id"].map(counts).fillna(0).astype("int64")
        return Entries(outcomes.assign(n_entries=n), entries)


def candidates():
    return pd.DataFrame(
        {
            "asas_sn_id": IDS,
            "ra_deg": [145.9, 20.0, 30.0],
            "dec_deg": [55.95, -5.0, 5.0],
            "gaia_dr3_id": pd.array([BIG + 11, BIG + 12, None], dtype="Int64"),
            "gaia_g_mag": [8.0, 13.0, np.nan],
            "gaia_has_epoch_photometry": pd.array([True, False, None], dtype="boolean"),
            "distance_pc": [52.0, 400.0, np.nan],
            "dip_best_depth_mag": [0.7, 0.2, 0.5],
            # what the filters found in the same catalogue before
            "asassn_outcome": "unknown",
            "vsx_outcome": ["matched", "not_matched", "not_matched"],
            "vsx_class": ["EW", None, None],
        }
    )


def catalogs_of_tests():
    made = {name: Answering(listed) for name, listed in (MATCHES | ENTRIES).items()}
    made["erosita"].not_covered = (13,)
    made["ztf_periodic"].not_covered = (13,)
    return made


@pytest.fixture
def characterized():
    return candidates()


@pytest.fixture
def catalogs():
    return catalogs_of_tests()


@pytest.fixture(scope="module")
def whole():
    """Tables of a run in which all answer."""
    return run(candidates(), catalogs_of_tests())


def run(characterized, catalogs, **parameters):
    chosen = VettingParameters.model_validate(
        {"atlas": {"enabled": True}, "neowise": {"enabled": True}} | parameters
    )
    data = {"characterized": characterized, "params:vetting": chosen}
    data |= {f"{name}_catalog": catalog for name, catalog in catalogs.items()}
    for node in create_pipeline().nodes:  # in the order of a run
        if node.name != "draw_vetting_outcomes":
            data |= node.run({name: data[name] for name in node.inputs})
    return {name: data[name] for name in ("vetted", "vetting_outcomes", "neighbours", "spectra")}


def test_what_the_catalogues_say_comes_together(whole):
    made, table = whole, whole["vetted"].set_index("asas_sn_id")
    assert table.index.tolist() == IDS
    assert table["vetting_likely_known"].tolist() == [True, False, False]
    for told in ("V* W UMa, EB*", "ASAS-SN: EW, 0.3336 d", "Gaia: ECL", "VSX: EW"):
        assert told in table.loc[11, "vetting_reasons"]
    assert table.loc[11, "asassn_outcome"] == "matched"
    assert table["gaia_epoch_n_g"].tolist() == [20, 0, 0]
    assert table["erosita_outcome"].tolist() == ["not_matched", "matched", "not_covered"]
    assert table["neighbours_gaia_count"].tolist() == [0, 1, 0]
    assert table.loc[12, "neighbours_bright_close"]
    assert table.loc[11, "spectra_surveys"] == "lamost"
    assert table["atlas_n_detections_o"].tolist() == [0, 0, 12]
    assert table.loc[13, "neowise_n_epochs"] == 4
    assert made["neighbours"]["id"].tolist() == [str(BIG + 99)]
    assert made["spectra"]["survey"].tolist() == ["lamost"]
    counts = made["vetting_outcomes"].groupby("module")["n_stars"].sum()
    assert counts.reindex(PREFIXES).tolist() == [3] * len(PREFIXES)


@pytest.mark.parametrize("name", [*MATCHES, *ENTRIES])
def test_one_that_fails_leaves_the_others_alone(characterized, catalogs, whole, name):
    catalogs[name].broken = True
    table, rest = run(characterized, catalogs)["vetted"], whole["vetted"]
    failed = {p: table[f"{p}_reason"].eq("503 Service Unavailable") for p in PREFIXES}
    (prefix,) = [p for p, stars in failed.items() if stars.any()]
    assert table.loc[failed[prefix], f"{prefix}_outcome"].eq("unknown").all()
    assert table.dtypes.to_dict() == rest.dtypes.to_dict()
    # what comes from others is as it was
    told = (prefix, "vetting_", "neighbours_", "spectra_")
    same = [column for column in rest if not column.startswith(told)]
    pd.testing.assert_frame_equal(table[same], rest[same])
    if name in MATCHES:
        assert table["vetting_likely_known"].tolist() == [True, pd.NA, pd.NA]


def test_a_second_run_fills_in_what_was_unknown(characterized, catalogs, whole):
    for name in list(catalogs)[::3]:
        catalogs[name].broken = True
    run(characterized, catalogs)
    for catalog in catalogs.values():
        catalog.broken = False
    again = run(characterized, catalogs)
    for name, expected in whole.items():
        pd.testing.assert_frame_equal(again[name], expected)


def test_all_may_fail(characterized, catalogs):
    for catalog in catalogs.values():
        catalog.broken = True
    made = run(characterized.drop(columns=["vsx_outcome", "vsx_class"]), catalogs)
    table = made["vetted"]
    assert table["vetting_likely_known"].isna().all()
    told = made["vetting_outcomes"]
    # of one star Gaia said before that it published no epochs
    assert told.loc[told["outcome"].ne("unknown"), "module"].tolist() == ["gaia_epoch"]


def test_modules_can_be_switched_off(characterized, catalogs):
    made = run(
        characterized, catalogs, atlas={"enabled": False}, simbad={"enabled": False},
        neighbours={"tmass": False},
    )  # fmt: skip
    table = made["vetted"]
    for name, prefix in {
        "atlas": "atlas", "simbad": "simbad", "tmass_neighbours": "neighbours_tmass",
    }.items():  # fmt: skip
        assert catalogs[name].asked == []
        assert set(table[f"{prefix}_reason"]) == {SWITCHED_OFF}
    assert table["vetting_likely_known"].tolist() == [True, False, False]


def test_stars_without_published_epochs_are_not_asked_about(characterized, catalogs):
    targets = pd.DataFrame({"asas_sn_id": IDS[::-1]})
    outcomes, _ = look_up_gaia_epochs(
        targets, characterized, catalogs["gaia_epoch_photometry"], VettingParameters()
    )
    assert outcomes["asas_sn_id"].tolist() == IDS[::-1]
    assert outcomes["outcome"].tolist() == ["not_matched", "not_matched", "matched"]
    assert catalogs["gaia_epoch_photometry"].asked == [13, 11]


def test_an_own_table_learns_from_vsx_what_its_stars_are(characterized, catalogs):
    own = characterized[["asas_sn_id", "ra_deg", "dec_deg"]]
    made = run(own, catalogs)["vetted"].set_index("asas_sn_id")
    assert made.loc[11, "vsx_class"] == "EW"
    assert "VSX: EW" in made.loc[11, "vetting_reasons"]
    assert made["vsx_outcome"].tolist() == ["matched", "not_matched", "not_matched"]


def test_no_candidates_give_empty_tables(characterized, catalogs):
    made = run(characterized.iloc[:0], catalogs)
    assert not len(made["vetted"])
    assert not len(made["vetting_outcomes"])


def test_ids_stay_whole_numbers(whole):
    made = whole["vetted"]
    assert made["gaia_dr3_id"].tolist() == [BIG + 11, BIG + 12, pd.NA]
    assert made["asas_sn_id"].dtype == "int64"


def test_look_ups_of_other_candidates_are_refused(characterized):
    part = pd.DataFrame({"asas_sn_id": IDS[:2]})
    with pytest.raises(ValueError, match="1 stars were not looked up"):
        vet(characterized, part, part, part, part, VettingParameters())


def test_every_new_column_is_described_with_its_unit(characterized, catalogs):
    made = run(characterized[["asas_sn_id", "ra_deg", "dec_deg"]], catalogs)["vetted"]
    new = [name for name in made if name not in characterized or name.startswith("vsx_")]
    assert set(COLUMNS) == {*new, "asassn_outcome"}
    for name, column in COLUMNS.items():
        unit = u.Unit(column.unit)
        assert column.description
        if wanted := own_unit(name):
            assert unit.is_equivalent(u.Unit(wanted)) or unit == u.ABmag, name
