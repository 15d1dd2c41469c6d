"""What makes a star dim and whether it is known, as a dossier says it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from malca.plots.dossier_catalogues import catalogue_name
from malca.plots.dossier_values import flag, floats, is_there, words

CLASSES = {
    "eclipsing_binary": "eclipsing binary",
    "cataclysmic": "cataclysmic variable",
    "starspot": "starspot",
    "circumstellar_disc": "circumstellar disc",
    "yso": "young stellar object",
    "unknown": "none of these",
}
#: Beyond this the bars of the evidence do not grow, natural logarithm of odds.
_FULL_BAR = 5.0
_TERM = re.compile(r"^(?P<what>.+?) (?P<amount>[+-]\d+(?:\.\d+)?)$")


class Bar(NamedTuple):
    """Probability of a class."""

    name: str
    percent: float
    text: str


class Evidence(NamedTuple):
    """What one observable adds to the odds, and its bar: percent of half the width, and the side."""

    what: str
    amount: str
    percent: float
    speaks_for: bool


class Verdict(NamedTuple):
    """What it is taken to be, and why."""

    final_class: str
    odds: str
    against: str
    evidence: Sequence[Evidence]
    words: str
    bars: Sequence[Bar]


class Statement(NamedTuple):
    """A sentence on what is known, with the class of CSS of its mark."""

    kind: str
    text: str


def verdict_of(star: Mapping[str, Any]) -> Verdict:
    """Say what a star is taken to be.

    Parameters
    ----------
    star : mapping
        A row of ``classified``, or of any table before it.
    """
    told = words(star, "class_evidence")
    against, evidence = _evidence(told)
    given = [
        (name, float(star[f"p_{key}"]))
        for key, name in CLASSES.items()
        if is_there(star.get(f"p_{key}"))
    ]
    bars = [
        Bar(name, round(100 * p, 1), f"{100 * p:.0f} %" if 0.01 <= p <= 0.99 else f"{100 * p:.1f} %")
        for name, p in sorted(given, key=lambda item: -item[1])
    ]
    return Verdict(
        words(star, "final_class"), _odds(star), against, evidence, "" if evidence else told, bars
    )


def _odds(star: Mapping[str, Any]) -> str:
    (margin,) = floats(star, "class_margin")
    best, second = (
        CLASSES.get(words(star, name), words(star, name)) for name in ("class_best", "class_second")
    )
    if not math.isfinite(margin):
        return ""
    ratio = math.exp(min(margin, 20.0))
    times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}" if margin < 14 else "over a million"
    if not (best and second):
        return f"{times} times as likely as the next class"
    return f"{best}: {times} times as likely as {second}"


def _evidence(told: str) -> tuple[str, list[Evidence]]:
    """Take apart what the classification tells; nothing if it is in other words."""
    head, separator, rest = told.partition(": ")
    terms = [_TERM.match(part) for part in rest.split("; ")]
    if not (separator and head.startswith("against ") and all(terms)):
        return "", []
    evidence = []
    for term in terms:
        if term is None:
            continue
        amount = float(term["amount"])
        evidence.append(
            Evidence(
                term["what"],
                f"{amount:+.1f}",
                round(100 * min(abs(amount) / _FULL_BAR, 1.0), 1),
                amount > 0,
            )
        )
    return head.removeprefix("against "), evidence


def statements_of(star: Mapping[str, Any]) -> list[Statement]:
    """Say what catalogues know the star as, what else to know, and which gave no answer.

    Parameters
    ----------
    star : mapping
        A row of ``vetted`` or ``classified``.
    """
    if "vetting_likely_known" not in star:
        return []
    said = []
    likely, dipper = flag(star, "vetting_likely_known"), flag(star, "vetting_known_dipper")
    reasons, dips = words(star, "vetting_reasons"), words(star, "vetting_dipper_reasons")
    if likely:
        said.append(Statement("known", f"Known: {reasons}" if reasons else "A known object"))
    if dipper:
        said.append(Statement("dipper", f"Known to dim: {dips}" if dips else "Known to dim"))
    if not likely and not dipper:
        if likely is None:
            said.append(Statement("unknown", "Whether it is known cannot be told"))
        else:
            said.append(Statement("new", "No catalogue that was asked says what it is"))
    if remarks := words(star, "vetting_remarks"):
        said.append(Statement("remark", f"Note: {remarks}"))
    for column, text in (
        ("vetting_unknown", "No answer from"), ("vetting_not_covering", "Outside of"),
    ):  # fmt: skip
        if names := words(star, column):
            told = ", ".join(catalogue_name(name) for name in names.split("|"))
            said.append(Statement("unknown", f"{text}: {told}"))
    return said
