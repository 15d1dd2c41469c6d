"""The filters of Gaia and of periodic catalogues judge alike by services and by local twins."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.chain import project as projects

#: The survey's own ids are in a local twin of its catalogue of variables only.
_BY_OTHER_MEANS = ["asassn_match_by"]
TABLES = ("catalog_matches", "period_consensus", "judged", "candidates", "rejections", "attrition")


@pytest.mark.survey
def test_services_and_local_twins_give_the_same_candidates(make_chain, searched):
    chain = make_chain()
    projects.run(chain.folder, "filtering")
    filtering = {"gaia_catalog", "gaia_eb_catalog", "asassn_variables_catalog", "ztf_periodic_catalog"}
    assert set(chain.services.n_requests) == filtering

    for name in TABLES:
        of_services, of_twins = (projects.table(folder, name) for folder in (chain.folder, searched))
        pd.testing.assert_frame_equal(
            of_services.drop(columns=_BY_OTHER_MEANS, errors="ignore"),
            of_twins.drop(columns=_BY_OTHER_MEANS, errors="ignore"),
        )
    matches = projects.table(chain.folder, "catalog_matches")
    assert (matches["gaia_outcome"] == "matched").mean() > 0.9
    assert matches["ruwe"].gt(1.4).any()
    for name in ("asassn", "ztf"):
        assert (matches[f"{name}_outcome"] == "matched").any(), name


@pytest.mark.survey
def test_a_filter_whose_service_fails_rejects_nobody(make_chain, searched):
    chain = make_chain()
    chain.services.fault_share = 1.0
    projects.run(chain.folder, "filtering")
    matches = projects.table(chain.folder, "catalog_matches")
    assert set(matches["gaia_outcome"]) == {"unknown"}
    stars = projects.table(chain.folder, "candidates")["asas_sn_id"]
    assert set(stars) >= set(projects.table(searched, "candidates")["asas_sn_id"])
