"""The parameter table of BANYAN Σ: read, missing, or something else."""

from __future__ import annotations

import logging

import pytest
from kedro.io import DatasetError

from malca.datasets.banyan import BanyanParametersDataset


@pytest.mark.real_data
def test_the_published_table(real_data):
    path = real_data / "banyan_sigma_parameters.fits"
    if not path.is_file():
        pytest.skip("the parameter table of BANYAN Σ is absent from the folder of real data")
    model = BanyanParametersDataset(filepath=str(path)).load()
    assert len(model.associations) == 32
    assert model.centre.shape == (42, 6)
    assert "BPMG" in model.associations


def test_missing_it_says_where_to_get_it(tmp_path, caplog):
    path = str(tmp_path / "nowhere.fits")
    with caplog.at_level(logging.WARNING):
        assert BanyanParametersDataset(filepath=path).load() is None
    assert "jgagneastro/banyan_sigma" in caplog.text
    with pytest.raises(DatasetError, match="jgagneastro/banyan_sigma"):
        BanyanParametersDataset(filepath=path, required=True).load()
    caplog.clear()
    assert BanyanParametersDataset(filepath=None).load() is None
    assert not caplog.records


def test_another_file_is_an_error(tmp_path):
    path = tmp_path / "other.fits"
    path.write_text("no FITS at all")
    with pytest.raises(DatasetError, match="is no parameter table"):
        BanyanParametersDataset(filepath=str(path)).load()
    with pytest.raises(DatasetError, match="read-only"):
        BanyanParametersDataset(filepath=str(path)).save(1)
