"""Cut altered light curves into tasks: each of one partition of the survey, and not too many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from malca.evaluation.judging import StarFacts
from malca.partitions import ComputeParameters, PartitionMap, fingerprint
from malca.search.survey import VSX_COLUMNS

#: Columns that are needed of the survey's tables.
PLACE_COLUMNS = ("asas_sn_id", "mag_bin", "ra_deg", "dec_deg")
DIP_COLUMNS = ("asas_sn_id", "jd_start", "jd_end", "kind")
CAMERA_COLUMNS = ("asas_sn_id", "camera", "median_mag")
_FACTS = tuple(StarFacts.__annotations__)


def star_facts(
    manifest: pd.DataFrame,
    vsx_matches: pd.DataFrame,
    camera_statistics: pd.DataFrame,
    events: pd.DataFrame | None = None,
    catalog_matches: pd.DataFrame | None = None,
    period_consensus: pd.DataFrame | None = None,
) -> StarFacts:
    """Gather what the search knows of its stars; without catalogues nothing of what they say."""
    nothing = manifest.iloc[:0][["asas_sn_id"]]
    if events is None:
        dips = nothing.assign(jd_start=0.0, jd_end=0.0)
    else:
        dips = events.loc[events["kind"] == "dip", list(DIP_COLUMNS[:-1])]
    return StarFacts(
        manifest[list(PLACE_COLUMNS)],
        vsx_matches[list(VSX_COLUMNS)],
        camera_statistics[list(CAMERA_COLUMNS)],
        nothing if catalog_matches is None else catalog_matches,
        nothing if period_consensus is None else period_consensus,
        dips,
    )


def plan_tasks(
    function: Callable[..., Mapping[str, pd.DataFrame]],
    lightcurves: Any,
    rows: Mapping[str, pd.DataFrame],
    facts: StarFacts,
    parameters: Mapping[str, BaseModel],
    more: Mapping[str, pd.DataFrame],
    per_task: int,
    title: str,
    compute: ComputeParameters,
) -> PartitionMap:
    """Plan what is to be done with altered light curves.

    Parameters
    ----------
    function : callable
        Takes ``lightcurves`` (Arrow table of the stars of its rows), ``rows``, ``parameters``,
        ``more``, ``workers`` and the tables of ``StarFacts``, cut to these stars, by name.
    lightcurves : Partitions
        Packed light curves.
    rows : mapping of str to DataFrame
        Trials or cases, each with ``asas_sn_id, partition``; the key distinguishes tasks that share
        light curves.
    facts : StarFacts
    parameters : mapping of str to parameter models
        Results depend on them.
    more : mapping of str to DataFrame
        Passed on whole.
    per_task : int
    title : str
    compute : ComputeParameters

    Raises
    ------
    ValueError
        A partition of the rows is not among the light curves: they are of another ingest.
    """
    tasks, marks, sizes = {}, {}, {}
    ids = np.unique(np.concatenate([table["asas_sn_id"].to_numpy(np.int64) for table in rows.values()]))
    # Cut once to all stars, then for each task: a survey has many more than are altered.
    tables = {name: _of_stars(getattr(facts, name), ids) for name in _FACTS}
    for name, table in rows.items():
        for key, own in table.groupby("partition", sort=True):
            if key not in lightcurves["lightcurves"]:
                raise ValueError(f"light curves of partition {key} are gone: choose the stars again")
            for k in range(0, len(own), per_task):
                chunk = own.iloc[k : k + per_task].drop(columns="partition").reset_index(drop=True)
                known = {fact: _of_stars(tables[fact], chunk["asas_sn_id"]) for fact in _FACTS}
                task = "-".join([*([name] if name else []), str(key), f"{k // per_task:05d}"])
                marks[task] = fingerprint(
                    lightcurves.fingerprints[key], chunk, *known.values(), *parameters.values(),
                    *more.values(),
                )  # fmt: skip
                sizes[task] = len(chunk)
                tasks[task] = {
                    "lightcurves": StarLoader(
                        lightcurves["lightcurves"][key], tuple(np.unique(chunk["asas_sn_id"]).tolist())
                    ),
                    "rows": chunk,
                    **known,
                    **parameters,
                    **more,
                    "workers": compute.n_threads,
                }
    return PartitionMap(function, tasks, marks, sizes, title, compute)


def _of_stars(table: pd.DataFrame, ids: Any) -> pd.DataFrame:
    return table[table["asas_sn_id"].isin(ids)].reset_index(drop=True)


class StarLoader:
    """Loads some stars of a partition. An object and not a closure: it is sent to other processes."""

    def __init__(self, load: Callable[[], pa.Table], ids: tuple[int, ...]) -> None:
        self._load, self._ids = load, ids

    def __call__(self) -> pa.Table:
        table = self._load()
        return table.filter(pc.is_in(table["asas_sn_id"], value_set=pa.array(self._ids, pa.int64())))
