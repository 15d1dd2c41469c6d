"""Pages are planned by rank and written one at a time; the table that is passed on says what it is."""

from __future__ import annotations

import astropy.units as u
import pandas as pd
import pyarrow as pa
import pytest

from malca.datasets.pages import PageFolder
from malca.descriptions.all_columns import DESCRIPTIONS
from malca.pipelines.dossiers import create_pipeline
from malca.pipelines.dossiers.nodes import describe_candidates, write_dossiers
from malca.reporting_parameters import ReportingParameters

PICTURE = "UElDVFVSRQ=="


@pytest.fixture(scope="module")
def classified(classified_sky):
    """Stars of the sky as if a search had found them, the last the best."""
    table = classified_sky.table.head(6)
    return table.assign(
        passed_branch=["dip", "jump", "both", "dip", "dip", "dip"],
        dipper_score=[1.0, 9.0, 2.0, 3.0, 4.0, 5.0],
        jumper_score=[0.0, 0.5, 2.5, 0.0, 0.0, 0.0],
    )


@pytest.fixture
def inputs(classified, classified_sky):
    first = int(classified["asas_sn_id"].iloc[5])
    rejections = pd.DataFrame(
        {
            "asas_sn_id": [first], "filter": ["ruwe"], "branch": ["dip"], "outcome": ["unknown"],
            "reason": ["no RUWE from Gaia"], "value": [float("nan")], "threshold": [1.4],
        }
    )  # fmt: skip
    return {
        "classified": classified,
        "neighbours": classified_sky.listed["neighbours"],
        "spectra": classified_sky.listed["spectra"],
        "rejections": rejections,
        "attrition": pd.DataFrame({"stage": ["filter"], "filter": ["ruwe"]}),
        "candidate_pictures": {
            "pictures": {str(first): lambda: pa.Table.from_pylist([{"png": PICTURE}])}
        },
    }


def test_the_best_get_pages(inputs, classified, tmp_path):
    pages = write_dossiers(**inputs, reporting=ReportingParameters(n_dossiers=3))
    best = [str(classified["asas_sn_id"].iloc[k]) for k in (5, 4, 3)]
    assert list(pages) == [*best, "index"]
    assert len(pages) == 4
    folder = PageFolder(path=str(tmp_path / "dossiers"))
    folder.save(pages)
    assert folder.load() == sorted([*best, "index"])
    drawn, other = ((tmp_path / "dossiers" / f"{star}.html").read_text() for star in best[:2])
    assert f"data:image/png;base64,{PICTURE}" in drawn
    assert "no RUWE from Gaia" in drawn
    assert "its light curve is not here" in other
    index = (tmp_path / "dossiers" / "index.html").read_text()
    assert [index.index(f"{star}.html") for star in best] == sorted(
        index.index(f"{star}.html") for star in best
    )


def test_without_candidates_there_is_an_index(inputs):
    inputs["classified"] = inputs["classified"].iloc[:0]
    pages = write_dossiers(**inputs, reporting=ReportingParameters())
    assert list(pages) == ["index"]
    assert "0 dossiers" in pages["index"]


def test_every_column_is_described(classified):
    table = describe_candidates(classified)
    described = table.attrs["descriptions"]
    assert set(described) == set(table) == set(classified)
    for name, (unit, text) in described.items():
        u.Unit(unit)
        assert text, name
        assert (unit, text) == DESCRIPTIONS[name]
    assert table["asas_sn_id"].tolist()[0] == classified["asas_sn_id"].iloc[5]


def test_the_pipeline_needs_what_others_make():
    assert create_pipeline().inputs() == {
        "classified", "neighbours", "spectra", "rejections", "attrition", "candidate_pictures",
        "params:reporting",
    }  # fmt: skip
