from __future__ import annotations

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time

from malca.pipelines.simulation.parameters import SimulationParameters, VsxParameters
from malca.pipelines.simulation.populations import POPULATIONS
from malca.pipelines.simulation.vsx import VSX_FIELDS, simulate_vsx, vsx_text

PARAMETERS = SimulationParameters(
    vsx=VsxParameters(known_share=dict.fromkeys(POPULATIONS, 1.0), n_unrelated=30)
)


def read(text: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: [line[start:end].strip() for line in text.splitlines()]
            for name, (start, end) in VSX_FIELDS.items()
        }
    )


def test_what_is_written_is_read_back(survey) -> None:
    catalogue = simulate_vsx(survey[1], PARAMETERS)
    assert len(catalogue) == len(survey[1]) + 30
    table = read(vsx_text(catalogue))
    for name in VSX_FIELDS:
        assert table[name].tolist() == catalogue[name].tolist(), name


def test_positions_are_of_j2000(survey) -> None:
    truth = survey[1]
    catalogue = simulate_vsx(truth, PARAMETERS).dropna(subset="asas_sn_id")
    both = truth.merge(catalogue, on="asas_sn_id", suffixes=("", "_vsx"))
    moving = both[both["pm_ra"].notna()]
    now = SkyCoord(
        moving["ra_deg"].to_numpy() * u.deg,
        moving["dec_deg"].to_numpy() * u.deg,
        pm_ra_cosdec=moving["pm_ra"].to_numpy() * u.mas / u.yr,
        pm_dec=moving["pm_dec"].to_numpy() * u.mas / u.yr,
        distance=1 * u.kpc,
        obstime=Time("J2016"),
    )
    then = now.apply_space_motion(new_obstime=Time("J2000"))
    listed = SkyCoord(
        moving["ra"].astype(float).to_numpy() * u.deg, moving["dec"].astype(float).to_numpy() * u.deg
    )
    assert np.median(then.separation(listed).arcsec) < 0.5
    assert then.separation(listed).arcsec.max() < 1.6


def test_classes_follow_populations(survey) -> None:
    both = survey[1].merge(
        simulate_vsx(survey[1], PARAMETERS).dropna(subset="asas_sn_id"), on="asas_sn_id"
    )
    for population, listed in zip(both["population"], both["class"], strict=True):
        assert listed.rstrip(":") == POPULATIONS[population].vsx_class


def test_too_wide_values_are_refused(survey) -> None:
    catalogue = simulate_vsx(survey[1], PARAMETERS)
    catalogue.loc[0, "class"] = "E" * 31
    with pytest.raises(ValueError, match="class"):
        vsx_text(catalogue)
