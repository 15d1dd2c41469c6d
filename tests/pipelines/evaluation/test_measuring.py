"""Injection, reliability and sweep as Kedro runs them: in tasks, resumed, on any engine."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from malca.columns import columns_of
from malca.datasets.npz import NpzDataset
from malca.datasets.tables import PartitionedTables
from malca.evaluation.efficiency import EfficiencyCube
from malca.evaluation.judging import stage_names
from malca.evaluation.parameters import AxisParameters, InjectionParameters, ReliabilityParameters
from malca.evaluation.sweep import SweepParameters
from malca.filters import FilteringParameters
from malca.partitions import ComputeParameters, PartitionMap, fingerprint
from malca.partitions.clusters import close_clusters
from malca.pipelines.evaluation import completeness, injections, reliability, samples, sweep
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.pipelines.simulation.nodes import simulate_lightcurves
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.search.parameters import DetectionParameters
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.survey import search_batch

pytestmark = pytest.mark.slow

MAG_BIN = "13_13.5"
SEARCH = (DetectionParameters(), FilteringParameters(), PeriodicityParameters())
PARAMETERS = EvaluationParameters(
    injection=InjectionParameters(
        n_trials=60,
        n_stars=10,
        trials_per_task=20,
        depth=AxisParameters(low=0.02, high=2.0, n_cells=3),
        duration=AxisParameters(low=3.0, high=200.0, n_cells=2),
        magnitude=AxisParameters(low=12.5, high=14.0, n_cells=1, spacing="linear"),
    ),
    reliability=ReliabilityParameters(n_nulls=8, n_contaminants=2, cases_per_task=20),
    sweep=SweepParameters(
        settings={
            "event": {"vary": "event.threshold_sigma", "values": (6.0, 9.0)},
            "original": {
                "parameters": {"baseline.family": "gp", "trigger_mode": "posterior_prob"},
                "vary": "points.posterior_threshold_percent",
                "values": (99.99997,),
            },
        },
        n_trials=20,
        n_nulls=6,
    ),
)
VSX = (
    "vsx_name", "vsx_class", "vsx_family", "vsx_period_days", "vsx_sep_arcsec", "vsx_outcome",
)  # fmt: skip


def lightcurve_table(lightcurves):
    return {"lightcurves": lightcurves}


class Survey:
    """Tables of a small survey in two partitions, and what the search made of it."""

    def __init__(self, folder):
        batch = simulate_lightcurves(
            SimulationParameters(
                n_stars=16, seed=4, populations={"quiet": 1.0}, mag_bins={MAG_BIN: 1.0}
            )
        )[0]
        halves = {f"{MAG_BIN}-{k:05d}": batch.take(range(8 * k, 8 * k + 8)) for k in range(2)}
        store = PartitionedTables(path=str(folder / "lightcurves"), tables=["lightcurves"])
        store.save(
            PartitionMap(
                lightcurve_table, {key: {"lightcurves": half.to_table} for key, half in halves.items()},
                {key: fingerprint(key) for key in halves}, dict.fromkeys(halves, 8), "packing",
            )
        )  # fmt: skip
        self.lightcurves = store.load()
        ids = batch.stars["asas_sn_id"].to_numpy(np.int64)
        one = pd.DataFrame({"asas_sn_id": ids})
        self.manifest = one.assign(
            mag_bin=MAG_BIN, ra_deg=10.0, dec_deg=-10.0, partition=np.repeat(list(halves), 8)
        )
        self.vsx = one.assign(**dict.fromkeys(VSX, ""))
        self.vsx = self.vsx.assign(
            vsx_period_days=np.nan, vsx_sep_arcsec=np.nan, vsx_outcome="not_matched"
        )
        self.cameras = pd.DataFrame({"asas_sn_id": ids[:0], "camera": ids[:0], "median_mag": []})
        self.cameras = self.cameras.astype({"median_mag": "float64"})
        found = search_batch(batch, self.manifest, self.vsx, self.cameras, SEARCH[0], 1)
        self.sources, self.statistics, self.events = found.sources, found.statistics, found.events
        self.matches = one.assign(ruwe=1.0, pm_total_masyr=5.0)
        self.consensus = one.assign(
            period_accepted=0.0, period_consensus_days=np.nan, period_catalog_class="",
            period_sources="", period_sources_unknown="",
        )  # fmt: skip
        self.stars = samples.choose_stars(
            self.sources, self.statistics, self.manifest, one.iloc[:0], PARAMETERS
        )
        self.errors = samples.measure_errors(self.lightcurves, self.stars, PARAMETERS)

    def facts(self):
        return self.manifest, self.vsx, self.cameras

    def injection(self, parameters=PARAMETERS, compute=None):
        return injections.plan_injection(
            self.lightcurves, injections.design(self.stars, parameters), *self.facts(), self.matches,
            self.consensus, self.errors, parameters, *SEARCH, compute or ComputeParameters(workers=1),
        )  # fmt: skip


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return Survey(tmp_path_factory.mktemp("survey"))


def saved(plan, folder, tables=("trials",)):
    store = PartitionedTables(path=str(folder), tables=list(tables))
    store.save(plan)
    loaded = store.load()
    frames = [
        pd.concat([load().to_pandas() for _, load in sorted(loaded[name].items())], ignore_index=True)
        for name in tables
    ]
    return store.last_report, *frames


@pytest.fixture(scope="module")
def trials(survey, tmp_path_factory):
    return saved(survey.injection(), tmp_path_factory.mktemp("whole"))[1]


def test_trials_are_cut_into_tasks_of_one_partition_each(survey, trials):
    plan = survey.injection()
    assert max(plan.sizes.values()) <= 20
    assert sum(plan.sizes.values()) == 60
    assert {key.rpartition("-")[0] for key in plan.tasks} == set(survey.manifest["partition"])
    assert sorted(trials["trial_id"]) == list(range(60))
    assert (trials["outcome"] == "done").all()


def test_grain_engine_and_workers_change_no_number(survey, trials, tmp_path):
    fine = PARAMETERS.model_copy(
        update={"injection": PARAMETERS.injection.model_copy(update={"trials_per_task": 7})}
    )
    dask = ComputeParameters(engine="dask", workers=2)
    try:
        report, table = saved(survey.injection(fine, dask), tmp_path)
    finally:
        close_clusters()
    assert len(report.done) > len(survey.injection().tasks)
    pd.testing.assert_frame_equal(
        table.sort_values("trial_id", ignore_index=True),
        trials.sort_values("trial_id", ignore_index=True), check_exact=True,
    )  # fmt: skip


def fails_from(first, function, keys, calls, **task):
    calls.append(1)
    if len(calls) > first:
        raise KeyboardInterrupt
    return function(**task)


def test_an_interrupted_run_goes_on_where_it_was_and_ends_with_the_same_cube(survey, trials, tmp_path):
    whole = survey.injection()
    store = PartitionedTables(path=str(tmp_path), tables=["trials"])
    calls = []
    broken = PartitionMap(
        partial(fails_from, 2, whole.function, None, calls), whole.tasks, whole.fingerprints,
        whole.sizes, whole.title, whole.compute,
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        store.save(broken)
    # Another function is other code: what it finished is done again, and nothing is mixed.
    report, table = saved(whole, tmp_path)
    assert len(report.done) == len(whole.tasks)
    pd.testing.assert_frame_equal(table, trials, check_exact=True)
    keys = list(whole.tasks)
    for key in keys[1:]:
        (tmp_path / "receipts" / f"{key}.json").unlink()  # as if it had been killed after the first
    report, table = saved(whole, tmp_path)
    assert (len(report.reused), len(report.done)) == (1, len(keys) - 1)
    cubes = [injections.make_cube(one, PARAMETERS, *SEARCH) for one in (table, trials)]
    for name, array in cubes[0].items():
        np.testing.assert_array_equal(array, cubes[1][name])


def test_a_changed_search_is_tried_again(survey, tmp_path):
    first, _ = saved(survey.injection(), tmp_path)
    again, _ = saved(survey.injection(), tmp_path)
    assert (len(again.done), len(again.reused)) == (0, len(first.done))
    one_more = PARAMETERS.model_copy(
        update={"injection": PARAMETERS.injection.model_copy(update={"seed": 5})}
    )
    changed, _ = saved(survey.injection(one_more), tmp_path)
    assert not changed.reused


def test_the_cube_goes_through_the_catalog_and_refuses_other_parameters(survey, trials, tmp_path):
    cube = injections.make_cube(trials, PARAMETERS, *SEARCH)
    assert cube.stages == stage_names(SEARCH[1])
    assert cube.trials.sum() == 60
    path = str(tmp_path / "cube.npz")
    NpzDataset(filepath=path, fingerprint=cube.fingerprint).save(cube)
    arrays = NpzDataset(filepath=path, fingerprint=cube.fingerprint).load()
    again = EfficiencyCube.from_arrays(arrays)
    np.testing.assert_array_equal(again.recovered_per_stage, cube.recovered_per_stage)
    other = injections.make_cube(
        trials, PARAMETERS, DetectionParameters(search={"min_mag_offset": 0.1}), *SEARCH[1:]
    )
    assert other.fingerprint != cube.fingerprint
    with pytest.raises(Exception, match="other parameters"):
        NpzDataset(filepath=path, fingerprint=other.fingerprint).load()
    summary = completeness.summarise_efficiency(arrays).set_index("stage")
    assert summary.loc["event", "n_reached"] == trials["event"].sum()
    assert summary["share"].is_monotonic_decreasing


def test_no_trial_no_efficiency(trials):
    with pytest.raises(ValueError, match="no trial was carried out"):
        injections.make_cube(trials.assign(outcome="unreadable"), PARAMETERS, *SEARCH)


def test_light_curves_of_another_ingest_are_refused(survey):
    stars = survey.stars.assign(partition="13_13.5-00099")
    with pytest.raises(ValueError, match=r"partition 13_13\.5-00099 are gone"):
        injections.plan_injection(
            survey.lightcurves, injections.design(stars, PARAMETERS), *survey.facts(), survey.matches,
            survey.consensus, survey.errors, PARAMETERS, *SEARCH, ComputeParameters(),
        )  # fmt: skip


def test_reliability_of_candidates_and_what_stops_contaminants(survey, tmp_path):
    plan = reliability.plan_reliability(
        survey.lightcurves, survey.stars, *survey.facts(), survey.events, survey.matches,
        survey.consensus, PARAMETERS, *SEARCH, ComputeParameters(workers=1),
    )  # fmt: skip
    _, cases = saved(plan, tmp_path, ("cases",))
    assert cases["case_id"].is_unique
    candidates = pd.DataFrame(
        {"asas_sn_id": [1, 2], "dip_max_ln_bf": [50.0, 90.0], "dip_passed": [True, True]}
    )
    rates, stopped, thresholds, believed = reliability.summarise_reliability(
        cases, candidates, survey.sources, PARAMETERS, SEARCH[1]
    )
    whole = rates[(rates["by"] == "all") & rates["cleaned"] & (rates["stage"] == "candidate")]
    assert set(whole["family"]) == set(PARAMETERS.reliability.nulls)
    assert (whole["n_false"] == 0).all()
    assert set(stopped["family"]) == set(PARAMETERS.reliability.contaminants)
    assert (believed["reliability"] == 1.0).all()
    assert believed["reliability_lower"].between(0, 1).all()
    assert len(believed) == 2
    assert thresholds["threshold"].isna().all()  # eight stars cannot show 10 in 1,000
    assert reliability.draw_reliability(rates, believed, cases).axes
    assert reliability.draw_contaminants(stopped).axes


def test_without_null_light_curves_nothing_is_believed(survey):
    cases = pd.DataFrame(
        {"family": ["mirrored"], "searched": [False], "event": [False], "candidate": [False],
         "own_n_dips": [0], "known_brightening": [False], "listed_variable": [False],
         "median_mag": [13.0], "points_per_day": [0.5], "n_cameras": [4], "dip_max_ln_bf": [np.nan]}
    )  # fmt: skip
    nobody = pd.DataFrame({"asas_sn_id": [1], "dip_max_ln_bf": [50.0], "dip_passed": [True]})
    with pytest.raises(ValueError, match=r"raise evaluation\.reliability\.n_nulls"):
        reliability.summarise_reliability(cases, nobody, survey.sources, PARAMETERS, SEARCH[1])


def test_a_sweep_searches_the_same_light_curves_with_every_setting(survey, tmp_path):
    plan = sweep.plan_sweep(
        survey.lightcurves, survey.stars, *survey.facts(), survey.events, survey.errors, PARAMETERS,
        SEARCH[0], ComputeParameters(workers=1),
    )  # fmt: skip
    _, found, cases = saved(plan, tmp_path, ("trials", "cases"))
    by_point = found.groupby(["setting", "value"])
    assert len(by_point) == 3
    assert (by_point["trial_id"].nunique() == 20).all()
    assert cases.groupby(["setting", "value"])["case_id"].nunique().eq(12).all()
    points = sweep.summarise_sweep(found, cases, PARAMETERS)
    assert points[["setting", "value"]].apply(tuple, axis=1).tolist() == PARAMETERS.sweep.points
    looser, stricter = points["all_completeness"][:2]
    assert looser >= stricter
    assert sweep.draw_sweep(points, found, PARAMETERS).axes


def test_nodes_ask_for_no_more_than_they_need(survey):
    asked = columns_of(samples.choose_stars)
    assert set(asked) == {"sources", "statistics", "manifest"}
    missing = set(asked["sources"]) - set(survey.sources.columns)
    assert missing <= {"failed_vsx"}
    assert isinstance(survey.lightcurves["lightcurves"][f"{MAG_BIN}-00000"](), pa.Table)
