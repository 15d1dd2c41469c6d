"""Which distance is chosen, and what is never made up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from malca.astrophysics.distances import (
    DistanceParameters,
    absolute_magnitude,
    add_distances,
    distance_modulus_mag,
    parallax_distance,
)

DEFAULT = DistanceParameters()
GOOD = {
    "ra_deg": 120.0, "dec_deg": 10.0, "gaia_parallax_mas": 2.0, "gaia_parallax_error_mas": 0.02,
    "gaia_ruwe": 1.0, "gaia_g_mag": 14.0, "gaia_bp_rp_mag": 1.0,
    "bailer_jones_photogeometric_pc": 490.0, "bailer_jones_photogeometric_low_pc": 485.0,
    "bailer_jones_photogeometric_high_pc": 496.0, "bailer_jones_geometric_pc": 493.0,
    "bailer_jones_geometric_low_pc": 487.0, "bailer_jones_geometric_high_pc": 500.0,
    "starhorse_distance_pc": 480.0, "starhorse_distance_low_pc": 470.0,
    "starhorse_distance_high_pc": 491.0, "starhorse_outflag": "0000", "starhorse_fidelity": 1.0,
}  # fmt: skip
PHOTOGEOMETRIC = [name for name in GOOD if "photogeometric" in name]
GEOMETRIC = [name for name in GOOD if "jones_geometric" in name]
STARHORSE = [name for name in GOOD if name.startswith("starhorse_distance")]


def star(parameters=DEFAULT, without=(), **changes) -> pd.Series:
    row = {name: value for name, value in (GOOD | changes).items() if name not in without}
    return add_distances(pd.DataFrame([row], index=[7]), parameters).loc[7]


def test_one_source_after_another():
    assert star()["distance_source"] == "bailer_jones_photogeometric"
    assert star()["distance_pc"] == 490.0
    assert star(without=PHOTOGEOMETRIC)["distance_pc"] == 493.0
    assert star(without=PHOTOGEOMETRIC + GEOMETRIC)["distance_source"] == "starhorse"
    last = star(without=PHOTOGEOMETRIC + GEOMETRIC + STARHORSE)
    assert last["distance_source"] == "parallax"
    assert last["distance_pc"] == pytest.approx(1000 / (2.0 - last["gaia_parallax_zero_point_mas"]))
    assert last["distance_low_pc"] < last["distance_pc"] < last["distance_high_pc"]


@pytest.mark.parametrize(
    "changes",
    [
        {"gaia_parallax_error_mas": 0.5},
        {"gaia_parallax_mas": -1.0},
        {"gaia_parallax_mas": np.nan},
        {"gaia_parallax_error_mas": np.nan},
        {"gaia_ruwe": 2.0},
    ],
)
def test_a_parallax_that_says_little_gives_no_distance(changes):
    found = star(without=PHOTOGEOMETRIC + GEOMETRIC + STARHORSE, **changes)
    assert found["distance_source"] == ""
    assert found[["distance_pc", "distance_low_pc", "distance_high_pc"]].isna().all()


def test_limits_of_each_source():
    nothing_else = PHOTOGEOMETRIC + GEOMETRIC
    assert star(without=nothing_else, starhorse_outflag="0100")["distance_source"] == "parallax"
    assert star(without=nothing_else, starhorse_fidelity=0.1)["distance_source"] == "parallax"
    unknown = star(without=[*nothing_else, "starhorse_outflag", "starhorse_fidelity"])
    assert unknown["distance_source"] == "starhorse"
    wide = star(bailer_jones_photogeometric_low_pc=200.0, bailer_jones_photogeometric_high_pc=900.0)
    assert wide["distance_source"] == "bailer_jones_geometric"
    turned = star(bailer_jones_photogeometric_low_pc=491.0)  # an interval without its median
    assert turned["distance_source"] == "bailer_jones_geometric"
    other = DistanceParameters(order=("gsp_phot", "starhorse"))
    assert star(other)["distance_source"] == "starhorse"


def test_zero_point_can_be_left_and_falls_back_to_the_median():
    bare = DistanceParameters(order=("parallax",), correct_zero_point=False)
    assert star(bare)["distance_pc"] == pytest.approx(500.0)
    assert star(without=["gaia_bp_rp_mag"])["gaia_parallax_zero_point_mas"] == -0.017
    six = star(gaia_params_solved=95, gaia_pseudocolour=1.4)["gaia_parallax_zero_point_mas"]
    assert six not in {star()["gaia_parallax_zero_point_mas"], -0.017}


def test_order_names_known_sources_once():
    for order in (("parallax", "parallax"), ("guess",), ()):
        with pytest.raises(ValidationError):
            DistanceParameters(order=order)


def test_magnitudes_and_parallaxes():
    assert distance_modulus_mag(np.array([10.0, 100.0])).tolist() == [0.0, 5.0]
    assert np.isnan(distance_modulus_mag(np.array([0.0, -1.0, np.nan]))).all()
    # the Sun: V = -26.76 at 1 au is M_V = 4.81 (Willmer 2018, ApJS 236, 47)
    assert absolute_magnitude(-26.76, np.pi / 648000) == pytest.approx(4.81, abs=0.005)
    assert absolute_magnitude(12.0, 100.0, 0.5) == pytest.approx(6.5)
    assert [float(x) for x in parallax_distance(5.0, 1.0)] == [200.0, pytest.approx(1000 / 6), 250.0]
