"""Simulated catalogues: sorted, with units, and never over anything real."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError

from malca.datasets.catalogs import LocalCatalog
from malca.datasets.simulated_catalogs import SimulatedCatalogs, is_simulated


def sky(n: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {"ra": 360 * rng.random(n), "dec": rng.uniform(-90, 90, n), "id": np.arange(n) + 10**18}
    )
    table.attrs = {"position": ("ra", "dec"), "units": {"ra": "deg", "dec": "deg"}}
    return table


def test_a_table_is_sorted_by_zone_and_has_its_units(tmp_path):
    made = SimulatedCatalogs(path=str(tmp_path), names=["one"])
    assert not made.exists()
    made.save({"one": sky()})
    read = made.load()["one"]
    assert (np.diff(np.floor(read["dec"])) >= 0).all()
    assert sorted(read["id"]) == sorted(sky()["id"])
    assert pq.read_schema(tmp_path / "one.parquet").field("dec").metadata == {b"unit": b"deg"}
    assert is_simulated(tmp_path / "one.parquet")
    made.save({"one": sky(10)})
    assert len(made.load()["one"]) == 10


@pytest.mark.parametrize("content", ["catalogue", "text"])
def test_what_is_real_is_not_written_over(tmp_path, content):
    path = tmp_path / "one.parquet"
    if content == "catalogue":
        sky().to_parquet(path)
    else:
        path.write_text("mine")
    before = path.read_bytes()
    with pytest.raises(DatasetError, match="is no simulated catalogue, and is not written over"):
        SimulatedCatalogs(path=str(tmp_path), names=["one"]).save({"one": sky()})
    assert path.read_bytes() == before


def test_declared_and_made_must_agree(tmp_path):
    with pytest.raises(DatasetError, match="declared and made catalogues differ in one, two"):
        SimulatedCatalogs(path=str(tmp_path), names=["one"]).save({"two": sky()})


def test_a_simulated_catalogue_may_be_empty(tmp_path):
    SimulatedCatalogs(path=str(tmp_path), names=["one"]).save({"one": sky(0)})
    columns = {"name": {"column": "id", "type": "integer"}}
    catalogue = LocalCatalog(
        filepath=str(tmp_path / "one.parquet"), columns=columns, epoch_yr=2016.0,
        id_columns={"gaia_id": {"DR3": "id"}}, position={"ra_deg": "ra", "dec_deg": "dec"},
    )  # fmt: skip
    star = {"asas_sn_id": 1, "ra_deg": 10.0, "dec_deg": 5.0, "pm_ra_masyr": 0.0, "pm_dec_masyr": 0.0}
    stars = pd.DataFrame([{**star, "gaia_id": 10**18, "gaia_release": "DR3"}])
    assert catalogue.load().match(stars)["outcome"].tolist() == ["not_matched"]
    assert catalogue.load().match_all(stars).outcomes["outcome"].tolist() == ["not_matched"]
