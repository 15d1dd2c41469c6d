"""Star-forming regions: known stars in and before them, and what a position alone is worth."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord

from malca.astrophysics.molecular_clouds import SIGHTLINES
from malca.astrophysics.star_forming_regions import (
    StarFormingRegionParameters,
    add_star_forming_regions,
)

DEFAULT = StarFormingRegionParameters()


def star(ra, dec, distance=np.nan, error=0.02) -> dict[str, float]:
    return {
        "ra_deg": ra, "dec_deg": dec, "distance_pc": distance,
        "distance_low_pc": distance * (1 - error), "distance_high_pc": distance * (1 + error),
    }  # fmt: skip


def of(*stars, parameters=DEFAULT) -> pd.DataFrame:
    table = pd.DataFrame(stars, index=range(20, 20 + len(stars)))
    found = add_star_forming_regions(table, parameters)
    assert list(found.index) == list(table.index)
    return found


def test_young_stars_are_in_their_clouds():
    found = of(
        star(83.82, -5.39, 400),  # the Trapezium
        star(65.50, 28.44, 131),  # RY Tau
        star(246.79, -24.32, 139),  # DoAr 25 by L1688
        star(56.14, 32.16, 320),  # IC 348
        star(277.49, 1.22, 436),  # Serpens Main
        star(100.25, 9.9, 720),  # NGC 2264
        star(239.17, -22.03, 145),  # by Delta Scorpii
    )
    names = found["sfr_name"].tolist()
    assert names[0] == "Orion"
    assert names[1] == "Taurus"
    assert names[2] == "Ophiuchus"
    assert names[3] == "Perseus"
    assert names[4] == "Serpens"
    assert names[5] == "Mon OB1 and NGC 2264"
    assert names[6] == "Upper Scorpius"
    assert found["sfr_by"].eq("distance").all()
    assert found["sfr_member"].all()


def test_before_and_behind_is_no_member():
    found = of(star(83.82, -5.39, 150), star(83.82, -5.39, 1500), star(83.82, -5.39, 405))
    assert found["sfr_member"].tolist() == [False, False, True]
    assert found["sfr_name"].tolist() == ["", "", "Orion"]
    assert found["sfr_distance_sigma"].isna().tolist() == [True, True, False]


def test_a_position_alone_is_flagged_as_such():
    found = of(
        star(83.82, -5.39), star(83.82, -5.39, 2000, error=0.4), star(150.0, 60.0), star(np.nan, 10)
    )
    assert found["sfr_by"].tolist() == ["position", "position", "", ""]
    assert found["sfr_name"].tolist() == ["Orion", "Orion", "", ""]
    assert found["sfr_member"].isna().tolist() == [True, True, False, True]
    assert not found["sfr_member"].iloc[2]


def test_the_nearest_leads_not_the_first():
    """Ophiuchus lies before Upper Scorpius and overlaps the Lupus and Pipe clouds."""
    exact = of(star(246.9553, -24.5129, 139)).iloc[0]
    assert (exact["sfr_name"], exact["sfr_distance_pc"]) == ("Ophiuchus", 139)
    assert exact["sfr_separation_deg"] < 0.05
    # Cepheus has clouds at 340 and at 900 pc in nearly the same direction
    near, far = of(star(319.5841, 74.6682, 340), star(329.5443, 66.7491, 980))["sfr_distance_pc"]
    assert near < 380
    assert far > 900


def test_its_own_uncertainty_counts():
    sharp, wide = (of(star(83.82, -5.39, 560, error=e)).iloc[0] for e in (0.01, 0.2))
    assert not sharp["sfr_member"]
    assert wide["sfr_member"]


def test_sightlines_are_where_they_were_published():
    # recno 61, 218 and 296 of J/A+A/633/A51: name, and ICRS position as VizieR computes it
    for name, place, ra, dec in (
        ("Chamaeleon", (303.0, -16.7), 193.2197, -79.5716),
        ("Ophiuchus", (353.2, 16.6), 246.9553, -24.5129),
        ("Taurus", (173.5, -14.2), 69.1743, 25.8590),
    ):
        assert any(line[0] == name and line[1:3] == place for line in SIGHTLINES)
        found = SkyCoord(*place, unit=u.deg, frame="galactic").icrs
        assert found.ra.deg == pytest.approx(ra, abs=0.01)
        assert found.dec.deg == pytest.approx(dec, abs=0.01)
    assert len(SIGHTLINES) == 326 - 47
    assert all(low <= middle <= high for *_, low, middle, high in SIGHTLINES)
    # means over sightlines that others quote from the same table, pc
    means = {"Chamaeleon": 187, "IC 1396": 918, "GGD 4": 1372.5, "Ara": 1055, "L988": 619.5}
    for cloud, mean in means.items():
        of_cloud = [line[4] for line in SIGHTLINES if line[0] == cloud]
        assert np.mean(of_cloud) == pytest.approx(mean, abs=0.5)
