import json

import numpy as np
import pandas as pd
import pytest

from malca.lightcurves import STAR_DTYPES, Camera, LightCurves
from malca.search.describe import describe_star, format_description


@pytest.fixture
def batch(rng):
    n = 200
    jd = np.sort(2458000.3 + rng.integers(0, 400, n) + rng.uniform(0, 0.2, n))
    stars = pd.DataFrame(
        {name: pd.array([None, None], dtype=dtype) for name, dtype in STAR_DTYPES.items()}
    )
    stars["asas_sn_id"] = pd.array([7, 8], dtype="Int64")
    stars["name"] = pd.array(["seven", "eight"], dtype="str")
    return LightCurves(
        stars=stars,
        offsets=np.array([0, n, n]),
        jd=jd,
        mag=(13 + 0.1 * np.sin(2 * np.pi * jd / 2.345) + rng.normal(0, 0.02, n)).astype(np.float32),
        mag_err=np.full(n, 0.02, np.float32),
        camera=rng.integers(0, 2, n).astype(np.int16),
        band=np.zeros(n, np.int8),
        good=np.ones(n, bool),
        saturated=np.zeros(n, bool),
        field=np.zeros(n, np.int16),
        cameras=(Camera("ba"), Camera("be")),
    )


def test_tables_agree_with_the_points(batch):
    found = describe_star(batch, 0)
    assert found["summary"]["file_points_kept_after_filter"] == 200
    assert found["by_camera"]["n_points"].sum() == found["seasons"]["n_points"].sum() == 200
    gaps = np.sort(np.diff(batch.jd))[::-1][:10]
    np.testing.assert_allclose(found["largest_gaps"]["gap_days"], gaps)
    exposures = found["exposures"]
    assert exposures["n_exposures"].sum() == 200
    edges = np.append(exposures["jd_start"], exposures["jd_start"].iloc[-1] + 3.0)
    np.testing.assert_array_equal(exposures["n_exposures"], np.histogram(batch.jd, edges)[0])
    assert found["summary"]["lomb_scargle_best_period_days"] is None


def test_period_only_if_asked(batch):
    found = describe_star(batch, 0, lomb_scargle=True)
    assert found["summary"]["lomb_scargle_best_period_days"] == pytest.approx(2.345, abs=0.01)
    assert found["summary"]["lomb_scargle_fap"] < 1e-10
    assert len(found["periods"]) == 10


def test_star_without_points_is_described_as_such(batch):
    found = describe_star(batch, 1, lomb_scargle=True)
    assert found["summary"]["status"] == "no usable points"
    assert found["summary"]["jd_start"] is None
    assert found["exposures"].empty
    assert found["largest_gaps"].empty
    assert "no usable points" in format_description(found)


def test_text_names_every_quantity_and_json_takes_the_summary(batch):
    found = describe_star(batch, 0, lomb_scargle=True)
    text = format_description(found)
    assert all(name in text for name in found["summary"])
    for title in ("By camera", "Seasons", "Largest gaps", "Period candidates", "Bins of 3 d"):
        assert title in text
    assert json.loads(json.dumps(found["summary"]))["asas_sn_id"] == 7


@pytest.mark.parametrize("i", [-1, 2])
def test_unknown_star(batch, i):
    with pytest.raises(IndexError, match="holds 2 stars"):
        describe_star(batch, i)
