"""The efficiency of the search in bins of depth, duration and magnitude, from injected events.

The method is that of Kepler's pixel-level transit injection (Christiansen et al. 2020, AJ 160, 159;
Thompson et al. 2018, ApJS 235, 38): the share of injected events that come through, with counts, so
that a cell of one trial does not look like one of a hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from malca.evaluation.binned_efficiency import BinnedEfficiency

__all__ = ["BinnedEfficiency", "CubeEdges", "EfficiencyCube", "efficiency_cube"]

#: Column of the table of trials for each axis.
_COLUMNS = {"depth": "depth_mag", "duration": "duration_days", "magnitude": "median_mag"}
_ARRAY_PREFIX = {"depth": "depth", "duration": "duration", "magnitude": "mag"}
DONE = "done"


@dataclass(frozen=True, eq=False)
class CubeEdges:
    """Edges of the bins; the last bin of each axis is closed, the others are half open.

    Attributes
    ----------
    depth_mag, duration_days, mag : (n_bins + 1,) float64 arrays, increasing
        Depths and durations must not be negative.
    """

    depth_mag: np.ndarray
    duration_days: np.ndarray
    mag: np.ndarray

    def __post_init__(self) -> None:
        for name in ("depth_mag", "duration_days", "mag"):
            edges = np.asarray(getattr(self, name), np.float64)
            if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
                raise ValueError(f"the edges in {name} must be two or more increasing numbers")
            if not np.isfinite(edges).all() or (name != "mag" and edges[0] < 0):
                raise ValueError(f"the edges in {name} must be finite and not negative")
            object.__setattr__(self, name, edges)

    @classmethod
    def spaced(
        cls,
        depth_mag: tuple[float, float],
        duration_days: tuple[float, float],
        mag: tuple[float, float],
        n_bins: tuple[int, int, int] = (20, 20, 10),
    ) -> CubeEdges:
        """Bins of equal width in the logarithms of depth and duration and in magnitude."""
        if depth_mag[0] <= 0 or duration_days[0] <= 0:
            raise ValueError("logarithmic bins of depth and duration begin above zero")
        return cls(
            np.geomspace(*depth_mag, n_bins[0] + 1),
            np.geomspace(*duration_days, n_bins[1] + 1),
            np.linspace(*mag, n_bins[2] + 1),
        )


@dataclass(frozen=True, eq=False)
class EfficiencyCube(BinnedEfficiency, Mapping[str, np.ndarray]):
    """Efficiency in bins of depth × duration × magnitude; also a mapping of arrays, as it is stored.

    Besides the attributes of `BinnedEfficiency` (``cube["efficiency"]``, ``cube["depth_edges"]`` …):

    Attributes
    ----------
    n_outside : int
        Trials outside the edges.
    n_already : int
        Trials left out because the star has an event there without the injected one.
    n_not_done : int
        Trials that could not be carried out, which is not the same as missed.
    fingerprint : str
        Of all that the trials depend on.
    """

    n_outside: int = 0
    n_already: int = 0
    n_not_done: int = 0
    fingerprint: str = ""

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {
            name: getattr(self, name)
            for name in ("efficiency", "trials", "recovered", "lower", "upper", "recovered_per_stage")
        }
        for axis, prefix in _ARRAY_PREFIX.items():
            arrays[f"{prefix}_edges"] = self.edges_of(axis)
            arrays[f"{prefix}_centers"] = self.centers_of(axis)
        arrays["stages"] = np.array(self.stages, dtype=str)
        for name in ("recovered_stage", "confidence", "n_outside", "n_already", "n_not_done"):
            arrays[name] = np.array(getattr(self, name))
        arrays["fingerprint"] = np.array(self.fingerprint, dtype=str)
        return arrays

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    # Mappings compare their values with ==, which arrays cannot answer: a cube equals itself.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> EfficiencyCube:
        """Build a cube from its arrays, as they are stored; what follows from others is not read.

        Raises
        ------
        ValueError
            An array is missing, or one does not fit the others.
        """
        needed = (
            "trials", "recovered_per_stage", "stages", "recovered_stage", "confidence", "n_outside",
            "n_already", "n_not_done", "fingerprint",
            *(f"{prefix}_edges" for prefix in _ARRAY_PREFIX.values()),
        )  # fmt: skip
        if missing := [name for name in needed if name not in arrays]:
            raise ValueError(f"the arrays are no efficiency cube: they lack {', '.join(missing)}")
        edges = tuple(np.asarray(arrays[f"{prefix}_edges"]) for prefix in _ARRAY_PREFIX.values())
        stages = tuple(str(stage) for stage in arrays["stages"])
        shape = tuple(len(e) - 1 for e in edges)
        trials, reached = (np.asarray(arrays[name]) for name in ("trials", "recovered_per_stage"))
        recovered_stage = str(arrays["recovered_stage"])
        if trials.shape != shape or reached.shape != (len(stages), *shape):
            raise ValueError("the arrays are no efficiency cube: counts and edges differ in shape")
        if recovered_stage not in stages:
            raise ValueError(f"the arrays are no efficiency cube: no stage is {recovered_stage!r}")
        return cls(
            tuple(_ARRAY_PREFIX), edges, trials, reached, stages, recovered_stage,
            float(arrays["confidence"]), int(arrays["n_outside"]), int(arrays["n_already"]),
            int(arrays["n_not_done"]), str(arrays["fingerprint"]),
        )  # fmt: skip


def efficiency_cube(
    trials: pd.DataFrame,
    edges: CubeEdges,
    stages: Sequence[str] = ("triggered", "event", "candidate"),
    *,
    fingerprint: str = "",
    recovered_stage: str = "event",
    confidence: float = 0.95,
) -> EfficiencyCube:
    """Count trials, and those that reached each stage, in bins of depth, duration and magnitude.

    Every trial is counted once: as not carried out, else as already an event without the injection,
    else as outside the edges (NaN included), else in its bin.

    Parameters
    ----------
    trials : DataFrame
        A row a trial: ``depth_mag, duration_days, median_mag, outcome, already`` and a boolean column
        a stage.
    edges : CubeEdges
    stages : sequence of str
        Columns of ``trials``, in order; no trial reaches one without those before it. A filter may be
        called by its name if its column is ``passed_<filter>``.
    fingerprint : str
    recovered_stage : str
        One of ``stages``.
    confidence : float
        Of the limits.

    Returns
    -------
    EfficiencyCube

    Raises
    ------
    ValueError
        A column is missing, a stage is unknown for some trial, or a trial skipped a stage.
    """
    stages = tuple(stages)
    if recovered_stage not in stages:
        raise ValueError(f"there is no stage {recovered_stage!r}, but {', '.join(stages)}")
    columns = [name if name in trials else f"passed_{name}" for name in stages]
    needed = [*_COLUMNS.values(), "outcome", "already", *columns]
    if missing := [name for name in needed if name not in trials]:
        raise ValueError(f"the table of trials lacks {', '.join(missing)}")
    done = (trials["outcome"] == DONE).fillna(False).to_numpy(bool)
    already = done & _flags(trials, "already", done)
    used = done & ~already
    all_edges = (edges.depth_mag, edges.duration_days, edges.mag)
    shape = tuple(len(e) - 1 for e in all_edges)
    bins = [
        _bin_of(trials[column].to_numpy(np.float64)[used], e)
        for column, e in zip(_COLUMNS.values(), all_edges, strict=True)
    ]
    inside = np.all([b >= 0 for b in bins], axis=0)
    flags = np.array([_flags(trials, column, used)[used] for column in columns])
    for k in range(1, len(flags)):
        if (skipped := int((flags[k] & ~flags[k - 1]).sum())) > 0:
            raise ValueError(f"{skipped} trials reached {stages[k]} but not {stages[k - 1]}")
    # As stages follow each other, how many a trial reached tells which: one count is enough.
    n_reached = flags[:, inside].sum(axis=0)
    cell = np.ravel_multi_index(tuple(b[inside] for b in bins), shape)
    n_levels = len(stages) + 1
    counts = np.bincount(cell * n_levels + n_reached, minlength=int(np.prod(shape)) * n_levels)
    at_least = counts.reshape(-1, n_levels)[:, ::-1].cumsum(axis=1)[:, ::-1].astype(np.int64)
    return EfficiencyCube(
        axes=tuple(_COLUMNS),
        edges=all_edges,
        trials=at_least[:, 0].reshape(shape),
        recovered_per_stage=at_least[:, 1:].T.reshape(-1, *shape),
        stages=stages,
        recovered_stage=recovered_stage,
        confidence=confidence,
        n_outside=int(used.sum() - inside.sum()),
        n_already=int(already.sum()),
        n_not_done=int((~done).sum()),
        fingerprint=fingerprint,
    )


def _flags(trials: pd.DataFrame, column: str, asked: np.ndarray) -> np.ndarray:
    flags = trials[column].astype("boolean")
    if n_unknown := int((flags.isna().to_numpy() & asked).sum()):
        raise ValueError(f"{column} is unknown for {n_unknown} trials that were carried out")
    return flags.to_numpy(dtype=bool, na_value=False)


def _bin_of(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin of each value, −1 for those outside and NaN."""
    index = np.searchsorted(edges, values, side="right") - 1
    index[values == edges[-1]] = len(edges) - 2
    return np.where((values >= edges[0]) & (values <= edges[-1]), index, -1)
