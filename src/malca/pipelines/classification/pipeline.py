"""The pipeline ``classification``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.pipelines.classification.nodes import classify_candidates, draw_classes


def create_pipeline(**_: object) -> Pipeline:
    """Take vetted candidates to classified ones."""
    return Pipeline(
        [
            Node(
                classify_candidates,
                inputs=["vetted", "events", "params:classification"],
                outputs="classified",
                name="classify_candidates",
            ),
            Node(draw_classes, inputs="classified", outputs="class_figure", name="draw_classes"),
        ],
        tags="classification",
    )
