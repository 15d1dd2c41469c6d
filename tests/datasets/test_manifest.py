"""The index of a survey, its folders, and everything that can be wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from kedro.io import DatasetError

from malca.datasets.lightcurve_files import SurveyIndexDataset
from malca.datasets.manifest import STAR_COLUMNS, chosen_bins, read_flat_folder, read_index_tree

HEADER = "asas_sn_id,ra_deg,dec_deg,pm_ra,pm_dec,gaia_id,gaia_mag,gaia_var\n"
ROW = "8515.6 12.9 0.004 1 3 0 0 bi/F1\n"
RAW2 = "3 13 12.9 13.1 12.8 13.2\n"


def index_row(asas_sn_id, gaia_id="2009803630912285825", ra="10.5"):
    return f"{asas_sn_id},{ra},-20.25,3.5,,{gaia_id},13.1,VARIABLE\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def survey(tmp_path):
    """Two bins of two and one index files, all well."""
    for mag_bin, number, ids in (("9_9.5", 2, (5, 6)), ("13_13.5", 10, (1, 2)), ("13_13.5", 9, (3,))):
        folder = tmp_path / mag_bin
        write(folder / f"index{number}.csv", HEADER + "".join(map(index_row, ids)))
        for asas_sn_id in ids:
            write(folder / f"lc{number}_cal" / f"{asas_sn_id}.dat2", ROW)
            write(folder / f"lc{number}_cal" / f"{asas_sn_id}.raw2", RAW2)
    return tmp_path


def kinds(index):
    return list(index.problems["kind"])


def test_all_bins_in_order_of_brightness_and_number(survey):
    index = read_index_tree(survey)
    assert index.problems.empty
    assert list(index.stars["asas_sn_id"]) == [5, 6, 3, 1, 2]
    assert list(index.stars["mag_bin"]) == ["9_9.5"] * 2 + ["13_13.5"] * 3
    assert list(index.stars["index_num"]) == [2, 2, 9, 10, 10]
    assert index.stars["lc_exists"].all()
    assert (index.stars["lc_bytes"] == len(ROW)).all()
    assert (index.stars["raw2_bytes"] == len(RAW2)).all()
    path = Path(index.stars["lc_path"][0]).with_suffix(".raw2")
    assert index.stars["raw2_modified_ns"][0] == path.stat().st_mtime_ns
    assert set(STAR_COLUMNS) <= set(index.stars.columns)


def test_types_and_the_photometry_as_it_comes(survey):
    stars = read_index_tree(survey, "13_13.5").stars
    assert stars["asas_sn_id"].dtype == "int64"
    assert stars["gaia_id"].dtype == "Int64"
    # 19 digits: a float would have changed the last three
    assert (stars["gaia_id"] == 2009803630912285825).all()
    assert stars.loc[0, ["ra_deg", "dec_deg", "pm_ra_masyr", "gaia_mag"]].tolist() == [
        10.5,
        -20.25,
        3.5,
        13.1,
    ]
    assert stars["pm_dec_masyr"].isna().all()
    assert (stars["gaia_var"] == "VARIABLE").all()
    assert stars["lc_path"][0].endswith("13_13.5/lc9_cal/3.dat2")


def test_one_bin(survey):
    assert list(read_index_tree(survey, "9_9.5").stars["asas_sn_id"]) == [5, 6]


def test_missing_light_curves_and_folders_are_counted(survey):
    (survey / "13_13.5" / "lc10_cal" / "2.dat2").unlink()
    write(survey / "13_13.5" / "lc10_cal" / "77.dat2", ROW)
    write(survey / "13_13.5" / "index11.csv", HEADER + index_row(8) + index_row(9))
    index = read_index_tree(survey, "13_13.5")
    found = index.problems.set_index("kind")
    assert found.loc["missing_lightcurve", "asas_sn_id"] == 2
    assert found.loc["unindexed_lightcurve", "detail"] == "77.dat2"
    assert found.loc["missing_folder", "n_stars"] == 2
    assert list(index.stars["lc_exists"]) == [True, True, False, False, False]


def test_unreadable_index_files_are_recorded_and_the_rest_read(survey):
    folder = survey / "13_13.5"
    (folder / "index20.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")
    write(folder / "index21.csv", "")
    write(folder / "index22.csv", "ra_deg,dec_deg\n1,2\n")
    write(folder / "index23.csv", HEADER)
    write(folder / "index9_masked.csv", HEADER)
    write(folder / "index_old.csv", HEADER)
    (folder / "index24.csv").mkdir()
    index = read_index_tree(survey, "13_13.5")
    assert list(index.stars["asas_sn_id"]) == [3, 1, 2]
    assert sorted(kinds(index)) == [
        *["empty_index", "missing_folder", "unnumbered_index"],
        *["unreadable_index"] * 4,
    ]
    where = index.problems.set_index("where")["detail"]
    assert "no column 'asas_sn_id'" in where[str(folder / "index22.csv")]


def test_a_row_with_too_many_fields_costs_only_itself(survey):
    path = survey / "13_13.5" / "index10.csv"
    path.write_text(HEADER + index_row(1) + "2,3,4,5,6,7,8,9,10,11,12\n" + index_row(2))
    index = read_index_tree(survey, "13_13.5")
    assert list(index.stars["asas_sn_id"]) == [3, 1, 2]
    assert kinds(index) == ["malformed_row"]
    assert index.stars["gaia_id"].eq(2009803630912285825).all()


@pytest.mark.parametrize("word", ["abc", "", "1.5e11", "-3", "99999999999999999999"])
def test_bad_ids_are_rows(survey, word):
    path = survey / "13_13.5" / "index9.csv"
    path.write_text(HEADER + index_row(word) + index_row(3))
    index = read_index_tree(survey, "13_13.5")
    assert list(index.stars["asas_sn_id"]) == [3, 1, 2]
    assert kinds(index) == ["bad_id"]


def test_gaia_ids_written_as_floats_are_refused(survey):
    path = survey / "13_13.5" / "index9.csv"
    path.write_text(
        HEADER
        + index_row(3, "2.0098036309122858e+18")
        + index_row(30, "2009803630912285952.0")
        + index_row(31, "")
    )
    index = read_index_tree(survey, "13_13.5")
    assert index.stars["gaia_id"].isna().sum() == 3
    assert kinds(index).count("bad_gaia_id") == 2


def test_bad_coordinates_are_none(survey):
    (survey / "13_13.5" / "index9.csv").write_text(HEADER + index_row(3, ra="400"))
    index = read_index_tree(survey, "13_13.5")
    assert index.stars["ra_deg"].isna().tolist() == [True, False, False]
    assert kinds(index) == ["bad_coordinates"]


def test_an_index_without_coordinates_is_one_problem(survey):
    (survey / "13_13.5" / "index10.csv").write_text("asas_sn_id\n1\n2\n")
    index = read_index_tree(survey, "13_13.5")
    assert index.problems[["kind", "n_stars"]].to_numpy().tolist() == [["missing_column", 2]]


@pytest.mark.parametrize(
    ("root", "mag_bin", "sentence"),
    [
        ("nowhere", "13_13.5", "there is no survey at"),
        ("", "12_12.5", r"no magnitude bin '12_12.5' in .*; it has 9_9.5, 13_13.5"),
        ("9_9.5", "all", "holds no magnitude bins"),
        ("", 1313.5, "not the number 1313.5"),
    ],
)
def test_a_wrong_root_or_bin_is_one_sentence_before_any_work(survey, root, mag_bin, sentence):
    dataset = SurveyIndexDataset(root=str(survey / root), mag_bin=mag_bin)
    for act in (dataset.check, dataset.load):
        with pytest.raises(DatasetError, match=sentence) as caught:
            act()
        assert "\n" not in str(caught.value)


def test_bins_of_whole_magnitudes_and_other_folders(tmp_path):
    for name in ("13_14", "9_10", "logs", "13_13.5.bak"):
        (tmp_path / name).mkdir()
    assert chosen_bins(tmp_path, "all") == ["9_10", "13_14"]


def test_flat_folder_of_every_format(tmp_path):
    write(tmp_path / "11.dat2", ROW)
    write(tmp_path / "12-light-curves.csv", "JD,Mag\n")
    client = "jd,mag,mag_err,cam,asas_sn_id\n2458515.6,12.9,0.01,bi,13\n2458515.6,12.9,0.01,bi,14\n"
    write(tmp_path / "two stars.csv", client)
    write(tmp_path / "nameless.csv", "HJD,mag\n")
    write(tmp_path / "notes.txt", "not a light curve")
    index = read_flat_folder(tmp_path)
    assert sorted(index.stars["asas_sn_id"]) == [11, 12, 13, 14]
    assert kinds(index) == ["bad_id"]
    assert (index.stars["mag_bin"] == "unknown").all()
    assert index.stars["ra_deg"].isna().all()


def test_flat_folder_with_an_index(tmp_path):
    for asas_sn_id in (1, 2, 4):
        write(tmp_path / f"{asas_sn_id}.dat2", ROW)
    write(tmp_path / "2.raw2", RAW2)
    rows = (f"{k},{k}.5,0,0,0,,13,,{b}\n" for k, b in ((1, "13_13.5"), (2, "14_14.5"), (3, "13_13.5")))
    index_file = write(tmp_path / "stars.csv", HEADER.strip() + ",mag_bin\n" + "".join(rows))
    index = read_flat_folder(tmp_path, index_file=index_file)
    stars = index.stars.set_index("asas_sn_id")
    assert stars["lc_exists"].to_dict() == {1: True, 2: True, 3: False, 4: True}
    assert stars["mag_bin"].to_dict() == {1: "13_13.5", 2: "14_14.5", 3: "13_13.5", 4: "unknown"}
    assert stars["ra_deg"][1] == 1.5
    assert stars["raw2_bytes"].fillna(0).to_dict() == {1: 0, 2: len(RAW2), 3: 0, 4: 0}
    assert sorted(kinds(index)) == ["missing_lightcurve", "unindexed_lightcurve"]
    assert list(read_flat_folder(tmp_path, "13_13.5", index_file=index_file).stars["asas_sn_id"]) == [
        1,
        3,
    ]
    dataset = SurveyIndexDataset(
        root=str(tmp_path), mag_bin="12_12.5", layout="flat", index_file=str(index_file)
    )
    with pytest.raises(
        DatasetError, match=r"no star in .* '12_12.5'; there are 13_13.5, 14_14.5, unknown"
    ):
        dataset.load()


def test_flat_folder_without_light_curves(tmp_path):
    with pytest.raises(ValueError, match="holds no light curves"):
        read_flat_folder(tmp_path)
    with pytest.raises(ValueError, match="no folder"):
        read_flat_folder(tmp_path / "nowhere")


@pytest.mark.real_data
def test_flat_folder_of_real_curves(real_data):
    index = read_flat_folder(real_data / "skypatrol2")
    assert len(index.stars) == 14
    assert index.problems.empty


def test_gaia_ids_keep_their_digits_beside_stars_that_have_none(tmp_path):
    rows = [index_row(1, "2009803630912285825"), index_row(2, ""), index_row(3, "4611686018427387907")]
    write(tmp_path / "13_13.5" / "index1.csv", HEADER + "".join(rows))
    ids = read_index_tree(tmp_path).stars["gaia_id"]
    assert ids.isna().tolist() == [False, True, False]
    assert [int(number) for number in ids.dropna()] == [2009803630912285825, 4611686018427387907]
