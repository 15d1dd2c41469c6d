"""Parts of the pipeline ``evaluation`` that measure the search on known objects and on all stars."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.pipelines.evaluation.rates import draw_rates, measure_rates
from malca.pipelines.evaluation.reproduction import draw_missed, reproduce
from malca.pipelines.evaluation.stages import count_stages, draw_stages
from malca.pipelines.evaluation.validation import validate_run


def create_measures() -> Pipeline:
    """Join validation, reproduction, rates and attrition, each under its tag."""
    return validation_part() + reproduction_part() + rates_part() + stages_part()


def validation_part() -> Pipeline:
    """Hold a finished run against known objects."""
    return Pipeline(
        [
            Node(
                validate_run,
                inputs=[
                    "known_objects", "manifest", "tags", "judged", "events", "rejections", "failures",
                    "params:detection", "params:evaluation",
                ],
                outputs=[
                    "validation_objects", "validation_events", "validation_found",
                    "validation_losses", "validation_summary", "validation_report",
                ],
                name="validate_run",
            )
        ],
        tags="validation",
    )  # fmt: skip


def reproduction_part() -> Pipeline:
    """Search known objects again."""
    return Pipeline(
        [
            Node(
                reproduce,
                inputs=[
                    "known_objects", "known_lightcurves", "params:detection", "params:filtering",
                    "params:evaluation", "params:compute",
                ],
                outputs=[
                    "reproduction", "reproduction_summary", "reproduction_found",
                    "reproduction_report",
                ],
                name="reproduce_known",
            ),
            Node(
                draw_missed,
                inputs=[
                    "known_objects", "known_lightcurves", "reproduction", "params:detection",
                    "params:filtering", "params:evaluation", "params:compute",
                ],
                outputs="reproduction_figures",
                name="draw_missed",
            ),
        ],
        tags="reproduce",
    )  # fmt: skip


def rates_part() -> Pipeline:
    """Count stars with events in a control sample."""
    return Pipeline(
        [
            Node(
                measure_rates,
                inputs=["judged", "events", "params:evaluation"],
                outputs=["detection_rate_sample", "detection_rate"],
                name="measure_rates",
            ),
            Node(
                draw_rates, inputs="detection_rate", outputs="detection_rate_figure", name="draw_rates"
            ),
        ],
        tags="detection_rate",
    )


def stages_part() -> Pipeline:
    """Count stars at every stage."""
    return Pipeline(
        [
            Node(
                count_stages,
                inputs=["manifest", "tags", "failures", "judged", "attrition", "params:detection"],
                outputs=["attrition_stages", "attrition_overlap"],
                name="count_stages",
            ),
            Node(
                draw_stages,
                inputs=["attrition_stages", "attrition_overlap"],
                outputs="attrition_stages_figure",
                name="draw_stages",
            ),
        ],
        tags="attrition",
    )
