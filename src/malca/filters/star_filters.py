"""Filters that judge what the events of a star are together."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from malca.filters.base import (
    FAILED,
    PASSED,
    UNKNOWN,
    Filter,
    Verdict,
    at_least,
    at_most,
    best_of_star,
    compared,
)
from malca.filters.stars import Branch, StarTables

_OPPOSITE: dict[Branch, Branch] = {"dip": "jump", "jump": "dip"}


class SignificantDetection(Filter):
    """The search accepted events of this branch."""

    name: ClassVar[str] = "significant_detection"

    min_events: int = Field(1, ge=1, description="Least accepted events of the branch.")
    max_events: int | None = Field(
        None, ge=1, description="Most accepted events of the branch; none: no limit."
    )

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare the number of events; their star must be marked significant too."""
        significant = stars.numbers(f"{branch}_significant") == 1
        count = np.where(significant, stars.numbers(f"{branch}_count"), 0.0)
        verdict = at_least(count, self.min_events, "accepted events")
        if self.max_events is None:
            return verdict
        most = at_most(count, self.max_events, "accepted events")
        many = count > self.max_events
        return Verdict(*(np.where(many, a, b) for a, b in zip(most, verdict, strict=True)))


class Score(Filter):
    """The branch's score, which weighs depth, duration, points and fit of its events."""

    name: ClassVar[str] = "score"

    min_dipper_score: float = Field(
        -0.5,
        description="Least log10 score of the dips (mag d). It ranks; 0 loses eclipses of two days.",
    )
    min_jumper_score: float = Field(-2.0, description="Least log10 score of the jumps (mag d).")

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare ``dipper_score`` or ``jumper_score``; unknown without an event that has a shape."""
        which, threshold = {
            "dip": ("dipper_score", self.min_dipper_score),
            "jump": ("jumper_score", self.min_jumper_score),
        }[branch]
        return at_least(stars.numbers(which), threshold, "log10 score", "no event has a shape to score")


class BriefRecurrent(Filter):
    """The star does not dim again and again for less than a night.

    Who eclipses for hours is close to the star and small: a companion in an orbit of days. One to
    three such events are let pass, since a distant eclipse may be seen in one night only.
    """

    name: ClassVar[str] = "brief_recurrent"

    min_median_days: float = Field(
        0.7, ge=0, description="Least median time from the first to the last point of an event, d."
    )
    max_brief_events: int = Field(3, ge=0, description="Stars with no more events are let pass.")
    judge_jumps: bool = Field(
        False, description="Whether jumps are judged too: flares do recur and last for hours."
    )

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare the median of ``duration_days`` of the branch's events."""
        star = stars.events_of(branch).star
        median = medians(stars.event_numbers("duration_days", branch), star, len(stars))
        count = stars.count_events(branch)
        judged = (count > self.max_brief_events) & (branch == "dip" or self.judge_jumps)
        good = (median >= self.min_median_days) | ~judged
        return compared(
            median, good, self.min_median_days, "d long in the median, and many of them; at least"
        )


class UnexplainedVariation(Filter):
    """The star's faint points (bright ones for jumps) lie in its events.

    Who dims far more often than its accepted events say, in single points that no event holds, is an
    eclipsing or irregular variable. What noise does is read off the other side: faint points outside
    events are set against bright points beyond the same limit.
    """

    name: ClassVar[str] = "unexplained_variation"
    needs: ClassVar[tuple[str, ...]] = ("statistics",)

    max_share: float = Field(
        0.03,
        ge=0,
        lt=1,
        description="Largest share of all points that may lie beyond 3 robust σ on the events' side, "
        "outside events and in excess of the other side. Of 13 real stars with known events none has "
        "more than 0.016.",
    )
    max_sigma: float = Field(
        5.0,
        ge=0,
        description="Largest significance of that excess, σ of counts; both must be exceeded.",
    )
    judge_jumps: bool = Field(
        False, description="Whether jumps are judged too: flares between visits are no fault."
    )

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare the excess with counting noise, as a share of the points."""
        n = stars.numbers("file_points_kept_after_filter", "statistics")
        fainter = stars.numbers("fainter_3_sigma_fraction", "statistics")
        brighter = stars.numbers("beyond_3_sigma_fraction", "statistics") - fainter
        own, other = (fainter, brighter) if branch == "dip" else (brighter, fainter)
        star = stars.events_of(branch).star
        inside = np.bincount(star, stars.event_numbers("n_points", branch), len(stars))
        # Which of the points within events lie beyond the limit is not known: all are taken off.
        outside = np.maximum(own * n - inside, 0.0)
        mirrored = other * n
        with np.errstate(invalid="ignore"):
            excess = outside - mirrored
            share = excess / n
            sigma = excess / np.sqrt(outside + mirrored + 1.0)
        good = (share <= self.max_share) | (sigma <= self.max_sigma)
        if branch == "jump" and not self.judge_jumps:
            good = ~np.isnan(share)
        return compared(
            share,
            good,
            self.max_share,
            "of the points lie outside events where noise does not put them; at most",
            "no statistics of its points",
            2,
        )


class SymmetricVariability(Filter):
    """The star does not brighten as much as it dims.

    A star that departs from its mean both ways varies; its dips are no more than the lower half of
    that. Events are weighed by depth × duration.
    """

    name: ClassVar[str] = "symmetric_variability"

    max_opposite_share: float = Field(
        0.5,
        gt=0,
        description="Largest sum of depth × duration of the opposite events, as a share of the "
        "branch's own.",
    )
    min_opposite_events: int = Field(
        2, ge=1, description="Fewer opposite events are let pass: one flare is no variability."
    )

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare the areas of the two branches."""
        own, opposite = _area(stars, branch), _area(stars, _OPPOSITE[branch])
        share = np.divide(opposite, own, out=np.full(len(own), np.nan), where=own > 0)
        few = stars.count_events(_OPPOSITE[branch]) < self.min_opposite_events
        return compared(
            share,
            (share <= self.max_opposite_share) | few,
            self.max_opposite_share,
            "times as much in the opposite sense; at most",
            "no depth or duration",
        )


class SameEvent(Filter):
    """One event passes every rejecting filter of events before this one, alone.

    Without it a star could owe its evidence to one event and its cameras to another.
    """

    name: ClassVar[str] = "same_event"

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Ask for an event that nothing has stopped so far."""
        row = stars.events_of(branch).row
        free = ~stars.event_stopped[row]
        outcome = np.where(free, PASSED, FAILED).astype(np.int8)
        reason = np.full(len(row), "no single event passes every filter of events", dtype=object)
        verdict = best_of_star(
            Verdict(outcome, free.astype(float), np.ones(len(row)), reason), stars, branch
        )
        count = np.bincount(stars.events_of(branch).star, free, len(stars))
        return verdict._replace(value=np.where(verdict.outcome == UNKNOWN, np.nan, count))


def medians(values: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """Median of the values of each group, NaN for a group without any.

    Parameters
    ----------
    values : (n,) float64 array
        NaN are left out.
    group : (n,) int array
    n_groups : int
    """
    known = ~np.isnan(values)
    values, group = values[known], group[known]
    ordered = values[np.lexsort([values, group])]
    count = np.bincount(group, minlength=n_groups)
    first = np.cumsum(count) - count
    found = np.full(n_groups, np.nan)
    some = count > 0
    low = ordered[(first + (count - 1) // 2)[some]]
    high = ordered[(first + count // 2)[some]]
    found[some] = 0.5 * (low + high)
    return found


def _area(stars: StarTables, branch: Branch) -> np.ndarray:
    """Sum of depth × duration of one kind of events of each star, mag d."""
    # An event of one visit has no duration of its own; a night is what it may have lasted.
    duration = np.maximum(stars.event_numbers("duration_days", branch), 0.5)
    area = np.nan_to_num(stars.event_numbers("depth_mag", branch) * duration)
    return np.bincount(stars.events_of(branch).star, area, len(stars))
