"""A small light curve whose every kind of point is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.lightcurves import BAND_G, BAND_V, POINT_DTYPES, STAR_DTYPES, Camera, LightCurves

FIRST_JD = 2458000.5
STAR_ID = 377957522430


def build(stars: list[dict[str, np.ndarray]], cameras, ids=(STAR_ID, STAR_ID + 1)) -> LightCurves:
    lengths = [len(star["jd"]) for star in stars]
    table = {name: [None] * len(stars) for name in STAR_DTYPES}
    table |= {"asas_sn_id": list(ids[: len(stars)]), "name": [f"star {k}" for k in range(len(stars))]}
    defaults = {
        "mag_err": 0.01,
        "camera": 0,
        "band": BAND_G,
        "good": True,
        "saturated": False,
        "field": 0,
    }
    points = {
        name: np.concatenate(
            [
                np.full(n, star.get(name, defaults.get(name)))
                for star, n in zip(stars, lengths, strict=True)
            ]
        ).astype(dtype)
        for name, dtype in POINT_DTYPES.items()
    }
    return LightCurves(
        stars=pd.DataFrame({k: pd.array(v, dtype=STAR_DTYPES[k]) for k, v in table.items()}),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        cameras=tuple(Camera(name) for name in cameras),
        fields=("", "F1130-21"),
        **points,
    )


@pytest.fixture
def make_batch():
    """Build a batch from one mapping of arrays a star; what is not given is a good g point."""
    return build


@pytest.fixture
def batch(rng) -> LightCurves:
    """Two stars; the first has V (camera ba) and g (bi, bF), and 3 bad, 2 saturated, 4 bare limits."""
    n = 300
    jd = np.sort(FIRST_JD + rng.uniform(0, 1000, n))
    camera = np.arange(n) % 3
    star = {
        "jd": jd,
        "mag": np.array([13.0, 13.5, 13.6])[camera] + rng.normal(0, 0.01, n),
        "mag_err": np.full(n, 0.01),
        "camera": camera,
        "band": np.where(camera == 0, BAND_V, BAND_G),
        "good": np.ones(n, bool),
        "saturated": np.zeros(n, bool),
        "field": np.ones(n, int),
    }
    star["good"][:3] = False
    star["saturated"][10:12] = True
    star["mag"][20:24] = star["mag_err"][20:24] = np.nan
    other = {"jd": jd[:50], "mag": np.full(50, 14.0)}
    return build([star, other], ["ba", "bi", "bF"])


@pytest.fixture
def events() -> pd.DataFrame:
    """Three events of the first star, one of the second; the strongest is the second row."""
    start = FIRST_JD + np.array([100.0, 300.0, 600.0, 100.0])
    return pd.DataFrame(
        {
            "asas_sn_id": [STAR_ID, STAR_ID, STAR_ID, STAR_ID + 1],
            "kind": ["dip", "dip", "jump", "dip"],
            "jd_start": start,
            "jd_end": start + np.array([20.0, 40.0, 10.0, 5.0]),
            "jd_peak": start + np.array([10.0, 20.0, 5.0, 2.0]),
            "depth_mag": [0.2, 0.5, 0.3, 0.4],
            "ln_bf": [12.0, 80.0, 30.0, 99.0],
            "morphology": ["skew_normal", "gaussian", "paczynski", "undetermined"],
            "amp_mag": [0.2, 0.5, 0.3, np.nan],
            "t0_jd": start + np.array([10.0, 20.0, 5.0, np.nan]),
            "width_days": [4.0, 8.0, 3.0, np.nan],
            "skewness": [0.6, 0.0, 0.0, np.nan],
        }
    )
