"""What has to hold of a run whose services fail at random, and of the run after it."""

from __future__ import annotations

from collections.abc import Mapping

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord
from tests.chain import project as projects
from tests.chain.conftest import Chain
from tests.chain.services import ONE_IN_THREE, Asked

from malca.catalogs import OUTCOMES, UNKNOWN

#: Outcomes that are settled from several catalogues, and have no reason of their own.
_OF_SEVERAL = {"vsx_outcome", "cluster_outcome", "period_catalog_outcome"}
#: Some of what catalogues tell of a star.
_TOLD = {
    "gaia": ("ra_deg", "parallax_mas", "pm_ra_masyr", "ruwe", "g_mag", "bp_rp_mag", "teff_k"),
    "tmass": ("j_mag", "ks_error_mag", "quality"),
    "allwise": ("w1_mag", "w4_mag", "cc_flags"),
    "starhorse": ("av_mag", "mass_msun"),
    "simbad": ("main_id", "otype"),
    "alerce": ("class", "probability"),
}
_SAME_STAR_ARCSEC = 60.0

Answers = Mapping[str, pd.DataFrame]


def run_with_faults(chain: Chain, seed: int) -> tuple[dict[str, pd.DataFrame], Answers]:
    """Run the chain while every service fails one time in three.

    Returns
    -------
    tables, answers
        Of the run, and what each catalogue said of each star.
    """
    services = chain.services
    services.fault_share, services.seed = ONE_IN_THREE, seed
    tables = chain.run()
    services.fault_share = 0.0
    share = services.n_faults.total() / services.n_requests.total()
    assert abs(share - ONE_IN_THREE) < 0.1, share
    _check_ids(services.asked, chain)
    answers = projects.answers(chain.folder, chain.entries)
    assert set(services.n_requests) == set(answers)
    failed = {name: table["outcome"].eq(UNKNOWN) for name, table in answers.items()}
    # it is batches and single stars that are lost, not whole catalogues
    assert sum(bool(lost.any()) for lost in failed.values()) > 0.8 * len(failed)
    assert sum(bool(lost.any() and not lost.all()) for lost in failed.values()) > 0.5 * len(failed)
    for table in answers.values():
        reasons = table.loc[table["outcome"].eq(UNKNOWN), "reason"]
        assert reasons.str.startswith("service failed: ").all(), set(reasons)
    return tables, answers


def check_tables(flaky: Mapping[str, pd.DataFrame], clean: Mapping[str, pd.DataFrame]) -> None:
    """Tables are complete, and what is unknown is marked so."""
    for name, table in flaky.items():
        assert list(table) == list(clean[name])
        assert table["asas_sn_id"].tolist() == clean[name]["asas_sn_id"].tolist()
        changed = table.dtypes[table.dtypes != clean[name].dtypes]
        assert changed.empty, changed
    table, whole = flaky["classified"], clean["classified"]
    outcomes = [column for column in table if column.endswith("_outcome")]
    for column in outcomes:
        assert set(table[column]) <= set(OUTCOMES), column
        if column not in _OF_SEVERAL:
            unknown = table[column].eq(UNKNOWN)
            assert table.loc[unknown, column.replace("_outcome", "_reason")].str.len().gt(0).all()
    for prefix, names in _TOLD.items():
        told = [f"{prefix}_{name}" for name in names]
        lost = table[f"{prefix}_outcome"].eq(UNKNOWN)
        assert table.loc[lost, told].isin([None, np.nan, pd.NA]).all(axis=None), prefix
        assert not whole[told].isin([None, np.nan, pd.NA]).all(axis=None), prefix
    # unknown is never taken for a no (what follows from a star's mass may: another mass is believed)
    flags = [
        column for column in table
        if pd.api.types.is_bool_dtype(table[column].dtype) and not column.startswith("occulter_")
    ]  # fmt: skip
    denied = [
        column for column in flags if (table[column].eq(False) & whole[column].eq(True)).any()
    ]  # fmt: skip
    assert not denied
    shares = [column for column in table if column.startswith("p_")]
    np.testing.assert_allclose(table[shares].sum(axis=1), 1.0)


def check_second_run(chain: Chain, before: Answers) -> dict[str, pd.DataFrame]:
    """Run again, with services that work: only what was unknown is asked, and it is known then.

    Where Gaia's own entry was unknown, a star's place and id were those of the survey's index: of
    such a star everything is another question now.
    """
    services = chain.services
    services.forget()
    tables = chain.run()
    unknown = {
        name: set(table.loc[table["outcome"].eq(UNKNOWN), "asas_sn_id"])
        for name, table in before.items()
    }
    new_place = unknown["gaia_source_catalog"]
    asked = _stars(services.asked, chain)
    for name in before:
        now = asked.get(name, set())
        assert now <= unknown[name] | new_place, name
        if name != "gaia_epoch_photometry_catalog":  # Gaia says now that there are none of some
            assert now >= unknown[name], name
    _check_ids(services.asked, chain)
    n_stars = len(tables["classified"])
    assert sum(map(len, asked.values())) < n_stars * len(before)
    # a task that is known to be in ATLAS's queue is looked at again and not queued anew
    tasks = services.answers["atlas_catalog"].tasks
    assert len(tasks) - len(set(tasks)) <= services.n_cut["POST atlas_catalog"]
    for name, table in projects.answers(chain.folder, chain.entries).items():
        assert not table["outcome"].eq(UNKNOWN).any(), name
    services.forget()
    projects.run(chain.folder, "characterization", "vetting")
    assert not services.n_requests, services.n_requests
    return tables


def _check_ids(asked: list[Asked], chain: Chain) -> None:
    """Ids of DR2 were looked up in what has ids of DR2 only, and those of DR3 likewise."""
    own = chain.services.answers["gaia_catalog"].twin
    dr3, dr2 = (set(own[name]) for name in ("source_id", "dr2_source_id"))
    assert len(dr3 - dr2) > 5
    of_dr2 = {"cantat_gaudin_members_catalog"}
    for star in asked:
        if star.id:
            assert star.id in (dr2 if star.catalogue in of_dr2 else dr3), star


def _stars(asked: list[Asked], chain: Chain) -> dict[str, set[int]]:
    """Stars that each catalogue was asked about."""
    candidates = projects.table(chain.folder, "candidates")
    targets = [
        projects.table(chain.folder, name) for name in ("characterization_targets", "vetting_targets")
    ]
    ids = {
        int(gaia): int(star)
        for table in targets
        for gaia, star in table.dropna(subset="gaia_id")[["gaia_id", "asas_sn_id"]].to_numpy()
    }
    sky = SkyCoord(
        candidates["ra_deg"].to_numpy() * u.deg, candidates["dec_deg"].to_numpy() * u.deg
    )  # fmt: skip
    found: dict[str, set[int]] = {}
    placed = [star for star in asked if not star.id]
    places = SkyCoord([star.ra_deg for star in placed], [star.dec_deg for star in placed], unit=u.deg)
    nearest, sep, _ = places.match_to_catalog_sky(sky)
    assert sep.arcsec.max() < _SAME_STAR_ARCSEC
    for star, row in zip(placed, nearest, strict=True):
        found.setdefault(star.catalogue, set()).add(int(candidates["asas_sn_id"].iloc[row]))
    for star in asked:
        if star.id:
            found.setdefault(star.catalogue, set()).add(ids[star.id])
    return found
