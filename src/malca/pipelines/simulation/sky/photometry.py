"""Gaia, 2MASS, AllWISE, distances, StarHorse, IPHAS and unWISE as they would list the survey's stars.

Columns are those of the services (``conf/base/catalog_characterization_catalogs.yml``). Errors grow
with magnitude about as the catalogues' own do; faint stars have limits, and some entries are missing.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from malca.astrophysics.astrometry import propagate_proper_motion
from malca.astrophysics.extinction import EXTINCTION_PER_AV
from malca.pipelines.simulation.sky.layout import laid_out
from malca.pipelines.simulation.sky.stars import BANDS

#: Error at the bright end, and magnitude at which it is 0.1 mag.
_ERRORS = {
    "j": (0.023, 15.8), "h": (0.026, 15.1), "ks": (0.022, 14.3),
    "w1": (0.023, 16.4), "w2": (0.021, 15.2), "w3": (0.018, 11.0), "w4": (0.030, 7.7),
}  # fmt: skip
#: Values of ``phot_variable_flag``.
_VARIABLE = ("NOT_AVAILABLE", "VARIABLE")
_UNWISE_MJD = np.array([55250.0, 55430.0, 56700.0, *(56700.0 + 182.6 * np.arange(1, 14))])


def error_mag(mag: np.ndarray, band: str) -> np.ndarray:
    """Error of a magnitude: constant for bright stars, then as photons and sky have it."""
    floor, limit = _ERRORS[band]
    return np.asarray(np.hypot(floor, 0.1 * 10 ** (0.4 * (mag - limit))))


def gaia_columns(
    stars: pd.DataFrame, sky: pd.DataFrame, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Columns of ``gaiadr3.gaia_source`` besides the position, ids and astrometric fit; (n,) each."""
    n = len(stars)
    g = stars["gaia_mag"].to_numpy()
    has_gsp = rng.random(n) < 0.85
    ag = EXTINCTION_PER_AV["g"] * sky["av_mag"].to_numpy()
    has_rv = (g < 14.5) & (rng.random(n) < 0.8)
    # beyond 2 kpc these fall short (Fouesneau+ 2023, A&A 674, A28)
    gsp_pc = _short(sky["distance_pc"].to_numpy()) * rng.normal(1, 0.04, n)
    binary = stars["population"].isin(["detached_binary", "repeating_eclipse"]).to_numpy()

    def where(there: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.asarray(np.where(there, values, np.nan))

    return {
        "parallax_error": 0.018
        * 10 ** (0.15 * np.clip(g - 13.0, 0, None))
        * np.exp(rng.normal(0, 0.1, n)),
        "pmra_error": 0.018 * np.exp(rng.normal(0, 0.1, n)),
        "pmdec_error": 0.018 * np.exp(rng.normal(0, 0.1, n)),
        "radial_velocity": where(has_rv, rng.normal(0, 35, n)),
        "radial_velocity_error": where(has_rv, 0.5 + rng.exponential(1.5, n)),
        "phot_bp_mean_mag": stars["gaia_b_mag"].to_numpy(),
        "phot_rp_mean_mag": stars["gaia_r_mag"].to_numpy(),
        "teff_gspphot": where(has_gsp, sky["teff_k"] * rng.normal(1, 0.02, n)),
        "logg_gspphot": where(has_gsp, sky["logg_dex"] + rng.normal(0, 0.1, n)),
        "mh_gspphot": where(has_gsp, sky["mh_dex"] - 0.2 + rng.normal(0, 0.2, n)),
        "distance_gspphot": where(has_gsp, gsp_pc),
        "distance_gspphot_lower": where(has_gsp, 0.97 * gsp_pc),
        "distance_gspphot_upper": where(has_gsp, 1.03 * gsp_pc),
        "ag_gspphot": where(has_gsp, np.clip(ag + rng.normal(0, 0.05, n), 0, None)),
        "non_single_star": np.where(binary & (rng.random(n) < 0.2), 4, 0),
        "phot_variable_flag": stars["gaia_var"].to_numpy(object),
        "has_epoch_photometry": stars["gaia_var"].eq(_VARIABLE[1]).to_numpy(),
    }


def _short(distance_pc: np.ndarray) -> np.ndarray:
    return np.where(distance_pc > 2000, 2000 + 0.6 * (distance_pc - 2000), distance_pc)


def simulate_photometry(
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
        By the name of the file: ``tmass, allwise, bailer_jones, starhorse, iphas, unwise_epochs,
        cantat_gaudin_members, hunt_reffert_members``.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5, 1)))
    own = gaia[["source_id", "ra", "dec"]].reset_index(drop=True)
    tables = {
        "tmass": _tmass(rng, own, sky),
        "allwise": _allwise(rng, own, sky),
        "bailer_jones": _distances(rng, own, sky),
        "starhorse": _starhorse(rng, own, sky),
        "iphas": _iphas(rng, gaia, stars, sky),
        "unwise_epochs": _unwise(rng, own, stars, sky),
        **_clusters(rng, gaia, sky),
    }
    return {name: _with_units(table) for name, table in tables.items()}


def _with_units(table: pd.DataFrame) -> pd.DataFrame:
    positions = (("ra", "dec"), ("RAJ2000", "DEJ2000"), ("RA_ICRS", "DE_ICRS"))
    position = next(names for names in positions if names[0] in table)
    units = {}
    for name in table:
        if re.fullmatch(r"(j|h|ks)_(m|msigcom)|w[1-4]mpro(_error)?|r|i|ha|(r|i|ha)Err|av\d+", name):
            units[name] = "mag"
        elif re.fullmatch(r"r_(med|lo|hi)_.*|DistPc|dist50", name) and "dist16" not in table:
            units[name] = "pc"
        elif re.fullmatch(r"dist\d+", name):
            units[name] = "kpc"
        elif re.fullmatch(r"([se]_)?pm(RA\*?|DE)", name):
            units[name] = "mas / yr"
        elif name.lower() == "plx":
            units[name] = "mas"
        elif name.startswith("teff"):
            units[name] = "K"
        elif name.startswith("mass"):
            units[name] = "Msun"
        elif name == "RV":
            units[name] = "km / s"
        elif name == "mjdmean":
            units[name] = "d"
    return laid_out(table, position, units)


def _measured(
    rng: np.random.Generator,
    sky: pd.DataFrame,
    bands: tuple[str, ...],
    names: dict[str, tuple[str, str]],
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Magnitudes with errors by the catalogue's names, and a letter of quality for each band."""
    columns: dict[str, np.ndarray] = {}
    letters = np.full(len(sky), "", dtype=object)
    for band in bands:
        true = sky[f"{band}_mag"].to_numpy()
        error = error_mag(true, band)
        detected = error < 0.5
        mag, sigma = names[band]
        columns[mag] = true + np.where(detected, rng.normal(0, np.minimum(error, 0.5)), 0.0)
        columns[sigma] = np.where(detected, error, np.nan)
        letters = letters + np.select([error < 0.1, error < 0.2, detected], ["A", "B", "C"], "U")
    return columns, letters


def _tmass(rng: np.random.Generator, own: pd.DataFrame, sky: pd.DataFrame) -> pd.DataFrame:
    names = {"j": ("j_m", "j_msigcom"), "h": ("h_m", "h_msigcom"), "ks": ("ks_m", "ks_msigcom")}
    columns, letters = _measured(rng, sky, BANDS[:3], names)
    table = own.assign(designation=designations(own), **columns, ph_qual=letters)
    return table[rng.random(len(own)) >= 0.01].reset_index(drop=True)


def _allwise(rng: np.random.Generator, own: pd.DataFrame, sky: pd.DataFrame) -> pd.DataFrame:
    names = {band: (f"{band}mpro", f"{band}mpro_error") for band in BANDS[3:]}
    columns, letters = _measured(rng, sky, BANDS[3:], names)
    n = len(own)
    table = own.assign(
        designation=designations(own),
        **columns,
        cc_flags=np.where(rng.random(n) < 0.06, "hh00", "0000"),
        ext_flag=np.where(rng.random(n) < 0.02, 1, 0),
        var_flag=np.where(sky["dust"].ne(""), "77nn", "11nn"),
        ph_qual=letters,
    )
    return table[rng.random(n) >= 0.02].reset_index(drop=True)


def designations(table: pd.DataFrame) -> np.ndarray:
    """Names of the form HHMMSSss+DDMMSSs, as 2MASS makes them of its positions."""
    # to 0.01 s of time and 0.1 arcsec, as whole numbers
    ra = np.floor(table["ra"].to_numpy() / 15 * 360000).astype(int) % (24 * 360000)
    dec = table["dec"].to_numpy()
    size = np.floor(np.abs(dec) * 36000).astype(int)
    signs = np.where(dec < 0, "-", "+")
    return np.array(
        [
            f"{r // 360000:02d}{r // 6000 % 60:02d}{r % 6000:04d}"
            f"{sign}{d // 36000:02d}{d // 600 % 60:02d}{d % 600:03d}"
            for r, sign, d in zip(ra, signs, size, strict=True)
        ],
        object,
    )


def _distances(rng: np.random.Generator, own: pd.DataFrame, sky: pd.DataFrame) -> pd.DataFrame:
    true, n = sky["distance_pc"].to_numpy(), len(own)
    share = np.clip(0.02 * true / 1000.0, 0.003, 0.3)
    geo = true * np.exp(share * rng.normal(0, 1, n))
    photogeo = true * np.exp(0.7 * share * rng.normal(0, 1, n))
    columns: dict[str, np.ndarray] = {}
    for name, value, width in (("geo", geo, share), ("photogeo", photogeo, 0.7 * share)):
        columns |= {
            f"r_med_{name}": value,
            f"r_lo_{name}": value * np.exp(-width),
            f"r_hi_{name}": value * np.exp(width),
        }
    without = rng.random(n) < 0.08
    for name in ("r_med_photogeo", "r_lo_photogeo", "r_hi_photogeo"):
        columns[name] = np.where(without, np.nan, columns[name])
    return own.assign(**columns)


def _starhorse(rng: np.random.Generator, own: pd.DataFrame, sky: pd.DataFrame) -> pd.DataFrame:
    n = len(own)
    table = own.copy()
    quantities = {  # name: value, width, factor
        "dist": (sky["distance_pc"].to_numpy() / 1000.0, 0.04, True),
        "mass": (sky["mass_msun"].to_numpy(), 0.08, True),
        "teff": (sky["teff_k"].to_numpy(), 0.02, True),
        "av": (sky["av_mag"].to_numpy(), 0.1, False),
        "logg": (sky["logg_dex"].to_numpy(), 0.06, False),
        "met": (sky["mh_dex"].to_numpy(), 0.15, False),
    }
    for name, (true, width, is_factor) in quantities.items():
        scatter = width * rng.normal(0, 1, n)
        for quantile, step in (("16", -1), ("50", 0), ("84", 1)):
            shift = scatter + step * width
            table[f"{name}{quantile}"] = (true * np.exp(shift) if is_factor else true + shift).astype(
                np.float32
            )
    table["fidelity"] = np.where(rng.random(n) < 0.03, 0.2, 1.0).astype(np.float32)
    table["sh_outflag"] = np.where(rng.random(n) < 0.1, "0001", "0000")
    return table[rng.random(n) >= 0.1].reset_index(drop=True)


def in_iphas(ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
    """Whether positions lie in the northern plane that IPHAS covers."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    place = SkyCoord(ra_deg * u.deg, dec_deg * u.deg).galactic
    return np.asarray((place.l.deg >= 30) & (place.l.deg <= 215) & (np.abs(place.b.deg) <= 5))


def _iphas(
    rng: np.random.Generator, gaia: pd.DataFrame, stars: pd.DataFrame, sky: pd.DataFrame
) -> pd.DataFrame:
    """IPHAS about every star in its plane, with the stars of the field that make the locus."""
    inside = np.flatnonzero(in_iphas(gaia["ra"].to_numpy(), gaia["dec"].to_numpy()))
    population = stars["population"].to_numpy()
    ra, dec, _ = propagate_proper_motion(
        gaia["ra"].to_numpy(), gaia["dec"].to_numpy(), gaia["pmra"].to_numpy(float),
        gaia["pmdec"].to_numpy(float), 2016.0, 2007.5,
    )  # fmt: skip
    ra, dec = np.where(np.isfinite(ra), ra, gaia["ra"]), np.where(np.isfinite(dec), dec, gaia["dec"])
    parts = []
    for i in inside:
        n = 1 + rng.poisson(150)
        r_i = np.concatenate(
            [[0.25 + 0.35 * sky["bp_rp0_mag"].iloc[i] / 0.95], rng.gamma(6.0, 0.11, n - 1)]
        )
        r_i = r_i + (EXTINCTION_PER_AV["r"] - EXTINCTION_PER_AV["i"]) * sky["av_mag"].iloc[
            i
        ] * np.where(np.arange(n) == 0, 1.0, rng.uniform(0.3, 1.5, n))
        locus = 0.06 + 0.34 * r_i - 0.035 * r_i**2
        excess = np.zeros(n)
        if population[i] in ("cataclysmic", "dipper_repeated") or sky["dust"].iloc[i] == "disc":
            excess[0] = rng.uniform(0.2, 0.9)
        r = np.concatenate([[stars["gaia_r_mag"].iloc[i] + 0.2], rng.uniform(13.2, 19.0, n - 1)])
        angle, radius = 2 * np.pi * rng.random(n), 300.0 / 3600 * np.sqrt(rng.random(n))
        radius[0] = 0.0
        error = np.hypot(0.01, 0.1 * 10 ** (0.3 * (r - 20.0)))
        parts.append(
            pd.DataFrame(
                {
                    "RAJ2000": (ra[i] + radius * np.cos(angle) / np.cos(np.radians(dec[i]))) % 360,
                    "DEJ2000": np.clip(dec[i] + radius * np.sin(angle), -90, 90),
                    "r": r + rng.normal(0, error),
                    "rErr": error,
                    "i": r - r_i + rng.normal(0, error),
                    "iErr": error,
                    "ha": r - locus - excess + rng.normal(0, error),
                    "haErr": error,
                    "mergedClass": np.where(rng.random(n) < 0.95, -1, 1),
                }
            )
        )
    columns = ["RAJ2000", "DEJ2000", "r", "rErr", "i", "iErr", "ha", "haErr", "mergedClass"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns, dtype=float)


def _unwise(
    rng: np.random.Generator, own: pd.DataFrame, stars: pd.DataFrame, sky: pd.DataFrame
) -> pd.DataFrame:
    """Make the detections of unTimely: two a year and band; stars with dust about them vary."""
    varies = sky["dust"].isin(["disc", "shell"]).to_numpy()
    chosen = np.flatnonzero(varies | (rng.random(len(own)) < 0.9))
    n_epochs = len(_UNWISE_MJD)
    star = np.repeat(chosen, n_epochs)
    mjd = np.tile(_UNWISE_MJD, len(chosen)) + rng.normal(0, 3, len(star))
    common = np.where(varies[star], 0.25, 0.0) * rng.normal(0, 1, len(star))
    parts = []
    for band in (1, 2):
        mag = sky[f"w{band}_mag"].to_numpy()[star] + common * (1.0 if band == 1 else 1.2)
        flux = 10 ** (0.4 * (22.5 - mag))
        error = np.hypot(0.012 * flux, 8.0 if band == 1 else 20.0)
        parts.append(
            pd.DataFrame(
                {
                    "ra": own["ra"].to_numpy()[star] + rng.normal(0, 0.05 / 3600, len(star)),
                    "dec": np.clip(
                        own["dec"].to_numpy()[star] + rng.normal(0, 0.05 / 3600, len(star)), -90, 90
                    ),
                    "mjdmean": mjd,
                    "band": np.full(len(star), band),
                    "flux": flux + rng.normal(0, error),
                    "dflux": error,
                    "fracflux": rng.beta(30, 1.5, len(star)),
                    "qf": np.where(rng.random(len(star)) < 0.97, 1.0, 0.5),
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    table["ra"] %= 360
    return table


def _clusters(
    rng: np.random.Generator, gaia: pd.DataFrame, sky: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """List a few stars as members of clusters that are named for what they are: simulated."""
    member = rng.random(len(gaia)) < 0.01
    chosen = gaia[member].reset_index(drop=True)
    n = len(chosen)
    names = np.array([f"SIM_{k:03d}" for k in range(n)], object)
    common = {"RA_ICRS": chosen["ra"], "DE_ICRS": chosen["dec"]}
    age = rng.uniform(6.6, 9.3, n)
    return {
        "cantat_gaudin_members": pd.DataFrame(
            {
                "GaiaDR2": chosen["dr2_source_id"].to_numpy(np.int64),
                **common,
                "Cluster": names.astype("str"),
                "Proba": rng.uniform(0.5, 1.0, n),
            }
        ),
        "hunt_reffert_members": pd.DataFrame(
            {
                "GaiaDR3": chosen["source_id"].to_numpy(np.int64),
                **common,
                "Name": names.astype("str"),
                "Prob": rng.uniform(0.5, 1.0, n),
            }
        ),
        "cantat_gaudin_clusters": pd.DataFrame(
            {
                "Cluster": names.astype("str"),
                **common,
                "pmRA*": chosen["pmra"].to_numpy(float),
                "e_pmRA*": np.full(n, 0.3),
                "pmDE": chosen["pmdec"].to_numpy(float),
                "e_pmDE": np.full(n, 0.3),
                "plx": chosen["parallax"].to_numpy(float),
                "AgeNN": age,
                "DistPc": sky["distance_pc"].to_numpy()[member],
            }
        ),
        "hunt_reffert_clusters": pd.DataFrame(
            {
                "Name": names.astype("str"),
                "Type": pd.Series(["o"] * n, dtype="str"),
                **common,
                "pmRA": chosen["pmra"].to_numpy(float),
                "s_pmRA": np.full(n, 0.3),
                "e_pmRA": np.full(n, 0.02),
                "pmDE": chosen["pmdec"].to_numpy(float),
                "s_pmDE": np.full(n, 0.3),
                "e_pmDE": np.full(n, 0.02),
                "RV": chosen["radial_velocity"].to_numpy(float),
                "Plx": chosen["parallax"].to_numpy(float),
                "dist50": sky["distance_pc"].to_numpy()[member],
                "logAge16": age - 0.2,
                "logAge50": age,
                "logAge84": age + 0.2,
            }
        ),
    }
