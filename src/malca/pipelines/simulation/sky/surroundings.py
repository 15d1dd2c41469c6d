"""The stars beside the survey's, and those beside and themselves in 2MASS, AllWISE and VSX.

Neighbours are drawn uniformly within 30 arcsec, more of them at low Galactic latitude.
"""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord

from malca.astrophysics.astrometry import propagate_proper_motion
from malca.pipelines.simulation.sky.layout import laid_out
from malca.pipelines.simulation.sky.photometry import designations

_RADIUS_ARCSEC, _CLOSEST_ARCSEC = 30.0, 2.0
_FIRST_ID, _LAST_ID = 10**17, 6_900_000_000_000_000_000


def with_neighbours(gaia: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the neighbours of Gaia's stars.

    Parameters
    ----------
    gaia : DataFrame, (n,)
        Gaia's table of the survey's stars.
    seed : int

    Returns
    -------
    gaia : DataFrame
        The same with the neighbours after them.
    neighbours : DataFrame
        The neighbours alone.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5, 3)))
    latitude = SkyCoord(gaia["ra"].to_numpy() * u.deg, gaia["dec"].to_numpy() * u.deg).galactic.b.deg
    mean = 0.6 + 6.0 * np.exp(-np.abs(latitude) / 12.0)
    star = np.repeat(np.arange(len(gaia)), rng.poisson(mean))
    n = len(star)
    sep = np.sqrt(rng.uniform(_CLOSEST_ARCSEC**2, _RADIUS_ARCSEC**2, n)) / 3600
    angle = 2 * np.pi * rng.random(n)
    dec = np.clip(gaia["dec"].to_numpy()[star] + sep * np.sin(angle), -90, 90)
    ra = gaia["ra"].to_numpy()[star] + sep * np.cos(angle) / np.cos(np.radians(dec))
    g = gaia["phot_g_mean_mag"].to_numpy()[star] - 1.5 + rng.gamma(3.0, 1.7, n)
    colour = rng.normal(1.1, 0.35, n)
    ids = rng.integers(_FIRST_ID, _LAST_ID, 2 * n)
    neighbours = pd.DataFrame(
        {
            "source_id": ids[:n],
            "dr2_source_id": ids[n:],
            "ra": ra % 360,
            "dec": dec,
            "parallax": rng.exponential(0.7, n),
            "pmra": rng.normal(0, 5, n),
            "pmdec": rng.normal(0, 5, n),
            "ruwe": np.exp(rng.normal(0, 0.1, n)),
            "phot_g_mean_mag": g,
            "bp_rp": colour,
            "phot_bp_mean_mag": g + 0.35 * colour,
            "phot_rp_mean_mag": g - 0.65 * colour,
            "non_single_star": 0,
            "phot_variable_flag": "NOT_AVAILABLE",
            "has_epoch_photometry": False,
        }
    ).reindex(columns=list(gaia))
    whole = pd.concat([gaia.astype(neighbours.dtypes.to_dict()), neighbours], ignore_index=True)
    whole.attrs = dict(gaia.attrs)
    return whole, neighbours


def simulate_surroundings(
    gaia: pd.DataFrame, neighbours: pd.DataFrame, sky: pd.DataFrame, vsx: pd.DataFrame, seed: int
) -> dict[str, pd.DataFrame]:
    """Make 2MASS, AllWISE and VSX as VizieR has them, about the stars and their neighbours.

    Parameters
    ----------
    gaia, sky : DataFrame, (n,)
        Of the survey's stars.
    neighbours : DataFrame
        As ``with_neighbours`` draws them.
    vsx : DataFrame
        As ``malca.pipelines.simulation.vsx.simulate_vsx`` draws it.
    seed : int

    Returns
    -------
    dict of str to DataFrame
        ``tmass_vizier, allwise_vizier, vsx_vizier``.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5, 4)))
    both = pd.concat([gaia, neighbours], ignore_index=True)
    red = 1.3 * both["bp_rp"].to_numpy() + 0.1
    j, ks, w1 = (
        np.concatenate([sky[f"{band}_mag"].to_numpy(), (both["phot_g_mean_mag"] - k * red)[len(gaia):]])
        for band, k in (("j", 1.0), ("ks", 1.5), ("w1", 1.55))
    )  # fmt: skip
    tmass, allwise = _moved(both, 1999.5), _moved(both, 2010.5)
    n = len(both)
    return {
        "tmass_vizier": laid_out(
            tmass.assign(**{"2MASS": _names(tmass), "Jmag": j, "Kmag": ks})[
                (ks < 15.3) & (rng.random(n) > 0.02)
            ].drop_duplicates("2MASS"),
            ("RAJ2000", "DEJ2000"),
            {"Jmag": "mag", "Kmag": "mag"},
        ),
        "allwise_vizier": laid_out(
            allwise.assign(AllWISE=_names(allwise, "J"), W1mag=w1)[
                (w1 < 16.5) & (rng.random(n) > 0.05)
            ].drop_duplicates("AllWISE"),
            ("RAJ2000", "DEJ2000"),
            {"W1mag": "mag"},
        ),
        "vsx_vizier": _vsx(vsx),
    }


def _moved(table: pd.DataFrame, epoch_yr: float) -> pd.DataFrame:
    ra, dec, _ = propagate_proper_motion(
        table["ra"].to_numpy(float), table["dec"].to_numpy(float), table["pmra"].to_numpy(float),
        table["pmdec"].to_numpy(float), 2016.0, epoch_yr,
    )  # fmt: skip
    return pd.DataFrame(
        {
            "RAJ2000": np.where(np.isfinite(ra), ra, table["ra"]),
            "DEJ2000": np.where(np.isfinite(dec), dec, table["dec"]),
        }
    )


def _names(place: pd.DataFrame, prefix: str = "") -> np.ndarray:
    renamed = place.rename(columns={"RAJ2000": "ra", "DEJ2000": "dec"})
    return np.array([f"{prefix}{name}" for name in designations(renamed)], object)


def _vsx(vsx: pd.DataFrame) -> pd.DataFrame:
    """Lay out as VizieR's B/vsx/vsx."""
    period = pd.to_numeric(vsx["period"], errors="coerce")
    table = pd.DataFrame(
        {
            "Name": vsx["name"].astype("str"),
            "V": pd.to_numeric(vsx["var_flag"]).astype("int64"),
            "RAJ2000": pd.to_numeric(vsx["ra"]),
            "DEJ2000": pd.to_numeric(vsx["dec"]),
            "Type": vsx["class"].astype("str"),
            "max": pd.to_numeric(vsx["mag_max"], errors="coerce"),
            "Period": period.where(period > 0),
        }
    )
    return laid_out(table, ("RAJ2000", "DEJ2000"), {"max": "mag", "Period": "d"})
