from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from malca.plots.confusion import confusion_figure


@pytest.fixture
def confusion():
    return pd.DataFrame(
        {
            "population": ["quiet", "detached_binary"],
            "n_simulated": [2000, 600],
            "n_with_events": [0, 500],
            "n_candidates": [0, 3],
            "failed_score": [0, 125],
            "unknown_score": [0, 7],
            "failed_periodicity": [0, 400],
        }
    )


def test_shares_are_of_the_stars_with_events(confusion):
    ax = confusion_figure(confusion).axes[0]
    (image,) = ax.images
    np.testing.assert_allclose(np.ma.filled(image.get_array(), np.nan), [[np.nan, np.nan], [0.25, 0.8]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["score", "periodicity"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["quiet", "detached binary"]
    written = [text.get_text() for text in ax.texts]
    assert written[:2] == ["125", "400"]
    assert "3 of 500 of 600" in written


def test_nothing_can_be_drawn(confusion):
    for table in (confusion.iloc[:0], confusion[confusion.columns[:4]]):
        confusion_figure(table).savefig(io.BytesIO(), format="png", dpi=30)


def test_says_which_column_is_missing(confusion):
    with pytest.raises(ValueError, match="lacks n_candidates"):
        confusion_figure(confusion.drop(columns="n_candidates"))
