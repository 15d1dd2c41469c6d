"""Every column that formulas about a star make is described, in units that astropy knows."""

from __future__ import annotations

import astropy.units as u
import pandas as pd
import pytest

from malca.astrophysics.banyan import add_membership
from malca.astrophysics.distances import DistanceParameters, add_distances
from malca.astrophysics.extinction import (
    ExtinctionParameters,
    add_extinction,
    add_intrinsic_photometry,
)
from malca.astrophysics.galactic import add_galactic
from malca.astrophysics.open_clusters import OpenClusterParameters, add_open_clusters
from malca.astrophysics.population import PopulationParameters, add_population
from malca.astrophysics.star_forming_regions import (
    StarFormingRegionParameters,
    add_star_forming_regions,
)
from malca.descriptions.characterized import COLUMNS
from malca.descriptions.star_properties import (
    BANYAN,
    DISTANCES,
    EXTINCTION,
    GALACTIC,
    INTRINSIC,
    OPEN_CLUSTERS,
    POPULATION,
    STAR_FORMING_REGIONS,
)

STAR = pd.DataFrame({"asas_sn_id": [1], "ra_deg": [10.0], "dec_deg": [20.0]})
NO_MATCH = pd.DataFrame({"outcome": ["unknown"]})


@pytest.mark.parametrize(
    ("made", "described"),
    [
        (add_distances(STAR, DistanceParameters()), DISTANCES),
        (add_intrinsic_photometry(STAR), INTRINSIC),
        (add_galactic(STAR), GALACTIC),
        (add_population(STAR, PopulationParameters()), POPULATION),
        (add_membership(STAR, None), BANYAN),
        (add_star_forming_regions(STAR, StarFormingRegionParameters()), STAR_FORMING_REGIONS),
        (
            add_open_clusters(STAR, NO_MATCH, NO_MATCH, None, None, OpenClusterParameters()),
            OPEN_CLUSTERS,
        ),
    ],
)
def test_what_is_made_is_described_and_nothing_else(made, described):
    assert list(made) == list(described)


def test_extinction_is_described_with_the_map_it_is_from():
    made = add_extinction(STAR, ExtinctionParameters())
    assert list(made) == [name for name in EXTINCTION if not name.startswith("dust_")]


def test_units_are_astropys():
    for name, (unit, description) in COLUMNS.items():
        u.Unit(unit)
        assert description, name
