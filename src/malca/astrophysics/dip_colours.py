"""Whether a star grows redder while it is dim, from measurements that are not simultaneous.

ASAS-SN observed in V until 2018 and in g from 2017 on: few events were seen in both bands, and no two
points at the same moment. So each band is measured from its own baseline, where a camera's and
a star's colour drop out, and of an event only pairs of points close in time are compared. With depths
b in the bluer and r in the redder band the colour changes by b - r: interstellar dust gives b = 1.2 r
for g and V, a grey occulter b = r.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics.extinction_law import EFFECTIVE_WAVELENGTHS_UM, extinction_ratio
from malca.astrophysics.groups import group_count, group_max, group_sum, rows_of
from malca.astrophysics.line_fit import fit_lines
from malca.lightcurves import BAND_NAMES, LightCurves

#: Columns of a table of points in events, as ``event_points`` makes them.
POINT_COLUMNS = ("asas_sn_id", "event_id", "jd", "band", "offset_mag", "offset_error_mag")


class DipColourParameters(BaseModel):
    """How bands are paired, and when a change of colour is believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    band_pairs: tuple[tuple[str, str], ...] = Field(
        (("g", "V"),),
        min_length=1,
        description="Pairs of bands, the bluer first, the preferred pair first; names of "
        "extinction_law.EFFECTIVE_WAVELENGTHS_UM.",
    )
    baseline_window_days: float = Field(
        200.0, gt=0, description="The baseline of an event is the median within this of it, d."
    )
    guard_days: float = Field(
        1.0, ge=0, description="Points this close to an event are no baseline, d."
    )
    min_baseline_points: int = Field(
        10, ge=3, description="Fewest points of a camera and band for a baseline."
    )
    max_gap_days: float = Field(
        0.5, gt=0, description="Greatest time between the two points of a pair, d."
    )
    max_gap_fraction: float = Field(
        0.1,
        gt=0,
        description="Greatest time between them as a fraction of the event's length: over more of it "
        "the depth itself changes.",
    )
    min_depth_sigma: float = Field(
        3.0, gt=0, description="A pair whose mean depth is below this many of its errors is left out."
    )
    min_pairs: int = Field(3, ge=2, description="Fewest pairs of an event.")
    deep_fraction: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="The change of colour is the mean over pairs deeper than this part of the deepest.",
    )
    min_sigma: float = Field(3.0, gt=0, description="Least significance of reddening or its absence.")


def event_points(
    light_curves: LightCurves, events: pd.DataFrame, parameters: DipColourParameters
) -> pd.DataFrame:
    """Depth below the baseline of each point in an event.

    The baseline is the median, camera by camera and band by band, of the good points around the event
    that are in no event; its error is added to the points'.

    Parameters
    ----------
    light_curves : LightCurves
        The stars.
    events : DataFrame
        ``asas_sn_id, event_id, jd_start, jd_end``; all events of these stars.
    parameters : DipColourParameters

    Returns
    -------
    DataFrame
        A row a point: ``POINT_COLUMNS``; ``offset_mag`` is positive where it is fainter. Points of
        a camera without a baseline are left out.
    """
    tables = []
    row = rows_of(events["asas_sn_id"], light_curves.stars["asas_sn_id"])
    for i in np.unique(row[row >= 0]):
        star = light_curves.star(int(i))
        mine = events[row == i]
        good = star.good & ~star.saturated & np.isfinite(star.mag) & (star.mag_err > 0)
        jd, mag, error = star.jd[good], star.mag[good].astype(float), star.mag_err[good].astype(float)
        camera, band = star.camera[good], star.band[good]
        quiet = np.ones(len(jd), bool)
        for start, end in zip(mine["jd_start"], mine["jd_end"], strict=True):
            quiet &= (jd < start - parameters.guard_days) | (jd > end + parameters.guard_days)
        for event in mine.itertuples():
            inside = (jd >= event.jd_start) & (jd <= event.jd_end)
            window = parameters.baseline_window_days
            near = quiet & (jd >= event.jd_start - window) & (jd <= event.jd_end + window)
            for c, b in sorted(set(zip(camera[inside].tolist(), band[inside].tolist(), strict=True))):
                same = (camera == c) & (band == b)
                base = mag[near & same]
                if len(base) < parameters.min_baseline_points:
                    continue
                level = np.median(base)
                # of a median of Gaussian scatter, by the median absolute deviation
                level_error = 1.2533 * 1.4826 * np.median(np.abs(base - level)) / np.sqrt(len(base))
                own = inside & same
                tables.append(
                    pd.DataFrame(
                        {
                            "asas_sn_id": event.asas_sn_id,
                            "event_id": event.event_id,
                            "jd": jd[own],
                            "band": BAND_NAMES[b],
                            "offset_mag": mag[own] - level,
                            "offset_error_mag": np.hypot(error[own], level_error),
                        }
                    )
                )
    if not tables:
        return pd.DataFrame(
            {name: events.get(name, pd.Series(dtype=float)).iloc[:0] for name in POINT_COLUMNS}
        )
    return pd.concat(tables, ignore_index=True)


def pair_bands(
    points: pd.DataFrame, blue: str, red: str, parameters: DipColourParameters
) -> pd.DataFrame:
    """Pairs of points of two bands close in time within the same event, each point once.

    Parameters
    ----------
    points : DataFrame
        ``POINT_COLUMNS``.
    blue, red : str
        Bands.

    Returns
    -------
    DataFrame
        ``asas_sn_id, event_id, jd, gap_days, blue_mag, blue_error_mag, red_mag, red_error_mag``:
        offsets from the baseline, positive where fainter.
    """
    keys = ["asas_sn_id", "event_id"]
    names = {"offset_mag": "mag", "offset_error_mag": "error_mag"}
    left, right = (
        points[points["band"] == band].rename(columns={k: f"{colour}_{v}" for k, v in names.items()})
        for band, colour in ((blue, "blue"), (red, "red"))
    )
    left = left.drop(columns="band").assign(blue_row=np.arange(len(left)))
    right = (
        right.drop(columns="band")
        .rename(columns={"jd": "red_jd"})
        .assign(red_row=np.arange(len(right)))
    )
    extent = points.groupby(keys)["jd"].agg(lambda jd: jd.max() - jd.min()).rename("extent_days")
    pairs = left.merge(right, on=keys).merge(extent, on=keys)
    pairs["gap_days"] = (pairs["jd"] - pairs["red_jd"]).abs()
    limit = np.minimum(parameters.max_gap_days, parameters.max_gap_fraction * pairs["extent_days"])
    pairs = pairs[pairs["gap_days"] <= limit].sort_values([*keys, "gap_days", "jd"], kind="stable")
    # the closest first; a point that is taken is not taken again
    taken_blue: set[int] = set()
    taken_red: set[int] = set()
    keep = []
    for b, r in zip(pairs["blue_row"], pairs["red_row"], strict=True):
        free = b not in taken_blue and r not in taken_red
        keep.append(free)
        if free:
            taken_blue.add(b)
            taken_red.add(r)
    columns = [*keys, "jd", "gap_days", "blue_mag", "blue_error_mag", "red_mag", "red_error_mag"]
    return pairs[np.array(keep, bool)].sort_values([*keys, "jd"])[columns].reset_index(drop=True)


def dip_colours(
    stars: pd.Series | Sequence[int], points: pd.DataFrame, parameters: DipColourParameters
) -> pd.DataFrame:
    """Change of colour in the dips of each star.

    Of several events the one with most pairs is taken, of several pairs of bands the first that has
    enough.

    Parameters
    ----------
    stars : Series, (n,)
        Ids.
    points : DataFrame
        ``POINT_COLUMNS``, of dips.
    parameters : DipColourParameters

    Returns
    -------
    DataFrame
        A row a star: ``asas_sn_id``; ``dip_colour_bands`` ("g-V"; empty: not measured),
        ``dip_colour_event_id``, ``dip_colour_n_pairs`` (the most that any event has);
        ``dip_colour_change_mag``, the mean of blue less red depth over the deep pairs, positive where
        the star reddens, with ``dip_colour_change_error_mag`` and ``dip_colour_change_sigma``;
        ``dip_colour_depth_mag``, the mean depth of these pairs in the redder band;
        ``dip_colour_ratio``, blue over red depth by a line through the origin with errors in
        both, and ``dip_colour_ratio_error``; ``dip_colour_ratio_dust``, what interstellar
        dust gives; ``dip_reddens``: true if the change is positive by ``min_sigma``; false if it is
        negative by as much, or as far below what dust would give; else missing.
    """
    ids = pd.Series(np.asarray(stars), name="asas_sn_id")
    n = len(ids)
    result = pd.DataFrame({"asas_sn_id": ids})
    result["dip_colour_bands"] = pd.array([""] * n, dtype="str")
    result["dip_colour_event_id"] = pd.array([pd.NA] * n, dtype="Int64")
    result["dip_colour_n_pairs"] = 0
    for name in (
        "change_mag", "change_error_mag", "change_sigma", "depth_mag", "ratio", "ratio_error",
        "ratio_dust",
    ):  # fmt: skip
        result[f"dip_colour_{name}"] = np.nan
    reddens = pd.array([pd.NA] * n, dtype="boolean")
    for blue, red in parameters.band_pairs:
        found = _events(pair_bands(points, blue, red, parameters), parameters)
        found["star"] = rows_of(found["asas_sn_id"], ids)
        found = found[found["star"] >= 0].sort_values("n_pairs", ascending=False, kind="stable")
        best = found.drop_duplicates("star").set_index("star")
        best = best[~np.isin(best.index, np.flatnonzero(result["dip_colour_bands"] != ""))]
        rows = best.index.to_numpy()
        most = np.maximum(result["dip_colour_n_pairs"].to_numpy()[rows], best["n_pairs"])
        result.loc[rows, "dip_colour_n_pairs"] = most.astype("int64")
        best = best[(best["n_pairs"] >= parameters.min_pairs) & best["change_mag"].notna()]
        rows = best.index.to_numpy()
        dust = 1 / extinction_ratio(EFFECTIVE_WAVELENGTHS_UM[red], EFFECTIVE_WAVELENGTHS_UM[blue], 3.1)
        best = best.assign(
            ratio_dust=float(dust), change_sigma=best["change_mag"] / best["change_error_mag"]
        )
        for name in (
            "change_mag", "change_error_mag", "change_sigma", "depth_mag", "ratio", "ratio_error",
            "ratio_dust",
        ):  # fmt: skip
            result.loc[rows, f"dip_colour_{name}"] = best[name]
        result.loc[rows, "dip_colour_bands"] = f"{blue}-{red}"
        result.loc[rows, "dip_colour_event_id"] = best["event_id"].astype("Int64")
        below_dust = (float(dust) - 1) * best["depth_mag"] - best["change_mag"]
        limit = parameters.min_sigma * best["change_error_mag"]
        reddens[rows[(best["change_mag"] > limit).to_numpy()]] = True
        grey = (best["change_mag"] < -limit) | ((below_dust > limit) & (best["change_mag"] <= limit))
        reddens[rows[grey.to_numpy()]] = False
    result["dip_reddens"] = reddens
    return result


def _events(pairs: pd.DataFrame, parameters: DipColourParameters) -> pd.DataFrame:
    """Change of colour of each event: a row each."""
    both = pairs["blue_mag"] + pairs["red_mag"]
    both_error = np.hypot(pairs["blue_error_mag"], pairs["red_error_mag"])
    pairs = pairs[both > parameters.min_depth_sigma * both_error]
    events = pairs[["asas_sn_id", "event_id"]].drop_duplicates().reset_index(drop=True)
    n = len(events)
    group = pairs.groupby(["asas_sn_id", "event_id"], sort=False).ngroup().to_numpy(np.int64)
    blue, blue_error, red, red_error = (
        pairs[name].to_numpy(float)
        for name in ("blue_mag", "blue_error_mag", "red_mag", "red_error_mag")
    )
    events["n_pairs"] = group_count(group, n)
    line = fit_lines(red, red_error, blue, blue_error, group, n, through_origin=True)
    events["ratio"], events["ratio_error"] = line.slope, line.scaled_errors
    # deep by both bands together: by one of them alone its noise would choose, and bias the colour
    depth = (blue + red) / 2
    deep = depth >= parameters.deep_fraction * group_max(depth, group, n)[group]
    group, red = group[deep], red[deep]
    colour = blue[deep] - red
    weight = 1 / (blue_error[deep] ** 2 + red_error[deep] ** 2)
    count = group_count(group, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = group_sum(weight, group, n)
        mean = group_sum(weight * colour, group, n) / total
        chi2 = group_sum(weight * (colour - mean[group]) ** 2, group, n)
        excess = np.where(count > 1, np.fmax(chi2 / (count - 1), 1.0), 1.0)
        events["change_mag"], events["change_error_mag"] = mean, np.sqrt(excess / total)
        events["depth_mag"] = group_sum(weight * red, group, n) / total
    return events
