"""Tracks in the colour-magnitude diagram."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

from malca.astrophysics.cmd_slope import CmdSlopeParameters, cmd_slopes
from malca.astrophysics.extinction_law import extinction_ratio

PARAMETERS = CmdSlopeParameters()


def track(rng, k, n=60, noise=0.005, star=1, depth=0.8) -> pd.DataFrame:
    blue = depth * rng.uniform(0, 1, n)
    return pd.DataFrame(
        {
            "asas_sn_id": star,
            "blue_mag": 14.3 + blue + rng.normal(0, noise, n), "blue_error_mag": noise,
            "red_mag": 13.5 + k * blue + rng.normal(0, noise, n), "red_error_mag": noise,
        }
    )  # fmt: skip


def test_interstellar_grey_and_in_between(rng):
    dust = [float(extinction_ratio(0.545, 0.477, r_v)) for r_v in (3.1, 4.0, 5.0)]
    ks = [*dust, 1.0, 0.65]
    pairs = pd.concat([track(rng, k, star=i) for i, k in enumerate(ks)], ignore_index=True)
    found = cmd_slopes(list(range(6)), pairs, PARAMETERS).set_index("asas_sn_id")
    assert found["cmd_consistent_with_interstellar"].tolist() == [True, True, True, False, False, pd.NA]
    np.testing.assert_allclose(found["cmd_implied_r_v"][:3], [3.1, 4.0, 5.0], rtol=0.25)
    low, high = found.loc[0, ["cmd_dust_slope_low", "cmd_dust_slope_high"]]
    assert low == pytest.approx(dust[0] / (1 - dust[0]))
    assert low < found.loc[1, "cmd_slope"] < high
    assert found.loc[3, "cmd_angle_deg"] == pytest.approx(90, abs=1.5)
    assert found["cmd_n_points"].tolist() == [60] * 5 + [0]


def test_the_slope_is_that_of_a_direct_fit_in_the_diagram(rng):
    pairs = track(rng, 0.8, noise=0.03)
    colour, red = pairs["blue_mag"] - pairs["red_mag"], pairs["red_mag"]

    def chi2(angle):
        slope = np.tan(angle)
        # red against colour: errors 0.03 of red, 0.03 sqrt 2 of colour, covariance -0.03^2
        residual = red - slope * colour
        variance = 0.03**2 * (1 + 2 * slope**2 + 2 * slope)
        return np.sum((residual - residual.mean()) ** 2) / variance

    best = minimize_scalar(chi2, bounds=(0.8, 1.56), method="bounded", options={"xatol": 1e-9})
    found = cmd_slopes([1], pairs, PARAMETERS).iloc[0]
    assert found["cmd_angle_deg"] == pytest.approx(np.degrees(best.x), abs=1e-4)
    assert np.degrees(np.arctan(found["cmd_slope"])) == pytest.approx(found["cmd_angle_deg"])


def test_errors_of_the_angle_are_those_of_repetition(rng):
    n = 400
    pairs = pd.concat([track(rng, 0.82, star=i, noise=0.02) for i in range(n)], ignore_index=True)
    found = cmd_slopes(np.arange(n), pairs, PARAMETERS)
    truth = np.degrees(np.arctan2(0.82, 0.18))
    pull = (found["cmd_angle_deg"] - truth) / found["cmd_angle_error_deg"]
    assert abs(pull.mean()) < 0.25
    assert pull.std() == pytest.approx(1.0, abs=0.15)
    assert found["cmd_consistent_with_interstellar"].fillna(True).mean() > 0.98


def test_data_that_do_not_tell_are_missing(rng):
    pairs = pd.concat([track(rng, 0.82, noise=0.1, depth=0.3), track(rng, 0.82, n=4, star=2)])
    found = cmd_slopes([1, 2], pairs, PARAMETERS)
    assert found["cmd_consistent_with_interstellar"].isna().all()
    assert np.isnan(found["cmd_slope"].iloc[1])


def test_scatter_beyond_the_errors_widens_them(rng):
    pairs = track(rng, 0.82, noise=0.02)
    honest = cmd_slopes([1], pairs, PARAMETERS).iloc[0]
    pairs[["blue_error_mag", "red_error_mag"]] = 0.005
    proud = cmd_slopes([1], pairs, PARAMETERS).iloc[0]
    assert proud["cmd_reduced_chi2"] > 5
    assert proud["cmd_angle_error_deg"] == pytest.approx(honest["cmd_angle_error_deg"], rel=0.3)
