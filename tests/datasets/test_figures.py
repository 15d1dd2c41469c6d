from __future__ import annotations

import plotly.graph_objects as go
import pytest
from matplotlib.figure import Figure

from malca.datasets.figures import write_figure


@pytest.fixture
def still():
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return figure


def test_the_suffix_tells_the_form(still, tmp_path):
    write_figure(still, tmp_path / "deep" / "a.png")
    write_figure(still, tmp_path / "deep" / "a.pdf")
    assert (tmp_path / "deep" / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "deep" / "a.pdf").read_bytes().startswith(b"%PDF")
    write_figure(go.Figure(), tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in page
    assert '<script src="http' not in page


def test_what_cannot_be_written_is_said(still, tmp_path):
    with pytest.raises(ValueError, match="an interactive figure is a page"):
        write_figure(go.Figure(), tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a figure is an image, and cannot be written to a\.html"):
        write_figure(still, tmp_path / "a.html")


def test_a_failed_write_leaves_what_was_there(still, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_figure(still, path)
    before = path.read_bytes()

    def fails(partial, **_):
        partial.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(still, "savefig", fails)
    with pytest.raises(OSError, match="No space"):
        write_figure(still, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
