"""Parameters of the pipeline ``characterization``."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics.banyan import BanyanParameters
from malca.astrophysics.cmd_slope import CmdSlopeParameters
from malca.astrophysics.dip_colours import DipColourParameters
from malca.astrophysics.distances import DistanceParameters
from malca.astrophysics.extinction import ExtinctionParameters
from malca.astrophysics.halpha import HalphaParameters
from malca.astrophysics.midinfrared import UntimelyParameters
from malca.astrophysics.open_clusters import OpenClusterParameters
from malca.astrophysics.population import PopulationParameters
from malca.astrophysics.star_forming_regions import StarFormingRegionParameters
from malca.astrophysics.young_stars import YoungStarParameters

CatalogName = Literal[
    "gaia_source", "tmass", "allwise", "bailer_jones", "starhorse", "iphas", "iphas_field",
    "cantat_gaudin_members", "hunt_reffert_members", "unwise_epochs", "dust_map",
]  # fmt: skip
CATALOG_NAMES: tuple[str, ...] = get_args(CatalogName)


class CharacterizationParameters(BaseModel):
    """What candidates are characterized with, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    switched_off: tuple[CatalogName, ...] = Field(
        (), description="Catalogues that are not asked; what they would tell is unknown."
    )
    distances: DistanceParameters = DistanceParameters()
    extinction: ExtinctionParameters = ExtinctionParameters()
    population: PopulationParameters = PopulationParameters()
    banyan: BanyanParameters = BanyanParameters()
    young_stars: YoungStarParameters = YoungStarParameters()
    halpha: HalphaParameters = HalphaParameters()
    star_forming_regions: StarFormingRegionParameters = StarFormingRegionParameters()
    open_clusters: OpenClusterParameters = OpenClusterParameters()
    midinfrared: UntimelyParameters = UntimelyParameters()
    dip_colours: DipColourParameters = DipColourParameters()
    cmd_slope: CmdSlopeParameters = CmdSlopeParameters()

    def asks(self, name: str) -> bool:
        """Whether a catalogue is asked."""
        return name not in self.switched_off
