"""What injected events tell: figures of the cube, a smooth model, completeness of candidates."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from malca.evaluation.completeness_calibration import (
    completeness_calibration,
    cross_validated_efficiency,
)
from malca.evaluation.completeness_model import CompletenessModel, fit_completeness
from malca.evaluation.efficiency import EfficiencyCube
from malca.evaluation.intervals import binomial_limits
from malca.evaluation.judging import CANDIDATE
from malca.evaluation.truth import compare_completeness, compare_reliability
from malca.filters import FilteringParameters
from malca.pipelines.evaluation.confusion import LONG_ECLIPSES
from malca.pipelines.evaluation.injections import cube_fingerprint
from malca.pipelines.evaluation.nodes import DIPPERS
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.plots.efficiency import (
    plot_depth_at_efficiency,
    plot_efficiency_mag_slices,
    plot_efficiency_marginalized,
    plot_efficiency_stages,
)
from malca.plots.efficiency_3d import plot_efficiency_3d
from malca.plots.efficiency_checks import plot_completeness_calibration, plot_recovery_bias
from malca.search.parameters import DetectionParameters
from malca.search.periodicity_parameters import PeriodicityParameters

logger = logging.getLogger(__name__)


def summarise_efficiency(efficiency_cube: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Give the share of all trials that came to each stage.

    Returns
    -------
    DataFrame
        ``stage, n_trials, n_reached, share`` and its 95 % Jeffreys limits ``share_lower, share_upper``.
    """
    cube = EfficiencyCube.from_arrays(efficiency_cube)
    n = int(cube.trials.sum())
    reached = cube.recovered_per_stage.reshape(len(cube.stages), -1).sum(axis=1)
    lower, upper = binomial_limits(reached, np.full(len(reached), n))
    return pd.DataFrame(
        {
            "stage": list(cube.stages), "n_trials": n, "n_reached": reached,
            "share": reached / max(n, 1), "share_lower": lower, "share_upper": upper,
        }
    )  # fmt: skip


def draw_efficiency(
    efficiency_cube: Mapping[str, np.ndarray], injection_trials: pd.DataFrame
) -> tuple[Figure, Figure, Figure, Figure, Figure, str]:
    """Draw the cube: slices, averages, threshold depths, stages, biases, and a page in 3D."""
    cube = EfficiencyCube.from_arrays(efficiency_cube)
    return (
        plot_efficiency_mag_slices(cube),
        plot_efficiency_marginalized(cube),
        plot_depth_at_efficiency(cube),
        plot_efficiency_stages(cube),
        plot_recovery_bias(injection_trials),
        plot_efficiency_3d(cube).to_html(include_plotlyjs=True, full_html=True),
    )


def model_completeness(
    injection_trials: pd.DataFrame,
    parameters: EvaluationParameters,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    periodicity: PeriodicityParameters,
) -> tuple[dict[str, np.ndarray], pd.DataFrame, Figure]:
    """Fit the chance that an event makes its star a candidate, and check it on stars left out.

    Returns
    -------
    completeness_model : mapping of arrays
        See ``malca.evaluation.completeness_model.CompletenessModel``.
    completeness_calibration : DataFrame
        Predicted against observed.
    completeness_figure : Figure
    """
    mark = cube_fingerprint(parameters.injection, detection, filtering, periodicity)
    model = fit_completeness(injection_trials, CANDIDATE, fingerprint=mark)
    predicted = cross_validated_efficiency(injection_trials, model, seed=parameters.injection.seed)
    check = completeness_calibration(injection_trials, predicted, CANDIDATE)
    logger.info(
        "completeness model: calibration error %.3f on stars left out, p = %.2g",
        check.calibration_error, check.p_value,
    )  # fmt: skip
    table = check.table.assign(
        calibration_error=check.calibration_error, p_value=check.p_value, brier_score=check.brier_score
    )
    return model.to_arrays(), table, plot_completeness_calibration(check)


def _model_of(arrays: Mapping[str, np.ndarray], fingerprint: str) -> CompletenessModel:
    """Build the model of its arrays, if it is of these parameters."""
    model = CompletenessModel.from_arrays(arrays)
    if model.fingerprint != fingerprint:
        raise ValueError(
            "the completeness model is of other parameters of injection, search or filters than "
            "those of now: run --tags injection again"
        )
    return model


def complete_candidates(
    candidates: pd.DataFrame,
    events: pd.DataFrame,
    statistics: pd.DataFrame,
    completeness_model: Mapping[str, np.ndarray],
    parameters: EvaluationParameters,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    periodicity: PeriodicityParameters,
) -> pd.DataFrame:
    """Tell of each candidate by its dips how complete the search is for stars and dips like it.

    Returns
    -------
    DataFrame
        ``asas_sn_id``; of its strongest dip ``depth_mag, duration_days`` (full width at half maximum,
        or where there is no fit what was seen of it); ``median_mag, points_per_day``; ``completeness``
        with its error and 95 % limits, of single dips like this one; missing if what was injected were
        no single dips, seen by all cameras.
    """
    dips = candidates.loc[candidates["dip_passed"].astype(bool), ["asas_sn_id", "points_per_day"]]
    own = events[(events["kind"] == "dip") & events["asas_sn_id"].isin(dips["asas_sn_id"])]
    best = own.sort_values("ln_bf").drop_duplicates("asas_sn_id", keep="last")
    width = best["fwhm_days"].where(best["fwhm_days"] > 0, best["duration_days"])
    best = best[["asas_sn_id", "depth_mag"]].assign(duration_days=width)
    table = dips.merge(best, on="asas_sn_id", validate="1:1")
    medians = statistics[["asas_sn_id", "aligned_median_mag"]]
    table = table.merge(medians, on="asas_sn_id", how="left").rename(
        columns={"aligned_median_mag": "median_mag"}
    )
    injection = parameters.injection
    of_dips = injection.kind == "dip" and injection.n_repeats == 1 and not injection.one_camera
    if not of_dips:
        logger.warning("no single dips were injected: the completeness of candidates is not known")
    known = (table["duration_days"] > 0) & table["median_mag"].notna() & of_dips
    columns = ("depth_mag", "duration_days", "median_mag", "points_per_day")
    model = _model_of(
        completeness_model, cube_fingerprint(injection, detection, filtering, periodicity)
    )
    said = model.predict(*(table.loc[known, name].to_numpy(np.float64) for name in columns))
    for name, values in zip(
        ("completeness", "completeness_error", "completeness_lower", "completeness_upper"), said,
        strict=True,
    ):  # fmt: skip
        table[name] = np.nan
        table.loc[known, name] = values
    return table


def compare_measured_with_truth(
    simulated_truth_events: pd.DataFrame,
    recovery: pd.DataFrame,
    sources: pd.DataFrame,
    statistics: pd.DataFrame,
    candidates: pd.DataFrame,
    candidate_reliability: pd.DataFrame,
    completeness_model: Mapping[str, np.ndarray],
    parameters: EvaluationParameters,
    detection: DetectionParameters,
    filtering: FilteringParameters,
    periodicity: PeriodicityParameters,
) -> pd.DataFrame:
    """Hold completeness and reliability as they were measured against the truth of a simulated survey.

    Returns
    -------
    DataFrame
        See ``malca.evaluation.truth.compare_completeness``.
    """
    stars = sources[["asas_sn_id", "points_per_day"]].merge(
        statistics[["asas_sn_id", "aligned_median_mag"]], on="asas_sn_id"
    )
    stars = stars.rename(columns={"aligned_median_mag": "median_mag"})
    found = recovery[recovery["found"].astype(bool) & (recovery["kind"] == "dip")]
    model = _model_of(
        completeness_model, cube_fingerprint(parameters.injection, detection, filtering, periodicity)
    )
    table = pd.DataFrame(
        [
            compare_completeness(
                simulated_truth_events, stars, candidates, model, (*DIPPERS, *LONG_ECLIPSES)
            ),
            compare_reliability(candidate_reliability, found),
        ]
    )
    for row in table.to_dict("records"):
        logger.info(
            "%s: %.1f ± %.1f of %d foretold, %d true (%s)",
            row["quantity"], row["predicted"], row["predicted_sigma"], row["n"], row["true"],
            "they agree" if row["agrees"] else "THEY DISAGREE",
        )  # fmt: skip
    return table
