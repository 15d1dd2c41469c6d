"""How many stars each catalogue answered about, and why not the others."""

from __future__ import annotations

import pandas as pd

from malca.vetting.modules import MATCH_MODULES
from malca.vetting.parameters import NEIGHBOUR_CATALOGS, SURVEYS

#: Prefixes of the columns of outcomes and reasons, in the order of tables and figures.
PREFIXES = (
    *(module.prefix for module in MATCH_MODULES.values()),
    "gaia_epoch", "erosita", "atlas", "neowise",
    *(f"neighbours_{name}" for name in NEIGHBOUR_CATALOGS),
    *(f"spectra_{name}" for name in SURVEYS),
)  # fmt: skip


def count_outcomes(vetted: pd.DataFrame) -> pd.DataFrame:
    """Count stars by module, outcome and reason.

    Parameters
    ----------
    vetted : DataFrame
        With columns ``<module>_outcome, <module>_reason``.

    Returns
    -------
    DataFrame
        ``module, outcome, reason, n_stars``, in the order of ``PREFIXES`` and falling numbers.
    """
    parts = []
    for prefix in PREFIXES:
        told = pd.DataFrame(
            {
                name: vetted[f"{prefix}_{name}"].fillna("").astype("str")
                for name in ("outcome", "reason")
            }
        )
        counts = told.value_counts().rename("n_stars").reset_index()
        counts = counts.sort_values(
            ["n_stars", "outcome", "reason"], ascending=[False, True, True], kind="stable"
        )
        counts.insert(0, "module", pd.Series(prefix, index=counts.index, dtype="str"))
        parts.append(counts)
    table = pd.concat(parts, ignore_index=True)
    types = {"module": "str", "outcome": "str", "reason": "str", "n_stars": "int64"}
    return table.astype(types)
