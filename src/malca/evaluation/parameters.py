"""Parameters of what is measured: which events go into which stars, which nulls are made."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from malca.evaluation.contaminants import FAMILIES
from malca.evaluation.nulls import NULLS
from malca.evaluation.shapes import DIP_SHAPES, JUMP_SHAPES


class AxisParameters(BaseModel):
    """An axis that trials are drawn over, and the cells they are counted in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float = Field(description="Lower end.")
    high: float = Field(description="Upper end.")
    n_cells: int = Field(ge=1, description="Cells between the ends.")
    spacing: Literal["log", "linear"] = Field(
        "log", description="Of the cells, and of the draw in one."
    )

    @model_validator(mode="after")
    def _ordered(self) -> AxisParameters:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, not {self.low:g} and {self.high:g}")
        if self.spacing == "log" and self.low <= 0:
            raise ValueError(f"low must be positive where cells are logarithmic, not {self.low:g}")
        return self

    @property
    def edges(self) -> np.ndarray:
        """Edges of the cells, shape (n_cells + 1,)."""
        space = np.geomspace if self.spacing == "log" else np.linspace
        return space(self.low, self.high, self.n_cells + 1)

    def at(self, share: np.ndarray) -> np.ndarray:
        """Values at these shares of the way from ``low`` to ``high``."""
        if self.spacing == "log":
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share


class NoiseParameters(BaseModel):
    """How the errors of a star grow when it dims."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit_g_mag: float = Field(
        18.0,
        description="Magnitude at which g observations have a signal to noise of 5, mag (Hart+ 2023, "
        "arXiv:2304.03791: about 18).",
    )
    limit_v_mag: float = Field(17.0, description="The same in V, mag (Kochanek+ 2017: about 17).")
    min_signal_to_noise: float = Field(
        5.0, gt=0, description="What dims below it becomes an upper limit, as in the survey."
    )


class InjectionParameters(BaseModel):
    """What ``parameters_evaluation.yml`` may say under ``evaluation.injection``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_trials: int = Field(
        5000, ge=1, description="Events injected, each into a light curve of its own."
    )
    n_stars: int = Field(
        1000, ge=1, description="Most stars injected into; each takes its share of the trials."
    )
    stars: Literal["without_events", "searched"] = Field(
        "without_events",
        description="Into which: those in which the search finds nothing and VSX lists no variable, or "
        "any it searched.",
    )
    seed: int = Field(
        20260101, ge=0, description="Of the draw, and with a trial's number of its noise."
    )
    kind: Literal["dip", "jump"] = Field("dip", description="Whether stars dim or brighten.")
    shapes: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default={"skew_normal": 1.0}, description="Shapes, with their shares."
    )
    depth: AxisParameters = Field(
        AxisParameters(low=0.02, high=3.0, n_cells=12), description="Peak, mag."
    )
    duration: AxisParameters = Field(
        AxisParameters(low=0.5, high=500.0, n_cells=10), description="Full width at half maximum, d."
    )
    magnitude: AxisParameters = Field(
        AxisParameters(low=12.0, high=15.0, n_cells=6, spacing="linear"),
        description="Median magnitude of the star, mag.",
    )
    max_alpha: float = Field(
        5.0, ge=0, description="Largest shape parameter of skew-normals; skewness 0.85."
    )
    ingress_share: float = Field(0.25, ge=0, le=1, description="Of trapezoids: ingress over duration.")
    n_repeats: int = Field(1, ge=1, description="Events a light curve, alike and evenly spaced.")
    spacing_days: float = Field(300.0, gt=0, description="From one repeat to the next, d.")
    one_camera: bool = Field(
        False, description="Only one camera sees the event: what should not be believed."
    )
    trials_per_task: int = Field(
        500, ge=1, description="Trials searched at once: bounds memory, sets the grain of resume."
    )
    noise: NoiseParameters = Field(default_factory=NoiseParameters, description="Of the dimmed star.")

    @model_validator(mode="after")
    def _shapes_of_kind(self) -> InjectionParameters:
        there = DIP_SHAPES if self.kind == "dip" else JUMP_SHAPES
        unknown = [name for name in self.shapes if name not in there]
        if unknown:
            raise ValueError(
                f"shapes: no {self.kind} is {', '.join(unknown)}; there are {', '.join(there)}"
            )
        if not sum(self.shapes.values()) > 0:
            raise ValueError("shapes: one must have a share above 0")
        if self.depth.low < 0:
            raise ValueError(f"depth: low must not be negative, {self.depth.low:g} is")
        if self.duration.low <= 0:
            raise ValueError(f"duration: low must be positive, {self.duration.low:g} is not")
        return self


class ReliabilityParameters(BaseModel):
    """What ``parameters_evaluation.yml`` may say under ``evaluation.reliability``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_nulls: int = Field(
        2000, ge=1, description="Most stars of which null light curves are made, of each kind."
    )
    n_contaminants: int = Field(200, ge=0, description="Most quiet stars that get each contaminant.")
    nulls: tuple[str, ...] = Field(NULLS, min_length=1, description="Kinds of null light curves.")
    contaminants: tuple[str, ...] = Field(tuple(FAMILIES), description="Kinds of contaminants.")
    seed: int = Field(20260102, ge=0, description="Of the draw and of what is altered.")
    rates_per_1000: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (1.0, 2.0, 5.0, 10.0),
        description="False candidates in 1,000 stars that a threshold of evidence is given for.",
    )
    believed_nulls: tuple[str, ...] = Field(
        NULLS,
        min_length=1,
        description="Null light curves that a candidate's reliability is held against; of several, the "
        "one that speaks most against it.",
    )
    cases_per_task: int = Field(
        500, ge=1, description="Light curves searched at once: bounds memory, sets the grain of resume."
    )

    @model_validator(mode="after")
    def _known(self) -> ReliabilityParameters:
        for name, known in (
            ("nulls", NULLS),
            ("contaminants", FAMILIES),
            ("believed_nulls", self.nulls),
        ):
            unknown = [one for one in getattr(self, name) if one not in known]
            if unknown:
                raise ValueError(f"{name}: no {', '.join(unknown)}; there are {', '.join(known)}")
        return self
