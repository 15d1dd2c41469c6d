from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.search.recurrence import consistency, recurrence


def events(rows):
    table = pd.DataFrame(
        rows, columns=["asas_sn_id", "kind", "jd_start", "jd_end", "t0_jd", "depth_mag"]
    )
    return table.astype({"asas_sn_id": "int64", "kind": "str"})


def test_a_periodic_dipper_with_one_jump():
    rows = [(7, "dip", t - 2, t + 2, t, 0.4) for t in (300.0, 100.0, 200.0)]
    rows += [(7, "jump", 50, 51, np.nan, 0.2), (3, "dip", 10, 14, 11.0, 0.3)]
    table = recurrence(events(rows), "asas_sn_id")
    assert list(zip(table["asas_sn_id"], table["kind"], strict=True)) == [
        (3, "dip"),
        (7, "dip"),
        (7, "jump"),
    ]
    dips = table.iloc[1]
    assert dips["n_events"] == 3
    assert not dips["is_single_event"]
    assert dips["spacing_median_days"] == 100.0
    assert dips["spacing_scatter_days"] == 0.0
    assert dips["amplitude_consistency"] == 1.0
    assert dips["duration_consistency"] == 1.0
    single = table[table["is_single_event"]]
    assert len(single) == 2
    assert (
        single.drop(columns=["asas_sn_id", "kind", "n_events", "is_single_event"]).isna().all(axis=None)
    )


def test_the_middle_stands_in_for_a_missing_extremum():
    rows = [(1, "dip", 0.0, 10.0, np.nan, 0.1), (1, "dip", 40.0, 50.0, 44.0, 0.3)]
    row = recurrence(events(rows), "asas_sn_id").iloc[0]
    assert row["spacing_median_days"] == 39.0
    assert np.isnan(row["spacing_scatter_days"])
    assert row["amplitude_consistency"] == pytest.approx(1 - 1.4826022 * 0.1 / 0.2)


def test_consistency_falls_with_scatter(rng):
    alike, unlike = rng.normal(1.0, 0.05, 40), rng.normal(1.0, 0.3, 40)
    assert consistency(alike) == pytest.approx(0.95, abs=0.02)
    assert consistency(alike) > consistency(unlike)
    assert consistency(np.array([1.0, 9.0, 1.0, 30.0])) == 0.0
    assert np.isnan(consistency(np.array([0.4, np.nan])))
    assert np.isnan(consistency(np.array([-0.4, -0.3])))


def test_no_events_keep_the_types():
    empty = recurrence(events([]), "asas_sn_id")
    full = recurrence(events([(1, "dip", 0.0, 1.0, 0.5, 0.1)]), "asas_sn_id")
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)
