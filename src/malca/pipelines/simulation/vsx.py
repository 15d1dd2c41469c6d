"""The catalogue of known variables that comes with the survey, in VSX's raw fixed-width form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from malca.pipelines.simulation.populations import POPULATIONS

if TYPE_CHECKING:
    from malca.pipelines.simulation.parameters import SimulationParameters

#: First column and end (exclusive) of each field.
VSX_FIELDS = {
    "id_vsx": (0, 8), "name": (9, 39), "var_flag": (40, 41), "ra": (42, 51), "dec": (52, 61),
    "class": (62, 92), "l_max": (93, 94), "mag_max": (95, 102), "u_max": (103, 104),
    "mag_band_max": (105, 112), "f_min": (113, 114), "l_min": (115, 116), "mag_min": (117, 124),
    "u_min": (125, 126), "mag_band_min": (127, 135), "epoch": (136, 150), "u_epoch": (151, 152),
    "l_period": (153, 154), "period": (155, 174), "u_period": (175, 176), "spectral_type": (177, 206),
}  # fmt: skip

_RIGHT_ALIGNED = {"id_vsx", "ra", "dec", "mag_max", "mag_min", "epoch", "period"}
_J2016_TO_J2000_YEARS = -16.0
_MAS_PER_DEG = 3.6e6
_UNRELATED_CLASSES = (
    "RRAB",
    "DSCT",
    "EW",
    "EA",
    "SR",
    "L",
    "M",
    "ROT",
    "VAR",
    "UG",
    "DCEP",
    "YSO",
    "S",
    "CST",
)
_SUSPECTED, _NOT_VARIABLE = 1, 2


def simulate_vsx(truth: pd.DataFrame, parameters: SimulationParameters) -> pd.DataFrame:
    """Draw the catalogue: the variables that would be known, and entries of other stars.

    Positions are of J2000, those of the survey of J2016; uncertain entries carry VSX's flags.

    Returns
    -------
    DataFrame
        Columns of ``VSX_FIELDS``, all text, and ``asas_sn_id`` (missing for unrelated entries).
    """
    rng = np.random.default_rng(np.random.SeedSequence(parameters.seed, spawn_key=(3,)))
    share = truth["population"].map(parameters.vsx.known_share).fillna(0.0).to_numpy(float)
    known = truth[rng.random(len(truth)) < share]
    n, n_other = len(known), parameters.vsx.n_unrelated
    dec = known["dec_deg"] + _J2016_TO_J2000_YEARS * known["pm_dec"].fillna(0) / _MAS_PER_DEG
    cosine = np.cos(np.radians(known["dec_deg"]))
    ra = known["ra_deg"] + _J2016_TO_J2000_YEARS * known["pm_ra"].fillna(0) / _MAS_PER_DEG / cosine
    error_deg = parameters.vsx.position_error_arcsec / 3600
    other_dec = np.degrees(np.arcsin(rng.uniform(-1, 1, n_other)))
    amplitude = known["amplitude_mag"].fillna(0.1).to_numpy()
    other_mag, other_amplitude = rng.uniform(10, 17, n_other), rng.uniform(0.05, 2, n_other)
    has_period = known["period_days"].notna().to_numpy()
    table = pd.DataFrame(
        {
            "asas_sn_id": pd.array([*known["asas_sn_id"], *[pd.NA] * n_other], dtype="Int64"),
            "ra": np.concatenate(
                [ra + error_deg * rng.standard_normal(n) / cosine, 360 * rng.random(n_other)]
            )
            % 360,
            "dec": np.concatenate([dec + error_deg * rng.standard_normal(n), other_dec]),
            "class": [
                *(POPULATIONS[name].vsx_class for name in known["population"]),
                *rng.choice(_UNRELATED_CLASSES, n_other),
            ],
            "max": np.concatenate([known["g_mag"] - 0.3 * amplitude, other_mag]),
            "min": np.concatenate([known["g_mag"] + 0.7 * amplitude, other_mag + other_amplitude]),
            "period": np.concatenate([known["period_days"], np.exp(rng.uniform(-1.5, 6, n_other))]),
            "has_period": np.concatenate([has_period, rng.random(n_other) < 0.6]),
        }
    ).sort_values("ra", ignore_index=True)  # fmt: skip
    total = len(table)
    suspected = rng.random(total) < 0.08
    table["var_flag"] = np.where(
        suspected, _SUSPECTED, np.where(table["class"] == "CST", _NOT_VARIABLE, 0)
    ).astype(str)
    table["class"] += np.where(rng.random(total) < 0.05, ":", "")
    text = {
        "id_vsx": [str(k + 1) for k in range(total)],
        "name": [f"MALCASIM J{ra:09.5f}{dec:+09.5f}"
            for ra, dec in zip(table["ra"], table["dec"], strict=True)
        ],
        "var_flag": table["var_flag"],
        "ra": table["ra"].map("{:.5f}".format),
        "dec": table["dec"].map("{:.5f}".format),
        "class": table["class"],
        "l_max": _sometimes(rng, total, "<", 0.01),
        "mag_max": table["max"].map("{:.3f}".format),
        "u_max": _sometimes(rng, total, ":", 0.03),
        "mag_band_max": "g",
        "f_min": "",
        "l_min": _sometimes(rng, total, "<", 0.03),
        "mag_min": table["min"].map("{:.3f}".format),
        "u_min": _sometimes(rng, total, ":", 0.03),
        "mag_band_min": "g",
        "epoch": _where(table["has_period"], rng.uniform(2457000, 2459000, total), 5),
        "u_epoch": _sometimes(rng, total, ":", 0.02),
        "l_period": "",
        "period": _where(table["has_period"], table["period"], 7),
        "u_period": _sometimes(rng, total, ":", 0.03),
        "spectral_type": "",
    }  # fmt: skip
    return pd.DataFrame({"asas_sn_id": table["asas_sn_id"], **text})


def _where(given: pd.Series, values: np.ndarray | pd.Series, n_decimals: int) -> list[str]:
    return [f"{value:.{n_decimals}f}" if has else "" for has, value in zip(given, values, strict=True)]


def _sometimes(rng: np.random.Generator, n: int, flag: str, share: float) -> np.ndarray:
    return np.where(rng.random(n) < share, flag, "")


def vsx_text(catalogue: pd.DataFrame) -> str:
    """Lay the catalogue out in fixed columns, a line a row.

    Raises
    ------
    ValueError
        A value is wider than its field.
    """
    width = max(end for _, end in VSX_FIELDS.values())
    lines = np.full((len(catalogue), width + 1), b" ", "S1")
    lines[:, width] = b"\n"
    for name, (start, end) in VSX_FIELDS.items():
        values = catalogue[name].to_numpy(dtype=object)
        size = end - start
        if any(len(value) > size for value in values):
            raise ValueError(f"a value of '{name}' is wider than its {size} columns")
        padded = [
            value.rjust(size) if name in _RIGHT_ALIGNED else value.ljust(size) for value in values
        ]
        if padded:
            lines[:, start:end] = (
                np.array(padded, dtype=f"S{size}").view("S1").reshape(len(padded), size)
            )
    return lines.tobytes().decode("ascii")
