from __future__ import annotations

import io

import pandas as pd
import pytest

from malca.pipelines.evaluation.confusion import confusion_table, draw_confusion


@pytest.fixture
def truth():
    return pd.DataFrame(
        {"asas_sn_id": [1, 2, 3, 4, 5, 6], "population": ["quiet"] * 3 + ["dipper_single"] * 3}
    )


@pytest.fixture
def recovery():
    """Both dips of star 4 and one of two of star 5 were found, none of star 6."""
    return pd.DataFrame({"asas_sn_id": [4, 4, 5, 5, 6], "found": [True, True, True, False, False]})


@pytest.fixture
def judged():
    """Star 3 was not searched; 1 has a false event; 6 is a candidate by something that is not there."""
    return pd.DataFrame(
        {
            "asas_sn_id": [6, 5, 4, 2, 1],
            "dip_count": [1, 1, 2, 0, 1],
            "jump_count": [0, 0, 0, 0, 0],
            "passed_branch": pd.array(["dip", None, "dip", None, "dip"], dtype="str"),
            "failed_sparse": [False] * 5,
            "failed_score": pd.array([None, True, False, None, False], dtype="boolean"),
            "failed_evidence": pd.array([False, True, False, None, False], dtype="boolean"),
            "failed_any": [False, True, False, True, False],
        }
    )


ATTRITION = pd.DataFrame({"filter": ["", "evidence", "score", "", "evidence", "score"]})


def test_populations_are_counted(truth, recovery, judged):
    table = confusion_table(truth, recovery, judged, ATTRITION).set_index("population")
    counts = ["n_simulated", "n_searched", "n_with_events", "n_found", "n_candidates",
              "n_found_candidates"]  # fmt: skip
    assert table.index.tolist() == ["quiet", "dipper_single"]
    assert table[counts].to_numpy().tolist() == [[3, 2, 1, 0, 1, 0], [3, 3, 3, 2, 2, 1]]
    assert table["candidate_share"].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert pd.isna(table.loc["quiet", "survival_share"])
    assert table.loc["dipper_single", "survival_share"] == 0.5
    assert table.loc["quiet", "candidate_share_upper"] > 1 / 3
    verdicts = [name for name in table if name.startswith(("failed_", "unknown_"))]
    assert verdicts == ["failed_evidence", "unknown_evidence", "failed_score", "unknown_score"]
    # of star 2, without events, nothing is asked
    assert table.loc["quiet", verdicts].tolist() == [0, 0, 0, 0]
    assert table.loc["dipper_single", verdicts].tolist() == [1, 0, 1, 1]


def test_a_star_that_was_judged_twice_is_refused(truth, recovery, judged):
    with pytest.raises(pd.errors.MergeError):
        confusion_table(truth, recovery, pd.concat([judged, judged]), ATTRITION)


def test_it_can_be_drawn(truth, recovery, judged):
    figure = draw_confusion(confusion_table(truth, recovery, judged, ATTRITION))
    figure.savefig(io.BytesIO(), format="png", dpi=30)
