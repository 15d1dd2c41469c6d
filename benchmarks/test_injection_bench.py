"""What a trial of injection and recovery costs beside one plain search of the same light curves.

A trial is injection, the whole search of the dimmed light curve and every filter; the stars themselves
are searched and tested for periods once for all their trials.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from malca.evaluation.design import design_trials
from malca.evaluation.judging import SelectionParameters, StarFacts
from malca.evaluation.noise import binned_errors, fit_error_model
from malca.evaluation.parameters import InjectionParameters
from malca.evaluation.trials import run_trials
from malca.pipelines.simulation.nodes import simulate_lightcurves
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.search.survey import VSX_COLUMNS, search_batch

N_STARS, TRIALS_A_STAR = 10, 100
PARTITION = "13_13.5-00000"


@pytest.fixture(scope="module")
def survey():
    batch = simulate_lightcurves(
        SimulationParameters(
            n_stars=N_STARS, seed=2, populations={"quiet": 1.0}, mag_bins={"13_13.5": 1.0}
        )
    )[0]
    one = pd.DataFrame({"asas_sn_id": batch.stars["asas_sn_id"].to_numpy(np.int64)})
    vsx = one.assign(**dict.fromkeys(VSX_COLUMNS[1:], "")).assign(vsx_outcome="not_matched")
    facts = StarFacts(
        manifest=one.assign(mag_bin="13_13.5", ra_deg=10.0, dec_deg=-10.0),
        vsx_matches=vsx.assign(vsx_period_days=np.nan, vsx_sep_arcsec=np.nan),
        camera_statistics=one.iloc[:0].assign(camera=0, median_mag=0.0),
        catalog_matches=one.assign(ruwe=1.0, pm_total_masyr=5.0),
        period_consensus=one.assign(
            period_accepted=0.0, period_consensus_days=np.nan, period_catalog_class="",
            period_sources="", period_sources_unknown="",
        ),
        own_dips=one.iloc[:0].assign(jd_start=0.0, jd_end=0.0),
    )  # fmt: skip
    stars = one.assign(
        mag_bin="13_13.5", partition=PARTITION, median_mag=13.25, points_per_day=0.5, n_cameras=6,
        jd_first=batch.jd[batch.offsets[:-1]], jd_last=batch.jd[batch.offsets[1:] - 1],
    )  # fmt: skip
    return batch, facts, stars


@pytest.mark.benchmark(group="injection: one plain search of each light curve, and a trial of each")
class TestTrial:
    def test_plain_search(self, benchmark, survey):
        """The same number of light curves, searched as they are."""
        batch, facts, stars = survey
        selection = SelectionParameters()
        rows = np.tile(np.arange(N_STARS), TRIALS_A_STAR)
        many = batch.take(rows)
        many.stars["asas_sn_id"] = pd.array(np.arange(len(rows)), "Int64")
        cases = pd.DataFrame(
            {"case_id": np.arange(len(rows)), "asas_sn_id": stars["asas_sn_id"].to_numpy()[rows]}
        )
        known = facts.of_cases(cases)
        tables = (known.manifest, known.vsx_matches, known.camera_statistics)
        found = benchmark.pedantic(
            search_batch, (many, *tables, selection.detection, 1), rounds=3, warmup_rounds=1
        )
        benchmark.extra_info["lightcurves"] = len(found.sources)

    def test_trials(self, benchmark, survey):
        """Injection, search and filters."""
        batch, facts, stars = survey
        parameters = InjectionParameters(n_trials=N_STARS * TRIALS_A_STAR)
        trials = design_trials(stars, parameters)
        errors = fit_error_model(binned_errors(batch), parameters.noise)
        arguments = (batch, trials, facts, errors, parameters, SelectionParameters(), 1)
        result = benchmark.pedantic(run_trials, arguments, rounds=3, warmup_rounds=1)
        benchmark.extra_info["trials"] = len(result)
