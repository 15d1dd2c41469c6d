"""Parameters of the search: one typed model, from points to accepted events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from malca.search.baseline import (
    GpParameters,
    MaskedGpParameters,
    MedianParameters,
    TrendParameters,
)
from malca.search.event_trigger import EventTriggerParameters
from malca.search.point_triggers import PointTriggerParameters
from malca.search.star_baseline import StarGpParameters
from malca.search.tags import TagParameters

BaselineParameters = Annotated[
    StarGpParameters | GpParameters | MaskedGpParameters | TrendParameters | MedianParameters,
    Field(discriminator="family"),
]
TriggerMode = Literal["event", "posterior_prob", "logbf"]


class SearchParameters(BaseModel):
    """How light curves are searched for events."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use_bad_quality: bool = Field(
        True,
        description="Use points the survey flags as bad. On real curves they scatter only 1.1 to 1.2 "
        "times as much as good ones and hold eclipses nobody else saw.",
    )
    max_mag_err: float = Field(1.0, gt=0, description="Points with a larger error (mag) are left out.")
    min_points: int = Field(10, ge=2, description="Usable points a star needs to be searched.")
    baseline: BaselineParameters = Field(
        default_factory=StarGpParameters, description="What a star shows without events."
    )
    trigger_mode: TriggerMode = Field(
        "event", description="Judge whole events, or points by their posterior or ln Bayes factor."
    )
    event: EventTriggerParameters = Field(
        default_factory=EventTriggerParameters, description="Of the trigger that judges events."
    )
    points: PointTriggerParameters = Field(
        default_factory=PointTriggerParameters, description="Of the triggers that judge points."
    )
    min_mag_offset: float = Field(
        0.08, ge=0, description="Least depth or height of an accepted event, mag."
    )
    min_delta_bic: float = Field(
        10.0, ge=0, description="What a shape must gain over a constant to name an event, in BIC."
    )


class DetectionParameters(BaseModel):
    """What ``parameters_detection.yml`` may say under ``detection``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: TagParameters = Field(default_factory=TagParameters, description="Before the search.")
    search: SearchParameters = Field(default_factory=SearchParameters, description="The search.")


def search_parameters(changes: dict[str, Any]) -> SearchParameters:
    """Parameters with some changed by short or dotted names.

    ``baseline="gp"`` selects a family with its defaults; ``p_points`` and the like, which only one
    part of the model has, need no prefix; anything may be given by its dotted name
    (``event.threshold_sigma``).

    Raises
    ------
    ValueError
        A name does not exist or a value is not allowed; one sentence with what is allowed.
    """
    nested: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "baseline" and isinstance(value, str):
            nested.setdefault("baseline", {})["family"] = value
            continue
        target, parts = nested, (_home(name) if "." not in name else name).split(".")
        for part in parts[:-1]:
            target = target.setdefault(part, {})
        target[parts[-1]] = value
    if isinstance(nested.get("baseline"), dict):
        nested["baseline"].setdefault("family", "star_gp")
    try:
        return SearchParameters(**nested)
    except ValidationError as error:
        raise ValueError(explain(error)) from None


def explain(error: ValidationError) -> str:
    """One sentence a wrong parameter: its name, what came and what is allowed."""
    sentences = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            sentences.append(f"there is no parameter '{name}'{_siblings(item['loc'])}")
        else:
            message = item["msg"][0].lower() + item["msg"][1:]
            sentences.append(f"parameter '{name}' = {item['input']!r}: {message}")
    return "; ".join(sentences)


def _siblings(location: tuple[Any, ...]) -> str:
    model: Any = SearchParameters
    for part in location[:-1]:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        if field is None:
            return ""
        model = field.annotation
    names = getattr(model, "model_fields", None)
    return f" (there are {', '.join(names)})" if names else ""


def _home(name: str) -> str:
    """Dotted name of a parameter that only one part of the model has."""
    if name in SearchParameters.model_fields:
        return name
    homes = [
        f"{part}.{name}"
        for part, model in (("event", EventTriggerParameters), ("points", PointTriggerParameters))
        if name in model.model_fields
    ]
    return homes[0] if len(homes) == 1 else name
