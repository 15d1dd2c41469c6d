"""What is published about the survey's stars: SIMBAD, Gaia's variables, transients, X-rays, spectra.

Columns are those of the services (``conf/base/catalog_vetting_catalogs.yml``). Each lists a part of
what it could, and now and then something that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from malca.pipelines.simulation.sky.layout import laid_out

_GAIA_CLASS = {
    "contact_binary": "ECL", "detached_binary": "ECL", "repeating_eclipse": "ECL", "blend": "ECL",
    "spotted": "SOLAR_LIKE", "flare": "SOLAR_LIKE", "semiregular": "LPV", "long_period": "LPV",
    "cataclysmic": "CV", "dipper_repeated": "YSO", "r_crb": "RCB", "microlensing": "MICROLENSING",
}  # fmt: skip
#: Share of a population that SIMBAD lists, and the type it gives.
_SIMBAD = {
    "quiet": (0.04, "*"), "spotted": (0.15, "RS*"), "contact_binary": (0.4, "EB*"),
    "detached_binary": (0.4, "EB*"), "semiregular": (0.4, "LP*"), "long_period": (0.7, "Mi*"),
    "r_crb": (0.4, "RC*"), "cataclysmic": (0.5, "CV*"), "flare": (0.2, "Er*"),
    "dipper_repeated": (0.25, "TT*"), "dipper_single": (0.05, "*"), "repeating_eclipse": (0.2, "EB*"),
}  # fmt: skip
_SPECTRAL = ("A5V", "F5V", "G2V", "K0III", "K5V", "M2III", "M4Ve")
#: Share of a population with X-rays that eROSITA would see.
_XRAYS = {
    "cataclysmic": 0.6,
    "flare": 0.6,
    "spotted": 0.35,
    "dipper_repeated": 0.3,
    "contact_binary": 0.1,
}
_ALERCE = {
    "cataclysmic": "CV/Nova", "semiregular": "LPV", "long_period": "LPV", "contact_binary": "E",
    "detached_binary": "E", "dipper_repeated": "YSO", "spotted": "Periodic-Other",
}  # fmt: skip
_JD_GAIA = 2455197.5


def simulate_known(
    gaia: pd.DataFrame, stars: pd.DataFrame, sky: pd.DataFrame, seed: int
) -> dict[str, pd.DataFrame]:
    """Make the tables.

    Parameters
    ----------
    gaia : DataFrame, (n,)
        Gaia's table, one row of it a star of ``stars``.
    stars, sky : DataFrame, (n,)
        What was drawn of the same stars.
    seed : int

    Returns
    -------
    dict of str to DataFrame
        By the name of the file: ``simbad, gaia_variability, gaia_epoch_photometry, tns, alerce,
        erosita, apogee, galah, lamost, rave, sdss, desi``.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5, 2)))
    own = pd.DataFrame(
        {
            "source_id": gaia["source_id"].to_numpy(np.int64),
            "ra": gaia["ra"].to_numpy(),
            "dec": gaia["dec"].to_numpy(),
            "g_mag": gaia["phot_g_mean_mag"].to_numpy(),
            "bp_rp": gaia["bp_rp"].to_numpy(),
            "rv": gaia["radial_velocity"].to_numpy(),
            "teff": sky["teff_k"].to_numpy(),
            "varies": gaia["has_epoch_photometry"].to_numpy(bool),
            "population": stars["population"].to_numpy(object),
        }
    )
    return {
        "simbad": _simbad(rng, own),
        "gaia_variability": _gaia_variability(rng, own),
        "gaia_epoch_photometry": _gaia_epochs(rng, own),
        "tns": _tns(rng, own),
        "alerce": _alerce(rng, own),
        "erosita": _erosita(rng, own),
        **_spectra(rng, own),
    }


def _chosen(rng: np.random.Generator, own: pd.DataFrame, shares: Mapping[str, float]) -> pd.DataFrame:
    share = own["population"].map(shares).fillna(0.0).to_numpy(float)
    return own[rng.random(len(own)) < share].reset_index(drop=True)


def _scattered(
    rng: np.random.Generator, table: pd.DataFrame, error_arcsec: float
) -> tuple[np.ndarray, np.ndarray]:
    east, north = error_arcsec / 3600 * rng.standard_normal((2, len(table)))
    dec = np.clip(table["dec"] + north, -90, 90)
    return ((table["ra"] + east / np.cos(np.radians(dec))) % 360).to_numpy(), dec.to_numpy()


def _simbad(rng: np.random.Generator, own: pd.DataFrame) -> pd.DataFrame:
    table = _chosen(rng, own, {name: share for name, (share, _) in _SIMBAD.items()})
    n = len(table)
    ra, dec = _scattered(rng, table, 0.2)
    return laid_out(
        pd.DataFrame(
            {
                "main_id": [f"MALCASIM {k}" for k in range(n)],
                "ra": ra,
                "dec": dec,
                "otype": table["population"].map({k: kind for k, (_, kind) in _SIMBAD.items()}),
                "sp_type": np.where(rng.random(n) < 0.5, rng.choice(_SPECTRAL, n), ""),
                "nbref": rng.geometric(0.2, n) - 1,
            }
        ),
        ("ra", "dec"),
        {},
    )


def _gaia_variability(rng: np.random.Generator, own: pd.DataFrame) -> pd.DataFrame:
    table = own[own["varies"]].reset_index(drop=True)
    n = len(table)
    classes = table["population"].map(_GAIA_CLASS)
    classes = classes.where(rng.random(n) < 0.8, None)
    return laid_out(
        pd.DataFrame(
            {
                "source_id": table["source_id"],
                "ra": table["ra"],
                "dec": table["dec"],
                "best_class_name": classes.astype("str"),
                "best_class_score": np.where(classes.notna(), rng.beta(5, 2, n), np.nan),
                "num_selected_g_fov": rng.poisson(35, n),
                "trimmed_range_mag_g_fov": 0.02 + rng.exponential(0.1, n),
                "in_vari_eclipsing_binary": classes.eq("ECL").to_numpy(),
            }
        ),
        ("ra", "dec"),
        {"trimmed_range_mag_g_fov": "mag"},
    )


def _gaia_epochs(rng: np.random.Generator, own: pd.DataFrame) -> pd.DataFrame:
    table = own[own["varies"]].reset_index(drop=True)
    counts = 8 + rng.poisson(25, len(table))
    star = np.repeat(np.arange(len(table)), counts)
    n = len(star)
    # Gaia DR3 holds 34 months from 2014 July 25
    time = 2456863.9 - _JD_GAIA + 1038 * rng.random(n)
    order = np.lexsort([time, star])
    swing = 0.05 * rng.standard_normal(n)
    g = table["g_mag"].to_numpy()[star] + swing
    colour = table["bp_rp"].to_numpy()[star]
    return laid_out(
        pd.DataFrame(
            {
                "Source": table["source_id"].to_numpy()[star],
                "RA_ICRS": table["ra"].to_numpy()[star],
                "DE_ICRS": table["dec"].to_numpy()[star],
                "TimeG": time,
                "Gmag": g + rng.normal(0, 0.003, n),
                "BPmag": g + 0.35 * colour + rng.normal(0, 0.01, n),
                "RPmag": g - 0.65 * colour + rng.normal(0, 0.01, n),
                "noisyFlag": (rng.random(n) < 0.02).astype(int),
            }
        ).iloc[order],
        ("RA_ICRS", "DE_ICRS"),
        {"TimeG": "d", "Gmag": "mag", "BPmag": "mag", "RPmag": "mag"},
    )


def _tns(rng: np.random.Generator, own: pd.DataFrame) -> pd.DataFrame:
    table = _chosen(rng, own, {"cataclysmic": 0.3, "microlensing": 0.3, "r_crb": 0.05})
    ra, dec = _scattered(rng, table, 0.4)
    n, n_other = len(table), 300
    kind = table["population"].map({"cataclysmic": "CV"}).fillna("Other")
    return laid_out(
        pd.DataFrame(
            {
                "name": [f"20{k % 10 + 15}sim{k}" for k in range(n + n_other)],
                "ra": np.concatenate([ra, 360 * rng.random(n_other)]),
                "declination": np.concatenate(
                    [dec, np.degrees(np.arcsin(rng.uniform(-1, 1, n_other)))]
                ),
                "type": [*kind, *rng.choice(["SN Ia", "SN II", ""], n_other)],
                "redshift": np.concatenate([np.full(n, np.nan), rng.uniform(0.01, 0.1, n_other)]),
                "discoverydate": "2020-01-01 00:00:00",
            }
        ),
        ("ra", "declination"),
        {},
    )


def _alerce(rng: np.random.Generator, own: pd.DataFrame) -> pd.DataFrame:
    table = _chosen(rng, own, {**dict.fromkeys(_ALERCE, 0.6), "quiet": 0.02, "dipper_single": 0.3})
    table = table[table["dec"] > -28].reset_index(drop=True)
    n = len(table)
    ra, dec = _scattered(rng, table, 0.15)
    kind = table["population"].map(_ALERCE)
    return laid_out(
        pd.DataFrame(
            {
                "oid": [f"ZTF18sim{k:04d}" for k in range(n)],
                "meanra": ra,
                "meandec": dec,
                "ndet": 1 + rng.poisson(40, n),
                "class_name": kind.astype("str"),
                "class_probability": np.where(kind.notna(), rng.uniform(0.3, 0.95, n), np.nan),
            }
        ),
        ("meanra", "meandec"),
        {},
    )


def _erosita(rng: np.random.Generator, own: pd.DataFrame) -> pd.DataFrame:
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    table = _chosen(rng, own, _XRAYS)
    n, n_other = len(table), 500
    error = rng.uniform(1.5, 5.0, n + n_other)
    east, north = error[:n] / 3600 * rng.standard_normal((2, n))
    dec = np.clip(table["dec"].to_numpy() + north, -90, 90)
    ra = (table["ra"].to_numpy() + east / np.cos(np.radians(dec))) % 360
    ra = np.concatenate([ra, 360 * rng.random(n_other)])
    dec = np.concatenate([dec, np.degrees(np.arcsin(rng.uniform(-1, 1, n_other)))])
    longitude = SkyCoord(ra * u.deg, dec * u.deg).galactic.l.deg
    found = pd.DataFrame(
        {
            "IAUName": [f"1eRASS SIM{k:05d}" for k in range(n + n_other)],
            "RA_ICRS": ra,
            "DE_ICRS": dec,
            "posErr": error,
            "DetLike0": 5 + rng.exponential(20, n + n_other),
            "EXT": 0.0,
            "MLFlux1": 5e-14 * np.exp(rng.exponential(0.8, n + n_other)),
        }
    )
    seen = found[(longitude > 179.944) & (longitude < 359.944)].reset_index(drop=True)
    return laid_out(seen, ("RA_ICRS", "DE_ICRS"), {"posErr": "arcsec", "EXT": "arcsec"})


def _spectra(rng: np.random.Generator, own: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """List a few stars in each survey of spectra, where it looks."""
    velocity = np.where(np.isfinite(own["rv"]), own["rv"], 0.0) + rng.normal(0, 1, len(own))
    north, south = own["dec"] > -10, own["dec"] < 20
    kind = np.where(own["teff"] > 6000, "F5", np.where(own["teff"] > 4800, "G5", "K5"))

    def some(where: pd.Series, share: float) -> np.ndarray:
        return np.flatnonzero(where.to_numpy() & (rng.random(len(own)) < share))

    def rows(chosen: np.ndarray, ra: str, dec: str, **columns: object) -> pd.DataFrame:
        place = {ra: own["ra"].to_numpy()[chosen], dec: own["dec"].to_numpy()[chosen]}
        table = pd.DataFrame({**place, **columns})
        units = {name: "km / s" for name in ("HRV", "RVgalah") if name in table}
        return laid_out(table, (ra, dec), units)

    apogee, galah = some(own["dec"] > -90, 0.05), some(south, 0.08)
    lamost, rave, sdss, desi = (
        some(north, 0.15),
        some(south, 0.08),
        some(north, 0.02),
        some(north, 0.05),
    )
    return {
        "apogee": rows(
            apogee, "RAJ2000", "DEJ2000", APOGEE=[f"2M{k:08d}" for k in apogee],
            SNR=rng.uniform(30, 200, len(apogee)), HRV=velocity[apogee],
        ),
        "galah": rows(
            galah, "RA_ICRS", "DE_ICRS", GaiaEDR3=own["source_id"].to_numpy()[galah],
            GALAH=[f"14{k:011d}" for k in galah], RVgalah=velocity[galah],
        ),
        "lamost": rows(
            lamost, "RAJ2000", "DEJ2000", ObsID=[str(10**7 + k) for k in lamost], SubClass=kind[lamost],
            snrg=rng.uniform(10, 150, len(lamost)),
        ),
        "rave": rows(
            rave, "RAJ2000", "DEJ2000", ObsID=[f"2005{k:04d}" for k in rave], HRV=velocity[rave]
        ),
        "sdss": rows(
            sdss, "RA_ICRS", "DE_ICRS",
            SpObjID=[str(299489952322840576 + int(k)) for k in sdss], spCl=["STAR"] * len(sdss),
            zsp=velocity[sdss] / 299792.458,
        ),
        "desi": rows(
            desi, "RAICRS", "DEICRS", TargetID=[str(39627700000000000 + int(k)) for k in desi],
            OType=["STAR"] * len(desi), z=velocity[desi] / 299792.458,
        ),
    }  # fmt: skip
