"""How far each known object, and each known event, came: from the survey's list to the candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from malca.evaluation.matching import require

NOT_IN_SURVEY = "not_in_survey"
#: Stages an object or event may end at, from the first to the last. ``event``: found, in a run without
#: filters; ``lost``: found, and then stopped by a filter.
STAGES = (
    NOT_IN_SURVEY, "no_lightcurve", "failed", "not_searched", "not_triggered", "shallow", "event",
    "lost", "candidate",
)  # fmt: skip
#: Stages at which the search has found something.
FOUND = ("event", "lost", "candidate")
_SEARCHED = "searched"

LOSS_DTYPES = {
    "known_id": "str", "asas_sn_id": "int64", "filter": "str", "branch": "str", "outcome": "str",
    "value": "float64", "threshold": "float64", "reason": "str",
}  # fmt: skip


@dataclass(frozen=True)
class RunTables:
    """What a run says of its stars.

    Attributes
    ----------
    stars : DataFrame
        The survey's list: ``asas_sn_id``, and ``ra_deg, dec_deg, lc_exists`` where known.
    sources : DataFrame
        A row a star searched, with ``dip_n_below_min_mag_offset``, ``jump_n_below_min_mag_offset``,
        and, if filters were asked (table ``judged``), ``dip_passed, jump_passed``.
    events, failures : DataFrame
    tags : DataFrame, optional
        ``asas_sn_id, failed_any, failed_<tag>``.
    rejections : DataFrame, optional
    shallow : DataFrame, optional
        ``asas_sn_id, kind, jd_start, jd_end`` of events below the least depth asked. Without it the
        tables do not tell when those were.
    tag_filters : tuple of str
        Tags that keep stars out of the search.
    """

    stars: pd.DataFrame
    sources: pd.DataFrame
    events: pd.DataFrame
    failures: pd.DataFrame
    tags: pd.DataFrame | None = None
    rejections: pd.DataFrame | None = None
    shallow: pd.DataFrame | None = None
    tag_filters: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.stars, "stars", ("asas_sn_id",))
        below = tuple(f"{kind}_n_below_min_mag_offset" for kind in ("dip", "jump"))
        require(self.sources, "sources", ("asas_sn_id", *below))
        require(self.events, "events", ("asas_sn_id", "kind", "jd_start", "jd_end", "depth_mag"))
        require(self.failures, "failures", ("asas_sn_id", "stage", "reason"))

    @property
    def is_judged(self) -> bool:
        """Whether filters were asked."""
        return {"dip_passed", "jump_passed"} <= set(self.sources.columns)


def stars_reached(objects: pd.DataFrame, tables: RunTables) -> pd.DataFrame:
    """Tell how far the star of each object came before the search: ``stage``, ``reason``.

    ``stage`` is one of ``STAGES`` up to "not_searched", or "searched".
    """
    ids = objects["asas_sn_id"]
    listed = tables.stars.set_index("asas_sn_id")
    searched = set(tables.sources["asas_sn_id"].dropna())
    own = tables.failures["asas_sn_id"].isin(ids.dropna()).to_numpy(bool)
    failed = {star: _failure_text(rows) for star, rows in tables.failures[own].groupby("asas_sn_id")}
    tags = None if tables.tags is None else tables.tags.set_index("asas_sn_id")
    rows = []
    for star, outcome in zip(ids, objects["match_outcome"], strict=True):
        if pd.isna(star):
            why = "it has neither an id nor a position" if outcome == "unknown" else ""
            rows.append((NOT_IN_SURVEY, why))
        elif star in searched:
            rows.append((_SEARCHED, ""))
        elif star in failed:
            rows.append(("failed", failed[star]))
        elif "lc_exists" in listed and not bool(listed.at[star, "lc_exists"]):
            rows.append(("no_lightcurve", "there is no file of its light curve"))
        else:
            rows.append(("not_searched", _kept_out_by(star, tags, tables.tag_filters)))
    return pd.DataFrame(rows, columns=["stage", "reason"], index=objects.index, dtype="str")


def _failure_text(rows: pd.DataFrame) -> str:
    detail = rows["detail"] if "detail" in rows else pd.Series("", index=rows.index)
    return "; ".join(
        f"{stage}: {reason}" + (f" ({text})" if isinstance(text, str) and text else "")
        for stage, reason, text in zip(rows["stage"], rows["reason"], detail, strict=True)
    )


def _kept_out_by(star: int, tags: pd.DataFrame | None, filters: tuple[str, ...]) -> str:
    if tags is None or star not in tags.index:
        return "the tables do not tell why"
    names = [name for name in filters if f"failed_{name}" in tags and tags.at[star, f"failed_{name}"]]
    return "tag " + ", ".join(names) if names else "the tables do not tell why"


def event_outcomes(
    known: pd.DataFrame, objects: pd.DataFrame, tables: RunTables, tolerance_days: float
) -> pd.DataFrame:
    """Tell how far each known event came.

    A known event is found if an event of its kind overlaps its dates, widened by the tolerance on
    both sides; one without dates, if its star has any event of its kind.

    Parameters
    ----------
    known : DataFrame
        Columns of ``malca.known_objects.KNOWN_DTYPES``.
    objects : DataFrame
        As of ``malca.evaluation.matching.match_objects``.
    tables : RunTables
    tolerance_days : float

    Returns
    -------
    DataFrame
        A row a known event: the columns of ``known`` with the ``asas_sn_id`` of its star; ``stage``,
        one of ``STAGES``; ``reason``; ``is_found``; ``n_found_events``; of the deepest
        ``found_depth_mag, found_jd_start, found_jd_end``; ``n_shallow``: shallower events that
        overlap, or, where their dates are not known, of the star.
    """
    if not tolerance_days >= 0:
        raise ValueError(f"tolerance_days must be 0 or more, not {tolerance_days}")
    star = known["known_id"].map(objects.set_index("known_id")["asas_sn_id"]).astype("Int64")
    table = known.reset_index(drop=True).assign(asas_sn_id=star.array)
    reached = stars_reached(objects, tables).set_axis(objects["known_id"].to_numpy())
    stage, reason = (
        table["known_id"].map(reached[name]).to_numpy(object) for name in ("stage", "reason")
    )
    pairs = overlapping(table, tables.events, tolerance_days)
    deepest = pairs.sort_values("depth_mag").drop_duplicates("row", keep="last").set_index("row")
    table["n_found_events"] = _counted(pairs, len(table))
    table["is_found"] = table["n_found_events"] > 0
    for name in ("depth_mag", "jd_start", "jd_end"):
        table[f"found_{name}"] = deepest[name].reindex(table.index).astype(float)
    own = tables.sources["asas_sn_id"].isin(objects["asas_sn_id"].dropna()).to_numpy(bool)
    sources = tables.sources[own].set_index("asas_sn_id")
    if tables.shallow is None:
        of_star = [
            0 if pd.isna(one) or one not in sources.index
            else int(sources.at[one, f"{kind}_n_below_min_mag_offset"])
            for one, kind in zip(table["asas_sn_id"], table["kind"], strict=True)
        ]  # fmt: skip
        table["n_shallow"] = np.array(of_star, np.int64)
    else:
        near = overlapping(table, tables.shallow.assign(depth_mag=0.0), tolerance_days)
        table["n_shallow"] = _counted(near, len(table))
    dated = table["jd_start"].notna()
    for k in np.flatnonzero(stage == _SEARCHED).tolist():
        if table.at[k, "is_found"]:
            passed = f"{table.at[k, 'kind']}_passed"
            if not tables.is_judged:
                stage[k] = "event"
            else:
                stage[k] = "candidate" if sources.at[table.at[k, "asas_sn_id"], passed] else "lost"
        elif table.at[k, "n_shallow"] and (tables.shallow is not None or not dated[k]):
            stage[k], reason[k] = "shallow", f"{table.at[k, 'n_shallow']} shallower than asked"
        else:
            stage[k] = "not_triggered"
            if table.at[k, "n_shallow"]:
                n_shallow = table.at[k, "n_shallow"]
                reason[k] = f"its star has {n_shallow} shallower than asked, perhaps at another time"
    table["stage"] = pd.array(stage, dtype="str")
    table["reason"] = pd.array(reason, dtype="str")
    lost = table["stage"] == "lost"
    why = losses(table[lost], tables).groupby("known_id")["filter"].agg(", ".join)
    table.loc[lost, "reason"] = table.loc[lost, "known_id"].map(why).fillna("")
    return table


def overlapping(known: pd.DataFrame, events: pd.DataFrame, tolerance_days: float) -> pd.DataFrame:
    """Pair known events with events of their star and kind: ``row``, and columns of the latter.

    They overlap within the tolerance; one without dates overlaps all.
    """
    left = pd.DataFrame(
        {
            "row": np.arange(len(known)),
            "asas_sn_id": known["asas_sn_id"].astype("Int64").array,
            "kind": known["kind"].array,
            "known_start": known["jd_start"].fillna(-np.inf).array,
            "known_end": known["jd_end"].fillna(np.inf).array,
        }
    ).dropna(subset="asas_sn_id")
    events = events.assign(asas_sn_id=events["asas_sn_id"].astype("Int64"))
    pairs = left.merge(events, on=["asas_sn_id", "kind"])
    near = (pairs["jd_start"] <= pairs["known_end"] + tolerance_days) & (
        pairs["jd_end"] >= pairs["known_start"] - tolerance_days
    )
    return pairs[near].reset_index(drop=True)


def _counted(pairs: pd.DataFrame, n: int) -> np.ndarray:
    return np.bincount(pairs["row"].to_numpy(np.int64), minlength=n)


def losses(lost: pd.DataFrame, tables: RunTables) -> pd.DataFrame:
    """List the filters that stopped each object, with value and threshold.

    Parameters
    ----------
    lost : DataFrame
        Known events with ``known_id, asas_sn_id, kind``; several of one object count once.
    tables : RunTables

    Returns
    -------
    DataFrame
        Columns of ``LOSS_DTYPES``: the rejecting filters that the branch failed; where it failed
        none, those that could not judge it.
    """
    nothing = pd.DataFrame(columns=list(LOSS_DTYPES)).astype(LOSS_DTYPES)
    if tables.rejections is None or not len(lost):
        return nothing
    wanted = lost[["known_id", "asas_sn_id", "kind"]].drop_duplicates()
    wanted = wanted.rename(columns={"kind": "branch"}).astype({"asas_sn_id": "int64"})
    stopped = wanted.merge(tables.rejections, on=["asas_sn_id", "branch"])
    stopped = stopped[stopped["action"] == "reject"]
    failed = stopped["outcome"] == "failed"
    any_failed = failed.groupby([stopped["known_id"], stopped["branch"]]).transform("any")
    kept = stopped[failed | ~any_failed]
    return kept[list(LOSS_DTYPES)].reset_index(drop=True).astype(LOSS_DTYPES)


def object_outcomes(
    objects: pd.DataFrame, known_events: pd.DataFrame, tables: RunTables
) -> pd.DataFrame:
    """Tell how far each known object came: as far as the furthest of its events of its own label.

    Parameters
    ----------
    objects : DataFrame
        As of ``malca.evaluation.matching.match_objects``.
    known_events : DataFrame
        As of ``event_outcomes``.
    tables : RunTables

    Returns
    -------
    DataFrame
        The columns of ``objects`` and ``stage, reason, is_found, n_known, n_known_found`` (of its
        label), ``n_dips`` (events of its star that the search found).
    """
    rank = known_events["stage"].map({name: k for k, name in enumerate(STAGES)})
    own = known_events.assign(rank=rank).merge(objects[["known_id", "label"]], on=["known_id", "label"])
    best = own.sort_values("rank", kind="stable").drop_duplicates("known_id", keep="last")
    counts = own.groupby("known_id")["is_found"].agg(["size", "sum"])
    table = objects.merge(best[["known_id", "stage", "reason"]], on="known_id", validate="1:1")
    table["is_found"] = table["stage"].isin(FOUND)
    table["n_known"] = table["known_id"].map(counts["size"]).astype("int64")
    table["n_known_found"] = table["known_id"].map(counts["sum"]).astype("int64")
    dips = tables.events.loc[tables.events["kind"] == "dip", "asas_sn_id"].value_counts()
    table["n_dips"] = table["asas_sn_id"].map(dips).fillna(0).astype("int64")
    return table
