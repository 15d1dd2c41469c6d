"""Manifest, partitions, packing and the VSX match as functions of tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from malca.datasets.lightcurve_files import ManifestFiles
from malca.datasets.manifest import SurveyIndex, problems_table
from malca.datasets.tables import PartitionedTables, StreamedTable
from malca.datasets.vsx import empty_vsx
from malca.lightcurves import LightCurves
from malca.partitions import ComputeParameters
from malca.pipelines.ingest.nodes import (
    build_manifest,
    camera_statistics_of,
    collect_camera_statistics,
    match_vsx,
    pack_partition,
    plan_camera_statistics,
    plan_packing,
    plan_partitions,
)
from malca.pipelines.ingest.parameters import IngestParameters

PARAMETERS = IngestParameters()
COMPUTE = ComputeParameters(workers=1, stars_per_partition=2)


def index_of(rows):
    """Survey index of (id, bin, index number, exists) rows."""
    ids, bins, numbers, exists = zip(*rows, strict=True)
    n = len(rows)
    stars = pd.DataFrame(
        {
            "asas_sn_id": np.array(ids, np.int64),
            "mag_bin": pd.array(bins, dtype="str"),
            "index_num": np.array(numbers, np.int64),
            "ra_deg": np.linspace(0, 300, n),
            "dec_deg": np.linspace(-80, 80, n),
            "pm_ra_masyr": 0.0,
            "pm_dec_masyr": 0.0,
            "gaia_id": pd.array([2009803630912285825] + [None] * (n - 1), dtype="Int64"),
            "lc_path": pd.array([f"{b}/lc{k}/{i}.dat2" for i, b, k, _ in rows], dtype="str"),
            "lc_exists": np.array(exists),
            "lc_bytes": pd.array([100 if there else None for there in exists], dtype="Int64"),
            "lc_modified_ns": pd.array([5 if there else None for there in exists], dtype="Int64"),
            "raw2_bytes": pd.array([50 if there else None for there in exists], dtype="Int64"),
            "raw2_modified_ns": pd.array([7 if there else None for there in exists], dtype="Int64"),
            "index_path": pd.array([f"{b}/index{k}.csv" for _, b, k, _ in rows], dtype="str"),
        }
    )
    return SurveyIndex(stars, problems_table([]))


def test_the_entry_in_the_brightest_bin_and_lowest_index_wins_whatever_the_order(rng):
    rows = [
        (7, "14_14.5", 1, True),
        (7, "9_9.5", 10, True),
        (7, "9_9.5", 2, True),
        (8, "14_14.5", 1, True),
    ]
    results = []
    for _ in range(5):
        shuffled = [rows[k] for k in rng.permutation(4)]
        manifest, problems = build_manifest(index_of(shuffled), PARAMETERS, COMPUTE)
        assert list(manifest["asas_sn_id"]) == [7, 8]
        assert manifest["index_path"][0] == "9_9.5/index2.csv"
        assert list(problems["kind"]) == ["duplicate"] * 2
        assert sorted(problems["where"]) == ["14_14.5/index1.csv", "9_9.5/index10.csv"]
        assert problems["detail"].str.endswith("9_9.5/index2.csv").all()
        results.append(manifest["lc_path"].tolist())
    assert all(result == results[0] for result in results)


def test_the_gaia_release_is_told_where_there_is_an_id():
    manifest, _ = build_manifest(
        index_of([(1, "13_13.5", 1, True), (2, "13_13.5", 1, True)]), PARAMETERS, COMPUTE
    )
    assert manifest["gaia_release"][0] == "DR2"
    assert pd.isna(manifest["gaia_release"][1])
    assert manifest["gaia_id"][0] == 2009803630912285825


def test_no_light_curve_at_all_is_an_error():
    with pytest.raises(ValueError, match="no star has a light curve: 1 stars are indexed"):
        build_manifest(index_of([(1, "13_13.5", 1, False)]), PARAMETERS, COMPUTE)


def test_partitions_hold_stars_with_light_curves_of_one_bin():
    rows = [(k, "13_13.5", 1, k != 2) for k in range(6)] + [(9, "14_14.5", 1, True)]
    manifest = plan_partitions(index_of(rows).stars, 2)
    assert manifest["partition"].fillna("-").tolist() == [
        "13_13.5-00000", "13_13.5-00000", "-", "13_13.5-00001", "13_13.5-00001", "13_13.5-00002",
        "14_14.5-00000",
    ]  # fmt: skip


def test_packing_reads_each_partition_once_and_marks_it_by_its_files():
    rows = [(k, "13_13.5", 1, k != 2) for k in range(6)]
    manifest, _ = build_manifest(index_of(rows), PARAMETERS, COMPUTE)
    seen = []

    def read(part, workers):
        seen.append(part["asas_sn_id"].tolist())
        return LightCurves.empty(), pd.DataFrame({"asas_sn_id": [], "reason": []})

    plan = plan_packing(manifest, read, COMPUTE)
    assert plan.sizes == {"13_13.5-00000": 2, "13_13.5-00001": 2, "13_13.5-00002": 1}
    assert not seen
    tables = {key: plan.function(packed=task["packed"]()) for key, task in plan.tasks.items()}
    assert seen == [[0, 1], [3, 4], [5]]
    assert set(tables["13_13.5-00000"]) == {"lightcurves", "failures"}

    same = plan_packing(manifest.assign(ra_deg=0.0), read, COMPUTE)
    assert same.fingerprints == plan.fingerprints
    touched = manifest.copy()
    touched.loc[touched["asas_sn_id"] == 4, "lc_modified_ns"] = 6
    changed = plan_packing(touched, read, COMPUTE).fingerprints
    assert [key for key in changed if changed[key] != plan.fingerprints[key]] == ["13_13.5-00001"]


def test_packed_tables():
    failures = pd.DataFrame({"asas_sn_id": [3], "reason": ["empty"]})
    tables = pack_partition((LightCurves.empty(), failures))
    assert tables["lightcurves"].num_rows == 0
    assert tables["failures"] is failures


def test_camera_statistics_are_read_a_partition_at_a_time_and_marked_by_their_own_files():
    rows = [(k, "13_13.5", 1, k != 2) for k in range(6)]
    manifest, _ = build_manifest(index_of(rows), PARAMETERS, COMPUTE)
    seen = []

    def read(part, workers):
        seen.append((part["asas_sn_id"].tolist(), workers))
        return part[["asas_sn_id"]], part.iloc[:0]

    plan = plan_camera_statistics(manifest, read, COMPUTE)
    assert plan.sizes == {"13_13.5-00000": 2, "13_13.5-00001": 2, "13_13.5-00002": 1}
    assert not seen
    tables = {key: plan.function(cameras=task["cameras"]()) for key, task in plan.tasks.items()}
    assert seen == [([0, 1], 1), ([3, 4], 1), ([5], 1)]
    assert tables["13_13.5-00001"]["statistics"]["asas_sn_id"].tolist() == [3, 4]

    def changed(column, value):
        touched = manifest.copy()
        touched.loc[touched["asas_sn_id"] == 4, column] = value
        marks = plan_camera_statistics(touched, read, COMPUTE).fingerprints
        return [key for key in marks if marks[key] != plan.fingerprints[key]]

    for column, value in (("raw2_modified_ns", 8), ("raw2_bytes", pd.NA)):
        assert changed(column, value) == ["13_13.5-00001"]
    assert not changed("lc_modified_ns", 8)
    with pytest.raises(ValueError, match="lacks raw2_bytes: run the whole of ingest again"):
        plan_camera_statistics(manifest.drop(columns="raw2_bytes"), read, COMPUTE)


def test_camera_statistics_gathered_are_those_of_one_pass(tmp_path, caplog):
    rows = [(k, "13_13.5", 1, True) for k in range(1, 8)]
    index = index_of(rows)
    index.stars["lc_path"] = [str(tmp_path / f"{k}.dat2") for k, *_ in rows]
    for k in range(1, 8):
        if k != 4:
            text = f"{k} 13 12.9 13.1 12.8 13.2\n{k + 1} 13.5 13.4 13.6 13.3 13.7\n"
            (tmp_path / f"{k}.raw2").write_text(text if k != 6 else "half a line")
    manifest, _ = build_manifest(index, PARAMETERS, COMPUTE)
    read = ManifestFiles(reads="camera_statistics").load()
    store = PartitionedTables(path=str(tmp_path / "store"), tables=["failures", "statistics"])
    store.save(plan_camera_statistics(manifest, read, COMPUTE))
    assert len(store.last_report.done) == 4
    files = [StreamedTable(filepath=str(tmp_path / f"{name}.parquet")) for name in ("s", "f")]
    with caplog.at_level("WARNING"):
        for file, table in zip(files, collect_camera_statistics(store.load()), strict=True):
            file.save(table)
    for file, whole in zip(files, read(manifest), strict=True):
        pd.testing.assert_frame_equal(file.load(), whole)
    assert sorted(files[1].load()["asas_sn_id"]) == [4, 6]
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert sorted(told) == [
        "camera statistics: 1 files missing_file", "camera statistics: 1 files wrong_columns",
    ]  # fmt: skip
    store.save(plan_camera_statistics(manifest, read, COMPUTE))
    assert not store.last_report.done
    assert camera_statistics_of((1, 2)) == {"statistics": 1, "failures": 2}


def stars_at(ra, dec, pm_ra=np.nan, pm_dec=np.nan):
    n = len(ra)
    return pd.DataFrame(
        {
            "asas_sn_id": np.arange(1, n + 1),
            "ra_deg": np.array(ra, float),
            "dec_deg": np.array(dec, float),
            "pm_ra_masyr": np.broadcast_to(pm_ra, n).astype(float),
            "pm_dec_masyr": np.broadcast_to(pm_dec, n).astype(float),
        }
    )


def vsx_of(rows):
    """Entries of (ra, dec, class, flag) rows."""
    entries = pd.DataFrame(rows, columns=["ra_deg", "dec_deg", "vsx_class", "var_flag"])
    entries.insert(0, "vsx_id", np.arange(101, 101 + len(rows)))
    entries["name"] = [f"V{k}" for k in entries["vsx_id"]]
    entries["period_days"] = 1.5
    entries["vsx_class"] = entries["vsx_class"].astype("str")
    return entries.astype({"var_flag": "Int8"})


ARCSEC = 1 / 3600


def test_nearest_entry_within_the_radius_at_the_catalogues_epoch():
    stars = stars_at(
        [10.0, 20.0, 30.0, 40.0], [60.0, 0.0, 0.0, 0.0], [0, 1000, np.nan, 0], [0, 0, 0, 0]
    )
    moved_ra = 20.0 - 16 * ARCSEC
    vsx = vsx_of(
        [
            (10.0, 60.0 + 2 * ARCSEC, "EA/SD", 0),
            (10.0, 60.0 + 2.5 * ARCSEC, "RRAB", 0),
            (moved_ra, 0.0, "DIP", 1),
            (30.0, 2.9 * ARCSEC, "M|SR", 0),
            (40.0, 3.1 * ARCSEC, "EW", 0),
        ]
    )
    found = match_vsx(stars, vsx, PARAMETERS).set_index("asas_sn_id")
    assert found["vsx_outcome"].tolist() == ["matched", "matched", "matched", "not_matched"]
    assert found["vsx_id"].tolist()[:3] == [101, 103, 104]
    np.testing.assert_allclose(found["vsx_sep_arcsec"][:3].to_numpy(float), [2.0, 0.0, 2.9], atol=1e-4)
    assert found["vsx_n_within_radius"].tolist()[:3] == [2, 1, 1]
    assert found["vsx_family"].tolist()[:3] == ["eclipsing", "dipper|young", "pulsating"]
    assert found["vsx_is_dipper"].tolist()[:3] == [False, True, False]
    assert found["vsx_moved"].tolist() == [True, True, False, True]
    assert pd.isna(found["vsx_id"][4])
    assert pd.isna(found["vsx_class"][4])


def test_stars_called_constant_and_duplicates_come_last():
    stars = stars_at([10.0, 20.0, 30.0], [0.0, 0.0, 0.0])
    vsx = vsx_of(
        [
            (10.0, 0.1 * ARCSEC, "CST", 2), (10.0, 1.0 * ARCSEC, "EA", 0),
            (20.0, 0.1 * ARCSEC, "CST", 2),
            (30.0, 0.1 * ARCSEC, "EA", 3), (30.0, 1.0 * ARCSEC, "EB", 1),
        ]
    )  # fmt: skip
    found = match_vsx(stars, vsx, PARAMETERS)
    assert found["vsx_class"].tolist() == ["EA", "CST", "EB"]
    assert found["vsx_is_variable"].tolist() == [True, False, True]


def test_two_stars_on_one_entry_are_told_apart():
    stars = stars_at([10.0, 10.0], [0.0, 2 * ARCSEC])
    found = match_vsx(stars, vsx_of([(10.0, 0.5 * ARCSEC, "EA", 0)]), PARAMETERS)
    assert found["vsx_id"].tolist() == [101, 101]
    assert found["vsx_mutual_nearest"].tolist() == [True, False]


def test_unknown_is_neither_matched_nor_not():
    stars = stars_at([np.nan, 10.0], [0.0, 0.0])
    vsx = vsx_of([(10.0, 0.0, "EA", 0)])
    assert match_vsx(stars, vsx, PARAMETERS)["vsx_outcome"].tolist() == ["unknown", "matched"]
    none = match_vsx(stars, empty_vsx().entries, PARAMETERS)
    assert none["vsx_outcome"].tolist() == ["unknown", "unknown"]
    assert none["vsx_class"].isna().all()


def test_the_table_has_the_same_types_with_and_without_matches():
    vsx = vsx_of([(10.0, 0.0, "EA", 0)])
    with_match = match_vsx(stars_at([10.0], [0.0]), vsx, PARAMETERS)
    without = match_vsx(stars_at([50.0], [0.0]), vsx, PARAMETERS)
    assert with_match.dtypes.astype(str).to_dict() == without.dtypes.astype(str).to_dict()


def test_parameters_refuse_what_they_do_not_know():
    with pytest.raises(ValidationError):
        IngestParameters(gaia_release="DR9")
    with pytest.raises(ValidationError):
        IngestParameters(vsx={"radius": 3})
