"""Tables of one's own: taken as they are, refused in one sentence, given back in four formats."""

from __future__ import annotations

import logging

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from click.testing import CliRunner

from malca.cli import main
from malca.cli.project import Refusal, open_project
from malca.cli.quiet import progress_told
from malca.cli.star_tables import read_stars
from malca.cli.tables import run_on_table, unanswered
from malca.plots.dossier_verdict import CLASSES

ID = 6_899_999_999_999_999_999
PLACES = {"ra": [10.5, 20.25], "dec": [-30.0, 40.125]}


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def done(small_sky, tmp_path_factory):
    """What a person gets who classifies a CSV without ids of ASAS-SN and with a gap among Gaia's."""
    folder = tmp_path_factory.mktemp("own")
    stars = small_sky.stars.head(6)
    lines = ["name,RA,DEC,Gaia_DR3"] + [
        f"star {k},{row.ra_deg},{row.dec_deg},{'' if k == 2 else row.gaia_dr3_id}"
        for k, row in enumerate(stars.itertuples())
    ]
    (folder / "mine.v1.csv").write_text("\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(small_sky.folder)
        result = run("classify", folder / "mine.v1.csv", "--dossiers", folder / "pages")
    return result, folder, stars


def test_a_table_comes_back_in_four_formats_with_units_and_whole_ids(done):
    result, folder, stars = done
    assert result.exit_code == 0, result.output
    stem = folder / "mine.v1_classified"
    assert result.stdout.startswith("6 stars characterized, vetted and classified in ")
    assert result.stdout.rstrip().endswith(f"{stem}.parquet")
    table = pd.read_parquet(f"{stem}.parquet")
    assert table["name"].tolist() == [f"star {k}" for k in range(6)]
    assert table["asas_sn_id"].tolist() == [-1, -2, -3, -4, -5, -6]
    # also that without an id is found, by its position
    assert table["gaia_dr3_id"].tolist() == stars["gaia_dr3_id"].tolist()
    assert table["gaia_match_by"].tolist() == ["gaia_id"] * 2 + ["position"] + ["gaia_id"] * 3
    np.testing.assert_allclose(table[[f"p_{name}" for name in CLASSES]].sum(axis=1), 1.0)
    for ending, kind in (("vot", "votable"), ("ecsv", "ascii.ecsv")):
        read = Table.read(f"{stem}.{ending}", format=kind)
        assert [int(one) for one in read["gaia_dr3_id"]] == stars["gaia_dr3_id"].tolist()
        assert read["distance_pc"].unit == u.pc
        assert "Bailer-Jones" in read["bailer_jones_outcome"].description
    text = (folder / "mine.v1_classified.csv").read_text()
    assert str(stars["gaia_dr3_id"].iloc[0]) in text


def test_what_is_said_is_a_line_a_catalogue(done):
    lines = done[0].stderr.splitlines()
    assert [line for line in lines if not line.startswith("  ")][:3] == [
        "characterization of 6 stars", "vetting of 6 stars", "classification of 6 stars",
    ]  # fmt: skip
    for name in ("gaia_source", "tmass", "simbad", "vsx_neighbours", "sdss_spectra"):
        assert sum(line.startswith(f"  {name}: 6") or f"  {name}: " in line for line in lines) == 1
    assert not [line for line in lines if "node" in line or "INFO" in line]
    # one that is switched off need not be there
    assert not [line for line in lines if "neowise" in line]


def test_a_page_a_star_is_written(done):
    _, folder, _ = done
    pages = {path.stem for path in (folder / "pages").iterdir()}
    assert pages == {"index", *(f"star_{k}" for k in range(1, 7))}
    page = (folder / "pages" / "star_3.html").read_text(encoding="utf-8")
    assert "<h1>Star 3</h1>" in page
    assert "star 2 · α" in page
    assert "a table of stars has no light curves" in page
    assert "skypatrol" not in page
    assert 'href="star_3.html"' in (folder / "pages" / "index.html").read_text(encoding="utf-8")


def test_what_was_done_before_is_not_done_again(small_sky):
    project = open_project(folder=small_sky.folder)
    told: list[str] = []
    first = run_on_table(project, small_sky.stars.head(3), "characterization", tell=told.append)
    second = run_on_table(project, first.table, "vetting", tell=told.append)
    third = run_on_table(project, second.table, "classification", tell=told.append)
    assert (first.steps, second.steps, third.steps) == (
        ["characterization"], ["vetting"], ["classification"],
    )  # fmt: skip
    assert told == [
        "characterization of 3 stars", "characterized before", "vetting of 3 stars",
        "characterized before", "vetted before", "classification of 3 stars",
    ]  # fmt: skip
    assert set(second.listed) == {"neighbours", "spectra"}


def write(path, table: Table):
    table.write(path)
    return path


@pytest.mark.parametrize("ending", ["fits", "vot", "ecsv", "csv", "parquet", "csv.gz"])
def test_every_format_is_read_alike(tmp_path, ending):
    table = Table({"SOURCE": [ID, 3], "RAJ2000": PLACES["ra"], "DEJ2000": PLACES["dec"]})
    table["note"] = ["a", "b"]
    path = tmp_path / f"t.{ending}"
    if ending == "parquet":
        table.to_pandas().to_parquet(path)
    elif ending == "csv.gz":
        table.to_pandas().to_csv(path, index=False)
    else:
        table.write(path, format={"vot": "votable", "ecsv": "ascii.ecsv"}.get(ending))
    stars = read_stars(path, "DR3").stars
    assert stars["ra_deg"].tolist() == PLACES["ra"]
    assert stars["dec_deg"].tolist() == PLACES["dec"]
    assert stars["gaia_id"].tolist() == [ID, 3]
    assert stars["gaia_release"].tolist() == ["DR3", "DR3"]
    assert stars["note"].tolist() == ["a", "b"]


def test_positions_in_other_units_become_degrees(tmp_path):
    table = Table({"ra": [1.0, 2.0] * u.hourangle, "dec": [0.1, -0.2] * u.rad, "flux": [1, 2] * u.mJy})
    stars, units = read_stars(write(tmp_path / "t.ecsv", table))
    np.testing.assert_allclose(stars["ra_deg"], [15, 30])
    np.testing.assert_allclose(stars["dec_deg"], np.degrees([0.1, -0.2]))
    assert units == {"flux": "mJy"}


def test_ids_of_gaia_are_of_a_release_or_of_none(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"source_id,ra,dec\n{ID},1,2\n,3,4\n")
    stars = read_stars(path).stars
    assert "gaia_release" not in stars
    assert stars["gaia_id"].tolist()[0] == ID
    assert stars["gaia_id"].isna().tolist() == [False, True]
    path.write_text(f"gaia_dr2_id,ra,dec\n{ID},1,2\n,3,4\n")
    stars = read_stars(path).stars
    assert stars["gaia_release"].isna().tolist() == [False, True]
    assert stars["gaia_release"].iloc[0] == "DR2"
    path.write_text(f"GaiaDR3,ra,dec\nGaia DR3 {ID},1,2\n,3,4\n")
    assert read_stars(path).stars["gaia_dr3_id"].tolist()[0] == ID


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ra,dec,gaia_id\n1,2,6.9e+18\n", "gaia_id: ids are floats, which cannot hold 19 digits"),
        ("ra,dec,source_id\n1,2,123.0\n3,4,\n", "gaia_id: ids are floats"),
        ("ra,dec,gaia_id\n1,2,abc\n", "'abc' is no id"),
        ("ra,dec,asas_sn_id\n1,2,7\n3,4,7\n", "asas_sn_id 7 occurs twice"),
        ("ra,dec,asas_sn_id\n1,2,7\n3,4,\n", "the star of row 2 has no asas_sn_id"),
        ("ra,decl\n1,2\n", "has no dec_deg: there are ra_deg, decl"),
        ("ra,dec\n", "holds no stars"),
        ("ra,dec\n12 30 00,-5 0 0\n", "ra_deg is to be numbers in deg, not '12 30 00'"),
        ("ra,dec\n1,2\n1,95\n", "dec_deg is 95 in row 2, and lies between -90 and 90"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(tmp_path, small_sky, monkeypatch, text, told):
    path = tmp_path / "t.csv"
    path.write_text(text)
    monkeypatch.chdir(small_sky.folder)
    result = run("characterize", path)
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if line]
    assert line.startswith(f"Error: {path}")
    assert told in line
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_written_over(tmp_path, small_sky, monkeypatch):
    monkeypatch.chdir(small_sky.folder)
    path = tmp_path / "t.csv"
    path.write_text("ra,dec\n1,2\n")
    refused = run("vet", path, "-o", tmp_path / "t.parquet")
    assert refused.exit_code == 2
    assert "would be written over: name another --output" in refused.stderr
    refused = run("vet", path, "-o", tmp_path / "t.fits")
    assert "name the output .parquet" in refused.stderr
    (tmp_path / "thesis.html").write_text("<html>")
    refused = run("classify", path, "--dossiers", tmp_path)
    assert "thesis.html is no page of MALCA" in refused.stderr
    assert (tmp_path / "thesis.html").exists()
    with pytest.raises(Refusal, match="no gaia_id or source_id that --gaia-release"):
        read_stars(path, "DR2")


def test_services_that_failed_are_told():
    table = pd.DataFrame(
        {
            "gaia_outcome": ["unknown", "matched"], "gaia_reason": ["service failed: timeout", ""],
            "ztf_outcome": "unknown", "ztf_reason": "offline",
        }
    )  # fmt: skip
    assert unanswered(table) == (["gaia of 1 stars: timeout"], False)
    assert unanswered(table.iloc[:1]).is_everything
    assert unanswered(table.iloc[1:]) == ([], False)


def test_logging_is_left_as_it_was():
    ours = logging.getLogger("malca")
    before = ours.level, ours.propagate, list(ours.handlers)
    lines: list[str] = []
    with progress_told(lines.append):
        logging.getLogger("malca.lookups").info("gaia: %d matched", 3)
        logging.getLogger("malca.lookups").warning("gaia: slow")
        logging.getLogger("malca.datasets.catalogs").info("gaia.parquet: 3 matched")
    assert lines == ["  gaia: 3 matched", "  warning: gaia: slow"]
    assert (ours.level, ours.propagate, list(ours.handlers)) == before
