from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from astropy import units

from malca.astrophysics import classify, dip_geometry, dip_quantities, stellar_parameters
from malca.columns import columns_of
from malca.descriptions.classified import COLUMNS
from malca.pipelines.classification import create_pipeline
from malca.pipelines.classification.nodes import classify_candidates, draw_classes
from malca.pipelines.classification.parameters import ClassificationParameters

CONF = Path(__file__).resolve().parents[3] / "conf" / "base"


@pytest.fixture
def vetted():
    return pd.DataFrame(
        {
            "asas_sn_id": pd.array([7, 8, 9], dtype="Int64"),
            "gaia_dr3_id": pd.array([2048667825027633991, None, 5], dtype="Int64"),
            "dip_count": [1, 4, 0],
            "dip_best_depth_mag": [0.5, 0.4, np.nan],
            "dip_best_jd_start": [2458000.0, 2458100.0, np.nan],
            "dip_best_jd_end": [2458060.0, 2458100.3, np.nan],
            "dip_best_t0_jd": [2458030.0, 2458100.1, np.nan],
            "jd_first": 2457000.0,
            "jd_last": 2460000.0,
            "abs_g0_mag": [4.6, 4.2, np.nan],
            "bp_rp0_mag": [0.82, 0.8, np.nan],
            "is_periodic": pd.array([False, True, None], dtype="boolean"),
            "lsp_period_days": [0.3, 2.5, np.nan],
            "period_explains_events": pd.array([False, True, None], dtype="boolean"),
        },
        index=[2, 5, 6],
    )


@pytest.fixture
def events():
    return pd.DataFrame(
        {
            "asas_sn_id": pd.array([7, 8, 8], dtype="Int64"),
            "kind": ["dip", "dip", "jump"],
            "ln_bf": [50.0, 60.0, 900.0],
            "jd_start": [2458000.0, 2458100.0, 2458200.0],
            "jd_end": [2458060.0, 2458100.3, 2458300.0],
            "t0_jd": [2458030.0, 2458100.1, 2458250.0],
            "depth_mag": [0.5, 0.4, 1.0],
            "asymmetry": [0.5, 0.0, 0.0],
            "ingress_days": [10.0, 0.1, 9.0],
            "egress_days": [30.0, 0.1, 9.0],
            "n_epochs": [40, 30, 30],
        }
    )


def test_candidates_keep_their_columns_and_get_all_that_are_described(vetted, events):
    classified = classify_candidates(vetted, events, ClassificationParameters())
    assert list(classified) == [*vetted, *COLUMNS]
    pd.testing.assert_frame_equal(classified[list(vetted)], vetted)
    assert classified["class_best"].tolist()[:2] == ["circumstellar_disc", "eclipsing_binary"]
    assert classified["final_class"].tolist()[2] == "no dip"
    assert classified["dip_duration_days"].tolist()[0] == 60.0
    # done again, nothing is doubled
    again = classify_candidates(classified, events, ClassificationParameters())
    pd.testing.assert_frame_equal(again, classified)


def test_without_events_shapes_are_unknown(vetted):
    classified = classify_candidates(vetted, None, ClassificationParameters())
    assert classified["dip_asymmetry"].isna().all()
    assert classified["dip_depth_mag"].tolist()[0] == 0.5
    assert classified["occulter_speed_min_kms"].isna().all()


def test_no_candidates_give_an_empty_table_of_the_same_columns(vetted, events):
    some = classify_candidates(vetted, events, ClassificationParameters())
    none = classify_candidates(vetted.iloc[:0], events.iloc[:0], ClassificationParameters())
    assert len(none) == 0
    assert none.dtypes.to_dict() == some.dtypes.to_dict()
    draw_classes(none)
    draw_classes(some)


def test_a_table_of_nothing_but_ids_is_classified(vetted):
    bare = classify_candidates(vetted[["asas_sn_id"]], None, ClassificationParameters())
    assert (bare["final_class"] == "unknown dipper").all()
    assert (bare["class_n_observables"] == 0).all()


def test_every_column_is_described_in_units_astropy_knows():
    told = stellar_parameters.COLUMNS + dip_quantities.COLUMNS + dip_geometry.COLUMNS + classify.COLUMNS
    assert tuple(COLUMNS) == told
    for name, (unit, description) in COLUMNS.items():
        units.Unit(unit)
        assert description, name
        assert "\n" not in description


def test_the_configuration_is_that_of_the_defaults():
    given = yaml.safe_load((CONF / "parameters_classification.yml").read_text(encoding="utf-8"))
    assert (
        ClassificationParameters.model_validate(given["classification"]) == ClassificationParameters()
    )


def test_the_pipeline_takes_vetted_candidates_and_events():
    pipeline = create_pipeline()
    assert pipeline.inputs() == {"vetted", "events", "params:classification"}
    assert pipeline.outputs() == {"class_figure"}
    declared = yaml.safe_load((CONF / "catalog_classification.yml").read_text(encoding="utf-8"))
    assert set(declared) == {"classified", "class_figure"}
    assert "asas_sn_id" not in columns_of(draw_classes)["classified"]
    assert "asymmetry" in columns_of(classify_candidates)["events"]
