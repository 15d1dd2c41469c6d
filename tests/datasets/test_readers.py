"""Reading light curves: formats against each other and pandas, and files broken in every way."""

from __future__ import annotations

import gzip
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from malca.datasets.curves import ReadFailure
from malca.datasets.readers import (
    detect_format,
    read_lightcurve,
    read_lightcurves,
    read_manifest_lightcurves,
)
from malca.datasets.skypatrol import camera_band
from malca.lightcurves import BAND_G, BAND_V, FAILURE_DTYPES, POINT_DTYPES, Camera, LightCurves

DAT2 = (
    " 8515.6215074 12.9328  0.0040 1  3 0 0 bi/F0846-79\n"
    " 7080.1000000 12.9000  0.0100 0  1 1 0 ba/F0846-79\n"
    " 8515.6215074 13.1000  0.0050 1  4 0 1 bj/F0900-80\n"
)
V2 = (
    "# ASAS-SN SkyPatrol ID: 120259184943\n# ATLAS-REFCAT2: 165633203840474085\n"
    "# Gaia DR2: 2164763714484633728\n# TESS Input Catalog (TIC): 63779130\n\n\n"
    "JD,Flux,Flux Error,Mag,Mag Error,Limit,FWHM,Filter,Quality,Camera\n"
    "2458515.62,24.3,0.09,12.9328,0.0040,17.2,1.44,g,G,bi\n"
    "2458516.62,24.3,99.99,12.9400,99.99,99.99,1.44,g,U,bF{}\n"
    "2457080.10,24.3,0.09,12.9000,0.0100,17.2,1.44,V,B,ba\n"
)
CLIENT = (
    '# "asas_sn_id":12702,"gaia_id":5211052415435948544,"name":"VX Men"\n'
    "jd,flux,flux_err,mag,mag_err,limit,fwhm,cam,asas_sn_id\n"
    "2458515.6215074,24.37,0.089,12.93283954832211,0.003976625762032669,17.27,1.44,bi,12702\n"
    "2457080.1,18.76,0.072,13.2,0.0042,17.49,1.37,ba,12702\n"
)


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_dat2(tmp_path):
    lightcurves = read_lightcurve(write(tmp_path, "42949672960.dat2", DAT2))
    star = lightcurves.star(0)
    np.testing.assert_array_equal(star.jd, [2457080.1, 2458515.6215074, 2458515.6215074])
    np.testing.assert_array_equal(star.mag, np.array([12.9, 12.9328, 13.1], np.float32))
    np.testing.assert_array_equal(star.mag_err, np.array([0.01, 0.004, 0.005], np.float32))
    np.testing.assert_array_equal(star.band, [BAND_V, BAND_G, BAND_G])
    np.testing.assert_array_equal(star.good, [False, True, True])
    np.testing.assert_array_equal(star.saturated, [False, False, True])
    cameras = [lightcurves.cameras[code] for code in star.camera]
    assert cameras == [Camera("ba", 1), Camera("bi", 3), Camera("bj", 4)]
    assert [lightcurves.fields[code] for code in star.field] == ["F0846-79", "F0846-79", "F0900-80"]
    row = lightcurves.stars.iloc[0]
    assert (row["asas_sn_id"], row["name"], row["time_system"]) == (42949672960, "42949672960", "JD")
    assert pd.isna(row["gaia_id"])
    assert {name: getattr(star, name).dtype for name in POINT_DTYPES} == POINT_DTYPES


def test_dat2_with_full_dates_is_the_same(tmp_path):
    full = DAT2.replace(" 8515.", " 2458515.").replace(" 7080.", " 2457080.")
    short_star = read_lightcurve(write(tmp_path, "1.dat2", DAT2)).star(0)
    full_star = read_lightcurve(write(tmp_path, "2.dat2", full)).star(0)
    np.testing.assert_array_equal(short_star.jd, full_star.jd)


def test_skypatrol_v2(tmp_path):
    path = write(tmp_path, "120259184943-light-curves.csv", V2)
    assert detect_format(path) == "skypatrol_v2"
    lightcurves = read_lightcurve(path)
    star = lightcurves.star(0)
    np.testing.assert_array_equal(star.jd, [2457080.10, 2458515.62, 2458516.62])
    np.testing.assert_array_equal(star.mag, np.array([12.9, 12.9328, np.nan], np.float32))
    assert np.isnan(star.mag_err[2])
    np.testing.assert_array_equal(star.good, [False, True, True])
    assert [lightcurves.cameras[code].name for code in star.camera] == ["ba", "bi", "bF"]
    row = lightcurves.stars.iloc[0]
    assert row["asas_sn_id"] == 120259184943
    assert (row["gaia_id"], row["gaia_release"]) == (2164763714484633728, "DR2")


def test_client_of_one_star(tmp_path):
    path = write(tmp_path, "vxmen.csv", CLIENT)
    assert detect_format(path) == "skypatrol_client"
    lightcurves = read_lightcurve(path)
    row = lightcurves.stars.iloc[0]
    assert (row["asas_sn_id"], row["name"], row["gaia_id"]) == (12702, "vxmen", 5211052415435948544)
    np.testing.assert_array_equal(lightcurves.band, [BAND_V, BAND_G])
    assert lightcurves.jd[1] == 2458515.6215074
    assert lightcurves.mag[1] == np.float32(12.93283954832211)
    assert lightcurves.good.all()


def test_client_of_several_stars_with_quality_and_filter(tmp_path):
    content = (
        "asas_sn_id,jd,flux,flux_err,mag,mag_err,limit,fwhm,image_id,camera,quality,phot_filter\n"
        "7,2458515.5,1,1,12.9,0.01,17,1.4,x1,bi,G,g\n"
        "9,2458515.5,1,1,13.9,0.01,17,1.4,x1,bi,B,g\n"
        "7,2457015.5,1,1,12.8,0.01,17,1.4,x2,ba,G,V\n"
    )
    lightcurves = read_lightcurve(write(tmp_path, "two.csv", content))
    assert list(lightcurves.stars["asas_sn_id"]) == [7, 9]
    assert list(lightcurves.stars["name"]) == ["two-7", "two-9"]
    np.testing.assert_array_equal(lightcurves.offsets, [0, 2, 3])
    np.testing.assert_array_equal(lightcurves.jd, [2457015.5, 2458515.5, 2458515.5])
    np.testing.assert_array_equal(lightcurves.good, [True, True, False])


def test_v1_limits_stay_as_rows_without_a_magnitude(tmp_path):
    content = (
        "HJD,UT Date,Camera,FWHM,Limit,mag,mag_err,flux(mJy),flux_err,Filter\n"
        "2458730.59219,2019-09-04.0932917,bm,1.48,16.738,14.229,0.022,7.387,0.148,g\n"
        "2458753.61150,2019-09-27.1113071,bm,1.53,99.990,99.990,99.990,99.990,99.990,g\n"
        "2458769.94227,2019-10-13.4411548,bq,1.46,14.096,>14.096,99.990,6.539,1.672,g"
    )
    path = write(
        tmp_path,
        "some star.csv",
        content,
    )
    assert detect_format(path) == "skypatrol_v1"
    lightcurves = read_lightcurve(path)
    np.testing.assert_array_equal(np.isnan(lightcurves.mag), [False, True, True])
    row = lightcurves.stars.iloc[0]
    assert (row["name"], row["time_system"]) == ("some star", "HJD")
    assert pd.isna(row["asas_sn_id"])


def test_equal_dates_keep_the_files_order_and_duplicates_stay(tmp_path):
    rows = [f"8500.5 12.{k} 0.01 1 1 0 0 ba/F1\n" for k in (5, 1, 3, 1)]
    star = read_lightcurve(
        write(tmp_path, "1.dat2", "8600.5 13 0.01 1 1 0 0 ba/F1\n" + "".join(rows))
    ).star(0)
    np.testing.assert_array_equal(star.mag, np.array([12.5, 12.1, 12.3, 12.1, 13.0], np.float32))


BROKEN = {
    "empty.dat2": (b"", "empty"),
    "blank.dat2": (b" \n\n", "empty"),
    "binary.dat2": (gzip.compress(DAT2.encode() * 20), "binary"),
    "latin1.dat2": (DAT2.encode() + b"8600.5 13 0.01 1 1 0 0 b\xe9/F1\n", "not_utf8"),
    "columns.dat2": (b"8515.6 12.9 0.004 1 3 0\n8516.6 12.9 0.004 1 3 0\n", "wrong_columns"),
    "short.dat2": (DAT2.encode() + b"8600.5 13 0.01\n" + DAT2.encode(), "malformed_row"),
    "word.dat2": (DAT2.encode() + b"8600.5 abc 0.01 1 1 0 0 ba/F1\n", "malformed_row"),
    "band.dat2": (DAT2.encode() + b"8600.5 13 0.01 1 1 2 0 ba/F1\n", "malformed_row"),
    "flag.dat2": (DAT2.encode() + b"8600.5 13 0.01 x 1 0 0 ba/F1\n", "malformed_row"),
    "mjd.dat2": (DAT2.encode() + b"58000.5 13 0.01 1 1 0 0 ba/F1\n", "malformed_row"),
    "nodate.dat2": (DAT2.encode() + b"nan 13 0.01 1 1 0 0 ba/F1\n", "malformed_row"),
    "cut.dat2": (DAT2.encode()[:-20], "truncated"),
    "cutword.dat2": ((DAT2 + DAT2).encode()[:-3], "truncated"),
    "nan.dat2": (b"nan nan nan 1 3 0 0 bi/F1\n" * 5, "no_finite_magnitudes"),
    "sentinel.dat2": (b"8515.6 99.99 99.99 1 3 0 0 bi/F1\n" * 5, "no_finite_magnitudes"),
    "empty.csv": (b"", "empty"),
    "binary.csv": (bytes(range(256)), "binary"),
    "columns.csv": (b"a,b,c\n1,2,3\n", "wrong_columns"),
    "noerror.csv": (b"jd,mag,camera,asas_sn_id\n2458515.6,12.9,bi,3\n", "wrong_columns"),
    "headonly.csv": (V2[: V2.index("2458515")].encode(), "empty"),
    "filter.csv": (V2.replace(",g,G,bi", ",r,G,bi").encode(), "malformed_row"),
    "cut.csv": (V2.encode()[:-20], "truncated"),
    "nocamera.csv": (V2.replace(",g,G,bi", ",g,G,").encode(), "malformed_row"),
    "html.csv": (b"<html><body>Service unavailable</body></html>\n", "wrong_columns"),
}


@pytest.mark.parametrize(("name", "content", "reason"), [(k, *v) for k, v in BROKEN.items()])
def test_a_broken_file_is_one_row_and_harms_no_other(tmp_path, name, content, reason):
    paths = [
        write(tmp_path, "11.dat2", DAT2),
        write(tmp_path, name, content),
        write(tmp_path, "12.dat2", DAT2),
    ]
    lightcurves = read_lightcurves(paths)
    failures = lightcurves.failures
    assert list(lightcurves.stars["asas_sn_id"]) == [11, 12]
    assert lightcurves.n_points == 6
    assert list(failures.columns) == list(FAILURE_DTYPES)
    assert list(failures["reason"]) == [reason]
    assert failures["source"][0].endswith(name)
    assert failures["stage"][0] == "read"


def test_a_missing_file_and_a_folder_are_failures(tmp_path):
    lightcurves = read_lightcurves([tmp_path / "5.dat2", tmp_path])
    failures = lightcurves.failures
    assert len(lightcurves) == 0
    assert list(failures["reason"]) == ["missing_file", "unreadable_file"]
    assert failures["asas_sn_id"][0] == 5


def test_the_line_of_a_bad_row_is_told(tmp_path):
    path = write(tmp_path, "1.dat2", "# comment\n\n" + DAT2 + "8600.5 13 0.01 1 1 7 0 ba/F1\n")
    with pytest.raises(ReadFailure, match="line 6: '7' is no band"):
        read_lightcurve(path)


def test_threads_give_the_same(tmp_path):
    paths = [write(tmp_path, f"{k}.dat2", DAT2 * (k % 5 + 1)) for k in range(100)]
    one = read_lightcurves(paths, workers=1)
    four = read_lightcurves(paths, workers=4)
    pd.testing.assert_frame_equal(one.stars, four.stars)
    for name in POINT_DTYPES:
        np.testing.assert_array_equal(getattr(one, name), getattr(four, name))


def test_a_batch_survives_arrow(tmp_path):
    paths = [
        write(tmp_path, "1.dat2", DAT2),
        write(tmp_path, "a.csv", CLIENT),
        write(tmp_path, "b.csv", V2),
    ]
    lightcurves = read_lightcurves(paths)
    back = LightCurves.from_table(lightcurves.to_table())
    pd.testing.assert_frame_equal(back.stars, lightcurves.stars)
    assert back.cameras == lightcurves.cameras


def test_manifest_rows_give_their_ids_and_account_for_every_file(tmp_path):
    v2 = write(tmp_path, "a.csv", V2)
    write(tmp_path, "8.dat2", DAT2)
    write(tmp_path, "9.dat2", b"")
    rows = pd.DataFrame(
        {
            "asas_sn_id": [120259184943, 8, 9, 10, 77],
            "gaia_id": pd.array([None, 6_899_999_999_999_999_999, None, None, None], dtype="Int64"),
            "gaia_release": [None, "DR3", None, None, None],
            "lc_path": [
                str(v2),
                str(tmp_path / "8.dat2"),
                str(tmp_path / "9.dat2"),
                "nowhere",
                str(v2),
            ],
            "lc_exists": [True, True, True, False, True],
        }
    )
    lightcurves, failures = read_manifest_lightcurves(rows)
    assert list(lightcurves.stars["asas_sn_id"]) == [120259184943, 8]
    assert list(lightcurves.stars["gaia_id"]) == [2164763714484633728, 6_899_999_999_999_999_999]
    assert list(lightcurves.stars["gaia_release"]) == ["DR2", "DR3"]
    assert dict(zip(failures["asas_sn_id"], failures["reason"], strict=True)) == {
        9: "empty",
        77: "id_mismatch",
    }


@pytest.mark.real_data
def test_real_v2_files_equal_pandas(real_data):
    paths = sorted((real_data / "skypatrol2").glob("*.csv"))
    lightcurves = read_lightcurves(paths)
    failures = lightcurves.failures
    assert failures.empty
    for i, path in enumerate(paths):
        frame = pd.read_csv(path, comment="#")
        star = lightcurves.star(i)
        limit = (frame["Mag Error"] > 99).to_numpy()
        np.testing.assert_allclose(star.jd, frame["JD"], rtol=0, atol=1e-9)
        np.testing.assert_array_equal(star.mag[~limit], frame["Mag"][~limit].to_numpy(np.float32))
        assert np.isnan(star.mag[limit]).all()
        np.testing.assert_array_equal(star.band == BAND_V, frame["Filter"] == "V")
        np.testing.assert_array_equal(star.good, frame["Quality"] != "B")
        assert int(path.name.split("-")[0]) == lightcurves.stars["asas_sn_id"][i]


@pytest.mark.real_data
def test_real_cameras_have_one_band_each_and_their_names_tell_it(real_data):
    frames = [pd.read_csv(path, comment="#") for path in (real_data / "skypatrol2").glob("*.csv")]
    pairs = pd.concat(frames)[["Camera", "Filter"]].drop_duplicates()
    assert pairs["Camera"].is_unique
    for name, band in pairs.itertuples(index=False):
        assert "gV"[camera_band(name.removesuffix("{}"))] == band


@pytest.mark.real_data
def test_one_real_curve_reads_alike_from_all_four_formats(real_data, tmp_path):
    source = sorted((real_data / "skypatrol2").glob("*.csv"))[0]
    frame = pd.read_csv(source, comment="#", dtype=str)
    frame["Camera"] = frame["Camera"].str.removesuffix("{}")
    numbers = {name: str(k) for k, name in enumerate(sorted(frame["Camera"].unique()))}
    good, band = frame["Quality"] != "B", frame["Filter"] == "V"
    dat2 = "".join(
        f"{Decimal(jd) - 2_450_000} {mag} {err} {int(g)} {numbers[camera]} {int(v)} 0 {camera}/F1\n"
        for jd, mag, err, g, v, camera in zip(
            frame["JD"], frame["Mag"], frame["Mag Error"], good, band, frame["Camera"], strict=True
        )
    )
    v1 = frame.assign(UT="2019-09-04.09", one="1.0")[
        ["JD", "UT", "Camera", "FWHM", "Limit", "Mag", "Mag Error", "Flux", "Flux Error", "Filter"]
    ]
    v1.columns = [
        "HJD",
        "UT Date",
        "Camera",
        "FWHM",
        "Limit",
        "mag",
        "mag_err",
        "flux(mJy)",
        "flux_err",
        "Filter",
    ]
    client = frame.assign(asas_sn_id="7")[
        ["JD", "Flux", "Flux Error", "Mag", "Mag Error", "Limit", "FWHM", "Camera", "asas_sn_id"]
    ]
    client.columns = ["jd", "flux", "flux_err", "mag", "mag_err", "limit", "fwhm", "cam", "asas_sn_id"]
    v1.to_csv(tmp_path / "v1.csv", index=False)
    client.sample(frac=1, random_state=3).to_csv(tmp_path / "client.csv", index=False)
    paths = [source, write(tmp_path, "7.dat2", dat2), tmp_path / "v1.csv", tmp_path / "client.csv"]
    assert [detect_format(path) for path in paths] == [
        "skypatrol_v2", "dat2", "skypatrol_v1", "skypatrol_client",
    ]  # fmt: skip
    lightcurves = read_lightcurves(paths)
    failures = lightcurves.failures
    assert failures.empty
    first = lightcurves.star(0)
    names = [lightcurves.cameras[code].name for code in first.camera]
    for i in range(1, 4):
        star = lightcurves.star(i)
        for name in ("jd", "mag", "mag_err", "band"):
            np.testing.assert_array_equal(getattr(star, name), getattr(first, name))
        assert [lightcurves.cameras[code].name for code in star.camera] == names
    np.testing.assert_array_equal(lightcurves.star(1).good, first.good)


@pytest.mark.real_data
def test_real_v1_and_client_files(real_data):
    lightcurves = read_lightcurves(sorted((real_data / "formats").glob("*.csv")))
    failures = lightcurves.failures
    assert failures.empty
    client, v1 = lightcurves.star(0), lightcurves.star(1)
    assert (len(client.jd), len(v1.jd)) == (1065, 263)
    assert list(lightcurves.stars["time_system"]) == ["JD", "HJD"]
    assert np.isnan(v1.mag).sum() == 19
    assert not np.isnan(client.mag).any()
    assert (client.band == BAND_G).all()
