"""The page about catalogues says what is declared: tables, radii, epochs, twins and options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from malca import settings
from malca.datasets.services.alerce import AlerceCatalog, AlerceDeclaration
from malca.datasets.services.atlas import AtlasCatalog, AtlasDeclaration
from malca.datasets.services.tap import TapCatalog, TapDeclaration
from malca.datasets.services.tns import TnsCatalog, TnsDeclaration

PROJECT = Path(__file__).resolve().parents[1]
PAGE = (PROJECT / "docs" / "catalogues.md").read_text(encoding="utf-8")
LOADER = OmegaConfigLoader(
    **{**settings.CONFIG_LOADER_ARGS, "conf_source": str(PROJECT / "conf"), "env": "base"}
)
DECLARED = {
    name.removesuffix("_catalog"): entry
    for name, entry in LOADER["catalog"].items()
    if entry["type"].startswith(("malca.datasets.services.", "malca.datasets.catalogs.Local"))
}
OWN_NAMES = {TapCatalog: TapDeclaration, AlerceCatalog: AlerceDeclaration, TnsCatalog: TnsDeclaration,
             AtlasCatalog: AtlasDeclaration}  # fmt: skip


def rows() -> dict[str, list[str]]:
    part = PAGE[PAGE.index("\n## All catalogues") : PAGE.index("\n## Tables and maps")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()]
    return {name[1]: row for row in cells if (name := re.match(r"`([a-z_]+)`", row[0]))}


def test_every_catalogue_has_its_row():
    assert set(rows()) == set(DECLARED)


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_rows_say_what_is_declared(name):
    _, _, table, radius, epoch, release, twin, source = rows()[name]
    entry = DECLARED[name]
    assert (float(radius), float(epoch)) == (entry["radius_arcsec"], entry["epoch_yr"])
    assert twin == f"`{Path(entry['filepath']).name}`"
    assert release == entry.get("release", "")
    declared = re.sub(r"\b(gaiadr3|external|gaiaedr3_contrib)\.", "", entry.get("table", ""))
    for said in re.findall(r"`([^`]+)`", table):
        assert re.sub(r"^\w+\.", "", said) in declared or said in entry.get("classifiers", ())
    for author, year in re.findall(r"([A-Z][\w'-]+)\+ (\d{4})", source):
        assert not entry.get("citation") or f"{author}+ {year}" in entry["citation"]


def test_options_are_those_of_the_classes():
    part = PAGE[PAGE.index("| of twin and service") : PAGE.index("\n`make test-services` tests")]
    said = {word for line in part.splitlines() for word in re.findall(r"`([a-z_]+)`", line)}
    known = {name for model in OWN_NAMES.values() for name in model.model_fields}
    # what only tests and the code itself set
    assert known - said <= {"seed"}


def test_variables_of_credentials_are_named():
    for dataset in OWN_NAMES:
        assert all(f"`{variable}`" in PAGE for variable in dataset.variables.values())


def test_the_declaration_shown_is_accepted():
    (block,) = re.findall(r"^```yaml\n(erosita_catalog:\n.*?)^```", PAGE, re.M | re.S)
    entry = yaml.safe_load(re.sub(r"\$\{.*\}", "1", block))["erosita_catalog"]
    base = DECLARED["erosita"]
    assert {key: entry[key] for key in ("columns", "position", "coverage", "table", "epoch_yr")} == {
        key: base[key] for key in ("columns", "position", "coverage", "table", "epoch_yr")
    }
    asked = {"urls": "http://localhost", "source": "auto", "offline": False, "cache": None}
    TapCatalog(**{k: v for k, v in {**entry, **asked}.items() if k != "type"})
