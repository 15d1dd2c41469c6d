"""The default baseline: one slow Gaussian process a star, zero points of its channels with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from malca.kernels.ranges import star_medians
from malca.kernels.star_gp import fit_batch
from malca.search.baseline import FITTERS, Baseline
from malca.search.points import UsablePoints
from malca.search.threads import map_star_ranges


class StarGpParameters(BaseModel):
    """One slow curve for the star; see ``malca.kernels.star_gp`` for the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Literal["star_gp"] = "star_gp"
    node_days: float = Field(20.0, gt=0, description="Spacing of the grid the curve is solved on, d.")
    slow_sigma_mag: float = Field(
        0.02,
        gt=0,
        description="Standard deviation of the slow curve, mag; larger follows fades of years.",
    )
    slow_days: float = Field(1000.0, gt=0, description="E-folding time of the slow curve, d.")
    star_floor_mag: float = Field(
        0.004, gt=0, description="Least scale of the star's own variation from node to node, mag."
    )
    camera_floor_mag: float = Field(0.003, gt=0, description="Least scale of a camera's drift, mag.")
    degrees_of_freedom: float = Field(
        1.0, gt=0, description="Of the Student-t tails; 1 (Cauchy) lets go of dips soonest."
    )
    n_iterations: int = Field(
        8, ge=6, description="Rounds of reweighting; the first five are graduated."
    )


@dataclass(frozen=True, eq=False)
class StarBaseline(Baseline):
    """Baseline with what the event trigger needs to know of the star and its cameras.

    Attributes
    ----------
    star_sigma, camera_sigma : (n_stars,) float64 arrays
        Robust scale of the star's variation and of its cameras' drifts from node to node, mag.
    """

    star_sigma: np.ndarray
    camera_sigma: np.ndarray


def fit_star_gp(points: UsablePoints, parameters: StarGpParameters, workers: int = 1) -> StarBaseline:
    """Fit every star's slow curve together with its channels' zero points.

    The effective uncertainty adds, in quadrature, the scatter of the point's own channel beyond
    its errors; ``floor`` is the star's median of that.
    """
    n_stars, n_points = len(points), len(points.mag)
    mean, variance, extra = np.empty(n_points), np.empty(n_points), np.empty(n_points)
    star_sigma, camera_sigma = np.empty(n_stars), np.empty(n_stars)

    def fit(start: int, stop: int) -> None:
        fit_batch(
            points.offsets, points.jd, points.mag, points.mag_err, points.channel, points.n_channels,
            start, stop, parameters.node_days, parameters.slow_sigma_mag, parameters.slow_days,
            parameters.star_floor_mag, parameters.camera_floor_mag, parameters.degrees_of_freedom,
            parameters.n_iterations, mean, variance, extra, star_sigma, camera_sigma,
        )  # fmt: skip

    map_star_ranges(fit, n_stars, workers, points.offsets)
    floor = np.empty(n_stars)
    star_medians(points.offsets, extra, floor)
    floor[np.diff(points.offsets) == 0] = 0.0
    sigma_eff = np.sqrt(points.mag_err**2 + extra**2 + variance)
    return StarBaseline(mean, variance, sigma_eff, floor, star_sigma, camera_sigma)


FITTERS["star_gp"] = fit_star_gp
