"""The pipeline ``dossiers``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.pipelines.dossiers.nodes import describe_candidates, write_dossiers


def create_pipeline(**_: object) -> Pipeline:
    """Classified candidates to pages and to a table with units and descriptions."""
    return Pipeline(
        [
            Node(
                write_dossiers,
                inputs=[
                    "classified", "neighbours", "spectra", "rejections", "attrition",
                    "candidate_pictures", "params:reporting",
                ],
                outputs="dossiers",
                name="write_dossiers",
            ),
            Node(
                describe_candidates,
                inputs="classified",
                outputs="candidate_table",
                name="describe_candidates",
            ),
        ],
        tags="dossiers",
    )  # fmt: skip
