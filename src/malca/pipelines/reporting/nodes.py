"""Draw the best candidates, then write the page about the run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from malca import __version__
from malca.columns import Columns
from malca.filters import FilteringParameters
from malca.lightcurves import LightCurves
from malca.magnitude_bins import resolve_bin
from malca.partitions import ComputeParameters, PartitionMap, fingerprint
from malca.plots.candidates import (
    drawing_fingerprint,
    facts_of,
    filter_names,
    fit_baselines,
    narrowed,
    rank_candidates,
    verdicts_of,
)
from malca.plots.dossier import page_name
from malca.plots.lightcurve import plot_lightcurve
from malca.plots.pages import embedded
from malca.plots.summary import EVENT_COLUMNS, SOURCE_COLUMNS, Card, RunTables, summary_page
from malca.reporting_parameters import ReportingParameters
from malca.search.parameters import DetectionParameters

logger = logging.getLogger(__name__)

_INCHES, _DPI = (10.0, 6.8), 110


def plan_pictures(
    candidates: pd.DataFrame,
    manifest: Annotated[pd.DataFrame, Columns("asas_sn_id", "partition")],
    events: pd.DataFrame,
    lightcurves: Any,
    detection: DetectionParameters,
    reporting: ReportingParameters,
    compute: ComputeParameters,
) -> PartitionMap:
    """Say which candidates are to be drawn: a task a star, done when the map is saved.

    A picture is drawn again when the light curve, the events, the parameters or the code are no
    longer what they were. A candidate whose light curve is not at hand gets none.

    Parameters
    ----------
    candidates, manifest, events : DataFrame
    lightcurves : Partitions
        Packed light curves, table ``lightcurves``.
    detection : DetectionParameters
        For the baseline.
    reporting : ReportingParameters
    compute : ComputeParameters
    """
    best = rank_candidates(candidates).head(reporting.n_drawn(len(candidates)))
    partition = manifest.loc[manifest["asas_sn_id"].isin(best["asas_sn_id"])]
    partition = partition.set_index("asas_sn_id")["partition"]
    loaders = lightcurves["lightcurves"]
    tasks, marks = {}, {}
    for star, cameras in zip(best["asas_sn_id"], best["excluded_cameras"], strict=True):
        where = partition.get(star)
        if where not in loaders:
            continue
        key = str(star)
        own = events[events["asas_sn_id"] == star].reset_index(drop=True)
        tasks[key] = {
            "lightcurves": loaders[where],
            "star": int(star),
            "events": own,
            "excluded_cameras": pd.Series([cameras], [int(star)], dtype="str"),
            "detection": detection,
        }
        marks[key] = fingerprint(
            lightcurves.fingerprints[where], own, str(cameras), detection, drawing_fingerprint()
        )
    if not tasks:
        # A store without any partition would read as one that was never made.
        tasks["none"] = {
            "lightcurves": None,
            "star": -1,
            "events": events.iloc[:0],
            "excluded_cameras": pd.Series(dtype="str"),
            "detection": detection,
        }
        marks["none"] = fingerprint("no pictures")
    return PartitionMap(draw_star, tasks, marks, dict.fromkeys(tasks, 1), "pictures", compute)


def draw_star(
    lightcurves: pa.Table | None,
    star: int,
    events: pd.DataFrame,
    excluded_cameras: pd.Series,
    detection: DetectionParameters,
) -> dict[str, pd.DataFrame]:
    """Draw one star of a partition: table ``pictures``, ``asas_sn_id`` and ``png`` (base64).

    The table is empty where there is no partition, or it does not hold the star.
    """
    batch = LightCurves.empty() if lightcurves is None else LightCurves.from_table(lightcurves)
    batch = batch.take(np.flatnonzero(batch.stars["asas_sn_id"] == star))
    baselines = fit_baselines(batch, detection.search, excluded_cameras) if len(batch) else []
    pictures = []
    for i in range(len(batch)):
        figure = plot_lightcurve(batch, i, baseline=baselines[i], events=events)
        pictures.append(embedded(narrowed(figure, _INCHES), _DPI))
    table = pd.DataFrame({"asas_sn_id": [star] * len(batch), "png": pictures})
    return {"pictures": table.astype({"asas_sn_id": "int64", "png": "str"})}


def write_summary(
    manifest: Annotated[pd.DataFrame, Columns("asas_sn_id")],
    sources: Annotated[pd.DataFrame, Columns(*SOURCE_COLUMNS)],
    events: Annotated[pd.DataFrame, Columns(*EVENT_COLUMNS)],
    failures: pd.DataFrame,
    candidates: pd.DataFrame,
    rejections: pd.DataFrame,
    attrition: pd.DataFrame,
    candidate_pictures: Any,
    dossiers: Sequence[str],
    run_facts: dict[str, str],
    mag_bin: Any,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    reporting: ReportingParameters,
) -> str:
    """Write the page about a run.

    Parameters
    ----------
    manifest, sources, events, failures, candidates, rejections, attrition : DataFrame
    candidate_pictures : Partitions
        Table ``pictures``.
    dossiers : sequence of str
        Names of the pages about one star each; none: nobody has written them.
    run_facts : dict
        What is known of the run itself, in words.
    mag_bin : str or number
    detection : DetectionParameters
    filtering : FilteringParameters
    reporting : ReportingParameters

    Returns
    -------
    str
        HTML.
    """
    pictures = {
        int(row["asas_sn_id"]): row["png"]
        for load in candidate_pictures["pictures"].values()
        for row in load().to_pylist()
    }
    filters, written = filter_names(attrition), set(dossiers)
    cards = []
    for row in rank_candidates(candidates).head(reporting.n_pictures).to_dict("records"):
        candidate = pd.Series(row, dtype=object)
        star = int(row["asas_sn_id"])
        own = rejections[rejections["asas_sn_id"] == star]
        cards.append(
            Card(
                star,
                str(row["passed_branch"]),
                facts_of(candidate),
                verdicts_of(str(row["passed_branch"]), own, filters),
                pictures.get(star),
                "its light curve is not here",
            )
        )
    page = summary_page(
        resolve_bin(mag_bin),
        RunTables(manifest, sources, events, failures, candidates, attrition),
        cards,
        version=__version__,
        facts=list(run_facts.items()),
        parameters={
            "detection": detection.model_dump(),
            "filtering": filtering.model_dump(),
            "reporting": reporting.model_dump(),
        },
        max_rows=reporting.max_rows,
        dossiers={
            star: f"dossiers/{name}.html"
            for star in map(int, candidates["asas_sn_id"])
            if (name := page_name(star)) in written
        },
    )
    logger.info(
        "summary page: %d candidates, %d pictures, %.1f MB",
        len(candidates), sum(card.png is not None for card in cards), len(page) / 1e6,
    )  # fmt: skip
    return page
