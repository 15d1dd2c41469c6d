"""Which filters there are, and the choice of them that the configuration makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, field_validator

from malca.filters.base import Filter
from malca.filters.event_filters import Amplitude, Evidence, Morphology, OneCamera, RunRobustness
from malca.filters.match_filters import GaiaProperMotion, GaiaRuwe, PeriodicCatalog, Periodicity
from malca.filters.star_filters import (
    BriefRecurrent,
    SameEvent,
    Score,
    SignificantDetection,
    SymmetricVariability,
    UnexplainedVariation,
)

#: Every filter by its name, in the order in which they are asked by default: cheap ones first.
FILTERS: dict[str, type[Filter]] = {
    kind.name: kind
    for kind in (
        SignificantDetection, Evidence, RunRobustness, Amplitude, Morphology, OneCamera, SameEvent,
        Score, SymmetricVariability, BriefRecurrent, UnexplainedVariation, GaiaRuwe, GaiaProperMotion,
        PeriodicCatalog, Periodicity,
    )
}  # fmt: skip


class FilteringParameters(BaseModel):
    """What ``parameters_filtering.yml`` may say under ``filtering``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filters: dict[str, SerializeAsAny[Filter]] = Field(
        default_factory=lambda: {name: kind() for name, kind in FILTERS.items()},
        description="Filters by name, in the order in which they are asked; each with its parameters. "
        "One that is not named is not asked.",
    )

    @field_validator("filters", mode="before")
    @classmethod
    def _made(cls, chosen: Any) -> Any:
        if not isinstance(chosen, Mapping):
            raise ValueError("filters must be a mapping of names to parameters")
        unknown = [str(name) for name in chosen if name not in FILTERS]
        if unknown:
            raise ValueError(f"no filter {', '.join(unknown)}; there are {', '.join(FILTERS)}")
        made: dict[str, Filter] = {}
        for name, settings in chosen.items():
            if isinstance(settings, Filter) and not isinstance(settings, FILTERS[name]):
                raise ValueError(f"{name}: given another filter, {settings.name}")
            try:
                made[name] = (
                    settings
                    if isinstance(settings, Filter)
                    else FILTERS[name].model_validate(settings or {})
                )
            except ValidationError as error:
                raise ValueError(f"{name}: {_sentences(error, FILTERS[name])}") from None
        return made

    @property
    def asked(self) -> tuple[Filter, ...]:
        """Filters that are enabled, in order."""
        return tuple(one for one in self.filters.values() if one.enabled)

    def without(self, *tables: str) -> FilteringParameters:
        """Choose only the filters that need none of these tables."""
        kept = {name: one for name, one in self.filters.items() if not set(one.needs) & set(tables)}
        return FilteringParameters(filters=kept)


def _sentences(error: ValidationError, kind: type[Filter]) -> str:
    told = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            told.append(f"no parameter '{name}' (there are {', '.join(kind.model_fields)})")
        else:
            told.append(f"'{name}' = {item['input']!r}: {item['msg'][0].lower()}{item['msg'][1:]}")
    return "; ".join(told)
