from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.vetting.epochs import describe_atlas, describe_gaia_epochs, spread
from malca.vetting.parameters import AtlasParameters, EpochParameters

NOT_TOLD = pd.Series({1: pd.NA}, dtype="boolean")


def test_spread_is_that_of_numpy_star_by_star():
    rng = np.random.default_rng(3)
    values = {1: rng.normal(12, 0.1, 40), 2: rng.exponential(1, 25), 3: rng.normal(0, 1, 5)}
    ids = np.concatenate([np.full(len(own), star) for star, own in values.items()])
    order = rng.permutation(len(ids))
    flat = np.concatenate(list(values.values()))
    table = spread(pd.Series(ids[order]), flat[order], EpochParameters(min_epochs=10, tail_share=0.1))
    for star in (1, 2):
        own = values[star]
        assert table.loc[star, "low"] == pytest.approx(np.quantile(own, 0.1))
        assert table.loc[star, "high"] == pytest.approx(np.quantile(own, 0.9))
        deviation = np.abs(own - np.median(own))
        assert table.loc[star, "scatter"] == pytest.approx(1.4826 * np.median(deviation))
    assert table.loc[3, "n"] == 5
    assert table.loc[3, ["median", "low", "high", "scatter"]].isna().all()


def epochs(n=20, **values):
    rows = {
        "asas_sn_id": 1,
        "sep_arcsec": 0.1,
        "g_mag": 12.0,
        "bp_mag": 12.5,
        "rp_mag": 11.4,
        "noisy": 0,
    }
    return pd.DataFrame({name: np.full(n, value) for name, value in rows.items()} | values)


def gaia(make_entries, table, has=NOT_TOLD, outcome="matched"):
    entries = make_entries({1: outcome}, table.to_dict("records") if table is not None else None)
    return describe_gaia_epochs(entries, has, EpochParameters()).iloc[0]


def test_one_wild_transit_is_no_variation(make_entries):
    g = np.full(40, 12.0)
    g[-1] = 15.0
    row = gaia(make_entries, epochs(40, g_mag=g))
    assert row["gaia_epoch_n_g"] == 40
    assert row["gaia_epoch_g_range_mag"] == 0
    g[:8] = 13.0
    assert gaia(make_entries, epochs(40, g_mag=g))["gaia_epoch_g_range_mag"] == pytest.approx(1.0)


def test_flagged_and_missing_transits_are_not_counted(make_entries):
    table = epochs(20, noisy=np.r_[np.ones(4, int), np.zeros(16, int)])
    table.loc[10, "bp_mag"] = np.nan
    row = gaia(make_entries, table)
    assert (row["gaia_epoch_n_g"], row["gaia_epoch_n_bp"], row["gaia_epoch_n_rp"]) == (16, 15, 16)


@pytest.mark.parametrize(
    ("outcome", "has", "available", "n"),
    [
        ("not_matched", pd.NA, False, 0),
        ("unknown", pd.NA, pd.NA, pd.NA),
        ("unknown", True, True, pd.NA),
        ("not_matched", False, False, 0),
    ],
)
def test_availability_is_what_gaia_says_before_what_is_found(make_entries, outcome, has, available, n):
    row = gaia(make_entries, None, pd.Series({1: has}, dtype="boolean"), outcome)
    for value, expected in ((row["gaia_epoch_available"], available), (row["gaia_epoch_n_g"], n)):
        assert value is expected if expected is pd.NA else value == expected


def atlas(make_entries, flux, error=10.0, band="o"):
    rows = [
        {"asas_sn_id": 1, "sep_arcsec": 0.0, "filter": band, "flux_ujy": one, "flux_error_ujy": error}
        for one in flux
    ]
    return describe_atlas(make_entries({1: "matched", 2: "unknown"}, rows), AtlasParameters())


def test_forced_photometry_is_told_by_fluxes(make_entries):
    flux = np.r_[np.full(10, 3631.0), np.full(10, 363.1)]
    row = atlas(make_entries, flux).iloc[0]
    assert row["atlas_n_o"] == row["atlas_n_detections_o"] == 20
    # a tenth of the flux is 2.5 mag; 3631 µJy are 15 mag AB
    assert row["atlas_o_range_mag"] == pytest.approx(2.5, abs=1e-6)
    assert atlas(make_entries, np.full(12, 3631.0)).iloc[0]["atlas_o_mag"] == pytest.approx(
        15, abs=1e-3
    )
    assert row["atlas_n_c"] == 0


def test_negative_fluxes_are_no_detections_and_have_no_magnitude(make_entries):
    table = atlas(make_entries, np.r_[np.full(10, -60.0), np.full(10, 60.0)])
    assert table.loc[0, "atlas_n_detections_o"] == 10
    assert np.isnan(table.loc[0, "atlas_o_range_mag"])
    assert table.loc[1, ["atlas_n_o", "atlas_n_detections_o"]].isna().all()
