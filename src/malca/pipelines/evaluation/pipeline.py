"""The pipeline ``evaluation``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.pipelines.evaluation.confusion import confusion_table, draw_confusion
from malca.pipelines.evaluation.nodes import compare_with_truth, draw_recovery, draw_showcase, report
from malca.pipelines.evaluation.pipeline_measuring import measuring_pipeline
from malca.pipelines.evaluation.pipeline_validation import create_measures


def create_pipeline(**_: object) -> Pipeline:
    """Compare what was found, and what was kept, with what is there: tables, figures, a report.

    Nodes tagged ``recovery`` need the search only, those tagged ``confusion`` the filters too.
    """
    recovery = Pipeline(
        [
            Node(
                compare_with_truth,
                inputs=[
                    "simulated_truth", "simulated_truth_events", "sources", "events",
                    "params:evaluation",
                ],
                outputs=["recovery", "false_alarms"],
                name="compare_with_truth",
            ),
            Node(
                draw_recovery,
                inputs=["simulated_truth_events", "events", "sources"],
                outputs="recovery_figure",
                name="draw_recovery",
            ),
            Node(
                draw_showcase,
                inputs=["lightcurves", "recovery", "params:detection"],
                outputs="showcase_figure",
                name="draw_showcase",
            ),
            Node(
                report,
                inputs=[
                    "recovery", "false_alarms", "simulated_truth", "sources", "failures",
                    "params:evaluation",
                ],
                outputs="recovery_report",
                name="report_recovery",
            ),
        ],
        tags="recovery",
    )  # fmt: skip
    confusion = Pipeline(
        [
            Node(
                confusion_table,
                inputs=["simulated_truth", "recovery", "judged", "attrition"],
                outputs="confusion",
                name="confusion_table",
            ),
            Node(draw_confusion, inputs="confusion", outputs="confusion_figure", name="draw_confusion"),
        ],
        tags="confusion",
    )
    return recovery + confusion + create_measures() + measuring_pipeline()
