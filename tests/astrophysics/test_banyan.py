"""BANYAN Σ against the published example and against integration by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from scipy.stats import multivariate_normal

from malca.astrophysics.banyan import (
    KMS_PER_MASYR_PC,
    BanyanParameters,
    add_membership,
    banyan_hypotheses,
    banyan_membership,
)
from malca.astrophysics.banyan_model import FIELD, OBSERVABLES, banyan_model
from malca.astrophysics.galactic import sky_axes

# AU Mic, as in the README of the authors' code: position, proper motion, parallax and RV with errors
AU_MIC = {
    "ra_deg": 311.2911826, "dec_deg": -31.3425001, "gaia_pm_ra_masyr": 281.319,
    "gaia_pm_ra_error_masyr": 0.022, "gaia_pm_dec_masyr": -360.148, "gaia_pm_dec_error_masyr": 0.019,
    "gaia_parallax_mas": 102.943, "gaia_parallax_error_mas": 0.023, "gaia_rv_kms": -5.2,
    "gaia_rv_error_kms": 0.7,
}  # fmt: skip
DISTANT = AU_MIC | {"gaia_parallax_mas": 0.5, "gaia_pm_ra_masyr": 1.3, "gaia_pm_dec_masyr": -2.7}
MOTION = (
    np.array([311.2911826]), np.array([-31.3425001]), np.array([281.319]), np.array([0.022]),
    np.array([-360.148]), np.array([0.019]),
)  # fmt: skip
DISTANCE = (np.array([1000 / 102.943]), np.array([1000 * 0.023 / 102.943**2]))
RV = (np.array([-5.2]), np.array([0.7]))


@pytest.fixture(scope="module")
def published(real_data):
    path = real_data / "banyan_sigma_parameters.fits"
    if not path.is_file():
        pytest.skip("the parameter table of BANYAN Σ is absent from the folder of real data")
    return banyan_model(Table.read(path))


def small_table(rng) -> pd.DataFrame:
    """Two associations and a field of two Gaussians, in the shape of the published table."""

    def covariance(*sigmas):
        turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
        spread = np.diag(sigmas) @ (turn * rng.uniform(0.6, 1.4, 6) ** 2) @ turn.T @ np.diag(sigmas)
        return (spread + spread.T) / 2

    rows = [
        ("NEAR", [20.0, -10, -20, -10, -16, -9], covariance(15, 15, 15, 1.5, 1.5, 1.5), np.nan),
        (FIELD, [0.0, 0, 0, -11, -25, -7], covariance(120, 120, 100, 35, 22, 16), 3.0),
        ("FAR", [-90.0, 20, 10, -5, -27, -13], covariance(20, 10, 10, 1, 1, 1), np.nan),
        (FIELD, [0.0, 0, 0, -8, -18, -7], covariance(120, 120, 60, 18, 12, 8), 1.0),
    ]
    table = pd.DataFrame(rows, columns=["NAME", "CENTER_VEC", "COVARIANCE_MATRIX", "COEFFICIENT"])
    # the published order of the modes must not matter
    table["LN_PRIOR_OBSERVABLES"] = [list(OBSERVABLES[::-1])] * 4
    table["LN_PRIOR"] = [
        [-10.0, -11.0, -12.0, -13.0],
        [np.nan] * 4,
        [-9.0, -9.5, -10.0, -10.5],
        [np.nan] * 4,
    ]
    return table


@pytest.mark.real_data
def test_au_mic_is_as_published(published):
    star = banyan_membership(published, *MOTION, *DISTANCE, *RV).iloc[0]
    assert star["best_association"] == "BPMG"
    assert star["best_probability"] == pytest.approx(0.9981879, abs=1e-7)
    assert star["field_probability"] == pytest.approx(0.0018121, abs=1e-7)
    assert star["observables"] == "PM+RV+PLX"
    assert star["distance_pc"] == pytest.approx(9.714, abs=5e-4)
    assert star["xyz_separation_pc"] == pytest.approx(13.43, abs=5e-3)
    assert star["uvw_separation_kms"] == pytest.approx(0.887, abs=5e-4)
    assert star["mahalanobis"] == pytest.approx(1.748, abs=5e-4)
    every = banyan_hypotheses(published, *MOTION, *DISTANCE, *RV)
    names = published.associations
    assert every.ln_likelihood[0, names.index("BPMG")] == pytest.approx(-8.23384, abs=1e-5)
    assert every.probability[0, names.index("CARN")] == pytest.approx(1.1203e-14, rel=1e-3)
    assert every.probability[0, names.index("UCL")] == pytest.approx(8.794e-12, rel=1e-3)


@pytest.mark.real_data
def test_a_distant_star_is_of_the_field(published):
    table = pd.DataFrame(
        [DISTANT, AU_MIC | {"gaia_pm_ra_masyr": np.nan}, AU_MIC],
        index=[3, 5, 8],
    )
    found = add_membership(table, published, BanyanParameters())
    assert found["banyan_best_association"].tolist() == ["", "", "BPMG"]
    assert found["banyan_field_probability"].iloc[0] > 0.999
    assert found["banyan_outcome"].tolist() == ["assessed", "unknown", "assessed"]
    assert found["banyan_reason"].tolist() == ["", "no position or proper motion", ""]
    assert np.isnan(found["banyan_field_probability"].iloc[1])
    assert found["banyan_observables"].tolist() == ["PM+RV+PLX", "", "PM+RV+PLX"]


@pytest.mark.parametrize("observables", OBSERVABLES)
def test_closed_form_is_the_integral(rng, observables):
    """Integral of the Gaussians over distance (with d⁴) and radial velocity, on a grid."""
    model = banyan_model(small_table(rng))
    position, motion = (np.array([75.0]), np.array([-40.0])), (np.array([60.0]), np.array([25.0]))
    zero = np.zeros(1)
    distance = (np.array([42.0]), np.array([6.0])) if "PLX" in observables else (None, None)
    rv = (np.array([14.0]), np.array([2.0])) if "RV" in observables else (None, None)
    found = banyan_hypotheses(model, *position, motion[0], zero, motion[1], zero, *distance, *rv)
    assert found.observables[0] == observables

    d, v = np.meshgrid(np.linspace(0.05, 400, 2400), np.linspace(-170, 170, 700), indexing="ij")
    axes = sky_axes(*position)
    tangential = KMS_PER_MASYR_PC * (axes.east[0] * motion[0] + axes.north[0] * motion[1])
    place = d[..., None] * axes.outward[0]
    velocity = d[..., None] * tangential + v[..., None] * axes.outward[0]
    weight = d**4
    if distance[0] is not None:
        weight = weight * np.exp(-0.5 * ((d - distance[0]) / distance[1]) ** 2)
    if rv[0] is not None:
        weight = weight * np.exp(-0.5 * ((v - rv[0]) / rv[1]) ** 2)
    star = np.concatenate([place, velocity], axis=-1)
    component = np.array(
        [
            np.log(np.sum(multivariate_normal(c, s).pdf(star) * weight))
            for c, s in zip(model.centre, model.covariance, strict=True)
        ]
    )
    expected = np.append(component[:2], np.logaddexp(*(component[2:] + model.ln_weight[2:])))
    # the same but for a factor that all hypotheses share
    np.testing.assert_allclose(
        found.ln_likelihood[0] - found.ln_likelihood[0, -1], expected - expected[-1], atol=2e-3
    )
    prior = model.ln_prior[:, OBSERVABLES.index(observables)]
    share = np.exp(expected[:2] - np.logaddexp(*expected[:2]))
    ln_p = expected - [0, 0, np.log(np.sum(np.exp(prior) * share))]
    p = np.exp(ln_p - np.logaddexp.reduce(ln_p))
    np.testing.assert_allclose(found.probability[0], p, atol=1e-4, rtol=5e-3)
    assert found.probability[0].sum() == pytest.approx(1)


def test_every_star_has_its_own_mode(rng):
    model = banyan_model(small_table(rng))
    n = 6
    args = (rng.uniform(0, 360, n), rng.uniform(-90, 90, n), rng.normal(0, 60, n), np.full(n, 0.1),
            rng.normal(0, 60, n), np.full(n, 0.1))  # fmt: skip
    distance, distance_error = np.array([40, 40, np.nan, np.nan, 40, 40.0]), np.full(n, 3.0)
    rv, rv_error = np.array([5, np.nan, 5, np.nan, 5, 5.0]), np.array([1, 1, 1, 1, np.nan, 1.0])
    together = banyan_hypotheses(model, *args, distance, distance_error, rv, rv_error)
    assert together.observables.tolist() == [
        "PM+RV+PLX",
        "PM+PLX",
        "PM+RV",
        "PM",
        "PM+PLX",
        "PM+RV+PLX",
    ]
    for k in range(n):
        alone = banyan_hypotheses(
            model, *(a[k] for a in args), distance[k], distance_error[k], rv[k], rv_error[k]
        )
        np.testing.assert_allclose(alone.probability[0], together.probability[k])


def test_large_errors_of_the_motion_widen(rng):
    model = banyan_model(small_table(rng))
    axes = sky_axes(np.array([340.0]), np.array([-30.0]))
    centre = model.centre[0]
    distance = 30.0
    pm = [float(centre[3:] @ axis[0]) / KMS_PER_MASYR_PC / distance for axis in (axes.east, axes.north)]
    p = [
        banyan_hypotheses(
            model, np.array([340.0]), np.array([-30.0]), np.array([pm[0] + 60]), np.array([error]),
            np.array([pm[1]]), np.array([error]), np.array([distance]), np.array([1.0]),
        ).probability[0, 0]
        for error in (0.1, 60.0)
    ]  # fmt: skip
    assert p[1] > p[0]


def test_a_table_that_is_another_is_refused(rng):
    table = small_table(rng)
    with pytest.raises(ValueError, match="no column COEFFICIENT"):
        banyan_model(table.drop(columns="COEFFICIENT"))
    with pytest.raises(ValueError, match="the field are needed"):
        banyan_model(table[table["NAME"] != FIELD])
    with pytest.raises(ValueError, match="six coordinates"):
        banyan_model(table.assign(CENTER_VEC=[[1.0, 2.0]] * 4))
    with pytest.raises(ValueError, match="a number is missing"):
        banyan_model(table.assign(LN_PRIOR=[[np.nan] * 4] * 4))


def test_without_the_table_everything_is_unknown():
    found = add_membership(pd.DataFrame([AU_MIC, AU_MIC]), None, BanyanParameters())
    assert found["banyan_outcome"].tolist() == ["unknown", "unknown"]
    assert found["banyan_best_probability"].isna().all()
    assert found["banyan_reason"].iloc[0] == "no parameter table of BANYAN Σ"
