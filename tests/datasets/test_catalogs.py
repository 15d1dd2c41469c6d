"""Local catalogues: matching against astropy, outcomes, and what is refused before work starts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time
from kedro.io import DatasetError
from pydantic import ValidationError

from malca.catalogs import MATCH_DTYPES, OUTSIDE, Catalog, integer_ids, normalise_gaia_release
from malca.datasets import catalog_reading
from malca.datasets.catalog_declaration import Coverage
from malca.datasets.catalog_sky import Cells
from malca.datasets.catalogs import LocalCatalog

BIG = 2009803630912285825  # as a float it is ...952
DECLARED = {
    "columns": {"period_days": "Per", "class": {"column": "Type", "type": "text"}},
    "position": {"ra_deg": "ra", "dec_deg": "dec"},
    "epoch_yr": 2016.0,
}


def on_sky(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))


def targets_of(ra, dec, **columns) -> pd.DataFrame:
    n = len(ra)
    table = pd.DataFrame(
        {
            "asas_sn_id": np.arange(n) + 1000,
            "ra_deg": ra,
            "dec_deg": dec,
            "pm_ra_masyr": np.nan,
            "pm_dec_masyr": np.nan,
            "gaia_id": pd.array([pd.NA] * n, dtype="Int64"),
            "gaia_release": pd.array([None] * n, dtype="str"),
        }
    )
    return table.assign(**columns)


def entries_of(rng: np.random.Generator, n: int = 300, **columns) -> pd.DataFrame:
    ra, dec = on_sky(rng, n)
    period = np.exp(rng.uniform(np.log(0.2), np.log(400), n))
    table = pd.DataFrame({"ra": ra, "dec": dec, "Per": period, "Type": "EW"})
    return table.assign(**columns)


def catalog_of(table: pd.DataFrame, path: Path, row_group_size: int | None = None, **options):
    table.to_parquet(path, index=False, row_group_size=row_group_size)
    return LocalCatalog(filepath=str(path), **{**DECLARED, **options})


def match(table: pd.DataFrame, path: Path, targets: pd.DataFrame, **options) -> pd.DataFrame:
    return catalog_of(table, path, **options).load().match(targets)


# --- on the sky -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [True, False])
def test_the_nearest_entry_is_that_of_astropy(tmp_path, rng, ordered):
    """Everywhere on the sky, stars moving, against space motion and search of astropy."""
    radius = 20.0
    ra, dec = on_sky(rng, 2500)
    ra[:40], dec[:40] = rng.uniform(0, 360, 40), 90 - rng.uniform(0, 0.01, 40)  # about a pole
    ra[40:80], dec[40:80] = rng.uniform(-0.003, 0.003, 40) % 360, rng.uniform(-1, 1, 40)
    pm = rng.normal(0, 600, (2, 2500))
    start = SkyCoord(
        ra * u.deg, dec * u.deg, distance=100 * u.pc, pm_ra_cosdec=pm[0] * u.mas / u.yr,
        pm_dec=pm[1] * u.mas / u.yr, radial_velocity=0 * u.km / u.s, obstime=Time("J2016"),
    )  # fmt: skip
    then = start.apply_space_motion(new_obstime=Time("J2000"))
    near = then.directional_offset_by(
        rng.uniform(0, 360, 2500) * u.deg, rng.uniform(0, 1.5 * radius, 2500) * u.arcsec
    )
    other = on_sky(rng, 4000)
    entries = entries_of(rng, 6500).assign(
        ra=np.concatenate([near.ra.deg, other[0]]), dec=np.concatenate([near.dec.deg, other[1]])
    )
    if ordered:
        entries = entries.sort_values("dec", ignore_index=True)
    found = match(
        entries, tmp_path / "c.parquet", targets_of(ra, dec, pm_ra_masyr=pm[0], pm_dec_masyr=pm[1]),
        epoch_yr=2000.0, radius_arcsec=radius, row_group_size=500,
    )  # fmt: skip
    there = SkyCoord(then.ra, then.dec)
    index, separation, _ = there.match_to_catalog_sky(
        SkyCoord(entries["ra"].to_numpy() * u.deg, entries["dec"].to_numpy() * u.deg)
    )
    expected = separation.arcsec < radius
    clear = np.abs(separation.arcsec - radius) > 0.01
    assert 1000 < expected.sum() < 2400
    matched = found["outcome"].eq("matched").to_numpy()
    np.testing.assert_array_equal(matched[clear], expected[clear])
    both = matched & expected
    np.testing.assert_allclose(found["sep_arcsec"][both], separation.arcsec[both], atol=2e-3)
    np.testing.assert_array_equal(found["period_days"][both], entries["Per"].to_numpy()[index[both]])
    assert set(found.loc[matched, "match_by"]) == {"position"}


def test_cells_hold_every_neighbour(rng):
    """No pair within the radius is lost to the cells, right up to the poles and across 0 h."""
    radius_deg = 3 / 3600
    ra, dec = on_sky(rng, 20000)
    dec[:3000] = (90 - rng.exponential(0.02, 3000)) * rng.choice([-1, 1], 3000)
    dec[3000:3002] = [90.0, -90.0]
    ra[4000:6000] = rng.uniform(-0.001, 0.001, 2000) % 360
    place = SkyCoord(ra * u.deg, dec * u.deg)
    near = place.directional_offset_by(
        rng.uniform(0, 360, len(ra)) * u.deg, rng.uniform(0, radius_deg, len(ra)) * u.deg
    )
    cells = Cells(ra, dec, 1.01 * radius_deg)
    assert cells.hold(near.ra.deg, near.dec.deg).all()
    assert cells.hold(*on_sky(rng, 20000)).mean() < 0.05
    assert not cells.hold(np.array([np.nan]), np.array([0.0])).any()


def test_only_groups_near_targets_are_read(tmp_path, rng, monkeypatch):
    entries = entries_of(rng, 4000).sort_values("dec", ignore_index=True)
    catalog = catalog_of(entries, tmp_path / "c.parquet", row_group_size=100).load()
    read = []
    original = catalog_reading.read_batches

    def counted(file, columns, groups=None):
        read.append(len(range(file.num_row_groups) if groups is None else groups))
        return original(file, columns, groups)

    monkeypatch.setattr(catalog_reading, "read_batches", counted)
    found = catalog.match(targets_of(entries["ra"][[7, 3990]], entries["dec"][[7, 3990]]))
    assert found["outcome"].tolist() == ["matched", "matched"]
    assert max(read) <= 4


def test_parts_of_the_targets_match_as_the_whole(tmp_path, rng):
    entries = entries_of(rng, 500)
    catalog = catalog_of(entries, tmp_path / "c.parquet", radius_arcsec=3600).load()
    targets = targets_of(*on_sky(rng, 300))
    parts = [catalog.match(targets[k::3]) for k in range(3)]
    whole = catalog.match(targets)
    assert 0 < whole["outcome"].eq("matched").sum() < 300
    joined = pd.concat(parts).set_index("asas_sn_id").loc[whole["asas_sn_id"]].reset_index()
    pd.testing.assert_frame_equal(joined, whole)
    shuffled = catalog.match(targets.sample(frac=1, random_state=1)).sort_values("asas_sn_id")
    pd.testing.assert_frame_equal(shuffled.reset_index(drop=True), whole)


# --- ids ------------------------------------------------------------------------------------------


@pytest.fixture
def crowded(rng) -> pd.DataFrame:
    """One target's Gaia id, another's ASAS-SN id and a third entry, all within 3 arcsec of 10, 20."""
    return entries_of(
        rng, 3, ra=[10.0, 10.0002, 10.0004], dec=20.0, Per=[1.0, 2.0, 3.0],
        dr2=pd.array([7, BIG, None], dtype="Int64"), dr3=pd.array([8, 9, BIG], dtype="Int64"),
        asas_sn_id=pd.array([5, None, 1000], dtype="Int64"),
    )  # fmt: skip


IDS = {"gaia_id": {"DR2": "dr2", "EDR3": "dr3"}, "asas_sn_id": "asas_sn_id"}


@pytest.mark.parametrize(
    ("gaia_id", "release", "by", "period"),
    [
        (BIG, "DR2", "gaia_id", 2.0),
        (BIG, "Gaia DR3", "gaia_id", 3.0),
        (BIG - 1, "DR2", "asas_sn_id", 3.0),
        (BIG, "DR1", "asas_sn_id", 3.0),
        (BIG, "unknown", "asas_sn_id", 3.0),
        (None, None, "asas_sn_id", 3.0),
    ],
)
def test_ids_go_before_the_sky(tmp_path, crowded, gaia_id, release, by, period):
    targets = targets_of(
        [10.0], [20.0], gaia_id=pd.array([gaia_id], dtype="Int64"),
        gaia_release=pd.array([release], dtype="str"),
    )  # fmt: skip
    found = match(crowded, tmp_path / "c.parquet", targets, id_columns=IDS).iloc[0]
    assert (found["outcome"], found["match_by"], found["period_days"]) == ("matched", by, period)
    expected = SkyCoord(10 * u.deg, 20 * u.deg).separation(
        SkyCoord((10 + 0.0002 * (period - 1)) * u.deg, 20 * u.deg)
    )
    assert found["sep_arcsec"] == pytest.approx(expected.arcsec, abs=1e-6)


def test_without_ids_the_sky_decides(tmp_path, crowded):
    targets = targets_of([10.0], [20.0], asas_sn_id=[77]).drop(columns="gaia_release")
    found = match(crowded, tmp_path / "c.parquet", targets, id_columns=IDS).iloc[0]
    assert (found["match_by"], found["period_days"]) == ("position", 1.0)


def test_text_ids_are_numbers_in_full(tmp_path, crowded):
    crowded["dr2"] = crowded["dr2"].astype("str")
    targets = targets_of([99.0], [0.0], gaia_id=pd.array([BIG], dtype="Int64"), gaia_release="DR2")
    options = {"id_columns": IDS, "id_max_sep_arcsec": 1e6}
    assert match(crowded, tmp_path / "c.parquet", targets, **options)["period_days"].tolist() == [2.0]


def test_an_id_whose_entry_is_elsewhere_is_not_believed(tmp_path, crowded, caplog):
    targets = targets_of([10.01], [20.0], gaia_id=pd.array([BIG], dtype="Int64"), gaia_release="DR2",
                         asas_sn_id=[77])  # fmt: skip
    found = match(crowded, tmp_path / "c.parquet", targets, id_columns=IDS)
    assert found["outcome"].tolist() == ["not_matched"]
    assert "more than 10 arcsec" in caplog.text


def test_a_star_without_position_is_found_by_its_id(tmp_path, crowded):
    targets = targets_of([np.nan], [np.nan], asas_sn_id=[5])
    found = match(crowded, tmp_path / "c.parquet", targets, id_columns=IDS).iloc[0]
    assert (found["outcome"], found["match_by"], found["period_days"]) == ("matched", "asas_sn_id", 1.0)
    assert np.isnan(found["sep_arcsec"])


@pytest.mark.parametrize(("strict", "period"), [(False, 1.0), (True, 3.0)])
def test_a_neighbour_of_another_id_can_be_ruled_out(tmp_path, crowded, strict, period):
    """The two nearest entries have other ids of DR2 than the star; that of the third is not known."""
    targets = targets_of([10.0], [20.0], gaia_id=pd.array([6], dtype="Int64"), gaia_release="DR2")
    found = match(
        crowded, tmp_path / "c.parquet", targets, ids_must_agree=strict,
        id_columns={"gaia_id": {"DR2": "dr2"}},
    ).iloc[0]  # fmt: skip
    assert (found["match_by"], found["period_days"]) == ("position", period)


def test_float_ids_of_targets_are_refused(tmp_path, crowded):
    catalog = catalog_of(crowded, tmp_path / "c.parquet").load()
    with pytest.raises(TypeError, match="gaia_id: ids are floats"):
        catalog.match(targets_of([10.0], [20.0], gaia_id=[float(BIG)]))
    with pytest.raises(KeyError, match="targets lack gaia_id"):
        catalog.match(targets_of([10.0], [20.0]).drop(columns="gaia_id"))


def test_ids_and_releases():
    ids, there = integer_ids(pd.Series([str(BIG), None, " 7 "], name="gaia_id"))
    assert ids[there].tolist() == [BIG, 7]
    with pytest.raises(ValueError, match="'7e3' is no id"):
        integer_ids(pd.Series(["7e3"], name="gaia_id"))
    names = ["Gaia DR2", "edr3", "DR3", "unknown", None, np.nan]
    assert [normalise_gaia_release(name) for name in names] == ["DR2", "DR3", "DR3", "", "", ""]


# --- every entry ----------------------------------------------------------------------------------


def test_all_entries_are_those_of_astropy(tmp_path, rng):
    """Neighbours over the whole sky, both poles and 0 h included, against astropy's search."""
    ra, dec = on_sky(rng, 400)
    ra[:40], dec[:40] = rng.uniform(0, 360, 40), 90 - rng.uniform(0, 0.01, 40)
    ra[40:80], dec[40:80] = rng.uniform(-0.003, 0.003, 40) % 360, rng.uniform(-1, 1, 40)
    star = np.repeat(np.arange(400), 5)
    near = SkyCoord(ra * u.deg, dec * u.deg)[star].directional_offset_by(
        rng.uniform(0, 360, 2000) * u.deg, rng.uniform(0, 30, 2000) * u.arcsec
    )
    entries = entries_of(rng, 2000, ra=near.ra.deg, dec=near.dec.deg, number=np.arange(2000))
    catalog = catalog_of(
        entries, tmp_path / "c.parquet", radius_arcsec=15.0, row_group_size=300,
        columns={"number": {"column": "number", "type": "integer"}},
    ).load()  # fmt: skip
    outcomes, found = catalog.match_all(targets_of(ra, dec))
    first, second, separation, _ = near.search_around_sky(
        SkyCoord(ra * u.deg, dec * u.deg), 15 * u.arcsec
    )
    expected = pd.DataFrame(
        {"asas_sn_id": first + 1000, "sep_arcsec": separation.arcsec, "number": second}
    ).sort_values(["asas_sn_id", "sep_arcsec"], ignore_index=True)
    assert len(expected) > 900
    pd.testing.assert_frame_equal(found.astype({"number": "int64"}), expected, rtol=0, atol=1e-5)
    counts = expected["asas_sn_id"].value_counts().reindex(outcomes["asas_sn_id"], fill_value=0)
    assert outcomes["n_entries"].tolist() == counts.tolist()
    assert outcomes["outcome"].eq("matched").tolist() == (counts > 0).tolist()


def test_all_entries_of_one_id_are_listed_once(tmp_path, crowded):
    """Epochs of one source: three near the star, of which one is another's, and one far away."""
    crowded = pd.concat([crowded, crowded.assign(ra=10.1)], ignore_index=True)
    crowded["dr3"] = pd.array([BIG, 9, BIG, BIG, 9, 9], dtype="Int64")
    targets = targets_of([10.0, 10.0], [20.0, 20.0], gaia_release="DR3",
                         gaia_id=pd.array([BIG, 7], dtype="Int64"))  # fmt: skip
    options = {"id_columns": {"gaia_id": {"DR3": "dr3"}}, "ids_must_agree": True}
    with pytest.raises(DatasetError, match="dr3: 2 ids occur more than once"):
        catalog_of(crowded, tmp_path / "c.parquet", **options).load()
    catalog = catalog_of(crowded, tmp_path / "c.parquet", **options, many_per_id=True).load()
    outcomes, found = catalog.match_all(targets)
    assert found["period_days"].tolist() == [1.0, 3.0]
    assert found["asas_sn_id"].tolist() == [1000, 1000]
    assert outcomes["outcome"].tolist() == ["matched", "not_matched"]
    # the nearest of them is the one match
    assert catalog.match(targets)["period_days"].tolist()[0] == 1.0


def test_outcomes_of_all_entries(tmp_path, rng):
    entries = entries_of(rng, 3, ra=[10.0, 10.0001, 20.0], dec=0.0, Per=[np.nan, 1.0, np.nan])
    targets = targets_of([10.0, 20.0, 30.0, 30.0, np.nan], [0.0, 0.0, 0.0, -50.0, 0.0])
    options = {"required": ["period_days"], "coverage": {"min_dec_deg": -13.0}}
    catalog = catalog_of(entries, tmp_path / "c.parquet", **options).load()
    outcomes, found = catalog.match_all(targets)
    assert outcomes["outcome"].tolist() == [
        "matched", "unknown", "not_matched", "not_covered", "unknown",
    ]  # fmt: skip
    assert outcomes["reason"].tolist() == [
        "", "its entry has no period_days", "", OUTSIDE, "no position",
    ]  # fmt: skip
    assert outcomes["n_entries"].tolist() == [1, 0, 0, 0, 0]
    assert found["period_days"].tolist() == [1.0]
    empty = catalog.match_all(targets_of([], []))
    missing = LocalCatalog(filepath=str(tmp_path / "no.parquet"), **DECLARED, optional=True).load()
    for nothing in (empty, missing.match_all(targets), catalog.match_all(targets[2:])):
        assert nothing.entries.empty
        assert nothing.entries.dtypes.to_dict() == found.dtypes.to_dict()
        assert nothing.outcomes.dtypes.to_dict() == outcomes.dtypes.to_dict()
    assert missing.match_all(targets).outcomes["reason"].tolist() == ["no catalogue"] * 5


# --- outcomes -------------------------------------------------------------------------------------


def test_every_star_is_unknown_to_a_missing_optional_file(tmp_path, rng, caplog):
    dataset = LocalCatalog(filepath=str(tmp_path / "none.parquet"), **DECLARED, optional=True)
    found = dataset.load().match(targets_of(*on_sky(rng, 5)))
    assert "every star is unknown" in caplog.text
    assert found["outcome"].tolist() == ["unknown"] * 5
    assert found["reason"].tolist() == ["no catalogue"] * 5
    full = match(entries_of(rng), tmp_path / "c.parquet", targets_of(*on_sky(rng, 5)))
    assert found.dtypes.to_dict() == full.dtypes.to_dict()
    assert list(found) == [*MATCH_DTYPES, "period_days", "class"]


def test_a_missing_file_that_is_not_optional_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"there is no .*none\.parquet: put it there"):
        LocalCatalog(filepath=str(tmp_path / "none.parquet"), **DECLARED).check()


def test_what_is_not_covered_is_told(tmp_path, rng):
    entries = entries_of(rng, 200)
    entries.loc[0, ["ra", "dec"]] = [30.0, -40.0]
    targets = targets_of([30.0, 31.0, 31.0, np.nan], [-40.0, -40.0, 40.0, 40.0])
    found = match(entries, tmp_path / "c.parquet", targets, coverage={"min_dec_deg": -13})
    # an entry is an entry, wherever it is
    assert found["outcome"].tolist() == ["matched", "not_covered", "not_matched", "unknown"]
    assert found["reason"].tolist() == ["", OUTSIDE, "", "no position"]


def test_an_entry_without_a_required_value_is_unknown(tmp_path, rng):
    entries = entries_of(rng, 3, ra=[10.0, 20.0, 30.0], dec=0.0, Per=[1.0, None, np.nan])
    found = match(
        entries, tmp_path / "c.parquet", targets_of(entries["ra"], entries["dec"]),
        required=["period_days"],
    )  # fmt: skip
    assert found["outcome"].tolist() == ["matched", "unknown", "unknown"]
    assert found["reason"].tolist() == ["", *["its entry has no period_days"] * 2]
    assert found["match_by"].tolist() == ["position"] * 3
    loose = match(entries, tmp_path / "c.parquet", targets_of(entries["ra"], entries["dec"]))
    assert loose["outcome"].tolist() == ["matched"] * 3
    assert loose["period_days"].isna().tolist() == [False, True, True]


def test_no_targets_give_no_rows(tmp_path, rng):
    catalog = catalog_of(entries_of(rng), tmp_path / "c.parquet", id_columns={}).load()
    full = catalog.match(targets_of(*on_sky(rng, 2)))
    assert catalog.match(targets_of([], [])).dtypes.to_dict() == full.dtypes.to_dict()
    assert isinstance(catalog, Catalog)


def test_regions_are_those_of_astropy(rng):
    ra, dec = on_sky(rng, 20000)
    place = SkyCoord(ra * u.deg, dec * u.deg)
    galactic = place.galactic
    bulge = Coverage.model_validate({"regions": [{"l_deg": [352, 8], "b_deg": [-5, 5]}]})
    expected = (np.abs(galactic.l.wrap_at(180 * u.deg).deg) <= 8) & (np.abs(galactic.b.deg) <= 5)
    np.testing.assert_array_equal(bulge.covers(ra, dec), expected)
    field = {"ra_deg": [350, 10], "dec_deg": [-5, 20]}
    both = Coverage.model_validate({"regions": [field, {"dec_deg": [60, 90]}], "max_dec_deg": 70})
    inside = (place.ra.wrap_at(180 * u.deg).deg >= -10) & (place.ra.wrap_at(180 * u.deg).deg <= 10)
    inside &= (dec >= -5) & (dec <= 20)
    np.testing.assert_array_equal(both.covers(ra, dec), (inside | (dec >= 60)) & (dec <= 70))
    assert Coverage.model_validate({"regions": [{"ra_deg": [0, 360]}]}).covers(ra, dec).all()
    assert not Coverage().covers(np.array([np.nan]), np.array([3.0])).any()


# --- units ----------------------------------------------------------------------------------------


def test_units_are_converted_to_those_of_the_names(tmp_path, rng):
    entries = entries_of(rng, 200)
    entries["frequency"] = 1 / entries["Per"]
    entries["mu"] = rng.normal(0, 0.008, 200)
    entries["hours"] = entries["ra"] / 15
    found = match(
        entries, tmp_path / "c.parquet", targets_of(entries["ra"], entries["dec"]),
        position={"ra_deg": {"column": "hours", "unit": "hourangle"}, "dec_deg": "dec"},
        columns={
            "period_days": {"column": "frequency", "unit": "1/d"},
            "pm_ra_masyr": {"column": "mu", "unit": "arcsec/yr"},
        },
        row_group_size=50,
    )  # fmt: skip
    assert found["sep_arcsec"].max() < 1e-6
    np.testing.assert_allclose(found["period_days"], entries["Per"])
    np.testing.assert_allclose(found["pm_ra_masyr"], 1000 * entries["mu"])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"columns": {"period_days": {"column": "Per", "unit": "mag"}}}, "cannot be turned into"),
        ({"columns": {"period_days": {"column": "Per", "unit": "furlong"}}}, "furlong"),
        ({"columns": {"outcome": "Per"}}, "may not be called outcome"),
        ({"required": ["ruwe"]}, "ruwe is not among the columns"),
        ({"id_columns": {"gaia_id": {"unknown": "a"}}}, "by its name"),
        ({"coverage": {"min_dec": 3}}, "min_dec"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(tmp_path, options, problem):
    with pytest.raises(ValidationError, match=problem):
        LocalCatalog(filepath=str(tmp_path / "c.parquet"), **{**DECLARED, **options})


# --- what is refused ------------------------------------------------------------------------------


def change(**columns):
    return lambda table: table.assign(**columns)


def scaled(name: str, factor: float):
    return lambda table: table.assign(**{name: table[name] * factor})


def with_id(ids) -> dict:
    return {"table": change(source_id=ids), "id_columns": {"gaia_id": {"DR3": "source_id"}}}


N = 300
MOTION = {"columns": {"pm_ra_masyr": "pmra"}}
REFUSED = {
    "a missing column": (
        {"table": lambda table: table.drop(columns="Per")}, r"has no column Per: declare the "
        r"columns it has \(ra, dec, Type, pmra\)"),
    "float ids": (with_id(np.arange(N) + 1e17), "column source_id: ids are floats"),
    "dated ids": (with_id(pd.Timestamp("2020-01-01")), "column source_id: ids are timestamp"),
    "duplicate ids": (with_id(np.r_[np.arange(N - 2), 5, 7]), "2 ids occur more than once, first 5"),
    "worded ids": (with_id([f"Gaia {k}" for k in range(N)]), "source_id: some ids are no whole"),
    "text for a number": ({"table": change(Per="0.5")}, "Per: period_days is declared as number"),
    "a number for text": ({"table": change(Type=3)}, "column Type: class is declared as text"),
    "sexagesimal positions": ({"table": change(ra="10:20:30")}, "ra: ra_deg is declared as number"),
    "right ascension in hours": ({"table": scaled("ra", 1 / 15)}, "column ra: ra_deg looks like hours"),
    "positions in radians": (
        {"table": lambda table: scaled("ra", np.pi / 180)(scaled("dec", np.pi / 180)(table))},
        "column ra: ra_deg looks like radians"),
    "swapped positions": (
        {"table": lambda table: table.rename(columns={"ra": "dec", "dec": "ra"})},
        "column ra: ra_deg of -[0-9.]+ is not between 0 and 360"),
    "declination out of range": ({"table": change(dec=-99.0)}, "dec: dec_deg of -99 is not between"),
    "proper motion in deg/yr": (
        {"table": scaled("pmra", 1 / 3.6e6), **MOTION}, "pmra: pm_ra_masyr looks like arcsec/yr or"),
    "proper motion in arcsec/yr": (
        {"table": scaled("pmra", 1e-3), **MOTION}, "column pmra: pm_ra_masyr looks like arcsec/yr"),
    "proper motion in µas/yr": (
        {"table": scaled("pmra", 1e3), **MOTION}, "pmra: pm_ra_masyr of .* no star moves as fast"),
    "a frequency by its values": (
        {"table": lambda table: table.assign(Per=1 / table["Per"])}, "Per: period_days looks like a"),
    "a frequency by its name": (
        {"table": change(Frequency=1.0), "columns": {"period_days": "Frequency"}},
        "column Frequency: its name is that of a frequency"),
    "periods in seconds": ({"table": scaled("Per", 86400)}, "period_days"),
    "periods that are not positive": (
        {"table": lambda table: table.assign(Per=table["Per"].where(table.index != 3, 0))},
        "column Per: period_days of 0 is not between .* it must be positive"),
    "-999 for a missing magnitude": (
        {"table": change(g=np.r_[-999.0, np.full(N - 1, 13.0)]), "columns": {"g_mag": "g"}},
        "column g: g_mag of -999 is not between .* not as a number such as -999"),
    "something else for RUWE": (
        {"table": change(r=17.0), "columns": {"ruwe": "r"}}, "column r: ruwe looks like no RUWE"),
    "a quality in percent": ({"table": change(Prob=95.0), "quality": "Prob"}, "Prob: quality of 95"),
    "an infinite period": (
        {"table": change(Per=np.r_[np.inf, np.ones(N - 1)])}, "column Per: period_days of inf"),
    "no rows": ({"table": lambda table: table[:0]}, "holds no entries"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path, rng, case):
    options, problem = REFUSED[case]
    options = dict(options)
    table = options.pop("table")(entries_of(rng, N, pmra=rng.normal(0, 8, N)))
    dataset = catalog_of(table, tmp_path / "bad.parquet", **options)
    with pytest.raises(DatasetError, match=problem) as refusal:
        dataset.check()
    assert str(tmp_path / "bad.parquet") in str(refusal.value)
    assert "\n" not in str(refusal.value)
    with pytest.raises(DatasetError, match=problem):
        dataset.load()


def test_a_good_file_is_looked_at_once(tmp_path, rng, monkeypatch):
    table = entries_of(rng, N, pmra=rng.normal(0, 8, N), source_id=np.arange(N))
    dataset = catalog_of(
        table, tmp_path / "c.parquet", id_columns={"gaia_id": {"DR3": "source_id"}},
        columns={**DECLARED["columns"], "pm_ra_masyr": "pmra"},
    )  # fmt: skip
    dataset.check()
    monkeypatch.setattr("malca.datasets.catalogs.check_catalogue", lambda *_: pytest.fail("again"))
    dataset.load()


def test_missing_ids_and_values_are_no_duplicates(tmp_path, rng):
    ids = pd.array([None, None, *range(N - 2)], dtype="Int64")
    table = entries_of(rng, N, source_id=ids).assign(Per=np.nan)
    catalog_of(table, tmp_path / "c.parquet", id_columns={"gaia_id": {"DR3": "source_id"}}).check()


def test_duplicates_are_found_in_several_passes(tmp_path, rng, monkeypatch):
    monkeypatch.setattr("malca.datasets.catalog_checks._IDS_AT_A_TIME", 50)
    options = {"id_columns": {"gaia_id": {"DR3": "source_id"}}, "row_group_size": 40}
    ids = BIG + rng.permutation(N)
    catalog_of(entries_of(rng, N, source_id=ids), tmp_path / "good.parquet", **options).check()
    ids[-1] = ids[0]
    dataset = catalog_of(entries_of(rng, N, source_id=ids), tmp_path / "bad.parquet", **options)
    with pytest.raises(DatasetError, match=f"1 ids occur more than once, first {ids[0]}"):
        dataset.check()


def test_values_are_looked_at_without_statistics_too(tmp_path, rng):
    table = pa.Table.from_pandas(entries_of(rng, N, dec=np.r_[np.zeros(N - 1), 91.0]))
    pq.write_table(table, tmp_path / "c.parquet", write_statistics=False, row_group_size=50)
    dataset = LocalCatalog(filepath=str(tmp_path / "c.parquet"), **DECLARED)
    with pytest.raises(DatasetError, match="dec_deg of 91"):
        dataset.check()
    fine = pa.Table.from_pandas(entries_of(rng, N))
    pq.write_table(fine, tmp_path / "f.parquet", write_statistics=False, row_group_size=50)
    catalog = LocalCatalog(filepath=str(tmp_path / "f.parquet"), **DECLARED).load()
    found = catalog.match(targets_of(fine["ra"].to_numpy(), fine["dec"].to_numpy()))
    assert found["period_days"].tolist() == fine["Per"].to_pylist()


def test_units_that_the_file_states_are_held_to(tmp_path, rng):
    table = pa.Table.from_pandas(entries_of(rng, N))

    def stated(column: str, unit: str) -> LocalCatalog:
        fields = [f.with_metadata({"unit": unit}) if f.name == column else f for f in table.schema]
        pq.write_table(table.cast(pa.schema(fields)), tmp_path / "c.parquet")
        return LocalCatalog(filepath=str(tmp_path / "c.parquet"), **DECLARED)

    stated("ra", "degree").check()
    with pytest.raises(DatasetError, match="column ra: the file says 'hourangle', ra_deg is declared"):
        stated("ra", "hourangle").check()
    with pytest.raises(
        DatasetError, match="column Per: the file says '1/d', period_days is declared in 'd'"
    ):
        stated("Per", "1/d").check()
    with pytest.raises(DatasetError, match="column Per: the file says its unit is 'moons'"):
        stated("Per", "moons").check()


def test_units_that_astropy_writes_are_held_to(tmp_path, rng):
    table = Table.from_pandas(entries_of(rng, N))
    table["ra"].unit, table["dec"].unit, table["Per"].unit = u.deg, u.deg, u.hour
    table.write(tmp_path / "c.parquet")
    dataset = LocalCatalog(filepath=str(tmp_path / "c.parquet"), **DECLARED)
    with pytest.raises(
        DatasetError, match="column Per: the file says 'h', period_days is declared in 'd'"
    ):
        dataset.check()


def test_a_small_field_is_not_taken_for_hours(tmp_path, rng):
    field = entries_of(rng, N, ra=rng.uniform(1, 23.5, N), dec=rng.uniform(-76, -70, N))
    catalog_of(field, tmp_path / "c.parquet").check()


@pytest.mark.parametrize("damage", ["cut", "no Parquet", "folder"])
def test_a_damaged_file_is_refused(tmp_path, rng, damage):
    path = tmp_path / "c.parquet"
    dataset = catalog_of(entries_of(rng), path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "no Parquet":
        path.write_text("ra,dec\n1,2\n")
    else:
        path.unlink()
        path.mkdir()
    with pytest.raises(DatasetError, match=r"c\.parquet is no (readable Parquet table|file)"):
        dataset.check()


# --- fingerprints and the file's fate -------------------------------------------------------------


def test_the_fingerprint_is_that_of_content_and_declaration(tmp_path, rng):
    table = entries_of(rng)
    catalog = catalog_of(table, tmp_path / "a.parquet").load()
    shutil.copyfile(tmp_path / "a.parquet", tmp_path / "b.parquet")
    os.utime(tmp_path / "b.parquet", (0, 0))
    copied = LocalCatalog(filepath=str(tmp_path / "b.parquet"), **DECLARED).load()
    assert copied.fingerprint == catalog.fingerprint
    wider = LocalCatalog(filepath=str(tmp_path / "b.parquet"), **DECLARED, radius_arcsec=5.0).load()
    table.loc[17, "Per"] = 1e5
    changed = catalog_of(table, tmp_path / "b.parquet").load()
    assert len({catalog.fingerprint, wider.fingerprint, changed.fingerprint}) == 3


def test_a_file_that_changes_under_a_catalogue_is_not_read(tmp_path, rng):
    catalog = catalog_of(entries_of(rng), tmp_path / "c.parquet").load()
    entries_of(rng, 40).to_parquet(tmp_path / "c.parquet")
    with pytest.raises(DatasetError, match="has changed since it was loaded"):
        catalog.match(targets_of([1.0], [2.0]))


def test_catalogues_are_read_only(tmp_path):
    with pytest.raises(DatasetError, match="read only"):
        LocalCatalog(filepath=str(tmp_path / "c.parquet"), **DECLARED).save(1)
