"""Which stars of the survey its search is measured on."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: What is told of every star that is altered.
SAMPLE_COLUMNS = (
    "asas_sn_id", "mag_bin", "partition", "median_mag", "points_per_day", "n_cameras", "jd_first",
    "jd_last", "own_n_dips", "own_n_jumps", "known_brightening", "listed_variable",
)  # fmt: skip

#: What of ``sources`` is needed for it; the last only where it is there.
SOURCE_COLUMNS = (
    "asas_sn_id", "dip_count", "jump_count", "points_per_day", "n_cameras", "jd_first", "jd_last",
    "failed_vsx",
)  # fmt: skip


def searched_stars(
    sources: pd.DataFrame,
    statistics: pd.DataFrame,
    manifest: pd.DataFrame,
    known_brightenings: pd.DataFrame,
) -> pd.DataFrame:
    """Describe the stars that the survey searched.

    Parameters
    ----------
    sources : DataFrame
        ``asas_sn_id, dip_count, jump_count, points_per_day, n_cameras, jd_first, jd_last`` and, where
        there, ``failed_vsx``.
    statistics : DataFrame
        ``asas_sn_id, aligned_median_mag``: the median in the band that has most points, the other
        moved to it. The medians of two bands together would be neither.
    manifest : DataFrame
        ``asas_sn_id, mag_bin, partition``.
    known_brightenings : DataFrame
        ``asas_sn_id`` of stars that are known to brighten for real.

    Returns
    -------
    DataFrame
        ``SAMPLE_COLUMNS``, in order of the ids: ``median_mag``, mag; ``own_n_dips, own_n_jumps``,
        events of the star itself; ``known_brightening``, whether it is known to brighten;
        ``listed_variable``, whether VSX lists it (not where VSX could not be asked).
    """
    stars = sources[["asas_sn_id", "points_per_day", "n_cameras", "jd_first", "jd_last"]].copy()
    stars["own_n_dips"] = sources["dip_count"].to_numpy(np.int64)
    stars["own_n_jumps"] = sources["jump_count"].to_numpy(np.int64)
    listed = sources["failed_vsx"].to_numpy(bool) if "failed_vsx" in sources else False
    stars["listed_variable"] = listed
    medians = statistics.set_index("asas_sn_id")["aligned_median_mag"]
    stars["median_mag"] = stars["asas_sn_id"].map(medians).astype("float64")
    stars["known_brightening"] = stars["asas_sn_id"].isin(known_brightenings["asas_sn_id"])
    stars = stars.merge(
        manifest[["asas_sn_id", "mag_bin", "partition"]], on="asas_sn_id", validate="1:1"
    )
    return stars.sort_values("asas_sn_id", ignore_index=True)[list(SAMPLE_COLUMNS)]


def control_sample(
    stars: pd.DataFrame, which: str, edges: np.ndarray, n_stars: int, seed: int
) -> pd.DataFrame:
    """Draw the stars to inject into, evenly over the cells of magnitude.

    Parameters
    ----------
    stars : DataFrame
        See ``searched_stars``.
    which : {"without_events", "searched"}
        Stars without events of their own that no catalogue of variables lists, or all.
    edges : (n_cells + 1,) array
        Of the cells of magnitude.
    n_stars : int
        Most stars.
    seed : int

    Raises
    ------
    ValueError
        No star is left; the sentence says what left the others out.
    """
    inside = stars["median_mag"].between(edges[0], edges[-1]).to_numpy()
    quiet = np.ones(len(stars), bool)
    if which == "without_events":
        quiet = (
            (stars["own_n_dips"] + stars["own_n_jumps"] == 0) & ~stars["listed_variable"]
        ).to_numpy()
    chosen = stars[inside & quiet].reset_index(drop=True)
    if chosen.empty:
        raise ValueError(
            f"no star to inject into: of {len(stars)} searched {int((~inside).sum())} have a median "
            f"magnitude outside {edges[0]:g} to {edges[-1]:g} and {int((inside & ~quiet).sum())} "
            "others have events or are listed variables; change evaluation.injection.magnitude or stars"
        )
    cell = cell_of(chosen["median_mag"].to_numpy(), edges)
    # Of each cell in turn one star, in random order, until there are enough.
    shuffled = np.random.default_rng([seed, 1]).permutation(len(chosen))
    rank = np.empty(len(chosen), np.int64)
    rank[shuffled] = pd.Series(cell[shuffled]).groupby(cell[shuffled]).cumcount()
    return chosen.iloc[np.sort(np.lexsort([cell, rank])[:n_stars])].reset_index(drop=True)


def cell_of(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Cell of each value that lies between the first and the last edge; the last one is closed."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
