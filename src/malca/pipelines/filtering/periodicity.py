"""Test the remaining stars for periods, a partition of light curves after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from malca.columns import Columns
from malca.filters import FilteringParameters
from malca.lightcurves import POINT_DTYPES, STAR_DTYPES, LightCurves
from malca.partitions import ComputeParameters, PartitionMap, fingerprint
from malca.search.periodicity import test_periodicity
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.tags import excluded_of_lists, points_of_cameras

_EVENT_COLUMNS = ["asas_sn_id", "kind", "jd_start", "jd_end"]


def plan_periodicity(
    lightcurves: Any,
    manifest: Annotated[pd.DataFrame, Columns("asas_sn_id", "partition")],
    survivors: pd.DataFrame,
    events: Annotated[pd.DataFrame, Columns(*_EVENT_COLUMNS)],
    filtering: FilteringParameters,
    parameters: PeriodicityParameters,
    compute: ComputeParameters,
) -> PartitionMap:
    """Say which stars are to be tested: a task a partition, done when the map is saved.

    A partition is done anew when its light curves, its remaining stars, their events or excluded
    cameras, or the parameters change.

    Parameters
    ----------
    lightcurves : Partitions
        Packed light curves, table ``lightcurves``.
    manifest : DataFrame
        ``asas_sn_id, partition``.
    survivors : DataFrame
        ``asas_sn_id, excluded_cameras`` of the stars to test.
    events : DataFrame
    filtering : FilteringParameters
        No star is tested if the filter ``periodicity`` is not asked.
    parameters : PeriodicityParameters
    compute : ComputeParameters
    """
    asked = any("periodicity" in one.needs for one in filtering.asked)
    stars = survivors[["asas_sn_id", "excluded_cameras"]] if asked else survivors.iloc[:0]
    partition = manifest.set_index("asas_sn_id")["partition"]
    chosen = dict(list(stars.groupby(stars["asas_sn_id"].map(partition))))
    own = events.loc[events["asas_sn_id"].isin(stars["asas_sn_id"]), _EVENT_COLUMNS]
    own = dict(list(own.groupby(own["asas_sn_id"].map(partition))))
    nothing = {"stars": stars.iloc[:0], "events": events.iloc[:0][_EVENT_COLUMNS]}
    tasks, marks, sizes = {}, {}, {}
    for key, load in lightcurves["lightcurves"].items():
        task = {
            "stars": chosen.get(key, nothing["stars"]).reset_index(drop=True),
            "events": own.get(key, nothing["events"]).reset_index(drop=True),
        }
        n_stars = len(task["stars"])
        marks[key] = fingerprint(lightcurves.fingerprints[key], *task.values(), parameters)
        sizes[key] = n_stars
        # Light curves of which none is to be tested are not read.
        tasks[key] = {
            "lightcurves": load if n_stars else None,
            **task,
            "parameters": parameters,
            "workers": compute.n_threads,
        }
    return PartitionMap(periodicity_of_partition, tasks, marks, sizes, "periodicity", compute)


def periodicity_of_partition(
    lightcurves: pa.Table | None,
    stars: pd.DataFrame,
    events: pd.DataFrame,
    parameters: PeriodicityParameters,
    workers: int,
) -> dict[str, pd.DataFrame]:
    """Test the chosen stars of one partition, without the cameras the search left out.

    Returns
    -------
    dict
        ``periodicity``: a row a chosen star.
    """
    batch = _empty() if lightcurves is None else LightCurves.from_table(_rows_of(lightcurves, stars))
    cameras = excluded_of_lists(stars)
    excluded = points_of_cameras(batch, cameras) if len(cameras) else None
    table = test_periodicity(batch, events, parameters, workers, excluded)
    return {"periodicity": table}


def collect_periodicity(periodicity_partitions: Any) -> Mapping[str, Callable[[], pa.Table]]:
    """Gather the partitions' tables."""
    return periodicity_partitions["periodicity"]


def _empty() -> LightCurves:
    points: dict[str, Any] = {name: np.empty(0, dtype) for name, dtype in POINT_DTYPES.items()}
    stars = pd.DataFrame(columns=list(STAR_DTYPES)).astype(STAR_DTYPES)
    return LightCurves(stars, np.zeros(1, np.int64), cameras=(), **points)


def _rows_of(lightcurves: pa.Table, stars: pd.DataFrame) -> pa.Table:
    wanted = pa.array(stars["asas_sn_id"].to_numpy("int64"))
    return lightcurves.filter(pc.is_in(lightcurves["asas_sn_id"], value_set=wanted))
