"""What kinds of stars there are: which population each star belongs to, and what it looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from malca.magnitude_bins import bin_edges
from malca.pipelines.simulation import dimmings, variables
from malca.pipelines.simulation.signals import Signal, Visits

if TYPE_CHECKING:
    from malca.pipelines.simulation.parameters import SimulationParameters


class Population(NamedTuple):
    """What does not differ between the stars of a population.

    ``signal`` makes its signal; ``bp_rp`` is the range of the Gaia colour (intrinsic, mag) or None
    for that of field stars; ``vsx_class`` what the catalogue of variables would call it.
    """

    signal: Callable[[np.random.Generator, Visits], Signal]
    bp_rp: tuple[float, float] | None = None
    vsx_class: str = "VAR"


POPULATIONS = {
    "quiet": Population(variables.quiet),
    "spotted": Population(variables.spotted, (1.0, 1.9), "ROT"),
    "semiregular": Population(variables.semiregular, (2.0, 3.4), "SR"),
    "long_period": Population(variables.long_period, (2.8, 4.5), "M"),
    "contact_binary": Population(variables.contact_binary, (0.6, 1.4), "EW"),
    "detached_binary": Population(variables.detached_binary, (0.2, 1.3), "EA"),
    "single_eclipse": Population(dimmings.single_eclipse, None, "EA"),
    "repeating_eclipse": Population(dimmings.repeating_eclipse, None, "EA/GS"),
    "dipper_single": Population(dimmings.dipper_single, None, "DIP"),
    "dipper_repeated": Population(dimmings.dipper_repeated, None, "UXOR"),
    "dipper_asymmetric": Population(dimmings.dipper_asymmetric, None, "DIP"),
    "dipper_years": Population(dimmings.dipper_years, None, "EA/DS"),
    "dipper_in_progress": Population(dimmings.dipper_in_progress, None, "DIP"),
    "r_crb": Population(dimmings.r_crb, (0.6, 1.4), "RCB"),
    "flare": Population(variables.flare, (2.0, 3.0), "UV"),
    "microlensing": Population(variables.microlensing, None, "MICROLENS"),
    "cataclysmic": Population(variables.cataclysmic, (0.0, 0.8), "UGSS"),
    "trend": Population(variables.trend, None, "L"),
    "blend": Population(variables.blend),
    "camera_artefact": Population(variables.camera_artefact),
}
POPULATION_NAMES = tuple(POPULATIONS)

# Main sequence of Pecaut & Mamajek (2013, ApJS 208, 9), table as updated in 2022.
_BP_RP = np.array([-0.04, 0.0, 0.38, 0.59, 0.82, 0.98, 1.44, 1.84, 2.22, 2.97, 3.9, 4.7])
_TEFF_K = np.array([10700, 9700, 7220, 6550, 5770, 5270, 4410, 3850, 3550, 3200, 2810, 2650.0])
# Galactic disc: extinction in G over reddening of BP−RP.
_A_G_OVER_E_BP_RP = 2.0


def quotas(weights: dict[str, float], n: int) -> list[str]:
    """Names as often as their weights ask, by largest remainders.

    Every name with a weight occurs at least once if ``n`` allows it: a survey of 50 stars
    still holds one of each kind.
    """
    names = [name for name, weight in weights.items() if weight > 0]
    share = np.array([weights[name] for name in names])
    wanted = share / share.sum() * n
    counts = np.floor(wanted).astype(int)
    if n >= len(names):
        counts = np.maximum(counts, 1)
    while counts.sum() > n:
        counts[np.argmax(counts - wanted)] -= 1
    for i in np.argsort(counts - wanted, kind="stable")[: n - counts.sum()]:
        counts[i] += 1
    return [name for name, count in zip(names, counts, strict=True) for _ in range(count)]


def draw_stars(parameters: SimulationParameters) -> pd.DataFrame:
    """Draw the stars of a survey, in the order in which they are written.

    Returns
    -------
    DataFrame, (n_stars,)
        Index columns of the survey, and ``star`` (number of its random stream), ``mag_bin``,
        ``index_num``, ``population``, ``g_mag`` and ``v_mag``.
    """
    n = parameters.n_stars
    rng = np.random.default_rng(np.random.SeedSequence(parameters.seed, spawn_key=(0,)))
    population = np.array(quotas(parameters.populations, n))[rng.permutation(n)]
    bins = list(parameters.mag_bins)
    weights = np.array(list(parameters.mag_bins.values()))
    i_bin = rng.choice(len(bins), n, p=weights / weights.sum())
    edges = np.array([bin_edges(name) for name in bins])[i_bin]
    # Counts of disc stars rise as 10^(0.3 m) at these magnitudes.
    low, high = 10 ** (0.3 * edges.T)
    g_mag = np.log10(low + (high - low) * rng.random(n)) / 0.3
    g_mag = np.clip(g_mag, edges[:, 0], np.nextafter(edges[:, 1], 0))

    reddening = np.minimum(rng.exponential(0.18, n), 1.5)
    colour = np.clip(rng.normal(0.95, 0.28, n), 0.2, 2.6)
    for name, kind in POPULATIONS.items():
        if kind.bp_rp is not None:
            mask = population == name
            colour[mask] = rng.uniform(*kind.bp_rp, mask.sum())
    bp_rp = colour + reddening
    extinction = _A_G_OVER_E_BP_RP * reddening
    # Linear forms of the Gaia EDR3 colour relations (Riello et al. 2021, A&A 649, A3) near bp_rp = 1.
    gaia_mag = g_mag - 0.13 - 0.28 * bp_rp - 0.09 * bp_rp**2
    r_minus_gaia = 0.05 - 0.04 * bp_rp + 0.08 * bp_rp**2
    distance_kpc = np.clip(rng.gamma(2.0, 0.7, n), 0.15, 6.0)
    pm = rng.normal(0, 35.0 / 4.74 / distance_kpc, (2, n))
    gaia_id = rng.integers(10**17, 6_900_000_000_000_000_000, n, dtype=np.int64)
    has_gaia = rng.random(n) >= parameters.no_gaia_share
    stars = pd.DataFrame(
        {
            "star": np.arange(n),
            "asas_sn_id": 100_000_000_000 + 1_000_003 * np.arange(n, dtype=np.int64),
            "mag_bin": np.array(bins)[i_bin],
            "population": population,
            "ra_deg": 360 * rng.random(n),
            "dec_deg": np.degrees(np.arcsin(rng.uniform(-1, 1, n))),
            "pm_ra": np.where(has_gaia, pm[0], np.nan),
            "pm_dec": np.where(has_gaia, pm[1], np.nan),
            "gaia_id": pd.array(gaia_id, dtype="Int64"),
            "gaia_mag": gaia_mag,
            "gaia_b_mag": gaia_mag + 0.03 + 0.27 * bp_rp + 0.08 * bp_rp**2,
            "gaia_r_mag": gaia_mag + 0.03 - 0.73 * bp_rp + 0.08 * bp_rp**2,
            "gaia_eff_temp": np.interp(colour, _BP_RP, _TEFF_K) * rng.normal(1, 0.02, n),
            "gaia_g_extinc": extinction,
            "gaia_var": np.where(
                rng.random(n) < np.where(population == "quiet", 0.01, 0.4), "VARIABLE", "NOT_AVAILABLE"
            ),
            "pstarrs_g_mag": g_mag + rng.normal(0, 0.01, n),
            "pstarrs_r_mag": gaia_mag + r_minus_gaia + rng.normal(0, 0.01, n),
            "pstarrs_i_mag": gaia_mag + r_minus_gaia + 0.005 - 0.25 * bp_rp + rng.normal(0, 0.01, n),
            "g_mag": g_mag,
            "v_mag": g_mag - np.clip(0.05 + 0.4 * bp_rp, 0.0, 1.3),
        }
    )  # fmt: skip
    stars.loc[~has_gaia, "gaia_id"] = pd.NA
    stars["mag_bin"] = pd.Categorical(stars["mag_bin"], bins).as_ordered()
    stars = stars.sort_values(["mag_bin", "star"], ignore_index=True)
    stars["mag_bin"] = stars["mag_bin"].astype("str")
    rank = stars.groupby("mag_bin").cumcount().to_numpy()
    stars["index_num"] = rank // parameters.stars_per_index + 1
    if stars["gaia_id"].dropna().duplicated().any():
        raise RuntimeError("two stars drew the same Gaia id; choose another seed")
    return stars
