"""Four candidates, and catalogues that know three of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from malca.catalogs import MATCHED, NOT_MATCHED, UNKNOWN, Entries
from malca.lookups import look_up_all_node, look_up_node
from malca.pipelines.characterization import nodes
from malca.pipelines.characterization.dip_points import measure_dip_colours
from malca.pipelines.characterization.parameters import CharacterizationParameters

ID = 6_899_999_999_999_999_991
STARS = (101, 102, 103, 104)


class FakeCatalog:
    """Answers by position in a table, and notes what it was asked.

    ``rows`` has a row a star it knows, with ``asas_sn_id``; ``fails`` is raised instead.
    """

    def __init__(self, rows: pd.DataFrame, fails: Exception | None = None, copies: int = 1) -> None:
        self.rows, self.fails, self.copies = rows, fails, copies
        self.asked: list[pd.DataFrame] = []
        self.fingerprint = "fake"

    def match(self, targets: pd.DataFrame) -> pd.DataFrame:
        self.asked.append(targets)
        if self.fails is not None:
            raise self.fails
        own = self.rows.set_index("asas_sn_id").reindex(targets["asas_sn_id"]).reset_index()
        there = own["asas_sn_id"].isin(self.rows["asas_sn_id"])
        own.insert(1, "outcome", np.where(there, MATCHED, NOT_MATCHED))
        own.insert(2, "reason", "")
        own.insert(3, "sep_arcsec", np.where(there, 0.1, np.nan))
        own.insert(4, "match_by", np.where(there, "position", ""))
        return own

    def match_all(self, targets: pd.DataFrame) -> Entries:
        found = self.match(targets)
        entries = self.rows[self.rows["asas_sn_id"].isin(targets["asas_sn_id"])]
        entries = pd.concat([entries] * self.copies, ignore_index=True)
        entries.insert(1, "sep_arcsec", 0.1)
        outcomes = found[["asas_sn_id", "outcome", "reason"]].assign(
            n_entries=found["outcome"].eq(MATCHED).astype("int64") * self.copies
        )
        return Entries(outcomes, entries)


class FakeDust:
    """A map that knows 0.1 mag of reddening everywhere, if a distance is known."""

    def query(self, l_deg: Any, b_deg: Any, distance_pc: np.ndarray) -> pd.DataFrame:
        known = np.isfinite(distance_pc)
        return pd.DataFrame(
            {
                "outcome": np.where(known, MATCHED, UNKNOWN),
                "reason": np.where(known, "", "no distance"),
                "ebv_mag": np.where(known, 0.1, np.nan),
                "ebv_error_mag": np.where(known, 0.01, np.nan),
                "max_distance_pc": 3000.0,
                "beyond_map": False,
            }
        )


def known(**columns: Any) -> pd.DataFrame:
    """Rows about the first three stars."""
    return pd.DataFrame({"asas_sn_id": np.array(STARS[:3], np.int64), **columns})


@pytest.fixture
def candidates() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "asas_sn_id": pd.array(STARS, "Int64"),
            "ra_deg": [10.0, 120.0, 300.0, 200.0],
            "dec_deg": [-40.0, 5.0, 60.0, 89.0],
            "gaia_outcome": "matched",
            "dip_count": [1, 2, 3, 4],
        }
    )


@pytest.fixture
def manifest() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "asas_sn_id": np.array([999, *STARS], np.int64),
            "pm_ra_masyr": [0.0, 5.0, 5.0, np.nan, 5.0],
            "pm_dec_masyr": [0.0, 5.0, 5.0, np.nan, 5.0],
            "gaia_id": pd.array([1, 11, 12, None, 14], "Int64"),
            "gaia_release": pd.array(["DR2"] * 5, "str"),
        }
    )


@pytest.fixture
def catalogs() -> dict[str, FakeCatalog]:
    gaia = known(
        gaia_dr3_id=pd.array([ID, ID + 1, ID + 2], "Int64"),
        ra_deg=[10.0, 120.0, 300.0], dec_deg=[-40.0, 5.0, 60.0],
        parallax_mas=[2.0, 1.0, 5.0], parallax_error_mas=0.02, pm_ra_masyr=[5.0, -3.0, 20.0],
        pm_ra_error_masyr=0.02, pm_dec_masyr=[4.0, -2.0, -9.0], pm_dec_error_masyr=0.02,
        ruwe=1.0, rv_kms=[10.0, np.nan, -20.0], rv_error_kms=[1.0, np.nan, 1.0],
        g_mag=[13.0, 13.2, 13.1], bp_mag=13.5, rp_mag=12.6, bp_rp_mag=0.9, teff_k=5600.0,
        logg_dex=4.4, mh_dex=-0.1, distance_pc=[500.0, 1000.0, 200.0], ag_mag=0.2,
        non_single_star=pd.array([0, 0, 1], "Int64"),
    )  # fmt: skip
    tmass = known(
        j_mag=11.7, j_error_mag=0.02, h_mag=11.3, h_error_mag=0.02, ks_mag=11.2, ks_error_mag=0.02,
        photometry_quality="AAA",
    )  # fmt: skip
    allwise = known(
        w1_mag=[11.1, 10.2, 11.1], w1_error_mag=0.02, w2_mag=[11.1, 9.6, 11.1], w2_error_mag=0.02,
        w3_mag=[11.0, 7.2, 11.0], w3_error_mag=0.05, w4_mag=[9.0, 5.0, 9.0], w4_error_mag=0.1,
        cc_flags="0000", photometry_quality="AAAA",
    )  # fmt: skip
    bailer_jones = known(
        geometric_pc=[500.0, 1000.0, 200.0], geometric_low_pc=[490.0, 970.0, 199.0],
        geometric_high_pc=[510.0, 1030.0, 201.0], photogeometric_pc=np.nan,
        photogeometric_low_pc=np.nan, photogeometric_high_pc=np.nan,
    )  # fmt: skip
    return {
        "gaia_source": FakeCatalog(gaia),
        "tmass": FakeCatalog(tmass),
        "allwise": FakeCatalog(allwise),
        "bailer_jones": FakeCatalog(bailer_jones),
        "starhorse": FakeCatalog(known(av_mag=0.5, av_low_mag=0.4, av_high_mag=0.6, met_dex=-0.1)),
        "iphas": FakeCatalog(known().iloc[:0]),
        "iphas_field": FakeCatalog(known().iloc[:0]),
        "cantat_gaudin_members": FakeCatalog(known(cluster="NGC 1", probability=0.9).iloc[:1]),
        "hunt_reffert_members": FakeCatalog(known(cluster="NGC_1", probability=0.8).iloc[:1]),
        "unwise_epochs": FakeCatalog(known().iloc[:0]),
    }


def look_up(name: str) -> Any:
    return look_up_node(name, CharacterizationParameters)


def look_up_all(name: str) -> Any:
    return look_up_all_node(name, CharacterizationParameters)


@pytest.fixture
def run(candidates, manifest):
    """The pipeline's nodes one after the other."""

    def run_with(
        catalogs: dict[str, FakeCatalog],
        parameters: CharacterizationParameters | None = None,
        candidates: pd.DataFrame = candidates,
    ) -> pd.DataFrame:
        parameters = parameters or CharacterizationParameters()
        first = nodes.choose_targets(candidates, manifest)
        made: dict[str, Any] = {}
        for name in ("gaia_source", "cantat_gaudin_members"):
            made[f"{name}_matches"] = look_up(name)(first, catalogs[name], parameters)
        targets = nodes.identify(first, made["gaia_source_matches"])
        for name in ("tmass", "allwise", "bailer_jones", "starhorse", "iphas", "hunt_reffert_members"):
            made[f"{name}_matches"] = look_up(name)(targets, catalogs[name], parameters)
        field = look_up_all("iphas_field")(targets, catalogs["iphas_field"], parameters)
        unwise = look_up_all("unwise_epochs")(targets, catalogs["unwise_epochs"], parameters)
        distances = nodes.measure_distances(
            targets, made["gaia_source_matches"], made["bailer_jones_matches"],
            made["starhorse_matches"], parameters,
        )  # fmt: skip
        return nodes.characterize(
            candidates=candidates, targets=targets, **made, iphas_field_entries=field.entries,
            cantat_gaudin_clusters=None, hunt_reffert_clusters=None,
            unwise_epochs_outcomes=unwise.outcomes, unwise_epochs_entries=unwise.entries,
            distances=distances, dust=nodes.look_up_dust(targets, distances, FakeDust(), parameters),
            dip_colours=measure_dip_colours(candidates, {"dip_points": {}}, parameters),
            banyan_parameters=None, parameters=parameters,
        )  # fmt: skip

    return run_with
