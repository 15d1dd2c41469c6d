"""The event trigger: judges whole events, not single points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from malca.kernels.windows import search_batch
from malca.search.baseline import Baseline
from malca.search.points import UsablePoints
from malca.search.threads import map_star_ranges

#: Events of one kind kept a star, the most significant first come.
MAX_EVENTS = 64


class EventTriggerParameters(BaseModel):
    """When a window of residuals is an event; see ``malca.kernels.windows``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shortest_days: float = Field(1.5, gt=0, description="Shortest window, d.")
    longest_days: float = Field(400.0, gt=0, description="Longest window, d.")
    ladder_ratio: float = Field(2.0, gt=1, description="Ratio of successive windows.")
    night_days: float = Field(
        0.5, ge=0, description="Points of one channel within this time are one visit, d."
    )
    threshold_sigma: float = Field(
        7.5, gt=0, description="Least significance of an event, σ including correlated noise."
    )
    agreement_sigma: float = Field(
        4.0, ge=0, description="Least significance left without the strongest camera, σ."
    )
    lone_threshold_sigma: float = Field(
        7.5, gt=0, description="Least significance where one camera alone observed, σ."
    )
    lone_visits: int = Field(3, ge=1, description="Least visits where one camera alone observed.")
    red_noise_floor: float = Field(
        0.2, ge=0, description="Least correlated noise, as a fraction of a visit's scatter."
    )
    clip_sigma: float = Field(8.0, gt=0, description="Residuals are clipped to this many σ.")
    mirror_factor: float = Field(
        1.1, ge=0, description="Least ratio to the second strongest event of opposite sign."
    )
    amplitude_scale_mag: float = Field(
        0.3, gt=0, description="Scale of the half-normal prior on depth in the Bayes factor, mag."
    )

    @model_validator(mode="after")
    def _ordered(self) -> EventTriggerParameters:
        if self.longest_days < self.shortest_days:
            raise ValueError(
                f"longest_days {self.longest_days} is below shortest_days {self.shortest_days}"
            )
        return self

    def durations(self) -> np.ndarray:
        """Ladder of window lengths, d."""
        steps = int(np.log(self.longest_days / self.shortest_days) / np.log(self.ladder_ratio) + 1e-9)
        return self.shortest_days * self.ladder_ratio ** np.arange(steps + 1)


@dataclass(frozen=True, eq=False)
class WindowEvents:
    """Events of a batch, flat arrays of length n_events, by star, kind and time.

    Attributes
    ----------
    star : int64, index of the star;  sign : float64, +1 dip, -1 jump
    jd_start, jd_end : float64, first and last point, d
    n_visits, n_channels_observing : int64
    significance, significance_without_strongest : float64
    mean_depth_mag, mean_depth_err_mag : float64, of clipped residuals
    ln_bf : float64, natural log of the Bayes factor against no event
    red_sigma_mag : (n_stars, 2, n_durations) float64, correlated noise by kind and duration
    opposite_significance : (n_stars, 2) float64, what events had to exceed
    """

    star: np.ndarray
    sign: np.ndarray
    jd_start: np.ndarray
    jd_end: np.ndarray
    n_visits: np.ndarray
    n_channels_observing: np.ndarray
    significance: np.ndarray
    significance_without_strongest: np.ndarray
    mean_depth_mag: np.ndarray
    mean_depth_err_mag: np.ndarray
    ln_bf: np.ndarray
    red_sigma_mag: np.ndarray
    opposite_significance: np.ndarray


def find_window_events(
    points: UsablePoints,
    baseline: Baseline,
    parameters: EventTriggerParameters,
    workers: int = 1,
) -> WindowEvents:
    """Search every star for dips and jumps.

    A baseline that knows how far cameras drift (``camera_sigma``) has that drift counted; with
    any other it is taken as the star's floor.
    """
    n_stars = len(points)
    durations = parameters.durations()
    residual = points.mag - baseline.mean
    error = np.sqrt(points.mag_err**2 + baseline.variance)
    camera_sigma = np.nan_to_num(getattr(baseline, "camera_sigma", baseline.floor))
    n_events = np.zeros((n_stars, 2), np.int64)
    span = np.empty((n_stars, 2, MAX_EVENTS, 2))
    counts = np.empty((n_stars, 2, MAX_EVENTS, 2), np.int64)
    statistics = np.empty((n_stars, 2, MAX_EVENTS, 5))
    red_sigma = np.empty((n_stars, 2, len(durations)))
    mirror = np.empty((n_stars, 2))

    def search(start: int, stop: int) -> None:
        search_batch(
            points.offsets, points.jd, residual, error, points.channel, points.n_channels, camera_sigma,
            start, stop, parameters.night_days, durations, parameters.red_noise_floor,
            parameters.clip_sigma, parameters.threshold_sigma, parameters.agreement_sigma,
            parameters.lone_threshold_sigma, parameters.lone_visits, parameters.mirror_factor,
            parameters.amplitude_scale_mag, n_events, span, counts, statistics, red_sigma, mirror,
        )  # fmt: skip

    map_star_ranges(search, n_stars, workers, points.offsets)
    kept = np.arange(MAX_EVENTS) < n_events[:, :, None]
    star, side, _ = np.nonzero(kept)
    span, counts, statistics = span[kept], counts[kept], statistics[kept]
    return WindowEvents(
        star=star,
        sign=1.0 - 2.0 * side,
        jd_start=span[:, 0],
        jd_end=span[:, 1],
        n_visits=counts[:, 0],
        n_channels_observing=counts[:, 1],
        significance=statistics[:, 0],
        significance_without_strongest=statistics[:, 1],
        mean_depth_mag=statistics[:, 2],
        mean_depth_err_mag=statistics[:, 3],
        ln_bf=statistics[:, 4],
        red_sigma_mag=red_sigma,
        opposite_significance=mirror,
    )
