"""Excess of H-alpha over the field's locus."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import theilslopes

from malca.astrophysics.halpha import HalphaParameters, _photometry, fit_locus, halpha_excess

PARAMETERS = HalphaParameters()


def photometry(r, r_i, r_ha, error=0.02) -> dict[str, np.ndarray]:
    r = np.asarray(r, float)
    return {
        "r_mag": r, "i_mag": r - r_i, "ha_mag": r - r_ha,
        "r_error_mag": np.full(r.shape, error), "i_error_mag": np.full(r.shape, error),
        "ha_error_mag": np.full(r.shape, error),
    }  # fmt: skip


def field(rng, ids=(1,), n=400, scatter=0.03, emitters=0.05) -> pd.DataFrame:
    """Stars along the main sequence's slope in IPHAS, some of them emitters."""
    tables = []
    for star in ids:
        r_i = rng.uniform(0.3, 1.3, n)
        r_ha = 0.1 + 0.27 * r_i + rng.normal(0, scatter, n)
        r_ha[: int(emitters * n)] += rng.uniform(0.3, 1.5, int(emitters * n))
        tables.append(
            pd.DataFrame(photometry(rng.uniform(14, 19, n), r_i, r_ha)).assign(
                asas_sn_id=star, sep_arcsec=rng.uniform(5, 300, n)
            )
        )
    return pd.concat(tables, ignore_index=True)


def matches(r_i, r_ha, r=15.0, ids=None, outcome="matched", **more) -> pd.DataFrame:
    r_i, r_ha, r = np.broadcast_arrays(*(np.atleast_1d(v).astype(float) for v in (r_i, r_ha, r)))
    table = pd.DataFrame(photometry(r, r_i, r_ha)).assign(sep_arcsec=0.1, outcome=outcome, reason="")
    return table.assign(asas_sn_id=ids or list(range(1, len(r) + 1)), **more)


def test_locus_is_that_of_an_independent_robust_fit(rng):
    stars = matches([0.6, 1.0], [0.3, 0.4])
    entries = field(rng, ids=(1, 2), n=1500)
    locus = fit_locus(stars["asas_sn_id"], _photometry(stars, PARAMETERS), entries, PARAMETERS)
    for i, colour in enumerate((0.6, 1.0)):
        mine = entries[entries["asas_sn_id"] == i + 1]
        x, y = mine["r_mag"] - mine["i_mag"], mine["r_mag"] - mine["ha_mag"]
        near = np.abs(x - colour) <= 0.4
        slope, intercept, low, high = theilslopes(y[near], x[near])
        assert locus.n_stars[i] == near.sum()
        assert low - 0.005 < locus.slope[i] < high + 0.005
        at = locus.intercept[i] + locus.slope[i] * colour
        assert at == pytest.approx(intercept + slope * colour, abs=0.003)
        assert at == pytest.approx(0.1 + 0.27 * colour, abs=0.004)  # the emitters do not lift it
        assert locus.scatter[i] == pytest.approx(0.03, abs=0.003)


def test_excess_is_the_distance_from_the_locus_and_its_sigma_of_unit_scatter(rng):
    n = 600
    r_i = rng.uniform(0.7, 0.9, n)
    entries = field(rng, ids=range(1, n + 1), n=200)
    r, i = 15 + rng.normal(0, 0.02, n), 15 - r_i + rng.normal(0, 0.02, n)
    ha = 15 - (0.1 + 0.27 * r_i) + rng.normal(0, 0.02, n)
    stars = matches(r_i, 0.0).assign(r_mag=r, i_mag=i, ha_mag=ha)
    exact = PARAMETERS.model_copy(update={"systematic_mag": 0.0})
    result = halpha_excess(stars, entries, exact)
    without = np.sqrt(result["halpha_excess_error_mag"] ** 2 - result["halpha_locus_scatter_mag"] ** 2)
    assert (result["halpha_excess_mag"] / without).std() == pytest.approx(1.0, abs=0.12)
    assert abs(result["halpha_excess_mag"].mean()) < 0.005
    assert not result["halpha_emitter"].fillna(False).any()
    stars["ha_mag"] -= 1.0
    brighter = halpha_excess(stars, entries, exact)
    np.testing.assert_allclose(brighter["halpha_excess_mag"] - result["halpha_excess_mag"], 1.0)
    assert brighter["halpha_emitter"].all()


def test_emitters_of_sh2_82():
    """Two of the candidates of Barentsen+ 2014, Table 5, over a locus like that of its Fig. 19."""
    rng = np.random.default_rng(82)
    n = 500
    r_i = rng.uniform(0.8, 2.2, n)
    r_ha = 0.15 + 0.25 * r_i + rng.normal(0, 0.05, n)
    entries = pd.DataFrame(photometry(rng.uniform(16, 19, n), r_i, r_ha, 0.03)).assign(
        asas_sn_id=np.repeat([1, 2], n // 2), sep_arcsec=100.0
    )
    stars = pd.DataFrame(
        {
            "asas_sn_id": [1, 2], "outcome": "matched", "reason": "", "sep_arcsec": 0.1,
            "r_mag": [17.69, 18.55], "i_mag": [16.12, 16.95], "ha_mag": [16.19, 17.31],
            "r_error_mag": [0.01, 0.02], "i_error_mag": [0.01, 0.02], "ha_error_mag": [0.01, 0.02],
        }
    )  # fmt: skip
    result = halpha_excess(stars, entries, PARAMETERS)
    np.testing.assert_allclose(result["halpha_r_ha_mag"], [1.50, 1.24])
    assert (result["halpha_excess_sigma"] > 5).all()
    assert result["halpha_emitter"].all()


def test_what_is_not_known_is_not_no_emission(rng):
    entries = field(rng, ids=(1, 2, 3, 4, 5))
    stars = matches([0.6] * 6, 0.26, r=[15, 12.9, 15, 15, 15, 15], outcome="matched")
    stars.loc[2, "ha_error_mag"] = 0.3
    stars.loc[3, ["outcome", "reason"]] = ["not_covered", "outside the catalogue's coverage"]
    stars.loc[4, ["outcome", "reason"]] = ["unknown", "offline"]
    stars["emitter"] = pd.array([0, 2, 1, pd.NA, pd.NA, 0], dtype="Int64")
    result = halpha_excess(stars, entries, PARAMETERS).set_index("asas_sn_id")
    assert result["halpha_reason"].tolist() == [
        "", "saturated", "poor photometry", "outside the catalogue's coverage", "offline",
        "too few stars around",
    ]  # fmt: skip
    assert result["halpha_excess_sigma"].notna().tolist() == [True] + [False] * 5
    # of the saturated and of the one without neighbours IGAPS speaks; its marginal one is open
    assert result["halpha_emitter"].tolist() == [False, True, pd.NA, pd.NA, pd.NA, False]


def test_a_star_redder_than_its_field_is_not_extrapolated_to(rng):
    result = halpha_excess(matches(1.5, 2.0), field(rng), PARAMETERS)
    assert result["halpha_reason"].item() == "too few stars around"
    assert result["halpha_emitter"].isna().all()


def test_no_entries_at_all():
    empty = pd.DataFrame(columns=["asas_sn_id", "sep_arcsec"]).astype({"asas_sn_id": "int64"})
    result = halpha_excess(matches([0.5, 0.6], 0.3), empty, PARAMETERS)
    assert result["halpha_n_locus"].tolist() == [0, 0]
    assert result["halpha_emitter"].isna().all()
