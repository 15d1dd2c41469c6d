"""Twins in other formats and indexed ones: equal to Parquet read as it is, made once, and whole."""

from __future__ import annotations

import gzip
import logging
import os
import subprocess
import sys
from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from astropy.time import Time
from kedro.io import DatasetError

from malca.datasets import catalog_index, catalog_sorting
from malca.datasets.arrow_rows import ArrowFile
from malca.datasets.catalog_index import FACTS, FOLDER, read_facts
from malca.datasets.catalog_sky import key_ranges, zone_key
from malca.datasets.catalog_sorting import TABLE
from malca.datasets.catalogs import LocalCatalog

BIG = 2009803630912285825  # as a float it is ...952
DECLARED = {
    "columns": {
        "g_mag": "g",
        "pm_ra_masyr": "pmra",
        "class": {"column": "Type", "type": "text"},
        "variable": {"column": "var", "type": "flag"},
        "gaia_dr3_id": {"column": "source_id", "type": "integer"},
    },
    "position": {"ra_deg": "ra", "dec_deg": "dec"},
    "epoch_yr": 2000.0,
    "id_columns": {"gaia_id": {"DR3": "source_id", "DR2": "dr2"}},
    "radius_arcsec": 15.0,
}


def on_sky(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    dec[: n // 20] = (90 - rng.exponential(0.01, n // 20)) * rng.choice([-1, 1], n // 20)
    ra[n // 10 : n // 5] = rng.uniform(-0.002, 0.002, n // 5 - n // 10) % 360
    return ra, dec


def entries_of(rng: np.random.Generator, n: int = 1000) -> Table:
    """Entries in groups of three within some 20 arcsec, some without ids, magnitudes or classes."""
    ra, dec = (np.repeat(values, 3)[:n] for values in on_sky(rng, -(-n // 3)))
    place = SkyCoord(ra * u.deg, dec * u.deg).directional_offset_by(
        rng.uniform(0, 360, n) * u.deg, rng.uniform(0, 20, n) * u.arcsec
    )
    table = Table(
        {
            "source_id": BIG + rng.permutation(n),
            "dr2": MaskedColumn(BIG + 2 * n + rng.permutation(n), mask=rng.random(n) < 0.2),
            "ra": place.ra.deg % 360,
            "dec": place.dec.deg,
            "g": MaskedColumn(rng.uniform(10, 20, n), mask=rng.random(n) < 0.2),
            "pmra": rng.normal(0, 20, n),
            "Type": rng.choice(["EA", "", "NA"], n),
            "var": rng.random(n) < 0.5,
            "unused": rng.random(n),
        }
    )
    for name, unit in {"ra": u.deg, "dec": u.deg, "g": u.mag, "pmra": u.mas / u.yr}.items():
        table[name].unit = unit
    return table


def targets_of(entries: Table, rng: np.random.Generator, n: int = 300) -> pd.DataFrame:
    """Stars by their ids of either release, by position alone, and some that are nowhere."""
    chosen = rng.choice(len(entries), n)
    ids = pd.Series(entries["source_id"][chosen]).astype("Int64")
    ids[n // 3 :] = pd.array([pd.NA] * (n - n // 3), dtype="Int64")
    table = pd.DataFrame(
        {
            "asas_sn_id": np.arange(n) + 1000,
            "ra_deg": np.array(entries["ra"][chosen]),
            "dec_deg": np.array(entries["dec"][chosen]),
            "pm_ra_masyr": rng.normal(0, 300, n),
            "pm_dec_masyr": rng.normal(0, 300, n),
            "gaia_id": ids,
            "gaia_release": "DR3",
        }
    )
    table.loc[n - 20 :, "dec_deg"] = 0.5 * table["dec_deg"]
    table.loc[n - 3 :, "ra_deg"] = np.nan
    return table


def write(table: Table, path: Path) -> Path:
    plain = path.with_name(path.name.removesuffix(".gz"))
    if plain.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(table.to_pandas()), plain, row_group_size=100)
    else:
        table.write(plain, overwrite=True, **({"format": "votable"} if ".vot" in plain.name else {}))
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


def catalog_of(path: Path, **options) -> LocalCatalog:
    return LocalCatalog(filepath=str(path), **{**DECLARED, **options})


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal but for what text formats lose and Parquet keeps: an empty text, the last digit."""
    found, expected = (
        frame.assign(**{"class": frame["class"].replace("", None).astype("str")})
        for frame in (found, expected)
    )
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12, atol=1e-9)


FORMATS = ["t.fits", "t.fits.gz", "t.vot", "t.csv", "t.csv.gz", "t.ecsv", "indexed.parquet"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_twin_of_any_format_answers_alike(tmp_path, rng, name):
    entries = entries_of(rng)
    targets = targets_of(entries, rng)
    plain = catalog_of(write(entries, tmp_path / "plain.parquet"), indexed=False).load()
    twin = catalog_of(write(entries, tmp_path / name), indexed=True).load()
    expected = plain.match(targets)
    assert {"gaia_id", "position", ""} == set(expected["match_by"])
    assert expected["gaia_dr3_id"].dropna().gt(BIG - 1).all()
    same(twin.match(targets), expected)
    outcomes, found = twin.match_all(targets)
    pd.testing.assert_frame_equal(outcomes, plain.match_all(targets).outcomes)
    same(found, plain.match_all(targets).entries)
    assert len(found) > len(targets)
    none = twin.match_all(targets[:0])
    assert none.entries.dtypes.to_dict() == found.dtypes.to_dict()


@pytest.mark.parametrize("radius_arcsec", [0.01, 3.0, 600.0, 3600.0])
def test_the_index_finds_what_a_search_of_everything_finds(tmp_path, rng, radius_arcsec):
    entries = entries_of(rng, 2000)
    options = {"radius_arcsec": radius_arcsec, "id_columns": {}, "epoch_yr": 2016.0}
    path = write(entries, tmp_path / "t.parquet")
    targets = targets_of(entries, rng, 400)
    plain = catalog_of(path, indexed=False, **options).load().match_all(targets)
    indexed = catalog_of(path, indexed=True, **options).load().match_all(targets)
    pd.testing.assert_frame_equal(indexed.outcomes, plain.outcomes)
    pd.testing.assert_frame_equal(indexed.entries, plain.entries)
    assert plain.outcomes["n_entries"].sum() >= 370


def test_ranges_of_keys_hold_every_neighbour(rng):
    ra, dec = on_sky(rng, 5000)
    dec[:2] = [90.0, -90.0]
    radius = 10 ** rng.uniform(-6, 0, 5000)
    near = SkyCoord(ra * u.deg, dec * u.deg).directional_offset_by(
        rng.uniform(0, 360, 5000) * u.deg, radius * u.deg
    )
    key = zone_key(near.ra.deg, near.dec.deg)
    for k in range(0, 5000, 7):
        low, high = key_ranges(ra[k : k + 1], dec[k : k + 1], 1.0001 * radius[k] + 1e-9)
        assert ((key[k] >= low) & (key[k] <= high)).any()
    assert zone_key(np.array([np.nan, 1.0]), np.array([0.0, np.inf])).tolist() == [np.inf, np.inf]


def test_long_tables_are_merged_from_parts(tmp_path, rng, monkeypatch):
    """Many small runs and passes over ids give the very bytes that one gives."""
    path = write(entries_of(rng, 3000), tmp_path / "t.fits")
    once = catalog_of(path, index_folder=str(tmp_path / "once")).index()
    monkeypatch.setattr("malca.datasets.fits_tables.BATCH_ROWS", 150)
    monkeypatch.setattr(catalog_sorting, "RUN_BYTES", 20_000)
    monkeypatch.setattr(catalog_sorting, "IDS_AT_A_TIME", 400)
    monkeypatch.setattr(catalog_sorting, "_MERGED_ROWS", 500)
    monkeypatch.setattr(catalog_sorting, "_SAMPLE_STEP", 10)
    monkeypatch.setattr(catalog_sorting, "_ROWS_PER_BATCH", 500)
    parts = catalog_of(path, index_folder=str(tmp_path / "parts")).index()
    facts = read_facts(parts)
    assert facts is not None
    assert {p.name for p in parts.iterdir()} == {*facts.n_bytes, FACTS}
    with ArrowFile(parts / TABLE) as many, ArrowFile(once / TABLE) as one:
        rows = np.arange(3000)
        assert many.rows(many.schema_arrow.names, rows).equals(one.rows(one.schema_arrow.names, rows))
        assert len(list(many.batches(["g"]))) >= 6
    for name in ("sky.npy", "key.npy", *facts.ids.values()):
        np.testing.assert_array_equal(np.load(parts / name), np.load(once / name))
    key = np.load(parts / "key.npy")
    assert (np.diff(key) >= 0).all()


# --- ids --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t.fits", "t.vot", "t.ecsv", "t.csv"])
def test_float_ids_are_refused_by_name(tmp_path, rng, name):
    entries = entries_of(rng)
    entries["dr2"] = entries["dr2"].filled(3).astype(float)
    dataset = catalog_of(write(entries, tmp_path / name))
    told = "column dr2: .*int64" if name == "t.csv" else "column dr2: ids are floats"
    with pytest.raises(DatasetError, match=told) as refusal:
        dataset.check()
    assert name in str(refusal.value)
    assert not list(tmp_path.glob(f"{FOLDER}/{name}-*/"))


def test_ids_of_another_release_are_not_looked_up(tmp_path, rng):
    """An id of DR2 that is one of DR3 too finds the entry of DR2, and none where only DR3 has it."""
    entries = entries_of(rng, 30)
    entries["dr2"] = MaskedColumn(entries["source_id"] + 1, mask=[False] * 29 + [True])
    targets = targets_of(entries, rng, 30)
    targets["gaia_id"] = pd.array(entries["source_id"], dtype="Int64")
    targets["ra_deg"] = np.nan
    targets["gaia_release"] = "Gaia DR2"
    found = catalog_of(write(entries, tmp_path / "t.fits")).load().match(targets)
    hit = found["outcome"].eq("matched")
    wanted = targets["gaia_id"].isin(entries["dr2"].filled(0).tolist())
    assert hit.tolist() == wanted.tolist()
    assert (found["gaia_dr3_id"][hit] == targets["gaia_id"][hit] - 1).all()


# --- motion of entries ------------------------------------------------------------------------------


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_entries_are_moved_for_stars_whose_motion_is_not_known(tmp_path, indexed, seed):
    """Stars of up to 10 arcsec/yr, across a pole and 0 h, 16 years apart, against astropy."""
    rng = np.random.default_rng(seed)
    ra, dec = on_sky(rng, 600)
    dec[:6], dec[6:9] = 90 - 30 / 3600, -90 + 10 / 3600
    ra[9:15], dec[9:15] = 359.9999, rng.uniform(-70, 70, 6)
    speed, angle = 10 ** rng.uniform(1, 4, 600), rng.uniform(0, 2 * np.pi, 600)
    speed[:15] = 10_000
    start = SkyCoord(
        ra * u.deg, dec * u.deg, distance=10 * u.pc, pm_ra_cosdec=speed * np.sin(angle) * u.mas / u.yr,
        pm_dec=speed * np.cos(angle) * u.mas / u.yr, radial_velocity=0 * u.km / u.s,
        obstime=Time("J2016"),
    )  # fmt: skip
    then = start.apply_space_motion(new_obstime=Time("J2000"))
    entries = pd.DataFrame(
        {"ra": ra, "dec": dec, "pmra": speed * np.sin(angle), "pmdec": speed * np.cos(angle),
         "number": np.arange(600), "source_id": BIG + np.arange(600)}
    )  # fmt: skip
    entries.sort_values("dec").to_parquet(tmp_path / "t.parquet", row_group_size=50)
    targets = pd.DataFrame(
        {"asas_sn_id": np.arange(600), "ra_deg": then.ra.deg, "dec_deg": then.dec.deg,
         "pm_ra_masyr": np.nan, "pm_dec_masyr": np.nan,
         "gaia_id": pd.array([pd.NA] * 600, dtype="Int64")}
    )  # fmt: skip
    options = {
        "columns": {"number": {"column": "number", "type": "integer"}}, "epoch_yr": 2016.0,
        "target_epoch_yr": 2000.0, "radius_arcsec": 1.0, "id_columns": {}, "indexed": indexed,
    }  # fmt: skip
    motion = {"pm_ra_masyr": "pmra", "pm_dec_masyr": "pmdec"}
    path = tmp_path / "t.parquet"
    found = catalog_of(path, **options, proper_motion=motion).load().match(targets)
    assert found["number"].tolist() == list(range(600))
    assert found["sep_arcsec"].max() < 0.01
    left = catalog_of(path, **options).load().match(targets)["outcome"].eq("matched")
    assert left.tolist() == (start.separation(SkyCoord(then.ra, then.dec)).arcsec < 1).tolist()
    # a star that knows its motion is moved by its own
    targets["pm_ra_masyr"], targets["pm_dec_masyr"] = entries["pmra"], entries["pmdec"]
    own = catalog_of(path, **options, proper_motion=motion).load().match(targets)
    slow = entries["dec"].abs().lt(80)  # near a pole north is another direction after 16 years
    assert own["number"][slow].tolist() == np.flatnonzero(slow).tolist()
    # ids too are believed where the moved entry is
    targets = targets.assign(
        pm_ra_masyr=np.nan, gaia_id=pd.array(BIG + np.arange(600), dtype="Int64"), gaia_release="DR3"
    )
    ids = {"id_columns": {"gaia_id": {"DR3": "source_id"}}, "id_max_sep_arcsec": 0.5}
    by_id = catalog_of(path, **{**options, **ids}, proper_motion=motion).load().match(targets)
    assert set(by_id["match_by"]) == {"gaia_id"}


# --- made once, whole, and of the table as it is -----------------------------------------------------


def test_an_index_is_made_once_and_told(tmp_path, rng, caplog, monkeypatch):
    path = write(entries_of(rng), tmp_path / "t.fits")
    with caplog.at_level(logging.INFO):
        catalog = catalog_of(path).load()
    assert "1000 rows" in caplog.text
    assert "indexed in" in caplog.text
    monkeypatch.setattr(catalog_index, "write_sorted", lambda *_: pytest.fail("again"))
    looked_over = []
    monkeypatch.setattr("malca.datasets.catalogs.check_catalogue", lambda *_: looked_over.append(1))
    catalog_of(path).load()
    assert not looked_over
    # another radius, epoch or coverage does not matter to it
    wider = catalog_of(path, radius_arcsec=30.0, coverage={"min_dec_deg": -13}).load()
    assert wider.fingerprint != catalog.fingerprint
    assert looked_over  # once as it is declared
    os.utime(path, (0, 0))
    assert catalog_of(path).load().fingerprint == catalog.fingerprint
    assert len(list((tmp_path / FOLDER).glob("t.fits-*/"))) == 1


def test_a_parquet_index_is_used_where_it_is(tmp_path, rng):
    path = write(entries_of(rng), tmp_path / "t.parquet")
    before = catalog_of(path).load()
    dataset = catalog_of(path)
    folder = dataset.index()
    after = dataset.load()
    assert before.fingerprint == after.fingerprint
    assert (before.index, after.index) == (None, folder)
    assert catalog_of(path, indexed=False).load().index is None


def test_a_changed_file_is_indexed_again(tmp_path, rng):
    entries = entries_of(rng)
    path = write(entries, tmp_path / "t.fits")
    targets = targets_of(entries, rng)
    catalog = catalog_of(path).load()
    folder = catalog.index
    with fits.open(path, mode="update") as file:
        file[1].data["g"][:] = 12.5
    with pytest.raises(DatasetError, match="has changed since it was loaded"):
        catalog.match(targets)
    again = catalog_of(path).load()
    assert again.fingerprint != catalog.fingerprint
    assert set(again.match(targets)["g_mag"].dropna()) == {12.5}
    assert not folder.exists()  # nobody needs what it was before
    assert again.index.exists()


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_index_is_noticed(tmp_path, rng, damage, caplog):
    entries = entries_of(rng)
    path = write(entries, tmp_path / "t.fits")
    targets = targets_of(entries, rng)
    dataset = catalog_of(path)
    catalog = dataset.load()
    expected = catalog.match(targets)
    table = catalog.index / TABLE
    if damage == "cut":
        table.write_bytes(table.read_bytes()[:-50])
    else:
        (catalog.index / "key.npy").unlink()
    with pytest.raises(DatasetError, match="is damaged"):
        catalog.match(targets)
    same(catalog_of(path).load().match(targets), expected)
    assert "is damaged and is made again" in caplog.text


def test_what_a_killed_process_left_is_removed(tmp_path, rng):
    path = write(entries_of(rng), tmp_path / "t.fits")
    folder = catalog_of(path).index()
    left = folder.with_name(f".{folder.stem}.x-1-0-0.partial{folder.suffix}")
    left.mkdir()
    os.utime(left, (0, 0))
    (folder / FACTS).unlink()
    catalog_of(path).index()
    assert not left.exists()
    assert {p.name for p in folder.parent.iterdir() if p.is_dir()} == {folder.name}


def test_two_processes_make_one_index(tmp_path, rng):
    path = write(entries_of(rng, 20_000), tmp_path / "t.fits")
    code = (
        "import logging, sys; logging.basicConfig(level=logging.INFO)\n"
        "from malca.datasets.catalogs import LocalCatalog\n"
        f"catalog = LocalCatalog(filepath={str(path)!r}, **{DECLARED!r})\n"
        "sys.stdin.readline()\n"
        "print(catalog.load().index)\n"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code], text=True, stdin=-1, stdout=-1, stderr=-1)
        for _ in range(3)
    ]
    said = [run.communicate("go\n", timeout=60) for run in runs]
    assert {run.returncode for run in runs} == {0}
    assert len({out for out, _ in said}) == 1
    assert sum("indexed in" in log for _, log in said) == 1
    assert [p.name for p in (tmp_path / FOLDER).iterdir() if p.name.endswith("lock")] == []


def test_an_index_that_cannot_be_written_is_told(tmp_path, rng):
    path = write(entries_of(rng), tmp_path / "t.fits")
    (tmp_path / FOLDER).write_text("no folder")
    with pytest.raises(DatasetError, match="set index_folder to a folder that can be written to"):
        catalog_of(path).load()
    folder = tmp_path / "elsewhere"
    assert catalog_of(path, index_folder=str(folder)).load().index.parent == folder


def test_a_damaged_source_leaves_nothing_behind(tmp_path, rng):
    path = write(entries_of(rng), tmp_path / "t.fits")
    path.write_bytes(path.read_bytes()[:-30_000])
    with pytest.raises(DatasetError, match=r"t\.fits is no readable fits table"):
        catalog_of(path).check()
    assert [p for p in (tmp_path / FOLDER).iterdir() if p.is_dir() or "lock" in p.name] == []


def test_units_of_the_file_are_kept_and_held_to(tmp_path, rng):
    entries = entries_of(rng)
    folder = catalog_of(write(entries, tmp_path / "t.vot")).index()
    with ArrowFile(folder / TABLE) as file:
        schema = file.schema_arrow
    assert schema.field("pmra").metadata[b"unit"] == b"mas / yr"
    assert "unused" not in schema.names
    entries["pmra"].unit = u.arcsec / u.yr
    with pytest.raises(DatasetError, match=r"t\.vot, column pmra: the file says 'arcsec / yr'"):
        catalog_of(write(entries, tmp_path / "t.vot")).check()


def test_masks_that_astropy_writes_into_parquet_are_heeded(tmp_path, rng):
    entries = entries_of(rng)
    entries.write(tmp_path / "t.parquet")
    targets = targets_of(entries, rng)
    catalog = catalog_of(tmp_path / "t.parquet").load()
    plain = catalog_of(write(entries, tmp_path / "plain.parquet")).load()
    same(catalog.match(targets), plain.match(targets))


@pytest.mark.slow
def test_many_stars_against_a_long_table(tmp_path, rng):
    """200,000 entries, 5,000 moving stars, against astropy."""
    n, n_stars = 200_000, 5_000
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    entries = pd.DataFrame({"ra": ra, "dec": dec, "source_id": BIG + np.arange(n)})
    entries.to_parquet(tmp_path / "t.parquet")
    chosen = rng.choice(n, n_stars, replace=False)
    pm = rng.normal(0, 100, (2, n_stars))
    then = SkyCoord(
        ra[chosen] * u.deg, dec[chosen] * u.deg, pm_ra_cosdec=pm[0] * u.mas / u.yr,
        pm_dec=pm[1] * u.mas / u.yr, distance=100 * u.pc, radial_velocity=0 * u.km / u.s,
        obstime=Time("J2000"),
    ).apply_space_motion(new_obstime=Time("J2016"))  # fmt: skip
    targets = pd.DataFrame(
        {"asas_sn_id": np.arange(n_stars), "ra_deg": then.ra.deg, "dec_deg": then.dec.deg,
         "pm_ra_masyr": pm[0], "pm_dec_masyr": pm[1],
         "gaia_id": pd.array([pd.NA] * n_stars, dtype="Int64")}
    )  # fmt: skip
    options = {"columns": {"gaia_dr3_id": {"column": "source_id", "type": "integer"}},
               "id_columns": {}, "radius_arcsec": 1.5, "indexed": True}  # fmt: skip
    found = catalog_of(tmp_path / "t.parquet", **options).load().match(targets)
    place = SkyCoord(ra[chosen] * u.deg, dec[chosen] * u.deg)
    index, separation, _ = place.match_to_catalog_sky(SkyCoord(ra * u.deg, dec * u.deg))
    assert found["outcome"].eq("matched").all()
    assert found["gaia_dr3_id"].tolist() == (BIG + index).tolist()
    np.testing.assert_allclose(found["sep_arcsec"], separation.arcsec, atol=2e-3)
