from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.efficiency import CubeEdges, efficiency_cube
from malca.plots.efficiency import (
    plot_depth_at_efficiency,
    plot_efficiency_mag_slices,
    plot_efficiency_marginalized,
    plot_efficiency_stages,
    plot_efficiency_threshold_contour,
)

EDGES = CubeEdges(
    np.array([0.01, 0.1, 0.5, 2.0]), np.array([1.0, 10.0, 100.0]), np.array([12.0, 13.0, 14.0, 15.0])
)
STAGES = ("triggered", "event", "passed_score")


def cell(depth, duration, mag, n, k):
    """``n`` trials in one bin, of which ``k`` are events and half as many pass the score."""
    return pd.DataFrame(
        {
            "depth_mag": depth, "duration_days": duration, "median_mag": mag, "outcome": "done",
            "already": False, "triggered": np.arange(n) < min(k + 2, n), "event": np.arange(n) < k,
            "passed_score": np.arange(n) < k // 2,
        }
    )  # fmt: skip


@pytest.fixture
def cube():
    """Short: 0, 40, 60 %; long: 0, 80, 100 %; shallow long ones at 13.5 untried, nothing at 14.5."""
    shares = {5.0: (0, 4, 6), 50.0: (0, 8, 10)}
    cells = [
        cell(depth, duration, mag, 10, k)
        for mag in (12.5, 13.5)
        for duration, found in shares.items()
        for depth, k in zip((0.05, 0.2, 1.0), found, strict=True)
        if (duration, depth, mag) != (50.0, 0.05, 13.5)
    ]
    return efficiency_cube(pd.concat(cells, ignore_index=True), EDGES, STAGES)


def mesh(ax, gid="efficiency"):
    (found,) = [c for c in ax.collections if c.get_gid() == gid]
    return np.ma.filled(found.get_array().astype(float), np.nan)


def hatched(ax, gid="untried"):
    (found,) = [c for c in ax.collections if c.get_gid() == gid]
    return found


def line(ax, gid):
    (found,) = [item for item in ax.lines if item.get_gid() == gid]
    return found.get_xydata()


def test_slices_show_the_bins_of_each_magnitude(cube):
    figure = plot_efficiency_mag_slices(cube)
    panels = [ax for ax in figure.axes if ax.get_title(loc="left")]
    assert [ax.get_title(loc="left") for ax in panels] == [
        "12–13 mag · 60 trials", "13–14 mag · 50 trials",
    ]  # fmt: skip
    np.testing.assert_allclose(mesh(panels[0]), [[0, 0], [0.4, 0.8], [0.6, 1.0]])
    np.testing.assert_allclose(mesh(panels[1]), [[0, np.nan], [0.4, 0.8], [0.6, 1.0]])


def test_an_untried_bin_looks_unlike_one_of_efficiency_zero(cube):
    full, gappy = plot_efficiency_mag_slices(cube).axes[:2]
    assert len(hatched(full).get_paths()) == 0
    (path,) = hatched(gappy).get_paths()
    corners = path.vertices
    np.testing.assert_allclose([corners.min(axis=0), corners.max(axis=0)], [[10, 0.01], [100, 0.1]])
    assert hatched(gappy).get_hatch() == "////"
    zero = gappy.collections[-1].cmap(0.0)
    assert not np.allclose(hatched(gappy).get_facecolor()[0], zero, atol=0.3)


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ("mag", [[0, 0], [0.4, 0.8], [0.6, 1.0]]),
        ("duration", [[0, 0.6, 0.8], [0, 0.6, 0.8], [np.nan] * 3]),
        ("depth", [[10 / 30, 18 / 30], [10 / 30, 18 / 20], [np.nan] * 2]),
    ],
)
def test_marginals_weigh_by_trials(cube, axis, expected):
    figure = plot_efficiency_marginalized(cube, axis)
    first = figure.axes[0]
    np.testing.assert_allclose(mesh(first), expected)
    kept = [name for name in ("depth", "duration", "mag") if name != axis]
    for ax, name in zip(figure.axes[1:3], kept, strict=True):
        alone = cube.over(*(other for other in ("depth", "duration", "mag") if other != name))
        drawn = line(ax, "curve-event")
        np.testing.assert_allclose(drawn[:, 1], alone.efficiency)
        band = ax.collections[0].get_paths()[0].vertices
        assert band[:, 1].min() == pytest.approx(np.nanmin(alone.lower[alone.trials > 0]))


def test_all_marginals_are_drawn_at_once(cube):
    figure = plot_efficiency_marginalized(cube)
    titles = [ax.get_title(loc="left") for ax in figure.axes[:3]]
    assert titles == ["over all magnitudes", "over all durations", "over all depths"]
    with pytest.raises(ValueError, match="no axis 'colour'"):
        plot_efficiency_marginalized(cube, "colour")


def test_depths_at_levels_are_those_of_the_cube(cube):
    half, most, by_duration, by_mag = plot_depth_at_efficiency(cube, (0.5, 0.9)).axes[:4]
    for ax, level in ((half, 0.5), (most, 0.9)):
        np.testing.assert_allclose(mesh(ax, f"depth-{level:g}"), cube.depth_at(level).depth_mag.T)
        assert len(hatched(ax).get_paths()) == 2  # nothing at 14.5 mag
    assert len(hatched(half, "never").get_paths()) == 0
    assert len(hatched(most, "never").get_paths()) == 2  # short ones reach 60 %
    found = cube.over("mag").depth_at(0.5).depth_mag
    np.testing.assert_allclose(line(by_duration, "depths-0.5")[:, 1], found)
    np.testing.assert_allclose(
        line(by_mag, "depths-0.9")[:, 1], cube.over("duration").depth_at(0.9).depth_mag
    )


def test_one_level_alone(cube):
    figure = plot_efficiency_threshold_contour(cube, threshold=0.7)
    np.testing.assert_allclose(mesh(figure.axes[0], "depth-0.7"), cube.depth_at(0.7).depth_mag.T)


def test_stages_are_drawn_in_order(cube):
    figure = plot_efficiency_stages(cube)
    depth, duration = figure.axes
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "triggered, 67%", "event, 51%", "score, 25%",
    ]  # fmt: skip
    for stage in STAGES:
        alone = cube.at_stage(stage).over("mag", "duration").efficiency
        np.testing.assert_allclose(line(depth, f"curve-{stage}")[:, 1], alone)
    heights = [line(duration, f"curve-{stage}")[:, 1] for stage in STAGES]
    assert (np.diff(heights, axis=0) <= 0).all()


def test_nothing_tried_can_be_drawn():
    cube = efficiency_cube(cell(0.2, 5.0, 12.5, 0, 0), EDGES, STAGES)
    for draw in (
        plot_efficiency_mag_slices, plot_efficiency_marginalized, plot_depth_at_efficiency,
        plot_efficiency_stages,
    ):  # fmt: skip
        draw(cube).savefig(io.BytesIO(), format="png", dpi=30)
