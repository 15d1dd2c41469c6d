from __future__ import annotations

import numpy as np
import pytest

from malca.evaluation.efficiency import EfficiencyCube
from malca.plots.efficiency_3d import plot_efficiency_3d


@pytest.fixture
def cube(rng):
    shape = (6, 5, 4)
    trials = rng.integers(50, 90, shape)
    trials[0, 0, :2] = 0
    p = np.array([0.0, 0.1, 0.4, 0.7, 0.95, 1.0])[:, None, None]
    edges = (np.geomspace(0.01, 1, 7), np.geomspace(1, 100, 6), np.linspace(12, 14, 5))
    axes = ("depth", "duration", "magnitude")
    return EfficiencyCube(axes, edges, trials, rng.binomial(trials, p)[None], ("event",), "event", 0.95)


def named(figure, name):
    (trace,) = [trace for trace in figure.data if trace.name == name]
    return trace


def test_every_bin_is_there_once(cube):
    figure = plot_efficiency_3d(cube)
    bins, untried = named(figure, "bins"), named(figure, "no trials")
    assert (len(bins.x), len(untried.x)) == (118, 2)
    depth, duration, mag = (10 ** bins.z[40], 10 ** bins.x[40], bins.y[40])
    at = tuple(
        int(np.argmin(np.abs(cube.centers_of(name) / value - 1)))
        for name, value in zip(cube.axes, (depth, duration, mag), strict=True)
    )
    data = bins.customdata[40]
    np.testing.assert_allclose(data[:3], [depth, duration, mag])
    np.testing.assert_allclose(data[3:6], [cube.efficiency[at], cube.lower[at], cube.upper[at]])
    assert (data[6], data[7]) == (cube.recovered[at], cube.trials[at])
    assert bins.marker.color[40] == cube.efficiency[at]


def test_the_volume_is_a_whole_grid(cube):
    volume = named(plot_efficiency_3d(cube), "volume")
    assert len(volume.value) == cube.trials.size
    assert np.isfinite(volume.value).all()
    tried = cube.trials.ravel() > 0
    np.testing.assert_array_equal(np.array(volume.value)[tried], cube.efficiency.ravel()[tried])
    assert (volume.cmin, volume.cmax) == (0.0, 1.0)


def test_surfaces_are_the_depths_at_the_levels(cube):
    figure = plot_efficiency_3d(cube, levels=(0.5,))
    surface = named(figure, "50 % found")
    np.testing.assert_allclose(10 ** np.array(surface.z), cube.depth_at(0.5).depth_mag.T)
    np.testing.assert_allclose(10 ** np.array(surface.x), cube.centers_of("duration"))
    np.testing.assert_allclose(surface.y, cube.centers_of("magnitude"))


def test_axes_read_in_magnitudes_and_days(cube):
    scene = plot_efficiency_3d(cube).layout.scene
    assert scene.xaxis.ticktext == ("1", "3", "10", "30", "100")
    np.testing.assert_allclose(10 ** np.array(scene.xaxis.tickvals), [1, 3, 10, 30, 100])
    assert tuple(scene.yaxis.range) == (14.0, 12.0)
    np.testing.assert_allclose(scene.zaxis.range, [-2, 0])


def test_its_page_fetches_nothing(cube):
    page = plot_efficiency_3d(cube).to_html(include_plotlyjs=True)
    assert "<script src=" not in page
    assert "<link" not in page.split("Plotly.newPlot")[-1]


def test_what_is_no_cube_is_refused(cube):
    with pytest.raises(ValueError, match="needed, not of depth, duration"):
        plot_efficiency_3d(cube.over("mag"))
    empty = EfficiencyCube(
        cube.axes, cube.edges, cube.trials * 0, cube.recovered_per_stage * 0, ("event",), "event", 0.95
    )
    with pytest.raises(ValueError, match="no trials"):
        plot_efficiency_3d(empty)
