"""Parameters of the periodicity test."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator


class PeriodicityParameters(BaseModel):
    """How stars are tested for periods."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use_bad_quality: bool = Field(
        default=True, description="Use points the survey flags as bad, as the search for events does."
    )
    max_mag_err: float = Field(
        default=1.0, gt=0, description="Points with a larger error (mag) are left out."
    )
    min_points: int = Field(
        default=60, ge=20, description="Stars with fewer usable points are not judged."
    )
    min_channel_points: int = Field(
        default=10,
        ge=2,
        description="Channels (one camera in one band) with fewer points are left out: their zero "
        "point is unknown.",
    )
    min_span_days: float = Field(
        default=100.0, gt=0, description="Stars observed over a shorter time are not judged, d."
    )
    clip_sigma: float = Field(
        default=5.0,
        gt=0,
        description="Residuals are cut off at this many robust standard deviations of the star, so "
        "that no outlier and no single deep event rules the spectrum.",
    )

    pad_days: float = Field(
        default=3.0, ge=0, description="Least time masked on either side of an event, d."
    )
    pad_fraction: float = Field(
        default=0.5,
        ge=0,
        description="The same in units of the event's duration; the larger one holds.",
    )
    max_masked_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="A star whose events cover a larger share of its points is searched without mask "
        "only: what is left between them says little.",
    )
    min_recurring_events: int = Field(
        default=3,
        ge=2,
        description="From so many events on, the star is also searched with its events, for a period "
        "at which they recur.",
    )

    max_frequency: float = Field(
        default=10.0, gt=0, description="Highest frequency searched, cycles per day."
    )
    min_cycles: float = Field(
        default=5.0, ge=2, description="Fewest cycles of the longest period within the time span."
    )
    max_eclipse_period_days: float = Field(
        default=100.0,
        gt=0,
        description="Longest period of narrow shapes (four harmonics and more), d. Eclipses that "
        "return after longer times are what the survey looks for.",
    )
    samples_per_peak: int = Field(
        default=4, ge=2, description="Frequencies within one resolution element (1 / time span)."
    )
    harmonics: tuple[int, ...] = Field(
        default=(1, 2, 4, 8, 16, 32),
        description="Numbers of harmonics added up, each a shape searched for: 1 a sinusoid, 32 "
        "eclipses as short as a fiftieth of the period.",
    )
    coherence_elements: tuple[int, ...] = Field(
        default=(4, 12, 32),
        description="Resolution elements averaged, each a time over which a signal keeps its phase "
        "(time span / elements) searched for.",
    )
    min_quality: float = Field(
        default=3.0,
        ge=1,
        description="Least cycles within that time for a signal to count as a period.",
    )

    continuum_dex: float = Field(
        default=0.5,
        gt=0,
        description="Half width in log10 frequency of the range whose median is the local noise level.",
    )
    max_log10_fap: float = Field(
        default=-5.0,
        lt=0,
        description="Largest log10 of the false-alarm probability of a period. Far below what chance "
        "needs, since the noise of cameras is not quite what any model says.",
    )
    min_phase_coherence: float = Field(
        default=0.25,
        ge=-1,
        le=1,
        description="Least agreement of phase and shape between neighbouring parts of the data.",
    )
    min_camera_coherence: float = Field(
        default=0.25,
        ge=-1,
        le=1,
        description="Least agreement of what two halves of the cameras see at the same time.",
    )
    min_event_recurrence: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Least share of the points at the events' phases, in any cycle, that are as faint "
        "as the events, for a period to explain them, and to be believed if found with them: a few "
        "events fold onto each other at many periods.",
    )
    min_window_power: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="Spectral window power (1 at zero frequency) from which a period counts as "
        "an alias.",
    )
    alias_elements: float = Field(
        default=1.0,
        gt=0,
        description="A frequency this close to one of the sampling (in units of 1 / time span) is an "
        "alias.",
    )
    max_alias_amplitude_mag: float = Field(
        default=0.1,
        gt=0,
        description="Full amplitude, mag, beyond which a period of the sampling's is the star's all "
        "the same: sky and instrument do not vary so much.",
    )

    @field_validator("harmonics", "coherence_elements")
    @classmethod
    def _ascending(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if any(value < 1 for value in values) or list(values) != sorted(set(values)):
            raise ValueError("values must be positive and ascend")
        return values

    @field_validator("harmonics")
    @classmethod
    def _sinusoid(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if not values or values[0] != 1:
            raise ValueError("harmonics must begin with 1, the sinusoid")
        return values
