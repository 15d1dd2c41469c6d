"""Stars with ids of 19 digits and high proper motions, and what services have of them."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord
from astropy.io import ascii as tables
from astropy.time import Time

N_STARS = 5000
GAIA_UNITS = {
    "ra": "deg", "dec": "deg", "pmra": "mas/yr", "pmdec": "mas/yr", "parallax": "mas",
    "phot_g_mean_mag": "mag", "bp_rp": "mag",
}  # fmt: skip


def gaia_stars(seed: int = 20240607) -> pd.DataFrame:
    """Columns of ``gaiadr3.gaia_source``: an eighth of the stars in pairs 4 arcsec apart."""
    rng = np.random.default_rng(seed)
    ra = rng.uniform(0.0, 360.0, N_STARS)
    dec = np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, N_STARS)))
    pairs = np.arange(0, N_STARS, 8)
    ra[pairs + 1], dec[pairs + 1] = ra[pairs], dec[pairs] + np.where(dec[pairs] > 0, -4.0, 4.0) / 3600
    table = pd.DataFrame(
        {
            # of neighbours on the list they differ in the last digit only
            "source_id": 6121854222422204500 + np.arange(N_STARS, dtype=np.int64),
            "ra": ra,
            "dec": dec,
            "pmra": rng.normal(0.0, 1500.0, N_STARS),
            "pmdec": rng.normal(0.0, 1500.0, N_STARS),
            "parallax": rng.exponential(50.0, N_STARS),
            "ruwe": rng.uniform(0.8, 3.0, N_STARS).astype(np.float32),
            "phot_g_mean_mag": rng.uniform(8.0, 18.0, N_STARS),
            "bp_rp": rng.uniform(0.0, 4.0, N_STARS),
            "non_single_star": pd.array(rng.integers(0, 4, N_STARS), dtype="Int64"),
            "phot_variable_flag": rng.choice(["NOT_AVAILABLE", "VARIABLE"], N_STARS),
            "has_epoch_photometry": pd.array(rng.random(N_STARS) < 0.5, dtype="boolean"),
        }
    )
    unknown = rng.random(N_STARS) < 0.2
    table.loc[unknown, ["bp_rp", "parallax"]] = np.nan
    table.loc[unknown, ["non_single_star", "has_epoch_photometry"]] = pd.NA
    return table


def moved(table: pd.DataFrame, from_yr: float, to_yr: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions [deg] at another epoch, by astropy."""
    stars = SkyCoord(
        table["ra"].to_numpy() * u.deg,
        table["dec"].to_numpy() * u.deg,
        pm_ra_cosdec=table["pmra"].to_numpy() * u.mas / u.yr,
        pm_dec=table["pmdec"].to_numpy() * u.mas / u.yr,
        distance=100 * u.pc,
        obstime=Time(from_yr, format="jyear"),
    ).apply_space_motion(Time(to_yr, format="jyear"))
    return stars.ra.deg, stars.dec.deg


def targets_of(table: pd.DataFrame, *, with_ids: bool) -> pd.DataFrame:
    """The stars as a survey knows them, the last tenth moved to where nothing is."""
    n = len(table)
    targets = pd.DataFrame(
        {
            "asas_sn_id": np.arange(n, dtype=np.int64) + 1,
            "ra_deg": table["ra"].to_numpy(),
            "dec_deg": table["dec"].to_numpy(),
            "pm_ra_masyr": table["pmra"].to_numpy(),
            "pm_dec_masyr": table["pmdec"].to_numpy(),
            "gaia_id": table["source_id"].astype("Int64").to_numpy() if with_ids else pd.NA,
            "gaia_release": "DR3" if with_ids else "",
        }
    )
    targets["gaia_id"] = targets["gaia_id"].astype("Int64")
    nowhere = targets.index[-n // 10 :]
    targets.loc[nowhere, "dec_deg"] += np.where(targets.loc[nowhere, "dec_deg"] > 0, -0.4, 0.4)
    targets.loc[nowhere, "gaia_id"] += 10**15
    return targets


def tzanidakis_dippers(path: Path) -> pd.DataFrame:
    """Dippers of Tzanidakis+ 2025 under the names of ``gaiaedr3_contrib.starhorse`` and positions."""
    table = tables.read(path, format="cds").to_pandas()
    return pd.DataFrame(
        {
            "source_id": table["source_id"].astype("int64"),
            "ra": table["RAdeg"].astype("float64"),
            "dec": table["DEdeg"].astype("float64"),
            "dist50": table["dist50"].astype("float64"),
            "mg0": table["GMAG0"].astype("float64"),
            "bprp0": table["BP-RP0"].astype("float64"),
        }
    )
