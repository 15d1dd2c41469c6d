"""The parts of the pipeline ``evaluation`` that alter light curves and search them again."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.filters.catalog_tables import agree_on_periods, match_catalogs
from malca.pipelines.evaluation import completeness, injections, reliability, samples, sweep

_SEARCH = ["params:detection", "params:filtering", "params:periodicity"]
_FACTS = ["manifest", "vsx_matches", "camera_statistics"]
_CATALOGS = [
    "gaia_catalog", "gaia_eb_catalog", "asassn_variables_catalog", "ztf_periodic_catalog",
    "ogle_catalog",
]  # fmt: skip


def measuring_pipeline() -> Pipeline:
    """Injections (tag ``injection``), null light curves (``reliability``), settings (``sweep``)."""
    return _samples() + _injection() + _completeness() + _reliability() + _sweep() + _truth()


def _samples() -> Pipeline:
    return Pipeline(
        [
            Node(
                samples.choose_stars,
                inputs=["sources", "statistics", "manifest", "known_brightenings", "params:evaluation"],
                outputs="evaluated_stars",
                name="choose_stars",
                tags=["injection", "reliability", "sweep"],
            ),
            Node(
                samples.measure_errors,
                inputs=["lightcurves", "evaluated_stars", "params:evaluation"],
                outputs="error_model",
                name="measure_errors",
                tags=["injection", "sweep"],
            ),
            Node(
                match_catalogs,
                inputs=["evaluated_stars", "manifest", "vsx_matches", *_CATALOGS],
                outputs="evaluated_matches",
                name="match_evaluated",
                tags=["injection", "reliability"],
            ),
            Node(
                agree_on_periods,
                inputs=["evaluated_matches", "params:period_consensus"],
                outputs="evaluated_consensus",
                name="agree_on_evaluated",
                tags=["injection", "reliability"],
            ),
        ]
    )


def _injection() -> Pipeline:
    return Pipeline(
        [
            Node(
                injections.design,
                inputs=["evaluated_stars", "params:evaluation"],
                outputs="injection_design",
                name="design_injection",
            ),
            Node(
                injections.plan_injection,
                inputs=[
                    "lightcurves", "injection_design", *_FACTS, "evaluated_matches",
                    "evaluated_consensus", "error_model", "params:evaluation", *_SEARCH,
                    "params:compute",
                ],
                outputs="injection_partitions",
                name="inject_and_search",
            ),
            Node(
                injections.collect_trials,
                inputs="injection_partitions",
                outputs="injection_trials",
                name="collect_trials",
            ),
            Node(
                injections.make_cube,
                inputs=["injection_trials", "params:evaluation", *_SEARCH],
                outputs="efficiency_cube",
                name="make_cube",
            ),
        ],
        tags="injection",
    )  # fmt: skip


def _completeness() -> Pipeline:
    return Pipeline(
        [
            Node(
                completeness.summarise_efficiency,
                inputs="efficiency_cube",
                outputs="efficiency_summary",
                name="summarise_efficiency",
            ),
            Node(
                completeness.draw_efficiency,
                inputs=["efficiency_cube", "injection_trials"],
                outputs=[
                    "efficiency_slices", "efficiency_averages", "efficiency_depths",
                    "efficiency_stages", "recovery_bias", "efficiency_page",
                ],
                name="draw_efficiency",
            ),
            Node(
                completeness.model_completeness,
                inputs=["injection_trials", "params:evaluation", *_SEARCH],
                outputs=["completeness_model", "completeness_calibration", "completeness_figure"],
                name="model_completeness",
            ),
            Node(
                completeness.complete_candidates,
                inputs=[
                    "candidates", "events", "statistics", "completeness_model", "params:evaluation",
                    *_SEARCH,
                ],
                outputs="candidate_completeness",
                name="complete_candidates",
            ),
        ],
        tags="injection",
    )  # fmt: skip


def _truth() -> Pipeline:
    return Pipeline(
        [
            Node(
                completeness.compare_measured_with_truth,
                inputs=[
                    "simulated_truth_events", "recovery", "sources", "statistics", "candidates",
                    "candidate_reliability", "completeness_model", "params:evaluation", *_SEARCH,
                ],
                outputs="measured_and_true",
                name="compare_measured_with_truth",
            )
        ],
        tags="measured",
    )  # fmt: skip


def _reliability() -> Pipeline:
    return Pipeline(
        [
            Node(
                reliability.plan_reliability,
                inputs=[
                    "lightcurves", "evaluated_stars", *_FACTS, "events", "evaluated_matches",
                    "evaluated_consensus", "params:evaluation", *_SEARCH, "params:compute",
                ],
                outputs="reliability_partitions",
                name="alter_and_search",
            ),
            Node(
                reliability.collect_cases,
                inputs="reliability_partitions",
                outputs="reliability_cases",
                name="collect_cases",
            ),
            Node(
                reliability.summarise_reliability,
                inputs=[
                    "reliability_cases", "candidates", "sources", "params:evaluation",
                    "params:filtering",
                ],
                outputs=[
                    "false_alarm_rates", "contaminant_rates", "evidence_thresholds",
                    "candidate_reliability",
                ],
                name="summarise_reliability",
            ),
            Node(
                reliability.draw_reliability,
                inputs=["false_alarm_rates", "candidate_reliability", "reliability_cases"],
                outputs="reliability_figure",
                name="draw_reliability",
            ),
            Node(
                reliability.draw_contaminants,
                inputs="contaminant_rates",
                outputs="contaminant_figure",
                name="draw_contaminants",
            ),
        ],
        tags="reliability",
    )  # fmt: skip


def _sweep() -> Pipeline:
    return Pipeline(
        [
            Node(
                sweep.plan_sweep,
                inputs=[
                    "lightcurves", "evaluated_stars", *_FACTS, "events", "error_model",
                    "params:evaluation", "params:detection", "params:compute",
                ],
                outputs="sweep_partitions",
                name="search_with_settings",
            ),
            Node(
                sweep.collect_sweep,
                inputs="sweep_partitions",
                outputs=["sweep_trials", "sweep_cases"],
                name="collect_sweep",
            ),
            Node(
                sweep.summarise_sweep,
                inputs=["sweep_trials", "sweep_cases", "params:evaluation"],
                outputs="sweep_points",
                name="summarise_sweep",
            ),
            Node(
                sweep.draw_sweep,
                inputs=["sweep_points", "sweep_trials", "params:evaluation"],
                outputs="sweep_figure",
                name="draw_sweep",
            ),
        ],
        tags="sweep",
    )  # fmt: skip
