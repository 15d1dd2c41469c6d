"""The pipeline ``detection``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.pipelines.detection.nodes import collect_tables, draw_overview, plan_detection


def create_pipeline(**_: object) -> Pipeline:
    """Packed light curves to tags, sources, events and failures."""
    return Pipeline(
        [
            Node(
                plan_detection,
                inputs=[
                    "lightcurves", "manifest", "vsx_matches", "camera_statistics",
                    "params:detection", "params:compute",
                ],
                outputs="detections",
                name="detect_events",
            ),
            Node(
                collect_tables,
                inputs=["detections", "lightcurves"],
                outputs=["tags", "sources", "events", "statistics", "failures"],
                name="collect_tables",
            ),
            Node(
                draw_overview,
                inputs=["sources", "events"],
                outputs="detection_figure",
                name="draw_overview",
            ),
        ],
        tags="detection",
    )  # fmt: skip
