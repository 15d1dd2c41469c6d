"""What formulas of colours and visits make is described, column by column, with units of astropy."""

from __future__ import annotations

import astropy.units as u
import pandas as pd

from malca.astrophysics.cmd_slope import CmdSlopeParameters, cmd_slopes
from malca.astrophysics.dip_colours import POINT_COLUMNS, DipColourParameters, dip_colours
from malca.astrophysics.halpha import HalphaParameters, halpha_excess
from malca.astrophysics.midinfrared import (
    NeowiseParameters,
    UntimelyParameters,
    midinfrared_variability,
    neowise_variability,
)
from malca.astrophysics.young_stars import YoungStarParameters, classify_young_stars
from malca.descriptions import characterized, visits

STARS = pd.DataFrame({"asas_sn_id": [1], "outcome": "unknown", "reason": "offline", "sep_arcsec": 0.0})
NOTHING = STARS[["asas_sn_id", "sep_arcsec"]].iloc[:0]


def test_columns_of_characterized():
    pairs = NOTHING.reindex(
        columns=["asas_sn_id", "blue_mag", "blue_error_mag", "red_mag", "red_error_mag"]
    )
    made = [
        classify_young_stars(STARS, YoungStarParameters()),
        halpha_excess(STARS, NOTHING, HalphaParameters()),
        midinfrared_variability(STARS, NOTHING, UntimelyParameters()),
        dip_colours([1], NOTHING.reindex(columns=list(POINT_COLUMNS)), DipColourParameters()),
        cmd_slopes([1], pairs, CmdSlopeParameters()),
    ]
    names = [name for table in made for name in table if name != "asas_sn_id"]
    assert len(names) == len(set(names))
    assert set(names) <= set(characterized.COLUMNS)
    prefixes = ("yso_", "halpha_", "midir_", "dip_colour_", "dip_reddens", "cmd_")
    assert set(names) == {name for name in characterized.COLUMNS if name.startswith(prefixes)}
    # of a star that nobody knows anything about, everything is unknown
    unknown = pd.concat(made, axis=1)
    assert unknown["yso_class"].item() == "unknown"
    verdicts = ["halpha_emitter", "midir_variable", "dip_reddens", "cmd_consistent_with_interstellar"]
    assert unknown[verdicts].isna().all(axis=None)


def test_columns_of_neowise():
    table = neowise_variability(STARS, NOTHING, NeowiseParameters())
    assert set(table) - {"asas_sn_id"} == set(visits.NEOWISE)


def test_units_are_those_of_astropy():
    for column in [*characterized.COLUMNS.values(), *visits.NEOWISE.values()]:
        u.Unit(column.unit)
        assert column.description
