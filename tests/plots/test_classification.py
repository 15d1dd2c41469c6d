from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from malca.astrophysics.class_likelihoods import CLASSES
from malca.plots.classification import LOOKS, class_figure


@pytest.fixture
def classified():
    best = ["eclipsing_binary", "eclipsing_binary", "yso", "unknown", "circumstellar_disc"]
    p = np.full((5, len(CLASSES)), 0.04)
    p[np.arange(5), [CLASSES.index(name) for name in best]] = 0.8
    table = pd.DataFrame(p, columns=[f"p_{name}" for name in CLASSES])
    return table.assign(
        final_class=[
            "eclipsing binary", "eclipsing binary", "YSO (Class II)", "unknown dipper", "no dip",
        ],
        class_best=best,
        abs_g0_mag=[4.0, 5.0, 6.0, np.nan, -2.0],
        bp_rp0_mag=[0.8, 0.9, 2.0, 1.0, 1.9],
    )  # fmt: skip


def test_every_star_with_a_place_is_drawn_and_every_one_is_counted(classified):
    figure = class_figure(classified)
    diagram, counts = figure.axes
    drawn = {c.get_gid(): len(c.get_offsets()) for c in diagram.collections}
    assert drawn == {"class-eclipsing_binary": 2, "class-yso": 1, "class-circumstellar_disc": 1}
    assert diagram.yaxis_inverted()
    assert "4 stars; of 1" in diagram.get_title(loc="left")
    texts = {text.get_gid(): text.get_text() for text in counts.texts}
    assert texts["count-eclipsing binary"] == "2  (Σp 1.7)"
    assert texts["count-YSO (Class II)"] == "1"
    assert sum(bar.get_width() for bar in counts.patches) == 5
    figure.savefig(io.BytesIO())


def test_a_table_without_places_or_stars_is_drawn_too(classified):
    bare = classified.drop(columns=["abs_g0_mag", "bp_rp0_mag"])
    class_figure(bare).savefig(io.BytesIO())
    class_figure(classified.iloc[:0]).savefig(io.BytesIO())
    with pytest.raises(ValueError, match="lacks class_best"):
        class_figure(classified.drop(columns="class_best"))


def test_every_class_has_a_look():
    assert set(LOOKS) == set(CLASSES)
    assert len(set(LOOKS.values())) == len(CLASSES)
