"""What is known of a partition that was worked on."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class DamagedError(Exception):
    """A table that is not what was written: truncated, or changed since."""


class TableFacts(BaseModel):
    """One table of a finished partition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_rows: Annotated[int, Field(ge=0, description="Rows.")]
    n_bytes: Annotated[int, Field(ge=0, description="Size of its file, bytes.")]
    digest: Annotated[str, Field(description="SHA-256 of its values; empty: not known.")]


class Receipt(BaseModel):
    """A partition that is finished, or has failed and would fail again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: str = Field(description="What it was made from.")
    tables: dict[str, TableFacts] = Field(default_factory=dict, description="Its tables by name.")
    seconds: float = Field(default=0.0, description="Time it took, s.")
    error: str | None = Field(default=None, description="Why it failed; null: it is finished.")

    @property
    def n_failures(self) -> int:
        """Stars of the partition that failed."""
        return self.tables["failures"].n_rows if "failures" in self.tables else 0
