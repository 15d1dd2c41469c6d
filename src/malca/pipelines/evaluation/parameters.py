"""Parameters of the pipeline ``evaluation``."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from malca.evaluation.parameters import InjectionParameters, ReliabilityParameters
from malca.evaluation.sweep import SweepParameters


class ValidationParameters(BaseModel):
    """How known objects are matched and counted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    radius_arcsec: float = Field(
        3.0,
        gt=0,
        description="Largest separation of a known object without an id and its star, arcsec.",
    )
    windows_are_complete: bool = Field(
        False, description="Whether every dip of the known objects is listed, so that others are false."
    )
    interval_level: float = Field(0.95, gt=0, lt=1, description="Probability of the intervals.")
    max_figures: int = Field(50, ge=0, description="Figures of missed objects at most.")


class DetectionRateParameters(BaseModel):
    """Which stars are a control sample, and the bins of their rates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int | None = Field(10_000, ge=1, description="Stars to draw, each once; unset: all.")
    seed: int = Field(42, ge=0, description="Seed of the draw.")
    brightest_mag: float = Field(0.0, description="Bright limit of the baseline, mag.")
    faintest_mag: float = Field(30.0, description="Faint limit of the baseline, mag.")
    exclude_vsx: bool = Field(True, description="Whether to leave out stars that VSX lists.")
    exclude_candidates: bool = Field(False, description="Whether to leave out candidates.")
    mag_step: float = Field(0.25, gt=0, description="Width of bins of magnitude, mag.")
    duration_edges_days: tuple[float, ...] = Field(
        (1.0, 3.0, 10.0, 30.0, 100.0, 300.0), min_length=1, description="Edges of bins of duration, d."
    )
    depth_edges_mag: tuple[float, ...] = Field(
        (0.1, 0.2, 0.4, 0.8, 1.6), min_length=1, description="Edges of bins of depth, mag."
    )
    interval_level: float = Field(0.95, gt=0, lt=1, description="Probability of the intervals.")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.faintest_mag > self.brightest_mag:
            raise ValueError("faintest_mag must be above brightest_mag")
        for name in ("duration_edges_days", "depth_edges_mag"):
            values = getattr(self, name)
            if any(b <= a for a, b in pairwise(values)) or values[0] <= 0:
                raise ValueError(f"{name} must be positive and ascend: {list(values)}")
        return self


class EvaluationParameters(BaseModel):
    """What ``parameters_evaluation.yml`` may say under ``evaluation``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance_days: float = Field(
        2.0, ge=0, description="A found event this close to a true one matches, d."
    )
    min_points_inside: int = Field(
        3, ge=1, description="Points inside a true event that make it observable."
    )
    min_depth_mag: float = Field(0.1, ge=0, description="Least true depth the report asks for, mag.")
    injection: InjectionParameters = Field(
        default_factory=InjectionParameters, description="Events put into light curves."
    )
    reliability: ReliabilityParameters = Field(
        default_factory=ReliabilityParameters, description="Light curves that hold nothing."
    )
    sweep: SweepParameters = Field(
        default_factory=SweepParameters, description="Settings to choose the search's parameters from."
    )
    validation: ValidationParameters = Field(
        default_factory=ValidationParameters, description="Known objects."
    )
    detection_rate: DetectionRateParameters = Field(
        default_factory=DetectionRateParameters, description="Rates in a control sample."
    )
