from __future__ import annotations

import pandas as pd
import pytest

from malca.lookups import unknown_matches
from malca.vetting.modules import MATCH_MODULES, describe_matches
from malca.vetting.parameters import VettingParameters

TARGETS = pd.DataFrame({"asas_sn_id": [3, 1]})


def test_columns_do_not_depend_on_who_answered():
    failed = {name: unknown_matches(TARGETS, "down") for name in MATCH_MODULES}
    table = describe_matches(failed)
    answer = failed["ztf_periodic"].assign(outcome="matched", period_days=[2.0, 3.0])
    answer["class"] = "EW"
    told = describe_matches({**failed, "ztf_periodic": answer})
    assert told.dtypes.to_dict() == table.dtypes.to_dict()
    assert told["asas_sn_id"].tolist() == [3, 1]
    assert told["ztf_class"].tolist() == ["EW", "EW"]
    assert table["ztf_outcome"].tolist() == ["unknown"] * 2


def test_matches_of_other_stars_are_refused():
    matches = {name: unknown_matches(TARGETS, "down") for name in MATCH_MODULES}
    matches["tns"] = unknown_matches(TARGETS.iloc[::-1], "down")
    with pytest.raises(ValueError, match="tns"):
        describe_matches(matches)


def test_atlas_and_neowise_are_asked_only_if_wanted():
    parameters = VettingParameters()
    off = {name for name in (*MATCH_MODULES, "gaia_epoch_photometry", "erosita", "atlas", "neowise",
                             "gaia_neighbours", "vsx_neighbours", "desi_spectra")
           if not parameters.asks(name)}  # fmt: skip
    assert off == {"atlas", "neowise"}
    chosen = VettingParameters.model_validate(
        {"atlas": {"enabled": True}, "simbad": {"enabled": False}, "spectra": {"desi": False},
         "neighbours": {"tmass": False}}
    )  # fmt: skip
    assert chosen.asks("atlas")
    assert not any(map(chosen.asks, ["simbad", "desi_spectra", "tmass_neighbours"]))
