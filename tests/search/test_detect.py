from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from malca.lightcurves import FAILURE_DTYPES, LightCurves, concatenate
from malca.pipelines.simulation.nodes import simulate_lightcurves
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.search.detect import detect_events
from malca.search.parameters import SearchParameters

BASELINES = ("star_gp", "gp", "gp_masked", "trend", "median")
MODES = ("event", "posterior_prob", "logbf")


@pytest.fixture(scope="module")
def survey():
    return simulate_lightcurves(
        SimulationParameters(
            n_stars=40,
            seed=3,
            populations={"quiet": 0.5, "dipper_single": 0.25, "single_eclipse": 0.25},
            mag_bins={"13_13.5": 1.0},
        )
    )


@pytest.fixture(scope="module")
def stars(survey) -> LightCurves:
    return survey[0]


@pytest.fixture(scope="module")
def found(stars):
    return detect_events(stars)


def shortened(lightcurves: LightCurves, star: int, n_points: int) -> LightCurves:
    """Leave one star its first points only."""
    keep = np.ones(lightcurves.n_points, bool)
    keep[lightcurves.offsets[star] + n_points : lightcurves.offsets[star + 1]] = False
    counts = np.concatenate([[0], np.cumsum(keep)])
    names = ("jd", "mag", "mag_err", "camera", "band", "good", "saturated", "field")
    return replace(
        lightcurves,
        offsets=counts[lightcurves.offsets].astype(np.int64),
        **{name: getattr(lightcurves, name)[keep] for name in names},
    )


def mirrored(lightcurves: LightCurves) -> LightCurves:
    """Mirror magnitudes about one level, the same for all points, which is exact in float32."""
    return replace(lightcurves, mag=np.float32(26) - lightcurves.mag)


def same_tables(one, other):
    for name in ("sources", "events", "failures"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


# --- what is found --------------------------------------------------------------------------------


def test_observed_dips_are_found_where_the_truth_has_them(survey, found):
    truth = survey[2]
    clear = truth[
        (truth["n_cameras_inside"] >= 2)
        & (truth["sampled_depth_mag"] > 0.15)
        & (truth["total_snr"] > 19)
    ]
    assert len(clear) >= 8
    dips = found.events[found.events["kind"] == "dip"]
    for event in clear.itertuples():
        own = dips[dips["asas_sn_id"] == event.asas_sn_id]
        overlaps = (own["jd_start"] <= event.jd_end + 2) & (own["jd_end"] >= event.jd_start - 2)
        assert overlaps.any(), event
        assert own.loc[overlaps, "depth_mag"].max() < 1.5 * event.depth_mag + 0.1


def test_nothing_is_found_on_quiet_stars_or_in_seasons_without_points(survey, found):
    truth = survey[2]
    with_points = set(truth.loc[truth["n_points_inside"] > 0, "asas_sn_id"])
    assert set(found.events["asas_sn_id"]) <= with_points
    quiet = survey[1].loc[survey[1]["population"] == "quiet", "asas_sn_id"]
    assert len(quiet) == 20
    assert not found.sources.set_index("asas_sn_id").loc[quiet, "dip_significant"].any()


def test_sources_and_events_agree(stars, found):
    sources, events = found.sources, found.events
    assert list(sources["asas_sn_id"]) == list(stars.stars["asas_sn_id"])
    for kind in ("dip", "jump"):
        count = events[events["kind"] == kind].groupby("asas_sn_id").size()
        expected = sources["asas_sn_id"].map(count).fillna(0).astype(int)
        assert list(sources[f"{kind}_count"]) == list(expected)
        assert list(sources[f"{kind}_significant"]) == list(expected > 0)
    best = events[events["kind"] == "dip"].sort_values("ln_bf").groupby("asas_sn_id").last()
    with_dips = sources[sources["dip_significant"]].set_index("asas_sn_id")
    assert len(with_dips)
    for column in ("depth_mag", "jd_start", "jd_end", "t0_jd"):
        np.testing.assert_array_equal(with_dips[f"dip_best_{column}"], best[column])
    np.testing.assert_array_equal(with_dips["dip_max_ln_bf"], best["ln_bf"])


def test_event_table_has_its_columns_and_types(stars, found):
    events = found.events
    columns = [
        "asas_sn_id", "name", "event_id", "kind", "jd_start", "jd_end", "jd_peak", "duration_days",
        "depth_mag", "n_points", "n_cameras", "n_bands", "ln_bf", "significance", "max_posterior",
        "morphology", "delta_bic", "amp_mag", "t0_jd", "width_days",
    ]  # fmt: skip
    assert list(events.columns[: len(columns)]) == columns
    assert events["asas_sn_id"].dtype == found.sources["asas_sn_id"].dtype == "Int64"
    assert events["event_id"].dtype == np.int64
    for name in ("jd_start", "jd_end", "jd_peak", "depth_mag", "ln_bf", "significance"):
        assert events[name].dtype == np.float64
        assert events[name].notna().all()
    for name in ("n_points", "n_cameras", "n_bands", "n_visits"):
        assert events[name].dtype == np.int64
        assert (events[name] >= 1).all()
    assert set(events["kind"]) <= {"dip", "jump"}
    assert events["max_posterior"].between(0, 1).all()


def test_events_are_numbered_within_their_star_in_order_of_time(found):
    for _, own in found.events.groupby("asas_sn_id"):
        assert list(own["event_id"]) == list(range(len(own)))
        assert own["jd_start"].is_monotonic_increasing


def test_events_lie_on_points_of_their_star(stars, found):
    position = {int(star): i for i, star in enumerate(stars.stars["asas_sn_id"])}
    for event in found.events.itertuples():
        jd = stars.star(position[event.asas_sn_id]).jd
        assert event.jd_start in jd
        assert event.jd_end in jd
        assert event.jd_start <= event.jd_peak <= event.jd_end
        assert event.duration_days == pytest.approx(event.jd_end - event.jd_start)


# --- what must not matter -------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", ["star_gp", "gp"])
def test_results_do_not_depend_on_workers(stars, baseline):
    one, three = (detect_events(stars, baseline=baseline, workers=n) for n in (1, 3))
    same_tables(one, three)


@pytest.mark.parametrize("mode", MODES)
def test_a_star_alone_gives_what_it_gives_in_the_batch(stars, mode):
    batch = detect_events(stars, trigger_mode=mode)
    for i in (2, 3, 20, 39):
        star = stars.stars["asas_sn_id"][i]
        alone = detect_events(stars.take([i]), trigger_mode=mode)
        for name in ("sources", "events"):
            table = getattr(batch, name)
            expected = table[table["asas_sn_id"] == star].reset_index(drop=True)
            pd.testing.assert_frame_equal(
                getattr(alone, name), expected, check_exact=True, check_dtype=len(expected) > 0
            )


def test_order_of_stars_does_not_matter(stars, found):
    order = np.random.default_rng(5).permutation(len(stars))
    shuffled = detect_events(stars.take(order))
    for name, keys in (("sources", ["asas_sn_id"]), ("events", ["asas_sn_id", "event_id"])):
        one, other = (
            getattr(each, name).sort_values(keys, ignore_index=True) for each in (found, shuffled)
        )
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_cameras_of_other_stars_do_not_matter(stars, found):
    again = detect_events(concatenate([stars.take([30]), stars.take(range(5))]))
    few = stars.stars["asas_sn_id"][:5]
    expected = found.events[found.events["asas_sn_id"].isin(few)].reset_index(drop=True)
    got = again.events[again.events["asas_sn_id"].isin(few)].reset_index(drop=True)
    # Cameras are named in the order of the batch's key, which differs.
    lists = ["cameras", "cameras_confirming"]
    pd.testing.assert_frame_equal(got.drop(columns=lists), expected.drop(columns=lists))
    for name in lists:
        assert [set(text.split(",")) for text in got[name]] == [
            set(text.split(",")) for text in expected[name]
        ]


def test_input_is_left_as_it_was(stars):
    before = stars.mag.copy(), stars.stars.copy()
    detect_events(stars)
    np.testing.assert_array_equal(stars.mag, before[0])
    pd.testing.assert_frame_equal(stars.stars, before[1])


# --- stars that cannot be searched ----------------------------------------------------------------


def test_stars_with_too_few_points_are_failures_and_leave_the_others_alone(stars, found):
    usable = found.points.offsets[6] - found.points.offsets[5]
    few = shortened(stars, 5, 9)
    again = detect_events(few)
    assert usable > 9
    assert list(again.failures.columns) == list(FAILURE_DTYPES)
    row = again.failures.iloc[0]
    star = stars.stars["asas_sn_id"][5]
    assert len(again.failures) == 1
    assert (row["asas_sn_id"], row["stage"], row["reason"]) == (star, "detection", "too_few_points")
    assert row["detail"].endswith("of 9 points are usable, 10 are needed")
    assert again.failures["asas_sn_id"].dtype == "Int64"
    assert star not in set(again.sources["asas_sn_id"])
    for name in ("sources", "events"):
        table = getattr(found, name)
        expected = table[table["asas_sn_id"] != star].reset_index(drop=True)
        pd.testing.assert_frame_equal(getattr(again, name), expected, check_exact=True)


def test_unusable_points_do_not_count(stars):
    saturated = stars.saturated.copy()
    saturated[stars.offsets[4] + 5 : stars.offsets[5]] = True
    excluded = np.zeros(stars.n_points, bool)
    excluded[stars.offsets[7] : stars.offsets[8]] = True
    found = detect_events(replace(stars, saturated=saturated), excluded=excluded)
    assert list(found.failures["asas_sn_id"]) == list(stars.stars["asas_sn_id"][[4, 7]])
    assert found.failures["detail"].iloc[1].startswith("0 of ")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("baseline", BASELINES)
def test_an_empty_batch_gives_empty_tables(found, baseline, mode):
    nothing = detect_events(LightCurves.empty(), baseline=baseline, trigger_mode=mode)
    assert len(nothing.sources) == len(nothing.events) == len(nothing.failures) == 0
    assert list(nothing.events.columns) == list(found.events.columns)
    assert list(nothing.sources.columns) == list(found.sources.columns)
    assert nothing.events["asas_sn_id"].dtype == "Int64"


def test_a_batch_of_failures_only(stars):
    found = detect_events(stars.take([0, 1]), min_points=100_000)
    assert len(found.failures) == 2
    assert len(found.sources) == len(found.events) == 0


# --- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("baseline", BASELINES)
def test_every_baseline_and_trigger_finds_deep_dips(survey, stars, baseline, mode):
    truth = survey[2]
    deep = truth[(truth["total_snr"] > 40) & (truth["n_cameras_inside"] >= 2)]["asas_sn_id"]
    found = detect_events(stars, baseline=baseline, trigger_mode=mode)
    assert set(found.sources["baseline_source"]) == {baseline}
    assert set(found.sources["trigger_mode"]) == {mode}
    assert not len(found.failures)
    significant = found.sources.set_index("asas_sn_id")["dip_significant"]
    assert significant[deep].mean() >= 0.8
    assert np.isfinite(found.baseline.mean).all()


def test_shallow_events_are_counted_but_not_accepted(found, stars):
    strict = detect_events(stars, min_mag_offset=0.4)
    kept = found.events["depth_mag"] >= 0.4
    assert 0 < kept.sum() < len(kept)
    same = ["asas_sn_id", "kind", "jd_start", "jd_end", "depth_mag", "ln_bf"]
    pd.testing.assert_frame_equal(
        strict.events[same], found.events.loc[kept, same].reset_index(drop=True), check_exact=True
    )
    for kind in ("dip", "jump"):
        below = strict.sources[f"{kind}_n_below_min_mag_offset"].sum()
        before = found.sources[f"{kind}_n_below_min_mag_offset"].sum()
        assert below - before == ((found.events["kind"] == kind) & ~kept).sum()


def test_a_model_and_names_are_the_same(stars):
    few = stars.take(range(8))
    model = SearchParameters(trigger_mode="logbf", min_mag_offset=0.1)
    same_tables(detect_events(few, model), detect_events(few, trigger_mode="logbf", min_mag_offset=0.1))


def test_both_ways_at_once_are_refused(stars):
    with pytest.raises(ValueError, match="not both"):
        detect_events(stars, SearchParameters(), min_points=3)


def test_unknown_parameters_are_refused(stars):
    with pytest.raises(ValueError, match="there is no parameter 'sigma'"):
        detect_events(stars, sigma=3)


@pytest.mark.parametrize("baseline", ["star_gp", "median"])
def test_mirrored_curves_exchange_dips_and_jumps(stars, baseline):
    straight = detect_events(stars, baseline=baseline).events
    turned = detect_events(mirrored(stars), baseline=baseline).events
    assert (straight["kind"] == "dip").any()
    exchanged = turned["kind"].map({"dip": "jump", "jump": "dip"})
    same = ["asas_sn_id", "kind", "jd_start", "jd_end", "n_points", "n_visits"]
    order = ["asas_sn_id", "jd_start", "kind"]
    one = straight.sort_values(order, ignore_index=True)
    other = turned.assign(kind=exchanged).sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(one[same], other[same], check_dtype=False)
    for name, tolerance in (("depth_mag", 1e-4), ("significance", 1e-3), ("ln_bf", 0.1)):
        np.testing.assert_allclose(one[name], other[name], atol=tolerance, rtol=1e-3)


def test_empty_tables_have_the_types_of_full_ones(stars):
    full, few = detect_events(stars), detect_events(stars.take([0]), min_points=100_000)
    nothing = detect_events(LightCurves.empty())
    for name, one in (("sources", full), ("events", full), ("failures", few)):
        assert getattr(nothing, name).dtypes.to_dict() == getattr(one, name).dtypes.to_dict()
