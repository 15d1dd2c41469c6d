"""Search each partition of light curves, then gather the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa

from malca.columns import Columns
from malca.lightcurves import LightCurves
from malca.partitions import ComputeParameters, PartitionMap, fingerprint
from malca.search.parameters import DetectionParameters
from malca.search.survey import VSX_COLUMNS, search_batch

#: Tables of a partition.
TABLES = ("tags", "sources", "events", "failures", "statistics")
_MANIFEST_COLUMNS = ("asas_sn_id", "mag_bin", "ra_deg", "dec_deg", "partition")
_CAMERA_COLUMNS = ("asas_sn_id", "camera", "median_mag")


def plan_detection(
    lightcurves: Any,
    manifest: Annotated[pd.DataFrame, Columns(*_MANIFEST_COLUMNS)],
    vsx_matches: Annotated[pd.DataFrame, Columns(*VSX_COLUMNS)],
    camera_statistics: Annotated[pd.DataFrame, Columns(*_CAMERA_COLUMNS)],
    parameters: DetectionParameters,
    compute: ComputeParameters,
) -> PartitionMap:
    """Say what is to be searched: a task a partition, done when the map is saved.

    Parameters
    ----------
    lightcurves : Partitions
        Packed light curves, table ``lightcurves``.
    manifest, vsx_matches, camera_statistics : DataFrame
    parameters : DetectionParameters
    compute : ComputeParameters
    """
    loaders = lightcurves["lightcurves"]
    sizes = lightcurves.n_rows("lightcurves")
    rows = manifest[list(_MANIFEST_COLUMNS)]
    by_partition = {key: part.drop(columns="partition") for key, part in rows.groupby("partition")}
    partition = manifest.set_index("asas_sn_id")["partition"]
    matches = dict(
        list(_known(vsx_matches, VSX_COLUMNS).groupby(vsx_matches["asas_sn_id"].map(partition)))
    )
    cameras = _known(camera_statistics, _CAMERA_COLUMNS)
    nothing = {"vsx": vsx_matches.iloc[:0][list(VSX_COLUMNS)], "cameras": cameras.iloc[:0]}
    cameras = dict(list(cameras.groupby(cameras["asas_sn_id"].map(partition))))
    tasks, marks = {}, {}
    for key, load in loaders.items():
        task = {
            "manifest": by_partition[key].reset_index(drop=True),
            "vsx_matches": matches.get(key, nothing["vsx"]).reset_index(drop=True),
            "camera_statistics": cameras.get(key, nothing["cameras"]).reset_index(drop=True),
        }
        marks[key] = fingerprint(lightcurves.fingerprints[key], *task.values(), parameters)
        tasks[key] = {
            "lightcurves": load,
            **task,
            "parameters": parameters,
            "workers": compute.n_threads,
        }
    return PartitionMap(search_partition, tasks, marks, sizes, "detection", compute)


def _known(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(f"the table lacks {', '.join(missing)}; it has {', '.join(table.columns)}")
    return table[list(columns)]


def search_partition(
    lightcurves: pa.Table,
    manifest: pd.DataFrame,
    vsx_matches: pd.DataFrame,
    camera_statistics: pd.DataFrame,
    parameters: DetectionParameters,
    workers: int,
) -> dict[str, pd.DataFrame]:
    """Tag and search the light curves of one partition.

    Returns
    -------
    dict
        ``tags`` (a row a star), ``sources`` and ``statistics`` (a row a star searched),
        ``events``, ``failures``.
    """
    found = search_batch(
        LightCurves.from_table(lightcurves),
        manifest,
        vsx_matches,
        camera_statistics,
        parameters,
        workers,
    )
    return {name: getattr(found, name) for name in TABLES}


def collect_tables(
    detections: Any, lightcurves: Any
) -> tuple[
    Mapping[str, Callable[[], pa.Table]],
    Mapping[str, Callable[[], pa.Table]],
    Mapping[str, Callable[[], pa.Table]],
    Mapping[str, Callable[[], pa.Table]],
    Mapping[str, Callable[[], pa.Table]],
]:
    """Gather the partitions' tables, and the failures of packing and search in one."""
    packing = {f"{key}-packing": load for key, load in lightcurves["failures"].items()}
    searching = {f"{key}-search": load for key, load in detections["failures"].items()}
    return (
        detections["tags"],
        detections["sources"],
        detections["events"],
        detections["statistics"],
        packing | searching,
    )


def draw_overview(
    sources: Annotated[pd.DataFrame, Columns("asas_sn_id", "baseline_mag", "ra_deg", "dec_deg")],
    events: Annotated[pd.DataFrame, Columns("asas_sn_id", "kind", "jd_start", "jd_end", "depth_mag")],
) -> Any:
    """Draw what the search found."""
    # Not above: workers search, and do without figures.
    from malca.plots.overview import detection_overview

    return detection_overview(sources, events)
