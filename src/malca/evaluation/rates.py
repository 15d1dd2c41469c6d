"""How many stars of a control sample have dips or jumps, or become candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from malca.evaluation.intervals import binomial_limits
from malca.evaluation.matching import require

RATE_DTYPES = {
    "quantity": "str", "axis": "str", "low": "float64", "high": "float64", "n_stars": "int64",
    "n_with": "int64", "n_events": "int64", "rate": "float64", "rate_low": "float64",
    "rate_high": "float64", "interval_level": "float64",
}  # fmt: skip
KINDS = ("dip", "jump")
CANDIDATE = "candidate"


def control_sample(
    judged: pd.DataFrame,
    size: int | None,
    rng: np.random.Generator,
    *,
    mag_range: tuple[float, float] | None = None,
    exclude_vsx: bool = False,
    exclude_candidates: bool = False,
) -> pd.DataFrame:
    """Draw searched stars, each at most once.

    Parameters
    ----------
    judged : DataFrame
        A row a star searched: ``asas_sn_id, baseline_mag``; ``vsx_outcome`` to leave out stars that VSX
        lists; ``passed_branch`` to leave out candidates.
    size : int or None
        Stars to draw; all there are if they are fewer, or if it is None.
    rng : Generator
    mag_range : (float, float), optional
        Bright and faint limit of the baseline, mag, both within.
    exclude_vsx, exclude_candidates : bool
        Whether to leave these out. A star of which it is unknown whether VSX lists it stays.

    Returns
    -------
    DataFrame
        Rows of ``judged``, in its order.

    Raises
    ------
    ValueError
        No star is left, the size is not positive, a column is missing, or a star is there twice.
    """
    needed = ["asas_sn_id", "baseline_mag"]
    needed += ["vsx_outcome"] if exclude_vsx else []
    require(judged, "searched stars", (*needed, *(["passed_branch"] if exclude_candidates else [])))
    if judged["asas_sn_id"].duplicated().any():
        raise ValueError("the table of searched stars has a star twice")
    if size is not None and size < 1:
        raise ValueError(f"a control sample needs a star at least, not {size}")
    mag = judged["baseline_mag"].to_numpy(float)
    out = {"without a magnitude": ~np.isfinite(mag)}
    if mag_range is not None:
        name = f"outside {mag_range[0]:g} to {mag_range[1]:g} mag"
        out[name] = np.isfinite(mag) & ~((mag >= mag_range[0]) & (mag <= mag_range[1]))
    if exclude_vsx:
        out["listed in VSX"] = (judged["vsx_outcome"] == "matched").fillna(False).to_numpy(bool)
    if exclude_candidates:
        out["candidates"] = judged["passed_branch"].notna().to_numpy(bool)
    eligible = np.flatnonzero(~np.any(list(out.values()), axis=0)) if len(judged) else np.array([], int)
    if not len(eligible):
        counts = ", ".join(f"{int(flags.sum())} {name}" for name, flags in out.items() if flags.any())
        raise ValueError(
            f"no star is left for the control sample: of {len(judged)} searched {counts or 'none'}"
        )
    n = len(eligible) if size is None else min(size, len(eligible))
    chosen = np.sort(rng.choice(eligible, n, replace=False))
    return judged.iloc[chosen].reset_index(drop=True)


def detection_rates(
    sample: pd.DataFrame,
    events: pd.DataFrame,
    *,
    mag_step: float = 0.5,
    duration_edges_days: Sequence[float] = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
    depth_edges_mag: Sequence[float] = (0.1, 0.2, 0.4, 0.8, 1.6),
    interval_level: float = 0.95,
) -> pd.DataFrame:
    """Give the share of stars with dips, with jumps, and of candidates.

    Parameters
    ----------
    sample : DataFrame
        A row a star: ``asas_sn_id, baseline_mag``, and ``passed_branch`` where filters were asked.
    events : DataFrame
        ``asas_sn_id, kind, duration_days, depth_mag`` of the run; those of other stars are left out.
    mag_step : float
        Width of bins of magnitude, whose edges are multiples of it.
    duration_edges_days, depth_edges_mag : sequences of float
        Inner edges, ascending; bins below the first and from the last on are added.
    interval_level : float
        Probability of the intervals (Jeffreys).

    Returns
    -------
    DataFrame
        ``quantity`` ("dip", "jump", "candidate"); ``axis`` ("all", "magnitude", "duration",
        "depth"); ``low`` (within) and ``high`` (not within) of the bin; ``n_stars``, of which
        ``n_with`` have such events in the bin; ``n_events`` in the bin; ``rate`` = n_with / n_stars
        with its interval, missing where there are no stars. A candidate counts by the events of the
        branches that passed; a star with events in several bins of duration or depth counts in each.

    Raises
    ------
    ValueError
        The sample is empty, a column is missing, or edges do not ascend.
    """
    require(sample, "the control sample", ("asas_sn_id", "baseline_mag"))
    require(events, "events", ("asas_sn_id", "kind", "duration_days", "depth_mag"))
    if not len(sample):
        raise ValueError("the control sample is empty")
    if not mag_step > 0:
        raise ValueError(f"the step of magnitudes must be positive, not {mag_step}")
    edges = {"duration": _with_ends(duration_edges_days), "depth": _with_ends(depth_edges_mag)}
    mag = sample["baseline_mag"].to_numpy(float)
    first, last = np.floor(mag.min() / mag_step), np.floor(mag.max() / mag_step)
    mag_edges = np.arange(first, last + 2) * mag_step
    star = pd.Index(sample["asas_sn_id"].to_numpy(np.int64)).get_indexer(
        events["asas_sn_id"].to_numpy(np.int64)
    )
    own = events[star >= 0]
    star = star[star >= 0]
    values = {
        "duration": own["duration_days"].to_numpy(float),
        "depth": np.abs(own["depth_mag"].to_numpy(float)),
    }
    rows = []
    for quantity, chosen in _chosen(sample, own["kind"].to_numpy(object), star):
        of_star = star[chosen]
        has = np.bincount(of_star, minlength=len(sample))
        rows.append((quantity, "all", np.nan, np.nan, len(sample), (has > 0).sum(), has.sum()))
        place = np.digitize(mag, mag_edges) - 1
        for k, (low, high) in enumerate(pairwise(mag_edges)):
            here = has[place == k]
            rows.append((quantity, "magnitude", low, high, len(here), (here > 0).sum(), here.sum()))
        for axis, bounds in edges.items():
            place_of_event = np.digitize(values[axis][chosen], bounds) - 1
            for k, (low, high) in enumerate(pairwise(bounds)):
                here = of_star[place_of_event == k]
                rows.append((quantity, axis, low, high, len(sample), len(np.unique(here)), len(here)))
    table = pd.DataFrame(rows, columns=list(RATE_DTYPES)[:7])
    limits = np.array(
        [
            binomial_limits(int(k), int(n), interval_level)
            for k, n in zip(table["n_with"], table["n_stars"], strict=True)
        ]
    )
    table["rate"] = table["n_with"] / table["n_stars"].replace(0, np.nan)
    there = (table["n_stars"] > 0).to_numpy()
    table["rate_low"], table["rate_high"] = np.where(there, limits.T, np.nan)
    table["interval_level"] = interval_level
    return table.astype(RATE_DTYPES)


def _chosen(
    sample: pd.DataFrame, kind: np.ndarray, star: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Which events count for each quantity."""
    for name in KINDS:
        yield name, kind == name
    if "passed_branch" in sample:
        passed = sample["passed_branch"].to_numpy(object, na_value="")[star]
        yield CANDIDATE, (passed == kind) | (passed == "both")


def _with_ends(inner: Sequence[float]) -> np.ndarray:
    edges = np.asarray(inner, float)
    if not len(edges) or not (np.diff(edges) > 0).all() or not edges[0] > 0:
        raise ValueError(f"edges of bins must be positive and ascend: {list(inner)}")
    return np.concatenate([[0.0], edges, [np.inf]])
