"""Parameters of the sample survey.

"Measured" means: on 14 real ASAS-SN light curves with 23,585 points (Sky Patrol V2, 2012–2025,
stars of g = 12.2–13.9), with events masked and each camera referred to its own median. Where
nothing could be measured the description says so.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from malca.magnitude_bins import bin_edges
from malca.pipelines.simulation.populations import POPULATION_NAMES

#: Raised whenever the same parameters no longer give the same survey.
SURVEY_VERSION = 2

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CadenceParameters(_Parameters):
    """When a field is observed."""

    visit_rate_active: Share = Field(
        0.56, description=("Chance of a visit on a clear night while a field is in its active spells.")
    )
    visit_rate_idle: Share = Field(0.195, description="The same between the active spells.")
    active_days: Positive = Field(
        5.0,
        description=(
            "Mean length of an active spell, days. Measured: gaps within a season have quantiles "
            "1, 1, 3, 6, 12 d at 10, 25, 50, 75, 90 %."
        ),
    )
    idle_days: Positive = Field(6.5, description="Mean length of an idle spell, days.")
    clear_share: Share = Field(0.8, description="Share of clear nights at a site.")
    cloudy_days: Positive = Field(2.0, description="Mean length of a cloudy spell, days.")
    outage_every_days: Positive = Field(
        300.0, description="Mean time between technical outages of a unit, days."
    )
    outage_days: Positive = Field(35.0, description="Mean length of an outage, days.")
    second_point_share: Share = Field(
        0.027,
        description=(
            "Chance of a second point of the same camera in a night; measured 2–4 % (the dithered "
            "exposures of a visit are one point)."
        ),
    )
    full_moon_loss: Share = Field(
        0.12,
        description=("Share of visits lost at full moon; measured from the moon phases of the points."),
    )
    minimum_altitude_deg: float = Field(
        22.0,
        ge=0,
        le=60,
        description=(
            "Lowest altitude observed, degrees; sets the length of the seasons (measured gaps "
            "60–130 d)."
        ),
    )
    minimum_hours: Positive = Field(
        0.7, description=("Shortest nightly visibility for which a field is observed, hours.")
    )
    full_rate_hours: Positive = Field(
        2.0,
        description=("Nightly visibility from which on a field is observed at its full rate, hours."),
    )


class CameraParameters(_Parameters):
    """Which cameras see a star, and how they differ."""

    field_counts: dict[int, float] = Field(
        default={1: 0.45, 2: 0.44, 3: 0.08, 4: 0.03},
        description=(
            "Weights of the number of overlapping fields a star lies in (up to the four cameras "
            "of a unit). Measured: 1 or 2 fields; the tail makes the 22 cameras some stars have."
        ),
    )
    max_cameras: int = Field(22, ge=4, description="Most cameras a star has.")
    zero_point_mag: Positive = Field(
        0.0125,
        description=(
            "Scale of a camera's zero-point offset, mag (Student t, 3 degrees of freedom). "
            "Measured: half of the g cameras within 0.010 of their star's median, a tail to 0.05."
        ),
    )
    zero_point_v_mag: Positive = Field(0.006, description="The same in V; measured 0.001 to 0.06.")
    drift_mag: Positive = Field(
        0.0108,
        description=(
            "Median rms of a g camera's slow drift, mag. Measured: 40 % of the variance of a "
            "quiet star is shared by points of one camera only."
        ),
    )
    drift_spread: Positive = Field(0.5, description="Standard deviation of ln(drift rms) over cameras.")
    drift_days: Positive = Field(
        110.0,
        description=(
            "Correlation time of the drift in g, days. Measured autocorrelation in g: 0.57 at 1 "
            "d, 0.35 at 25 d, 0.1 at 150–300 d, 0 beyond."
        ),
    )
    drift_v_mag: Positive = Field(
        0.005,
        description=("The same rms in V. Measured autocorrelation in V: 0.2 at 1 d, 0.05 at 25 d."),
    )
    drift_v_days: Positive = Field(20.0, description="Correlation time of the drift in V, days.")
    bad_share: Share = Field(0.02, description="Share of bad cameras. Measured: 1–2 of 92.")
    bad_scatter: tuple[Positive, Positive] = Field(
        (1.8, 3.5), description="Range of the factor on a bad camera's scatter and drift."
    )
    bad_offset_mag: tuple[Positive, Positive] = Field(
        (0.05, 0.30), description="Range of a bad camera's offset, mag; measured 0.21."
    )
    early_end_share: Share = Field(
        0.06,
        description=(
            "Chance that a camera stops for good before the end of the survey; measured 4 of 71 in g."
        ),
    )


class NoiseParameters(_Parameters):
    """Errors as reported and scatter as it is."""

    sky_g_mjy: Positive = Field(
        0.052,
        description=(
            "Median sky noise in g, mJy. Measured median flux errors, less the part that grows "
            "with flux."
        ),
    )
    sky_v_mjy: Positive = Field(0.075, description="The same in V.")
    sky_star_spread: Positive = Field(
        0.18, description="Standard deviation of ln(sky noise) over stars (crowding)."
    )
    sky_camera_spread: Positive = Field(0.19, description="The same over cameras of a star.")
    sky_visit_dex: Positive = Field(
        0.135,
        description=(
            "Standard deviation of log10(sky noise) over visits at one moon phase; measured 0.13–0.17."
        ),
    )
    haze_share: Share = Field(
        0.07,
        description=(
            "Share of visits through haze, whose sky noise is larger by an exponential number of dex."
        ),
    )
    haze_dex: Positive = Field(
        0.22, description=("Mean of that number. Measured: 2 % of errors are three times the median.")
    )
    moon_dex: Positive = Field(
        0.31,
        description=("Rise of log10(sky noise) from a moonless night to full moon; measured 0.31."),
    )
    flux_share: Positive = Field(
        0.00125,
        description=("Reported error that is proportional to flux; measured on stars of 30–440 mJy."),
    )
    white_mag: Positive = Field(
        0.0136,
        description=(
            "Median scatter from visit to visit that the reported errors leave out, mag (robust). "
            "Measured: scatter 2–8 times the reported error for bright stars, 4.4 in the median."
        ),
    )
    white_v_mag: Positive = Field(0.0119, description="The same in V.")
    white_star_spread: Positive = Field(
        0.26, description="Standard deviation of ln(white scatter) over stars."
    )
    white_camera_spread: Positive = Field(
        0.28, description=("The same over cameras of a star; measured 0.004–0.012 mag in one star.")
    )
    tail_degrees: Annotated[float, Field(gt=2)] = Field(
        5.0,
        description=(
            "Degrees of freedom of the Student t of that scatter. Measured: 0.7 % of points "
            "beyond 4 robust sigma, 0.03 % beyond 8."
        ),
    )
    common_mag: Positive = Field(
        0.0100,
        description=(
            "Median rms of slow noise shared by all cameras of a star in g, mag. Measured: 0.13 "
            "of the variance at lags below 20 d."
        ),
    )
    common_v_mag: Positive = Field(0.003, description="The same in V.")
    common_spread: Positive = Field(
        0.45, description="Standard deviation of ln(common rms) over stars."
    )
    common_days: Positive = Field(100.0, description="Its correlation time, days.")
    gross_outlier_share: Share = Field(
        0.0006, description="Share of points off by 0.2–1.5 mag. Measured: 1 in 2,000."
    )
    failed_share: Share = Field(
        0.0011, description=("Share of points whose error is given as 99.99; measured 28 of 23,585.")
    )
    bad_share_early: Share = Field(
        0.165,
        description=(
            "Share of points flagged bad before `bad_share_change_jd`; measured 15–20 % a year."
        ),
    )
    bad_share_late: Share = Field(0.065, description="The same after it.")
    bad_share_change_jd: float = Field(2459400.5, description="When the share changed: 2021.")
    bad_scatter: Positive = Field(
        1.15, description=("Factor on the scatter of points flagged bad; measured 1.1–1.2.")
    )
    good_until_jd: float = Field(
        2460457.5,
        description=(
            "No later point is flagged good. Measured: true of all 14 curves, whose newest year "
            "is not classified."
        ),
    )
    detection_sigma: Positive = Field(
        5.0,
        description=(
            "Fainter than this many errors a point is an upper limit. The files define their "
            "limit by 5."
        ),
    )
    saturation_mag: float = Field(
        11.3,
        description=(
            "Magnitude at which half of the points saturate (not measured: the files lack the flag)."
        ),
    )
    saturation_width_mag: Positive = Field(0.22, description="Softness of that limit, mag (seeing).")


class VsxParameters(_Parameters):
    """The catalogue of known variables that comes with the survey."""

    n_unrelated: int = Field(500, ge=0, description="Entries that belong to no star of the survey.")
    position_error_arcsec: Positive = Field(
        0.3, description="Scatter of the catalogued positions, arcsec."
    )
    known_share: dict[str, Share] = Field(
        default={
            "quiet": 0.01,
            "spotted": 0.3,
            "semiregular": 0.7,
            "long_period": 0.9,
            "contact_binary": 0.85,
            "detached_binary": 0.7,
            "single_eclipse": 0.05,
            "repeating_eclipse": 0.2,
            "dipper_single": 0.05,
            "dipper_repeated": 0.2,
            "dipper_asymmetric": 0.1,
            "r_crb": 0.5,
            "flare": 0.3,
            "microlensing": 0.1,
            "cataclysmic": 0.8,
        },
        description=("Share of each population that is catalogued (assumed); 0 where not given."),
    )


class SimulationParameters(_Parameters):
    """A survey with known truth.

    The survey depends on these values only, not on how many threads made it or in what portions;
    star *k* keeps its random stream whatever comes before it.
    """

    n_stars: int = Field(300, gt=0)
    seed: int = Field(20250101, ge=0)
    mag_bins: dict[str, float] = Field(
        default={
            "12_12.5": 0.08,
            "12.5_13": 0.11,
            "13_13.5": 0.36,
            "13.5_14": 0.15,
            "14_14.5": 0.15,
            "14.5_15": 0.15,
        },
        description="Weights of the magnitude bins, which are bins in g.",
    )
    populations: dict[str, float] = Field(
        default={
            "quiet": 0.58,
            "spotted": 0.03,
            "semiregular": 0.03,
            "long_period": 0.02,
            "contact_binary": 0.02,
            "detached_binary": 0.03,
            "single_eclipse": 0.03,
            "repeating_eclipse": 0.02,
            "dipper_single": 0.03,
            "dipper_repeated": 0.03,
            "dipper_asymmetric": 0.02,
            "dipper_years": 0.02,
            "dipper_in_progress": 0.01,
            "r_crb": 0.01,
            "flare": 0.02,
            "microlensing": 0.01,
            "cataclysmic": 0.01,
            "trend": 0.02,
            "blend": 0.03,
            "camera_artefact": 0.03,
        },
        description=(
            "Weights of the populations. Each that has a weight gets a star if there are stars enough."
        ),
    )
    stars_per_index: int = Field(100, gt=0, description="Stars an index file.")
    stars_per_chunk: int = Field(
        1000, gt=0, description=("Stars made and written at a time: bounds the memory (0.2 MB a star).")
    )
    no_gaia_share: Share = Field(
        0.01, description="Share of stars without Gaia source and proper motion."
    )
    first_jd: float = 2456200.5
    last_jd: float = 2460841.5
    workers: int = Field(0, ge=0, description="Threads; 0 is one a core.")
    realism_sample: int = Field(
        60, gt=0, description="Quiet stars the realism figure compares with the real ones."
    )
    cadence: CadenceParameters = CadenceParameters()
    cameras: CameraParameters = CameraParameters()
    noise: NoiseParameters = NoiseParameters()
    vsx: VsxParameters = VsxParameters()

    @field_validator("mag_bins")
    @classmethod
    def _bins_exist(cls, mag_bins: dict[str, float]) -> dict[str, float]:
        for name in mag_bins:
            bin_edges(name)
        return _checked_weights(mag_bins, "mag_bins")

    @field_validator("populations")
    @classmethod
    def _populations_exist(cls, populations: dict[str, float]) -> dict[str, float]:
        unknown = set(populations) - set(POPULATION_NAMES)
        if unknown:
            raise ValueError(
                f"unknown populations {sorted(unknown)}; known: {', '.join(POPULATION_NAMES)}"
            )
        return _checked_weights(populations, "populations")

    @model_validator(mode="after")
    def _times_ascend(self) -> SimulationParameters:
        if not self.first_jd < self.last_jd:
            raise ValueError("first_jd must precede last_jd")
        return self

    def fingerprint(self) -> str:
        """SHA-256 of everything the survey depends on."""
        text = self.model_dump_json(exclude={"workers", "stars_per_chunk", "realism_sample"})
        return hashlib.sha256(f"{SURVEY_VERSION} {text}".encode()).hexdigest()


def _checked_weights(weights: dict[str, float], name: str) -> dict[str, float]:
    if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
        raise ValueError(f"{name}: weights must not be negative, and one must be positive")
    return weights
