"""Colours of dips from bands that are not observed at the same time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.astrophysics.dip_colours import (
    DipColourParameters,
    dip_colours,
    event_points,
    pair_bands,
)
from malca.astrophysics.extinction_law import extinction_ratio
from malca.lightcurves import Camera, LightCurves

PARAMETERS = DipColourParameters()
DUST = 1 / float(extinction_ratio(0.545, 0.477, 3.1))


def light_curve(rng, ratio, n=900, noise=0.01, depth=0.4, trend=0.0) -> LightCurves:
    """A star in V and g, with cameras of different zero points, that dims for 20 d at day 300."""
    jd = 2458000 + np.sort(rng.uniform(0, 600, n))
    camera = rng.integers(0, 4, n).astype(np.int16)
    band = (camera % 2).astype(np.int8)  # 1: V
    dip = depth * np.exp(-0.5 * ((jd - 2458300) / 4) ** 2)
    mag = 13.0 + 0.7 * (band == 0) + 0.05 * camera + np.where(band == 0, ratio, 1.0) * dip
    mag += trend * (jd - 2458300) + rng.normal(0, noise, n)
    stars = pd.DataFrame(
        {"asas_sn_id": pd.array([5], dtype="Int64"), "name": "5", "time_system": "JD",
         "gaia_id": pd.array([pd.NA], dtype="Int64"), "gaia_release": "", "source": "test"}
    )  # fmt: skip
    return LightCurves(
        stars=stars, offsets=np.array([0, n]), jd=jd, mag=mag.astype(np.float32),
        mag_err=np.full(n, noise, np.float32), camera=camera, band=band, good=np.ones(n, bool),
        saturated=np.zeros(n, bool), field=np.zeros(n, np.int16),
        cameras=tuple(Camera(f"b{c}") for c in "abcd"),
    )  # fmt: skip


EVENTS = pd.DataFrame(
    {"asas_sn_id": pd.array([5], dtype="Int64"), "event_id": [3],
     "jd_start": [2458290.0], "jd_end": [2458310.0]}
)  # fmt: skip


def of_star(rng, ratio, **more) -> pd.Series:
    points = event_points(light_curve(rng, ratio, **more), EVENTS, PARAMETERS)
    return dip_colours([5], points, PARAMETERS).iloc[0]


@pytest.mark.parametrize(("ratio", "reddens"), [(DUST, True), (1.0, False), (0.9, False)])
def test_dust_reddens_and_a_grey_occulter_does_not(rng, ratio, reddens):
    found = of_star(rng, ratio, n=4000)
    assert found["dip_reddens"] == reddens
    assert found["dip_colour_bands"] == "g-V"
    assert found["dip_colour_event_id"] == 3
    assert found["dip_colour_ratio"] == pytest.approx(ratio, abs=4 * found["dip_colour_ratio_error"])
    change = (ratio - 1) * found["dip_colour_depth_mag"]
    assert found["dip_colour_change_mag"] == pytest.approx(
        change, abs=4 * found["dip_colour_change_error_mag"]
    )
    assert found["dip_colour_ratio_dust"] == pytest.approx(1.2, abs=0.03)


def test_noise_does_not_tell(rng):
    found = of_star(rng, 1.05, noise=0.05, depth=0.2)
    assert found["dip_reddens"] is pd.NA


def test_errors_are_right(rng):
    changes = [of_star(rng, 1.1, n=1500)["dip_colour_change_mag"] for _ in range(40)]
    one = of_star(rng, 1.1, n=1500)
    assert np.std(changes) == pytest.approx(one["dip_colour_change_error_mag"], rel=0.5)


def test_offsets_are_from_the_cameras_own_baseline(rng):
    points = event_points(light_curve(rng, 1.0, noise=1e-3), EVENTS, PARAMETERS)
    dip = 0.4 * np.exp(-0.5 * ((points["jd"] - 2458300) / 4) ** 2)
    np.testing.assert_allclose(points["offset_mag"], dip, atol=0.005)
    assert set(points["band"]) == {"g", "V"}
    assert points["event_id"].eq(3).all()


def test_points_in_any_event_are_no_baseline(rng):
    more = pd.concat([EVENTS, EVENTS.assign(event_id=4, jd_start=2458000.0, jd_end=2458289.0)])
    light_curves = light_curve(rng, 1.0)
    light_curves.mag[light_curves.jd < 2458289] += 2.0
    points = event_points(light_curves, more, PARAMETERS)
    assert points.loc[points["event_id"] == 3, "offset_mag"].min() > -0.05


def test_pairs_are_the_closest_and_each_point_is_used_once():
    points = pd.DataFrame(
        {
            "asas_sn_id": 1, "event_id": 1, "jd": [0.0, 0.1, 0.3, 5.0, 10.0, 10.2, 20.0],
            "band": ["g", "V", "g", "g", "V", "g", "V"],
            "offset_mag": np.arange(7.0), "offset_error_mag": 0.1,
        }
    )  # fmt: skip
    pairs = pair_bands(points, "g", "V", PARAMETERS)
    assert pairs[["blue_mag", "red_mag"]].to_numpy().tolist() == [[0.0, 1.0], [5.0, 4.0]]
    other = points.assign(asas_sn_id=[1, 2, 1, 1, 1, 2, 1])
    assert len(pair_bands(other, "g", "V", PARAMETERS)) == 0
    short = points.assign(jd=points["jd"] / 20)  # an event of a day: 0.1 d at most
    assert (pair_bands(short, "g", "V", PARAMETERS)["gap_days"] <= 0.1).all()


def test_events_in_one_band_are_unknown(rng):
    points = event_points(light_curve(rng, 1.0), EVENTS, PARAMETERS)
    found = dip_colours([5, 6], points[points["band"] == "g"], PARAMETERS)
    assert found["dip_colour_n_pairs"].tolist() == [0, 0]
    assert found["dip_reddens"].isna().all()
    assert found["dip_colour_bands"].tolist() == ["", ""]
    nothing = event_points(light_curve(rng, 1.0), EVENTS.iloc[:0], PARAMETERS)
    assert dip_colours([5], nothing, PARAMETERS)["dip_reddens"].isna().all()
