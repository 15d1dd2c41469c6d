import numpy as np
import pandas as pd
import pytest

from malca.lightcurves import STAR_DTYPES, Camera, LightCurves, concatenate
from malca.search import statistics
from malca.search.points import usable_points

CAMERAS = (Camera("ba", 1), Camera("be", 2), Camera("bi", 3))
OFFSET_MAG = np.array([0.0, 0.06, -0.9])


def star(rng, asas_sn_id=1, n=300, level=13.0, sigma=0.02, bad=10):
    jd = np.sort(2458000.4 + rng.integers(0, 900, n) + rng.uniform(0, 0.3, n))
    jd = jd[np.mod(jd - 2458000, 365) < 230]
    n = len(jd)
    camera = rng.integers(0, 3, n).astype(np.int16)
    good = np.ones(n, bool)
    good[:bad] = False
    stars = pd.DataFrame({name: pd.array([None], dtype=dtype) for name, dtype in STAR_DTYPES.items()})
    stars["asas_sn_id"] = pd.array([asas_sn_id], dtype="Int64")
    stars["name"] = pd.array([f"star{asas_sn_id}"], dtype="str")
    return LightCurves(
        stars=stars,
        offsets=np.array([0, n]),
        jd=jd,
        mag=(level + OFFSET_MAG[camera] + rng.normal(0, sigma, n)).astype(np.float32),
        mag_err=np.full(n, sigma, np.float32),
        camera=camera,
        band=(camera == 2).astype(np.int8),
        good=good,
        saturated=np.zeros(n, bool),
        field=np.zeros(n, np.int16),
        cameras=CAMERAS,
        fields=("F0001",),
    )


@pytest.fixture
def batch(rng):
    return concatenate(
        [star(rng, 635655234580), star(rng, 2, n=4, bad=0), star(rng, 3, n=60, bad=200), star(rng, 4)]
    )


def test_one_row_a_star_whatever_it_holds(batch):
    table = statistics.star_statistics(batch)
    assert table["asas_sn_id"].dtype == "Int64"
    assert table["asas_sn_id"].tolist() == [635655234580, 2, 3, 4]
    assert table["status"].tolist() == ["ok", "ok", "no usable points", "ok"]
    assert table["file_points_total"].tolist() == np.diff(batch.offsets).tolist()
    assert table["file_points_kept_after_filter"][2] == 0
    assert table.loc[2, "n_outliers_removed_robust_3sigma"] == 0
    counts = table.columns[table.columns.str.startswith("n_")]
    assert (table.loc[2, counts] == 0).all()
    measured = table.select_dtypes("float").columns
    assert table.loc[2, measured].isna().all()
    assert table.loc[0, measured.difference(["stetson_I"])].notna().all()
    assert pd.isna(table.loc[2, "reference_band"])
    assert table.columns.is_unique


def test_camera_offsets_are_removed_before_measuring_variability(batch):
    row = statistics.star_statistics(batch).iloc[0]
    points = usable_points(batch)
    raw = points.mag[: points.offsets[1]]
    assert raw.std() > 0.3
    assert row["aligned_std_mag"] == pytest.approx(0.02, rel=0.15)
    assert row["variability_reduced_chi2_vs_constant"] == pytest.approx(1.0, abs=0.25)
    assert row["von_neumann_ratio"] == pytest.approx(2.0, abs=0.4)
    assert row["aligned_median_mag"] == pytest.approx(row["median_g_mag"], abs=0.01)
    assert (row["n_cameras"], row["n_channels"], row["n_fields"]) == (3, 3, 1)
    assert row["reference_band"] == "g"


def test_bad_points_count_only_if_asked(batch):
    kept = statistics.star_statistics(batch)["file_points_kept_after_filter"]
    everything = statistics.star_statistics(batch, use_bad_quality=True)[
        "file_points_kept_after_filter"
    ]
    assert (everything - kept).tolist() == [10, 0, batch.offsets[3] - batch.offsets[2], 10]


def test_threads_and_neighbours_change_nothing(batch):
    together = statistics.star_statistics(batch, workers=2)
    alone = [statistics.star_statistics(batch.take([i])) for i in range(len(batch))]
    pd.testing.assert_frame_equal(together, statistics.star_statistics(batch))
    for i, table in enumerate(alone):
        pd.testing.assert_series_equal(together.iloc[i], table.iloc[0], check_names=False)


def test_cameras(batch):
    table = statistics.camera_statistics(batch)
    mine = table[table["asas_sn_id"] == 635655234580].set_index("camera")
    assert mine["band"].to_dict() == {"ba": "g", "be": "g", "bi": "V"}
    points = usable_points(batch)
    first = slice(0, points.offsets[1])
    magnitudes, camera, band = points.mag[first], points.camera[first], points.band[first]
    for code, name in enumerate(["ba", "be", "bi"]):
        median = np.median(magnitudes[camera == code])
        in_band = np.median(magnitudes[band == (code == 2)])
        assert mine.loc[name, "n_points"] == (camera == code).sum()
        assert mine.loc[name, "median_mag"] == pytest.approx(median)
        assert mine.loc[name, "offset_mag"] == pytest.approx(median - in_band)
    assert mine.loc["bi", "offset_mag"] == 0
    assert 3 not in table["asas_sn_id"].tolist()


def test_bands_and_fields(batch):
    bands = statistics.band_statistics(batch)
    assert bands.loc[bands["asas_sn_id"] == 4, "band"].tolist() == ["g", "V"]
    fields = statistics.field_statistics(batch)
    assert fields["field"].tolist() == ["F0001"] * 3
    assert bands["n_points"].sum() == fields["n_points"].sum() == len(usable_points(batch).jd)


def test_seasons_are_split_at_gaps_within_each_star(batch):
    table = statistics.season_statistics(batch)
    points = usable_points(batch)
    for i, asas_sn_id in enumerate(batch.stars["asas_sn_id"]):
        jd = points.jd[points.offsets[i] : points.offsets[i + 1]]
        if not len(jd):
            continue
        parts = np.split(jd, np.flatnonzero(np.diff(jd) > 30.0) + 1)
        mine = table[table["asas_sn_id"] == asas_sn_id]
        assert mine["season"].tolist() == list(range(len(parts)))
        assert mine["n_points"].tolist() == [len(part) for part in parts]
        assert mine["jd_start"].tolist() == [part[0] for part in parts]
        assert mine["jd_end"].tolist() == [part[-1] for part in parts]
    counts = statistics.star_statistics(batch)["n_seasons"]
    assert counts.sum() == len(table)


def test_seasons_show_a_fading_star_but_not_a_camera_change(rng):
    batch = star(rng, n=900)
    seasons = statistics.season_statistics(batch)
    assert np.ptp(seasons["median_mag"]) < 0.01
    fading = batch.mag + ((batch.jd - batch.jd[0]) * 3e-4).astype(np.float32)
    faded = LightCurves(**{**vars(batch), "mag": fading})
    assert statistics.season_statistics(faded)["median_mag"].is_monotonic_increasing
    trend = statistics.star_statistics(faded)["trend_slope_mag_per_day"][0]
    assert trend == pytest.approx(3e-4, rel=0.05)


def test_nights(batch):
    table = statistics.night_statistics(batch)
    counts = table.groupby("asas_sn_id").size()
    summary = statistics.star_statistics(batch).set_index("asas_sn_id")["n_unique_nights"]
    assert counts.to_dict() == summary[summary > 0].to_dict()
    assert (table["time_span_days"] < 0.5).all()


def test_empty_batch():
    empty = LightCurves.empty()
    assert len(statistics.star_statistics(empty)) == 0
    for table in (
        statistics.camera_statistics,
        statistics.band_statistics,
        statistics.field_statistics,
        statistics.season_statistics,
        statistics.night_statistics,
    ):
        assert len(table(empty)) == 0


def test_workers_must_be_positive(batch):
    with pytest.raises(ValueError, match="workers"):
        statistics.star_statistics(batch, workers=0)
