"""The strongest dip of each star, as classification and geometry want it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.astrophysics.star_table import numbers

#: Columns of the table of events that are looked at, where it is there.
EVENT_COLUMNS = (
    "asas_sn_id", "kind", "ln_bf", "jd_start", "jd_end", "t0_jd", "depth_mag", "asymmetry",
    "ingress_days", "egress_days", "n_epochs",
)  # fmt: skip
#: Columns of ``strongest_dips``.
COLUMNS = (
    "dip_jd", "dip_depth_mag", "dip_duration_days", "dip_asymmetry", "dip_steepest_flux_per_day",
)  # fmt: skip


def strongest_dips(
    table: pd.DataFrame, events: pd.DataFrame | None = None, min_epochs: int = 10
) -> pd.DataFrame:
    """Describe the dip with most evidence of each star.

    Parameters
    ----------
    table : DataFrame, (n,)
        Candidates: ``asas_sn_id`` and of ``dip_best_depth_mag, dip_best_t0_jd, dip_best_jd_start,
        dip_best_jd_end`` what is known.
    events : DataFrame, optional
        Their events, ``EVENT_COLUMNS``; what is not there is unknown.
    min_epochs : int
        Epochs within a dip from which on its shape says something.

    Returns
    -------
    DataFrame, (n,)
        ``COLUMNS``, with the index of ``table``. ``dip_duration_days``: from start to end;
        ``dip_asymmetry``: (egress − ingress) / (egress + ingress); ``dip_steepest_flux_per_day``: mean
        slope from half the depth to the peak, or back, the steeper: no more than the steepest slope.
    """
    start, end = numbers(table, "dip_best_jd_start"), numbers(table, "dip_best_jd_end")
    peak = numbers(table, "dip_best_t0_jd")
    found = pd.DataFrame(
        {
            "dip_jd": np.where(np.isfinite(peak), peak, (start + end) / 2),
            "dip_depth_mag": numbers(table, "dip_best_depth_mag"),
            "dip_duration_days": end - start,
            "dip_asymmetry": np.nan,
            "dip_steepest_flux_per_day": np.nan,
        },
        index=table.index,
    )
    if events is None or not len(events) or "asas_sn_id" not in table:
        return found
    dips = events.loc[events["kind"] == "dip"].sort_values("ln_bf", ascending=False, kind="stable")
    best = dips.drop_duplicates("asas_sn_id").set_index("asas_sn_id").reindex(table["asas_sn_id"])
    known = best["kind"].notna().to_numpy()
    start, end, depth = (numbers(best, name) for name in ("jd_start", "jd_end", "depth_mag"))
    peak = numbers(best, "t0_jd")
    ingress, egress = numbers(best, "ingress_days"), numbers(best, "egress_days")
    shaped = numbers(best, "n_epochs") >= min_epochs
    # flux between half the depth, in magnitudes, and all of it
    fall = 10 ** (-0.2 * depth) - 10 ** (-0.4 * depth)
    with np.errstate(divide="ignore", invalid="ignore"):
        steepest = fall / np.fmin(ingress, egress)
    new = {
        "dip_jd": np.where(np.isfinite(peak), peak, (start + end) / 2),
        "dip_depth_mag": depth,
        "dip_duration_days": end - start,
        "dip_asymmetry": np.where(shaped, numbers(best, "asymmetry"), np.nan),
        "dip_steepest_flux_per_day": np.where(shaped, steepest, np.nan),
    }
    for name, values in new.items():
        found[name] = np.where(known, values, found[name])
    return found
