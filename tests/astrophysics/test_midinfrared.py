"""Mid-infrared variability: visits, chi2 against scipy, cuts on exposures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from malca.astrophysics.midinfrared import (
    NeowiseParameters,
    UntimelyParameters,
    group_into_visits,
    midinfrared_variability,
    neowise_measurements,
    neowise_variability,
    summarise_visits,
)

UNTIMELY, NEOWISE = UntimelyParameters(), NeowiseParameters()


def outcomes(ids, outcome="matched", reason="") -> pd.DataFrame:
    return pd.DataFrame({"asas_sn_id": ids, "outcome": outcome, "reason": reason})


def detections(w1, w2=None, star=1, error=0.01) -> pd.DataFrame:
    """A detection a band and half year."""
    tables = []
    for band, mags in ((1, w1), (2, w1 if w2 is None else w2)):
        flux = 10 ** (0.4 * (22.5 - np.asarray(mags, float)))
        tables.append(
            pd.DataFrame(
                {
                    "asas_sn_id": star, "sep_arcsec": 0.3, "mjd": 56700.0 + 180 * np.arange(len(flux)),
                    "band": band, "flux_nmgy": flux, "flux_error_nmgy": error * flux * np.log(10) / 2.5,
                    "qf": 1.0, "fracflux": 0.9, "primary": 1,
                }
            )
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def exposures(rng, w1, star=1, n=12, scatter=0.03, w1_w2=0.0) -> pd.DataFrame:
    """A dozen exposures within a day each half year, as NEOWISE makes them."""
    w1 = np.repeat(np.asarray(w1, float), n)
    visit = np.repeat(np.arange(len(w1) // n), n)
    size = len(w1)
    return pd.DataFrame(
        {
            "asas_sn_id": star, "sep_arcsec": 0.2, "mjd": 56700 + 182.0 * visit + rng.uniform(0, 1.2,
            size), "w1mpro": w1 + rng.normal(0, scatter, size), "w1sigmpro": scatter,
            "w2mpro": w1 - w1_w2 + rng.normal(0, scatter, size), "w2sigmpro": scatter,
            "qual_frame": 10, "qi_fact": 1.0, "saa_sep": 40.0, "moon_masked": "0000", "cc_flags":
            "0000", "ph_qual": "AAXX", "nb": 1, "na": 0, "w1rchi2": 1.0, "w2rchi2": 1.0,
        }
    )  # fmt: skip


def test_chi2_is_that_of_the_weighted_mean():
    mags = np.array([10.0, 10.05, 9.97, 10.02, 10.4])
    found = midinfrared_variability(outcomes([1]), detections(mags), UNTIMELY).iloc[0]
    sigma = np.hypot(0.01, 0.02)
    expected = np.sum((mags - mags.mean()) ** 2) / sigma**2
    assert found["midir_w1_chi2"] == pytest.approx(expected, rel=1e-9)
    assert found["midir_w1_p_value"] == pytest.approx(chi2.sf(expected, 4), rel=1e-6)
    rest = np.sum((mags[:4] - mags[:4].mean()) ** 2) / sigma**2
    assert found["midir_w1_robust_p_value"] == pytest.approx(chi2.sf(rest, 3), rel=1e-6)
    # for equal errors the moments give the sample variance less that of the errors
    assert found["midir_w1_excess_scatter_mag"] == pytest.approx(np.sqrt(mags.var(ddof=1) - sigma**2))
    years = 180 * np.arange(5) / 365.25
    assert found["midir_w1_slope_magyr"] == pytest.approx(np.polyfit(years, mags, 1)[0])
    assert found["midir_n_epochs"] == 5


def test_constant_stars_are_rarely_variable_and_p_values_even(rng):
    n, epochs = 3000, 14
    sigma = np.hypot(0.015, 0.02)
    mags = rng.normal(11, sigma, (2, n, epochs))
    visits = pd.DataFrame(
        {
            "asas_sn_id": np.repeat(np.arange(n), epochs), "mjd": np.tile(180.0 * np.arange(epochs), n),
            "w1_mag": mags[0].ravel(), "w1_error_mag": sigma, "w2_mag": mags[1].ravel(), "w2_error_mag":
            sigma,
        }
    )  # fmt: skip
    found = summarise_visits(outcomes(np.arange(n)), visits, UNTIMELY, "midir")
    assert np.mean(found["midir_w1_p_value"] < 0.1) == pytest.approx(0.1, abs=0.02)
    assert found["midir_variable"].sum() <= 1
    assert np.mean(found["midir_w1_w2_p_value"] < 0.1) == pytest.approx(0.1, abs=0.02)
    pull = found["midir_w1_slope_magyr"] / found["midir_w1_slope_error_magyr"]
    assert pull.std() == pytest.approx(1.0, abs=0.05)


def test_one_bad_epoch_in_one_band_makes_no_variable():
    calm = np.array([10.0, 10.01, 9.99, 10.0, 10.02, 9.98])
    bad, both = calm.copy(), calm + np.array([0, 0, 0.3, 0, 0, 0])
    bad[2] += 1.0
    wave = calm + 0.15 * np.sin(np.arange(6))
    entries = pd.concat(
        [
            detections(bad, calm, 1),
            detections(both, both, 2),
            detections(wave, calm, 3),
            detections(calm, calm, 4),
        ],
        ignore_index=True,
    )
    found = midinfrared_variability(outcomes([1, 2, 3, 4]), entries, UNTIMELY)
    assert found["midir_variable"].tolist() == [False, True, True, False]
    assert found["midir_w1_p_value"].iloc[0] < 1e-10


def test_unknown_is_not_constant():
    entries = pd.concat([detections([10.0, 11.0], star=1), detections([10.0] * 5, star=2)])
    table = outcomes(
        [1, 2, 3, 4], ["matched", "matched", "matched", "unknown"], ["", "", "", "offline"]
    )
    found = midinfrared_variability(table, entries.assign(fracflux=0.9), UNTIMELY)
    assert found["midir_variable"].tolist() == [pd.NA, False, pd.NA, pd.NA]
    assert found["midir_reason"].tolist() == ["", "", "no usable measurement", "offline"]
    assert found["midir_n_epochs"].tolist() == [2, 5, 0, 0]
    found = midinfrared_variability(table, entries.iloc[:0], UNTIMELY)
    assert found["midir_n_epochs"].sum() == 0


def test_detections_that_are_not_the_stars_own_are_left_out():
    good = detections([10.0] * 4)
    worse = [
        good.assign(**{name: value})
        for name, value in (
            ("qf", 0.5),
            ("fracflux", 0.3),
            ("primary", 0),
            ("sep_arcsec", 4.0),
            ("flux_nmgy", -1.0),
        )
    ]
    found = midinfrared_variability(outcomes([1]), pd.concat([good, *worse]), UNTIMELY).iloc[0]
    assert found["midir_w1_n_epochs"] == 4
    assert found["midir_w1_mag"] == pytest.approx(10.0)
    assert found["midir_w1_chi2"] == pytest.approx(0.0, abs=1e-12)


def test_epochs_are_visits_not_exposures(rng):
    mags = 10 + 0.1 * np.arange(8) / 2
    found = neowise_variability(outcomes([7]), exposures(rng, mags, star=7, w1_w2=0.3), NEOWISE).iloc[0]
    assert found["neowise_n_epochs"] == 8
    assert found["neowise_n_exposures"] == 96
    assert found["neowise_w1_slope_magyr"] == pytest.approx(0.05 * 365.25 / 182, abs=0.02)
    assert found["neowise_w1_w2_mag"] == pytest.approx(0.3, abs=0.02)
    assert found["neowise_variable"]


def test_means_of_visits_and_their_errors(rng):
    table = exposures(rng, [10.0] * 400, scatter=0.05)
    visits = group_into_visits(
        neowise_measurements(table, NEOWISE), NEOWISE.model_copy(update={"systematic_mag": {}})
    )
    assert len(visits) == 400
    assert visits["w1_n"].mean() == pytest.approx(12, abs=0.05)
    assert visits["w1_mag"].std() == pytest.approx(0.05 / np.sqrt(12), rel=0.12)
    pull = (visits["w1_mag"] - 10) / visits["w1_error_mag"]
    assert 0.75 < pull.std() < 1.05  # errors grow with the scatter within a visit, never shrink
    table.loc[3, "w1mpro"] = 4.0
    again = group_into_visits(neowise_measurements(table, NEOWISE), NEOWISE)
    assert again.loc[0, "w1_n"] == 11
    assert again["w1_error_mag"].min() >= 0.02


def test_long_visits_are_cut_and_short_ones_do_not_count(rng):
    days = np.arange(0, 400, 2.0)
    table = exposures(rng, [10.0], n=len(days)).assign(mjd=57000 + days)
    visits = group_into_visits(neowise_measurements(table, NEOWISE), NEOWISE)
    assert len(visits) == 7
    assert visits["visit"].tolist() == list(range(7))
    two = exposures(rng, [10.0, 10.0], n=2)
    visits = group_into_visits(neowise_measurements(two, NEOWISE), NEOWISE)
    assert visits["w1_mag"].isna().all()


@pytest.mark.parametrize(
    ("column", "value", "lost"),
    [
        ("qual_frame", 0, "w1 w2"), ("qi_fact", 0.5, "w1 w2"), ("saa_sep", -3.0, "w1 w2"),
        ("nb", 3, "w1 w2"), ("na", 1, "w1 w2"), ("sep_arcsec", 5.0, "w1 w2"), ("qual_frame", 5, ""),
        ("moon_masked", "1000", "w1"), ("cc_flags", "0P00", "w2"), ("ph_qual", "AUXX", "w2"),
        ("w1rchi2", 9.0, "w1"), ("w2sigmpro", np.nan, "w2"),
    ],
)  # fmt: skip
def test_cuts_on_exposures(rng, column, value, lost):
    found = neowise_measurements(exposures(rng, [10.0]).assign(**{column: value}), NEOWISE)
    left = {
        band for band in ("w1", "w2") if f"{band}_mag" in found and found[f"{band}_mag"].notna().any()
    }
    assert left == {"w1", "w2"} - set(lost.split())


def test_saturated_bands_get_a_larger_error(rng):
    visits = group_into_visits(neowise_measurements(exposures(rng, [7.5]), NEOWISE), NEOWISE)
    assert visits["w1_error_mag"].item() > 0.05 > visits["w2_error_mag"].item()
