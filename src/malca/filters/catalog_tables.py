"""What catalogues say of stars, as the filters want it: one table of matches, one of periods."""

from __future__ import annotations

from typing import Annotated

import pandas as pd

from malca.astrophysics.period_consensus import (
    SOURCES,
    VSX_COLUMNS,
    PeriodConsensusParameters,
    period_consensus,
    vsx_as_match,
)
from malca.catalogs import OPTIONAL_TARGET_COLUMNS, TARGET_COLUMNS, Catalog
from malca.columns import Columns

#: Tables that are made only for stars that the filters of tables leave.
LATE_TABLES = ("catalog_matches", "period_consensus", "periodicity")
#: Columns that every catalogue's matches begin with, and that are told apart by its name.
_COMMON = ("outcome", "reason", "sep_arcsec", "match_by")
#: Columns of Gaia that the survey's index has too.
_IN_INDEX = ("pm_ra_masyr", "pm_dec_masyr")


def match_catalogs(
    survivors: pd.DataFrame,
    manifest: Annotated[pd.DataFrame, Columns(*TARGET_COLUMNS, *OPTIONAL_TARGET_COLUMNS)],
    vsx_matches: Annotated[pd.DataFrame, Columns(*VSX_COLUMNS)],
    gaia: Catalog,
    gaia_eb: Catalog,
    asassn: Catalog,
    ztf: Catalog,
    ogle: Catalog,
) -> pd.DataFrame:
    """Look the remaining stars up in every catalogue.

    Returns
    -------
    DataFrame
        A row a survivor: ``asas_sn_id``; of Gaia ``gaia_outcome, gaia_reason, gaia_sep_arcsec,
        gaia_match_by``, its own columns as they are (``ruwe``, ``parallax_mas`` …; proper motions as
        ``gaia_pm_…``) and ``pm_total_masyr`` (from the index, where it has none from Gaia); of each
        catalogue of variables its columns with its name in front (``ztf_period_days`` …).
    """
    wanted = survivors[["asas_sn_id"]].merge(manifest, on="asas_sn_id", validate="1:1")
    if len(wanted) != len(survivors):
        raise ValueError(
            f"{len(survivors) - len(wanted)} stars are not in the manifest: run ingest again"
        )
    release = ["gaia_release"] if "gaia_release" in wanted else []
    targets = wanted[[*TARGET_COLUMNS, *release]]
    own = gaia.match(targets)
    renamed = {name: f"gaia_{name}" for name in (*_COMMON, *_IN_INDEX)}
    matches = own.rename(columns=renamed)
    index_pm, gaia_pm = (
        (table[_IN_INDEX[0]].astype(float) ** 2 + table[_IN_INDEX[1]].astype(float) ** 2) ** 0.5
        for table in (targets, own)
    )
    matches["pm_total_masyr"] = index_pm.fillna(gaia_pm)
    vsx = targets[["asas_sn_id"]].merge(vsx_as_match(vsx_matches), on="asas_sn_id", how="left")
    vsx["outcome"] = vsx["outcome"].fillna("unknown")
    tables = {"gaia_eb": gaia_eb, "asassn": asassn, "ztf": ztf, "ogle": ogle}
    parts = [matches, vsx.drop(columns="asas_sn_id").add_prefix("vsx_")]
    for name, catalog in tables.items():
        parts.append(catalog.match(targets).drop(columns="asas_sn_id").add_prefix(f"{name}_"))
    return pd.concat(parts, axis=1)


def agree_on_periods(
    catalog_matches: pd.DataFrame, parameters: PeriodConsensusParameters
) -> pd.DataFrame:
    """Say which period the catalogues of variables agree on, a row a star of ``catalog_matches``."""
    wanted = ("outcome", "reason", "period_days", "class", "sep_arcsec", "quality")
    return period_consensus(
        {
            source: pd.DataFrame(
                {
                    name: catalog_matches[column]
                    for name in ("asas_sn_id", *wanted)
                    if (column := name if name == "asas_sn_id" else f"{source}_{name}")
                    in catalog_matches
                }
            )
            for source in SOURCES
        },
        parameters,
    )
