"""Where stars are lost, from the survey's list to the candidates, and which cuts they fail together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from malca.evaluation.matching import require
from malca.filters.funnel import ANY

STAGE_DTYPES = {
    "order": "int64", "stage": "str", "step": "str", "action": "str", "n_in": "int64",
    "n_passed": "int64", "n_failed": "int64", "n_unknown": "int64", "n_stopped": "int64",
    "n_out": "int64", "share_of_listed": "float64", "why": "str",
}  # fmt: skip
OVERLAP_DTYPES = {
    "group": "str", "first": "str", "second": "str", "n_first": "int64", "n_second": "int64",
    "n_both": "int64", "n_either": "int64", "share": "float64",
}  # fmt: skip
#: What a stage does with a star that fails it: keeps it from going on, or only marks it.
REJECT, TAG = "reject", "tag"
_TAG_ACTIONS = {"filter": REJECT, "tag": TAG}


class _Funnel:
    """Stars still there, and a row a stage."""

    def __init__(self, n: int) -> None:
        self.alive = np.ones(n, bool)
        self.n_listed = n
        self.rows: list[dict[str, object]] = []

    def ask(
        self,
        stage: str,
        step: str,
        passed: np.ndarray,
        failed: np.ndarray,
        why: str = "",
        action: str = REJECT,
        unknown_stops: bool = True,
    ) -> None:
        """Count outcomes of the stars that are there; one neither passed nor failed is unknown."""
        alive = self.alive
        unknown = alive & ~passed & ~failed
        stops = np.zeros(len(alive), bool)
        if action == REJECT:
            stops = alive & ((unknown & unknown_stops) | (failed & ~passed))
        self.add(
            stage, step, action, int(alive.sum()), int((alive & passed).sum()),
            int((alive & failed & ~passed).sum()), int(unknown.sum()), int(stops.sum()), why,
        )  # fmt: skip
        self.alive = alive & ~stops

    def add(
        self,
        stage: str,
        step: str,
        action: str,
        n_in: int,
        n_passed: int,
        n_failed: int,
        n_unknown: int,
        n_stopped: int,
        why: str,
    ) -> None:
        n_out = n_in - n_stopped
        self.rows.append(
            {
                "order": len(self.rows), "stage": stage, "step": step, "action": action, "n_in": n_in,
                "n_passed": n_passed, "n_failed": n_failed, "n_unknown": n_unknown,
                "n_stopped": n_stopped, "n_out": n_out,
                "share_of_listed": n_out / self.n_listed if self.n_listed else np.nan, "why": why,
            }
        )  # fmt: skip


def attrition_stages(
    manifest: pd.DataFrame,
    tags: pd.DataFrame,
    failures: pd.DataFrame,
    judged: pd.DataFrame,
    attrition: pd.DataFrame,
    tag_uses: Mapping[str, str],
) -> pd.DataFrame:
    """Count stars at every stage.

    Parameters
    ----------
    manifest : DataFrame
        ``asas_sn_id, lc_exists`` of every star listed.
    tags : DataFrame
        ``asas_sn_id, failed_<tag>`` of every star with a light curve that could be read.
    failures : DataFrame
        ``asas_sn_id, stage, reason``.
    judged : DataFrame
        Of every star searched ``asas_sn_id, dip_count, jump_count`` and how many of its dips and jumps
        were shallower than asked.
    attrition : DataFrame
        As of ``malca.filters.funnel.attrition_table``: the filters, by whichever branch.
    tag_uses : mapping of str to str
        Of each tag in order "filter", "tag" or "off".

    Returns
    -------
    DataFrame
        A row a stage, in order: ``stage`` ("listed", "light_curve", "readable", "tag", "searched",
        "triggered", "deep_enough", "filter", "candidates"), ``step`` (which tag, which filter);
        ``action`` ("reject", or "tag": it only marks); ``n_in`` = n_passed + n_failed + n_unknown;
        ``n_stopped`` go no further, ``n_out`` = n_in - n_stopped arrive at the next;
        ``share_of_listed``, those in n_out; ``why`` stars failed, with their numbers.

    Raises
    ------
    ValueError
        A column is missing, a star is there twice, or the tables are not of one run.
    """
    require(manifest, "the manifest", ("asas_sn_id", "lc_exists"))
    require(tags, "tags", ("asas_sn_id",))
    require(failures, "failures", ("asas_sn_id", "stage", "reason"))
    below = ["dip_n_below_min_mag_offset", "jump_n_below_min_mag_offset"]
    counts = ["dip_count", "jump_count", *below]
    require(judged, "judged stars", ("asas_sn_id", *counts))
    require(attrition, "attrition", ("stage", "filter", "branch", "n_in", "n_out"))
    for name, table in (("manifest", manifest), ("table of tags", tags), ("table of judged", judged)):
        if table["asas_sn_id"].duplicated().any():
            raise ValueError(f"the {name} has a star twice")
    ids = pd.Index(manifest["asas_sn_id"].to_numpy(np.int64))
    for name, table in (("tagged", tags), ("judged", judged)):
        strangers = int((ids.get_indexer(table["asas_sn_id"].to_numpy(np.int64)) < 0).sum())
        if strangers:
            raise ValueError(
                f"{strangers} {name} stars are not in the manifest: run the pipelines again"
            )
    n = len(ids)
    nobody = np.zeros(n, bool)
    funnel = _Funnel(n)
    funnel.ask("listed", "", ~nobody, nobody)
    exists = manifest["lc_exists"].to_numpy(bool)
    why = "no file of the light curve" if (~exists).any() else ""
    funnel.ask("light_curve", "", exists, ~exists, why)
    failed, why = _failed(failures, "read", ids)
    tagged = ids.isin(tags["asas_sn_id"])
    funnel.ask("readable", "", tagged, failed & ~tagged, why)
    by_star = tags.set_index(tags["asas_sn_id"].to_numpy(np.int64)).reindex(ids)
    for name, use in tag_uses.items():
        column = f"failed_{name}"
        if use == "off" or column not in by_star:
            continue
        fails = by_star[column].astype("boolean").fillna(False).to_numpy(bool)
        passes = tagged & ~fails
        if name == "vsx" and "vsx_outcome" in by_star:
            passes &= (by_star["vsx_outcome"] != "unknown").fillna(False).to_numpy(bool)
        # A tag that cannot be told keeps nobody out.
        funnel.ask("tag", name, passes, fails, action=_TAG_ACTIONS[use], unknown_stops=False)
    searched = ids.isin(judged["asas_sn_id"])
    failed, why = _failed(failures, "detection", ids)
    funnel.ask("searched", "", searched, failed & ~searched, why)
    stars = judged.set_index(judged["asas_sn_id"].to_numpy(np.int64))[counts].reindex(ids).fillna(0)
    has = (stars["dip_count"] + stars["jump_count"] > 0).to_numpy(bool)
    shallow = (stars[below].sum(axis=1) > 0).to_numpy(bool)
    triggered = has | shallow
    funnel.ask("triggered", "", triggered, ~triggered, "no event reached the threshold")
    funnel.ask("deep_enough", "", has, ~has, "only events shallower than asked")
    _add_filters(funnel, attrition)
    return pd.DataFrame(funnel.rows).astype(STAGE_DTYPES)


def _failed(failures: pd.DataFrame, stage: str, ids: pd.Index) -> tuple[np.ndarray, str]:
    """Stars that failed at a stage, and why, counted."""
    own = failures[(failures["stage"] == stage) & failures["asas_sn_id"].notna()]
    own = own.drop_duplicates("asas_sn_id")
    reasons = own["reason"].value_counts()
    why = ", ".join(f"{n} {reason}" for reason, n in reasons.items())
    return ids.isin(own["asas_sn_id"].to_numpy(np.int64)), why


def _add_filters(funnel: _Funnel, attrition: pd.DataFrame) -> None:
    rows = attrition[(attrition["branch"] == ANY) & (attrition["stage"] == "filter")]
    n = int(funnel.alive.sum())
    for row in rows.to_dict("records"):
        if row["n_in"] != n:
            raise ValueError(
                f"filter {row['filter']} was given {row['n_in']} stars, {n} arrive: the tables are not "
                "of one run, run filtering again"
            )
        alone = f"{row['n_only']} stopped by this alone" if row.get("n_only") else ""
        funnel.add(
            "filter", row["filter"], row["action"], n, row["n_passed"], row["n_failed"],
            row["n_unknown"], row["n_stopped"], alone,
        )  # fmt: skip
        n = row["n_out"]
    left = attrition[(attrition["branch"] == ANY) & (attrition["stage"] == "candidates")]
    if len(left) and int(left["n_out"].iloc[0]) != n:
        raise ValueError(f"the filters leave {n} stars and {left['n_out'].iloc[0]} are candidates")
    funnel.add("candidates", "", REJECT, n, n, 0, 0, 0, "")


def overlap_of_cuts(
    tags: pd.DataFrame, judged: pd.DataFrame, attrition: pd.DataFrame, tag_uses: Mapping[str, str]
) -> pd.DataFrame:
    """Count stars that fail two cuts together.

    Parameters
    ----------
    tags, judged, attrition, tag_uses
        See `attrition_stages`. A star fails a filter if none of its branches passes it.

    Returns
    -------
    DataFrame
        A row a pair of tags or of filters (``group``), a cut with itself too: ``first, second,
        n_first, n_second, n_both, n_either``, and ``share``, of both in either (missing where no
        star fails either). Stars of which a filter could not be told count for no pair with it.
    """
    names = {
        "tag": [name for name, use in tag_uses.items() if use != "off"],
        "filter": list(dict.fromkeys(name for name in attrition["filter"] if name)),
    }
    rows = []
    for group, table in (("tag", tags), ("filter", judged)):
        own = [name for name in names[group] if f"failed_{name}" in table]
        flags = {
            name: table[f"failed_{name}"].astype("boolean").fillna(False).to_numpy(bool) for name in own
        }
        for k, first in enumerate(own):
            for second in own[k:]:
                both = int((flags[first] & flags[second]).sum())
                either = int((flags[first] | flags[second]).sum())
                rows.append(
                    {
                        "group": group, "first": first, "second": second,
                        "n_first": int(flags[first].sum()), "n_second": int(flags[second].sum()),
                        "n_both": both, "n_either": either,
                        "share": both / either if either else np.nan,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows, columns=list(OVERLAP_DTYPES)).astype(OVERLAP_DTYPES)
