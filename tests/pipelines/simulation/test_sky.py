"""The simulated sky: stars that hang together, and catalogues that list them as they are."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord

from malca.astrophysics.extinction import EXTINCTION_PER_AV
from malca.pipelines.simulation.catalog_parameters import SimulatedCatalogParameters
from malca.pipelines.simulation.catalogs import simulate_gaia
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.pipelines.simulation.populations import draw_stars
from malca.pipelines.simulation.sky.photometry import in_iphas, simulate_photometry
from malca.pipelines.simulation.sky.stars import BANDS, draw_sky


@pytest.fixture(scope="module")
def stars() -> pd.DataFrame:
    return draw_stars(SimulationParameters(n_stars=3000))


@pytest.fixture(scope="module")
def sky(stars) -> pd.DataFrame:
    return draw_sky(stars, 1)


@pytest.fixture(scope="module")
def gaia(stars, sky) -> pd.DataFrame:
    return simulate_gaia(stars, sky, 1, SimulatedCatalogParameters())


@pytest.fixture(scope="module")
def tables(gaia, stars, sky) -> dict[str, pd.DataFrame]:
    return simulate_photometry(gaia, stars.loc[gaia.index], sky.loc[gaia.index], 1)


def test_brightness_distance_and_dust_go_together(stars, sky):
    modulus = 5 * np.log10(sky["distance_pc"]) - 5
    extinction = EXTINCTION_PER_AV["g"] * sky["av_mag"]
    np.testing.assert_allclose(stars["gaia_mag"], sky["abs_g0_mag"] + modulus + extinction, atol=1e-9)
    colour = sky["bp_rp0_mag"] + (EXTINCTION_PER_AV["bp"] - EXTINCTION_PER_AV["rp"]) * sky["av_mag"]
    np.testing.assert_allclose(stars["gaia_b_mag"] - stars["gaia_r_mag"], colour, atol=1e-9)


def test_populations_are_what_they_are_called(stars, sky):
    kind = stars["population"]
    assert sky["is_giant"][kind.isin(["semiregular", "long_period", "dipper_years"])].all()
    assert not sky["is_giant"][kind.isin(["contact_binary", "flare", "dipper_repeated"])].any()
    assert (sky["logg_dex"][sky["is_giant"]] < sky["logg_dex"][~sky["is_giant"]].median()).all()
    assert set(sky["dust"][kind == "quiet"]) == {""}
    assert (sky["dust"][kind == "dipper_repeated"] == "disc").mean() > 0.7


def test_discs_shine_in_the_infrared(sky):
    disc, bare = sky["dust"] == "disc", (sky["dust"] == "") & ~sky["is_giant"]
    for blue, red, least in (("w1_mag", "w2_mag", 0.25), ("w2_mag", "w3_mag", 1.0)):
        colour = sky[blue] - sky[red]
        assert (colour[disc] > least).mean() > 0.9
        assert (colour[bare] < least).all()


def test_the_sky_depends_on_its_seed_alone(stars, sky):
    pd.testing.assert_frame_equal(draw_sky(stars, 1), sky)
    assert not draw_sky(stars, 2)["distance_pc"].equals(sky["distance_pc"])


def test_magnitudes_scatter_as_their_errors_say(tables, gaia, sky):
    for name, columns in {
        "tmass": ("j_m", "h_m", "ks_m"), "allwise": ("w1mpro", "w2mpro", "w3mpro", "w4mpro")
    }.items():  # fmt: skip
        table = tables[name]
        true = sky.set_index(pd.Index(range(len(sky)))).loc[gaia.index].set_index(gaia["source_id"])
        for column in columns:
            band = {"j": "j", "h": "h", "k": "ks"}.get(column[0]) or column[:2]
            sigma = table[column.replace("_m", "_msigcom") if "_m" in column else f"{column}_error"]
            known = sigma.notna()
            own = true[f"{band}_mag"].reindex(table["source_id"]).to_numpy()
            pull = ((table[column] - own) / sigma)[known]
            assert pull.std() == pytest.approx(1.0, abs=0.06), column
    assert set(BANDS) == {"j", "h", "ks", "w1", "w2", "w3", "w4"}


def test_designations_are_positions(tables):
    table = tables["tmass"].head(200)
    text = table["designation"]
    hours = text.str[:2] + " " + text.str[2:4] + " " + text.str[4:6] + "." + text.str[6:8]
    degrees = text.str[8:11] + " " + text.str[11:13] + " " + text.str[13:15] + "." + text.str[15:]
    there = SkyCoord(hours.tolist(), degrees.tolist(), unit=("hourangle", "deg"))
    sep = there.separation(SkyCoord(table["ra"].to_numpy() * u.deg, table["dec"].to_numpy() * u.deg))
    assert sep.arcsec.max() < 0.2


def test_distances_have_intervals_that_hold_the_truth(tables, gaia, sky):
    table = tables["bailer_jones"]
    true = sky.loc[gaia.index, "distance_pc"].to_numpy()
    inside = (table["r_lo_geo"] < true) & (true < table["r_hi_geo"])
    assert inside.mean() == pytest.approx(0.683, abs=0.03)
    assert table["r_med_photogeo"].isna().mean() == pytest.approx(0.08, abs=0.02)


def test_iphas_lists_its_plane_and_no_other(tables, gaia):
    table = tables["iphas"]
    inside = in_iphas(gaia["ra"].to_numpy(), gaia["dec"].to_numpy())
    assert len(table) > 100 * inside.sum() > 0
    near = in_iphas(table["RAJ2000"].to_numpy(), table["DEJ2000"].to_numpy())
    assert near.mean() > 0.95  # a field may reach over the edge
    colour = (table["r"] - table["ha"])[table["rErr"] < 0.03]
    assert 0.1 < colour.median() < 0.6


def test_units_are_told(tables, gaia):
    assert gaia.attrs["units"]["parallax"] == "mas"
    assert tables["starhorse"].attrs["units"]["dist50"] == "kpc"
    assert tables["hunt_reffert_clusters"].attrs["units"]["dist50"] == "pc"
    assert tables["allwise"].attrs["units"]["w3mpro_error"] == "mag"
    assert all(table.attrs["position"] for table in tables.values())
