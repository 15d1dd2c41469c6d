"""What the project declares of services can be built, and agrees with what services say they have."""

from __future__ import annotations

import warnings
from pathlib import Path

import astropy.units as u
import astroquery
import pytest
from astropy.io import votable
from kedro.config import OmegaConfigLoader
from kedro.io import AbstractDataset

from malca import settings
from malca.datasets.services import adql

PROJECT = Path(__file__).parents[3]
REAL = Path(astroquery.__file__).parent
CONFIGURED = OmegaConfigLoader(
    conf_source=str(PROJECT / "conf"), base_env="base", default_run_env="demo",
    custom_resolvers=settings.CONFIG_LOADER_ARGS["custom_resolvers"],
    merge_strategy=settings.CONFIG_LOADER_ARGS["merge_strategy"],
)["catalog"]  # fmt: skip
SERVICES = {
    name: {key: value for key, value in entry.items() if key != "credentials"}
    for name, entry in CONFIGURED.items()
    if str(entry.get("type", "")).startswith("malca.datasets.services.")
}


def table_of(path: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            votable.parse(REAL / path, verify="ignore")
            .get_first_table()
            .to_table(use_names_over_ids=True)
        )


@pytest.fixture(scope="module")
def columns_of_services() -> dict[str, dict[str, str]]:
    """Units of the columns of two tables, as these services have published them."""
    simbad = table_of("simbad/tests/data/simbad_basic_columns.xml")
    gaia = table_of("gaia/tests/data/1710099405832VAL-result.vot")
    return {
        "basic": {str(row["column_name"]): str(row["unit"] or "") for row in simbad},
        "gaiadr3.gaia_source": {name: str(gaia[name].unit or "") for name in gaia.colnames},
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_entry_can_be_built(name):
    dataset = AbstractDataset.from_config(name, dict(SERVICES[name]))
    assert str(dataset)
    assert dataset._declared.citation or name.startswith(("atlas", "alerce", "tns"))
    assert dataset.preview(1) is not None


@pytest.mark.parametrize(
    "name", [name for name, entry in SERVICES.items() if entry.get("table", "").split(" ")[0] in
             {"basic", "gaiadr3.gaia_source"}]
)  # fmt: skip
def test_columns_are_those_that_services_have(name, columns_of_services):
    declared = AbstractDataset.from_config(name, dict(SERVICES[name]))._declared
    real = columns_of_services[declared.table.split(" ")[0]]
    for raw in declared.raw_kinds():
        if declared.expression_of(raw) is None:
            assert raw in real
            assert adql.quoted(raw) == raw
    for own, column in {**declared.sky(), **declared.values()}.items():
        if column.type == "number" and real.get(column.column):
            stated = u.Unit(real[column.column], parse_strict="silent")
            if not isinstance(stated, u.UnrecognizedUnit) and stated != u.dex:  # as log(cm.s**-2)
                assert stated == column.file_unit(own), own
