"""The pipeline ``ingest``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.pipelines.ingest.nodes import (
    build_manifest,
    collect_camera_statistics,
    match_vsx,
    plan_camera_statistics,
    plan_packing,
)


def create_pipeline(**_: object) -> Pipeline:
    """Index files and raw light curves to manifest, packed light curves and VSX matches."""
    return Pipeline(
        [
            Node(
                build_manifest,
                inputs=["survey_index", "params:ingest", "params:compute"],
                outputs=["manifest", "manifest_problems"],
                name="build_manifest",
                tags=["manifest", "vsx"],
            ),
            Node(
                plan_packing,
                inputs=["manifest", "raw_lightcurves", "params:compute"],
                outputs="lightcurves",
                name="pack_lightcurves",
                tags="pack",
            ),
            Node(
                plan_camera_statistics,
                inputs=["manifest", "raw_camera_statistics", "params:compute"],
                outputs="camera_statistics_partitions",
                name="read_camera_statistics",
                tags="cameras",
            ),
            Node(
                collect_camera_statistics,
                inputs="camera_statistics_partitions",
                outputs=["camera_statistics", "camera_statistics_failures"],
                name="collect_camera_statistics",
                tags="cameras",
            ),
            Node(
                match_vsx,
                inputs=["manifest", "vsx_catalog", "params:ingest"],
                outputs="vsx_matches",
                name="match_vsx",
                tags="vsx",
            ),
        ],
        tags="ingest",
    )
