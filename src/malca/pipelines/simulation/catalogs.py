"""Catalogues about the stars of the sample survey, made from its truth: incomplete, and at times wrong.

Gaia lists nearly every star; four catalogues list variables with periods. Each has columns, ids,
epoch and part of the sky as the real one, and faults as those have: entries missing, periods that
are half or double the true one, or wrong, and now and then a period of a star that has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.astrophysics.astrometry import propagate_proper_motion
from malca.pipelines.simulation.catalog_parameters import (
    SimulatedCatalogParameters,
    VariablesParameters,
)
from malca.pipelines.simulation.sky.layout import laid_out
from malca.pipelines.simulation.sky.photometry import gaia_columns

_SURVEY_EPOCH_YR = 2016.0
_FIRST_ID = 10**17
_LAST_ID = 6_900_000_000_000_000_000


def everywhere(ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
    """Whether positions lie on the sky: all do."""
    return np.ones(len(ra_deg), bool)


def in_ztf(ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
    """Whether positions lie north of what the periodic variables of ZTF cover (Chen+ 2020)."""
    return dec_deg > -13.0


def in_ogle(ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
    """Whether positions lie in the inner parts of the Magellanic Clouds or of the Galactic plane."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    place = SkyCoord(ra_deg * u.deg, dec_deg * u.deg).galactic
    longitude, latitude = place.l.deg, np.abs(place.b.deg)
    bulge = ((longitude >= 352) | (longitude <= 8)) & (latitude <= 5)
    disc = (latitude <= 2.5) & (
        ((longitude >= 190) & (longitude <= 345)) | ((longitude >= 20) & (longitude <= 60))
    )
    lmc = (ra_deg >= 68) & (ra_deg <= 95) & (dec_deg >= -74) & (dec_deg <= -64)
    smc = (ra_deg <= 30) & (dec_deg >= -76) & (dec_deg <= -70)
    return np.asarray(bulge | disc | lmc | smc)


class _Kind(NamedTuple):
    """One catalogue of variables: its random stream, epoch, classes and part of the sky."""

    stream: int
    epoch_yr: float
    classes: dict[str, str]
    spurious: str
    covers: Callable[[np.ndarray, np.ndarray], np.ndarray] = everywhere


_ECLIPSING = {"contact_binary": "EW", "detached_binary": "EA", "repeating_eclipse": "EA", "blend": "EW"}
_PULSATING = {"spotted": "ROT", "semiregular": "SR", "long_period": "M"}
_KINDS = {
    "gaia_eb": _Kind(0, 2016.0, dict.fromkeys(_ECLIPSING, "ECL"), "ECL"),
    "asassn": _Kind(1, 2000.0, _ECLIPSING | _PULSATING, "VAR"),
    "ztf": _Kind(
        2, 2015.5, _ECLIPSING | {"spotted": "BYDra", "semiregular": "SR", "long_period": "Mira"},
        "SR", in_ztf,
    ),
    "ogle": _Kind(
        3, 2000.0, {**dict.fromkeys(_ECLIPSING, "ecl"), "spotted": "rot"}
        | dict.fromkeys(("semiregular", "long_period"), "lpv"), "ecl", in_ogle,
    ),
}  # fmt: skip
#: Populations that dim but have no period.
_APERIODIC = ("single_eclipse", "dipper_single", "dipper_repeated", "dipper_asymmetric", "dipper_years",
              "dipper_in_progress", "r_crb")  # fmt: skip


def simulate_gaia(
    stars: pd.DataFrame, sky: pd.DataFrame, seed: int, parameters: SimulatedCatalogParameters
) -> pd.DataFrame:
    """Make Gaia's table, with the ids of DR3 and, as its list of neighbours gives them, of DR2.

    Parameters
    ----------
    stars : DataFrame, (n,)
        The survey's stars as `malca.pipelines.simulation.populations.draw_stars` draws them.
    sky : DataFrame, (n,)
        What they are, as `malca.pipelines.simulation.sky.stars.draw_sky` draws it.
    seed : int
    parameters : SimulatedCatalogParameters

    Returns
    -------
    DataFrame
        Index of ``stars``, without those that Gaia lacks. Columns named as in
        ``gaiadr3.gaia_source``, units deg, mas, mas/yr, km/s, K, pc and mag at 2016.0, and
        ``dr2_source_id``. Without a solution ``ruwe, parallax, pmra, pmdec`` are missing.
    """
    gaia = parameters.gaia
    rng = _stream(seed, 0)
    listed = (rng.random(len(stars)) >= gaia.missing_share) & stars["gaia_id"].notna().to_numpy()
    n = len(stars)
    pm = stars[["pm_ra", "pm_dec"]].to_numpy(float)
    ruwe = np.where(
        rng.random(n) < gaia.high_ruwe_share,
        1.2 + rng.exponential(gaia.high_ruwe_scale, n),
        np.exp(rng.normal(0.0, gaia.ruwe_scatter, n)),
    )
    solved = rng.random(n) >= gaia.no_solution_share
    table = pd.DataFrame(
        {
            "source_id": _dr3_ids(stars, seed, parameters),
            "dr2_source_id": stars["gaia_id"].fillna(0).to_numpy(np.int64),
            "ra": stars["ra_deg"].to_numpy(),
            "dec": stars["dec_deg"].to_numpy(),
            "parallax": 1000 / sky["distance_pc"].to_numpy() + rng.normal(0, 0.02, n),
            "pmra": pm[:, 0] + rng.normal(0, 0.02, n),
            "pmdec": pm[:, 1] + rng.normal(0, 0.02, n),
            "ruwe": ruwe,
            "phot_g_mean_mag": stars["gaia_mag"].to_numpy(),
            "bp_rp": (stars["gaia_b_mag"] - stars["gaia_r_mag"]).to_numpy(),
            **gaia_columns(stars, sky, _stream(seed, 7)),
        },
        index=stars.index,
    )
    fitted = ["parallax", "parallax_error", "pmra", "pmra_error", "pmdec", "pmdec_error", "ruwe"]
    table.loc[~solved, fitted] = np.nan
    return laid_out(
        table[listed],
        ("ra", "dec"),
        {
            **dict.fromkeys(["parallax", "parallax_error"], "mas"),
            **dict.fromkeys(["pmra", "pmra_error", "pmdec", "pmdec_error"], "mas / yr"),
            **dict.fromkeys(["radial_velocity", "radial_velocity_error"], "km / s"),
            **dict.fromkeys(
                ["phot_g_mean_mag", "phot_bp_mean_mag", "phot_rp_mean_mag", "bp_rp", "ag_gspphot"],
                "mag",
            ),
            "teff_gspphot": "K",
            **dict.fromkeys(
                ["distance_gspphot", "distance_gspphot_lower", "distance_gspphot_upper"], "pc"
            ),
        },
    )


def _dr3_ids(stars: pd.DataFrame, seed: int, parameters: SimulatedCatalogParameters) -> np.ndarray:
    """Ids of DR3, shape (n_stars,): for most stars those of DR2, which the survey's index has."""
    rng = _stream(seed, 8)
    changed = rng.random(len(stars)) < parameters.gaia.new_id_share
    new_id = rng.integers(_FIRST_ID, _LAST_ID, len(stars))
    return np.where(changed, new_id, stars["gaia_id"].fillna(0).to_numpy(np.int64))


def simulate_variables(
    stars: pd.DataFrame,
    period_days: pd.Series,
    seed: int,
    parameters: SimulatedCatalogParameters,
) -> dict[str, pd.DataFrame]:
    """Make the catalogues of variables.

    Parameters
    ----------
    stars : DataFrame
        The survey's stars as ``draw_stars`` draws them.
    period_days : Series, (n_stars,)
        True periods, missing where there is none.
    seed : int
    parameters : SimulatedCatalogParameters

    Returns
    -------
    dict of str to DataFrame
        ``gaia_eb, asassn, ztf, ogle``, with columns named as in the catalogues.
    """
    truth = stars.assign(
        period_days=period_days.to_numpy(),
        gaia_id=pd.array(_dr3_ids(stars, seed, parameters), "Int64"),
    )
    truth["gaia_id"] = truth["gaia_id"].where(stars["gaia_id"].notna(), pd.NA)
    spurious = _spurious(truth, seed, parameters)
    tables = {}
    for name, kind in _KINDS.items():
        rng = _stream(seed, 1 + kind.stream)
        draft = _draft(rng, truth, spurious == name, kind, getattr(parameters, name), parameters)
        table = _LAYOUTS[name](draft)
        position = ("ra", "dec") if "ra" in table else ("RAJ2000", "DEJ2000")
        tables[name] = laid_out(table, position, {k: u for k, u in _UNITS.items() if k in table})
    return tables


def _spurious(truth: pd.DataFrame, seed: int, parameters: SimulatedCatalogParameters) -> np.ndarray:
    """Catalogue that lists a star without period with one; "" for most, shape (n_stars,)."""
    rng = _stream(seed, 9)
    n = len(truth)
    where = rng.choice(["gaia_eb", "asassn", "ztf"], n)
    chance = rng.random(n) < parameters.spurious_share
    chance &= truth["population"].isin(_APERIODIC).to_numpy()
    north = in_ztf(truth["ra_deg"].to_numpy(), truth["dec_deg"].to_numpy())
    where = np.where((where == "ztf") & ~north, "asassn", where)
    return np.where(chance, where, "")


def _draft(
    rng: np.random.Generator,
    truth: pd.DataFrame,
    spurious: np.ndarray,
    kind: _Kind,
    own: VariablesParameters,
    parameters: SimulatedCatalogParameters,
) -> pd.DataFrame:
    """Entries before they get the catalogue's columns: position, class, period, quality, star."""
    n = len(truth)
    period = truth["period_days"].to_numpy(float)
    population = truth["population"]
    inside = kind.covers(truth["ra_deg"].to_numpy(), truth["dec_deg"].to_numpy())
    known = np.isfinite(period) & population.isin(list(kind.classes)).to_numpy() & inside
    far_apart = (population == "repeating_eclipse").to_numpy() & (period > parameters.long_eclipse_days)
    completeness = own.completeness * np.where(far_apart, parameters.long_eclipse_completeness, 1.0)
    listed = known & (rng.random(n) < completeness)
    error = own.period_error * np.exp(rng.standard_normal(n)) * rng.choice([-1, 1], n)
    fault = rng.random(n)
    limits = np.cumsum([own.half_share, own.double_share, own.wrong_share])
    any_period = np.exp(rng.uniform(np.log(0.3), np.log(300.0), n))
    wrong = spurious | ((fault >= limits[1]) & (fault < limits[2]))
    factor = np.where(fault < limits[0], 0.5, np.where(fault < limits[1], 2.0, 1.0))
    period = np.where(wrong, any_period, period * factor * (1 + error))
    period = np.where((rng.random(n) < own.no_period_share) & ~spurious, np.nan, period)
    # from 0 to 1: most true periods are well determined, wrong ones are not
    quality = np.where(wrong, rng.uniform(0.3, 0.8, n), 1 - 0.35 * rng.beta(1.0, 3.0, n))
    chosen = np.flatnonzero(listed | spurious)
    stars = truth.iloc[chosen]
    ra, dec, _ = propagate_proper_motion(
        stars["ra_deg"].to_numpy(), stars["dec_deg"].to_numpy(), stars["pm_ra"].to_numpy(),
        stars["pm_dec"].to_numpy(), _SURVEY_EPOCH_YR, kind.epoch_yr,
    )  # fmt: skip
    east, north = own.position_error_arcsec / 3600 * rng.standard_normal((2, len(chosen)))
    classes = population.iloc[chosen].map(kind.classes).fillna(kind.spurious).to_numpy(object)
    draft = pd.DataFrame(
        {
            "ra": (ra + east / np.cos(np.radians(dec))) % 360.0,
            "dec": np.clip(dec + north, -90, 90),
            "class": classes,
            "period": period[chosen],
            "quality": quality[chosen],
            "mag": stars["g_mag"].to_numpy(),
            "asas_sn_id": stars["asas_sn_id"].astype("Int64").array,
            "gaia_id": stars["gaia_id"].array,
        }
    )
    return pd.concat([draft, _unrelated(rng, kind, own.n_unrelated)], ignore_index=True)


def _unrelated(rng: np.random.Generator, kind: _Kind, n: int) -> pd.DataFrame:
    ra = 360 * rng.random(100 * n)
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, 100 * n)))
    inside = np.flatnonzero(kind.covers(ra, dec))[:n]
    n = len(inside)
    return pd.DataFrame(
        {
            "ra": ra[inside],
            "dec": dec[inside],
            "class": rng.choice(sorted(set(kind.classes.values())), n).astype(object),
            "period": np.exp(rng.uniform(np.log(0.1), np.log(500.0), n)),
            "quality": rng.uniform(0.4, 1.0, n),
            "mag": rng.uniform(11, 17, n),
            "asas_sn_id": pd.array(900_000_000_000 + np.arange(n), dtype="Int64"),
            "gaia_id": pd.array(rng.integers(_FIRST_ID, _LAST_ID, n), dtype="Int64"),
        }
    )


def _gaia_eb(draft: pd.DataFrame) -> pd.DataFrame:
    """Lay out as ``gaiadr3.vari_eclipsing_binary``, with positions; frequencies in 1/d."""
    draft = draft[draft["gaia_id"].notna() & draft["period"].notna()]
    return pd.DataFrame(
        {
            "source_id": draft["gaia_id"].astype("int64"),
            "ra": draft["ra"],
            "dec": draft["dec"],
            "frequency": 1 / draft["period"],
            # the ranking runs from 0.4 to 0.84
            "global_ranking": 0.4 + 0.44 * np.clip((draft["quality"] - 0.3) / 0.7, 0, 1),
            "best_class_name": draft["class"].astype("str"),
        }
    ).reset_index(drop=True)


def _asassn(draft: pd.DataFrame) -> pd.DataFrame:
    """Lay out as VizieR II/366/catv2021, with the survey's own ids."""
    return pd.DataFrame(
        {
            "asas_sn_id": draft["asas_sn_id"].astype("int64"),
            "RAJ2000": draft["ra"],
            "DEJ2000": draft["dec"],
            "Vmag": draft["mag"] - 0.3,
            "Per": draft["period"],
            "Type": draft["class"].astype("str"),
            "Prob": draft["quality"],
        }
    )


def _ztf(draft: pd.DataFrame) -> pd.DataFrame:
    """Lay out as VizieR J/ApJS/249/18/table2 (Chen+ 2020), which has no ids of others."""
    return pd.DataFrame(
        {
            "RAJ2000": draft["ra"],
            "DEJ2000": draft["dec"],
            "Per": draft["period"],
            "Type": draft["class"].astype("str"),
            "gmag": draft["mag"],
        }
    )


def _ogle(draft: pd.DataFrame) -> pd.DataFrame:
    """Lay out as a table of the OGLE collection of variables, all types together."""
    return pd.DataFrame(
        {
            "ID": [f"OGLE-SIM-{k:05d}" for k in range(len(draft))],
            "RAJ2000": draft["ra"],
            "DEJ2000": draft["dec"],
            "P": draft["period"],
            "Type": draft["class"].astype("str"),
            "Imag": draft["mag"] - 0.8,
        }
    )


_UNITS = {"frequency": "1 / d", "Per": "d", "P": "d", "Vmag": "mag", "gmag": "mag", "Imag": "mag"}
_LAYOUTS = {"gaia_eb": _gaia_eb, "asassn": _asassn, "ztf": _ztf, "ogle": _ogle}


def _stream(seed: int, number: int) -> np.random.Generator:
    """Make a random stream of its own, apart from those of the survey and of its VSX."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(4, number)))
