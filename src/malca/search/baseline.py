"""Baselines: what each channel of a star would show without events.

Every family fits each channel (one camera in one band) by itself and returns the same
``Baseline``. ``FITTERS`` maps the name of a family to its fitter; another module may add one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from malca.kernels.channels import (
    fit_channel_gps,
    fit_channel_medians,
    group_channels,
    measure_floors,
)
from malca.kernels.gp import (
    Coefficients,
    add_coefficients,
    ou_coefficients,
    sho_coefficients,
    sho_coefficients_from_sigma,
    two_state_model,
)
from malca.search.points import UsablePoints
from malca.search.threads import map_star_ranges


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ShoKernel(_Model):
    """Damped harmonic oscillator by its power (Foreman-Mackey et al. 2017, AJ 154, 220)."""

    kind: Literal["sho"] = "sho"
    s0_mag2_day: float = Field(0.0005, gt=0, description="Power at zero frequency, mag² d.")
    w0_rad_per_day: float = Field(np.pi / 1000, gt=0, description="Undamped angular frequency, rad/d.")
    q: float = Field(0.7, gt=0, description="Quality factor; overdamped below 0.5.")

    def coefficients(self) -> Coefficients:
        return sho_coefficients(self.s0_mag2_day, self.w0_rad_per_day, self.q)


class ShoSigmaKernel(_Model):
    """The same oscillator by its scatter and period."""

    kind: Literal["sho_sigma"] = "sho_sigma"
    sigma_mag: float = Field(gt=0, description="Standard deviation of the process, mag.")
    rho_days: float = Field(gt=0, description="Undamped period, d.")
    q: float = Field(0.7, gt=0, description="Quality factor; overdamped below 0.5.")

    def coefficients(self) -> Coefficients:
        return sho_coefficients_from_sigma(self.sigma_mag, self.rho_days, self.q)


class OuPairKernel(_Model):
    """Sum of a fast and a slow Ornstein-Uhlenbeck process."""

    kind: Literal["ou_pair"] = "ou_pair"
    sigma_fast_mag: float = Field(0.02, gt=0, description="Scatter of the fast process, mag.")
    tau_fast_days: float = Field(50.0, gt=0, description="Damping time of the fast process, d.")
    sigma_slow_mag: float = Field(0.05, gt=0, description="Scatter of the slow process, mag.")
    tau_slow_days: float = Field(1000.0, gt=0, description="Damping time of the slow process, d.")

    def coefficients(self) -> Coefficients:
        return add_coefficients(
            ou_coefficients(self.sigma_fast_mag, self.tau_fast_days),
            ou_coefficients(self.sigma_slow_mag, self.tau_slow_days),
        )


Kernel = Annotated[ShoKernel | ShoSigmaKernel | OuPairKernel, Field(discriminator="kind")]


class ChannelBaselineParameters(_Model):
    """What all families that treat each channel by itself share."""

    min_points_per_channel: int = Field(
        10, ge=1, description="A channel with fewer points gets its median and a large variance."
    )
    sparse_channel_sigma_mag: float = Field(
        1.0,
        gt=0,
        description="Square root of that variance, mag: large, so that such a channel, whose own "
        "median may lie in an event, neither makes nor breaks one.",
    )
    sigma_floor_mag: float | None = Field(
        None,
        ge=0,
        description="Scatter beyond the reported errors, mag; if unset, measured on each star.",
    )


class MedianParameters(ChannelBaselineParameters):
    """A constant for each channel."""

    family: Literal["median"] = "median"


class TrendParameters(ChannelBaselineParameters):
    """Medians over windows that trail each point."""

    family: Literal["trend"] = "trend"
    long_window_days: float = Field(800.0, gt=0, description="Window of the slow trend, d.")
    short_window_days: float = Field(
        50.0, gt=0, description="Window of the median of what the slow trend leaves, d."
    )
    exclude_days: float = Field(
        0.5, ge=0, description="Points this close before a point are no baseline for it, d."
    )
    min_window_points: int = Field(
        5, ge=1, description="A window with fewer points falls back to the channel's median."
    )


class _GpFields(ChannelBaselineParameters):
    kernel: Kernel = ShoKernel()
    jitter_mag: float = Field(
        0.006, ge=0, description="White noise added in quadrature to the errors, mag."
    )
    level: Literal["median", "weighted"] = Field(
        "median", description="Constant mean: the channel's median or inverse-variance mean."
    )


class GpParameters(_GpFields):
    """A Gaussian process conditioned on all points of the channel."""

    family: Literal["gp"] = "gp"


class MaskedGpParameters(_GpFields):
    """A Gaussian process that does not see the points of deep dips."""

    family: Literal["gp_masked"] = "gp_masked"
    mask_sigma: float = Field(
        3.0, gt=0, description="Points fainter than the channel's median by more are masked, σ."
    )
    mask_padding_days: float = Field(
        5.0, ge=0, description="Points this close to a masked one are masked too, d."
    )


@dataclass(frozen=True, eq=False)
class Baseline:
    """Baseline of every usable point of a batch.

    Attributes
    ----------
    mean : (n_points,) float64 array
        Magnitude without events, mag.
    variance : (n_points,) float64 array
        Variance of that mean, mag².
    sigma_eff : (n_points,) float64 array
        Uncertainty of magnitude less baseline: reported error, floor and baseline variance added
        in quadrature, mag.
    floor : (n_stars,) float64 array
        Scatter of the star beyond its reported errors, mag.
    """

    mean: np.ndarray
    variance: np.ndarray
    sigma_eff: np.ndarray
    floor: np.ndarray


def complete_baseline(
    points: UsablePoints,
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    sigma_floor_mag: float | None = None,
    largest_variance: float = np.inf,
    workers: int = 1,
) -> Baseline:
    """Add floor and effective uncertainty to a fitted mean and its variance.

    The floor of a star is the scatter of its residuals that the reported errors do not explain,
    sqrt(max(0, (1.4826 MAD)² − median(error)²)). Both medians ignore events that fill less than
    half of the points, so the residuals need no clipping.

    Parameters
    ----------
    points : UsablePoints
    mean, variance : (n_points,) arrays
    sigma_floor_mag : float, optional
        Floor of all stars, mag, instead of the measured ones.
    largest_variance : float
        Points with this baseline variance (mag²) or more do not count for the floor, which is 0
        for a star that has no others.
    workers : int
    """
    floor = np.full(len(points), np.nan if sigma_floor_mag is None else sigma_floor_mag, np.float64)
    if sigma_floor_mag is None:
        map_star_ranges(
            lambda start, stop: measure_floors(
                points.offsets, points.mag, points.mag_err, mean, variance, largest_variance,
                start, stop, floor,
            ),
            len(points),
            workers,
            points.offsets,
        )  # fmt: skip
    sigma_eff = np.repeat(floor * floor, np.diff(points.offsets))
    sigma_eff += points.mag_err**2
    sigma_eff += variance
    return Baseline(mean, variance, np.sqrt(sigma_eff, out=sigma_eff), floor)


def _fit_channels(points: UsablePoints, parameters, workers: int, fit: Callable) -> Baseline:
    """Fit each channel with ``fit(first, last, segments, order, mean, variance)``."""
    first_segment = np.concatenate([[0], np.cumsum(points.n_channels)]).astype(np.int64)
    segments = np.empty(first_segment[-1] + 1, np.int64)
    segments[-1] = points.offsets[-1]
    order = np.empty(len(points.mag), np.int64)
    mean, variance = np.empty(len(points.mag)), np.empty(len(points.mag))

    def group(start, stop):
        group_channels(points.offsets, points.channel, first_segment, start, stop, order, segments)

    def fit_range(start, stop):
        fit(first_segment[start], first_segment[stop], segments, order, mean, variance)

    # two passes: the end of a range's last channel is the start of the next range's first
    map_star_ranges(group, len(points), workers, points.offsets)
    map_star_ranges(fit_range, len(points), workers, points.offsets)
    return complete_baseline(
        points,
        mean,
        variance,
        sigma_floor_mag=parameters.sigma_floor_mag,
        largest_variance=parameters.sparse_channel_sigma_mag**2,
        workers=workers,
    )


def fit_gp(
    points: UsablePoints, parameters: GpParameters | MaskedGpParameters, workers: int = 1
) -> Baseline:
    """Condition a Gaussian process on each channel; see ``fit_baseline``.

    With ``MaskedGpParameters``, points fainter than the channel's median by ``mask_sigma`` times
    its scatter (the larger of 1.4826 MAD and the median error), and those within
    ``mask_padding_days`` of one, are predicted but not conditioned on. A channel of which no
    point is left is treated as one with too few points.
    """
    model = two_state_model(parameters.kernel.coefficients())
    mask_sigma, padding_days = np.inf, 0.0
    if isinstance(parameters, MaskedGpParameters):
        mask_sigma, padding_days = parameters.mask_sigma, parameters.mask_padding_days

    def fit(first, last, segments, order, mean, variance):
        fit_channel_gps(
            first, last, segments, order, points.jd, points.mag, points.mag_err, model,
            parameters.jitter_mag,
            parameters.level == "weighted",
            mask_sigma,
            padding_days,
            parameters.min_points_per_channel,
            parameters.sparse_channel_sigma_mag**2,
            mean,
            variance,
        )  # fmt: skip

    return _fit_channels(points, parameters, workers, fit)


def fit_median(points: UsablePoints, parameters: MedianParameters, workers: int = 1) -> Baseline:
    """Take each channel's median; its variance is π/2 (1.4826 MAD)²/n."""
    return _fit_rolling(points, parameters, workers, np.inf, np.inf, 0.0, 1)


def fit_trend(points: UsablePoints, parameters: TrendParameters, workers: int = 1) -> Baseline:
    """Follow each channel by medians of its past.

    The slow trend of a point is the median of the preceding ``long_window_days``; what it leaves
    is followed by the median of the preceding ``short_window_days``, and the baseline is the sum.
    No window reaches ahead of the point or into its own night, so an event cannot pull the
    baseline before it begins, and enters the fast part only once it has filled half of a short
    window; its end then shows as a deviation of opposite sign for as long. The variance is
    π/2 s² (1/n_long + 1/n_short), s the scatter (1.4826 MAD) of what the slow trend leaves.
    """
    windows = parameters.long_window_days, parameters.short_window_days, parameters.exclude_days
    return _fit_rolling(points, parameters, workers, *windows, parameters.min_window_points)


def _fit_rolling(points, parameters, workers, long_days, short_days, exclude_days, min_window_points):
    def fit(first, last, segments, order, mean, variance):
        fit_channel_medians(
            first, last, segments, order, points.jd, points.mag, long_days, short_days,
            exclude_days, min_window_points, parameters.min_points_per_channel,
            parameters.sparse_channel_sigma_mag**2, mean, variance,
        )  # fmt: skip

    return _fit_channels(points, parameters, workers, fit)


#: Fitter of each family: ``fitter(points, parameters, workers) -> Baseline``.
FITTERS: dict[str, Callable[..., Baseline]] = {
    "gp": fit_gp,
    "gp_masked": fit_gp,
    "trend": fit_trend,
    "median": fit_median,
}


def fit_baseline(points: UsablePoints, parameters, workers: int = 1) -> Baseline:
    """Fit the baseline of a batch with the family that ``parameters`` belongs to.

    Parameters
    ----------
    points : UsablePoints
    parameters : GpParameters, MaskedGpParameters, TrendParameters, MedianParameters or other
        Its ``family`` is looked up in ``FITTERS``.
    workers : int
        Threads over ranges of stars.

    Raises
    ------
    ValueError
        The family is unknown, a date or magnitude is not finite, or an error not positive.
    """
    if parameters.family not in FITTERS:
        raise ValueError(f"unknown baseline {parameters.family!r}: choose from {sorted(FITTERS)}")
    if not (np.isfinite(points.jd).all() and np.isfinite(points.mag).all()):
        raise ValueError("dates and magnitudes must be finite")
    if not (np.isfinite(points.mag_err).all() and (points.mag_err > 0).all()):
        raise ValueError("magnitude errors must be positive and finite")
    return FITTERS[parameters.family](points, parameters, workers)
