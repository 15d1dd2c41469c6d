from __future__ import annotations

import io

import numpy as np
import pandas as pd

from malca.plots.known import known_figure
from malca.plots.style import JD_OFFSET

from .conftest import FIRST_JD


def frames(ax, gid):
    return [patch.get_extents().transformed(ax.transData.inverted()) for patch in ax.patches
            if patch.get_gid() == gid]  # fmt: skip


def test_windows_are_framed_where_they_are(batch, events):
    known = pd.DataFrame(
        {
            "label": ["event", "event", "false", "event"],
            "jd_start": [FIRST_JD + 100, FIRST_JD + 500, FIRST_JD + 700, np.nan],
            "jd_end": [FIRST_JD + 150, FIRST_JD + 500, FIRST_JD + 720, np.nan],
        }
    )
    figure = known_figure(batch, 0, known, events=events)
    figure.savefig(io.BytesIO(), format="png", dpi=30)
    for ax in figure.axes[:2]:
        first, second = frames(ax, "known-event")
        assert np.allclose([first.x0, first.x1], FIRST_JD - JD_OFFSET + np.array([100, 150]))
        assert second.width > 0  # one of a single date is widened to be seen
        assert np.isclose((second.x0 + second.x1) / 2, FIRST_JD - JD_OFFSET + 500)
        assert len(frames(ax, "known-false")) == 1
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["known event", "no event"]
