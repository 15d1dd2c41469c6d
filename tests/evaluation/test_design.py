from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from malca.evaluation.design import design_trials
from malca.evaluation.parameters import AxisParameters, InjectionParameters
from malca.evaluation.samples import control_sample, searched_stars

N_STARS = 90


def stars():
    k = np.arange(N_STARS)
    return pd.DataFrame(
        {
            "asas_sn_id": 377957522430 + k,
            "mag_bin": "13_13.5",
            "partition": np.where(k < 50, "13_13.5-00000", "13_13.5-00001"),
            # Twice as many faint stars as bright ones, and none between.
            "median_mag": np.where(k % 3 == 0, 12.2, 14.3),
            "points_per_day": 0.5,
            "n_cameras": 6,
            "jd_first": 2457000.0 + k,
            "jd_last": 2460000.0 - k,
            "own_n_dips": np.where(k % 10 == 0, 1, 0),
            "own_n_jumps": np.where(k % 10 == 1, 1, 0),
            "known_brightening": False,
            "listed_variable": k % 10 == 2,
        }
    )


PARAMETERS = InjectionParameters(
    n_trials=2000,
    depth=AxisParameters(low=0.02, high=2.0, n_cells=5),
    duration=AxisParameters(low=1.0, high=300.0, n_cells=4),
    magnitude=AxisParameters(low=12.0, high=15.0, n_cells=3, spacing="linear"),
)


@pytest.fixture(scope="module")
def trials():
    return design_trials(stars(), PARAMETERS)


def test_every_cell_has_its_trials(trials):
    cells = [
        np.searchsorted(axis.edges, trials[name], side="right") - 1
        for axis, name in (
            (PARAMETERS.depth, "depth_mag"),
            (PARAMETERS.duration, "duration_days"),
            (PARAMETERS.magnitude, "median_mag"),
        )
    ]
    counts = np.zeros((5, 4, 3), int)
    np.add.at(counts, tuple(cells), 1)
    # A thousand for each magnitude with stars, 50 for each of its twenty cells.
    assert (counts[:, :, [0, 2]] == 50).all()
    assert counts[:, :, 1].sum() == 0


def test_stars_of_one_magnitude_share_its_trials(trials):
    counts = trials.groupby(["median_mag", "asas_sn_id"]).size()
    for _, of_stars in counts.groupby("median_mag"):
        assert of_stars.max() - of_stars.min() <= 1


def test_values_fill_their_ranges_evenly(trials):
    share = np.log(trials["depth_mag"] / 0.02) / np.log(2.0 / 0.02)
    assert kstest(share, "uniform").pvalue > 0.5
    own = stars().set_index("asas_sn_id")
    first, last = (trials["asas_sn_id"].map(own[name]) for name in ("jd_first", "jd_last"))
    place = (trials["t_peak_jd"] - first) / (last - first)
    assert place.between(0, 1).all()
    assert kstest(place, "uniform").pvalue > 0.5
    assert kstest(0.5 * (trials["asymmetry"] + 1), "uniform").pvalue > 0.5


def test_a_design_is_that_of_its_seed(trials):
    pd.testing.assert_frame_equal(trials, design_trials(stars(), PARAMETERS))
    other = design_trials(stars(), PARAMETERS.model_copy(update={"seed": 7}))
    assert not np.allclose(np.sort(trials["depth_mag"]), np.sort(other["depth_mag"]))


def test_trials_are_ordered_so_that_each_light_curve_is_read_once(trials):
    assert trials["partition"].is_monotonic_increasing
    assert (trials["asas_sn_id"].diff().dropna() != 0).sum() == trials["asas_sn_id"].nunique() - 1
    assert sorted(trials["trial_id"]) == list(range(2000))


def test_stars_with_events_and_listed_variables_are_no_control_stars():
    chosen = control_sample(stars(), "without_events", PARAMETERS.magnitude.edges, 1000, 1)
    left = stars().iloc[[k for k in range(N_STARS) if k % 10 > 2]]
    assert list(chosen["asas_sn_id"]) == list(left["asas_sn_id"])
    everyone = control_sample(stars(), "searched", PARAMETERS.magnitude.edges, 1000, 1)
    assert len(everyone) == N_STARS


def test_a_sample_is_even_in_magnitude():
    chosen = control_sample(stars(), "searched", PARAMETERS.magnitude.edges, 40, 1)
    assert chosen["median_mag"].value_counts().to_dict() == {12.2: 20, 14.3: 20}


def test_an_empty_sample_is_refused_with_what_left_the_stars_out():
    edges = np.array([15.0, 16.0])
    with pytest.raises(ValueError, match="of 90 searched 90 have a median magnitude outside 15 to 16"):
        control_sample(stars(), "searched", edges, 10, 1)


def test_the_magnitude_of_a_star_is_that_of_one_band():
    own = stars()
    sources = pd.DataFrame(
        {
            "asas_sn_id": own["asas_sn_id"], "dip_count": own["own_n_dips"],
            "jump_count": own["own_n_jumps"], "points_per_day": 0.5, "n_cameras": 6,
            "jd_first": 2457000.0, "jd_last": 2460000.0, "median_mag": 99.0,
        }
    )  # fmt: skip
    statistics = pd.DataFrame({"asas_sn_id": own["asas_sn_id"][::-1], "aligned_median_mag": 13.1})
    bright = own[["asas_sn_id"]].iloc[:1]
    table = searched_stars(sources, statistics, own[["asas_sn_id", "mag_bin", "partition"]], bright)
    assert (table["median_mag"] == 13.1).all()
    assert table["known_brightening"].tolist() == [True] + [False] * 89
    assert table["asas_sn_id"].dtype == "int64"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shapes": {"paczynski": 1.0}}, "no dip is paczynski; there are skew_normal"),
        ({"shapes": {"skew_normal": 0.0}}, "one must have a share above 0"),
        (
            {"depth": {"low": -1.0, "high": 1.0, "n_cells": 3, "spacing": "linear"}},
            "must not be negative",
        ),
        (
            {"duration": {"low": 0.0, "high": 1.0, "n_cells": 3, "spacing": "linear"}},
            "must be positive",
        ),
        ({"depth": {"low": 0.0, "high": 1.0, "n_cells": 3}}, "low must be positive"),
        ({"duration": {"low": 3.0, "high": 1.0, "n_cells": 3}}, "low must be below high"),
    ],
)
def test_impossible_parameters_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        InjectionParameters(**change)
