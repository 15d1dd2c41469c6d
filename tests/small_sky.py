"""A project without a survey whose catalogues' local twins know the stars of a small simulated sky."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml

from malca.datasets.simulated_catalogs import SimulatedCatalogs
from malca.pipelines.simulation.catalog_parameters import SimulatedCatalogParameters
from malca.pipelines.simulation.nodes import write_catalogs
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.pipelines.simulation.populations import draw_stars

PROJECT = Path(__file__).resolve().parents[1]


class SmallSky(NamedTuple):
    """Where it is, and the stars as a person would have them in a table.

    ``stars`` has ``asas_sn_id, ra_deg, dec_deg, gaia_dr3_id``, without what the survey knows of them.
    """

    folder: Path
    stars: pd.DataFrame


def make_small_sky(folder: Path, n_stars: int = 40) -> SmallSky:
    """Write configuration and local twins; no service is ever asked."""
    (folder / "src").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[tool.kedro]\npackage_name = "malca"\nproject_name = "malca"\nkedro_init_version = "1.7.0"\n'
    )
    shutil.copytree(PROJECT / "conf" / "base", folder / "conf" / "base")
    shutil.copy(PROJECT / "conf" / "logging.yml", folder / "conf")
    (folder / "conf" / "local").mkdir()
    catalogs = {
        "source": "local", "offline": True, "cache_folder": "cache", "cache_days": 1,
    }  # fmt: skip
    (folder / "conf" / "local" / "globals.yml").write_text(
        yaml.safe_dump({"vsx_path": None, "catalogs": catalogs})
    )
    # a map that lies where the package keeps it is not of this sky
    no_dust = {"type": "malca.datasets.dust.DustMap3D", "folder": str(folder), "optional": True}
    (folder / "conf" / "local" / "catalog.yml").write_text(yaml.safe_dump({"dust_map": no_dust}))
    parameters = SimulationParameters(n_stars=n_stars)
    drawn = draw_stars(parameters)
    truth = drawn.assign(period_days=np.nan, amplitude_mag=np.nan)
    sky = write_catalogs(truth, parameters, SimulatedCatalogParameters())
    SimulatedCatalogs(path=str(folder / "data/01_raw/catalogs"), names=list(sky)).save(sky)
    of_dr2 = dict(zip(sky["gaia"]["dr2_source_id"], sky["gaia"]["source_id"], strict=True))
    stars = drawn[["asas_sn_id", "ra_deg", "dec_deg"]].copy()
    stars["gaia_dr3_id"] = pd.array([of_dr2.get(one) for one in drawn["gaia_id"]], "Int64")
    return SmallSky(folder, stars.reset_index(drop=True))
