from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from malca.plots.realism import plot_realism

EDGES = np.array([0.5, 2.0, 8.0])


def statistics(rng: np.random.Generator, n: int) -> SimpleNamespace:
    channels = pd.DataFrame(
        {
            "band": np.arange(n) % 2,
            "points_a_year": rng.uniform(20, 60, n),
            "mag": rng.uniform(12, 14, n),
            "mag_err": rng.uniform(0.002, 0.01, n),
            "scatter_mag": rng.uniform(0.01, 0.02, n),
            "offset_mag": rng.normal(0, 0.01, n),
        }
    )
    columns = {f"{which}_{k}": rng.random(n) for which in ("same", "cross") for k in range(2)}
    correlation = pd.DataFrame({"band": 0, **columns})
    return SimpleNamespace(
        channels=channels, gaps_days=rng.exponential(4, 100), correlation=correlation
    )


REFERENCE = dict.fromkeys(
    ["points_a_year_g", "error_at_13_mag_g", "scatter_over_error_g", "offset_mag_g", "gap_50_days"], 1.0
) | {f"correlation_{which}_g_{k}": 0.3 for which in ("same", "cross") for k in range(2)}


@pytest.mark.parametrize("with_real", [True, False])
def test_both_sources_are_drawn(rng, tmp_path, with_real: bool) -> None:
    real = statistics(rng, 20) if with_real else None
    figure = plot_realism(statistics(rng, 40), real, REFERENCE, EDGES)
    figure.savefig(tmp_path / "figure.png")
    assert len(figure.axes) == 6
    legends = [axis.get_legend() for axis in figure.axes if axis.get_legend()]
    labels = [text.get_text() for legend in legends for text in legend.get_texts()]
    correlation = figure.axes[5].get_lines()
    assert any("real" in line.get_label() for line in correlation)
    assert any("simulated" in line.get_label() for line in correlation)
    assert not with_real or "real V" in labels
