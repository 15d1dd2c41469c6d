"""Every service fails one time in three: what is unknown is marked so, and only that is asked again."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from tests.chain.conftest import Chain
from tests.chain.failures import check_second_run, check_tables, run_with_faults


@pytest.fixture
def chain(make_chain: Callable[..., Chain]) -> Chain:
    return make_chain()


@pytest.mark.survey
def test_what_failed_is_unknown_and_is_all_that_is_asked_again(chain, without_failures):
    flaky, before = run_with_faults(chain, seed=3)
    check_tables(flaky, without_failures)
    complete = check_second_run(chain, before)
    for name, table in complete.items():
        pd.testing.assert_frame_equal(table, without_failures[name])
