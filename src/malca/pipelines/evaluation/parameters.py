"""Parameters of the pipeline ``evaluation``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from malca.evaluation.parameters import InjectionParameters, ReliabilityParameters
from malca.evaluation.sweep import SweepParameters


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
