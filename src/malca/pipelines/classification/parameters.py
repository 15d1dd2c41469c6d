"""Parameters of the classification."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics.classify import ClassificationModel
from malca.astrophysics.dip_geometry import OcculterParameters


class ClassificationParameters(BaseModel):
    """How candidates are classified and what is assumed of what dims them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: ClassificationModel = Field(
        default=ClassificationModel(), description="Priors and likelihoods, and when to decide."
    )
    occulter: OcculterParameters = Field(
        default=OcculterParameters(), description="Orbits, limb darkening, discs and dust."
    )
    min_epochs: int = Field(
        default=10,
        ge=3,
        description="Epochs within a dip from which on its asymmetry and slope are looked at; about as "
        "many as a skewed profile with an offset needs twice.",
    )
