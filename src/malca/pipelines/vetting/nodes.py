"""Look candidates up, a node a catalogue, and gather what the catalogues say."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import pandas as pd
from matplotlib.figure import Figure

from malca.astrophysics.midinfrared import neowise_variability
from malca.catalogs import NOT_MATCHED, Catalog, Entries
from malca.columns import Columns
from malca.lookups import OUTCOME_DTYPES, look_up_all, targets_of
from malca.plots.vetting import outcomes_figure
from malca.vetting.epochs import describe_atlas, describe_gaia_epochs
from malca.vetting.modules import MATCH_MODULES, describe_matches
from malca.vetting.neighbours import gather_neighbours, variable_itself
from malca.vetting.outcomes import count_outcomes
from malca.vetting.parameters import NEIGHBOUR_CATALOGS, SURVEYS, VettingParameters
from malca.vetting.spectra import gather_spectra
from malca.vetting.verdict import judge_known, remark
from malca.vetting.xrays import describe_xrays

logger = logging.getLogger(__name__)

_PLACED_BY = (
    "asas_sn_id", "ra_deg", "dec_deg", "pm_ra_masyr", "pm_dec_masyr", "gaia_id", "gaia_release",
    "gaia_dr3_id", "gaia_ra_deg", "gaia_dec_deg", "gaia_pm_ra_masyr", "gaia_pm_dec_masyr",
)  # fmt: skip
_NO_EPOCHS = "Gaia published no epochs of it"


def choose_targets(
    characterized: Annotated[pd.DataFrame, Columns(*_PLACED_BY)],
) -> pd.DataFrame:
    """Say which stars are to be looked up, and where they are."""
    return targets_of(characterized)


def look_up_gaia_epochs(
    vetting_targets: pd.DataFrame,
    characterized: Annotated[pd.DataFrame, Columns("asas_sn_id", "gaia_has_epoch_photometry")],
    catalog: Catalog,
    parameters: VettingParameters,
) -> Entries:
    """List Gaia's epochs; stars of which Gaia says that there are none are not asked about."""
    name = "gaia_epoch_photometry"
    asked = parameters.asks(name)
    without = vetting_targets["asas_sn_id"].isin(_without_epochs(characterized)) & asked
    found = look_up_all(vetting_targets[~without].reset_index(drop=True), catalog, asked, name)
    none = pd.DataFrame(
        {
            "asas_sn_id": vetting_targets.loc[without, "asas_sn_id"],
            "outcome": NOT_MATCHED,
            "reason": _NO_EPOCHS,
            "n_entries": 0,
        }
    )
    outcomes = pd.concat([found.outcomes, none]).set_index("asas_sn_id")
    outcomes = outcomes.loc[vetting_targets["asas_sn_id"]].reset_index()
    return Entries(outcomes.astype(OUTCOME_DTYPES), found.entries)


def _without_epochs(characterized: pd.DataFrame) -> pd.Series:
    if "gaia_has_epoch_photometry" not in characterized:
        return pd.Series(dtype="int64")
    has = characterized["gaia_has_epoch_photometry"].astype("boolean")
    return characterized.loc[has.eq(False).fillna(False), "asas_sn_id"]


def describe_matched(**matches: pd.DataFrame) -> pd.DataFrame:
    """Gather what the catalogues that list a star once say; see ``malca.vetting.modules``."""
    return describe_matches({name: matches[name] for name in MATCH_MODULES})


def describe_epochs(
    characterized: Annotated[
        pd.DataFrame,
        Columns(
            "asas_sn_id",
            "gaia_has_epoch_photometry",
            "distance_pc",
            "distance_low_pc",
            "distance_high_pc",
        ),
    ],
    parameters: VettingParameters,
    **listed: pd.DataFrame,
) -> pd.DataFrame:
    """Tell variation in other surveys' epochs, and X-rays.

    Parameters
    ----------
    characterized : DataFrame
    parameters : VettingParameters
    listed : DataFrame
        ``<catalogue>_outcomes`` and ``<catalogue>_entries`` of Gaia's epochs, eROSITA, ATLAS and
        NEOWISE.

    Returns
    -------
    DataFrame
        A row a star: ``asas_sn_id``, then columns ``gaia_epoch_…, erosita_…, atlas_…, neowise_…``.
    """
    stars = characterized.set_index("asas_sn_id", drop=False)
    has = pd.Series(pd.NA, index=stars.index, dtype="boolean")
    if "gaia_has_epoch_photometry" in stars:
        has = stars["gaia_has_epoch_photometry"].astype("boolean")
    parts = [
        describe_gaia_epochs(
            _of(listed, "gaia_epoch_photometry"), has, parameters.gaia_epoch_photometry
        ),
        describe_xrays(_of(listed, "erosita"), characterized, parameters.erosita),
        describe_atlas(_of(listed, "atlas"), parameters.atlas),
        neowise_variability(*_of(listed, "neowise"), parameters.neowise.variability),
    ]
    table = parts[0]
    for part in parts[1:]:
        table = table.merge(part, on="asas_sn_id", validate="1:1")
    return table


def list_neighbours(
    characterized: Annotated[
        pd.DataFrame,
        Columns("asas_sn_id", "gaia_dr3_id", "gaia_g_mag", "dip_best_depth_mag", "vsx_outcome"),
    ],
    parameters: VettingParameters,
    **listed: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the neighbours of each star, and sum them up; see ``malca.vetting.neighbours``.

    Returns
    -------
    neighbours : DataFrame
        A row a neighbour.
    neighbour_summary : DataFrame
        A row a star; also what VSX says of the star itself, where the table does not say.
    """
    catalogs = {name: _of(listed, f"{name}_neighbours") for name in NEIGHBOUR_CATALOGS}
    neighbours, summary = gather_neighbours(characterized, catalogs, parameters.neighbours)
    if "vsx_outcome" not in characterized:
        own = variable_itself(catalogs["vsx"], parameters.neighbours)
        summary = summary.merge(own, on="asas_sn_id", validate="1:1")
    return neighbours, summary


def list_spectra(
    vetting_targets: Annotated[pd.DataFrame, Columns("asas_sn_id")], **listed: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the spectra of each star, and sum them up; see ``malca.vetting.spectra``."""
    return gather_spectra(vetting_targets, {name: _of(listed, f"{name}_spectra") for name in SURVEYS})


def vet(
    characterized: pd.DataFrame,
    vetting_matches: pd.DataFrame,
    vetting_epochs: pd.DataFrame,
    neighbour_summary: pd.DataFrame,
    spectra_summary: pd.DataFrame,
    parameters: VettingParameters,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put everything together and say which candidates are known objects.

    Columns that the candidates had from the same catalogues before are replaced.

    Returns
    -------
    vetted : DataFrame
        ``characterized`` with the columns of the vetting.
    vetting_outcomes : DataFrame
        ``module, outcome, reason, n_stars``.
    """
    table = characterized
    for part in (vetting_matches, vetting_epochs, neighbour_summary, spectra_summary):
        table = table.drop(columns=[name for name in part if name != "asas_sn_id"], errors="ignore")
        n_before = len(table)
        table = table.merge(part, on="asas_sn_id", how="inner", validate="1:1")
        if len(table) != n_before:
            raise ValueError(
                f"{n_before - len(table)} stars were not looked up: run the vetting from its beginning"
            )
    known, remarks = judge_known(table, parameters), remark(table, parameters)
    new = pd.concat([known, remarks], axis=1)
    table = pd.concat([table.drop(columns=list(new), errors="ignore"), new], axis=1)
    likely = table["vetting_likely_known"]
    logger.info(
        "vetted: %d of %d candidates are known objects, %d are not, of %d it cannot be told; "
        "%d are known dippers",
        likely.eq(True).sum(), len(table), likely.eq(False).sum(), likely.isna().sum(),
        table["vetting_known_dipper"].eq(True).sum(),
    )  # fmt: skip
    return table, count_outcomes(table)


def draw_vetting_outcomes(vetting_outcomes: pd.DataFrame) -> Figure:
    """Draw what each catalogue answered."""
    return outcomes_figure(vetting_outcomes)


def _of(listed: dict[str, Any], name: str) -> Entries:
    return Entries(listed[f"{name}_outcomes"], listed[f"{name}_entries"])
