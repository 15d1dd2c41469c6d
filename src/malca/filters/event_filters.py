"""Filters that judge each event by itself."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from malca.filters.base import FAILED, PASSED, UNKNOWN, EventFilter, Verdict, at_least
from malca.filters.stars import Branch, StarTables

Shape = Literal["gaussian", "skew_normal", "paczynski", "fred"]


class Evidence(EventFilter):
    """The event is needed to explain the data: its ln Bayes factor."""

    name: ClassVar[str] = "evidence"

    min_ln_bf: float = Field(
        30.0,
        description="Least natural logarithm of the Bayes factor of an event. It is that of "
        "the best of thousands of windows in each of many stars, so that 10 is no more than chance.",
    )

    def judge_events(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare ``ln_bf``."""
        return at_least(stars.event_numbers("ln_bf", branch), self.min_ln_bf, "ln Bayes factor")


class RunRobustness(EventFilter):
    """The event consists of enough points of enough cameras: both of the same event.

    Where fewer cameras observed at all, that fewer show it says nothing: unknown.
    """

    name: ClassVar[str] = "run_robustness"

    min_points: int = Field(2, ge=1, description="Least points within the event.")
    min_cameras: int = Field(2, ge=1, description="Least cameras with points within the same event.")

    def judge_events(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare ``n_points`` and ``n_cameras``; the value is that of the one that falls short."""
        points = stars.event_numbers("n_points", branch)
        cameras = stars.event_numbers("n_cameras", branch)
        few = points < self.min_points
        observing = stars.event_numbers("n_cameras_observing", branch)
        alone = ~few & (cameras < self.min_cameras) & (observing < self.min_cameras)
        good = ~few & (cameras >= self.min_cameras)
        outcome = np.where(good, PASSED, np.where(alone, UNKNOWN, FAILED)).astype(np.int8)
        reason = np.array(
            [
                f"{int(n)} points of {int(k)} cameras in one event; {self.min_points} of "
                f"{self.min_cameras} are asked{', no other observed' if lost else ''}"
                for n, k, lost in zip(points, cameras, alone, strict=True)
            ],
            dtype=object,
        )
        value = np.where(few, points, cameras)
        threshold = np.where(few, float(self.min_points), float(self.min_cameras))
        return Verdict(outcome, value, threshold, reason)


class Morphology(EventFilter):
    """A profile of an expected shape describes the event better than a constant does."""

    name: ClassVar[str] = "morphology"

    min_delta_bic: float = Field(
        10.0,
        ge=0,
        description='Least gain of the best profile over a constant, in BIC; 10 is "very strong" (Kass '
        "& Raftery 1995, JASA 90, 773).",
    )
    dip_shapes: tuple[Shape, ...] = Field(
        ("gaussian", "skew_normal", "fred"),
        description="Shapes a dip may have. A skew normal is a dipper's; a steep fall and a slow "
        "recovery (fred) an R CrB star's.",
    )
    jump_shapes: tuple[Shape, ...] = Field(
        ("gaussian", "skew_normal", "paczynski", "fred"), description="Shapes a jump may have."
    )

    def judge_events(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare ``delta_bic`` of events with an expected ``morphology``.

        An event with too few epochs to tell one shape from another (``undetermined``) is unknown.
        """
        shape = stars.event_words("morphology", branch)
        gain = stars.event_numbers("delta_bic", branch)
        expected = np.isin(shape, self.dip_shapes if branch == "dip" else self.jump_shapes)
        unknown = (shape == "undetermined") | np.isnan(gain)
        good = expected & (gain >= self.min_delta_bic)
        outcome = np.where(unknown, UNKNOWN, np.where(good, PASSED, FAILED)).astype(np.int8)
        reason = np.array(
            [
                "too few epochs to tell the shape"
                if lost
                else f"{word}, {value:.4g} better than a constant in BIC; an expected shape and "
                f"{self.min_delta_bic:.4g} are asked"
                for word, value, lost in zip(shape, gain, unknown, strict=True)
            ],
            dtype=object,
        )
        return Verdict(outcome, gain, np.full(len(gain), self.min_delta_bic), reason)


class Amplitude(EventFilter):
    """The event is deep (or high) enough, whatever the other branch shows."""

    name: ClassVar[str] = "amplitude"

    min_depth_mag: float = Field(
        0.1, ge=0, description="Least depth of a dip or height of a jump, mag."
    )

    def judge_events(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare ``depth_mag``."""
        return at_least(stars.event_numbers("depth_mag", branch), self.min_depth_mag, "mag")


class OneCamera(EventFilter):
    """More than one camera shows the event.

    Where others looked and saw nothing the camera went wrong, not the star. Where one camera alone
    observed, what lies beside the event tells: a camera goes wrong from one day to the next and
    contradicts the others there, so that no profile of an event fits. Where one does fit, nobody can
    tell: unknown.
    """

    name: ClassVar[str] = "one_camera"

    min_cameras_confirming: int = Field(
        2, ge=2, description="Least cameras whose own mean shows the event at 2 σ."
    )
    min_bands_confirming: int = Field(
        1,
        ge=1,
        le=2,
        description="Least bands whose own mean shows the event at 2 σ, where both looked.",
    )
    max_lone_reduced_chi2: float = Field(
        10.0,
        gt=0,
        description="Largest reduced χ² of the profile of an event that one camera alone observed.",
    )

    def judge_events(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare ``n_cameras_confirming`` with how many observed."""
        confirming = stars.event_numbers("n_cameras_confirming", branch)
        bands = stars.event_numbers("n_bands_confirming", branch)
        observing = stars.event_numbers("n_cameras_observing", branch)
        chi2 = stars.event_numbers("reduced_chi2", branch)
        asked_bands = np.minimum(stars.event_numbers("n_bands", branch), self.min_bands_confirming)
        good = (confirming >= self.min_cameras_confirming) & (bands >= asked_bands)
        alone = ~good & (observing < self.min_cameras_confirming)
        misfit = alone & (chi2 > self.max_lone_reduced_chi2)
        unknown = alone & ~misfit
        outcome = np.where(good, PASSED, np.where(unknown, UNKNOWN, FAILED)).astype(np.int8)
        reason = np.array(
            [
                f"one camera alone observed{f', reduced χ² {x:.3g}' if wrong else ''}"
                if lone
                else f"{int(k)} of {int(n)} cameras show it"
                for n, k, x, lone, wrong in zip(observing, confirming, chi2, alone, misfit, strict=True)
            ],
            dtype=object,
        )
        value = np.where(misfit, chi2, confirming)
        threshold = np.where(misfit, self.max_lone_reduced_chi2, float(self.min_cameras_confirming))
        return Verdict(outcome, value, threshold, reason)
