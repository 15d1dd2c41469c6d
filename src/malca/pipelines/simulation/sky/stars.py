"""What each star is: how luminous, far, hot and massive, behind how much dust, with which disc.

The survey draws brightness, colour and motion; here the rest is drawn to go with them. Sequences
are near those of Pecaut & Mamajek (2013, ApJS 208, 9), table as updated in 2022, and of red giants
near the solar neighbourhood (Gaia Collaboration, Babusiaux+ 2018, A&A 616, A10).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.astrophysics.extinction import EXTINCTION_PER_AV

_KMS_PER_MASYR_KPC = 4.740470463
_VELOCITY_KMS = 35.0
_SCALE_KPC = 0.7

# dwarfs: intrinsic BP−RP, M_G, Teff (K), mass (Msun), and colours G−J, J−H, H−Ks
_DWARFS = np.array([
    [-0.04, 1.0, 9700, 2.30, 0.02, 0.00, 0.02],
    [0.38, 2.5, 7220, 1.61, 0.48, 0.13, 0.03],
    [0.59, 3.4, 6550, 1.33, 0.76, 0.21, 0.05],
    [0.82, 4.6, 5770, 1.01, 1.06, 0.32, 0.06],
    [0.98, 5.6, 5270, 0.88, 1.27, 0.42, 0.08],
    [1.44, 7.0, 4410, 0.69, 1.87, 0.58, 0.11],
    [1.84, 8.2, 3850, 0.57, 2.38, 0.65, 0.15],
    [2.22, 9.3, 3550, 0.44, 2.74, 0.62, 0.20],
    [2.97, 11.8, 3200, 0.18, 3.35, 0.57, 0.27],
    [4.70, 16.0, 2650, 0.08, 4.60, 0.70, 0.45],
])  # fmt: skip
# giants: the same without the mass
_GIANTS = np.array([
    [0.80, 1.2, 5500, 1.5, 1.10, 0.35, 0.07],
    [1.00, 0.8, 5050, 1.4, 1.35, 0.45, 0.09],
    [1.20, 0.5, 4750, 1.3, 1.65, 0.55, 0.11],
    [1.50, -0.5, 4250, 1.2, 2.05, 0.70, 0.15],
    [2.00, -1.5, 3850, 1.2, 2.65, 0.82, 0.20],
    [3.00, -2.2, 3400, 1.3, 3.70, 0.90, 0.30],
    [4.50, -2.6, 3000, 1.5, 5.00, 0.95, 0.45],
])  # fmt: skip


class _Kind(NamedTuple):
    """What is particular about the stars of a population.

    ``giants`` is the share of giants where the colour allows both, ``offset_mag`` and ``scatter_mag``
    how far from their sequence, ``disc`` the share with warm dust, ``dust`` its kind in ``_EXCESS``.
    """

    giants: float = 0.35
    offset_mag: float = 0.0
    scatter_mag: float = 0.35
    disc: float = 0.0
    dust: str = ""


_KINDS = {
    "spotted": _Kind(0.2),
    "semiregular": _Kind(1.0, dust="shell"),
    "long_period": _Kind(1.0, dust="shell", disc=0.9),
    "contact_binary": _Kind(0.0, -0.5),
    "detached_binary": _Kind(0.05, -0.3),
    "repeating_eclipse": _Kind(0.6),
    "single_eclipse": _Kind(0.5),
    "dipper_repeated": _Kind(0.0, -0.8, 0.5, disc=0.9, dust="disc"),
    "dipper_single": _Kind(0.3, disc=0.25, dust="disc"),
    "dipper_asymmetric": _Kind(0.2, disc=0.3, dust="disc"),
    "dipper_in_progress": _Kind(0.3, disc=0.25, dust="disc"),
    "dipper_years": _Kind(1.0, disc=0.7, dust="cool"),
    "r_crb": _Kind(1.0, -3.5, 0.5, disc=1.0, dust="shell"),
    "flare": _Kind(0.0),
    "cataclysmic": _Kind(0.0, 3.0, 1.0),
}
#: Excess over the photosphere, mag, in H, Ks, W1, W2, W3, W4: a young star's disc, a shell, cool dust.
_EXCESS = {
    "disc": np.array([0.15, 0.45, 0.85, 1.30, 3.3, 5.6]),
    "shell": np.array([0.05, 0.15, 0.40, 0.75, 1.8, 2.6]),
    "cool": np.array([0.0, 0.0, 0.03, 0.06, 0.9, 2.4]),
    "": np.zeros(6),
}
BANDS = ("j", "h", "ks", "w1", "w2", "w3", "w4")


def draw_sky(stars: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Draw what the stars of a survey are.

    Parameters
    ----------
    stars : DataFrame, (n_stars,)
        As ``draw_stars`` draws them.
    seed : int

    Returns
    -------
    DataFrame, (n_stars,)
        Index of ``stars``: ``distance_pc, av_mag, bp_rp0_mag, abs_g0_mag, is_giant, teff_k,
        logg_dex, mh_dex, mass_msun, radius_rsun, dust`` ("", "disc", "shell" or "cool") and the
        magnitudes ``j_mag … w4_mag`` as they would be measured without error.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5, 0)))
    n = len(stars)
    g = stars["gaia_mag"].to_numpy()
    bp_rp = (stars["gaia_b_mag"] - stars["gaia_r_mag"]).to_numpy()
    reddening = np.clip(stars["gaia_g_extinc"].to_numpy() / 2.0, 0, None)
    av = reddening / (EXTINCTION_PER_AV["bp"] - EXTINCTION_PER_AV["rp"])
    colour = bp_rp - reddening
    kinds = [_KINDS.get(name, _Kind()) for name in stars["population"]]
    may_be_giant, must_be_giant = colour > _GIANTS[0, 0], np.array([k.giants == 1 for k in kinds])
    giant_share = np.where(may_be_giant, [k.giants for k in kinds], 0.0)
    giant_share = np.where(must_be_giant, 1.0, giant_share)
    offset = np.array([k.offset_mag for k in kinds]) + rng.normal(0, [k.scatter_mag for k in kinds], n)
    pm = np.nan_to_num(stars[["pm_ra", "pm_dec"]].to_numpy(float))
    g0 = g - EXTINCTION_PER_AV["g"] * av
    log_weight, distance, absolute = {}, {}, {}
    for name, table in (("dwarf", _DWARFS), ("giant", _GIANTS)):
        absolute[name] = np.interp(colour, table[:, 0], table[:, 1]) + offset
        distance[name] = 10 ** ((g0 - absolute[name] + 5) / 5)
        log_weight[name] = _log_weight(distance[name] / 1000.0, pm)
    with np.errstate(divide="ignore"):
        odds = np.log(giant_share) + log_weight["giant"] - np.log(1 - giant_share) - log_weight["dwarf"]
    odds = np.where(giant_share >= 1, np.inf, odds)
    is_giant = rng.random(n) < 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
    sequence = np.where(is_giant, "giant", "dwarf")
    intrinsic = np.where(
        is_giant[:, None],
        np.column_stack([np.interp(colour, _GIANTS[:, 0], column) for column in _GIANTS.T]),
        np.column_stack([np.interp(colour, _DWARFS[:, 0], column) for column in _DWARFS.T]),
    )
    teff, mass = intrinsic[:, 2] * rng.normal(1, 0.01, n), intrinsic[:, 3] * rng.normal(1, 0.05, n)
    abs_g = np.where(is_giant, absolute["giant"], absolute["dwarf"])
    # bolometric magnitude near M_G; Sun: M_bol 4.74, 5772 K (IAU 2015 B2, B3)
    correction = np.interp(
        teff, [3000, 3500, 4500, 5772, 7000, 9700], [-1.9, -1.1, -0.3, 0.08, 0.05, -0.3]
    )
    luminosity = 10 ** (-0.4 * (abs_g + correction - 4.74))
    radius = np.sqrt(luminosity) / (teff / 5772.0) ** 2
    dust = np.array(
        [k.dust if chance < k.disc else "" for k, chance in zip(kinds, rng.random(n), strict=True)]
    )
    sky = pd.DataFrame(
        {
            "distance_pc": np.where(sequence == "giant", distance["giant"], distance["dwarf"]),
            "av_mag": av,
            "bp_rp0_mag": colour,
            "abs_g0_mag": abs_g,
            "is_giant": is_giant,
            "teff_k": teff,
            "logg_dex": 4.438 + np.log10(mass / radius**2),
            "mh_dex": np.clip(rng.normal(-0.15, 0.25, n), -2, 0.5),
            "mass_msun": mass,
            "radius_rsun": radius,
            "dust": dust,
        },
        index=stars.index,
    )
    return sky.join(_infrared(rng, g0, av, intrinsic, dust, stars.index))


def _log_weight(distance_kpc: np.ndarray, pm_masyr: np.ndarray) -> np.ndarray:
    """Natural logarithm of how likely a disc star of this motion is at a distance; shape (n,)."""
    width = _VELOCITY_KMS / _KMS_PER_MASYR_KPC / distance_kpc
    motion = -0.5 * (pm_masyr**2).sum(axis=1) / width**2 - 2 * np.log(width)
    return np.asarray(motion + 2 * np.log(distance_kpc) - distance_kpc / _SCALE_KPC)


def _infrared(
    rng: np.random.Generator,
    g0: np.ndarray,
    av: np.ndarray,
    intrinsic: np.ndarray,
    dust: np.ndarray,
    index: pd.Index,
) -> pd.DataFrame:
    """Magnitudes from J to W4 with dust before the star and around it."""
    j = g0 - intrinsic[:, 4]
    h = j - intrinsic[:, 5]
    ks = h - intrinsic[:, 6]
    cool = np.clip((intrinsic[:, 0] - 1.5) / 3.0, 0, 1)  # photospheres of late type are red there too
    w1 = ks - 0.05 - 0.15 * cool
    w2 = w1 + 0.03 - 0.20 * cool
    w3 = w2 + 0.02 - 0.15 * cool
    w4 = w3 - 0.05 - 0.10 * cool
    excess = np.array([_EXCESS[kind] for kind in dust]) * rng.uniform(0.6, 1.3, len(dust))[:, None]
    bare = np.column_stack([j, h, ks, w1, w2, w3, w4])
    bare[:, 1:] -= excess
    bare += av[:, None] * np.array([EXTINCTION_PER_AV[band] for band in BANDS])
    return pd.DataFrame(bare, columns=[f"{band}_mag" for band in BANDS], index=index)
