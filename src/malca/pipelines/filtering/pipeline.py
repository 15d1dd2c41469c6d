"""The pipeline ``filtering``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.filters.catalog_tables import agree_on_periods, match_catalogs
from malca.pipelines.filtering.nodes import draw_attrition, judge, preselect
from malca.pipelines.filtering.periodicity import collect_periodicity, plan_periodicity


def create_pipeline(**_: object) -> Pipeline:
    """Take sources and events to candidates, and tell why the others are none.

    Nodes tagged ``raw`` need the packed light curves of all stars, or lead to what does.
    """
    return Pipeline(
        [
            Node(
                preselect,
                inputs=["detections", "params:filtering"],
                outputs="survivors",
                name="preselect",
                tags="raw",
            ),
            Node(
                plan_periodicity,
                inputs=[
                    "lightcurves", "manifest", "survivors", "events", "params:filtering",
                    "params:periodicity", "params:compute",
                ],
                outputs="periodicity_partitions",
                name="test_periodicity",
                tags="raw",
            ),
            Node(
                collect_periodicity,
                inputs="periodicity_partitions",
                outputs="periodicity",
                name="collect_periodicity",
                tags="raw",
            ),
            Node(
                match_catalogs,
                inputs=[
                    "survivors", "manifest", "vsx_matches", "gaia_catalog", "gaia_eb_catalog",
                    "asassn_variables_catalog", "ztf_periodic_catalog", "ogle_catalog",
                ],
                outputs="catalog_matches",
                name="match_catalogs",
            ),
            Node(
                agree_on_periods,
                inputs=["catalog_matches", "params:period_consensus"],
                outputs="period_consensus",
                name="agree_on_periods",
            ),
            Node(
                judge,
                inputs=[
                    "sources", "events", "statistics", "catalog_matches", "period_consensus",
                    "periodicity", "params:filtering",
                ],
                outputs=["judged", "candidates", "rejections", "attrition"],
                name="judge",
            ),
            Node(draw_attrition, inputs="attrition", outputs="attrition_figure", name="draw_attrition"),
        ],
        tags="filtering",
    )  # fmt: skip
