"""Parameters of the period search."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Method = Literal["lomb_scargle", "pdm", "conditional_entropy"]
_METHODS: tuple[Method, ...] = ("lomb_scargle", "pdm", "conditional_entropy")


class PeriodParameters(BaseModel):
    """How periods are searched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_frequency: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Lowest frequency searched, cycles per day; none means one cycle in the time span.",
    )
    max_frequency: float = Field(
        default=10.0, gt=0, description="Highest frequency searched, cycles per day."
    )
    samples_per_peak: int = Field(
        default=5, ge=2, description="Frequencies within one resolution element (1 / time span)."
    )
    n_peaks: int = Field(default=10, ge=1, description="Candidate peaks kept a star.")
    min_separation: float = Field(
        default=3.0,
        gt=0,
        description="Smallest separation of candidate peaks, in units of 1 / time span.",
    )
    methods: tuple[Method, ...] = Field(
        default=_METHODS,
        description="Methods used; 'lomb_scargle' finds the candidates and must be there.",
    )
    min_points: int = Field(default=50, ge=5, description="Stars with fewer points are not searched.")
    min_channel_points: int = Field(
        default=10,
        ge=1,
        description="Channels with fewer points are left out: their zero point is unknown.",
    )
    inflate_errors: bool = Field(
        default=True,
        description="Add in quadrature to the errors what they lack to explain the robust scatter, so "
        "that a few points with tiny errors do not carry the whole fit.",
    )
    half_window: float = Field(
        default=3.0,
        gt=0,
        description="Half width of the ranges scored by phase folding, in units of 1 / time span, "
        "never more than a fifth of the frequency.",
    )
    n_window_frequencies: int = Field(
        default=101, ge=3, description="Frequencies scored by phase folding in each range."
    )
    pdm_bins: int = Field(default=10, ge=2, description="Phase bins of PDM.")
    pdm_covers: int = Field(default=3, ge=1, description="Shifted sets of phase bins of PDM.")
    entropy_phase_bins: int = Field(
        default=10, ge=2, description="Phase bins of the conditional entropy."
    )
    entropy_mag_bins: int = Field(
        default=10, ge=2, description="Magnitude bins of the conditional entropy."
    )
    min_alias_window_power: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="Spectral window power (1 at zero frequency) from which a peak counts as an alias.",
    )

    n_shuffles: int = Field(
        default=0,
        ge=0,
        description="Block shuffles that test the strongest peak against red noise; 0 for none.",
    )
    block_days: float = Field(
        default=60.0,
        gt=0,
        description="Length of the blocks shuffled, days: the longest memory of the noise.",
    )
    shuffle_level: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="Only peaks with a white-noise FAP below this are shuffled, and no longer than a "
        "p-value at or below it is possible.",
    )
    seed: int = Field(default=20210607, ge=0, description="Seed of the shuffles.")

    @model_validator(mode="after")
    def _check(self) -> PeriodParameters:
        if "lomb_scargle" not in self.methods:
            raise ValueError("methods must contain 'lomb_scargle', which finds the candidates")
        if self.min_frequency is not None and self.min_frequency >= self.max_frequency:
            raise ValueError("min_frequency must be below max_frequency")
        if self.n_shuffles and self.shuffle_level * (1 + self.n_shuffles) < 1:
            raise ValueError("so few shuffles can never reach shuffle_level")
        return self
