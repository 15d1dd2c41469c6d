"""What injected events tell of the search: one place to import it from."""

from __future__ import annotations

from malca.evaluation.efficiency import (
    BinnedEfficiency,
    CubeEdges,
    EfficiencyCube,
    binomial_limits,
    efficiency_cube,
)

__all__ = ["BinnedEfficiency", "CubeEdges", "EfficiencyCube", "binomial_limits", "efficiency_cube"]
