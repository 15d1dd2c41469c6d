"""Parameters of the catalogues about the sample survey."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GaiaParameters(_Parameters):
    """Table of Gaia's stars."""

    missing_share: Share = Field(0.005, description="Share of stars with a Gaia id that it lacks.")
    no_solution_share: Share = Field(
        0.01, description="Share with a position only: no RUWE, parallax and proper motion (assumed)."
    )
    new_id_share: Share = Field(
        0.03, description="Share whose id in DR3 is not that of DR2 (assumed; ids are not kept)."
    )
    ruwe_scatter: float = Field(
        0.06, gt=0, description="Standard deviation of ln(RUWE) of single stars."
    )
    high_ruwe_share: Share = Field(
        0.06, description="Share with a tail of RUWE: 5 of 81 dippers above 1.4 (Tzanidakis+ 2025)."
    )
    high_ruwe_scale: float = Field(1.5, gt=0, description="Mean of that tail beyond a RUWE of 1.2.")


class VariablesParameters(_Parameters):
    """A catalogue of variables with periods; shares are assumptions that span what users report."""

    completeness: Share = Field(0.75, description="Share of the variables it could list that it lists.")
    half_share: Share = Field(0.08, description="Share of its periods that are half the true one.")
    double_share: Share = Field(0.05, description="Share that are double the true one.")
    wrong_share: Share = Field(0.03, description="Share that have nothing to do with the true one.")
    no_period_share: Share = Field(0.02, description="Share of entries without a period.")
    period_error: float = Field(
        2e-4, gt=0, description="Median relative error of the other periods; they spread by 1 in ln."
    )
    position_error_arcsec: float = Field(0.2, gt=0, description="Scatter of its positions, arcsec.")
    n_unrelated: int = Field(300, ge=0, description="Entries that belong to no star of the survey.")


class GaiaEclipsingParameters(VariablesParameters):
    """Gaia's eclipsing binaries."""

    completeness: Share = 0.65
    position_error_arcsec: float = Field(0.02, gt=0)


class AsassnVariablesParameters(VariablesParameters):
    """The variables of ASAS-SN, whose pixels are 8 arcsec wide."""

    completeness: Share = 0.85
    position_error_arcsec: float = Field(0.8, gt=0)


class SimulatedCatalogParameters(_Parameters):
    """What the catalogues about the sample survey are like; their seed is the survey's."""

    gaia: GaiaParameters = GaiaParameters()
    gaia_eb: GaiaEclipsingParameters = GaiaEclipsingParameters()
    asassn: AsassnVariablesParameters = AsassnVariablesParameters()
    ztf: VariablesParameters = VariablesParameters()
    ogle: VariablesParameters = VariablesParameters()
    long_eclipse_days: float = Field(
        200.0,
        gt=0,
        description="Eclipses further apart than this, days, are seldom recognised as periodic.",
    )
    long_eclipse_completeness: Share = Field(0.05, description="Factor on the completeness of these.")
    spurious_share: Share = Field(
        0.08,
        description="Share of the stars that dim without a period that one catalogue lists with one: "
        "an alias or a chance of the sampling.",
    )
