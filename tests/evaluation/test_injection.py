"""What people import, and that the science does without files and figures."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from kedro.io import DatasetError

from malca.datasets.npz import NpzDataset, write_npz
from malca.evaluation import injection
from malca.evaluation.efficiency import CubeEdges, EfficiencyCube, efficiency_cube

from .conftest import STAGES


@pytest.fixture(scope="module")
def cube(trials):
    edges = CubeEdges.spaced((0.01, 2.0), (1.0, 250.0), (12.0, 15.0), (6, 5, 4))
    return efficiency_cube(trials, edges, STAGES, fingerprint="abc")


def test_a_cube_saved_by_kedro_is_loaded_without(cube, tmp_path):
    path = tmp_path / "efficiency_cube.npz"
    NpzDataset(filepath=str(path), fingerprint="abc").save(cube)
    loaded = injection.load_efficiency_cube(path)
    assert isinstance(loaded, EfficiencyCube)
    for name, array in cube.items():
        np.testing.assert_array_equal(loaded[name], array)
    np.testing.assert_array_equal(loaded.depth_at(0.5).depth_mag, cube.depth_at(0.5).depth_mag)
    assert injection.load_efficiency_cube(str(path), "abc").fingerprint == "abc"
    with pytest.raises(DatasetError, match="of other parameters"):
        injection.load_efficiency_cube(path, "xyz")


def test_what_is_no_cube_is_refused(tmp_path):
    write_npz({"trials": np.zeros(3)}, tmp_path / "other.npz")
    with pytest.raises(DatasetError, match=r"other\.npz: the arrays are no efficiency cube"):
        injection.load_efficiency_cube(tmp_path / "other.npz")
    with pytest.raises(DatasetError, match="there is no"):
        injection.load_efficiency_cube(tmp_path / "none.npz")


def test_everything_public_is_there():
    for name in injection.__all__:
        assert callable(getattr(injection, name)), name
    with pytest.raises(AttributeError, match="plot_nothing"):
        injection.plot_nothing  # noqa: B018


def test_figures_are_returned_and_written(cube, trials, tmp_path):
    path = tmp_path / "avg_over_mag.png"
    figure = injection.plot_efficiency_marginalized(cube, axis="mag", output_path=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(figure.axes) == 4
    written = injection.plot_efficiency_all(cube, tmp_path / "all", trials=trials)
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == sorted(p.name for p in written)
    assert {p.name for p in written} == {
        "efficiency_mag_slices.png", "efficiency_marginalized.png", "depth_at_efficiency.png",
        "efficiency_stages.png", "efficiency_3d.html", "recovery_bias.png",
    }  # fmt: skip


def test_importing_it_loads_neither_kedro_nor_figures():
    code = (
        "import sys, malca.evaluation.injection\n"
        "print([n for n in ('kedro', 'matplotlib', 'plotly', 'malca.datasets') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
