"""What became of known objects, in words."""

from __future__ import annotations

import pandas as pd

from malca.evaluation.outcomes import NOT_IN_SURVEY
from malca.evaluation.validation import ALL, Validation
from malca.known_objects import EVENT

#: Text in place of a report where there is nothing to hold a run against.
NONE_GIVEN = (
    "No known objects were given, so there is nothing to compare with: set known_objects in\n"
    "conf/local/globals.yml to a table of known events (user guide, Measuring the search).\n"
)


def report_text(result: Validation, title: str) -> str:
    """Write, object by object, how far each came, and the shares of all.

    Parameters
    ----------
    result : Validation
    title : str
        What is reported on.
    """
    there = result.objects[result.objects["stage"] != NOT_IN_SURVEY]
    shown = there.assign(
        found=[f"{n} of {m}" for n, m in zip(there["n_known_found"], there["n_known"], strict=True)],
        reason=there["reason"].fillna(""),
    )
    columns = ["name", "category", "label", "stage", "found", "n_dips", "reason"]
    lines = [f"{title[0].upper()}{title[1:]}:", ""]
    lines += [shown[columns].to_string(index=False), ""] if len(shown) else []
    if n_away := len(result.objects) - len(there):
        lines += [f"objects that are not among these stars: {n_away} of {len(result.objects)}", ""]
    wanted = (result.events["label"] == EVENT) & (result.events["stage"] != NOT_IN_SURVEY)
    for row in result.events[wanted & ~result.events["is_found"]].to_dict("records"):
        when = "" if pd.isna(row["jd_start"]) else f" of JD {row['jd_start']:.0f}–{row['jd_end']:.0f}"
        why = f" ({row['reason']})" if row["reason"] else ""
        lines.append(f"missed: {row['name']}, event{when}: {row['stage']}{why}")
    others = result.events[
        (result.events["label"] != EVENT) & (result.events["stage"] != NOT_IN_SURVEY)
    ]
    for label, rows in others.groupby("label"):
        lines.append(
            f"labelled {label}: a dip is found at {int(rows['is_found'].sum())} of {len(rows)}"
        )
    verdicts = result.found["verdict"].value_counts()
    lines.append(
        "dips found in these stars: " + (", ".join(f"{n} {v}" for v, n in verdicts.items()) or "none")
    )
    summary = result.summary[result.summary["category"] == ALL]
    for row in summary.to_dict("records"):
        what = "by the search" if row["reached"] == "event" else "and left by the filters"
        lines.append(
            f"{row['level']}s found {what}: {row['n_found']} of {row['n_in_survey']}{_shares(row)}"
        )
    return "\n".join(lines) + "\n"


def _shares(row: dict[str, float]) -> str:
    parts = [
        f"{name} {row[name]:.3f} ({row[f'{name}_low']:.3f}–{row[f'{name}_high']:.3f})"
        for name in ("recall", "precision", "f1")
        if pd.notna(row[name])
    ]
    return f"; {', '.join(parts)} at {row['interval_level']:g}" if parts else ""
