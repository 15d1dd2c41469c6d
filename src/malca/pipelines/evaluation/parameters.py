"""Parameters of the pipeline ``evaluation``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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
    validation: ValidationParameters = Field(
        default_factory=ValidationParameters, description="Known objects."
    )
