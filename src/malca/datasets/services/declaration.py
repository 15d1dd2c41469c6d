"""How a catalogue of a service is declared: what a local one says, and where and how it is asked."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from malca.datasets.catalog_declaration import Column, Declaration, Ids, Position, ProperMotion

#: Type of a column of a service's table, as a file of it would have: those of ``Column``.
Kind = Literal["number", "integer", "text", "flag"]
#: Nothing of these changes an answer.
_NOT_OF_THE_QUERY = {
    "filepath", "urls", "source", "offline", "cache", "batch_size", "requests_per_second",
    "timeout_seconds", "retries", "give_up_after", "optional", "citation", "required", "coverage",
    "id_max_sep_arcsec", "target_epoch_yr", "ids_must_agree", "many_per_id", "indexed", "index_folder",
    "seed", "sync_stars", "silent_limits", "job_seconds", "poll_seconds", "threads",
}  # fmt: skip


class ServiceColumn(Column):
    """A column of the service's table; its name is the one it has in a local twin."""

    expression: str | None = Field(
        None, min_length=1, description="ADQL that gives it, where its name does not."
    )


class ServicePosition(Position):
    """Columns of the ICRS position."""

    ra_deg: ServiceColumn
    dec_deg: ServiceColumn


class ServiceMotion(ProperMotion):
    """Columns of the entries' proper motion."""

    pm_ra_masyr: ServiceColumn
    pm_dec_masyr: ServiceColumn


class CacheOptions(BaseModel):
    """Where answers are kept, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    expires_days: float = Field(90.0, gt=0, description="Age at which an answer is asked for again.")


class ServiceDeclaration(Declaration):
    """A catalogue of a service as YAML declares it; see ``ServiceDataset``."""

    filepath: Path | None = Field(None, description="Local twin.")  # type: ignore[assignment]
    columns: dict[str, ServiceColumn]  # type: ignore[assignment]
    position: ServicePosition
    proper_motion: ServiceMotion | None = None
    quality: ServiceColumn | None = None
    optional: bool = True
    urls: tuple[str, ...] = Field(min_length=1, description="Tried in this order.")
    table: str = Field("", description="Name in the service, or what ADQL may have after FROM.")
    expressions: dict[str, str] = Field(
        default_factory=dict, description="ADQL that gives a column of ids, by its name."
    )
    twin_only: tuple[str, ...] = Field(
        (), description="Columns of ids that the local twin has and the service has not."
    )
    release: str = Field("", description="Part of what answers are kept under.")
    citation: str = ""
    source: Literal["auto", "local", "service"] = "auto"
    offline: bool = False
    cache: CacheOptions | None = None
    batch_size: int = Field(2000, ge=1, le=100_000, description="Stars asked about in one request.")
    requests_per_second: float = Field(2.0, gt=0, le=100)
    timeout_seconds: float = Field(120.0, gt=0, description="Longest wait for one answer.")
    retries: int = Field(4, ge=0, le=20, description="Further attempts at a request that failed.")
    give_up_after: int = Field(
        3, ge=1, description="Batches that fail one after the other before the rest is not tried."
    )
    row_limit: int = Field(1_000_000, ge=1, description="Rows that one answer may have.")
    seed: int | None = Field(None, description="Of the waits between attempts.")

    @field_validator("urls", mode="before")
    @classmethod
    def _one_or_more(cls, urls: Any) -> Any:
        return (urls,) if isinstance(urls, str) else urls

    @field_validator("urls")
    @classmethod
    def _plain(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"'{url}' is no http address")
            if "@" in url.split("//", 1)[1].split("/", 1)[0]:
                raise ValueError("urls: an address holds no password; give credentials apart")
        return tuple(url.rstrip("/") for url in urls)

    @model_validator(mode="after")
    def _names(self) -> ServiceDeclaration:
        unknown = sorted(set(self.expressions) - set(self.raw_kinds()))
        if unknown:
            raise ValueError(f"expressions: {', '.join(unknown)} is no column that is declared")
        other = sorted(set(self.twin_only) - set(self.id_columns.columns().values()))
        if other:
            raise ValueError(f"twin_only: {', '.join(other)} is no column of ids")
        if self.source == "local" and self.filepath is None:
            raise ValueError("source: local needs the filepath of a local twin")
        return self

    def raw_kinds(self) -> dict[str, Kind]:
        """Columns that are wanted of the service, with the type each is kept in."""
        kinds: dict[str, Kind] = {}
        for column in self._all_columns():
            known = kinds.get(column.column)
            if known not in (None, column.type):
                raise ValueError(f"column {column.column} is declared as {known} and {column.type}")
            kinds[column.column] = column.type
        for name in self.id_columns.columns().values():
            kinds.setdefault(name, "integer")
        return kinds

    def of_service(self) -> ServiceDeclaration:
        """Give the declaration without what only the local twin has."""
        ids = self.id_columns
        surveys = ids.asas_sn_id if ids.asas_sn_id not in self.twin_only else None
        gaia = {name: column for name, column in ids.gaia_id.items() if column not in self.twin_only}
        return self.model_copy(update={"id_columns": Ids(gaia_id=gaia, asas_sn_id=surveys)})

    def _all_columns(self) -> list[Column]:
        parts = [self.sky(), self.motion(), self.values()]
        return [column for part in parts for column in part.values()]

    def expression_of(self, name: str) -> str | None:
        """ADQL that gives a column of the service's table; None: its name does."""
        if name in self.expressions:
            return self.expressions[name]
        for column in self._all_columns():
            if column.column == name and isinstance(column, ServiceColumn) and column.expression:
                return column.expression
        return None

    def twin(self) -> dict[str, Any]:
        """Arguments of ``LocalCatalog`` for the local twin."""
        own = self.model_dump(include=set(Declaration.model_fields), exclude_unset=True)
        plain: dict[str, Any] = _without(own, "expression")
        path = "" if self.filepath is None else str(self.filepath)
        return {**plain, "filepath": path, "optional": self.optional}

    def query_digest(self, service: str, rule: str) -> str:
        """Digest of all that an answer of the service to one star depends on, and of its source.

        Parameters
        ----------
        service : str
            Kind of the service.
        rule : str
            Whether single matches or all entries are asked for.
        """
        asked = self.model_dump_json(exclude=_NOT_OF_THE_QUERY)
        return hashlib.sha256("\n".join([service, rule, *self.urls, asked]).encode()).hexdigest()


def _without(value: Any, key: str) -> Any:
    """Copy nested mappings without one of their keys."""
    if not isinstance(value, dict):
        return value
    return {name: _without(part, key) for name, part in value.items() if name != key}
