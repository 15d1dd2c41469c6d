"""Small tables of stars and events, everything about them ordinary unless said otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.filters.stars import StarTables

EVENT = {
    "kind": "dip",
    "jd_start": 2458000.0,
    "jd_end": 2458010.0,
    "duration_days": 10.0,
    "depth_mag": 0.4,
    "n_points": 20,
    "n_cameras": 3,
    "n_bands": 1,
    "n_cameras_observing": 3,
    "n_cameras_confirming": 3,
    "n_bands_confirming": 1,
    "ln_bf": 80.0,
    "morphology": "gaussian",
    "delta_bic": 200.0,
    "reduced_chi2": 1.0,
}


def tables(*stars, **others) -> StarTables:
    """Each star is a list of events (mappings of what differs) or a pair of such a list and columns."""
    rows, events = [], []
    for k, star in enumerate(stars):
        own, columns = star if isinstance(star, tuple) else (star, {})
        own = [{**EVENT, "asas_sn_id": 100 + k, **event} for event in own]
        kinds = [event["kind"] for event in own]
        row = {"asas_sn_id": 100 + k, "dipper_score": np.nan, "jumper_score": np.nan}
        for kind in ("dip", "jump"):
            row[f"{kind}_count"] = kinds.count(kind)
            row[f"{kind}_significant"] = kind in kinds
        if "dip" in kinds:
            row["dipper_score"] = 1.0
        if "jump" in kinds:
            row["jumper_score"] = 1.0
        rows.append({**row, **columns})
        events += own
    frame = pd.DataFrame(events, columns=["asas_sn_id", *EVENT])
    return StarTables(pd.DataFrame(rows), frame, others)


@pytest.fixture
def make_tables():
    return tables
