"""Catalogues in memory: what they list is written down star by star."""

from __future__ import annotations

import pandas as pd
import pytest

from malca.catalogs import Entries


def build_entries(outcomes: dict[int, str], entries: list[dict] | None = None) -> Entries:
    rows = pd.DataFrame(entries or [], columns=None if entries else ["asas_sn_id", "sep_arcsec"])
    rows = rows.astype({"asas_sn_id": "int64", "sep_arcsec": "float64"})
    table = pd.DataFrame(
        {
            "asas_sn_id": pd.Series(list(outcomes), dtype="int64"),
            "outcome": pd.Series(list(outcomes.values()), dtype="str"),
            "reason": pd.Series(
                ["no answer" if one == "unknown" else "" for one in outcomes.values()], dtype="str"
            ),
        }
    )
    table["n_entries"] = table["asas_sn_id"].map(rows["asas_sn_id"].value_counts()).fillna(0)
    return Entries(table.astype({"n_entries": "int64"}), rows)


@pytest.fixture
def make_entries():
    """Build what a catalogue lists from outcomes by star and rows of entries."""
    return build_entries
