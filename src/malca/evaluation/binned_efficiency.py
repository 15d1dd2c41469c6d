"""Shares of trials recovered in bins of one or more axes, with the counts they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from malca.evaluation.intervals import binomial_limits
from malca.evaluation.threshold_depth import ThresholdDepth, threshold_depth

#: Other names of an axis: those of the cube's arrays and of the trials' columns.
_ALIASES = {
    "mag": "magnitude", "median_mag": "magnitude", "depth_mag": "depth", "duration_days": "duration",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class BinnedEfficiency:
    """Trials and those recovered in bins of one or more axes.

    Attributes
    ----------
    axes : tuple of str
        Of ``depth``, ``duration`` and ``magnitude``, in the order of the arrays' axes.
    edges : tuple of (n_bins + 1,) float64 arrays
        Of each axis: mag, days, mag.
    trials : int64 array
    recovered_per_stage : int64 array, (stage, *bins)
        Trials that reached each stage.
    stages : tuple of str
    recovered_stage : str
        The stage at which a trial counts as recovered.
    confidence : float
        Of ``lower`` and ``upper``.
    """

    axes: tuple[str, ...]
    edges: tuple[np.ndarray, ...]
    trials: np.ndarray
    recovered_per_stage: np.ndarray
    stages: tuple[str, ...]
    recovered_stage: str
    confidence: float

    @property
    def recovered(self) -> np.ndarray:
        """Trials recovered: int64 array."""
        return self.recovered_per_stage[self.stages.index(self.recovered_stage)]

    @cached_property
    def efficiency(self) -> np.ndarray:
        """Share of the trials recovered; NaN in a bin without trials."""
        with np.errstate(invalid="ignore"):
            return np.where(self.trials > 0, self.recovered / np.maximum(self.trials, 1), np.nan)

    @cached_property
    def _limits(self) -> tuple[np.ndarray, np.ndarray]:
        return binomial_limits(self.recovered, self.trials, self.confidence)

    @property
    def lower(self) -> np.ndarray:
        """Lower limit of the efficiency (Jeffreys); 0 in a bin without trials."""
        return self._limits[0]

    @property
    def upper(self) -> np.ndarray:
        """Upper limit of the efficiency (Jeffreys); 1 in a bin without trials."""
        return self._limits[1]

    def axis(self, name: str) -> int:
        """Position of an axis.

        Raises
        ------
        ValueError
            There is no such axis.
        """
        name = _ALIASES.get(name, name)
        if name not in self.axes:
            raise ValueError(f"there is no axis {name!r}, but {', '.join(self.axes)}")
        return self.axes.index(name)

    def edges_of(self, name: str) -> np.ndarray:
        """Edges of the bins of an axis."""
        return self.edges[self.axis(name)]

    def centers_of(self, name: str) -> np.ndarray:
        """Centres of the bins of an axis: geometric for depth and duration, but for a bin from 0."""
        edges = self.edges_of(name)
        middle = 0.5 * (edges[:-1] + edges[1:])
        if self.axes[self.axis(name)] == "magnitude":
            return middle
        return np.where(edges[:-1] > 0, np.sqrt(edges[:-1] * edges[1:]), middle)

    def over(self, *names: str) -> BinnedEfficiency:
        """Marginalise over axes: trials are added up, so that bins weigh as they were tried.

        Raises
        ------
        ValueError
            There is no such axis, or none would be left.
        """
        gone = {self.axis(name) for name in names}
        if len(gone) == len(self.axes):
            raise ValueError("one axis must be left")
        kept = [k for k in range(len(self.axes)) if k not in gone]
        return BinnedEfficiency(
            axes=tuple(self.axes[k] for k in kept),
            edges=tuple(self.edges[k] for k in kept),
            trials=self.trials.sum(axis=tuple(gone)),
            recovered_per_stage=self.recovered_per_stage.sum(axis=tuple(k + 1 for k in gone)),
            stages=self.stages,
            recovered_stage=self.recovered_stage,
            confidence=self.confidence,
        )

    def at_bin(self, name: str, k: int) -> BinnedEfficiency:
        """Take one bin of an axis, and the other axes as they are."""
        at = self.axis(name)
        return BinnedEfficiency(
            self.axes[:at] + self.axes[at + 1 :], self.edges[:at] + self.edges[at + 1 :],
            self.trials.take(k, axis=at), self.recovered_per_stage.take(k, axis=at + 1), self.stages,
            self.recovered_stage, self.confidence,
        )  # fmt: skip

    def at_stage(self, stage: str) -> BinnedEfficiency:
        """Count as recovered what reached another stage.

        Raises
        ------
        ValueError
            There is no such stage.
        """
        if stage not in self.stages:
            raise ValueError(f"there is no stage {stage!r}, but {', '.join(self.stages)}")
        return BinnedEfficiency(
            self.axes, self.edges, self.trials, self.recovered_per_stage, self.stages, stage,
            self.confidence,
        )  # fmt: skip

    def depth_at(self, level: float) -> ThresholdDepth:
        """Depth at which the efficiency reaches a level, for each bin of the other axes.

        See `malca.evaluation.threshold_depth.threshold_depth`.
        """
        at = self.axis("depth")
        values = [np.moveaxis(a, at, 0) for a in (self.efficiency, self.lower, self.upper, self.trials)]
        return threshold_depth(self.centers_of("depth"), *values, level=level)
