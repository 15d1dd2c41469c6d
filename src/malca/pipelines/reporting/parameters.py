"""Parameters of the page about a run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ReportingParameters(BaseModel):
    """How much the page shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_pictures: int = Field(
        default=12, ge=0, description="Best candidates shown as pictures, about 0.1 MB each."
    )
    max_rows: int = Field(default=500, ge=1, description="Longest table of candidates on the page.")
