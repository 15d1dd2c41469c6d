"""Commands for the local twins of catalogues."""

from __future__ import annotations

import numpy as np
import pandas as pd
from click.testing import CliRunner

from malca.cli import main
from malca.cli.project import open_project


def run(*arguments):
    return CliRunner().invoke(main, ["catalogs", *arguments])


def line_of(name):
    result = run("list")
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.output.splitlines() if line.split()[:1] == [name]]
    return line


def test_catalogues_are_listed_and_indexed(home, monkeypatch):
    monkeypatch.chdir(home)
    project = open_project(folder=home)
    path = project.path_of("ogle_catalog")
    assert line_of("ogle").endswith(f"no table at {path}")
    assert "nobody, offline; no table at" in line_of("gaia")
    refused = run("index", "ogle")
    assert (refused.exit_code, refused.output) == (
        2, f"Error: ogle: there is no {path}: nothing to index\n",
    )  # fmt: skip
    path.parent.mkdir(parents=True)
    rng = np.random.default_rng(1)
    table = {"RAJ2000": rng.uniform(0, 360, 50), "DEJ2000": rng.uniform(-90, 90, 50), "P": 1.5}
    pd.DataFrame(table).assign(Type="EW").to_parquet(path)
    assert line_of("ogle").endswith(str(path))
    done = run("index", "ogle", "ogle_catalog")
    assert done.exit_code == 0, done.output
    folder = done.output.split()[0]
    assert line_of("ogle").endswith(f"indexed as {folder.rpartition('/')[2]}")
    assert project.catalog.load("ogle_catalog").index.samefile(folder)


def test_an_unknown_catalogue_is_refused(home, monkeypatch):
    monkeypatch.chdir(home)
    refused = run("index", "gaia", "ogre")
    assert refused.exit_code == 2
    assert "there is no catalogue ogre; there are " in refused.output
    assert "gaia_eb, " in refused.output
