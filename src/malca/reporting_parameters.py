"""Parameters of the pages about a run and its candidates."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ReportingParameters(BaseModel):
    """How much the pages show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_pictures: int = Field(
        default=12, ge=0, description="Best candidates shown as pictures, about 0.1 MB each."
    )
    n_dossiers: int | None = Field(
        default=None, ge=0, description="Best candidates that get a page of their own; null: all."
    )
    max_rows: int = Field(default=500, ge=1, description="Longest table of candidates on the page.")

    def n_drawn(self, n_candidates: int) -> int:
        """How many of the best candidates are drawn, for the page about the run and for their own."""
        wanted = n_candidates if self.n_dossiers is None else self.n_dossiers
        return max(self.n_pictures, wanted)
