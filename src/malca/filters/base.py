"""What a filter is: it says of every star passed, failed or unknown, of its dips and jumps apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from malca.filters.stars import Branch, StarTables

#: Outcomes, as codes.
FAILED, PASSED, UNKNOWN = 0, 1, -1
OUTCOME_NAMES = {FAILED: "failed", PASSED: "passed", UNKNOWN: "unknown"}


class Verdict(NamedTuple):
    """What a filter says of one branch of every star (or of every event of that branch).

    Attributes
    ----------
    outcome : (n,) int8 array
        ``FAILED``, ``PASSED`` or ``UNKNOWN``.
    value : (n,) float64 array
        What was compared; NaN where it is not known.
    threshold : (n,) float64 array
        What it was compared with.
    reason : (n,) object array of str
        Why, for those that failed or could not be judged; anything for the others.
    """

    outcome: np.ndarray
    value: np.ndarray
    threshold: np.ndarray
    reason: np.ndarray

    def take(self, rows: np.ndarray) -> Verdict:
        """Take the verdicts of some rows."""
        return Verdict(*(part[rows] for part in self))


class Filter(BaseModel, ABC):
    """One question put to every star. Its fields are its parameters.

    A filter never drops a star: its outcome becomes a column. Whether a star that fails can still
    be a candidate is ``action``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    #: Tables beyond ``sources`` and ``events`` that the filter needs; without one it says "unknown".
    needs: ClassVar[tuple[str, ...]] = ()

    enabled: bool = Field(True, description="Whether the filter is asked at all.")
    action: Literal["reject", "tag"] = Field(
        "reject", description="Whether a star that fails can be no candidate, or is only marked."
    )
    unknown: Literal["pass", "reject"] = Field(
        "pass", description="Whether a star that cannot be judged goes on; it is counted in any case."
    )

    @abstractmethod
    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Judge one branch of every star; what it says of a star without such events is ignored."""

    def stops(self, outcome: np.ndarray) -> np.ndarray:
        """Whether a star (or event) with this outcome can be no candidate, shape of ``outcome``."""
        if self.action == "tag":
            return np.zeros(outcome.shape, bool)
        return (outcome == FAILED) | ((outcome == UNKNOWN) & (self.unknown == "reject"))


class EventFilter(Filter):
    """A filter that judges every event; a branch passes if one of its events does."""

    @abstractmethod
    def judge_events(self, stars: StarTables, branch: Branch) -> Verdict:
        """Judge the events of one branch, in the order of ``stars.events_of(branch)``."""

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Give each star the verdict of its best event: passed before unknown before failed.

        Of events with one outcome the one that comes nearest to the threshold speaks, so that
        what is told of a rejected star is what speaks most for it.
        """
        return best_of_star(self.judge_events(stars, branch), stars, branch)


def best_of_star(verdict: Verdict, stars: StarTables, branch: Branch) -> Verdict:
    """Verdict of each star from those of its events; NaN and "no event" for a star without."""
    star = stars.events_of(branch).star
    rank = np.select([verdict.outcome == PASSED, verdict.outcome == UNKNOWN], [2, 1], 0)
    value = np.where(np.isnan(verdict.value), -np.inf, verdict.value)
    order = np.lexsort([value, rank, star])
    last = np.flatnonzero(np.diff(star[order], append=-1))
    best = order[last]
    n = len(stars)
    found = Verdict(
        np.full(n, UNKNOWN, np.int8),
        np.full(n, np.nan),
        np.full(n, np.nan),
        np.full(n, "no event", dtype=object),
    )
    for whole, part in zip(found, verdict, strict=True):
        whole[star[best]] = part[best]
    return found


def at_least(
    value: np.ndarray, threshold: float, what: str, unknown: str = "", digits: int = 4
) -> Verdict:
    """Pass values that reach a threshold; NaN is unknown, -inf fails.

    Parameters
    ----------
    value : (n,) float64 array
    threshold : float
    what : str
        What the value is, for the reason.
    unknown : str
        Why it may be missing.
    digits : int
        Of the value in the reason.
    """
    return compared(value, value >= threshold, threshold, f"{what}, at least", unknown, digits)


def at_most(
    value: np.ndarray, threshold: float, what: str, unknown: str = "", digits: int = 4
) -> Verdict:
    """Pass values that do not exceed a threshold; see ``at_least``."""
    return compared(value, value <= threshold, threshold, f"{what}, at most", unknown, digits)


def compared(
    value: np.ndarray,
    good: np.ndarray,
    threshold: float,
    what: str,
    unknown: str = "",
    digits: int = 4,
) -> Verdict:
    """Make a verdict of values that passed a comparison or not; NaN is unknown."""
    missing = np.isnan(value)
    outcome = np.where(missing, UNKNOWN, np.where(good, PASSED, FAILED)).astype(np.int8)
    reason = np.full(len(value), "", dtype=object)
    for i in np.flatnonzero(outcome == FAILED).tolist():
        reason[i] = f"{value[i]:.{digits}g} {what} {threshold:.{digits}g} is asked"
    reason[missing] = unknown or "not known"
    return Verdict(
        outcome, np.asarray(value, np.float64), np.full(len(value), float(threshold)), reason
    )
