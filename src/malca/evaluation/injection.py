"""What injected events tell of the search: one place to import it from.

>>> from malca.evaluation.injection import load_efficiency_cube, plot_efficiency_all
>>> cube = load_efficiency_cube("efficiency_cube.npz")  # doctest: +SKIP
>>> plot_efficiency_all(cube, "figures")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from malca.evaluation.completeness_calibration import (
    Calibration,
    completeness_calibration,
    cross_validated_efficiency,
)
from malca.evaluation.completeness_model import CompletenessModel, fit_completeness
from malca.evaluation.efficiency import (
    BinnedEfficiency,
    CubeEdges,
    EfficiencyCube,
    efficiency_cube,
)
from malca.evaluation.intervals import binomial_limits
from malca.evaluation.threshold_depth import ThresholdDepth

if TYPE_CHECKING:
    from malca.evaluation.files import (
        load_efficiency_cube,
        plot_completeness_calibration,
        plot_depth_at_efficiency,
        plot_efficiency_3d,
        plot_efficiency_all,
        plot_efficiency_mag_slices,
        plot_efficiency_marginalized,
        plot_efficiency_stages,
        plot_efficiency_threshold_contour,
        plot_recovery_bias,
    )

__all__ = [
    "BinnedEfficiency",
    "Calibration",
    "CompletenessModel",
    "CubeEdges",
    "EfficiencyCube",
    "ThresholdDepth",
    "binomial_limits",
    "completeness_calibration",
    "cross_validated_efficiency",
    "efficiency_cube",
    "fit_completeness",
    "load_efficiency_cube",
    "plot_completeness_calibration",
    "plot_depth_at_efficiency",
    "plot_efficiency_3d",
    "plot_efficiency_all",
    "plot_efficiency_mag_slices",
    "plot_efficiency_marginalized",
    "plot_efficiency_stages",
    "plot_efficiency_threshold_contour",
    "plot_recovery_bias",
]


def __getattr__(name: str) -> Any:
    # Files and figures are fetched when they are asked for: the science does without either.
    if name in __all__:
        from malca.evaluation import files

        return getattr(files, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
