"""Points of the candidates' dips, from their light curves, and the colours that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from malca.astrophysics.cmd_slope import cmd_slopes
from malca.astrophysics.dip_colours import POINT_COLUMNS, dip_colours, event_points, pair_bands
from malca.columns import Columns
from malca.lightcurves import LightCurves
from malca.partitions import ComputeParameters, PartitionMap, fingerprint
from malca.pipelines.characterization.parameters import CharacterizationParameters

_EVENT_COLUMNS = ("asas_sn_id", "event_id", "kind", "jd_start", "jd_end")
_POINT_DTYPES = {
    "asas_sn_id": "int64", "event_id": "int64", "jd": "float64", "band": "str",
    "offset_mag": "float64", "offset_error_mag": "float64",
}  # fmt: skip


def plan_dip_points(
    lightcurves: Any,
    manifest: Annotated[pd.DataFrame, Columns("asas_sn_id", "partition")],
    candidates: Annotated[pd.DataFrame, Columns("asas_sn_id")],
    events: pd.DataFrame,
    parameters: CharacterizationParameters,
    compute: ComputeParameters,
) -> PartitionMap:
    """Say which dips are to be measured: a task a partition with candidates.

    Parameters
    ----------
    lightcurves : Partitions
        Packed light curves, table ``lightcurves``.
    manifest, candidates, events : DataFrame
        Of all events of the candidates, as points of any are no baseline.
    parameters : CharacterizationParameters
    compute : ComputeParameters
    """
    ids = candidates["asas_sn_id"].astype("int64")
    partition = manifest.set_index("asas_sn_id")["partition"].reindex(ids).to_numpy(object)
    own = events.loc[events["asas_sn_id"].isin(ids), list(_EVENT_COLUMNS)]
    tasks, marks, sizes = {}, {}, {}
    for key, load in lightcurves["lightcurves"].items():
        stars = np.sort(ids.to_numpy()[partition == key])
        if not len(stars):
            continue
        some = own[own["asas_sn_id"].isin(stars)].reset_index(drop=True)
        tasks[key] = {
            "lightcurves": load, "stars": stars, "events": some, "parameters": parameters,
        }  # fmt: skip
        marks[key] = fingerprint(
            lightcurves.fingerprints[key], pd.DataFrame({"star": stars}), some, parameters.dip_colours
        )
        sizes[key] = len(stars)
    if not tasks:
        # a store without any partition would read as one that was never made
        nothing = own.iloc[:0].reset_index(drop=True)
        tasks["none"] = {
            "lightcurves": None, "stars": np.empty(0, np.int64), "events": nothing,
            "parameters": parameters,
        }  # fmt: skip
        marks["none"], sizes["none"] = fingerprint("no candidates"), 0
    return PartitionMap(points_of_partition, tasks, marks, sizes, "dip colours", compute)


def points_of_partition(
    lightcurves: pa.Table | None,
    stars: np.ndarray,
    events: pd.DataFrame,
    parameters: CharacterizationParameters,
) -> dict[str, pd.DataFrame]:
    """Measure the points in dips of some stars of a partition: table ``dip_points``."""
    batch = LightCurves.empty() if lightcurves is None else LightCurves.from_table(lightcurves)
    batch = batch.take(np.flatnonzero(batch.stars["asas_sn_id"].isin(stars)))
    points = event_points(batch, events, parameters.dip_colours)
    dips = events.loc[events["kind"] == "dip", ["asas_sn_id", "event_id"]]
    points = points.merge(dips, on=["asas_sn_id", "event_id"])
    return {"dip_points": points[list(POINT_COLUMNS)].astype(_POINT_DTYPES)}


def measure_dip_colours(
    candidates: Annotated[pd.DataFrame, Columns("asas_sn_id")],
    dip_points_partitions: Mapping[str, Mapping[str, Callable[[], pa.Table]]],
    parameters: CharacterizationParameters,
) -> pd.DataFrame:
    """Say how the colour of each candidate changes in its dips; a row a candidate."""
    parts = [load().to_pandas() for load in dip_points_partitions["dip_points"].values()]
    empty = pd.DataFrame({name: [] for name in POINT_COLUMNS}).astype(_POINT_DTYPES)
    points = pd.concat([empty, *parts], ignore_index=True)
    ids = candidates["asas_sn_id"].astype("int64")
    colours = dip_colours(ids, points, parameters.dip_colours)
    blue, red = parameters.dip_colours.band_pairs[0]
    slopes = cmd_slopes(
        ids, pair_bands(points, blue, red, parameters.dip_colours), parameters.cmd_slope
    )
    return colours.merge(slopes, on="asas_sn_id", validate="1:1")
