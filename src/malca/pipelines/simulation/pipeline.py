"""The pipeline ``simulation``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.pipelines.simulation.nodes import (
    check_realism,
    collect_truth,
    simulate_survey,
    write_catalogs,
    write_vsx,
)


def create_pipeline(**_: object) -> Pipeline:
    """Nodes that write a sample survey, its truth and catalogues, and compare it with real curves."""
    return Pipeline(
        [
            Node(
                simulate_survey,
                inputs="params:simulation",
                outputs="simulated_survey",
                name="simulate_survey",
                tags="survey",
            ),
            Node(
                collect_truth,
                inputs="simulated_survey",
                outputs=["simulated_truth", "simulated_truth_events"],
                name="collect_truth",
                tags="survey",
            ),
            Node(
                write_vsx,
                inputs=["simulated_truth", "params:simulation"],
                outputs="simulated_vsx",
                name="write_vsx",
                tags="survey",
            ),
            Node(
                write_catalogs,
                inputs=["simulated_truth", "params:simulation", "params:simulated_catalogs"],
                outputs="simulated_sky",
                name="write_catalogs",
                tags="survey",
            ),
            Node(
                check_realism,
                inputs=[
                    "simulated_survey",
                    "simulated_truth",
                    "real_lightcurves",
                    "params:simulation",
                ],
                outputs=["realism_figure", "realism_comparison"],
                name="check_realism",
                tags="realism",
            ),
        ]
    )
