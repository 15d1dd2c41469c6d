"""Probabilities combine as probabilities do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from malca.astrophysics.class_defaults import NUMBERS, OUTCOMES
from malca.astrophysics.class_labels import catalogue_labels, label_of
from malca.astrophysics.class_likelihoods import (
    CLASSES,
    CategoricalLikelihood,
    ContinuousLikelihood,
    Density,
    correlated_sum,
)
from malca.astrophysics.class_observables import Observables, observables
from malca.astrophysics.classify import (
    COLUMNS,
    ClassificationModel,
    classify,
    ln_likelihoods,
    posterior,
)
from malca.astrophysics.dip_quantities import strongest_dips

MODEL = ClassificationModel()
P = [f"p_{name}" for name in CLASSES]


def classified(table, model=MODEL, events=None):
    return classify(table, strongest_dips(table, events), model)


def maybe(values):
    return st.one_of(st.none(), values)


#: Stars of which anything may be known, in the units of their columns.
COLUMN_VALUES = (
    {
        "dip_count": maybe(st.integers(0, 50)),
        "jump_count": maybe(st.integers(0, 5)),
        "dip_best_depth_mag": maybe(st.floats(0.01, 9)),
        "dip_best_jd_end": maybe(st.floats(0, 3000)),
        "lsp_period_days": maybe(st.floats(0.01, 2000)),
        "is_periodic": maybe(st.booleans()),
        "period_explains_events": maybe(st.booleans()),
        "period_accepted": maybe(st.booleans()),
        "period_consensus_days": maybe(st.floats(0.01, 2000)),
        "abs_g0_mag": maybe(st.floats(-10, 16)),
        "bp_rp0_mag": maybe(st.floats(-1, 6)),
        "yso_class": maybe(st.sampled_from(["Class I", "Class II", "no excess", "unknown"])),
        "halpha_emitter": maybe(st.booleans()),
        "banyan_field_probability": maybe(st.floats(0, 1)),
        "distance_pc": maybe(st.floats(1, 1e4)),
        "sfr_member": maybe(st.booleans()),
        "erosita_outcome": maybe(st.sampled_from(["matched", "not_matched", "not_covered", "unknown"])),
        "gaia_ruwe": maybe(st.floats(0.5, 20)),
        "gaia_non_single_star": maybe(st.integers(0, 7)),
        "vsx_class": maybe(st.sampled_from(["EA", "UGSS", "BY", "YSO", "M", "S", ""])),
        "gaia_var_class": maybe(st.sampled_from(["ECL", "CV", "SOLAR_LIKE", "YSO", "LPV", ""])),
        "gaia_var_score": maybe(st.floats(0, 1)),
        "asassn_class": maybe(st.sampled_from(["EW", "ROT", "L", "nonsense"])),
        "asassn_quality": maybe(st.floats(0, 1)),
    }
)  # fmt: skip
STAR = st.fixed_dictionaries(COLUMN_VALUES)
NOTHING = dict.fromkeys(COLUMN_VALUES)
_FLAGS = ("is_periodic", "period_explains_events", "period_accepted", "halpha_emitter", "sfr_member")
_WORDS = ("yso_class", "erosita_outcome", "vsx_class", "gaia_var_class", "asassn_class")


def table_of(stars):
    table = pd.DataFrame(stars, index=range(5, 5 + len(stars)))
    types = {name: "boolean" for name in _FLAGS} | {name: "str" for name in _WORDS}
    numbers = {name: "float64" for name in table if name not in types}
    return table.astype(numbers | types).assign(dip_best_jd_start=0.0)


@settings(max_examples=25, deadline=None)
@given(st.lists(STAR, min_size=1, max_size=6))
def test_probabilities_sum_to_one_whatever_is_known(stars):
    table = table_of(stars)
    found = classified(table)
    assert tuple(found.columns) == COLUMNS
    assert found.index.equals(table.index)
    np.testing.assert_allclose(found[P].sum(axis=1), 1, rtol=1e-12)
    assert ((found[P] > 0) & (found[P] < 1)).all(axis=None)
    assert (found["class_margin"] >= 0).all()
    assert found["class_evidence"].notna().all()


@settings(max_examples=25, deadline=None)
@given(STAR, st.data())
def test_what_is_not_known_changes_nothing(star, data):
    # a column that is not there, and one that is there but missing, are the same
    gone = data.draw(st.sets(st.sampled_from(sorted(star))))
    missing = table_of([star | dict.fromkeys(gone)])
    pd.testing.assert_frame_equal(classified(missing), classified(missing.drop(columns=list(gone))))


@settings(max_examples=20, deadline=None)
@given(st.lists(STAR, min_size=2, max_size=6), st.randoms())
def test_order_does_not_matter(stars, random):
    table = table_of(stars)
    rows, columns = list(table.index), list(table)
    random.shuffle(rows)
    random.shuffle(columns)
    mixed = classified(table.loc[rows, columns])
    pd.testing.assert_frame_equal(mixed.loc[table.index], classified(table))


@settings(max_examples=25, deadline=None)
@given(STAR, st.sampled_from(sorted(set(NUMBERS) | set(OUTCOMES))))
def test_no_observable_decides_by_itself(star, name):
    table = table_of([star])
    term = ln_likelihoods(observables(table, strongest_dips(table)), MODEL)[name][0]
    likelihood = MODEL.numbers.get(name) or MODEL.outcomes[name]
    bound = np.log1p(len(CLASSES) * (1 - likelihood.foreign) / likelihood.foreign)
    if name == "catalogues":  # six of them, if they agreed, count as less than two
        bound *= 6 / (1 + 5 * MODEL.catalogue_correlation)
    assert np.ptp(term) <= bound + 1e-9


def test_nothing_known_gives_the_priors():
    found = classified(pd.DataFrame(index=range(3)))
    np.testing.assert_allclose(found[P], [list(MODEL.priors.values())] * 3, rtol=1e-12)
    assert (found["class_n_observables"] == 0).all()
    # and nobody is named whom nothing speaks for
    assert (found["final_class"] == "unknown dipper").all()


def test_the_margin_is_the_sum_of_its_evidence():
    model = ClassificationModel(evidence_terms=50)
    table = table_of([NOTHING | {
        "dip_count": 3, "dip_best_depth_mag": 0.5, "dip_best_jd_end": 0.6, "vsx_class": "EA",
        "abs_g0_mag": 4.0, "bp_rp0_mag": 0.8, "yso_class": "no excess",
    }])  # fmt: skip
    row = classified(table, model).iloc[0]
    parts = row["class_evidence"].split(": ", 1)[1].split("; ")
    assert row["class_best"] == "eclipsing_binary"
    assert sum(float(part.rsplit(" ", 1)[1]) for part in parts) == pytest.approx(
        row["class_margin"], abs=0.05 * len(parts) + 0.3
    )
    assert "catalogues: VSX eclipsing" in row["class_evidence"]


@pytest.mark.parametrize(
    ("column", "values", "rising"),
    [
        ("banyan_field_probability", [1.0, 0.9, 0.6, 0.2, 0.0], "yso"),
        ("dip_best_jd_end", [10.0, 30.0, 60.0, 100.0], "circumstellar_disc"),
        ("gaia_var_score", [0.2, 0.4, 0.6, 0.9], "eclipsing_binary"),
        ("abs_g0_mag", [5.0, 6.0, 7.0, 8.0], "cataclysmic"),
        ("dip_count", [2.0, 1.0], "circumstellar_disc"),
    ],
)
def test_more_of_what_speaks_for_a_class_makes_it_more_probable(column, values, rising):
    base = NOTHING | {
        "dip_count": 3, "dip_best_depth_mag": 0.3, "dip_best_jd_end": 20.0, "bp_rp0_mag": 0.6,
        "abs_g0_mag": 4.0, "distance_pc": 100.0, "gaia_var_class": "ECL",
    }  # fmt: skip
    found = classified(table_of([base | {column: value} for value in values]))
    assert (np.diff(found[f"p_{rising}"]) > 0).all()


def drawn(rng, model, n):
    """Stars as the model has them: class by prior, then every observable by its (robust) likelihood."""
    kind = rng.choice(len(CLASSES), n, p=np.exp(model.ln_priors))
    numbers, outcomes = {}, {}
    for name, one in model.numbers.items():
        grid = np.linspace(one.low, one.high, 2000)
        weight = np.exp(one.ln(grid))
        cdf = np.cumsum(weight / weight.sum(axis=0), axis=0)
        draw = rng.random(n)
        numbers[name] = np.array(
            [grid[min(np.searchsorted(cdf[:, k], x), 1999)] for k, x in zip(kind, draw, strict=True)]
        )
    for name, one in model.outcomes.items():
        if name == "catalogues":
            continue
        share = np.exp([one.ln(row[None])[0] for row in np.eye(len(one.outcomes))])
        which = [rng.choice(len(one.outcomes), p=share[:, k] / share[:, k].sum()) for k in kind]
        outcomes[name] = np.eye(len(one.outcomes))[which]
        hidden = rng.random(n) < 0.5  # half are unknown
        outcomes[name][hidden] = 1.0
    for values in numbers.values():
        values[rng.random(n) < 0.5] = np.nan
    return kind, Observables(numbers, outcomes, {})


def test_stars_drawn_from_the_model_are_as_often_right_as_it_says(rng):
    n = 6000
    kind, seen = drawn(rng, MODEL, n)
    p = np.exp(posterior(ln_likelihoods(seen, MODEL), MODEL, n))
    for k in range(len(CLASSES)):
        for low, high in ((0.0, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 0.95), (0.95, 1.0)):
            rows = (p[:, k] >= low) & (p[:, k] < high)
            if rows.sum() < 60:
                continue
            said, true = p[rows, k].mean(), (kind[rows] == k).mean()
            assert true == pytest.approx(said, abs=4 * np.sqrt(said * (1 - said) / rows.sum()) + 0.004)


# -- likelihoods ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMBERS)
def test_densities_integrate_to_one(name):
    one = MODEL.numbers[name]
    grid = np.linspace(one.low, one.high, 20_001)
    robust = np.trapezoid(np.exp(one.ln(grid)), grid, axis=0) / (one.high - one.low)
    np.testing.assert_allclose(robust, 1, rtol=1e-4)
    assert one.source


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcomes_sum_to_one_and_ones_say_nothing(name):
    one = MODEL.outcomes[name]
    n = len(one.outcomes)
    np.testing.assert_allclose(np.exp([one.ln(row[None])[0] for row in np.eye(n)]).sum(axis=0), 1)
    assert not one.ln(np.ones((2, n))).any()
    assert one.source


def test_copies_count_less_than_witnesses():
    said = np.broadcast_to(np.array([[0.0, -2.0]]), (4, 1, 2))
    known = np.ones((4, 1), bool)
    assert correlated_sum(said, known, 0.0)[0, 1] == -8
    assert correlated_sum(said, known, 1.0)[0, 1] == -2
    assert correlated_sum(said, known, 0.5)[0, 1] == pytest.approx(-3.2)
    known[1:] = False
    assert correlated_sum(said * known[:, :, None], known, 0.5)[0, 1] == -2


def test_wrong_models_are_refused():
    with pytest.raises(ValidationError, match="sum to one"):
        Density(flat=0.5)
    with pytest.raises(ValidationError, match="classes missing"):
        ContinuousLikelihood(low=0, high=1, source="", classes={"yso": Density(flat=1)})
    with pytest.raises(ValidationError, match="for each of yes, no"):
        CategoricalLikelihood(outcomes=("yes", "no"), source="", classes=dict.fromkeys(CLASSES, (1, 1)))
    with pytest.raises(ValidationError, match="no observable colours"):
        ClassificationModel(ignored=("colours",))
    with pytest.raises(ValidationError, match="positive share"):
        ClassificationModel(priors={"yso": 1.0})


def test_an_observable_can_be_replaced_or_left_out():
    flat = {name: {"flat": 1.0} for name in CLASSES}
    dull = ClassificationModel(
        numbers={"duration": {"low": -1, "high": 3, "source": "", "classes": flat}}
    )
    table = table_of([NOTHING | {"dip_best_jd_end": 300.0}])
    none = classified(table, ClassificationModel(ignored=("duration",)))
    np.testing.assert_allclose(classified(table, dull)[P], none[P])
    assert set(dull.numbers) == set(NUMBERS)


# -- what is observed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("EA/SD", "eclipsing"), ("EW", "eclipsing"), ("ECL", "eclipsing"), ("EB*", "eclipsing"),
        ("EB*_Candidate", "eclipsing"), ("UGSS+E", "cataclysmic"), ("CV", "cataclysmic"),
        ("CV/Nova", "cataclysmic"), ("BY", "rotating"), ("SOLAR_LIKE", "rotating"),
        ("RSCVN", "rotating"), ("BYDra", "rotating"), ("UXOR", "young"), ("INSA", "young"),
        ("TT*", "young"), ("Y*?", "young"),
        ("RRAB", "pulsating"), ("LPV", "pulsating"), ("DSCT|GDOR|SXPHE", "pulsating"), ("QSO", "other"),
        ("", ""), ("*", ""), ("Star", ""), ("VAR", ""), ("PM*", ""),
    ],
)  # fmt: skip
def test_words_of_catalogues(text, label):
    assert label_of(text) == label


def test_what_catalogues_say_is_found_by_their_columns():
    table = pd.DataFrame(
        {"vsx_class": ["EA", None], "gaia_var_class": ["", "YSO"], "gaia_var_score": [np.nan, 0.4]}
    )
    labels = catalogue_labels(table)
    assert labels["VSX"][0].tolist() == ["eclipsing", ""]
    assert labels["Gaia"][0].tolist() == ["", "young"]
    assert labels["Gaia"][1][1] == 0.4
    assert set(labels) == {"VSX", "Gaia"}


@pytest.mark.parametrize(
    ("star", "possible"),
    [
        ({"dip_count": 1.0, "is_periodic": False, "period_explains_events": False}, [4]),
        ({"dip_count": 1.0, "is_periodic": True, "period_explains_events": False}, [3]),
        ({"dip_count": 1.0}, [3, 4]),
        ({"dip_count": 5.0, "is_periodic": False, "period_explains_events": False}, [2]),
        ({"dip_count": 5.0, "is_periodic": True, "period_explains_events": True}, [0]),
        ({"dip_count": 5.0}, [0, 1, 2]),
        ({"dip_count": 5.0, "period_accepted": True}, [0]),
        ({"dip_count": 5.0, "period_accepted": True, "period_explains_events": False}, [1]),
        ({"is_periodic": False, "period_explains_events": False}, [2, 4]),
        ({"dip_count": 0.0, "is_periodic": False}, [0, 1, 2, 3, 4]),
        ({}, [0, 1, 2, 3, 4]),
    ],
)
def test_how_dips_repeat(star, possible):
    table = table_of([NOTHING | star])
    weights = observables(table, strongest_dips(table)).outcomes["recurrence"][0]
    assert np.flatnonzero(weights).tolist() == possible


@pytest.mark.parametrize(
    ("star", "yes"),
    [
        ({"banyan_field_probability": 0.1, "distance_pc": 50.0}, 0.9),
        ({"banyan_field_probability": 1.0, "distance_pc": 50.0}, 0.0),
        ({"banyan_field_probability": 1.0, "distance_pc": 900.0}, None),
        ({"banyan_field_probability": 1.0, "distance_pc": 900.0, "sfr_member": False}, 0.0),
        ({"banyan_field_probability": 1.0, "distance_pc": 900.0, "sfr_member": True}, 0.8),
        ({"banyan_field_probability": 1.0}, None),
    ],
)
def test_youth_is_denied_only_where_it_was_looked_for(star, yes):
    table = table_of([NOTHING | star])
    weights = observables(table, strongest_dips(table)).outcomes["youth"][0]
    np.testing.assert_allclose(weights, [1, 1] if yes is None else [yes, 1 - yes])


def test_the_strongest_dip_is_that_of_most_evidence():
    table = pd.DataFrame(
        {"asas_sn_id": [3, 1, 2], "dip_best_depth_mag": [9.0, 9.0, 0.4], "dip_best_jd_start": 0.0,
         "dip_best_jd_end": 7.0, "dip_best_t0_jd": np.nan}
    )  # fmt: skip
    events = pd.DataFrame(
        {
            "asas_sn_id": [1, 1, 1, 3],
            "kind": ["jump", "dip", "dip", "dip"],
            "ln_bf": [99.0, 30.0, 50.0, 40.0],
            "jd_start": [0.0, 10.0, 100.0, 5.0],
            "jd_end": [1.0, 11.0, 104.0, 5.5],
            "t0_jd": [0.5, 10.5, 101.0, np.nan],
            "depth_mag": [1.0, 0.2, 0.5, 0.3],
            "asymmetry": [0.0, 0.1, 0.6, 0.9],
            "ingress_days": [1.0, 1.0, 0.5, 1.0],
            "egress_days": [1.0, 1.0, 2.0, 1.0],
            "n_epochs": [50, 50, 50, 3],
        }
    )
    found = strongest_dips(table, events)
    assert found["dip_duration_days"].tolist() == [0.5, 4.0, 7.0]
    assert found["dip_depth_mag"].tolist() == [0.3, 0.5, 0.4]
    assert found["dip_jd"].tolist() == [5.25, 101.0, 3.5]
    # too few epochs to tell a shape; and no events of the third
    np.testing.assert_array_equal(found["dip_asymmetry"], [np.nan, 0.6, np.nan])
    slope = (10 ** (-0.4 * 0.25) - 10 ** (-0.4 * 0.5)) / 0.5
    assert found["dip_steepest_flux_per_day"].tolist()[1] == pytest.approx(slope)
