from __future__ import annotations

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord, search_around_sky

from malca.evaluation.matching import match_objects

from .conftest import make_known


def at(known, ra, dec):
    known = known.assign(ra_deg=ra, dec_deg=dec)
    known["asas_sn_id"] = pd.array([pd.NA] * len(known), dtype="Int64")
    return known


def test_ids_decide_where_there_are_any():
    known = make_known([(3, "event", 0, 1), (3, "uncertain", 5, 6), (8, "false", None, None)])
    known["ra_deg"], known["dec_deg"] = 10.0, 0.0  # where star 4 is
    stars = pd.DataFrame({"asas_sn_id": [3, 4], "ra_deg": [0.0, 10.0], "dec_deg": [0.0, 0.0]})
    found = match_objects(known, stars, 3.0)
    assert found["known_id"].tolist() == ["3", "8"]
    assert found["label"].tolist() == ["event", "false"]
    assert found["asas_sn_id"].tolist() == [3, pd.NA]
    assert found["match_outcome"].tolist() == ["matched", "not_matched"]
    assert found["match_by"].tolist() == ["asas_sn_id", ""]
    assert found["asas_sn_id"].dtype == "Int64"


def test_positions_give_the_nearest_as_astropy_does(rng):
    n = 300
    stars = pd.DataFrame(
        {
            "asas_sn_id": np.arange(n) + 5_000_000_000_000,
            "ra_deg": (rng.uniform(-0.02, 0.02, n)) % 360,
            "dec_deg": rng.uniform(-0.02, 0.02, n),
        }
    )
    known = make_known([(k, "event", 0, 1) for k in range(60)])
    known = at(known, rng.uniform(-0.02, 0.02, 60) % 360, rng.uniform(-0.02, 0.02, 60))
    found = match_objects(known, stars, 8.0)
    places = SkyCoord(known["ra_deg"], known["dec_deg"], unit="deg")
    others = SkyCoord(stars["ra_deg"], stars["dec_deg"], unit="deg")
    first, second, separation, _ = search_around_sky(places, others, 8.0 * u.arcsec)
    pairs = pd.DataFrame({"i": first, "j": second, "sep": separation.to_value("arcsec")})
    nearest = pairs.sort_values("sep").drop_duplicates("i").set_index("i")
    assert len(nearest) > 20
    counts = pairs.groupby("i").size().reindex(range(60), fill_value=0)
    np.testing.assert_array_equal(found["n_within_radius"], counts)
    assert (counts > 1).any()
    assert found.loc[counts.to_numpy() > 1, "is_ambiguous"].all()
    expected = stars["asas_sn_id"].to_numpy()[nearest["j"]]
    assert found.loc[nearest.index, "asas_sn_id"].tolist() == expected.tolist()
    np.testing.assert_allclose(found.loc[nearest.index, "sep_arcsec"], nearest["sep"], rtol=1e-6)
    assert found["asas_sn_id"].isna().sum() == 60 - len(nearest)


def test_two_objects_with_one_star_are_ambiguous():
    known = at(make_known([(1, "event", 0, 1), (2, "event", 0, 1)]), [10.0, 10.0001], [0.0, 0.0])
    stars = pd.DataFrame({"asas_sn_id": [7], "ra_deg": [10.0], "dec_deg": [0.0]})
    found = match_objects(known, stars, 3.0)
    assert found["asas_sn_id"].tolist() == [7, 7]
    assert found["is_ambiguous"].all()
    assert found["n_within_radius"].tolist() == [1, 1]


def test_what_cannot_be_looked_up_is_unknown():
    known = at(make_known([(1, "event", 0, 1), (2, "event", 0, 1)]), [np.nan, 10.0], [0.0, 0.0])
    placed = pd.DataFrame({"asas_sn_id": [7], "ra_deg": [50.0], "dec_deg": [0.0]})
    assert match_objects(known, placed, 3.0)["match_outcome"].tolist() == ["unknown", "not_matched"]
    nowhere = match_objects(known, placed[["asas_sn_id"]], 3.0)
    assert nowhere["match_outcome"].tolist() == ["unknown", "unknown"]


def test_bad_tables_are_refused():
    known = make_known([(1, "event", 0, 1)])
    stars = pd.DataFrame({"asas_sn_id": [7, 7]})
    with pytest.raises(ValueError, match="star twice"):
        match_objects(known, stars, 3.0)
    with pytest.raises(ValueError, match="known objects lacks label"):
        match_objects(known.drop(columns="label"), stars, 3.0)
    with pytest.raises(ValueError, match="radius of a match"):
        match_objects(known, stars[:1], 0.0)
