"""The pipeline ``reporting``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.pipelines.reporting.nodes import plan_pictures, write_summary


def create_pipeline(**_: object) -> Pipeline:
    """Tables of a run to the page that people look at."""
    return Pipeline(
        [
            Node(
                plan_pictures,
                inputs=[
                    "candidates", "manifest", "events", "lightcurves", "params:detection",
                    "params:reporting", "params:compute",
                ],
                outputs="candidate_pictures",
                name="draw_best_candidates",
            ),
            Node(
                write_summary,
                inputs=[
                    "manifest", "sources", "events", "failures", "candidates", "rejections",
                    "attrition", "candidate_pictures", "dossiers", "run_facts",
                    "params:mag_bin", "params:detection", "params:filtering", "params:reporting",
                ],
                outputs="summary_page",
                name="write_summary",
            ),
        ],
        tags="reporting",
    )  # fmt: skip
