"""Parameters of the pipeline ``ingest``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class VsxMatchParameters(BaseModel):
    """How stars are matched with the International Variable Star Index."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    radius_arcsec: float = Field(
        3.0,
        gt=0,
        description="Largest separation, arcsec, of a star moved to VSX's epoch and its entry.",
    )
    survey_epoch_yr: float = Field(
        2016.0,
        ge=1900,
        le=2100,
        description="Epoch of the index's positions, Julian year (Gaia DR3: 2016.0).",
    )
    vsx_epoch_yr: float = Field(
        2000.0,
        ge=1900,
        le=2100,
        description="Epoch of VSX's positions, Julian year (Watson et al. 2006).",
    )


class IngestParameters(BaseModel):
    """What the survey's files do not say, and how they are matched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gaia_release: str = Field(
        "DR2",
        pattern=r"^(DR1|DR2|EDR3|DR3|DR4|unknown)$",
        description=(
            "Gaia release of the index's ids; ids of DR2 and DR3 are not interchangeable. Sky Patrol's "
            "input catalogue, whose columns the index has, is of DR2 (Hart+ 2023, arXiv:2304.03791)."
        ),
    )
    vsx: VsxMatchParameters = Field(default_factory=VsxMatchParameters)
