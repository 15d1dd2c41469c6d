from __future__ import annotations

import pytest
from kedro.io import DatasetError
from matplotlib.figure import Figure

from malca.datasets.figure_folder import FigureFolder


def test_a_save_replaces_the_figures_of_the_last(tmp_path):
    dataset = FigureFolder(path=str(tmp_path / "figures"), dpi=20)
    dataset.save({"1": Figure(), "star 2": Figure()})
    assert dataset.load() == ["1", "star 2"]
    (tmp_path / "figures" / "notes.txt").write_text("mine")
    dataset.save({"3": Figure()})
    assert dataset.load() == ["3"]
    assert (tmp_path / "figures" / "3.png").read_bytes().startswith(b"\x89PNG")
    dataset.save({})
    assert dataset.load() == []
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["notes.txt"]


@pytest.mark.parametrize("name", ["", "../out", ".hidden"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path, name):
    with pytest.raises(DatasetError, match="cannot be the name of a file"):
        FigureFolder(path=str(tmp_path)).save({name: Figure()})
